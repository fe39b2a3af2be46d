"""Accuracies as scores and curves, with the interval that resampling the images gives."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from striate.results import Curve, Score, Setting

RESAMPLES = 1000
BOOTSTRAP = "bootstrap over images, half the 95 % interval"
# Numbers resampled at a time.
AT_ONCE = 10**7


class Interval(NamedTuple):
    """An accuracy and its percentile interval of 95 %."""

    value: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """Half its width."""
        return (self.high - self.low) / 2


def interval(
    outcomes: Bool[Tensor, " images"] | Float[Tensor, " images"], *, seed: int
) -> Interval:
    """Bootstrap the mean over images.

    Raises
    ------
    ValueError
        If there are fewer than two images.
    """
    from scipy.stats import bootstrap

    values = outcomes.double().cpu().numpy()
    if len(values) < 2:
        raise ValueError(f"{len(values)} image leaves no interval; give at least two")
    found = bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        method="percentile",
        batch=max(1, AT_ONCE // len(values)),
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(values.mean()), float(found.low), float(found.high))


def accuracy_score(
    name: str, outcomes: Tensor, source: str, settings: Mapping[str, Setting], *, seed: int
) -> Score:
    """Write an accuracy with its interval."""
    found = interval(outcomes, seed=seed)
    about = {**settings, "low": found.low, "high": found.high, "error": BOOTSTRAP}
    return Score(name, found.value, found.error, source, about)


def accuracy_curve(
    name: str,
    x: Sequence[float],
    outcomes: Bool[Tensor, "points images"],
    source: str,
    settings: Mapping[str, Setting],
    *,
    seed: int,
) -> Curve:
    """Write accuracies along an axis."""
    found = [interval(row, seed=seed) for row in outcomes]
    return Curve(
        name,
        tuple(x),
        tuple(one.value for one in found),
        tuple(one.error for one in found),
        source,
        {**settings, "error": BOOTSTRAP},
    )


def as_array(outcomes: Tensor) -> np.ndarray:
    """Return outcomes as a result keeps them."""
    return outcomes.to(torch.bool).cpu().numpy()
