"""Training on images with the losses of `gan` and no wasted work; interrupted, it goes on, by `checkpoints`.

What a step computes is what the article's loop computes; what differs is listed at `gan_image_steps`.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from aigc_course import checkpoints
from aigc_course.gan import LOSSES
from aigc_course.runtime import has_bfloat16

Labels = tuple[Tensor, ...]  # nothing, or one (batch,) tensor: what G and D take after their first argument
CHECK_EVERY = 100  # steps between two looks at whether the losses are finite: a look waits for the device


@dataclass(frozen=True)
class GANConfig:
    """How a GAN is trained; the defaults are the article's. ValueError for settings that make no sense."""

    num_steps: int = 46_900  # one step = one update of D, then one of G; 938 of 64 images are an epoch of 60,000
    batch_size: int = 64  # real images, and as many generated ones, an update
    latent_dim: int = 100  # length of the noise vector z
    loss: str = "non-saturating"  # a key of gan.LOSSES without a gradient penalty
    g_learning_rate: float = 2e-4  # Adam's step size
    d_learning_rate: float = 2e-4
    beta1: float = 0.9  # Adam's memory of the gradient ...
    beta2: float = 0.999  # ... and of its square
    falling: float = 0.0  # the last part of the training in which both step sizes fall linearly to 0, as a share
    one_draw: bool = False  # G learns from the images that D just saw; False: from new ones, as in the article
    average: float = 0.0  # decay of the averaged copy of G's weights; 0: no average
    bfloat16: bool | None = False  # compute in bfloat16; None: where the hardware can
    compiled: bool | None = None  # through torch.compile; None: on CUDA, where its graphs save the launches
    seed: int = 0  # chooses the order of the images and all noise

    def __post_init__(self) -> None:
        if self.loss not in LOSSES or LOSSES[self.loss].penalty:
            allowed = ", ".join(name for name, losses in LOSSES.items() if not losses.penalty)
            raise ValueError(f'loss "{self.loss}" is not known here; allowed: {allowed}')
        for name, least in (("num_steps", 1), ("batch_size", 2), ("latent_dim", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} {getattr(self, name)}: expected at least {least}")
        for name in ("g_learning_rate", "d_learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} {getattr(self, name)}: expected a finite number above 0")
        for name, inside in (("beta1", 1.0), ("beta2", 1.0), ("average", 1.0), ("falling", 1.0 + 1e-9)):
            if not 0 <= getattr(self, name) < inside:
                raise ValueError(f"{name} {getattr(self, name)}: expected a number from 0 to below 1")


def check_images(images: Tensor, labels: Tensor | None, batch_size: int) -> None:
    """Refuse images that would train a GAN to nothing: TypeError, ValueError."""
    if not isinstance(images, Tensor) or images.dtype != torch.uint8:
        kind = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"images of {kind}: expected the uint8 ones of MNIST, 0..255; they are scaled to -1..1 here")
    if images.dim() != 3 or images.shape[1:] != (28, 28):
        raise ValueError(f"images {tuple(images.shape)}: expected (count, 28, 28)")
    if len(images) < batch_size:
        raise ValueError(f"{len(images)} images do not fill a batch of {batch_size}; lower batch_size")
    if labels is not None and labels.shape != (len(images),):
        raise ValueError(f"labels {tuple(labels.shape)} for {len(images)} images: expected one each")


def order_of(epoch: int, count: int, seed: int) -> Tensor:
    """The order in which an epoch shows `count` images, the same one whenever it is asked for; (count,)."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))


def noise(step: int, count: int, config: GANConfig) -> Tensor:
    """z of a step, for D's update and for G's, the same on every device; (2, count, latent_dim)."""
    dice = torch.Generator().manual_seed((config.seed + 1) * 1_000_000_007 + step)
    return torch.randn(2, count, config.latent_dim, generator=dice)


def discriminator_loss(
    D: nn.Module, real_images: Tensor, fake_images: Tensor, labels: Labels, loss: str
) -> tuple[Tensor, Tensor, Tensor]:
    """D's loss, the mean of D(x) and of D(G(z)) as probabilities; real and generated images go through D together."""
    both = torch.cat([real_images, fake_images.to(real_images.dtype)])
    real_logits, fake_logits = D.logits(both, *(torch.cat([given, given]) for given in labels)).float().chunk(2)
    d_loss = LOSSES[loss].discriminator(real_logits, fake_logits)
    return d_loss, real_logits.detach().sigmoid().mean(), fake_logits.detach().sigmoid().mean()


def generator_loss(D: nn.Module, fake_images: Tensor, labels: Labels, loss: str) -> Tensor:
    """G's loss; the gradient goes through D to the images that G drew."""
    return LOSSES[loss].generator(D.logits(fake_images, *labels).float())


