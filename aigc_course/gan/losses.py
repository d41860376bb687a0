"""Losses of generative adversarial networks, on logits: five pairs (D, G), each written like its formula.

D(x) in the formulas is a probability; the functions take the number before the sigmoid, the logit, because
log(sigmoid(a)) overflows in the wrong places and logsigmoid(a) does not.
"""

import math
import warnings
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SQUASHING = (nn.Sigmoid, nn.Hardsigmoid, nn.LogSigmoid, nn.Softmax, nn.LogSoftmax, nn.Tanh)


def check_logits(**named: Tensor) -> None:
    """Refuse logits that would spoil training in silence.

    named: logits under the names to use in messages, all of one shape
    Raises TypeError for what is no tensor of floats; ValueError for different shapes, no elements, NaN or infinity.
    Under torch.compile nothing is checked.
    """
    if torch.compiler.is_compiling():
        return
    for name, logits in named.items():
        if not isinstance(logits, Tensor) or not logits.is_floating_point():
            kind = logits.dtype if isinstance(logits, Tensor) else type(logits).__name__
            raise TypeError(f"{name} must be a tensor of floats, not {kind}; D's last linear layer gives one")
        if not torch.isfinite(logits).all():
            bad = logits.numel() - int(torch.isfinite(logits).sum())
            raise ValueError(
                f"{name}: {bad} of {logits.numel()} are NaN or infinite. The training has diverged (lower the learning "
                "rate) or its input was not finite (look for a division by 0 or the log of 0)"
            )
    shapes = {name: tuple(logits.shape) for name, logits in named.items()}
    if len(set(shapes.values())) > 1 or 0 in {logits.numel() for logits in named.values()}:
        pairs = " and ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"{pairs}: expected equal shapes with at least one element; take as many fakes as real ones")


def check_whole(least: int, **named: Any) -> None:
    """ValueError unless all numbers, given under the names to use in messages, are whole and not below `least`."""
    for name, value in named.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name} {value}: expected a whole number of at least {least}")


def check_positive(**named: Any) -> None:
    """ValueError unless all numbers, given under the names to use in messages, are finite and above 0."""
    for name, value in named.items():
        if not isinstance(value, Real) or not 0 < float(value) < math.inf:
            raise ValueError(f"{name} {value}: expected a finite number above 0")


def check_discriminator(discriminator: nn.Module) -> None:
    """ValueError for a discriminator whose last layer squashes its output: these losses expect logits."""
    if not isinstance(discriminator, nn.Module):
        raise TypeError(f"the discriminator must be an nn.Module, not {type(discriminator).__name__}")
    layers = [module for module in discriminator.modules() if not any(module.children())]
    if layers and isinstance(layers[-1], SQUASHING):
        raise ValueError(
            f"the discriminator ends in {layers[-1]}; these losses expect logits, any number from -inf to inf, and "
            "apply the sigmoid themselves. Leave that layer off: the last linear layer is the end"
        )


@torch.no_grad()
def hint_at_probabilities(judge: Callable[[Tensor], Tensor], samples: Tensor) -> None:
    """Warn of a discriminator whose answers look like probabilities, wherever in it the sigmoid may be.

    Logits leave 0..1 somewhere, at the latest far away from the data; probabilities never do. A hint, no proof: a
    network of bounded layers with a bias may keep its logits there, too.

    judge:   D, samples -> one number each, in a mode in which a look changes nothing
    samples: (..., batch, dim) or images, any that D can take
    """
    answers = torch.stack([judge(scale * samples) for scale in (-100, -1, 1, 100)])
    if bool(((answers >= 0) & (answers <= 1)).all()) and answers.min() < answers.max():
        warnings.warn(
            f"the discriminator's answers lie in {answers.min():.3g} .. {answers.max():.3g} for samples of any size, "
            "as probabilities do; these losses expect logits, any number from -inf to inf, and apply the sigmoid "
            "themselves. Leave off whatever keeps its output in 0..1",
            stacklevel=2,
        )


