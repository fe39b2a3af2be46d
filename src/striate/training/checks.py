"""Refuse a training that cannot be, before it starts."""

from numbers import Integral

import torch
from torch import Tensor

from striate.robustness.victim import check_counted, check_labels
from striate.training.sources import Source


def check_material(images: Tensor | Source, labels: Tensor) -> None:
    """Refuse what is no training set, of images with a class each."""
    known = isinstance(images, Tensor)
    if not known and not isinstance(images, Source):
        raise ValueError(
            f"images are a {type(images).__name__}; give a torch.Tensor, or a Source with a "
            "length and `take`"
        )
    check_labels(labels, images=len(images))
    check_counted(labels)


def check(
    images: int,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    replays: int,
    precision: torch.dtype | None,
    processes: int,
) -> None:
    """Refuse sizes that do not go together, of numbers of images and processes."""
    for name, given in (
        ("epochs", epochs), ("batch_size", batch_size), ("seed", seed), ("replays", replays),
    ):  # fmt: skip
        if not isinstance(given, Integral):
            raise ValueError(f"{name}={given}: give a whole number")
    if epochs < 1 or not 1 <= batch_size <= images:
        raise ValueError(
            f"epochs={epochs}, batch_size={batch_size} with {images} images: need at least "
            "one epoch and a batch no larger than the training set"
        )
    if seed < 0:
        raise ValueError(f"seed={seed}: give a whole number, from 0 on")
    if replays < 1:
        raise ValueError(f"replays={replays}: each batch is shown at least once")
    if precision not in (None, torch.bfloat16, torch.float16):
        raise ValueError(
            f"precision={precision}; choose torch.bfloat16, torch.float16, or None for that of "
            "the weights"
        )
    least = min(batch_size, images % batch_size or batch_size)
    if least < processes:
        raise ValueError(
            f"batch_size={batch_size} with {images} images leaves {least} for a batch that "
            f"{processes} processes share; choose another batch_size"
        )
