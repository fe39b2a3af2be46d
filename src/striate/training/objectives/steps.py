"""What every objective takes and gives."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

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


def in_full(images: Tensor) -> AbstractContextManager[object]:
    """Leave autocast, whatever the training runs in.

    Half precision tells an image and one beside it not apart, and float16 has no number for the
    slope where a network is certain: an attack that stands still trains nothing.
    """
    return torch.autocast(images.device.type, enabled=False)
