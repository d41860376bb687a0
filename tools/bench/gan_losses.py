"""The losses against binary cross-entropy, the theory against quadrature, the recipe over seeds, the losses compared.

    python -m tools.bench.gan_losses [--seeds 10] [--scale quick|full]

One thread: a network of 64 neurons has nothing to share out. KL is that of `densities.kl_to_target`, in nats, with its
95 % interval over the seeds; "all" counts the seeds in which every mode is covered.
"""

import argparse
import math
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from scipy import integrate

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

FAILURE = dict(noise=0.0, head_start=100, num_steps=500)
OPTIMIZERS = {"SGD": dict(optimizer="sgd", g_learning_rate=0.03), "Adam": {}}
NUM_SAMPLES = 2000


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


def theory_errors(p: Mixture, q: Mixture) -> tuple[float, float]:
    """Differences to SciPy's quadrature: the value at D*, and 2 JSD - log 4."""

    def densities(*x: float) -> tuple[float, float]:
        point = torch.tensor(x, dtype=torch.float64)
        return p.density(point).item(), q.density(point).item()

    def value(*x: float) -> float:
        a, b = densities(*x)
        return a * math.log(a / (a + b)) + b * math.log(b / (a + b))

    def divergence(*x: float) -> float:
        a, b = densities(*x)
        return a * math.log(2 * a / (a + b)) + b * math.log(2 * b / (a + b))

    points, cell = even_grid(-8, 8, 2000 if p.dim == 1 else 400, p.dim)
    a, b = p.density(points), q.density(points)
    ours = value_at(optimal_discriminator(a, b), a, b, cell).item()
    by_jsd = 2 * jensen_shannon(a, b, cell).item() - math.log(4)
    return abs(ours - quadrature(value, p.dim)), abs(by_jsd - (quadrature(divergence, p.dim) - math.log(4)))


def quadrature(function: Callable[..., float], dim: int) -> float:
    """The integral over what matters of the densities used here."""
    if dim == 1:
        return integrate.quad(function, -8, 8, epsabs=1e-9, limit=200)[0]
    return integrate.dblquad(function, -4, 5, -4, 5, epsabs=1e-6, epsrel=1e-6)[0]


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


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="GAN losses and theory checked, the losses compared over seeds.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--scale", choices=["quick", "full"], default="quick")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds, times = range(options.seeds), 1 if options.scale == "quick" else 4
    print(f"torch {torch.__version__}, 1 thread, {len(seeds)} seeds, scale {options.scale}\n")

    p = Mixture(torch.tensor([[-1.0], [1.5]], dtype=torch.float64), 0.5)
    q = Mixture(torch.tensor([[0.5]], dtype=torch.float64), 1.2)
    p2 = Mixture(torch.tensor([[0.0, 0.0], [1.0, -0.5]], dtype=torch.float64), 0.6)
    q2 = Mixture(torch.tensor([[0.8, 0.7]], dtype=torch.float64), 0.9)
    print(f"L_D and L_G against BCE            largest difference {loss_error():.1e}   (bar 1e-6)")
    for name, pair in (("1-D", (p, q)), ("2-D", (p2, q2))):
        value, jsd = theory_errors(*pair)
        print(f"{name} against quadrature: value at D* {value:.1e}, 2 JSD - log 4 {jsd:.1e}   (bar 1e-4)")

    print("\nRing of eight, the chapter's recipe, non-saturating   (bar: all 8 modes in 9 of 10 seeds)")
    row("non-saturating", ring_of_eight(), Recipe(num_steps=800 * times), seeds)
    print("\nThe saturating loss after a head start of D (100 steps), no noise, ring of eight")
    for optimizer, settings in OPTIMIZERS.items():
        for loss in ("saturating", "non-saturating"):
            row(f"{optimizer}, {loss}", ring_of_eight(), Recipe(loss=loss, **FAILURE, **settings), seeds)
    print("\nLength of the gradient of G at its start, mean of log10 with interval")
    gradients(seeds)
    for name, target, num_steps in (("Ring of eight", ring_of_eight(), 800), ("Grid of 25", grid_of_25(), 1500)):
        print(f"\n{name}, five losses, the same recipe and seeds")
        for loss in gan.LOSSES:
            row(loss, target, Recipe(loss=loss, num_steps=num_steps * times), seeds)


if __name__ == "__main__":
    main()
