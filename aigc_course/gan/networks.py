"""Convolutional networks of a `gan` for 28 x 28 images: generator and discriminator, with or without labels.

Sources: Radford et al. 2015 (DCGAN); Mirza and Osindero 2014 (labels); Miyato et al. 2018 (spectral normalization, here
of the convolutions alone: the last layer is free); Miyato and Koyama 2018 (projection).
"""

# pyright: reportOptionalCall=false
# A network without labels has no table of them; check_labels has refused labels by then.

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from aigc_course.gan.losses import check_latent
from aigc_course.images.labels import check_labels

LABEL_STD = 0.1  # of the numbers in a label's vector at the start; those of z have 1, and as large they drown z


def drawing_layers(inputs: int, width: int) -> nn.Sequential:
    """(batch, inputs) -> images (batch, 1, 28, 28) in -1..1. Source: Radford et al. 2015 (DCGAN)."""
    return nn.Sequential(
        nn.Linear(inputs, 2 * width * 49, bias=False), nn.Unflatten(1, (2 * width, 7, 7)),
        nn.BatchNorm2d(2 * width), nn.ReLU(inplace=True),
        nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),  # (batch, width, 14, 14)
        nn.BatchNorm2d(width), nn.ReLU(inplace=True),
        nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
        nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1), nn.Tanh(),  # (batch, 1, 28, 28)
    )  # fmt: skip


class ConvGenerator(nn.Module):
    """z (batch, latent_dim) and labels (batch,), if it has classes -> images (batch, 1, 28, 28) in -1..1."""

    def __init__(self, latent_dim: int = 16, width: int = 32, num_classes: int = 0) -> None:
        super().__init__()
        self.latent_dim, self.width, self.num_classes = latent_dim, width, num_classes
        self.label = nn.Embedding(num_classes, latent_dim) if num_classes else None  # concatenated with z
        if self.label:
            nn.init.normal_(self.label.weight, std=LABEL_STD)
        self.main = drawing_layers(latent_dim * (2 if num_classes else 1), width)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        check_latent(z, self.latent_dim)
        check_labels(labels, self.num_classes, len(z))
        return self.main(z if labels is None else torch.cat([z, self.label(labels)], dim=1))


def reading_layers(width: int) -> nn.Sequential:
    """images (batch, 1, 28, 28) -> features (batch, 64 width); convolutions with spectral normalization."""
    return nn.Sequential(
        spectral_norm(nn.Conv2d(1, width, 4, stride=2, padding=1)), nn.LeakyReLU(0.2, inplace=True),
        spectral_norm(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)), nn.LeakyReLU(0.2, inplace=True),
        spectral_norm(nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1)), nn.LeakyReLU(0.2, inplace=True),
        nn.Flatten(),
    )  # fmt: skip


class ConvDiscriminator(nn.Module):
    """images (batch, 1, 28, 28) and labels (batch,), if it has classes -> logits (batch, 1)."""

    def __init__(self, width: int = 32, num_classes: int = 0) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.features = reading_layers(width)  # (batch, 64 width)
        self.out = nn.Linear(64 * width, 1)
        self.label = nn.Embedding(num_classes, 64 * width) if num_classes else None
        if self.label:
            nn.init.normal_(self.label.weight, std=0.01)  # almost 0 at first

    def logits(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        check_labels(labels, self.num_classes, len(images))
        features = self.features(images)  # (batch, 64 width)
        logits = self.out(features)
        return logits if labels is None else logits + (self.label(labels) * features).sum(dim=1, keepdim=True)

    forward = logits
