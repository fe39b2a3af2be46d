"""The model under attack: left as it was found; the images: as they must be."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, and parameters that record no gradient, until the block ends.

    Then each module is in the mode in which it was, whatever an attack has done to it.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is a {type(model).__name__}; give a torch.nn.Module")
    modes = [(module, module.training) for module in model.modules()]
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    model.eval()
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)
        for module, training in modes:
            module.training = training


def check(images: Tensor, labels: Tensor) -> None:
    """Refuse images that are not pixels in [0, 1], and what is not one class for each."""
    if not isinstance(images, Tensor):
        raise ValueError(f"images are a {type(images).__name__}; give a torch.Tensor")
    check_labels(labels, images=len(images))
    check_counted(labels)
    if not images.is_floating_point():
        raise ValueError(f"images are {images.dtype}; give floating point in [0, 1]")
    if len(images) and not (images.min() >= 0 and images.max() <= 1):
        low, high = (_beside_one(images, end) for end in (images.min(), images.max()))
        raise ValueError(
            f"images lie in [{low}, {high}]; give pixels in [0, 1] and let the model normalise them"
        )


def check_shape(images: Tensor) -> None:
    """Refuse images that no ball knows the length of: there an image is three axes."""
    if images.ndim != 4:
        raise ValueError(
            f"images are of shape {tuple(images.shape)}; give (images, channels, height, width), "
            "though some of them be 1"
        )


def check_labels(labels: Tensor, *, images: int) -> None:
    """Refuse what is not one whole number an image; which numbers they are is not looked at."""
    if not isinstance(labels, Tensor):
        raise ValueError(f"labels are a {type(labels).__name__}; give a torch.Tensor")
    # What else broadcasts against the answers, or stops the loss with torch's words, or both.
    if labels.ndim != 1 or labels.dtype != torch.int64:
        raise ValueError(
            f"labels are {labels.dtype} of shape {tuple(labels.shape)}; give torch.int64, one "
            "number an image"
        )
    if len(labels) != images:
        raise ValueError(f"{images} images but {len(labels)} labels")


def check_counted(labels: Tensor) -> None:
    """Refuse labels below 0."""
    if len(labels) and labels.min() < 0:
        raise ValueError(f"labels begin at {int(labels.min())}; classes are counted from 0")


def _beside_one(images: Tensor, end: Tensor) -> str:
    """Write the least or the largest pixel, in so many digits that it does not pass for 0 or 1."""
    number = end.item()
    short = f"{number:.3g}"
    return short if (0 <= float(short) <= 1) == (0 <= number <= 1) else repr(number)


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
    logits = promoted(as_logits(shown(model, images), images))
    if labels is not None:
        check_classes(logits, labels)
    unclear = int(logits.isnan().any(1).sum())
    if unclear:
        raise ValueError(f"the model answers {unclear} of {len(images)} images with NaN")
    return logits


def shown(model: nn.Module, images: Tensor) -> object:
    """Return what a model says of a copy of images: it may normalise its input in place."""
    return model(images.clone())


def as_logits(answer: object, images: Tensor) -> Float[Tensor, "batch classes"]:
    """Return what a model said of images, if it is a number for each of several classes.

    Only its type and shape are looked at, for which no GPU is waited for.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if not isinstance(answer, Tensor):
        raise ValueError(f"the model puts out a {type(answer).__name__}; give one of logits alone")
    if answer.ndim != 2 or len(answer) != len(images) or answer.shape[1] < 2:
        raise ValueError(
            f"the model answers {len(images)} images with shape {tuple(answer.shape)}; need "
            "(images, classes), of at least 2 classes"
        )
    return answer


def check_graph(there: bool) -> None:
    """Refuse a model whose logits have no gradient, if it is not there."""
    if not there:
        raise ValueError(
            "the model's logits carry no gradient: it detaches them, or makes them under "
            "torch.no_grad() or of something else than its images"
        )


def promoted(logits: Float[Tensor, "batch classes"]) -> Float[Tensor, "batch classes"]:
    """Return logits in float32 or more: a loss of half precision has hardly any slope left."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
