"""Whether one model predicts the neurons better than another."""

from numbers import Real
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor

from striate._checks import check_whole
from striate.predictivity.checks import check_finite, check_floats

# Numbers resampled at a time.
BATCH = 10**7


class ModelComparison(NamedTuple):
    """The difference between two models' medians over neurons, and how sure of it one may be.

    Attributes
    ----------
    difference
        Median of the first less that of the second.
    low, high
        Percentile interval.
    p_greater
        One-sided: share of resamples in which the first is not ahead.
    p_two_sided
        Twice the smaller one-sided p, at most 1.
    """

    difference: float
    low: float
    high: float
    p_greater: float
    p_two_sided: float


def compare_models(
    first: Float[Tensor, " neurons"],
    second: Float[Tensor, " neurons"],
    *,
    seed: int,
    resamples: int = 10_000,
    level: float = 0.95,
) -> ModelComparison:
    r"""Bootstrap the neurons, the same for both models, and compare their medians.

    Kong et al. 2021 resample 10 000 times and name neither statistic nor side. Here p is
    :math:`(1 + \#\{d \le 0\})/(1 + \text{resamples})`, d being the difference of the medians.

    Parameters
    ----------
    first, second
        Of each neuron, e.g. its noise-corrected correlation averaged over splits, at each model's
        best layer. Only neurons kept for both.
    seed
        Of the resampling.
    resamples
        How many.
    level
        Of the interval.

    Returns
    -------
    comparison
        See `ModelComparison`.

    Raises
    ------
    ValueError
        If there are not the same neurons, at least two, all finite; or a setting is out of range.

    Examples
    --------
    >>> import torch
    >>> scores = torch.rand(166, generator=torch.Generator().manual_seed(0))
    >>> compare_models(scores + 0.1, scores, seed=0).p_greater < 0.001
    True
    """
    for name, value in (("first", first), ("second", second)):
        check_floats(name, value, "neurons")
        check_finite(name, value)
    if first.shape != second.shape or len(first) < 2:
        raise ValueError(
            f"first has {len(first)} neurons and second {len(second)}; need the same, at least 2"
        )
    check_whole("seed", seed, least=0)
    check_whole("resamples", resamples)
    if not isinstance(level, Real) or not 0 < level < 1:
        raise ValueError(f"level={level!r}: a confidence lies in (0, 1), e.g. 0.95")
    import numpy as np
    from scipy.stats import bootstrap

    def difference(one: Any, other: Any, axis: int = -1) -> Any:  # noqa: ANN401
        return np.median(one, axis) - np.median(other, axis)

    pair = tuple(value.detach().double().cpu().numpy() for value in (first, second))
    found = bootstrap(
        pair, difference, paired=True, vectorized=True, n_resamples=resamples, method="percentile",
        batch=max(1, BATCH // len(first)), confidence_level=level, rng=np.random.default_rng(seed),
    )  # fmt: skip
    greater, less = (
        (1 + int(np.sum(beyond))) / (1 + resamples)
        for beyond in (found.bootstrap_distribution <= 0, found.bootstrap_distribution >= 0)
    )
    low, high = map(float, found.confidence_interval)
    two_sided = min(1.0, 2 * min(greater, less))
    return ModelComparison(float(difference(pair[0], pair[1])), low, high, greater, two_sided)
