"""A laboratory for the losses of `gan` on the known `densities`: tiny GANs, trained for many seeds in one computation.

Ten networks of 64 neurons, one after the other, spend their time in Python; side by side, as one batched product, they
take hardly longer than one. Every tensor here begins with the axis of the seeds.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from aigc_course.gan.densities import Mixture, RNGs
from aigc_course.gan.losses import (
    LOSSES,
    check_discriminator,
    check_positive,
    check_whole,
    gradient_penalty,
    hint_at_probabilities,
)


@dataclass(frozen=True)
class Recipe:
    """How a GAN of the laboratory is trained; the defaults are the chapter's recipe for the ring of eight."""

    loss: str = "non-saturating"  # a key of gan.LOSSES
    num_steps: int = 800  # one step = d_updates of D, then g_updates of G
    batch_size: int = 64  # real samples, and as many fakes, an update
    g_learning_rate: float = 5e-3  # both fall linearly to 0
    d_learning_rate: float = 1e-2
    optimizer: str = "adam"  # G's: "adam", or "sgd" with momentum 0.5
    noise: float = 0.5  # std of what is added to all that D sees; falls to 0 within the first half
    head_start: int = 0  # steps in which D alone learns, before G begins
    d_updates: int = 1
    g_updates: int = 1

    def __post_init__(self) -> None:
        for name, allowed in (("loss", tuple(LOSSES)), ("optimizer", ("adam", "sgd"))):
            if getattr(self, name) not in allowed:
                raise ValueError(f'{name} "{getattr(self, name)}" is not known; allowed: {", ".join(allowed)}')
        check_whole(1, num_steps=self.num_steps, batch_size=self.batch_size)
        check_whole(1, d_updates=self.d_updates, g_updates=self.g_updates)
        check_whole(0, head_start=self.head_start)
        check_positive(g_learning_rate=self.g_learning_rate, d_learning_rate=self.d_learning_rate)
        if not 0 <= self.noise < math.inf:
            raise ValueError(f"noise {self.noise}: expected a standard deviation, at least 0 and finite")

    def left(self, step: int) -> float:
        """The share of the training that still lies ahead: 1 at step 0 and before, 0 at the end."""
        return 1 - max(step, 0) / self.num_steps

    def noise_std(self, step: int) -> float:
        """Standard deviation of the noise at this step."""
        return self.noise * max(0.0, 2 * self.left(step) - 1)


class SeedLinear(nn.Module):
    """A linear layer for every seed, (seeds, batch, in) -> (seeds, batch, out), initialized like torch's nn.Linear."""

    def __init__(self, num_inputs: int, num_outputs: int, rngs: RNGs, gain: float = 1.0) -> None:
        super().__init__()
        bound = gain / math.sqrt(num_inputs)
        self.weight = nn.Parameter(bound * (2 * rngs.uniform(num_inputs, num_outputs) - 1))  # (seeds, in, out)
        self.bias = nn.Parameter(bound * (2 * rngs.uniform(1, num_outputs) - 1))  # (seeds, 1, out)

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


