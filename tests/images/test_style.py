"""The style-based generator: AdaIN, noise, mixing, training as a GAN and as a decoder, bad input."""

from copy import deepcopy
from itertools import islice

import pytest
import torch
from killed_gan import small_images

from aigc_course.gan.networks import ConvDiscriminator
from aigc_course.gan.recipes import GANConfig, GanSetup
from aigc_course.gan.training import gan_image_steps
from aigc_course.images.keeping import Keeper
from aigc_course.images.style import (
    LABEL_STD,
    SIDES,
    MappingNetwork,
    StyleAutoencoder,
    StyleGenerator,
    adain,
    mix_styles,
    style_loss,
)


@pytest.fixture(scope="module")
def G():
    torch.manual_seed(0)
    G = StyleGenerator(latent_dim=4, width=4).eval()
    for layer in G.layers:
        torch.nn.init.normal_(layer.noise_strength)
    return G


LABELS = torch.tensor([0, 1, 1])


def test_it_is_about_as_large_as_the_other_generators():
    assert sum(weights.numel() for weights in StyleGenerator().parameters()) == pytest.approx(155_000, rel=0.05)


def test_adain_gives_every_feature_the_mean_and_deviation_that_the_style_says():
    torch.manual_seed(0)
    features, scale, shift = torch.rand(2, 3, 14, 14), torch.rand(2, 3) + 0.5, torch.randn(2, 3)
    styled = adain(features, scale, shift)
    torch.testing.assert_close(styled.mean(dim=(2, 3)), shift, rtol=0, atol=1e-5)
    torch.testing.assert_close(styled.std(dim=(2, 3), unbiased=False), scale, rtol=1e-3, atol=0)
    plain = (features - features.mean(dim=(2, 3), keepdim=True)) / features.std(dim=(2, 3), unbiased=False)[
        ..., None, None
    ]
    torch.testing.assert_close(styled, scale[..., None, None] * plain + shift[..., None, None], rtol=0, atol=1e-3)


def test_images_depend_on_style_label_and_noise(G):
    z, noise = torch.randn(3, 4), G.draw_noise(3, torch.Generator().manual_seed(0))
    images = G(z, LABELS, noise)
    assert images.shape == (3, 1, 28, 28)
    assert images.abs().max() <= 1
    assert torch.equal(images, G(z, LABELS, G.draw_noise(3, torch.Generator().manual_seed(0))))
    for other in (G(z.flip(0), LABELS, noise), G(z, LABELS.flip(0), noise), G(z, LABELS, G.draw_noise(3))):
        assert not torch.allclose(images, other, atol=1e-4)
    assert not torch.equal(G(z, LABELS), G(z, LABELS))  # new noise each time


def test_the_length_of_z_does_not_matter(G):
    z = torch.randn(3, 4)
    torch.testing.assert_close(G.mapping(z, LABELS), G.mapping(7 * z, LABELS), rtol=0, atol=1e-5)


def test_mixed_styles_are_coarse_before_the_layer_and_fine_from_there_on(G):
    coarse, fine = G.mapping(torch.randn(3, 4), LABELS), G.mapping(torch.randn(3, 4), LABELS)
    styles = mix_styles(coarse, fine, 2)
    assert styles.shape == (3, len(SIDES), 4)
    assert all(torch.equal(styles[:, number], coarse if number < 2 else fine) for number in range(len(SIDES)))
    noise = G.draw_noise(3)
    same = G.synthesize(mix_styles(coarse, fine, len(SIDES)), noise)
    assert torch.equal(same, G.synthesize(coarse[:, None].expand(-1, len(SIDES), -1), noise))
    assert not torch.allclose(same, G.synthesize(styles, noise), atol=1e-4)


def test_a_layer_that_takes_another_style_changes_nothing_before_it(G):
    w, other, noise, seen = torch.randn(1, 4), torch.randn(1, 4), G.draw_noise(1), []
    hooks = [layer.register_forward_hook(lambda *args: seen.append(args[-1].detach())) for layer in G.layers]
    for styles in (mix_styles(w, w, 6), mix_styles(w, other, 4)):
        G.synthesize(styles, noise)
    for hook in hooks:
        hook.remove()
    same = [torch.equal(first, second) for first, second in zip(seen[:6], seen[6:], strict=True)]
    assert same == [True] * 4 + [False] * 2
    assert [tuple(features.shape[2:]) for features in seen[:6]] == [(side, side) for side in SIDES]


