"""The article's `gan` for handwritten digits: its two networks and its training loop, as section 5.3 has them."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn, optim

from aigc_course.gan.losses import check_latent

LATENT_DIM = 100
LEARNING_RATE = 0.0002
BATCH_SIZE = 64


class Generator(nn.Module):
    """z (batch, 100) -> images (batch, 1, 28, 28) in -1..1; 1,486,352 weights."""

    latent_dim = LATENT_DIM

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Linear(LATENT_DIM, 256), nn.ReLU(inplace=True),
            nn.Linear(256, 512), nn.ReLU(inplace=True),
            nn.Linear(512, 1024), nn.ReLU(inplace=True),
            nn.Linear(1024, 28 * 28), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z: Tensor) -> Tensor:
        check_latent(z, LATENT_DIM)
        return self.main(z).view(-1, 1, 28, 28)


class Discriminator(nn.Module):
    """images (batch, 1, 28, 28) in -1..1 -> probability of being real (batch, 1); 1,460,225 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Linear(28 * 28, 1024), nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(1024, 512), nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(512, 256), nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(256, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        return self.main(images.view(-1, 28 * 28))

    def logits(self, images: Tensor) -> Tensor:
        """What goes into the sigmoid, for losses that want it so; (batch, 1)."""
        return self.main[:-1](images.view(-1, 28 * 28))


def article_optimizers(G: nn.Module, D: nn.Module) -> tuple[optim.Optimizer, optim.Optimizer]:
    """The article's two Adams, for G and for D."""
    return optim.Adam(G.parameters(), lr=LEARNING_RATE), optim.Adam(D.parameters(), lr=LEARNING_RATE)


def article_steps(
    G: nn.Module,
    D: nn.Module,
    loader: Iterable[tuple[Tensor, Tensor]],
    num_epochs: int = 50,
    optimizers: tuple[optim.Optimizer, optim.Optimizer] | None = None,
) -> Iterator[dict[str, float]]:
    """Train G and D in place as the article does; yield the four numbers that it prints, after every batch.

    loader:     yields images (batch, 1, 28, 28) in -1..1 and labels, which are not used; one pass is an epoch
    optimizers: for G and for D, to continue with; None: new ones
    yields      {"d_loss", "g_loss", "real_score", "fake_score"}: both losses, the means of D(x) and of D(G(z))
    """
    criterion = nn.BCELoss()
    optimizer_G, optimizer_D = optimizers or article_optimizers(G, D)
    for _ in range(num_epochs):
        for images, _ in loader:
            real_labels, fake_labels = torch.ones(len(images), 1), torch.zeros(len(images), 1)

            # the discriminator: real images toward 1, generated ones toward 0
            real_score = D(images)
            fake_score = D(G(torch.randn(len(images), LATENT_DIM)).detach())
            d_loss = criterion(real_score, real_labels) + criterion(fake_score, fake_labels)
            optimizer_D.zero_grad()
            d_loss.backward()
            optimizer_D.step()

            # the generator: the discriminator should take its images for real
            g_loss = criterion(D(G(torch.randn(len(images), LATENT_DIM))), real_labels)
            optimizer_G.zero_grad()
            g_loss.backward()
            optimizer_G.step()

            yield {
                "d_loss": d_loss.item(), "g_loss": g_loss.item(),
                "real_score": real_score.mean().item(), "fake_score": fake_score.mean().item(),
            }  # fmt: skip