def multilayer(sizes: Sequence[int], rngs: RNGs, sharpness: float) -> nn.Sequential:
    """Tanh networks, one per seed; the first layer starts `sharpness` times larger, to see smaller details."""
    layers = []
    for index, (num_inputs, num_outputs) in enumerate(pairwise(sizes)):
        layers += [SeedLinear(num_inputs, num_outputs, rngs, gain=1.0 if index else sharpness), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def networks(
    seeds: Sequence[int], *, dim: int = 2, latent_dim: int = 2, width: int = 64, sharpness: float = 3.0
) -> tuple[nn.Sequential, nn.Sequential]:
    """G: z (seeds, batch, latent_dim) -> (seeds, batch, dim), and D: x -> logits (seeds, batch, 1), for every seed."""
    check_whole(1, dim=dim, latent_dim=latent_dim, width=width)
    rngs = RNGs(seeds)
    G = multilayer([latent_dim, width, width, dim], rngs, sharpness)
    D = multilayer([dim, width, width, 1], rngs, sharpness)
    return G, D


def seeds_and_sizes(network: nn.Module) -> tuple[int, int, int]:
    """How many seeds a network is for, and the dimensions of what it takes and gives."""
    first_weight, *_, last_bias = network.parameters()  # (seeds, in, width) ... (seeds, 1, out)
    return len(first_weight), first_weight.shape[1], last_bias.shape[-1]


def latent_dim(G: nn.Module) -> int:
    """Length of the z that G takes."""
    return seeds_and_sizes(G)[1]


def with_noise(x: Tensor, noise_std: float, rngs: RNGs) -> Tensor:
    """x (seeds, count, dim) plus normal noise, "instance noise". Source: Sønderby et al. 2016."""
    return x + noise_std * rngs.normal(*x.shape[1:]) if noise_std else x


def discriminator_step(
    G: nn.Module, D: nn.Module, optimizer: Optimizer, target: Mixture, recipe: Recipe, noise_std: float, rngs: RNGs
) -> float:
    """One update of D; returns its loss, the mean over the seeds."""
    losses, size = LOSSES[recipe.loss], recipe.batch_size
    real = with_noise(target.sample(rngs, size), noise_std, rngs)  # (seeds, batch, dim)
    with torch.no_grad():  # this must not move G
        fake = with_noise(G(rngs.normal(size, latent_dim(G))), noise_std, rngs)
    real_logits, fake_logits = D(torch.cat([real, fake], dim=1)).chunk(2, dim=1)
    d_loss = losses.discriminator(real_logits, fake_logits)
    if losses.penalty:
        d_loss = d_loss + losses.penalty * gradient_penalty(D, real, fake, rngs.uniform(size, 1))
    optimizer.zero_grad()
    (d_loss * len(real)).backward()  # mean · seeds = sum: each seed on its own
    optimizer.step()
    return d_loss.item()


def generator_step(
    G: nn.Module, D: nn.Module, optimizer: Optimizer, recipe: Recipe, noise_std: float, rngs: RNGs
) -> float:
    """One update of G; returns its loss, the mean over the seeds."""
    D.requires_grad_(False)  # the gradient goes through D, not into it
    fake = with_noise(G(rngs.normal(recipe.batch_size, latent_dim(G))), noise_std, rngs)
    g_loss = LOSSES[recipe.loss].generator(D(fake))
    optimizer.zero_grad()
    (g_loss * len(fake)).backward()
    optimizer.step()
    D.requires_grad_(True)
    return g_loss.item()


def optimizers(G: nn.Module, D: nn.Module, recipe: Recipe) -> tuple[Optimizer, Optimizer]:
    """G's and D's."""
    betas = (0.5, 0.9)  # shorter memories than Adam's usual ones: the opponent moves
    d_optimizer = torch.optim.Adam(D.parameters(), recipe.d_learning_rate, betas=betas, fused=True)
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(G.parameters(), recipe.g_learning_rate, momentum=0.5), d_optimizer
    return torch.optim.Adam(G.parameters(), recipe.g_learning_rate, betas=betas, fused=True), d_optimizer


def check_players(G: nn.Module, D: nn.Module, target: Mixture, seeds: Sequence[int]) -> None:
    """ValueError when the networks do not fit each other, the target or the seeds, or when D gives no logits."""
    check_discriminator(D)
    (g_seeds, _, g_dim), (d_seeds, d_dim, _) = seeds_and_sizes(G), seeds_and_sizes(D)
    num_seeds, dims = {g_seeds, d_seeds}, {g_dim, d_dim}
    if num_seeds != {len(seeds)}:
        raise ValueError(f"{len(seeds)} seeds, but networks for {sorted(num_seeds)}; give networks() the same seeds")
    if dims != {target.dim}:
        raise ValueError(f"the target has {target.dim} dimensions, the networks {sorted(dims)}; use networks(dim=...)")
    hint_at_probabilities(D, target.means.expand(len(seeds), -1, -1))


def gan_steps(
    G: nn.Module, D: nn.Module, target: Mixture, recipe: Recipe, seeds: Sequence[int]
) -> Iterator[dict[str, float]]:
    """Train G and D of every seed in place; yield {"d_loss", "g_loss"}, means over the seeds, after each step."""
    check_players(G, D, target, seeds)
    rngs = RNGs([seed + 500_000 for seed in seeds])  # not the random numbers used for the weights
    g_optimizer, d_optimizer = optimizers(G, D, recipe)
    for step in range(-recipe.head_start, recipe.num_steps):
        d_optimizer.param_groups[0]["lr"] = recipe.d_learning_rate * recipe.left(step)
        g_optimizer.param_groups[0]["lr"] = recipe.g_learning_rate * recipe.left(step)
        for _ in range(recipe.d_updates):
            d_loss = discriminator_step(G, D, d_optimizer, target, recipe, recipe.noise_std(step), rngs)
        if step < 0:
            continue
        for _ in range(recipe.g_updates):
            g_loss = generator_step(G, D, g_optimizer, recipe, recipe.noise_std(step), rngs)
        yield {"d_loss": d_loss, "g_loss": g_loss}


def trained(target: Mixture, recipe: Recipe, seeds: Sequence[int], **sizes: Any) -> tuple[nn.Sequential, nn.Sequential]:
    """G and D of every seed after the whole training run; `sizes` as in `networks`."""
    G, D = networks(seeds, dim=target.dim, **sizes)
    for _ in gan_steps(G, D, target, recipe, seeds):
        pass
    return G, D


@torch.no_grad()
def sample(G: nn.Module, count: int, seed: int = 1_000_000) -> Tensor:
    """(seeds, count, dim) generated samples; the networks share their z, drawn with `seed`."""
    check_whole(1, count=count)
    z = RNGs([seed]).normal(count, latent_dim(G))  # (1, count, latent_dim)
    return G(z.expand(seeds_and_sizes(G)[0], -1, -1))


def generator_gradients(G: nn.Module, D: nn.Module, loss: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """Length of the gradient of a generator loss with respect to all weights of G, one for each seed: (seeds,).

    z: (seeds, count, latent_dim)
    """
    gradients = torch.autograd.grad(loss(D(G(z))) * len(z), list(G.parameters()))
    return torch.stack([gradient.flatten(1).double().square().sum(dim=1) for gradient in gradients]).sum(dim=0).sqrt()
