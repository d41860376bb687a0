"""DP-SGD: training that no single example can change by much, and what that is worth as (epsilon, delta).

Each example's gradient is clipped to one length, the sum gets noise of that length's order, and batches are drawn so
that chance decides who is in them. Sources: Abadi et al. 2016, "Deep Learning with Differential Privacy"; Mironov,
Talwar, Zhang 2019, "Renyi Differential Privacy of the Sampled Gaussian Mechanism"; the last step from
Balle et al. 2020.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import logsumexp
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from aigc_course.text.arguments import check_whole, is_number

Loss = Callable[[Tensor, Tensor], Tensor]  # outputs (1, ...), target (1,) -> a number
ORDERS = (*np.arange(1.1, 11, 0.1).tolist(), *range(11, 65), 80, 128, 256)  # of Renyi's divergence
GRID, REACH = 4000, 15  # points of a sum in place of an integral; how many deviations it goes beyond the mass
TINY = 1e-6  # added to a length before dividing by it, as Opacus does


@dataclass(frozen=True)
class PrivateConfig:
    """Settings of DP-SGD; ValueError for one out of range."""

    num_steps: int
    batch_size: int  # expected: each example is in a batch with probability batch_size / n, independently
    noise_multiplier: float  # standard deviation of the noise, in units of max_norm; 0: no privacy (epsilon infinite)
    max_norm: float = 1.0  # length to which each example's gradient is clipped
    learning_rate: float = 0.5
    momentum: float = 0.0

    def __post_init__(self) -> None:
        check_whole("num_steps", self.num_steps, "it is how often the weights are changed")
        check_whole("batch_size", self.batch_size, "it is the expected number of examples of a batch")
        check_noise(self.noise_multiplier)
        for name, least in (("max_norm", 0), ("learning_rate", 0)):
            value = getattr(self, name)
            if not is_number(value) or not least < value < math.inf:
                raise ValueError(f"{name} {value!r}: expected a number above {least}")
        if not is_number(self.momentum) or not 0 <= self.momentum < 1:
            raise ValueError(f"momentum {self.momentum!r}: expected a number in [0, 1)")


def per_example_gradients(model: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor) -> list[Tensor]:
    """The gradient of each example alone: for each weight that is trained, (batch, *its shape).

    A layer that mixes examples, such as batch normalization, has no such gradients, and is refused (ValueError).
    """
    mixing = [name for name, layer in model.named_modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    if mixing:
        raise ValueError(f"{mixing[0]} mixes the examples of a batch, so none has a gradient of its own; use GroupNorm")
    trained = {name: weight.detach() for name, weight in model.named_parameters() if weight.requires_grad}
    fixed = {name: weight.detach() for name, weight in model.named_parameters() if not weight.requires_grad}

    def loss_of_one(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return loss(functional_call(model, {**fixed, **weights}, (x[None],)), y[None])

    found = vmap(grad(loss_of_one), in_dims=(None, 0, 0))(trained, inputs, targets)
    return [found[name] for name in trained]


def clipped_noisy_gradient(
    gradients: list[Tensor],
    max_norm: float,
    noise_multiplier: float,
    batch_size: int,
    generator: torch.Generator | None = None,
) -> list[Tensor]:
    """(sum of clipped gradients + noise) / batch_size, of the weights' shapes.

    gradients:  for each weight (batch, *shape), see `per_example_gradients`; the batch may be empty
    max_norm:   an example's whole gradient, over all weights, is shortened to this length if it is longer
    noise:      normal, standard deviation noise_multiplier * max_norm, for each number
    batch_size: the expected one, as the real one would tell who took part
    """
    check_noise(noise_multiplier)
    squares = torch.stack([each.flatten(1).square().sum(1) for each in gradients])  # (weights, batch)
    factors = (max_norm / (squares.sum(0).sqrt() + TINY)).clamp(max=1.0)  # (batch,)
    noisy = []
    for each in gradients:
        total = torch.einsum("b,b...->...", factors, each)
        if noise_multiplier:
            deviation = noise_multiplier * max_norm
            total = total + deviation * torch.randn(total.shape, generator=generator, dtype=total.dtype)
        noisy.append(total / batch_size)
    return noisy


def train_privately(
    model: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor, config: PrivateConfig, seed: int
) -> Iterator[int]:
    """Train in place by DP-SGD; yields the number of each finished step. Same seed, same weights, on one machine.

    inputs, targets: (n, ...), (n, ...) all examples, n at least the batch size
    """
    n = len(inputs)
    if len(targets) != n or n < config.batch_size:
        raise ValueError(f"{n} inputs, {len(targets)} targets: expected equally many, at least {config.batch_size}")
    generator = torch.Generator().manual_seed(seed)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.SGD(weights, config.learning_rate, config.momentum)
    for step in range(config.num_steps):
        drawn = torch.rand(n, generator=generator) < config.batch_size / n
        gradients = per_example_gradients(model, loss, inputs[drawn], targets[drawn])
        noisy = clipped_noisy_gradient(
            gradients, config.max_norm, config.noise_multiplier, config.batch_size, generator
        )
        for weight, gradient in zip(weights, noisy, strict=True):
            weight.grad = gradient
        optimizer.step()
        yield step


def epsilon(noise_multiplier: float, sample_rate: float, num_steps: int, delta: float) -> float:
    """The epsilon that DP-SGD guarantees at this delta; infinity without noise.

    sample_rate: probability with which an example is in a batch, in (0, 1];  delta: in (0, 1), well below 1 / examples
    Renyi divergences of one step add up over the steps; each order gives an epsilon, and the smallest holds.
    """
    check_noise(noise_multiplier)
    check_whole("num_steps", num_steps, "it is how often the data were looked at")
    if not is_number(sample_rate) or not 0 < sample_rate <= 1:
        raise ValueError(f"sample_rate {sample_rate!r}: expected a probability in (0, 1]")
    if not is_number(delta) or not 0 < delta < 1:
        raise ValueError(f"delta {delta!r}: expected a number between 0 and 1, well below 1 / number of examples")
    if noise_multiplier == 0:
        return math.inf
    found = []
    for order in ORDERS:
        divergence = num_steps * renyi_divergence(noise_multiplier, sample_rate, order)
        found.append(divergence + math.log1p(-1 / order) - (math.log(delta) + math.log(order)) / (order - 1))
    return max(0.0, min(found))


def renyi_divergence(noise_multiplier: float, sample_rate: float, order: float) -> float:
    """Of one step with and without one example, for an order above 1:

    log E[((1 - q) + q exp((2 z - 1) / (2 sigma^2))) ^ order] / (order - 1), z normal with mean 0 and deviation sigma

    The integral is summed on a grid, in logarithms; so smooth a function needs no more.
    """
    q, sigma = sample_rate, noise_multiplier
    if q == 1:
        return order / (2 * sigma**2)
    z, step = np.linspace(-REACH * sigma, order + REACH * sigma, GRID, retstep=True)  # its mass lies near 0 and `order`
    log_ratio = np.logaddexp(math.log1p(-q), math.log(q) + (2 * z - 1) / (2 * sigma**2))
    log_normal = -(z**2) / (2 * sigma**2) - math.log(sigma * math.sqrt(2 * math.pi))
    return max(0.0, float(logsumexp(order * log_ratio + log_normal) + math.log(step)) / (order - 1))


def check_noise(noise_multiplier: float) -> None:
    """ValueError for a negative or infinite amount of noise."""
    if not is_number(noise_multiplier) or not 0 <= noise_multiplier < math.inf:
        raise ValueError(f"noise_multiplier {noise_multiplier!r}: expected 0 (no privacy) or more; 1 is usual")
