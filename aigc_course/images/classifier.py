"""Handwritten digits with TensorFlow: the article's network, a fast trainer, a small convolutional network.

Networks take (n, 28, 28) floats in 0..1 and give probs (n, 10). Nothing is loaded, printed or plotted here.

Same seed, machine and number of threads: the same weights, bit for bit, from `model.fit` and from `train`. A CPU
needs `runtime.set_seed(seed)` right before the network is built: from it come the first weights, the order in which
`model.fit` sees the images, and `jitter`; `train` shuffles by its own `seed`. A GPU needs
`tf.config.experimental.enable_op_determinism()` too.
"""

import os
from pathlib import Path

import numpy as np
import tensorflow as tf
from safetensors.numpy import save
from tensorflow.keras import layers, models

from aigc_course.storage import weights as stored
from aigc_course.storage.files import write

CNN_FILE = "model.safetensors"  # the weights of cnn_model() in the folder that load_cnn() reads


def article_model() -> tf.keras.Model:
    """The article's network, compiled as the article does: 101,770 parameters."""
    model = models.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),  # (batch, 784)
            layers.Dense(128, activation="relu", name="hidden"),  # (batch, 128)
            layers.Dense(10, activation="softmax", name="output"),  # (batch, 10)
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def cnn_model() -> tf.keras.Model:
    """Three convolutions, each followed by batch normalization and ReLU: 76,906 parameters."""
    model = models.Sequential([layers.Input((28, 28)), layers.Reshape((28, 28, 1))])

    def convolution(name, filters, size, **how):
        model.add(layers.Conv2D(filters, size, use_bias=False, name=f"conv_{name}", **how))  # the norm has a bias
        model.add(layers.BatchNormalization(momentum=0.9, name=f"norm_{name}"))
        model.add(layers.ReLU())

    convolution("a", 24, 4, strides=2, padding="same")  # (batch, 14, 14, 24)
    convolution("b", 48, 3, padding="same")  # (batch, 14, 14, 48)
    model.add(layers.MaxPooling2D())  # (batch, 7, 7, 48)
    convolution("c", 96, 3)  # (batch, 5, 5, 96)
    model.add(layers.Flatten())  # (batch, 2400)
    model.add(layers.Dense(10, activation="softmax", name="output"))  # (batch, 10)
    return model


def jitter(images: tf.Tensor) -> tf.Tensor:
    """Each image moved by up to 2 pixels, turned by up to 0.15, stretched and slanted by up to 0.1, at random.

    images: (batch, 28, 28); returns the same shape. Source: Simard, Steinkraus, Platt (2003).
    """
    limits = tf.constant([2.0, 2.0, 0.15, 0.1, 0.1, 0.1])
    random = limits * tf.random.uniform((tf.shape(images)[0], 6), minval=-1.0)
    dx, dy, turn, width, height, slant = tf.unstack(random, axis=1)  # each (batch,)
    a, b = (1 + width) * tf.cos(turn), slant - (1 + width) * tf.sin(turn)
    c, d = (1 + height) * tf.sin(turn), (1 + height) * tf.cos(turn)
    dx, dy = dx + 13.5 * (1 - a - b), dy + 13.5 * (1 - c - d)  # the middle of the image is what stays
    moved = tf.raw_ops.ImageProjectiveTransformV3(  # pixel (x, y) is read at (a·x + b·y + dx, c·x + d·y + dy)
        images=images[..., None],
        transforms=tf.stack([a, b, dx, c, d, dy, 0 * dx, 0 * dx], axis=1),
        output_shape=(28, 28),
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )
    return tf.reshape(moved, (-1, 28, 28))


def one_cycle(progress: tf.Tensor, peak: float) -> tf.Tensor:
    """Learning rate at `progress` (0..1) of the training: up to `peak` in the first fifth, then down to 0.

    Source: Smith and Topin, Super-Convergence (2017), with straight lines.
    """
    return peak * tf.minimum(progress / 0.2, (1 - progress) / 0.8)