def check_latent(z: Tensor, latent_dim: int) -> None:
    """ValueError unless z is (batch, latent_dim), which the first layer would say less clearly."""
    if not isinstance(z, Tensor) or z.dim() != 2 or z.shape[1] != latent_dim:
        kind = tuple(z.shape) if isinstance(z, Tensor) else type(z).__name__
        raise ValueError(f"z {kind}: expected (batch, {latent_dim}), one vector of noise for each image")


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """L_D = -(E[log D(x)] + E[log(1 - D(G(z)))]), D = sigmoid(logit); equal shapes -> (). Source: section 4.3."""
    check_logits(real_logits=real_logits, fake_logits=fake_logits)
    return -(F.logsigmoid(real_logits).mean() + F.logsigmoid(-fake_logits).mean())


def generator_loss(fake_logits: Tensor) -> Tensor:
    """L_G = -E[log D(G(z))], the non-saturating loss; any shape -> (). Source: section 4.3."""
    check_logits(fake_logits=fake_logits)
    return -F.logsigmoid(fake_logits).mean()


def saturating_generator_loss(fake_logits: Tensor) -> Tensor:
    """E[log(1 - D(G(z)))], the generator's side of the minimax game. Source: Goodfellow et al. 2014, equation 1."""
    check_logits(fake_logits=fake_logits)
    return F.logsigmoid(-fake_logits).mean()


def least_squares_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """1/2 E[(D(x) - 1)²] + 1/2 E[D(G(z))²], with D = logit. Source: Mao et al. 2017, equation 9."""
    check_logits(real_logits=real_logits, fake_logits=fake_logits)
    return ((real_logits - 1) ** 2).mean() / 2 + (fake_logits**2).mean() / 2


def least_squares_generator_loss(fake_logits: Tensor) -> Tensor:
    """1/2 E[(D(G(z)) - 1)²], with D = logit. Source: Mao et al. 2017, equation 9."""
    check_logits(fake_logits=fake_logits)
    return ((fake_logits - 1) ** 2).mean() / 2


def hinge_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))], with D = logit. Source: Lim and Ye 2017."""
    check_logits(real_logits=real_logits, fake_logits=fake_logits)
    return F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean()


def wasserstein_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E[D(G(z))] - E[D(x)], with D = logit; needs `gradient_penalty`. Source: Arjovsky et al. 2017."""
    check_logits(real_logits=real_logits, fake_logits=fake_logits)
    return fake_logits.mean() - real_logits.mean()


def raising_generator_loss(fake_logits: Tensor) -> Tensor:
    """-E[D(G(z))], with D = logit: G's side of the hinge and of the Wasserstein loss."""
    check_logits(fake_logits=fake_logits)
    return -fake_logits.mean()


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """E[(|grad D(x)| - 1)²] at points x between real and fake samples. Source: Gulrajani et al. 2017.

    real, fake: (..., dim)   equal shapes
    share:      (..., 1)     uniform in 0..1: x = share·real + (1 - share)·fake
    """
    check_pairs(real, fake, share)
    points = (share * real.detach() + (1 - share) * fake.detach()).requires_grad_()
    (slopes,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)  # (..., dim)
    return ((slopes.norm(dim=-1) - 1) ** 2).mean()


def check_pairs(real: Tensor, fake: Tensor, share: Tensor) -> None:
    """ValueError unless there is a share in 0..1 for each pair of a real and a fake sample."""
    if real.shape != fake.shape:
        raise ValueError(f"real {tuple(real.shape)} and fake {tuple(fake.shape)}: expected equal shapes, to pair them")
    if share.shape != (*real.shape[:-1], 1) or not bool(((share >= 0) & (share <= 1)).all()):
        raise ValueError(f"share {tuple(share.shape)}: expected {(*real.shape[:-1], 1)}, numbers in 0..1, one per pair")


class Losses(NamedTuple):
    """One pair: what D minimizes, what G minimizes, and the weight of the gradient penalty on D."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    penalty: float = 0.0


LOSSES = {
    "non-saturating": Losses(discriminator_loss, generator_loss),
    "saturating": Losses(discriminator_loss, saturating_generator_loss),
    "least squares": Losses(least_squares_discriminator_loss, least_squares_generator_loss),
    "hinge": Losses(hinge_discriminator_loss, raising_generator_loss),
    "Wasserstein": Losses(wasserstein_discriminator_loss, raising_generator_loss, penalty=0.1),  # 0.1: their toy data
}
