"""Whether one network predicts a population better than another, whose result is at hand."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from striate.predictivity import compare_models
from striate.results import Result, Score, Setting

RESAMPLES = 10_000  # Kong et al. 2021
BOOTSTRAP = "bootstrap over neurons, half the 95 % interval"
# What must be the same of two networks, for their difference to be one between networks.
SHARED = (
    "recording", "images_from", "population", "pictures", "images", "protocol", "regression",
    "components", "lambdas", "grouped", "splits", "minimum_reliability", "seed",
)  # fmt: skip


class Rival(NamedTuple):
    """Another network at its best layer.

    Attributes
    ----------
    name, layer
        Which.
    settings
        With which it was measured.
    correlations
        Noise-corrected, mean over splits, of every neuron of the recording; NaN of those not kept.
    kept
        Which are.
    """

    name: str
    layer: str
    settings: Mapping[str, Setting]
    correlations: Float[Tensor, " neurons"]
    kept: Bool[Tensor, " neurons"]


def rival_of(
    results: Sequence[Result], arrays: Mapping[str, np.ndarray], *, name: str | None = None
) -> Rival:
    """Take a network at its best layer from what `network_predictivity` measured.

    Raises
    ------
    ValueError
        If it measured something else.
    """
    best = next((one for one in results if one.name == "v1_layer"), None)
    if not isinstance(best, Score) or "kept" not in arrays:
        raise ValueError("holds no predictivity; name a file that `measure predictivity` wrote")
    layer = str(best.settings["layer"])
    values = torch.from_numpy(arrays[f"{layer}/noise_corrected"]).double().mean(0)
    kept = torch.from_numpy(arrays["kept"])
    return Rival(name or best.source, layer, best.settings, values, kept)


def check_same(settings: Mapping[str, Setting], rival: Rival) -> None:
    """Refuse to compare networks that were not measured alike.

    How large images are shown may differ: so each network can be taken at its best.

    Raises
    ------
    ValueError
        If recording, neurons, photographs, protocol, regression, splits or seed differ.
    """
    for name in SHARED:
        ours, theirs = settings.get(name), rival.settings.get(name)
        if ours != theirs:
            raise ValueError(
                f"{rival.name} was measured with {name}={theirs!r}, and this is {ours!r}; measure "
                "both alike"
            )


def difference(first: Rival, second: Rival, *, seed: int) -> Score:
    """Bootstrap, over neurons kept for both, the difference of two networks' median predictivity.

    Raises
    ------
    ValueError
        If the networks were not measured alike, or share fewer than two neurons.
    """
    check_same(first.settings, second)
    if first.kept.shape != second.kept.shape:
        raise ValueError(
            f"{first.name} was measured on {len(first.kept)} neurons and {second.name} on "
            f"{len(second.kept)}"
        )
    both = first.kept & second.kept
    found = compare_models(
        first.correlations[both], second.correlations[both], seed=seed, resamples=RESAMPLES
    )
    settings: dict[str, Setting] = {
        **first.settings,
        "neurons": int(both.sum()),
        "layer": first.layer,
        "against": second.name,
        "against_layer": second.layer,
        "against_stimulus_deg": second.settings.get("stimulus_deg"),
        "seed": seed,
        "resamples": RESAMPLES,
        "low": found.low,
        "high": found.high,
        "p_one_sided": found.p_greater,
        "p_two_sided": found.p_two_sided,
        "error": BOOTSTRAP,
    }
    return Score("difference", found.difference, (found.high - found.low) / 2, first.name, settings)
