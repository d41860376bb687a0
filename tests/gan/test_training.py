"""The trainer of GANs: the article's mathematics, settings, bad input, stop and resume."""

import math
import multiprocessing
import random
import signal
import sys
from copy import deepcopy
from dataclasses import replace
from itertools import islice

import pytest
import torch
from killed_gan import CONFIG, SmallDiscriminator, run, small_images, small_setup
from safetensors.torch import load_file

from aigc_course.gan import training as gan_training
from aigc_course.gan.article import LATENT_DIM, Discriminator, Generator, article_steps
from aigc_course.gan.batches import noise, order_of
from aigc_course.gan.networks import ConvDiscriminator, ConvGenerator
from aigc_course.gan.recipes import GANConfig, GanSetup
from aigc_course.gan.training import Keeper, gan_image_steps, move_average
from aigc_course.storage import checkpoints
from aigc_course.storage.checkpoints import DamagedCheckpoint


def trained(config=CONFIG, steps=None, keeper=None):
    """The networks by name, and the rows, after a training on the bars."""
    setup = small_setup(config)
    rows = list(islice(gan_image_steps(setup, small_images(), keeper=keeper), steps))
    return {"G": setup.G, "D": setup.D, "average": setup.average}, rows


def equal(some, others):
    """Whether two groups of networks have the same weights and statistics, bit for bit."""
    return all(
        torch.equal(value, others[name].state_dict()[key])
        for name, network in some.items()
        for key, value in network.state_dict().items()
    )


def test_it_computes_what_the_articles_loop_computes(monkeypatch):
    """The same noise and batches for both: the weights differ by rounding only, as do the four numbers."""
    images, config = small_images(100), GANConfig(num_steps=20, batch_size=16)
    torch.manual_seed(0)
    networks = Generator(), Discriminator()
    ours, theirs = deepcopy(networks), deepcopy(networks)
    rows = list(gan_image_steps(GanSetup(*ours, config), images))
    batches, drawn = [], []
    for step in range(config.num_steps):
        epoch, place = divmod(step, 7)  # six batches of 16 and one of 4
        places = order_of(epoch, 100, config.seed)[place * 16 :][:16]
        batches.append((images[places].unsqueeze(1).float() / 127.5 - 1, None))
        drawn += list(noise(step, len(places), config))
    assert [len(batch) for batch, _ in batches[:7]] == [16] * 6 + [4]
    monkeypatch.setattr(torch, "randn", lambda *shape: drawn.pop(0).view(shape))
    expected = list(article_steps(*theirs, batches, num_epochs=1))
    assert not drawn
    for row, other in zip(rows, expected, strict=True):
        assert {name: float(row[name]) for name in other} == pytest.approx(other, abs=1e-4)
    for mine, other, first in zip(*(list(G.parameters()) + list(D.parameters()) for G, D in (ours, theirs, networks)),
                                  strict=True):  # fmt: skip
        moved = (other - first).abs().max().item()
        assert (mine - other).abs().max().item() < 0.01 * moved


def test_every_image_comes_once_an_epoch_in_a_new_order():
    first, second = order_of(0, 50, 0), order_of(1, 50, 0)
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(50))
    assert not torch.equal(first, second)
    assert torch.equal(first, order_of(0, 50, 0))
    assert not torch.equal(first, order_of(0, 50, 1))


def test_noise_depends_on_step_and_seed_alone_and_differs_for_both_updates():
    z = noise(3, 500, CONFIG)
    assert torch.equal(z, noise(3, 500, CONFIG))
    for other in (noise(4, 500, CONFIG), noise(3, 500, replace(CONFIG, seed=1)), z.flip(0)):
        assert not torch.equal(z, other)
    assert z.mean().item() == pytest.approx(0, abs=0.1)
    assert z.std().item() == pytest.approx(1, abs=0.05)


def test_the_generators_update_leaves_no_gradient_in_the_discriminator():
    """D's step empties its gradients, so what is there after G's update would have come from it."""
    setup = small_setup(replace(CONFIG, average=0))
    for _ in islice(gan_image_steps(setup, small_images()), 2):
        before = [parameter.grad.clone() for parameter in setup.D.parameters()]
    assert all(torch.equal(p.grad, gradient) for p, gradient in zip(setup.D.parameters(), before, strict=True))
    assert all(parameter.requires_grad for parameter in setup.D.parameters())


def test_the_average_follows_the_weights():
    model, average = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    expected = average.weight.item()
    for value in (1.0, 5.0, -2.0):
        torch.nn.init.constant_(model.weight, value)
        move_average(average, model, 0.9)
        expected = 0.9 * expected + 0.1 * value
    assert average.weight.item() == pytest.approx(expected, rel=1e-6)


