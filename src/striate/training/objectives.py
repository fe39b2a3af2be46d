"""What a training step minimises: functions of ``(model, images, labels)``.

Bind an objective's settings with `functools.partial`; another objective is another function.
"""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from striate import layers
from striate.spectra import SpectralPenalty, batch_alpha

Images = Float[Tensor, "batch channels height width"]
Labels = Int[Tensor, " batch"]


class Step(NamedTuple):
    """One step: the loss to descend, the logits it came from, and what was measured on the way."""

    loss: Tensor
    logits: Tensor
    measured: Mapping[str, Tensor | float]


Objective = Callable[[nn.Module, Tensor, Tensor], Step]


def standard(model: nn.Module, images: Images, labels: Labels) -> Step:
    """Mean cross-entropy."""
    logits = model(images)
    return Step(cross_entropy(logits, labels), logits, {})


def spectral(
    model: nn.Module, images: Images, labels: Labels, *, penalty: SpectralPenalty, layer: str
) -> Step:
    """Mean cross-entropy plus the spectral penalty of one layer (Gerum et al. 2022).

    Measures ``alpha`` of the batch: a by-product of the penalty, or, at β = 0, an extra whose
    time is told apart as ``seconds_alpha``.

    Parameters
    ----------
    model, images, labels
        Images to logits, pixels in [0, 1], true classes.
    penalty
        What is asked of the spectrum.
    layer
        Which layer of `model` it is asked of.
    """
    with layers.capture(model, layer) as output:
        logits = model(images)
        hidden = output()
    loss = cross_entropy(logits, labels)
    if penalty.beta > 0:
        penalised = penalty.measure(hidden)
        return Step(loss + penalised.penalty, logits, {"alpha": penalised.alpha})
    started = time.perf_counter()
    alpha = batch_alpha(hidden, ranks=penalty.ranks)
    return Step(loss, logits, {"alpha": alpha, "seconds_alpha": time.perf_counter() - started})
