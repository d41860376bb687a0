"""Checks of the exercises on a GAN's workflow: what a loss may move, the order of updates, a spiral, when to stop."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aigc_course.kit.practice.checks import Wrong, call, close, number, numbers


@dataclass(frozen=True)
class _Part:
    """A function to hand to a learner's: equal to another of its name, and never copied."""

    name: str
    function: Callable = field(compare=False)

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def __deepcopy__(self, memo: dict) -> "_Part":
        return self


def _d_slope(x: float, y: float) -> float:
    return x * (1 + 0.1 * y * y)


def _g_slope(x: float, y: float) -> float:
    return -y + 0.2 * x * y


def check_detached_loss(yours: Callable[[Callable, Callable, Callable], Any]) -> None:
    """`yours(make_real, make_fakes, judge)` is L_D as a tensor whose gradient reaches D's weights and not G's."""
    import torch

    from aigc_course.gan.losses import discriminator_loss, generator_loss

    torch_rng = torch.Generator().manual_seed(5)
    z, real = torch.randn(12, 2, generator=torch_rng), torch.randn(12, 2, generator=torch_rng)
    G, D = torch.randn(2, 2, generator=torch_rng), torch.randn(2, 1, generator=torch_rng)
    real_logits, fake_logits = real @ D.requires_grad_(), (z @ G) @ D
    expected = discriminator_loss(real_logits, fake_logits)
    (slope,) = torch.autograd.grad(expected, D, retain_graph=True)

    G.requires_grad_()
    parts = {"make_real": lambda: real, "make_fakes": lambda: z @ G, "judge": lambda points: points @ D}
    loss = call(yours, *(_Part(name, function) for name, function in parts.items()))
    if not isinstance(loss, torch.Tensor):
        raise Wrong("not_tensor", kind=type(loss).__name__)
    if loss.numel() != 1:
        raise Wrong("not_one_number", expected=(), got=tuple(loss.shape))
    if not close(loss.item(), expected.item()):
        real_only, g_loss = -torch.nn.functional.logsigmoid(real_logits).mean(), generator_loss(fake_logits)
        causes = {
            "sign": -expected,
            "half": expected / 2,
            "real_only": real_only,
            "generator": g_loss,
            "exchanged": discriminator_loss(fake_logits, real_logits),
        }
        cause = next((key for key, value in causes.items() if close(loss.item(), value.item())), "value")
        raise Wrong(cause, expected=expected.item(), got=loss.item())
    if not loss.requires_grad:
        raise Wrong("no_graph")
    loss.backward()
    if G.grad is not None and G.grad.abs().max() > 0:
        raise Wrong("reaches_g")
    if D.grad is None or not torch.allclose(D.grad, slope, rtol=1e-4, atol=1e-6):
        raise Wrong("verdict_detached")


def check_alternating_round(yours: Callable[[float, float, Callable, Callable, float], Any]) -> None:
    """`yours(x, y, d_slope, g_slope, rate)` is (x, y) after D's step and then G's, each down its own slope."""
    rng = np.random.default_rng(6)

    for _ in range(3):
        x, y, rate = [*rng.uniform(0.5, 1.5, 2).tolist(), float(rng.uniform(0.1, 0.4))]
        new_y, new_x = y - rate * _d_slope(x, y), x - rate * _g_slope(x, y)  # each from the old values
        expected = (x - rate * _g_slope(x, new_y), new_y)
        got = tuple(numbers(call(yours, x, y, _d_slope, _g_slope, rate), (2,)).tolist())
        if close(got, expected):
            continue
        up_y = y + rate * _d_slope(x, y)
        causes = {
            "simultaneous": (new_x, new_y),
            "g_first": (new_x, y - rate * _d_slope(new_x, y)),
            "uphill": (x + rate * _g_slope(x, up_y), up_y),
            "exchanged": expected[::-1],
        }
        cause = next((key for key, value in causes.items() if close(got, value)), "value")
        raise Wrong(cause, expected=expected, got=got, x=x, y=y, rate=rate)


def check_rounds_to_double(yours: Callable[[float], Any]) -> None:
    """`yours(rate)` is the first round at which the simultaneous players are twice as far from the origin."""
    for rate in (0.2, 0.5, 0.05, 1.0):  # at 1.0 they are at exactly 2 in round 2
        exact = 2 * math.log(2) / math.log(1 + rate * rate)
        expected, got = math.ceil(exact - 1e-9), number(call(yours, rate))
        if got == expected:
            continue
        causes = {
            "not_whole": (exact,),
            "no_root": (math.ceil(exact / 2 - 1e-9), exact / 2),
            "not_squared": (math.ceil(math.log(2) / math.log(1 + rate) - 1e-9), math.log(2) / math.log(1 + rate)),
            "one_off": (expected - 1, expected + 1),
        }
        cause = next((key for key, values in causes.items() if any(close(got, value) for value in values)), "value")
        raise Wrong(cause, rate=rate, expected=expected, got=got)


def check_patience_stop(yours: Callable[[np.ndarray, int], Any]) -> None:
    """`yours(kl, patience)` is (measurement at which to stop, measurement to keep)."""
    cases = (
        ([4.0, 3.0, 1.0, 1.2, 1.1, 0.9, 1.0, 1.3, 1.2, 1.25, 0.4, 0.6], 3),
        ([4.0, 2.0, 2.5, 2.4, 2.3, 2.2, 1.0], 2),
        ([3.0, 3.1, 2.0, 2.1, 1.0, 1.1, 0.5], 2),  # it never stands still: the last one
        ([2.0, 1.0, 1.0, 1.0, 1.0], 2),  # as low as before is no progress
    )
    for values, patience in cases:
        kl = np.array(values)
        expected = _patient(values, patience)
        got = tuple(int(v) for v in numbers(call(yours, kl, patience), (2,)))
        if got == expected:
            continue
        causes = {
            "keeps_last": (expected[0], expected[0]),
            "looks_ahead": (expected[0], int(kl.argmin())),
            "exchanged": expected[::-1],
            "late": _patient(values, patience + 1),
            "no_patience": _patient(values, 1),
            "previous": _impatient(values, patience),
            "ties": _patient(values, patience, ties=True),
        }
        cause = next((key for key, value in causes.items() if got == value), "value")
        raise Wrong(cause, kl=values, patience=patience, expected=expected, got=got)


def _patient(kl: list[float], patience: int, *, ties: bool = False) -> tuple[int, int]:
    """The right answer; with `ties`, an equal value counts as progress."""
    best = 0
    for now, value in enumerate(kl):
        if value < kl[best] or (ties and value == kl[best]):
            best = now
        if now - best >= patience:
            return now, best
    return len(kl) - 1, best


def _impatient(kl: list[float], patience: int) -> tuple[int, int]:
    """Each value compared with the one before it instead of the lowest so far."""
    since = 0
    for now in range(1, len(kl)):
        since = 0 if kl[now] < kl[now - 1] else since + 1
        if since >= patience:
            return now, int(np.argmin(kl[: now + 1]))
    return len(kl) - 1, int(np.argmin(kl))
