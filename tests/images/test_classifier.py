"""The classifier: what is trained, what is written and read back, and what is refused."""

import errno
import pickle
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from aigc_course.images import classifier
from aigc_course.kit.datasets import Digits, load_mnist
from aigc_course.kit.runtime import data_folder, set_seed


@pytest.fixture(scope="module")
def digits() -> Digits:
    return load_mnist("train")


@pytest.fixture(scope="module")
def unseen() -> Digits:
    return load_mnist("test")


def trained(build, digits, *, seed=0, num_images=4000, **recipe):
    """A network of its own seed, trained on the first images, and the losses of its epochs."""
    set_seed(seed)
    model = build()
    losses = list(classifier.train(model, digits.images[:num_images], digits.labels[:num_images], seed=seed, **recipe))
    return model, losses


def accuracy(model, digits, num_images=1000):
    return np.mean(classifier.predict(model, digits.images[:num_images]).argmax(axis=1) == digits.labels[:num_images])


def equal_weights(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


# ------------------------------------------------------------ networks


def test_the_articles_network_is_the_articles():
    model = classifier.article_model()
    assert [layer.output.shape[1:] for layer in model.layers] == [(784,), (128,), (10,)]
    assert model.count_params() == 784 * 128 + 128 + 128 * 10 + 10
    assert isinstance(model.optimizer, tf.keras.optimizers.Adam)
    assert model.loss == "sparse_categorical_crossentropy"


def test_the_convolutional_network_is_the_smaller_one():
    cnn = classifier.cnn_model()
    assert cnn.count_params() == 76_906 < classifier.article_model().count_params()
    assert cnn.output_shape == (None, 10)


def test_an_untrained_network_knows_nothing(digits):
    set_seed(0)
    probs = classifier.predict(classifier.cnn_model(), digits.images[:500])
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    assert -np.log(probs[np.arange(500), digits.labels[:500]]).mean() == pytest.approx(np.log(10), abs=0.4)


# ------------------------------------------------------------ training


def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing():
    progress = tf.constant([0.0, 0.1, 0.2, 0.6, 1.0])
    np.testing.assert_allclose(classifier.one_cycle(progress, 0.01), [0, 0.005, 0.01, 0.005, 0], atol=1e-9)


def test_two_steps_agree_with_keras_adam(digits):
    set_seed(0)
    ours = classifier.article_model()
    theirs = tf.keras.models.clone_model(ours)
    theirs.set_weights(ours.get_weights())
    theirs.compile(optimizer=tf.keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy")
    images, labels = digits.images[:64].astype(np.float32) / 255, digits.labels[:64].astype(np.int32)
    moments = [(tf.Variable(tf.zeros_like(w)), tf.Variable(tf.zeros_like(w))) for w in ours.trainable_variables]
    for t in (1.0, 2.0):
        classifier.train_step(ours, moments, images, labels, 0.01, tf.constant(t))
        theirs.train_on_batch(images, labels)
    for mine, keras in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, keras, atol=2e-4)  # one step moves a weight by 0.01


def test_each_epoch_sees_every_image_once_in_another_order(digits):
    order = []

    def watch(batch):  # the top left pixel, made to hold the image's number, is read as the batch passes
        tf.py_function(lambda seen: order.append(np.rint(seen.numpy() * 255).astype(int)), [batch[:, 0, 0]], [])
        return batch

    images = digits.images[:200].copy()
    images[:, 0, 0] = np.arange(200)
    set_seed(0)
    epochs = classifier.train(
        classifier.article_model(), images, digits.labels[:200], num_epochs=2, batch_size=50, augment=watch
    )
    assert len(list(epochs)) == 2
    first, second = np.concatenate(order[:4]), np.concatenate(order[4:])
    assert sorted(first) == sorted(second) == list(range(200))
    assert list(first) != list(second) != list(range(200))


def test_the_fast_trainer_learns(digits, unseen):
    model, losses = trained(classifier.article_model, digits, num_epochs=5, batch_size=64, peak=5e-3)
    assert len(losses) == 5
    assert losses[-1] < losses[0] / 4
    assert accuracy(model, unseen) > 0.9


def test_the_convolutional_network_learns_in_one_short_epoch(digits, unseen):
    model, _ = trained(classifier.cnn_model, digits, num_epochs=1, batch_size=32, peak=8e-3, augment=classifier.jitter)
    assert accuracy(model, unseen) > 0.93


@pytest.mark.parametrize(
    ("build", "augment"), [(classifier.article_model, lambda x: x), (classifier.cnn_model, classifier.jitter)]
)
def test_the_same_seed_gives_the_same_weights_bit_for_bit(digits, build, augment):
    recipe = {"num_epochs": 2, "batch_size": 64, "num_images": 640, "augment": augment}
    first, losses = trained(build, digits, seed=3, **recipe)
    again, same_losses = trained(build, digits, seed=3, **recipe)
    other, _ = trained(build, digits, seed=4, **recipe)
    assert losses == same_losses
    assert equal_weights(first, again)
    assert not equal_weights(first, other)


def test_another_seed_for_the_order_alone_gives_other_weights(digits):
    models = []
    for seed in (0, 1):
        set_seed(0)
        models.append(classifier.article_model())
        list(classifier.train(models[-1], digits.images[:640], digits.labels[:640], num_epochs=1, seed=seed))
    assert not equal_weights(*models)


def test_the_articles_fit_repeats_itself_too(digits):
    models = []
    for seed in (0, 0, 1):
        set_seed(seed)
        models.append(classifier.article_model())
        models[-1].fit(digits.images[:640] / 255.0, digits.labels[:640], verbose=0)
    assert equal_weights(models[0], models[1])
    assert not equal_weights(models[0], models[2])


def test_jitter_moves_each_image_a_little_and_in_its_own_way():
    set_seed(0)
    disc = np.hypot(*np.mgrid[-13.5:14, -13.5:14]) < 6
    moved = classifier.jitter(tf.constant(np.repeat(disc[None], 500, axis=0), tf.float32)).numpy()
    assert moved.shape == (500, 28, 28)
    assert moved.min() >= 0
    assert moved.max() <= 1
    mass = moved.sum(axis=(1, 2))
    rows = (moved.sum(axis=2) @ np.arange(28)) / mass - 13.5
    columns = (moved.sum(axis=1) @ np.arange(28)) / mass - 13.5
    for offset in (rows, columns):  # uniform in -2..2, give or take the stretch
        assert np.abs(offset).max() < 2.5
        assert offset.std() == pytest.approx(4 / np.sqrt(12), rel=0.1)
        assert offset.mean() == pytest.approx(0, abs=0.2)
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.15
    assert mass.std() / mass.mean() > 0.03  # stretched


# ------------------------------------------------------------ answers


def test_bytes_and_floats_get_the_same_answer_whatever_the_batch(digits):
    set_seed(0)
    model = classifier.cnn_model()
    images = digits.images[:70]
    probs = classifier.predict(model, images)
    np.testing.assert_allclose(classifier.predict(model, images / 255.0), probs, atol=1e-6)
    np.testing.assert_allclose(classifier.predict(model, images, batch_size=32), probs, atol=1e-6)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((28, 28)), r"expected \(n, 28, 28\).*image\[None\]"),
        (np.zeros((5, 32, 32)), r"shape \(5, 32, 32\)"),
        (np.zeros((0, 28, 28)), "n at least 1"),
        (np.zeros((1, 28, 28), dtype=int), "int64; expected uint8"),
        (np.full((1, 28, 28), 255.0), "divide by 255"),
        (np.full((1, 28, 28), -0.1), "in 0..1"),
        (np.full((1, 28, 28), np.nan), "hold nan"),
    ],
)
def test_other_images_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        classifier.predict(classifier.article_model(), images)


