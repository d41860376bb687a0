"""A variational autoencoder for 28 x 28 images: an encoder that answers with a Gaussian, and a decoder that draws.

log p(x) >= ELBO = E[log p(x | z)] - KL(q(z | x) || N(0, 1)), z drawn from q. Both halves may be told a label.
Sources: Kingma and Welling 2014; Sohn et al. 2015 (labels).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_course.images.labels import check_labels
from aigc_course.images.precision import check_precision


class VAE(nn.Module):
    """encode: images (batch, 1, 28, 28) in -1..1 -> mean and log variance of q(z | x), each (batch, latent_dim).

    decode: z (batch, latent_dim) -> logits (batch, 1, 28, 28); sigmoid(logit) is how much ink p(x | z) expects.
    Both take labels (batch,) too where num_classes is not 0. With the defaults it has 0.29 million weights.
    """

    settings = ("latent_dim", "width", "num_classes")

    def __init__(self, latent_dim: int = 16, width: int = 32, num_classes: int = 10) -> None:
        super().__init__()
        self.latent_dim, self.width, self.num_classes = latent_dim, width, num_classes
        self.read = nn.Sequential(
            nn.Conv2d(1, width, 4, stride=2, padding=1), nn.SiLU(),  # (batch, width, 14, 14)
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1), nn.SiLU(),  # (batch, 2 width, 7, 7)
            nn.Flatten(),
        )  # fmt: skip
        self.moments = nn.Linear(2 * width * 49 + num_classes, 2 * latent_dim)
        self.draw = nn.Sequential(
            nn.Linear(latent_dim + num_classes, 2 * width * 49), nn.SiLU(), nn.Unflatten(1, (2 * width, 7, 7)),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1), nn.SiLU(),  # (batch, width, 14, 14)
            nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1), nn.SiLU(),  # (batch, width / 2, 28, 28)
            nn.Conv2d(width // 2, 1, 3, padding=1),
        )  # fmt: skip

    def encode(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        check_images(images)
        check_precision("images", images, self.moments.weight)
        return self.moments(self.with_labels(self.read(images), labels)).chunk(2, dim=1)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        if z.dim() != 2 or z.shape[1] != self.latent_dim:
            raise ValueError(f"z {tuple(z.shape)}: expected (batch, {self.latent_dim})")
        check_precision("z", z, self.moments.weight)
        return self.draw(self.with_labels(z, labels))

    def with_labels(self, numbers: Tensor, labels: Tensor | None) -> Tensor:
        """The label as ten numbers, one of them 1, beside the others; (batch, n) -> (batch, n + num_classes)."""
        check_labels(labels, self.num_classes, len(numbers))
        if labels is None:
            return numbers
        return torch.cat([numbers, F.one_hot(labels.long(), self.num_classes).to(numbers.dtype)], dim=1)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """What the decoder expects to see, (batch, 1, 28, 28) in -1..1."""
        return 2 * torch.sigmoid(self.decode(z, labels)) - 1


def check_images(images: Tensor) -> None:
    """TypeError, ValueError unless they are floats (batch, 1, 28, 28) in -1..1."""
    if not isinstance(images, Tensor) or not images.is_floating_point():
        kind = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"images of {kind}: expected a tensor of floats in -1..1")
    if images.shape[1:] != (1, 28, 28) or not len(images):
        raise ValueError(f"images {tuple(images.shape)}: expected (batch, 1, 28, 28), at least one image")
    if not torch.compiler.is_compiling() and not (images.min() >= -1 and images.max() <= 1):  # also for NaN
        raise ValueError(f"the images hold {images.min().item():g} .. {images.max().item():g}: expected -1..1")


def reparameterize(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """z = mean + std · noise: a sample of q(z | x) through which gradients flow; equal shapes (batch, latent_dim)."""
    return mean + (0.5 * log_variance).exp() * noise


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) = 1/2 Σ (mean² + variance - log variance - 1).

    mean, log_variance: (batch, latent_dim);  returns (batch,), nats
    """
    return 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum(dim=1)


def log_likelihood(logits: Tensor, images: Tensor) -> Tensor:
    """log p(x | z) where each pixel's ink, 0..1, is taken for a probability; both (batch, 1, 28, 28) -> (batch,), nats.

    Source: Kingma and Welling 2014, appendix C.1; Loaiza-Ganem and Cunningham 2019 say what it lacks for gray pixels.
    """
    ink = (images + 1) / 2  # 0..1
    return -F.binary_cross_entropy_with_logits(logits, ink, reduction="none").sum(dim=(1, 2, 3))


def elbo(vae: VAE, images: Tensor, labels: Tensor | None, noise: Tensor) -> Tensor:
    """ELBO of each image with one sample of z.

    images: (batch, 1, 28, 28) in -1..1;  noise: (batch, latent_dim), standard normal;  returns (batch,), nats
    """
    mean, log_variance = vae.encode(images, labels)
    z = reparameterize(mean, log_variance, noise)
    return log_likelihood(vae.decode(z, labels), images) - kl_to_standard_normal(mean, log_variance)


def vae_loss(vae: VAE, images: Tensor, labels: Tensor | None, rng: torch.Generator) -> Tensor:
    """-ELBO, the mean over the batch and the 784 pixels; nats per pixel. rng: on the CPU, chooses the noise."""
    noise = torch.randn(len(images), vae.latent_dim, generator=rng).to(images.device)
    return -elbo(vae, images, labels, noise).float().mean() / images[0].numel()