def train_step(model, moments, images, labels, learning_rate, t):
    """One step of Adam on one batch; return its mean loss. `t` counts the steps from 1.

    images: (batch, 28, 28) in 0..1;  labels: (batch,);  moments: Adam's two running means for each weight
    """
    with tf.GradientTape() as tape:
        probs = model(images, training=True)  # (batch, 10)
        loss = tf.reduce_mean(tf.keras.losses.sparse_categorical_crossentropy(labels, probs))
    weights = [w.value for w in model.trainable_variables]
    for w, (m, v), g in zip(weights, moments, tape.gradient(loss, weights), strict=True):
        tf.raw_ops.ResourceApplyAdam(  # the whole update of a weight in one operation
            var=w.handle, m=m.handle, v=v.handle, grad=g, lr=learning_rate, beta1=0.9, beta2=0.999,
            beta1_power=0.9**t, beta2_power=0.999**t, epsilon=1e-7,
        )  # fmt: skip
    return loss


def train(model, images, labels, *, num_epochs, batch_size=256, peak=1e-2, augment=lambda x: x, seed=0):
    """Train `model`, a whole epoch at a time inside the graph; yield each epoch's mean loss. images: uint8."""
    images, labels = tf.constant(images), tf.constant(labels, tf.int32)  # resident: moved once
    moments = [(tf.Variable(tf.zeros_like(w)), tf.Variable(tf.zeros_like(w))) for w in model.trainable_variables]
    num_steps = max(1, len(images) // batch_size)

    @tf.function
    def epoch(number):
        order = tf.random.experimental.stateless_shuffle(tf.range(len(images)), seed=tf.stack([seed, number]))
        total = 0.0
        for i in tf.range(num_steps):
            chosen = order[i * batch_size : (i + 1) * batch_size]
            batch = augment(tf.cast(tf.gather(images, chosen), tf.float32) / 255)
            t = tf.cast(number * num_steps + i + 1, tf.float32)
            learning_rate = one_cycle(t / (num_steps * num_epochs), peak)
            total += train_step(model, moments, batch, tf.gather(labels, chosen), learning_rate, t)
        return total / num_steps

    for number in range(num_epochs):
        yield float(epoch(tf.constant(number)))


def predict(model: tf.keras.Model, images: np.ndarray, batch_size: int = 250) -> np.ndarray:
    """What the network thinks of images: probs (n, 10) float32.

    images: (n, 28, 28), uint8 or floats in 0..1. Raises ValueError for another shape or type, NaN, other values.
    batch_size: how many at a time; 1000 through cnn_model() take 150 MiB more than 250.
    """
    images = np.asarray(images)
    if images.shape[1:] != (28, 28) or not len(images):
        raise ValueError(
            f"the images have the shape {images.shape}; expected (n, 28, 28), n at least 1: one is image[None]"
        )
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise ValueError(f"the images are {images.dtype}; expected uint8 in 0..255 or floats in 0..1")
    if images.dtype != np.uint8 and not (images.min() >= 0 and images.max() <= 1):  # also for NaN
        raise ValueError(f"the images hold {images.min()} .. {images.max()}; floats must be in 0..1: divide by 255?")
    scale = np.float32(255 if images.dtype == np.uint8 else 1)
    batches = (images[i : i + batch_size].astype(np.float32) / scale for i in range(0, len(images), batch_size))
    return np.concatenate([model(batch, training=False).numpy() for batch in batches])


def named_weights(model: tf.keras.Model) -> dict[str, tf.keras.Variable]:
    """The network's weights by name, "hidden.kernel", in its order."""
    return {f"{layer.name}.{weight.name}": weight for layer in model.layers for weight in layer.weights}


def save_weights(model: tf.keras.Model, path: str | os.PathLike) -> None:
    """Write the weights as safetensors: names, shapes and numbers, nothing that can run. All of the file, or none."""
    write(Path(path), save({name: weight.numpy() for name, weight in named_weights(model).items()}))


def load_weights(model: tf.keras.Model, path: str | os.PathLike) -> None:
    """Put the weights of a safetensors file into `model`, all of them or, when an error is raised, none.

    Raises FileNotFoundError, and ValueError for a file that is cut short, of another kind, or another network's.
    """
    advice = "fetch it again, or write it with save_weights(model, path)"
    arrays, weights = stored.read(Path(path), advice=advice).arrays, named_weights(model)
    stored.check(arrays, weights, Path(path), advice)
    for name, weight in weights.items():
        weight.assign(arrays[name])


def load_cnn(folder: str | os.PathLike) -> tf.keras.Model:
    """cnn_model() with the weights in `folder`, such as data/models/mnist_cnn; raises what load_weights raises."""
    model = cnn_model()
    load_weights(model, Path(folder) / CNN_FILE)
    return model
