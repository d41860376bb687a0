"""Densities that are known exactly: what an optimal discriminator makes of them, and how well samples meet them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from aigc_course.gan.losses import check_positive, check_whole

RADIUS = 3.0  # a sample belongs to a mode if it lies within so many standard deviations of its center


class RNGs:
    """Random number generators, one for each seed: numbers for all seeds at once, (seeds, *shape).

    So what seed 3 draws is the same whether it is alone or one of ten. ("Generator" alone is the name of G here.)
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        if not hasattr(seeds, "__len__") or not len(seeds):
            raise ValueError(f"seeds {seeds!r}: give at least one seed, such as range(10)")
        for seed in seeds:
            check_whole(0, seed=seed)
        self.generators = [torch.Generator().manual_seed(int(seed)) for seed in seeds]

    def normal(self, *shape: int) -> Tensor:
        """Independent N(0, 1)."""
        return torch.stack([torch.randn(shape, generator=generator) for generator in self.generators])

    def uniform(self, *shape: int) -> Tensor:
        """Independent and uniform in [0, 1)."""
        return torch.stack([torch.rand(shape, generator=generator) for generator in self.generators])


@dataclass(frozen=True)
class Mixture:
    """Gaussians of equal weight and equal width.

    means: (k, dim) their centers;  std: their standard deviation in every direction
    """

    means: Tensor
    std: float

    def __post_init__(self) -> None:
        if not isinstance(self.means, Tensor):
            raise TypeError(f"means must be a tensor of floats (k, dim), not {type(self.means).__name__}")
        if self.means.ndim != 2 or not self.means.is_floating_point() or not self.means.numel():
            raise ValueError(f"means must be floats (k, dim), not {self.means.dtype} {tuple(self.means.shape)}")
        check_positive(std=self.std)
        if not torch.isfinite(self.means).all():
            raise ValueError("some means are NaN or infinite; all must be finite")

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return self.means.shape[1]

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x) for points (..., dim) -> (...)."""
        if not isinstance(x, Tensor):
            raise TypeError(f"points must be a tensor (..., {self.dim}), not {type(x).__name__}")
        if x.shape[-1:] != (self.dim,):
            raise ValueError(f"points of shape {tuple(x.shape)}: expected (..., {self.dim}), the space of the means")
        squares = (((x[..., None, :] - self.means) / self.std) ** 2).sum(-1)  # (..., k)
        scale = math.log(len(self.means)) + self.dim * math.log(self.std * math.sqrt(2 * math.pi))
        return torch.logsumexp(-squares / 2, dim=-1) - scale

    def density(self, x: Tensor) -> Tensor:
        """p(x) for points (..., dim) -> (...)."""
        return self.log_density(x).exp()

    def sample(self, rngs: RNGs, count: int) -> Tensor:
        """(seeds, count, dim), independent draws for each seed."""
        check_whole(0, count=count)
        modes = (rngs.uniform(count) * len(self.means)).long()  # (seeds, count)
        return self.means[modes] + self.std * rngs.normal(count, self.dim)


def ring_of_eight(radius: float = 2.0, std: float = 0.1) -> Mixture:
    """Eight Gaussians on a circle, as in Metz et al. 2017."""
    angles = torch.arange(8) * (2 * math.pi / 8)
    return Mixture(radius * torch.stack([angles.cos(), angles.sin()], dim=1), std)


def grid_of_25(spacing: float = 2.0, std: float = 0.2) -> Mixture:
    """Twenty-five Gaussians on a square grid."""
    line = (torch.arange(5) - 2) * spacing
    return Mixture(torch.cartesian_prod(line, line), std)


def even_grid(low: float, high: float, count: int, dim: int) -> tuple[Tensor, float]:
    """Midpoints of count**dim equal cells of [low, high]**dim, (count, ..., dim) float64, and the volume of a cell."""
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"no grid from {low} to {high}: needs finite numbers with low < high")
    check_whole(1, count=count, dim=dim)
    step = (high - low) / count
    line = low + step * (torch.arange(count, dtype=torch.float64) + 0.5)
    return torch.stack(torch.meshgrid(*[line] * dim, indexing="ij"), dim=-1), step**dim


def check_densities(p: Tensor, q: Tensor) -> None:
    """TypeError unless both are tensors of floats; ValueError for different shapes, negative values, NaN, infinity."""
    for name, values in (("p", p), ("q", q)):
        if not isinstance(values, Tensor) or not values.is_floating_point():
            kind = values.dtype if isinstance(values, Tensor) else type(values).__name__
            raise TypeError(f"{name} must be a tensor of floats, not {kind}")
    if p.shape != q.shape:
        raise ValueError(f"densities of shapes {tuple(p.shape)} and {tuple(q.shape)}: evaluate both at the same points")
    for name, values in (("p", p), ("q", q)):
        if not bool(((values >= 0) & torch.isfinite(values)).all()):
            raise ValueError(f"{name} has values that are negative or not finite, which no density has")


def check_probabilities(d: Tensor, p: Tensor) -> None:
    """ValueError unless d holds a number in 0..1 for each point of the density p."""
    if d.shape != p.shape or not bool(((d >= 0) & (d <= 1)).all()):
        raise ValueError(f"d {tuple(d.shape)}: expected {tuple(p.shape)} probabilities, in 0..1, at the points of p")


def optimal_discriminator(p: Tensor, q: Tensor) -> Tensor:
    """D*(x) = p(x) / (p(x) + q(x)) for real data ~ p and fakes ~ q; 1/2 where neither ever occurs.

    p, q: densities at the same points, equal shapes.  Source: Goodfellow et al. 2014, proposition 1
    """
    check_densities(p, q)
    return torch.where(p + q > 0, p / (p + q), 0.5)


def value_at(d: Tensor, p: Tensor, q: Tensor, cell: float) -> Tensor:
    """V(D) = E_p[log D(x)] + E_q[log(1 - D(x))], summed over the points of a regular grid.

    d, p, q: D and both densities at the grid's points, equal shapes;  cell: volume of a cell
    """
    check_densities(p, q)
    check_probabilities(d, p)
    return cell * (torch.xlogy(p, d) + torch.xlogy(q, 1 - d)).sum()


def jensen_shannon(p: Tensor, q: Tensor, cell: float) -> Tensor:
    """JSD(p, q) = 1/2 KL(p | m) + 1/2 KL(q | m) in nats, m = (p + q) / 2; arguments as in `value_at`."""
    check_densities(p, q)
    middle = torch.clamp((p + q) / 2, min=torch.finfo(p.dtype).tiny)
    return cell * (torch.xlogy(p, p / middle) + torch.xlogy(q, q / middle)).sum() / 2


def check_samples(samples: Tensor, target: Mixture) -> None:
    """ValueError unless there are samples in the space of the target, all of them finite."""
    if not isinstance(samples, Tensor):
        raise TypeError(f"samples must be a tensor (..., count, {target.dim}), not {type(samples).__name__}")
    if samples.ndim < 2 or samples.shape[-1] != target.dim or not samples.numel():
        raise ValueError(
            f"samples of shape {tuple(samples.shape)}: expected (..., count, {target.dim}) with a count of at least 1"
        )
    if not torch.isfinite(samples).all():
        raise ValueError("some samples are NaN or infinite: the generator has diverged; lower its learning rate")


def check_shares(shares: Tensor, target: Mixture) -> None:
    """ValueError unless the last axis holds the shares of all modes and of what is outside, together 1."""
    k = len(target.means)
    if shares.shape[-1:] != (k + 1,):
        raise ValueError(
            f"shares of shape {tuple(shares.shape)}: expected (..., {k + 1}), as `mode_shares` returns them"
        )
    if not bool((shares >= 0).all()) or not torch.allclose(shares.sum(dim=-1), shares.new_ones(()), atol=1e-4):
        raise ValueError("shares must be at least 0 and sum to 1 in each row, as `mode_shares` returns them")


def mode_shares(samples: Tensor, target: Mixture) -> Tensor:
    """Share of the samples in each mode (within 3 standard deviations of its center), and finally outside all of them.

    samples: (..., count, dim) -> (..., k + 1), each row sums to 1
    """
    check_samples(samples, target)
    k, exact = len(target.means), "donot_use_mm_for_euclid_dist"  # no a² - 2ab + b², which loses digits far from 0
    distances, nearest = torch.cdist(samples.double(), target.means.double(), compute_mode=exact).min(dim=-1)
    mode = torch.where(distances < RADIUS * target.std, nearest, k)  # (..., count), k: outside
    return torch.nn.functional.one_hot(mode, k + 1).double().mean(dim=-2)


def true_shares(target: Mixture) -> Tensor:
    """The shares that the target itself has, (k + 1,): a chi-squared probability inside, spread evenly."""
    gaps = torch.pdist(target.means)
    if len(gaps) and gaps.min() < 2 * RADIUS * target.std:
        raise ValueError(f"modes {gaps.min():.2g} apart overlap: {2 * RADIUS:g} times std {target.std} is needed")
    half = torch.tensor([target.dim / 2, RADIUS**2 / 2], dtype=torch.float64)
    inside = torch.special.gammainc(half[0], half[1])
    k = len(target.means)
    return torch.cat([(inside / k).expand(k), (1 - inside)[None]])


def modes_covered(shares: Tensor, target: Mixture) -> Tensor:
    """How many modes get at least a quarter of their true share; (..., k + 1) -> (...)."""
    check_shares(shares, target)
    return (shares > true_shares(target) / 4)[..., :-1].sum(dim=-1)


def kl_to_target(shares: Tensor, target: Mixture) -> Tensor:
    """KL(generated | true) in nats between shares of modes and outside; (..., k + 1) -> (...), 0 for a perfect match.

    It never exceeds the divergence of the densities themselves, since it looks at only k + 1 cells. With all samples
    outside it is -log P(outside), 4.5 in the plane.
    """
    check_shares(shares, target)
    true = true_shares(target)
    return torch.xlogy(shares, shares / true).sum(dim=-1)
