"""From correlations of neurons and splits to the score of a layer, and to a choice of layer."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from striate.predictivity.checks import check_floats


class LayerScore(NamedTuple):
    """How well one layer predicts a population.

    Attributes
    ----------
    mean
        Over splits, of the median over neurons.
    sd
        Over splits, of that median.
    medians
        Of each split.
    neurons
        How many went into the medians.
    """

    mean: Float[Tensor, ""]
    sd: Float[Tensor, ""]
    medians: Float[Tensor, " splits"]
    neurons: int


class NestedChoice(NamedTuple):
    """Scores of layers that were chosen by other stimuli than those that are reported.

    Attributes
    ----------
    layers
        The layer chosen in each split.
    score
        Of the chosen layers, over splits.
    correlations
        Of the chosen layers on test stimuli.
    """

    layers: Int64[Tensor, " splits"]
    score: LayerScore
    correlations: Float[Tensor, "splits neurons"]


def layer_score(
    correlations: Float[Tensor, "splits neurons"], kept: Bool[Tensor, " neurons"], *, ddof: int = 0
) -> LayerScore:
    """Median over the neurons kept, then mean and standard deviation over splits.

    Parameters
    ----------
    correlations, kept
        As `noise_corrected` returns them.
    ddof
        Of the standard deviation: 0 divides by the number of splits, 1 by one less. Splits share
        stimuli, so neither is a standard error.

    Returns
    -------
    score
        See `LayerScore`.

    Raises
    ------
    ValueError
        If no neuron is kept, one that is has a NaN, or there are too few splits for `ddof`.
    """
    check_floats("correlations", correlations, "splits × neurons")
    _check_kept(correlations, kept)
    if ddof not in (0, 1) or len(correlations) <= ddof:
        raise ValueError(f"ddof={ddof!r} of {len(correlations)} splits: give 0, or 1 of 2 and more")
    medians = median(correlations[:, kept])
    return LayerScore(medians.mean(), medians.std(correction=ddof), medians, int(kept.sum()))


def best_layer(scores: Float[Tensor, " layers"]) -> int:
    """Choose the layer that predicts best, counted from 0: the V1-like layer of Kong et al. 2021.

    If its score on the same test stimuli is then the model's, it is too high by the luck of the
    best: see `choose_layer_nested`. Of equal layers the first is chosen.

    Raises
    ------
    ValueError
        If `scores` (e.g. `LayerScore.mean` of each layer) are not finite.
    """
    check_floats("scores", scores, "layers")
    if not scores.isfinite().all():
        raise ValueError(f"scores holds numbers that are not finite: {scores.tolist()}")
    return int(scores.argmax())


def choose_layer_nested(
    selection: Float[Tensor, "layers splits neurons"],
    test: Float[Tensor, "layers splits neurons"],
    kept: Bool[Tensor, " neurons"],
    *,
    ddof: int = 0,
) -> NestedChoice:
    """Choose in each split the layer that predicts best, and score it on stimuli not seen so far.

    Parameters
    ----------
    selection
        Correlations on stimuli of the train part of each split: those of maps fitted to the train
        part of `inner_split`, on its test part.
    test
        Correlations on the split's own test part.
    kept
        As `noise_corrected` returns it, the same for all layers.
    ddof
        As in `layer_score`.

    Returns
    -------
    choice
        See `NestedChoice`. The layer is that of the largest median over neurons, the first of
        equal ones; different splits may choose different layers.

    Raises
    ------
    ValueError
        If shapes differ, no neuron is kept, or one that is has a NaN.
    """
    for name, value in (("selection", selection), ("test", test)):
        check_floats(name, value, "layers × splits × neurons")
        _check_kept(value, kept)
    if selection.shape != test.shape:
        raise ValueError(
            f"selection has shape {tuple(selection.shape)} and test {tuple(test.shape)}; need "
            "layers × splits × neurons of both"
        )
    layers = median(selection[:, :, kept]).argmax(0)
    chosen = test[layers, torch.arange(test.shape[1], device=test.device)]
    return NestedChoice(layers, layer_score(chosen, kept, ddof=ddof), chosen)


def median(values: Tensor) -> Tensor:
    """Median over the last axis; of an even number the mean of the middle two."""
    ordered = values.sort(-1).values
    last = ordered.shape[-1] - 1
    return (ordered[..., last // 2] + ordered[..., (last + 1) // 2]) / 2


def _check_kept(correlations: Tensor, kept: Tensor) -> None:
    if not isinstance(kept, Tensor):
        raise ValueError(f"kept is a {type(kept).__name__}; give a torch.Tensor of truth values")
    if kept.dtype != torch.bool or kept.shape != correlations.shape[-1:]:
        raise ValueError(
            f"kept has shape {tuple(kept.shape)} and dtype {kept.dtype}; give one truth value for "
            f"each of {correlations.shape[-1]} neurons"
        )
    if not kept.any():
        raise ValueError("kept leaves no neuron; none has a reliable signal")
    if not correlations[..., kept].isfinite().all():
        bad = int((~correlations.isfinite() & kept).flatten(0, -2).any(0).nonzero()[0])
        raise ValueError(f"neuron {bad} (counted from 0) is kept and has a correlation of NaN")
