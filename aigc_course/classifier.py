"""Handwritten digits with TensorFlow: the article's network, a fast trainer, a small CNN, and what to ask of a classifier.

Images are (n, 28, 28) uint8 as MNIST stores them, labels (n,) whole numbers 0..9, probs (n, 10). Nothing is loaded here.

Same seed, same machine, same number of threads: bitwise the same weights. For that, call `tf.keras.utils.set_random_seed`
(or `runtime.set_seed`) right before a network is built: it draws the first weights, and for `model.fit` also the order
of the images. `train` draws everything else from its own `seed`. On a GPU, also call
`tf.config.experimental.enable_op_determinism()`; on a CPU it changes nothing and is not needed.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from tensorflow.keras import layers, models


def article_model() -> models.Sequential:
    """The article's network, compiled as in the article; takes (n, 28, 28) floats in 0..1, gives probs (n, 10)."""
    model = models.Sequential([
        layers.Input((28, 28)),
        layers.Flatten(),                                           # (n, 784)
        layers.Dense(128, activation="relu", name="hidden"),        # (n, 128)
        layers.Dense(10, activation="softmax", name="output"),      # (n, 10)
    ])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def digit_cnn() -> models.Sequential:
    """A small convolutional network with 76,906 numbers; takes (n, 28, 28) floats in 0..1, gives probs (n, 10)."""
    model = models.Sequential([layers.Input((28, 28)), layers.Reshape((28, 28, 1))])
    for block, (filters, size, stride) in enumerate([(24, 4, 2), (48, 3, 1), (96, 3, 1)], start=1):
        model.add(layers.Conv2D(filters, size, stride, "same" if block < 3 else "valid", use_bias=False, name=f"conv{block}"))
        model.add(layers.BatchNormalization(momentum=0.9, name=f"norm{block}"))
        model.add(layers.ReLU())                                    # (n, 14, 14, 24), (n, 14, 14, 48), (n, 5, 5, 96)
        if block == 2:
            model.add(layers.MaxPooling2D())                        # (n, 7, 7, 48)
    model.add(layers.Flatten())                                     # (n, 2400)
    model.add(layers.Dense(10, activation="softmax", name="output"))
    return model


@dataclass(frozen=True)
class TrainConfig:
    num_epochs: int = 5                   # passes over the images
    batch_size: int = 512                 # images a step
    peak_learning_rate: float = 2e-2      # Adam's step size at the top of its way up and down
    warm_up: float = 0.2                  # the part of all steps in which it rises
    distort: bool = False                 # show every image shifted, turned and stretched a little, each time differently


FAST = TrainConfig()                      # for article_model()
CNN_QUICK = TrainConfig(num_epochs=1, batch_size=64, peak_learning_rate=4e-3)
CNN_FULL = TrainConfig(num_epochs=8, batch_size=256, peak_learning_rate=8e-3, distort=True)


def train(model, images, labels, config: TrainConfig, seed: int) -> Iterator[dict[str, float]]:
    """Train `model` in place; yield {"epoch", "loss"} after each epoch.

    A whole epoch is one graph, and the images lie in it as bytes. The learning rate rises, then falls to 0 along a cosine.
    Source: L. Smith, N. Topin, "Super-convergence" (2018). Raises ValueError for images or labels of another kind.
    """
    check_digits(images, labels, at_least=config.batch_size)
    images, labels, size = tf.constant(images), tf.constant(labels, tf.int32), config.batch_size
    steps_per_epoch = len(images) // size
    optimizer = one_cycle_adam(config, steps_per_epoch * config.num_epochs)
    optimizer.build(model.trainable_variables)

    @tf.function
    def run_epoch(epoch):
        total_loss = 0.0
        order = tf.random.experimental.stateless_shuffle(tf.range(len(images)), seed=(seed, epoch))
        for step in tf.range(steps_per_epoch):
            chosen = order[step * size : (step + 1) * size]
            batch = tf.cast(tf.gather(images, chosen), tf.float32) / 255              # (batch, 28, 28)
            if config.distort:
                batch = distorted(batch, seed=(seed, epoch * steps_per_epoch + step))
            total_loss += train_step(model, optimizer, batch, tf.gather(labels, chosen))
        return total_loss / steps_per_epoch

    for epoch in range(config.num_epochs):
        yield {"epoch": epoch + 1, "loss": float(run_epoch(tf.constant(epoch)))}


def one_cycle_adam(config: TrainConfig, num_steps: int) -> tf.keras.optimizers.Adam:
    """Adam whose learning rate rises in a line from 0 to the peak, then falls along a cosine to 0 at `num_steps`."""
    warm_up = max(1, round(config.warm_up * num_steps))
    return tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(
        0.0, max(1, num_steps - warm_up), warmup_target=config.peak_learning_rate, warmup_steps=warm_up
    ))


def train_step(model, optimizer, batch, labels):
    """One step of gradient descent on a batch (batch, 28, 28) of floats; returns the loss -E[log p(label)]."""
    with tf.GradientTape() as tape:
        probs = model(batch, training=True)                                           # (batch, 10)
        loss = tf.reduce_mean(tf.keras.losses.sparse_categorical_crossentropy(labels, probs))
    weights = model.trainable_variables
    optimizer.apply(tape.gradient(loss, weights), weights)
    return loss


def distorted(batch, seed, shift=2.0, turn=0.15, stretch=0.1, shear=0.1):
    """Each image (28, 28) moved by up to `shift` pixels, turned by `turn` radians, stretched and sheared, at random.

    Source: P. Simard, D. Steinkraus, J. Platt, "Best practices for convolutional neural networks" (2003).
    """
    batch = tf.ensure_shape(batch, (None, 28, 28))
    amounts = tf.constant([shift, shift, turn, stretch, stretch, shear])
    dx, dy, angle, sx, sy, slant = tf.unstack(amounts * tf.random.stateless_uniform((tf.shape(batch)[0], 6), seed, -1), axis=1)
    a, b = (1 + sx) * tf.cos(angle), slant - (1 + sx) * tf.sin(angle)
    c, d = (1 + sy) * tf.sin(angle), (1 + sy) * tf.cos(angle)
    dx, dy = dx + 13.5 * (1 - a - b), dy + 13.5 * (1 - c - d)                         # turn about the middle
    zero = tf.zeros_like(dx)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=batch[..., None], transforms=tf.stack([a, b, dx, c, d, dy, zero, zero], axis=1), output_shape=(28, 28),
        interpolation="BILINEAR", fill_mode="CONSTANT", fill_value=0.0,
    )
    return moved[..., 0]                                                              # (batch, 28, 28)


def predict_probs(model, images, batch_size: int = 1000) -> np.ndarray:
    """What the network thinks of (n, 28, 28) uint8 images: probs (n, 10) float32, each row sums to 1."""
    check_digits(images)
    batches = (images[start : start + batch_size] for start in range(0, len(images), batch_size))
    return np.concatenate([model(batch / np.float32(255), training=False).numpy() for batch in batches])


def check_digits(images, labels=None, at_least: int = 1) -> None:
    """Raise ValueError unless there are `at_least` images (n, 28, 28) uint8 and, if given, as many labels in 0..9."""
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
        raise ValueError(f"the images are {images.dtype} {images.shape}; expected uint8 (n, 28, 28), as load_mnist gives them")
    if len(images) < at_least:
        raise ValueError(f"{len(images)} images are too few; at least {at_least} (one batch) are needed")
    if labels is not None and (labels.shape != images.shape[:1] or labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() > 9):
        raise ValueError(f"the labels are {labels.dtype} {labels.shape}; expected one whole number 0..9 for each of {len(images)} images")
