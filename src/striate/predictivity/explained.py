"""Share of a neuron's explainable variance that a model explains."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from striate.predictivity.centring import constant_columns
from striate.predictivity.checks import check_finite, check_floats, check_share
from striate.predictivity.reliability import check_trials


class ExplainedVariance(NamedTuple):
    """Of each neuron, in the units of its responses squared.

    Attributes
    ----------
    fraction
        FEVE: 1 for a perfect model, 0 for the mean response, negative for worse; NaN for neurons
        left out, which `kept` tells.
    noise
        Variance over the repeats of a stimulus.
    explainable
        Total variance less `noise`.
    kept
        Neurons that vary, and whose explainable variance exceeds `minimum` of the total.
    """

    fraction: Float[Tensor, " neurons"]
    noise: Float[Tensor, " neurons"]
    explainable: Float[Tensor, " neurons"]
    kept: Bool[Tensor, " neurons"]


def explained_variance(
    prediction: Float[Tensor, "stimuli neurons"],
    responses: Float[Tensor, "repeats stimuli neurons"],
    *,
    minimum: float = 0.0,
) -> ExplainedVariance:
    r"""Fraction of explainable variance explained, from single trials (Cadena et al. 2019).

    .. math:: 1 - \frac{\langle(y-\hat y)^2\rangle - \sigma^2}{\operatorname{Var}y - \sigma^2}

    with mean and variance over all trials recorded, and :math:`\sigma^2` the unbiased variance over
    a stimulus's repeats, pooled over stimuli by their degrees of freedom. Unlike a correlation it
    punishes predictions that are off in mean or scale.

    Parameters
    ----------
    prediction
        Of the same stimuli.
    responses
        Single trials; NaN where nothing was recorded.
    minimum
        Share of the total variance that must be explainable, from 0 on and below 1.

    Returns
    -------
    explained
        See `ExplainedVariance`. Computed in float64, returned in the precision of `responses`.

    Raises
    ------
    ValueError
        If shapes do not agree, there are fewer than two repeats or stimuli, `minimum` is out of
        range, or a prediction is not finite.
    """
    check_trials(responses)
    check_floats("prediction", prediction, "stimuli × neurons")
    check_finite("prediction", prediction)
    if prediction.shape != responses.shape[1:]:
        raise ValueError(
            f"prediction has shape {tuple(prediction.shape)} and responses "
            f"{tuple(responses.shape)}; need the same stimuli × neurons"
        )
    check_share("minimum", minimum, "a share of variance")
    trials = responses.detach().double()
    there = ~trials.isnan()
    repeats = there.sum(0)
    within = (trials - trials.nanmean(0)).square().nansum((0, 1))
    noise = within / (repeats - 1).clamp_min(0).sum(0)
    mean = trials.nanmean((0, 1))
    total = (trials - mean).square().nansum((0, 1)) / repeats.sum(0)
    error = (trials - prediction.double()).square().nansum((0, 1)) / repeats.sum(0)
    explainable = total - noise
    constant = constant_columns(trials.where(there, mean).flatten(0, 1), mean)
    kept = (explainable > minimum * total) & ~constant
    fraction = 1 - (error - noise) / explainable.where(kept, 1.0)
    fraction = fraction.masked_fill(~kept, torch.nan)
    dtype = responses.dtype
    return ExplainedVariance(fraction.to(dtype), noise.to(dtype), explainable.to(dtype), kept)
