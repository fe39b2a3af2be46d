"""Refuse a training that cannot be, before it starts."""

import torch


def check(
    images: int,
    labels: int,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    replays: int,
    precision: torch.dtype | None,
    processes: int,
) -> None:
    """Refuse sizes that do not go together, of numbers of images, labels and processes."""
    if epochs < 1 or not 1 <= batch_size <= images:
        raise ValueError(
            f"epochs={epochs}, batch_size={batch_size} with {images} images: need at least "
            "one epoch and a batch no larger than the training set"
        )
    if images != labels:
        raise ValueError(f"{images} images but {labels} labels")
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