@pytest.mark.parametrize("num_classes", [0, 3])
def test_trained_as_a_gan_and_interrupted_it_goes_on_with_the_same_weights(num_classes, tmp_path):
    config = GANConfig(num_steps=5, batch_size=8, latent_dim=4, one_draw=True, average=0.9)
    labels = torch.arange(50) % 3 if num_classes else None

    def train(num_steps, keeper=None):
        torch.manual_seed(0)
        G = StyleGenerator(4, 2, num_classes)
        setup = GanSetup(G, ConvDiscriminator(2, num_classes), config, deepcopy(G))
        for _ in islice(gan_image_steps(setup, small_images(), labels, keeper), num_steps):
            pass
        return setup.G.state_dict() | {f"average {name}": value for name, value in setup.best.state_dict().items()}

    calm, keeper = train(5), Keeper(tmp_path / "c", save_every=2)
    train(3, keeper)
    resumed = train(5, keeper)
    assert all(torch.equal(calm[name], value) for name, value in resumed.items())


def test_in_training_some_batches_mix_styles():
    torch.manual_seed(0)
    G = StyleGenerator(4, 2, 0).train()
    z, calls = torch.randn(2, 4), []
    hook = G.mapping.register_forward_hook(lambda *args: calls.append(1))
    for _ in range(40):
        G(z)
    hook.remove()
    assert 50 < len(calls) < 70  # one style for each batch, and another for about half of them


def test_what_does_not_fit_is_refused(G):
    z = torch.zeros(3, 4)
    for call, said in (
        (lambda: G(torch.zeros(3, 5), LABELS), r"z \(3, 5\): expected \(batch, 4\)"),
        (lambda: G([0.0], LABELS), "z list"),
        (lambda: G(z), "give it labels"),
        (lambda: G(z, LABELS + 9), "label 10: expected 0 to 9"),
        (lambda: MappingNetwork(4, 0)(z, LABELS), "without classes"),
        (lambda: G.synthesize(torch.zeros(3, 5, 4), G.draw_noise(3)), r"expected \(batch, 6, 4\)"),
        (lambda: G.synthesize(torch.zeros(3, 6, 4), G.draw_noise(3)[:5]), "noise for 5 layers"),
        (lambda: mix_styles(z, z[:2], 3), "expected equal"),
        (lambda: mix_styles(z, z, 7), "start 7: expected 0"),
    ):
        with pytest.raises(ValueError, match=said):
            call()


def test_the_loss_of_the_autoencoder_is_that_of_what_it_draws():
    """A generator that draws paper whatever it is told, beside an encoder that says N(0, 1): the KL part is 0."""
    torch.manual_seed(0)
    network = StyleAutoencoder(StyleGenerator(4, 4))
    for part in (network.generator.to_image, network.encoder.moments):
        torch.nn.init.zeros_(part.weight)
        torch.nn.init.zeros_(part.bias)
    images, rng = torch.full((3, 1, 28, 28), -1.0), torch.Generator().manual_seed(0)
    assert style_loss(network, images, LABELS, rng).item() == pytest.approx(0.6931, abs=1e-3)  # log 2: half ink
    torch.nn.init.constant_(network.generator.to_image.bias, -20)
    assert style_loss(network, images, LABELS, rng).item() == pytest.approx(1e-4, abs=1e-4)


def test_the_same_noise_gives_the_same_loss_and_it_reaches_every_weight():
    torch.manual_seed(0)
    network, images = StyleAutoencoder(StyleGenerator(4, 4)), torch.rand(3, 1, 28, 28) * 2 - 1
    one, again, other = (style_loss(network, images, LABELS, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert one.item() == again.item() != other.item()
    one.backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())


def test_at_the_start_styles_differ_with_z_as_much_as_z_does_and_more_with_the_label():
    torch.manual_seed(0)
    mapping, z = MappingNetwork(32, 10), torch.randn(500, 32)
    assert mapping.label.weight.std().item() == pytest.approx(LABEL_STD, rel=0.2)
    labels = torch.zeros(500, dtype=torch.long)
    by_z = mapping(z, labels).std(dim=0).mean()
    by_label = torch.stack([mapping(z, labels + digit) for digit in range(10)]).std(dim=0).mean()
    assert 0.5 < by_z.item() < 2
    assert by_label > by_z