def test_step_sizes_fall_to_0_in_the_last_part():
    config = replace(CONFIG, num_steps=100, falling=0.4)
    optimizers = gan_training.optimizers_for(*small_setup()[:2], config)
    rates = []
    for step in range(100):
        gan_training.set_learning_rates(optimizers, step, config)
        rates.append(optimizers["G"].param_groups[0]["lr"])
    assert rates[:61] == [1e-3] * 61
    assert rates[80] == pytest.approx(5e-4)
    assert 0 < rates[-1] < 3e-5


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    first, again, other = (trained(replace(CONFIG, seed=seed))[0] for seed in (0, 0, 1))
    assert equal(first, again)
    assert not equal(first, other)


def test_with_labels_the_networks_learn_which_is_which():
    """Bars above for label 0, below for label 1: after some steps G draws where it is told to."""
    images = torch.zeros(64, 28, 28, dtype=torch.uint8)
    labels = torch.arange(64) % 2
    images[labels == 0, :14], images[labels == 1, 14:] = 255, 255
    torch.manual_seed(0)
    G, D = ConvGenerator(8, 8, num_classes=2), ConvDiscriminator(8, num_classes=2)
    config = GANConfig(
        num_steps=150, batch_size=16, latent_dim=8, loss="hinge", g_learning_rate=2e-3, d_learning_rate=2e-3, beta1=0.5
    )
    for _ in gan_image_steps(GanSetup(G, D, config), images, labels):
        pass
    with torch.no_grad():
        drawn = G.eval()(torch.randn(20, 8), torch.arange(20) % 2)[:, 0]
    above = drawn[:, :14].mean(dim=(1, 2)) > drawn[:, 14:].mean(dim=(1, 2))
    assert above.tolist() == [True, False] * 10


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_compiled_it_computes_the_same(backend, monkeypatch):
    """Inductor has C++ compiled, which takes long; aot_eager traces the same graphs and runs them as they are."""
    plain_compile, compiled_parts = torch.compile, []

    def compile_with(part, mode):
        compiled_parts.append(part)
        return plain_compile(part, mode=mode, backend=backend)

    monkeypatch.setattr(torch, "compile", compile_with)
    images, rows = small_images(), {}
    for compiled in (False, True):
        torch.manual_seed(0)
        config = GANConfig(num_steps=4, batch_size=8, g_learning_rate=1e-3, d_learning_rate=1e-3, compiled=compiled)
        rows[compiled] = list(gan_image_steps(GanSetup(Generator(), Discriminator(), config), images))
    assert len(compiled_parts) == 3  # G, and the losses of both
    for plain, other in zip(rows[False], rows[True], strict=True):
        assert {k: float(v) for k, v in plain.items()} == pytest.approx(
            {k: float(v) for k, v in other.items()}, rel=1e-3
        )


@pytest.mark.parametrize(
    ("images", "error", "said"),
    [
        (torch.rand(50, 28, 28), TypeError, "uint8"),
        (small_images().numpy(), TypeError, "ndarray"),
        (small_images().unsqueeze(1), ValueError, r"expected \(count, 28, 28\)"),
        (small_images(5), ValueError, "do not fill a batch of 8"),
        (small_images() // 200, ValueError, "contain only 0 and 1"),
    ],
)
def test_images_that_do_not_fit_are_refused(images, error, said):
    with pytest.raises(error, match=said):
        next(gan_image_steps(small_setup(), images))


def test_other_mistakes_say_what_was_expected():
    setup = small_setup()
    for mismatched in (setup._replace(average=None), setup._replace(config=replace(CONFIG, average=0.0))):
        with pytest.raises(ValueError, match="give both or neither"):
            next(gan_image_steps(mismatched, small_images()))
    with pytest.raises(ValueError, match="expected one each"):
        next(gan_image_steps(setup, small_images(), torch.zeros(3)))
    with pytest.raises(TypeError, match=r"labels of torch\.float32: expected a tensor of whole numbers"):
        next(gan_image_steps(setup, small_images(), torch.zeros(50)))
    torch.nn.init.constant_(setup.D.main[1].weight, math.nan)
    with pytest.raises((FloatingPointError, ValueError), match=r"NaN|finite|nan"):
        list(gan_image_steps(setup, small_images()))


@pytest.mark.parametrize("hide", [lambda p: p.clamp(0.01, 0.99), lambda p: p.double().float(), lambda p: p.clone()])
def test_a_discriminator_that_hides_a_sigmoid_is_noticed(hide):
    setup = small_setup()
    logits = setup.D.logits
    setup.D.logits = lambda images: hide(torch.sigmoid(logits(images)))
    with pytest.warns(UserWarning, match=r"as probabilities do.*expect logits"):
        next(gan_image_steps(setup, small_images()))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"loss": "Wasserstein"}, "allowed: non-saturating"),
        ({"batch_size": 1}, "at least 2"),
        ({"num_steps": 0}, "at least 1"),
        ({"latent_dim": 0}, "at least 1"),
        ({"g_learning_rate": 0.0}, "above 0"),
        ({"d_learning_rate": math.nan}, "above 0"),
        ({"beta1": 1.0}, "below 1"),
        ({"average": -0.1}, "from 0"),
        ({"falling": 1.1}, "from 0 to 1"),
        ({"num_steps": 2.5}, "a whole number of at least 1"),
        ({"bfloat16": None}, "expected True or False"),
    ],
)
def test_settings_that_make_no_sense(wrong, said):
    with pytest.raises(ValueError, match=said):
        GANConfig(**wrong)


