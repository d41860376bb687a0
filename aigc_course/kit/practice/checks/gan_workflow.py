"""Checks of the exercises on a GAN's workflow: what a loss may move, the order of updates, a spiral, when to stop."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aigc_course.kit.practice.checks import Function, Wrong, call, check_cases, close, named_mistake
from aigc_course.kit.practice.exercises import Crashed


@dataclass(frozen=True)
class _Part:
    """A function to hand to a learner's: equal to another of its name and seed, and never copied."""

    name: str
    seed: int
    function: Callable = field(compare=False)

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def __deepcopy__(self, memo: dict) -> "_Part":
        return self


def check_detached_loss(yours: Function) -> None:
    """`yours(make_real, make_fakes, judge)` is L_D as a tensor whose gradient reaches D's weights and not G's."""
    import torch

    from aigc_course.gan.losses import discriminator_loss

    weights, cases = [], []
    for seed, batch in ((5, 12), (6, 7)):
        torch_rng = torch.Generator().manual_seed(seed)
        z, real = torch.randn(batch, 2, generator=torch_rng), torch.randn(batch, 2, generator=torch_rng)
        G, D = torch.randn(2, 2, generator=torch_rng), torch.randn(2, 1, generator=torch_rng)
        G.requires_grad_()
        D.requires_grad_()
        functions = {
            "make_real": lambda real=real: real,
            "make_fakes": lambda z=z, G=G: z @ G,
            "judge": lambda points, D=D: points @ D,
        }
        weights.append((G, D))
        cases.append(tuple(_Part(name, seed, function) for name, function in functions.items()))
    for at, ((G, D), (make_real, make_fakes, judge)) in enumerate(zip(weights, cases, strict=True)):
        expected = discriminator_loss(judge(make_real()), judge(make_fakes()))
        (slope,) = torch.autograd.grad(expected, D)
        loss = call(yours, *cases[at])
        if not isinstance(loss, torch.Tensor):
            raise Wrong("not_tensor", kind=type(loss).__name__)
        if loss.numel() != 1:
            raise Wrong("not_one_number", expected=(), got=tuple(loss.shape))
        if not close(loss.reshape(()), expected):
            cause = named_mistake("03_3.detached_loss", yours, cases, at) or "value"
            raise Wrong(cause, expected=expected.item(), got=loss.item())
        if not loss.requires_grad:
            raise Wrong("no_graph")
        loss.backward()
        if G.grad is not None and G.grad.abs().max() > 0:
            raise Wrong("reaches_g")
        if D.grad is None or not close(D.grad, slope):
            raise Wrong("verdict_detached")


@dataclass(frozen=True)
class _Slope:
    """A slope that depends on both numbers."""

    by_x: float
    by_y: float
    by_xy: float = 0.0
    by_xyy: float = 0.0

    def __call__(self, x: float, y: float) -> float:
        return self.by_x * x + self.by_y * y + self.by_xy * x * y + self.by_xyy * x * y * y


def check_alternating_round(yours: Function) -> None:
    """`yours(x, y, d_slope, g_slope, rate)` is (x, y) after D's step and then G's, each down its own slope."""
    rng = np.random.default_rng(6)
    slopes = [
        (_Slope(1, 0, by_xyy=0.1), _Slope(0, -1, by_xy=0.2)),
        (_Slope(1, 0.3), _Slope(0.1, -2)),
        (_Slope(2, 0, by_xyy=0.2), _Slope(0, -1, by_xy=0.1)),
    ]
    cases = [(*rng.uniform(0.5, 1.5, 2).tolist(), *both, float(rng.uniform(0.1, 0.4))) for both in slopes]
    check_cases("03_3.alternating_round", yours, cases)


def check_rounds_to_double(yours: Function) -> None:
    """`yours(rate)` is the first round at which the simultaneous players are twice as far from the origin."""
    cases = [(rate,) for rate in (0.2, 0.5, 0.05, 1.0)]  # at 1.0 they are at exactly 2 in round 2
    check_cases("03_3.rounds_to_double", yours, cases, guess=lambda its: {"one_off": abs(its.got - its.expected) == 1})


def check_patience_stop(yours: Function) -> None:
    """`yours(kl, patience)` is (measurement at which to stop, measurement to keep)."""
    cases = (
        ([4.0, 3.0, 1.0, 1.2, 1.1, 0.9, 1.0, 1.3, 1.2, 1.25, 0.4, 0.6], 3),
        ([4.0, 2.0, 2.5, 2.4, 2.3, 2.2, 1.0], 2),
        ([3.0, 3.1, 2.0, 2.1, 1.0, 1.1, 0.5], 2),  # it never stands still: the last one
        ([2.0, 1.0, 1.0, 1.0, 1.0], 2),  # as low as before is no progress
        ([2.0, 2.0, 2.0, 2.0], 2),
        ([3.0, 1.0, 2.0], 2),  # the end comes first
    )
    check_cases("03_3.patience_stop", yours, [(np.array(values), patience) for values, patience in cases])


MOST_DRAWN = 40_000  # real points for one training
NUM_SAMPLES = 4000
FEW = 4  # of the samples that may be equal to a real point


class _Source:
    """Draws the real points of one training and remembers them; handed to a learner's function, and never copied."""

    def __init__(self, target: Any, rngs: Any) -> None:
        self.target, self.rngs, self.drawn, self.closed = target, rngs, [], False

    def __call__(self, count: int) -> Any:
        if self.closed:
            raise RuntimeError("training is over: a generator makes its points from noise alone")
        self.drawn.append(self.target.sample(self.rngs, count)[0])
        return self.drawn[-1].clone()

    def __deepcopy__(self, memo: dict) -> "_Source":
        return self


def score_own_density(yours: Function) -> float:
    """KL of the points of `yours(draw_real)`, a generator, to nine Gaussians on a grid: the mean of three trainings."""
    import torch

    from aigc_course.gan.densities import Mixture, RNGs, kl_to_target, mode_shares

    line, scores = torch.tensor([-1.6, 0.0, 1.6]), []
    target = Mixture(torch.cartesian_prod(line, line), 0.12)
    for seed in (101, 102, 103):
        source, noise = _Source(target, RNGs([seed])), RNGs([seed + 1000]).normal(NUM_SAMPLES, 2)[0]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            generator = call(yours, source)
        source.closed = True
        if not callable(generator):
            raise Wrong("no_generator", kind=type(generator).__name__)
        drawn = sum(map(len, source.drawn))
        if drawn > MOST_DRAWN:
            raise Wrong("too_many", drawn=drawn, most=MOST_DRAWN)
        try:
            with torch.no_grad():
                points = generator(noise)
        except Exception as error:
            raise Crashed(error) from error
        if not isinstance(points, torch.Tensor) or points.shape != noise.shape:
            raise Wrong("shape", expected=tuple(noise.shape), got=tuple(getattr(points, "shape", ())))
        if not torch.isfinite(points).all():
            raise Wrong("diverged")
        known = {row.tobytes() for batch in source.drawn for row in batch.numpy()}
        copies = sum(row.tobytes() in known for row in points.float().numpy())
        if copies > FEW:
            raise Wrong("copied", copies=copies)
        scores.append(float(kl_to_target(mode_shares(points, target), target)))
    return float(np.mean(scores))
