"""A style-based generator of 28 x 28 images: a mapping network, adaptive instance normalization, noise inputs, mixing.

Noise does not enter at the first layer: an image grows from a learned constant, and at each of six layers a style w
says how large and how bright every feature is. Source: Karras et al. 2019 (StyleGAN); Huang and Belongie 2017 (AdaIN).
Made for a GAN, it can also be trained as the decoder of an autoencoder, where it cannot forget any kind of image.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from aigc_course.images.labels import check_labels
from aigc_course.images.precision import check_precision
from aigc_course.images.vae import VAE, kl_to_standard_normal, reparameterize

SIDES = (7, 7, 14, 14, 28, 28)  # pixels of the side of what each layer draws: coarse layers first
LABEL_STD = 2.0  # of the numbers in a label's vector at the start; those of z have 1: a decoder shall need no z for it
LEAST = 1e-4  # probability of ink, and of paper: a tanh at its end would be certain
MIXED = 0.5  # share of the batches in training in which a second style takes over at some layer
Noise = Sequence[Tensor]  # one (batch, 1, side, side) for each layer


class MappingNetwork(nn.Module):
    """z (batch, latent_dim) and labels (batch,), if it has classes -> styles w (batch, latent_dim)."""

    def __init__(self, latent_dim: int, num_classes: int) -> None:
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes
        self.label = nn.Embedding(num_classes, latent_dim) if num_classes else None
        inputs = latent_dim * (2 if num_classes else 1)
        self.layers = nn.Sequential(
            nn.Linear(inputs, 2 * latent_dim), nn.LeakyReLU(0.2),
            nn.Linear(2 * latent_dim, 2 * latent_dim), nn.LeakyReLU(0.2),
            nn.Linear(2 * latent_dim, latent_dim),
        )  # fmt: skip
        if self.label is not None:
            nn.init.normal_(self.label.weight, std=LABEL_STD)
        for layer in self.layers:
            if isinstance(layer, nn.Linear):  # so that w differs as much as z does: with less, all images become alike
                nn.init.kaiming_normal_(layer.weight, 0.2)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        if not isinstance(z, Tensor) or z.dim() != 2 or z.shape[1] != self.latent_dim:
            kind = tuple(z.shape) if isinstance(z, Tensor) else type(z).__name__
            raise ValueError(f"z {kind}: expected (batch, {self.latent_dim}), one vector of noise for each image")
        check_labels(labels, self.num_classes, len(z))
        check_precision("z", z, next(self.layers.parameters()))
        z = z / (z.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()  # its direction counts, not its length
        if labels is not None and self.label is not None:
            z = torch.cat([z, self.label(labels)], dim=1)
        return self.layers(z)


def adain(features: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """scale · (x - mean) / std + shift, mean and std of each feature of each image over its pixels.

    features: (batch, channels, h, w);  scale, shift: (batch, channels)
    Source: Huang and Belongie 2017, equation 8.
    """
    normal = nn.functional.instance_norm(features)
    return scale[:, :, None, None] * normal + shift[:, :, None, None]


class StyledLayer(nn.Module):
    """A convolution, noise, an activation, and the style by AdaIN; may double the side first.

    features (batch, inputs, h, w), w (batch, latent_dim), noise (batch, 1, side, side) -> (batch, outputs, side, side)
    """

    def __init__(self, inputs: int, outputs: int, latent_dim: int, doubles: bool) -> None:
        super().__init__()
        self.convolve = (
            nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
            if doubles
            else nn.Conv2d(inputs, outputs, 3, padding=1)
        )
        self.noise_strength = nn.Parameter(torch.zeros(1, outputs, 1, 1))  # how much of the noise a feature takes
        self.style = nn.Linear(latent_dim, 2 * outputs)

    def forward(self, features: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        features = self.convolve(features) + self.noise_strength * noise
        scale, shift = self.style(w).chunk(2, dim=1)  # (batch, outputs) each
        return adain(nn.functional.leaky_relu(features, 0.2), 1 + scale, shift)


class StyleGenerator(nn.Module):
    """z (batch, latent_dim) and labels (batch,), if it has classes -> images (batch, 1, 28, 28) in -1..1.

    `mapping` makes styles, `synthesize` draws with one style for each layer, `draw_noise` makes what varies beside.
    With the defaults it has 0.16 million weights.
    """

    settings = ("latent_dim", "width", "num_classes")

    def __init__(self, latent_dim: int = 32, width: int = 32, num_classes: int = 10) -> None:
        super().__init__()
        self.latent_dim, self.width, self.num_classes = latent_dim, width, num_classes
        self.mapping = MappingNetwork(latent_dim, num_classes)
        self.constant = nn.Parameter(torch.randn(1, 2 * width, 7, 7))
        channels = [2 * width, 2 * width, 2 * width, width, width, width // 2, width // 2]
        doubles = [side > before for before, side in pairwise((7, *SIDES))]
        self.layers = nn.ModuleList(
            StyledLayer(inputs, outputs, latent_dim, double)
            for (inputs, outputs), double in zip(pairwise(channels), doubles, strict=True)
        )
        self.to_image = nn.Conv2d(channels[-1], 1, 1)

    def synthesize(self, styles: Tensor, noise: Noise) -> Tensor:
        """Draw with one style for each layer; styles (batch, 6, latent_dim), noise as from `draw_noise`."""
        if styles.dim() != 3 or styles.shape[1:] != (len(SIDES), self.latent_dim) or len(noise) != len(SIDES):
            raise ValueError(
                f"styles {tuple(styles.shape)} and noise for {len(noise)} layers: expected "
                f"(batch, {len(SIDES)}, {self.latent_dim}) and {len(SIDES)}"
            )
        check_precision("styles", styles, self.constant)
        features = self.constant.expand(len(styles), -1, -1, -1)  # (batch, 2 width, 7, 7)
        for number, layer in enumerate(self.layers):
            features = layer(features, styles[:, number], noise[number])
        return torch.tanh(self.to_image(features))

    def forward(self, z: Tensor, labels: Tensor | None = None, noise: Noise | None = None) -> Tensor:
        """Without noise, new noise is drawn from torch's global generator; in training, half the batches mix styles."""
        w = self.mapping(z, labels)
        styles = w[:, None].expand(-1, len(SIDES), -1)  # the same style at each layer
        if self.training and torch.rand(()) < MIXED:  # so that layers do not rely on each other's style
            start = int(torch.randint(1, len(SIDES), ()))
            styles = mix_styles(w, self.mapping(z.flip(0), labels), start)
        return self.synthesize(styles, self.draw_noise(len(z), None, z.device) if noise is None else noise)

    def draw_noise(
        self, count: int, rng: torch.Generator | None = None, device: str | torch.device = "cpu"
    ) -> list[Tensor]:
        """Standard normal noise for `count` images, (count, 1, side, side) for each layer; rng: on the CPU."""
        return [torch.randn(count, 1, side, side, generator=rng).to(device) for side in SIDES]


