"""Losses of generative adversarial networks, on logits: five pairs (D, G), each written like its formula.

D(x) in the formulas is a probability; the functions take the number before the sigmoid, the logit, because
log(sigmoid(a)) overflows in the wrong places and logsigmoid(a) does not.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

RESHAPING = ("View", "UnsafeView", "Reshape", "Squeeze", "Unsqueeze", "Split", "Slice", "Select")  # leave values alone
SQUASHING = (nn.Sigmoid, nn.Hardsigmoid, nn.LogSigmoid, nn.Softmax, nn.LogSoftmax, nn.Tanh)


def check_logits(**named: Tensor) -> None:
    """Refuse logits that would spoil training in silence.

    named: logits under the names to use in messages, all of one shape
    Raises TypeError for what is no tensor of floats; ValueError for different shapes, no elements, NaN or infinity, and
    for the output of a sigmoid. Under torch.compile nothing is checked.
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
        if comes_from_sigmoid(logits):
            raise ValueError(
                f"{name} come out of a sigmoid, so they are probabilities; these losses expect logits and apply the "
                "sigmoid themselves. Take the sigmoid off the end of the discriminator"
            )
    shapes = {name: tuple(logits.shape) for name, logits in named.items()}
    if len(set(shapes.values())) > 1 or 0 in {logits.numel() for logits in named.values()}:
        said = " and ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"{said}: expected equal shapes with at least one element; take as many fakes as real ones")


def comes_from_sigmoid(x: Tensor) -> bool:
    """Whether x, reshaped or cut perhaps, was computed by a sigmoid; known only where gradients are recorded."""
    node = x.grad_fn
    while node is not None and type(node).__name__.startswith(RESHAPING):
        node = node.next_functions[0][0]
    return type(node).__name__ == "SigmoidBackward0"


def check_discriminator(discriminator: nn.Module) -> None:
    """ValueError for a discriminator whose last layer squashes its output: these losses expect logits."""
    layers = [module for module in discriminator.modules() if not any(module.children())]
    if layers and isinstance(layers[-1], SQUASHING):
        raise ValueError(
            f"the discriminator ends in {layers[-1]}; these losses expect logits, any number from -inf to inf, and "
            "apply the sigmoid themselves. Leave that layer off: the last linear layer is the end"
        )


def check_latent(z: Tensor, latent_dim: int) -> None:
    """ValueError unless z is (batch, latent_dim), which the first layer would say less clearly."""
    if z.dim() != 2 or z.shape[1] != latent_dim:
        raise ValueError(f"z {tuple(z.shape)}: expected (batch, {latent_dim}), one vector of noise for each image")


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
    if real.shape != fake.shape:
        raise ValueError(f"real {tuple(real.shape)} and fake {tuple(fake.shape)}: expected equal shapes, to pair them")
    points = (share * real.detach() + (1 - share) * fake.detach()).requires_grad_()
    (slopes,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)  # (..., dim)
    return ((slopes.norm(dim=-1) - 1) ** 2).mean()


class Losses(NamedTuple):
    """One pair: what D minimises, what G minimises, and the weight of the gradient penalty on D."""

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
