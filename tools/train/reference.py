"""Keep the Gaussian of real digits that a challenge is judged by: python -m tools.train.reference

Writes data/real_digits_gaussian.npz: mean and covariance of the features of every second test image, from the second
on; the chapter chooses on the others. Needs all of MNIST.
"""

import numpy as np

from aigc_course.images.features import FOLDER, describe, load_digit_features
from aigc_course.images.metrics import gaussian
from aigc_course.kit import runtime
from aigc_course.kit.datasets import load_mnist
from aigc_course.storage.files import replacing

REFERENCE = runtime.data_folder() / "real_digits_gaussian.npz"


def main() -> None:
    test = load_mnist("test")
    if not test.is_full:
        raise SystemExit("the reference needs all of MNIST, which could not be had; see the line above")
    reader = load_digit_features(runtime.data_folder() / "models" / FOLDER)
    real = gaussian(describe(test.images[1::2], reader).features)
    mean, covariance = real.mean.astype(np.float32), real.covariance.astype(np.float32)
    with replacing(REFERENCE) as file:
        np.savez_compressed(file, mean=mean, covariance=covariance, num=real.num_images)


if __name__ == "__main__":
    main()
