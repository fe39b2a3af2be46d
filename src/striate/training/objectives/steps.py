"""What every objective takes and gives."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from striate._checks import check_whole
from striate.robustness.attacks import NoSlopeError
from striate.robustness.balls import check_step_size
from striate.robustness.victim import as_logits, check_classes, check_counted, shown

Images = Float[Tensor, "batch channels height width"]
Labels = Int[Tensor, " batch"]


class Step(NamedTuple):
    """One step.

    Attributes
    ----------
    loss
        What to descend.
    logits
        What it came from.
    measured
        What was measured on the way.
    shared
        The part of the loss that several processes have in common, as the penalty of a global
        batch; the rest is a mean over the images of this process.
    """

    loss: Tensor
    logits: Tensor
    measured: Mapping[str, Tensor | float]
    shared: Tensor | float = 0.0


Objective = Callable[[nn.Module, Tensor, Tensor], Step]


def bare(model: nn.Module) -> nn.Module:
    """Return the network inside a `DistributedDataParallel`, or else `model`.

    Attacks search with this one: the wrapper's forward talks to the other processes, who need not
    make as many passes, and prepares for a backward of the weights that an attack never makes.
    """
    return model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model


def logits_of(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Show images to a model that is to answer with logits, one for each class that is a label."""
    logits = as_logits(shown(model, images), images)
    # On a GPU the look would wait for it at each step; there torch's own check has to do.
    if logits.device.type == "cpu":
        check_counted(labels)
        check_classes(logits, labels)
    return logits


def check_climb(*, steps: int, step_size: float) -> None:
    """Refuse a climb without steps, or with some of no length."""
    check_whole("steps", steps)
    check_step_size(step_size)


@contextmanager
def blaming_the_training(lower: str) -> Iterator[None]:
    """Where a gradient in the pixels is not finite, say first what most often leads to that.

    A network has no slope at all once its weights have grown without bound, which is seldom the
    fault of its layers.
    """
    try:
        yield
    except NoSlopeError as error:
        raise ValueError(
            f"the training may have diverged: lower {lower}. If not, {error}"
        ) from error


def in_full(images: Tensor) -> AbstractContextManager[object]:
    """Leave autocast, whatever the training runs in.

    Half precision tells an image and one beside it not apart: the difference of their losses is as
    small as the rounding of each. And float16 has no number for the slope where a network is
    certain: an attack that stands still trains nothing.
    """
    return torch.autocast(images.device.type, enabled=False)
