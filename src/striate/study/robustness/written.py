"""Accuracies as scores and curves, with the interval that resampling the images gives.

Where all images are right, or none is, every resample is the same, which is no knowledge: there the
interval is the exact one of the binomial.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from striate.results import Curve, Score, Setting
from striate.statistics import EXACT, ONE_SIDED, exact_interval

RESAMPLES = 1000
BOOTSTRAP = "bootstrap over images, half the 95 % interval"
BOTH = f"{BOOTSTRAP}; at 0 and 100 % {ONE_SIDED}"
# Numbers resampled at a time.
AT_ONCE = 10**7


class Interval(NamedTuple):
    """An accuracy and its interval of 95 %."""

    value: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """Half its width."""
        return (self.high - self.low) / 2

    @property
    def kind(self) -> str:
        """What the error is."""
        return EXACT if self.value in (0, 1) else BOOTSTRAP


def interval(
    outcomes: Bool[Tensor, " images"] | Float[Tensor, " images"], *, seed: int
) -> Interval:
    """Bootstrap the mean over images.

    Of outcomes that are all 0 or all 1 it is the interval of Clopper and Pearson; where they are
    means of several attacks, that of the share that is not 0, or not 1, which is at least as wide.

    Raises
    ------
    ValueError
        If there are fewer than two images.
    """
    from scipy.stats import bootstrap

    values = outcomes.double().cpu().numpy()
    if len(values) < 2:
        raise ValueError(f"{len(values)} image leaves no interval; give at least two")
    if values.min() == values.max() and values[0] in (0, 1):
        return Interval(float(values[0]), *exact_interval(int(values.sum()), len(values)))
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
    about = {**settings, "low": found.low, "high": found.high, "error": found.kind}
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
    exact = [one.kind == EXACT for one in found]
    kind = ONE_SIDED if all(exact) else BOTH if any(exact) else BOOTSTRAP
    return Curve(
        name,
        tuple(x),
        tuple(one.value for one in found),
        tuple(one.high - one.low if one.kind == EXACT else one.error for one in found),
        source,
        {**settings, "error": kind},
    )


def as_array(outcomes: Tensor) -> np.ndarray:
    """Return outcomes as a result keeps them."""
    return outcomes.to(torch.bool).cpu().numpy()
