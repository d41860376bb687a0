"""Training on images with the losses of `gan`, by `gan_settings`; interrupted, it goes on, thanks to `checkpoints`.

What a step computes is what the article's loop computes; what differs is listed at `gan_image_steps`.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from aigc_course.gan.losses import LOSSES
from aigc_course.gan.settings import GANConfig, check_images, noise, order_of
from aigc_course.kit.runtime import has_bfloat16
from aigc_course.storage import checkpoints

Labels = tuple[Tensor, ...]  # nothing, or one (batch,) tensor: what G and D take after their first argument
CHECK_EVERY = 100  # steps between two looks at whether the losses are finite: a look waits for the device


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
    first = checkpoints.resume(checkpoint, modules, optimizers, made_with) if checkpoint else 0
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


def fingerprint(images: Tensor, labels: Tensor | None) -> str:
    """SHA-256 of the training data: two trainings on different data are told apart."""
    hasher = hashlib.sha256(str(tuple(images.shape)).encode())
    for part in (images, labels):
        if part is not None:
            hasher.update(part.cpu().numpy().tobytes())
    return hasher.hexdigest()