def mix_styles(coarse: Tensor, fine: Tensor, start: int) -> Tensor:
    """Styles for each layer: `coarse` for those before `start`, `fine` from there on.

    coarse, fine: (batch, latent_dim), what `mapping` makes;  start: 0 (all fine) to 6 (all coarse)
    returns (batch, 6, latent_dim);  ValueError for other shapes or another start.
    Source: Karras et al. 2019, section 3.1.
    """
    if coarse.shape != fine.shape or coarse.dim() != 2:
        raise ValueError(f"coarse {tuple(coarse.shape)}, fine {tuple(fine.shape)}: expected equal (batch, latent_dim)")
    if not 0 <= start <= len(SIDES):
        raise ValueError(f"start {start}: expected 0 (all layers take the fine style) to {len(SIDES)} (none does)")
    return torch.stack([coarse] * start + [fine] * (len(SIDES) - start), dim=1)


class StyleAutoencoder(nn.Module):
    """A style-based generator beside the encoder of a `vae.VAE`, which says from which z an image may come."""

    def __init__(self, generator: StyleGenerator | None = None) -> None:
        super().__init__()
        self.generator = generator or StyleGenerator()
        self.encoder = VAE(self.generator.latent_dim, num_classes=self.generator.num_classes)
        del self.encoder.draw  # the generator draws


def style_loss(network: StyleAutoencoder, images: Tensor, labels: Tensor | None, rng: torch.Generator) -> Tensor:
    """-ELBO of an autoencoder that draws with styles, the mean over the batch and the 784 pixels; nats per pixel.

    images: (batch, 1, 28, 28) in -1..1;  labels: (batch,) or None;  rng: on the CPU, chooses all noise
    """
    G = network.generator
    mean, log_variance = network.encoder.encode(images, labels)
    noise = torch.randn(mean.shape, generator=rng).to(images.device)
    w = G.mapping(reparameterize(mean, log_variance, noise), labels)
    drawn = G.synthesize(w[:, None].expand(-1, len(SIDES), -1), G.draw_noise(len(images), rng, images.device))
    probs, ink = ((x.float() + 1) / 2 for x in (drawn, images))  # 0..1
    missed = nn.functional.binary_cross_entropy(LEAST + (1 - 2 * LEAST) * probs, ink, reduction="none").sum(
        dim=(1, 2, 3)
    )
    return (missed + kl_to_standard_normal(mean, log_variance).float()).mean() / images[0].numel()