def gan_image_steps(
    G: nn.Module,
    D: nn.Module,
    images: Tensor,
    config: GANConfig,
    labels: Tensor | None = None,
    average: nn.Module | None = None,
    checkpoint: str | Path | None = None,
    save_every: int = 1000,
) -> Iterator[dict[str, int | Tensor]]:
    """Train G and D in place; yield {"step", "d_loss", "g_loss", "real_score", "fake_score"} after each step.

    images:  (count, 28, 28) uint8, where G and D are: nothing is loaded or scaled twice
    labels:  (count,) for networks with classes; the generated images get the labels of the real ones
    average: a copy of G that becomes the average of its weights over the last steps, when config.average is above 0
    checkpoint: a file, written every `save_every` steps and at the end. If it is there when the training begins, the
        training goes on from it and ends with the weights, bit for bit, that it would have had without interruption.

    The article's loop computes the same, but loads and scales every image each time, sends real and generated images
    through D one after the other, computes gradients of D that it throws away, and ends D in a sigmoid.
    Raises TypeError or ValueError for images, labels or a checkpoint that do not fit, FloatingPointError when a loss is
    not finite any more.
    """
    check_images(images, labels, config.batch_size)
    device = next(G.parameters()).device
    if (average is None) == (config.average > 0):
        raise ValueError(f"config.average {config.average} and average={average and 'a network'}: give both or neither")
    half = has_bfloat16(device) if config.bfloat16 is None else config.bfloat16
    optimizers, modules = optimizers_for(G, D, config), {"G": G, "D": D, **({"average": average} if average else {})}
    made_with = {"config": asdict(config), "data": fingerprint(images, labels)}
    first = resume(checkpoint, modules, optimizers, made_with) if checkpoint else 0
    draw, d_loss_of, g_loss_of = (compiled(part, device, config) for part in (G, discriminator_loss, generator_loss))
    per_epoch, order = math.ceil(len(images) / config.batch_size), None
    G.train(), D.train()
    for step in range(first, config.num_steps):
        epoch, place = divmod(step, per_epoch)
        if order is None or place == 0:
            order = order_of(epoch, len(images), config.seed).to(device)
        places = order[place * config.batch_size :][: config.batch_size]
        real_images = images[places].unsqueeze(1).float() / 127.5 - 1  # (batch, 1, 28, 28)
        given = () if labels is None else (labels[places].long(),)
        z = noise(step, len(places), config).to(device, non_blocking=True)
        set_learning_rates(optimizers, step, config)

        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            with torch.set_grad_enabled(config.one_draw):  # D's update must not move G
                fake_images = draw(z[0], *given)
            d_loss, real_score, fake_score = d_loss_of(D, real_images, fake_images.detach(), given, config.loss)
        update(optimizers["D"], d_loss)

        D.requires_grad_(False)  # the gradient goes through D, not into it
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            fake_images = fake_images if config.one_draw else draw(z[1], *given)
            g_loss = g_loss_of(D, fake_images, given, config.loss)
        update(optimizers["G"], g_loss)
        D.requires_grad_(True)

        if average:
            move_average(average, G, min(config.average, (step + 1) / (step + 10)))
        if step % CHECK_EVERY == 0 and not math.isfinite(d_loss.item() + g_loss.item()):
            raise FloatingPointError(
                f"the losses are {d_loss.item()} and {g_loss.item()} at step {step}: lower the learning rates"
            )
        if checkpoint and ((step + 1) % save_every == 0 or step + 1 == config.num_steps):
            checkpoints.save(checkpoint, modules, optimizers, {"step": step + 1, **made_with})
        scores = {"real_score": real_score, "fake_score": fake_score}
        yield {"step": step + 1, "d_loss": d_loss.detach(), "g_loss": g_loss.detach(), **scores}


def update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step down the loss."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


@torch.no_grad()
def move_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    """average = decay · average + (1 - decay) · model, for weights and running statistics alike."""
    kept, new = (list(m.parameters()) + [b for b in m.buffers() if b.is_floating_point()] for m in (average, model))
    torch._foreach_lerp_(kept, new, 1 - decay)


def optimizers_for(G: nn.Module, D: nn.Module, config: GANConfig) -> dict[str, torch.optim.Optimizer]:
    """Adam for each network, all weights in one operation."""
    betas = (config.beta1, config.beta2)
    return {
        "G": torch.optim.Adam(G.parameters(), config.g_learning_rate, betas=betas, fused=True),
        "D": torch.optim.Adam(D.parameters(), config.d_learning_rate, betas=betas, fused=True),
    }


def set_learning_rates(optimizers: dict[str, torch.optim.Optimizer], step: int, config: GANConfig) -> None:
    """The step sizes of a step: constant, then, in the last part of the training, a straight line to 0."""
    left = 1 - step / config.num_steps
    share = min(1.0, left / config.falling) if config.falling else 1.0
    for name, rate in (("G", config.g_learning_rate), ("D", config.d_learning_rate)):
        for group in optimizers[name].param_groups:
            group["lr"] = rate * share


def compiled(part: Callable, device: torch.device, config: GANConfig) -> Callable:
    """The part itself, or, where asked for or on CUDA, its compiled form; CUDA's graphs launch all work at once."""
    wanted = device.type == "cuda" if config.compiled is None else config.compiled
    return torch.compile(part, mode="reduce-overhead" if device.type == "cuda" else None) if wanted else part


def resume(path: str | Path, modules: checkpoints.Modules, optimizers: checkpoints.Optimizers, made_with: dict) -> int:
    """Fill networks and optimizers from the checkpoint, if there is one; return the number of steps already done."""
    if not (Path(path).exists() or checkpoints.previous(path).exists()):
        return 0
    state = checkpoints.load(path, modules, optimizers)
    step = state.pop("step")
    if state != made_with:
        raise ValueError(
            f"{path} comes from a training with other settings or images ({state['config']}); name another file, or "
            "delete it to begin anew"
        )
    return step


def fingerprint(images: Tensor, labels: Tensor | None) -> str:
    """SHA-256 of the training data: two trainings on different data are told apart."""
    hasher = hashlib.sha256(str(tuple(images.shape)).encode())
    for part in (images, labels):
        if part is not None:
            hasher.update(part.cpu().numpy().tobytes())
    return hasher.hexdigest()
