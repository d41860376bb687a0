"""Learning from few labels: what is not given cannot be seen, the same seed gives the same, pairs begin alike."""

import inspect

import numpy as np
import pytest
import torch

from aigc_course.images import few_labels
from aigc_course.images.few_labels import (
    Labeled,
    SmallVelocity,
    accuracy,
    draw_images,
    draw_labels,
    next_batch,
    small_classifier,
    small_images,
    train_classifier,
    train_generator,
)


def stripes(count):
    """Two classes that are easy to tell: ink at the left, ink at the right."""
    labels = torch.arange(count) % 2
    images = torch.full((count, 1, 14, 14), -1.0)
    images[labels == 0, :, :, :7] = 1
    images[labels == 1, :, :, 7:] = 1
    return Labeled(images, labels)


def test_few_labels_are_the_first_of_more_and_as_many_of_each_class():
    labels = np.random.default_rng(0).integers(0, 10, 500)
    few, more = draw_labels(labels, 5, seed=3), draw_labels(labels, 20, seed=3)
    assert set(few) < set(more)
    assert (np.bincount(labels[more]) == 20).all()
    assert len(set(more)) == 200
    assert not np.array_equal(few, draw_labels(labels, 5, seed=4))
    for wrong in (0, 500):
        with pytest.raises(ValueError, match="per_class"):
            draw_labels(labels, wrong, 0)


def test_small_images_are_means_of_four():
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28)).astype(np.uint8)
    expected = images.reshape(3, 14, 2, 14, 2).mean(axis=(2, 4)) / 127.5 - 1
    np.testing.assert_allclose(small_images(images)[:, 0].numpy(), expected, atol=1e-5)
    with pytest.raises(ValueError, match="uint8"):
        small_images(images.astype(float))


def test_a_classifier_learns_and_the_seed_decides():
    own = stripes(20)
    one, other = (train_classifier(own, 0, num_steps=30) for _ in range(2))
    assert accuracy(one, stripes(40)) == 1
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert sum(weights.numel() for weights in small_classifier(10).parameters()) == 6586


def test_generated_images_are_half_of_a_batch():
    own, generated = stripes(10), Labeled(torch.full((5, 1, 14, 14), 0.5), torch.ones(5).long())
    batch = next_batch(own, lambda images, rng: images * 0.9, generated, torch.Generator())
    assert [(batch.images == value).all(dim=(1, 2, 3)).sum().item() for value in (0.5,)] == [few_labels.BATCH_SIZE // 2]
    assert batch.images[:16].abs().max() < 1
    assert len(next_batch(own, None, None, torch.Generator()).labels) == few_labels.BATCH_SIZE


def test_a_generator_draws_the_class_asked_for():
    drawn = draw_images(train_generator(stripes(20), 0, num_steps=150), 20, seed=0)
    assert drawn.images.shape == (40, 1, 14, 14)
    assert drawn.images.abs().max() <= 1
    ink_at_the_left = drawn.images[..., :7].mean(dim=(1, 2, 3)) > drawn.images[..., 7:].mean(dim=(1, 2, 3))
    assert (ink_at_the_left == (drawn.labels == 0)).float().mean() > 0.9


def test_the_velocity_points_from_the_image_to_the_guess():
    model = SmallVelocity(3)
    x, times = torch.randn(5, 1, 14, 14), torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    velocity = model(x, times)
    assert velocity.shape == x.shape
    assert torch.isfinite(velocity).all()


def test_what_an_arm_may_see_is_its_arguments():
    """No training takes data from elsewhere: a leak would have to come in through one of these names."""
    assert list(inspect.signature(train_generator).parameters) == ["own", "seed", "num_steps"]
    source = inspect.getsource(few_labels)
    assert not [
        word for word in ("mnist", "load_", "data_folder", "open(") if word in source.split('"""', 2)[2].lower()
    ]


def test_a_generator_is_blind_to_labels_that_it_was_not_given():
    own, others = stripes(20), stripes(20)
    one = train_generator(own, 0, num_steps=3)
    others.images.zero_()
    other = train_generator(own, 0, num_steps=3)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
