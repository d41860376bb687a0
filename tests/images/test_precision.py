"""Networks that look at their input refuse numbers of another precision before torch does, and say what to do."""

import pytest
import torch

from aigc_course.images.features import DigitFeatures
from aigc_course.images.style import StyleAutoencoder, StyleGenerator
from aigc_course.images.unet import UNet
from aigc_course.images.vae import VAE, elbo

IMAGES, LABELS, TIMES = torch.zeros(2, 1, 28, 28), torch.tensor([0, 3]), torch.full((2,), 0.5)
CALLS = {
    "vae.encode": (lambda: VAE(3, 2), lambda network, to: network.encode(IMAGES.to(to), LABELS)),
    "vae.decode": (lambda: VAE(3, 2), lambda network, to: network.decode(torch.zeros(2, 3).to(to), LABELS)),
    "elbo": (lambda: VAE(3, 2), lambda network, to: elbo(network, IMAGES.to(to), LABELS, torch.zeros(2, 3))),
    "unet, images": (lambda: UNet(8), lambda network, to: network(IMAGES.to(to), TIMES, LABELS)),
    "unet, times": (lambda: UNet(8), lambda network, to: network(IMAGES, TIMES.to(to), LABELS)),
    "style, z": (lambda: StyleGenerator(3, 2), lambda network, to: network(torch.ones(2, 3).to(to), LABELS)),
    "style, styles": (
        lambda: StyleGenerator(3, 2),
        lambda network, to: network.synthesize(torch.ones(2, 6, 3).to(to), network.draw_noise(2)),
    ),
    "digit features": (DigitFeatures, lambda network, to: network(IMAGES.to(to))),
    "style autoencoder": (
        lambda: StyleAutoencoder(StyleGenerator(3, 2)),
        lambda network, to: network.encoder.encode(IMAGES.to(to), LABELS),
    ),
}


@pytest.mark.parametrize("kind", [torch.float64, torch.int64])
@pytest.mark.parametrize("call", CALLS)
def test_another_precision_is_refused_with_what_to_do(call, kind):
    make, ask = CALLS[call]
    network = make().eval()
    ask(network, torch.float32)
    with pytest.raises((ValueError, TypeError), match=r"expected (torch\.float32, as the weights have; give|.*floats)"):
        ask(network, kind)


@pytest.mark.parametrize("call", ["vae.encode", "vae.decode", "unet, images", "style, z"])
def test_a_network_of_double_precision_takes_such_numbers_only(call):
    make, ask = CALLS[call]
    network = make().double().eval()
    with pytest.raises(ValueError, match=r"give \w+\.to\(torch\.float64\)"):
        ask(network, torch.float32)


def test_half_precision_passes_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        for make, ask in CALLS.values():
            ask(make().eval(), torch.bfloat16)