def test_interrupted_it_goes_on_with_the_same_weights(tmp_path):
    keeper = Keeper(tmp_path / "c", save_every=10)
    calm, _ = trained()
    trained(steps=23, keeper=keeper)
    resumed, rows = trained(keeper=keeper)
    assert int(rows[0]["step"]) == 21
    assert equal(calm, resumed)


@pytest.mark.parametrize("labels", [None, torch.arange(50) % 3])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("one_draw", [False, True])
def test_convolutions_go_on_with_the_same_weights_however_they_lie_in_memory(one_draw, layout, labels, tmp_path):
    """Adam's memory comes back in the order of the weights: the fused Adam would mix up the numbers without a word."""
    config = replace(CONFIG, num_steps=8, one_draw=one_draw, falling=0.5)

    def train(num_steps, keeper=None):
        torch.manual_seed(0)
        num_classes = 0 if labels is None else 3
        G = ConvGenerator(4, 4, num_classes).to(memory_format=layout)
        setup = GanSetup(G, ConvDiscriminator(4, num_classes).to(memory_format=layout), config, deepcopy(G))
        for _ in islice(gan_image_steps(setup, small_images(), labels, keeper), num_steps):
            pass
        return {"G": setup.G, "D": setup.D, "average": setup.average}

    keeper = Keeper(tmp_path / "c", save_every=3)
    train(5, keeper)
    assert equal(train(8), train(8, keeper))


def test_one_draw_shows_both_networks_the_same_images():
    """G's update gets the images that D's update was made with, or, without one_draw, images from other noise."""
    for one_draw in (True, False):
        setup, seen = small_setup(replace(CONFIG, one_draw=one_draw, average=0.0)), []
        setup.D.main.register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(inputs[0].detach()))
        next(gan_image_steps(setup, small_images()))
        both, fakes = seen[-2:]  # 8 real and 8 generated images for D's update, 8 generated ones for G's
        assert torch.equal(both[8:], fakes) is one_draw


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    keeper = Keeper(tmp_path / "c", save_every=10)
    trained(steps=10, keeper=keeper)
    with pytest.raises(ValueError, match=r"'seed': 0} where {'seed': 1} is asked for"):
        trained(replace(CONFIG, seed=1), keeper=keeper)
    setup = small_setup()
    with pytest.raises(ValueError, match="other data"):
        next(gan_image_steps(setup, 255 - small_images(), keeper=keeper))
    with pytest.raises(ValueError, match="a different shape"):
        next(gan_image_steps(setup._replace(D=WideDiscriminator()), small_images(), keeper=keeper))
    for content, said in (((tmp_path / "c").read_bytes()[:500], "cut short|damaged"), (b"\x80\x04pickle", "pickle")):
        (tmp_path / "d").write_bytes(content)
        with pytest.raises(DamagedCheckpoint, match=said):
            trained(keeper=Keeper(tmp_path / "d"))


class WideDiscriminator(SmallDiscriminator):
    """Twice as wide as the one that the checkpoint was written with."""

    def __init__(self) -> None:
        super().__init__()
        self.main[1], self.main[4] = torch.nn.Linear(784, 16), torch.nn.Linear(16, 1)


@pytest.mark.parametrize("num_kills", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_at_random_moments_it_ends_with_the_same_weights(tmp_path, num_kills):
    """SIGKILL, also in the middle of writing: the weights are those of the undisturbed run, no file is damaged."""
    forks = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    rng = random.Random(0)
    forks.set_forkserver_preload(["aigc_course.gan.training"])
    path, finals = tmp_path / "c", [str(tmp_path / name) for name in ("calm", "killed")]
    run(str(tmp_path / "calm.checkpoint"), finals[0])
    done = [0]
    for _ in range(num_kills):
        started = forks.Event()
        child = forks.Process(target=run, args=(str(path), finals[1], started))
        child.start()
        assert started.wait(60), "the training did not begin"
        child.join(rng.uniform(0, 0.05))
        child.kill()
        child.join()
        assert child.exitcode == -signal.SIGKILL, "it was over before it was killed"
        done.append(checkpoints.read(path).notes["state"]["step"])
        assert done[-1] > done[-2], "each part goes on from where the last one was killed"
    assert done[-1] < CONFIG.num_steps
    run(str(path), finals[1])
    calm, killed = map(load_file, finals)
    assert calm.keys() == killed.keys()
    assert all(torch.equal(calm[name], killed[name]) for name in calm)


def test_the_articles_networks_have_its_sizes():
    assert [sum(p.numel() for p in network.parameters()) for network in (Generator(), Discriminator())] == [
        sum(a * b + b for a, b in ((LATENT_DIM, 256), (256, 512), (512, 1024), (1024, 784))),
        sum(a * b + b for a, b in ((784, 1024), (1024, 512), (512, 256), (256, 1))),
    ]
