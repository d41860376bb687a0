"""The losses against binary cross-entropy, the theory against quadrature, the recipe over seeds, the losses compared.

    python -m tools.bench.gan_losses [--seeds 10] [--scale quick|full]
    python -m tools.bench.gan_losses --table data/gan_losses.csv        the table that chapter 4.3 draws, 3 minutes

One thread: a network of 64 neurons has nothing to share out. KL is that of `densities.kl_to_target`, in nats, with its
95 % interval over the seeds; "all" counts the seeds in which every mode is covered.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats

from aigc_course.gan import losses as gan
from aigc_course.gan.densities import (
    Mixture,
    RNGs,
    even_grid,
    grid_of_25,
    jensen_shannon,
    kl_to_target,
    mode_shares,
    modes_covered,
    optimal_discriminator,
    ring_of_eight,
    value_at,
)
from aigc_course.gan.toy import (
    Recipe,
    discriminator_step,
    gan_steps,
    generator_gradients,
    latent_dim,
    networks,
    optimizers,
    sample,
)
from aigc_course.intervals import mean_interval
from aigc_course.storage.tables import write_rows

FAILURE = dict(noise=0.0, head_start=100, num_steps=500)
OPTIMIZERS = {"SGD": dict(optimizer="sgd", g_learning_rate=0.03), "Adam": {}}
NUM_SAMPLES = 2000
PAIRS = {  # p and q, which the tests take too: two hills and a broad one, on a line and in the plane
    "1-D": (
        Mixture(torch.tensor([[-1.0], [1.5]], dtype=torch.float64), 0.5),
        Mixture(torch.tensor([[0.5]], dtype=torch.float64), 1.2),
    ),
    "2-D": (
        Mixture(torch.tensor([[0.0, 0.0], [1.0, -0.5]], dtype=torch.float64), 0.6),
        Mixture(torch.tensor([[0.8, 0.7]], dtype=torch.float64), 0.9),
    ),
}
COLUMNS = ("target", "loss", "steps", "seed", "modes", "kl")
TARGETS = {"ring": (ring_of_eight(), 800), "grid": (grid_of_25(), 1500)}  # and the steps of the recipe


def loss_error() -> float:
    """Largest difference to torch's binary cross-entropy, over shapes, dtypes and sizes of the logits."""
    worst = 0.0
    rng = torch.Generator().manual_seed(0)
    for dtype in (torch.float32, torch.float64):
        for shape in ((64,), (64, 1), (10, 64, 1), (3, 4, 5, 6)):
            for size in (0.1, 1.0, 10.0):
                real, fake = size * torch.randn((2, *shape), generator=rng, dtype=dtype)
                ones, zeros = torch.ones_like(real), torch.zeros_like(real)
                bce = F.binary_cross_entropy_with_logits
                d_error = gan.discriminator_loss(real, fake) - bce(real, ones) - bce(fake, zeros)
                g_error = gan.generator_loss(fake) - bce(fake, ones)
                worst = max(worst, abs(d_error.item()), abs(g_error.item()))
    return worst


def scipy_density(mixture: Mixture) -> Callable[[np.ndarray], np.ndarray]:
    """The same density by SciPy, (..., dim) -> (...)."""
    parts = [stats.multivariate_normal(mean.numpy(), mixture.std**2) for mean in mixture.means]
    return lambda x: np.mean([part.pdf(x) for part in parts], axis=0)


def quadrature(function: Callable[[np.ndarray], np.ndarray], dim: int) -> float:
    """The integral of a function of points (..., dim) over all that matters, by Gauss and Legendre's rule."""
    nodes, weights = np.polynomial.legendre.leggauss(200)  # in -1 .. 1, here stretched to -9 .. 9
    points = np.stack(np.meshgrid(*[9 * nodes] * dim), axis=-1)
    products = np.prod(np.meshgrid(*[9 * weights] * dim), axis=0)
    return float((function(points) * products).sum())


def theory_errors(p: Mixture, q: Mixture) -> tuple[float, float, float]:
    """Differences to SciPy's densities under another rule: D* at its worst, the value at D*, and the JSD."""
    f, g = scipy_density(p), scipy_density(q)

    def value(x: np.ndarray) -> np.ndarray:
        a, b = f(x), g(x)
        return a * np.log(a / (a + b)) + b * np.log(b / (a + b))

    def divergence(x: np.ndarray) -> np.ndarray:
        a, b = f(x), g(x)
        return (a * np.log(2 * a / (a + b)) + b * np.log(2 * b / (a + b))) / 2

    points, cell = even_grid(-9, 9, 2000 if p.dim == 1 else 300, p.dim)
    a, b = p.density(points), q.density(points)
    best = optimal_discriminator(a, b)
    near = points[(a + b) > 1e-6].numpy()
    d_error = np.abs(best[(a + b) > 1e-6].numpy() - f(near) / (f(near) + g(near))).max()
    value_error = abs(value_at(best, a, b, cell).item() - quadrature(value, p.dim))
    return float(d_error), value_error, abs(jensen_shannon(a, b, cell).item() - quadrature(divergence, p.dim))


