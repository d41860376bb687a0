"""Training on images with the losses of `losses`; interrupted, it goes on bit for bit, thanks to `checkpoints`.

What a step computes is what the article's loop computes; what differs is listed at `gan_image_steps`.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from aigc_course.distributed import ALONE, Workers
from aigc_course.gan.batches import Batches, Labels, noise
from aigc_course.gan.losses import LOSSES, hint_at_probabilities
from aigc_course.gan.recipes import GANConfig, GanSetup
from aigc_course.images.keeping import Keeper
from aigc_course.images.stepping import check_finite, compiled, descend, move_average


def gan_image_steps(
    setup: GanSetup,
    images: Tensor,
    labels: Tensor | None = None,
    keeper: Keeper | None = None,
    workers: Workers = ALONE,
) -> Iterator[dict[str, int | Tensor]]:
    """Train G and D in place; yield {"step", "d_loss", "g_loss", "real_score", "fake_score"} after each step.

    images: (count, 28, 28) uint8, where G and D are: nothing is loaded or scaled twice
    labels: (count,) for networks with classes; the generated images get the labels of the real ones
    keeper: writes a checkpoint now and then, and goes on from one that is there already
    workers: the processes that share every batch, each with equal networks; batch normalization sees only its share

    The article's loop computes the same, but loads and scales every image each time, sends real and generated images
    through D one after the other, computes gradients of D that it throws away, and ends D in a sigmoid.
    Raises TypeError or ValueError for images, labels or a checkpoint that do not fit, FloatingPointError when a loss is
    not finite any more.
    """
    data, game, config = Batches(images, labels, setup.config), Game(setup), setup.config
    game.look_at_logits(*data.batch(0))
    workers.average_during_backward(game.modules)
    first = workers.agree("the last step", keeper.resume(game, data) if keeper else 0)
    for step in range(first, config.num_steps):
        real_images, batch_labels = data.batch(step)  # (batch, 1, 28, 28), ((batch,),) or ()
        z = noise(step, len(real_images), config).to(game.device, non_blocking=True)  # (2, batch, latent_dim)
        real_images, z = workers.shard(real_images), workers.shard(z, dim=1)
        batch_labels = tuple(map(workers.shard, batch_labels))
        set_learning_rates(game.optimizers, step, config)
        d_loss, real_score, fake_score = game.update_d(real_images, z[0], batch_labels)
        g_loss = game.update_g(z[1], batch_labels)
        game.move_average(step)
        check_finite(step, d_loss=d_loss, g_loss=g_loss)
        if keeper:
            keeper.after(step, game, data)
        measured = {"d_loss": d_loss, "g_loss": g_loss, "real_score": real_score, "fake_score": fake_score}
        yield {"step": step + 1, **{name: workers.mean(value) for name, value in measured.items()}}


class Game:
    """G against D: the networks, their optimizers, and one update of each. ValueError for an average without a copy."""

    def __init__(self, setup: GanSetup) -> None:
        self.G, self.D, self.config, self.average = setup
        if (self.average is None) == (self.config.average > 0):
            given = "None" if self.average is None else "a network"
            raise ValueError(f"config.average {self.config.average} and average={given}: give both or neither")
        self.device = next(self.G.parameters()).device
        self.optimizers = optimizers_for(self.G, self.D, self.config)
        self.draw = compiled(self.G, self.device, self.config.compiled)
        self.judge_both = compiled(judge_both, self.device, self.config.compiled)
        self.judge_fakes = compiled(judge_fakes, self.device, self.config.compiled)
        self.fake_images = torch.empty(0)  # those that D saw last
        self.G.train()
        self.D.train()

    @property
    def modules(self) -> dict[str, nn.Module]:
        """The networks by name."""
        return {"G": self.G, "D": self.D} | ({} if self.average is None else {"average": self.average})

    def look_at_logits(self, real_images: Tensor, labels: Labels) -> None:
        """Warn when D seems to give probabilities instead of logits."""
        self.D.eval()  # so that a look changes nothing
        hint_at_probabilities(lambda images: self.D.logits(images, *labels), real_images)
        self.D.train()

    def autocast(self) -> torch.autocast:
        """Computes in bfloat16 where the settings say so; weights and Adam stay in float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bfloat16)

    def update_d(self, real_images: Tensor, z: Tensor, labels: Labels) -> tuple[Tensor, Tensor, Tensor]:
        """One update of D; its loss, the mean of D(x) and of D(G(z)) before it."""
        with self.autocast():
            with torch.set_grad_enabled(self.config.one_draw):  # D's update must not move G
                self.fake_images = self.draw(z, *labels)
            d_loss, real_score, fake_score = self.judge_both(
                self.D, real_images, self.fake_images.detach(), labels, self.config.loss
            )
        descend(self.optimizers["D"], d_loss)
        return d_loss.detach(), real_score, fake_score

    def update_g(self, z: Tensor, labels: Labels) -> Tensor:
        """One update of G; its loss before it. With `one_draw` G learns from the images that D has just seen."""
        self.D.requires_grad_(False)  # the gradient goes through D, not into it
        with self.autocast():
            fake_images = self.fake_images if self.config.one_draw else self.draw(z, *labels)
            g_loss = self.judge_fakes(self.D, fake_images, labels, self.config.loss)
        descend(self.optimizers["G"], g_loss)
        self.D.requires_grad_(True)
        return g_loss.detach()

    def move_average(self, step: int) -> None:
        """Move the averaged copy of G, if there is one, a little toward G; at the beginning, further."""
        if self.average is not None:
            move_average(self.average, self.G, min(self.config.average, (step + 1) / (step + 10)))


def judge_both(
    D: nn.Module, real_images: Tensor, fake_images: Tensor, labels: Labels, loss: str
) -> tuple[Tensor, Tensor, Tensor]:
    """D's loss, the mean of D(x) and of D(G(z)) as probabilities; real and generated images go through D together."""
    both = torch.cat([real_images, fake_images.to(real_images.dtype)])
    real_logits, fake_logits = D.logits(both, *(torch.cat([given, given]) for given in labels)).float().chunk(2)
    d_loss = LOSSES[loss].discriminator(real_logits, fake_logits)
    return d_loss, real_logits.detach().sigmoid().mean(), fake_logits.detach().sigmoid().mean()


def judge_fakes(D: nn.Module, fake_images: Tensor, labels: Labels, loss: str) -> Tensor:
    """G's loss; the gradient goes through D to the images that G drew."""
    return LOSSES[loss].generator(D.logits(fake_images, *labels).float())


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
