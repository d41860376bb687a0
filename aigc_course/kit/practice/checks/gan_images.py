"""Checks of the exercises on GANs of images: pairwise distance, Fréchet distance, labels in D, averaged weights.

And the score of the challenge: how near real digits are the images that were chosen among those of the article's GAN?
"""

from functools import cache

import numpy as np

from aigc_course.kit.practice.checks import Function, Wrong, array, call, check_cases

NUM_DRAWN, NUM_CHOSEN = 4000, 1000


def check_pairwise(yours: Function) -> None:
    """`yours(images)` is the mean Euclidean distance over all pairs of two different images (n, height, width)."""
    rng = np.random.default_rng(1)
    batches = [
        rng.uniform(size=(5, 3, 4)),
        rng.uniform(size=(2, 4, 4)),
        np.repeat(rng.uniform(size=(1, 2, 3)), 4, axis=0),
    ]
    cases = [(images,) for images in batches]
    check_cases("05_3.pairwise", yours, cases)


def check_frechet(yours: Function) -> None:
    """`yours(m1, S1, m2, S2)` is the Fréchet distance of two Gaussians, squared as everyone uses it."""
    rng = np.random.default_rng(2)
    cases = []
    for dim in (2, 4):
        m1, m2 = rng.normal(size=(2, dim))
        S1, S2 = (a @ a.T + np.eye(dim) / 2 for a in rng.normal(size=(2, dim, dim)))
        cases += [(m1, S1, m2, S2), (m2, S1, m1, 64 * S2)]
    check_cases("05_3.frechet", yours, cases)


def check_label_logits(yours: Function) -> None:
    """`yours(features, labels, w, V)` is each image's logit: w·h, plus the product with the row of its label."""
    rng = np.random.default_rng(3)
    cases = []
    for count, dim, classes in ((5, 3, 4), (3, 3, 3), (1, 4, 2)):
        h, w, V = rng.normal(size=(count, dim)), rng.normal(size=dim), rng.normal(size=(classes, dim))
        cases.append((h, np.arange(count)[::-1] % classes, w, V))
    check_cases("05_3.labels", yours, cases)


def check_averaged(yours: Function) -> None:
    """`yours(weights, decay)` is the moving average after the last step; it begins with the weights of step 0."""
    rng = np.random.default_rng(4)
    cases = [
        (rng.normal(1, 1, size=(steps, size)), decay)
        for steps, size, decay in ((6, 3, 0.9), (12, 2, 0.7), (1, 4, 0.99), (5, 3, 0.3))
    ]
    check_cases("05_3.averaged", yours, cases)


def score_choose(yours: Function) -> float:
    """Fréchet distance, to the test half, of the images that `yours(images, features, probs)` chooses."""
    images, seen, real = drawn_by_the_article()
    rows = array(call(yours, images, seen.features, seen.probs))
    if rows.dtype == bool and rows.shape == (NUM_DRAWN,):
        rows = np.flatnonzero(rows)
    if rows.shape != (NUM_CHOSEN,):
        raise Wrong("how_many", wanted=NUM_CHOSEN, got=rows.shape[0] if rows.ndim == 1 else rows.shape)
    if not np.array_equal(rows, np.round(rows)) or rows.min() < 0 or rows.max() >= NUM_DRAWN:
        raise Wrong("not_rows", last=NUM_DRAWN - 1)
    if len(np.unique(rows)) < NUM_CHOSEN:
        raise Wrong("twice", different=len(np.unique(rows)), wanted=NUM_CHOSEN)

    from aigc_course.images.metrics import frechet_distance

    return frechet_distance(real, seen.features[rows.astype(np.int64)])


@cache
def drawn_by_the_article() -> tuple:
    """4,000 images of the article's GAN, what the network of digit_features sees in them, the Gaussian of real ones."""
    from aigc_course.gan.generators import SHIPPED, draw, load_generator
    from aigc_course.images.features import FOLDER, describe, load_digit_features
    from aigc_course.images.metrics import Gaussian
    from aigc_course.kit import runtime

    folder = runtime.data_folder()
    images = draw(load_generator(folder / "models" / SHIPPED["article-gan"]), NUM_DRAWN, seed=7)
    seen = describe(images, load_digit_features(folder / "models" / FOLDER))
    with np.load(folder / "real_digits_gaussian.npz") as kept:
        real = Gaussian(kept["mean"], kept["covariance"], int(kept["num"]))
    return images, seen, real
