"""What a training step minimises: functions of ``(model, images, labels)``.

Bind an objective's settings with `functools.partial`; another objective is another function.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from striate import layers
from striate.spectra import SpectralPenalty

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
    model: nn.Module, images: Images, labels: Labels, *, penalties: Mapping[str, SpectralPenalty]
) -> Step:
    """Mean cross-entropy plus the spectral penalties of some layers (Gerum et al. 2022: of one).

    Measures the α of each layer on the batch: ``alpha`` of the last one named, ``alpha_LAYER`` of
    the others. With a penalty it is a by-product; at β = 0 an extra whose time is told apart as
    ``seconds_alpha``.

    Parameters
    ----------
    model, images, labels
        Images to logits, pixels in [0, 1], true classes.
    penalties
        By name of the layer of `model`: what is asked of its spectrum.

    Raises
    ------
    ValueError
        If no layer is named, or there is none of that name.
    """
    if not penalties:
        raise ValueError("penalties={}: name at least one layer and give it a SpectralPenalty")
    with ExitStack() as hooks:
        outputs = {name: hooks.enter_context(layers.capture(model, name)) for name in penalties}
        logits = model(images)
        hidden = {name: output() for name, output in outputs.items()}
    loss = cross_entropy(logits, labels)
    measured: dict[str, Tensor | float] = {}
    seconds = 0.0
    for name, penalty in penalties.items():
        started = time.perf_counter()
        penalised = penalty.measure(hidden[name])
        if penalised.penalty.requires_grad:
            loss = loss + penalised.penalty
        else:
            seconds += time.perf_counter() - started
        measured[f"alpha_{name}"] = penalised.alpha
    measured["alpha"] = measured.pop(f"alpha_{list(penalties)[-1]}")
    return Step(loss, logits, measured | {"seconds_alpha": seconds})
