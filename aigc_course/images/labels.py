"""Labels of images that a network draws: which class each of them shall show."""

import numpy as np
import torch
from torch import Tensor

WHOLE_NUMBERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def check_labels(labels: Tensor | None, num_classes: int, count: int) -> None:
    """ValueError unless there is one label of 0..num_classes-1 for each of `count` images, or none without classes."""
    if num_classes == 0:
        if labels is not None:
            raise ValueError("labels given to a network without classes; leave them out, or build it with num_classes")
        return
    if labels is None:
        raise ValueError(f"this network draws one of {num_classes} classes: give it labels, one for each image")
    if labels.is_floating_point() or labels.shape != (count,):
        raise ValueError(f"labels {labels.dtype} of shape {tuple(labels.shape)}: expected {count} whole numbers")
    if not torch.compiler.is_compiling() and count and not 0 <= int(labels.min()) <= int(labels.max()) < num_classes:
        raise ValueError(
            f"label {int(labels.max() if labels.min() >= 0 else labels.min())}: expected 0 to {num_classes - 1}"
        )


def labels_for(num_classes: int, count: int, labels: int | np.ndarray | Tensor | None, seed: int) -> Tensor | None:
    """(count,) labels for a network with classes, None for one without.

    labels: one for all or one each; None draws them uniformly, the same ones for the same seed
    ValueError for labels that do not fit.
    """
    if not num_classes:
        if labels is not None:
            raise ValueError("this generator takes no labels: it draws whatever it likes. Use the conditional one")
        return None
    if labels is None:
        return torch.from_numpy(np.random.default_rng([seed, 1]).integers(num_classes, size=count))
    labels = torch.as_tensor(labels)
    if labels.dtype not in WHOLE_NUMBERS or labels.shape not in ((), (count,)):
        raise ValueError(f"labels {labels.dtype} of shape {tuple(labels.shape)}: expected one whole number, or {count}")
    labels = labels.long().expand(count)
    check_labels(labels, num_classes, count)
    return labels
