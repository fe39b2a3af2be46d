"""Pearson correlation of predictions with responses, neuron by neuron and split by split."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from striate.predictivity.centring import constant_columns
from striate.predictivity.checks import check_finite, check_floats, check_splits
from striate.predictivity.splits import Split


@runtime_checkable
class Fits(Protocol):
    """What `pls` and `ridge` return, or anything else that predicts all stimuli split by split."""

    def predictions(self, split: int) -> Tensor:
        """Predict every stimulus (stimuli × neurons) from the train stimuli of one split."""
        ...


class Correlations(NamedTuple):
    """Of predictions with responses; NaN where a neuron's response is the same to all stimuli."""

    train: Float[Tensor, "splits neurons"]
    test: Float[Tensor, "splits neurons"]


def correlation(
    prediction: Float[Tensor, "stimuli neurons"], response: Float[Tensor, "stimuli neurons"]
) -> Float[Tensor, " neurons"]:
    """Correlate each neuron's prediction with its response (Pearson).

    Parameters
    ----------
    prediction, response
        Of the same stimuli, at least two.

    Returns
    -------
    correlations
        From -1 to 1. Zero where the prediction is the same for all stimuli: it predicts nothing.
        NaN where the response is: there is nothing to predict. In the precision of `response`.

    Raises
    ------
    ValueError
        If shapes differ or numbers are not finite.

    Examples
    --------
    >>> response = torch.tensor([[1.0], [2.0], [4.0]])
    >>> round(correlation(response**2, response).item(), 4)
    0.9897
    """
    for name, value in (("prediction", prediction), ("response", response)):
        check_floats(name, value, "stimuli × neurons")
        check_finite(name, value)
    if prediction.shape != response.shape or len(response) < 2:
        raise ValueError(
            f"prediction has shape {tuple(prediction.shape)} and response "
            f"{tuple(response.shape)}; need the same stimuli × neurons, at least 2 stimuli"
        )
    return _pearson(prediction.double(), response.double()).to(response.dtype)


def split_correlations(
    fits: Fits, responses: Float[Tensor, "stimuli neurons"], *, splits: Sequence[Split]
) -> Correlations:
    """Correlate predictions with responses, separately over train and test stimuli.

    One split's predictions are in memory at a time.

    Parameters
    ----------
    fits
        From `pls` or `ridge`.
    responses, splits
        As they were given there.

    Returns
    -------
    correlations
        As `correlation` has them.

    Raises
    ------
    ValueError
        If `responses` are not finite, or a split does not divide them.
    """
    check_floats("responses", responses, "stimuli × neurons")
    check_splits(splits, len(responses))
    train, test = [], []
    for number, split in enumerate(splits):
        predicted = fits.predictions(number)
        for found, rows in zip((train, test), split, strict=True):
            chosen = rows.to(responses.device)
            found.append(correlation(predicted[chosen], responses[chosen]))
    return Correlations(torch.stack(train), torch.stack(test))


def _pearson(prediction: Tensor, response: Tensor) -> Tensor:
    predicted, observed = _normalised(prediction), _normalised(response)
    found = (predicted * observed).sum(0).clamp(-1, 1)
    return found.masked_fill(~observed.any(0), torch.nan)


def _normalised(values: Tensor) -> Tensor:
    """Columns of mean zero and length 1, or of zeros if they are constant."""
    means = values.mean(0)
    left = (values - means).masked_fill(constant_columns(values, means), 0.0)
    largest = torch.linalg.vector_norm(left, torch.inf, dim=0)
    left = left / largest.where(largest > 0, 1.0)  # or squares of very small numbers are zero
    return left / left.norm(dim=0).clamp_min(1)