def measure(target: Mixture, recipe: Recipe, seeds: range) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Modes covered and KL of each seed, and the seconds that training took."""
    G, D = networks(seeds)
    begin = time.perf_counter()
    for _ in gan_steps(G, D, target, recipe, seeds):
        pass
    seconds = time.perf_counter() - begin
    shares = mode_shares(sample(G, NUM_SAMPLES), target)
    return modes_covered(shares, target), kl_to_target(shares, target), seconds


def row(name: str, target: Mixture, recipe: Recipe, seeds: range) -> None:
    """Train, measure and print."""
    modes, kl, seconds = measure(target, recipe, seeds)
    mean, low, high = mean_interval(kl)
    every = int((modes == len(target.means)).sum())
    print(
        f"{name:34} all {every:2}/{len(seeds)}  modes {modes.double().mean():5.2f} (least {modes.min()})  "
        f"KL {mean:.3f} [{low:.3f}, {high:.3f}]  {seconds:5.1f} s",
        flush=True,
    )


def gradients(seeds: range) -> None:
    """Length of both gradients at one G that stands still, while D learns."""
    G, D = networks(seeds)
    rngs, recipe = RNGs([seed + 700_000 for seed in seeds]), Recipe(noise=0.0)
    _, d_optimizer = optimizers(G, D, recipe)
    z = rngs.normal(256, latent_dim(G))
    for step in range(301):
        if step in (0, 10, 30, 100, 300):
            lengths = []
            for loss in (gan.saturating_generator_loss, gan.generator_loss):
                mean, low, high = mean_interval(generator_gradients(G, D, loss, z).log10())
                lengths.append(f"10^{mean:6.2f} [{low:6.2f}, {high:6.2f}]")
            print(f"  after {step:3} steps of D: saturating {lengths[0]}, non-saturating {lengths[1]}", flush=True)
        discriminator_step(G, D, d_optimizer, ring_of_eight(), recipe, 0.0, rngs)


def rows(target: str, loss: str, num_seeds: int) -> list[tuple]:
    """A row of the table for each seed."""
    mixture, num_steps = TARGETS[target]
    modes, kl, _ = measure(mixture, Recipe(loss=loss, num_steps=num_steps), range(num_seeds))
    values = enumerate(zip(modes.tolist(), kl.tolist(), strict=True))
    return [(target, loss, num_steps, seed, m, f"{k:.4f}") for seed, (m, k) in values]


def write_table(file: Path) -> None:
    """All losses on the grid, 10 seeds each."""
    found = []
    for loss in gan.LOSSES:
        found += [dict(zip(COLUMNS, row, strict=True)) for row in rows("grid", loss, num_seeds=10)]
        print(loss, flush=True)
    write_rows(file, found)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="GAN losses and theory checked, the losses compared over seeds.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--scale", choices=["quick", "full"], default="quick")
    parser.add_argument("--table", type=Path, help="write the table of chapter 4.3 to this file, nothing else")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.table:
        return write_table(options.table)
    seeds, times = range(options.seeds), 1 if options.scale == "quick" else 4
    print(f"torch {torch.__version__}, 1 thread, {len(seeds)} seeds, scale {options.scale}\n")

    print(f"L_D and L_G against BCE            largest difference {loss_error():.1e}   (bar 1e-6)")
    for name, pair in PAIRS.items():
        d, value, jsd = theory_errors(*pair)
        print(f"{name} against SciPy: D* {d:.1e}, value at D* {value:.1e}, JSD {jsd:.1e}   (bar 1e-4)")

    print("\nRing of eight, the chapter's recipe, non-saturating   (bar: all 8 modes in 9 of 10 seeds)")
    row("non-saturating", ring_of_eight(), Recipe(num_steps=800 * times), seeds)
    print("\nThe saturating loss after a head start of D (100 steps), no noise, ring of eight")
    for optimizer, settings in OPTIMIZERS.items():
        for loss in ("saturating", "non-saturating"):
            row(f"{optimizer}, {loss}", ring_of_eight(), Recipe(loss=loss, **FAILURE, **settings), seeds)
    print("\nLength of the gradient of G at its start, mean of log10 with interval")
    gradients(seeds)
    for name, (target, num_steps) in TARGETS.items():
        print(f"\n{name}, five losses, the same recipe and seeds")
        for loss in gan.LOSSES:
            row(loss, target, Recipe(loss=loss, num_steps=num_steps * times), seeds)


if __name__ == "__main__":
    main()
