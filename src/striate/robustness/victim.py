"""The model under attack: left as it was found; the images: as they must be."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, and parameters that record no gradient, until the block ends."""
    training = [module for module in model.modules() if module.training]
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    model.eval()
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)
        for module in training:
            module.training = True


def check(images: Tensor, labels: Tensor) -> None:
    """Refuse images that are not pixels in [0, 1], and what is not one class for each."""
    for name, given in (("images", images), ("labels", labels)):
        if not isinstance(given, Tensor):
            raise ValueError(f"{name} are a {type(given).__name__}; give a torch.Tensor")
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images but {len(labels)} labels")
    # What else broadcasts against the answers, or stops the loss with torch's words, or both.
    if labels.ndim != 1 or labels.dtype != torch.int64:
        raise ValueError(
            f"labels are {labels.dtype} of shape {tuple(labels.shape)}; give torch.int64, one "
            "number an image"
        )
    if len(labels) and labels.min() < 0:
        raise ValueError(f"labels begin at {int(labels.min())}; classes are counted from 0")
    if not images.is_floating_point():
        raise ValueError(f"images are {images.dtype}; give floating point in [0, 1]")
    if len(images) and not (images.min() >= 0 and images.max() <= 1):
        low, high = images.min().item(), images.max().item()
        raise ValueError(
            f"images lie in [{low:.3g}, {high:.3g}]; give pixels in [0, 1] and let the model "
            "normalise them"
        )


def check_classes(logits: Tensor, labels: Tensor) -> None:
    """Refuse labels for which there is no output: such images would always count as wrong."""
    if len(labels) and labels.max() >= logits.shape[1]:
        raise ValueError(
            f"labels run to {int(labels.max())}, but the model has {logits.shape[1]} outputs, of "
            f"classes 0 to {logits.shape[1] - 1}"
        )


def answers(
    model: nn.Module, images: Tensor, labels: Tensor | None = None
) -> Float[Tensor, "batch classes"]:
    """Return what `model` says of images, if that is a number for each of several classes.

    Raises
    ------
    ValueError
        If it is something else, or `labels` are not all among the classes. NaN would name the
        first class.
    """
    logits = model(images)
    if not isinstance(logits, Tensor):
        raise ValueError(f"the model puts out a {type(logits).__name__}; give one of logits alone")
    if logits.ndim != 2 or len(logits) != len(images) or logits.shape[1] < 2:
        raise ValueError(
            f"the model answers {len(images)} images with shape {tuple(logits.shape)}; need "
            "(images, classes), of at least 2 classes"
        )
    if labels is not None:
        check_classes(logits, labels)
    unclear = int(logits.isnan().any(1).sum())
    if unclear:
        raise ValueError(f"the model answers {unclear} of {len(images)} images with NaN")
    return logits