# ------------------------------------------------------------ files


@pytest.mark.parametrize("build", [classifier.article_model, classifier.cnn_model])
def test_a_network_read_back_gives_equal_answers(build, digits, tmp_path):
    model, _ = trained(build, digits, num_epochs=1, batch_size=64, num_images=640)
    classifier.save_weights(model, tmp_path / "digits.safetensors")
    loaded = build()
    assert not equal_weights(loaded, model)
    classifier.load_weights(loaded, tmp_path / "digits.safetensors")
    np.testing.assert_array_equal(
        classifier.predict(loaded, digits.images[:500]), classifier.predict(model, digits.images[:500])
    )
    assert [path.name for path in tmp_path.iterdir()] == ["digits.safetensors"]


def test_the_file_holds_readable_names(tmp_path):
    classifier.save_weights(classifier.article_model(), tmp_path / "digits.safetensors")
    shapes = {name: array.shape for name, array in load_file(tmp_path / "digits.safetensors").items()}
    assert shapes == {
        "hidden.kernel": (784, 128), "hidden.bias": (128,), "output.kernel": (128, 10), "output.bias": (10,),
    }  # fmt: skip


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "digits.safetensors"
    classifier.save_weights(classifier.article_model(), path)
    before = path.read_bytes()

    def full_disk(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        classifier.save_weights(classifier.article_model(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_whoever_has_the_old_file_open_keeps_it_whole(tmp_path):
    path = tmp_path / "digits.safetensors"
    classifier.save_weights(classifier.article_model(), path)
    before = path.read_bytes()
    with path.open("rb") as reader:
        classifier.save_weights(classifier.article_model(), path)
        assert reader.read() == before
    assert path.read_bytes() != before


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"digits\.safetensors.*save_weights"):
        classifier.load_weights(classifier.article_model(), tmp_path / "digits.safetensors")


def write_cut_short(path):
    classifier.save_weights(classifier.article_model(), path)
    path.write_bytes(path.read_bytes()[:-1000])


def write_a_pickle(path):
    path.write_bytes(pickle.dumps({"hidden.kernel": np.zeros((784, 128), np.float32)}))


def write_a_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", "x")


def write_another_network(path):
    classifier.save_weights(classifier.cnn_model(), path)


def write_another_shape(path):
    classifier.save_weights(classifier.article_model(), path)
    save_file(load_file(path) | {"hidden.bias": np.zeros(64, np.float32)}, path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (write_cut_short, "bytes.*cut short.*fetch it again"),
        (lambda path: path.write_bytes(b""), r"\(0 bytes\) was cut short"),
        (lambda path: path.write_text("<html>not found</html>"), "no safetensors file"),
        (write_a_pickle, "is a pickle.*can hold code"),
        (write_a_zip, "a zip archive.*can hold code"),
        (write_another_network, "another network: .* and [0-9]+ more differ"),
        (write_another_shape, r'network: "hidden.bias" is \(64,\) in the file, \(128,\) in the network;'),
    ],
)
def test_another_file_is_refused_and_the_network_stays_as_it_was(write, message, tmp_path):
    write(tmp_path / "digits.safetensors")
    model = classifier.article_model()
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        classifier.load_weights(model, tmp_path / "digits.safetensors")
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_a_header_that_begins_like_a_pickle_is_still_read(tmp_path):
    """The file's first bytes are the header's length; 640 is written 80 02, as a pickle begins."""
    set_seed(0)
    model = classifier.article_model()
    classifier.save_weights(model, tmp_path / "digits.safetensors")
    content = (tmp_path / "digits.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    padded = content[8 : 8 + length].ljust(640)
    (tmp_path / "digits.safetensors").write_bytes((640).to_bytes(8, "little") + padded + content[8 + length :])
    loaded = classifier.article_model()
    classifier.load_weights(loaded, tmp_path / "digits.safetensors")
    assert equal_weights(loaded, model)


def test_the_shipped_network_reads_digits(unseen):
    cnn = classifier.load_cnn(data_folder() / "models" / "mnist_cnn")
    assert accuracy(cnn, unseen) > 0.985


def test_fewer_images_than_a_batch_make_one_step_an_epoch():
    images = np.random.default_rng(0).integers(0, 256, (10, 28, 28), dtype=np.uint8)
    labels = np.arange(10, dtype=np.uint8)
    set_seed(0)
    losses = list(classifier.train(classifier.article_model(), images, labels, num_epochs=3, batch_size=256))
    assert len(losses) == 3
    assert losses[-1] < losses[0]
