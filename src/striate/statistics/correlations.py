"""Do two numbers go together over networks? Overall, within groups, and given others."""

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple, TypeVar, get_args

import numpy as np
from scipy import stats

from striate.statistics.checks import (
    Numbers,
    check_sampling,
    check_varies,
    column,
    columns,
    near_one,
    numbers,
)
from striate.statistics.resampling import bootstrap_interval

Interval = Literal["bootstrap", "fisher"]
FEWEST = 4  # Fisher's interval divides by the root of n - 3
EPS = float(np.finfo(np.float64).eps)
ROUNDING = 1e-10  # of a column's spread, what is left of it where others determine it

Group = TypeVar("Group", bound=Hashable)


class Correlation(NamedTuple):
    """A correlation over networks.

    Attributes
    ----------
    r, p
        Pearson's correlation, and the two-sided p of Student's t, which takes the networks for
        independent draws.
    low, high
        The 95 % interval of `r`; NaN where the bootstrap has none.
    n
        Number of networks.
    spearman, spearman_p
        The correlation of the ranks, and its p.
    """

    r: float
    p: float
    low: float
    high: float
    n: int
    spearman: float
    spearman_p: float


def correlation(
    x: Numbers,
    y: Numbers,
    *,
    interval: Interval = "bootstrap",
    seed: int = 0,
    resamples: int = 9999,
) -> Correlation:
    """Correlate two numbers over networks.

    Parameters
    ----------
    x, y
        One number per network, at least four of them.
    interval
        ``"bootstrap"``: bias-corrected and accelerated, over networks (Efron 1987), which assumes
        no distribution, and wants about ten networks. ``"fisher"``: by his transformation, for
        numbers that are normal together; the bootstrap's settings are then not used.
    seed, resamples
        Of the bootstrap.

    Raises
    ------
    ValueError
        If the numbers do not pair up, are fewer than four, not finite, or one of the two does not
        vary; or if `interval`, `seed` or `resamples` is none.

    Examples
    --------
    >>> found = correlation([1, 2, 3, 4, 5], [1, 3, 2, 5, 4], interval="fisher")
    >>> round(found.r, 3), round(found.p, 3), found.n
    (0.8, 0.104, 5)
    """
    a, b = columns(FEWEST, "a correlation", x=x, y=y)
    check_varies(x=a, y=b)
    a, b = near_one(a), near_one(b)  # which no correlation sees
    _check_interval(interval)
    check_sampling(seed, resamples)
    pearson = stats.pearsonr(a, b)
    r, p = (float(value) for value in np.asarray(pearson))
    spearman, spearman_p = (float(value) for value in np.asarray(stats.spearmanr(a, b)))
    if interval == "fisher":
        low, high = (float(end) for end in pearson.confidence_interval(0.95))
    else:
        low, high = bootstrap_interval((a, b), _pearson, seed=seed, resamples=resamples)
    return Correlation(r, p, low, high, len(a), spearman, spearman_p)


def partial_correlation(
    x: Numbers,
    y: Numbers,
    given: Numbers,
    *,
    interval: Interval = "bootstrap",
    seed: int = 0,
    resamples: int = 9999,
) -> Correlation:
    """Correlate what is left of two numbers once others have explained what they can.

    Both are regressed on the columns of `given`, with an intercept, and the residuals correlated.
    Each column of `given` costs a degree of freedom of the test. The bootstrap, over networks,
    regresses anew in each resample.

    Parameters
    ----------
    x, y
        One number per network, at least four and one per column of `given`.
    given
        One number per network, or networks × columns. With a column that is 1 in one group and 0
        in the other, what is left is the correlation within groups, pooled.
    interval
        As in `correlation`; each column of `given` costs Fisher's a network. The bootstrap wants
        three networks more for each column beyond the first: with fewer, `given` explains some
        resample without a rest, and the interval is NaN.
    seed, resamples
        Of the bootstrap.

    Returns
    -------
        `spearman` is that of the ranks, given the ranks; NaN where these explain the ranks of `x`
        or `y` without a rest, as one column does that rises wherever `x` rises.

    Raises
    ------
    ValueError
        As `correlation`; and if `given` does not pair up with `x`, holds nothing or a column that
        does not vary, or explains `x` or `y` without a rest.
    """
    others = numbers("given", given)
    others = others[:, None] if others.ndim == 1 else others
    if others.ndim != 2 or others.shape[1] == 0:
        raise ValueError(f"given has shape {others.shape}; give networks or networks × columns")
    controls = [column(f"given[:, {i}]", others[:, i]) for i in range(others.shape[1])]
    named = {"x": x, "y": y, **{f"given[:, {i}]": one for i, one in enumerate(controls)}}
    a, b, *_ = columns(FEWEST + len(controls), "this partial correlation", **named)
    check_varies(x=a, y=b, **{f"given[:, {i}]": one for i, one in enumerate(controls)})
    a, b, controls = near_one(a), near_one(b), [near_one(one) for one in controls]
    _check_interval(interval)
    check_sampling(seed, resamples)
    for name, values in (("x", a), ("y", b)):
        if _explained(values, controls):
            raise ValueError(f"given explains {name} without a rest; leave a column out")
    r, p = _tested(a, b, controls)
    ranks = [stats.rankdata(values) for values in (a, b, *controls)]
    spearman = spearman_p = float("nan")
    if not any(_explained(one, ranks[2:]) for one in ranks[:2]):
        spearman, spearman_p = _tested(ranks[0], ranks[1], ranks[2:])
    if interval == "fisher":
        low, high = _fisher(r, len(a) - len(controls))
    else:
        low, high = bootstrap_interval((a, b, *controls), _partial, seed=seed, resamples=resamples)
    return Correlation(r, p, low, high, len(a), spearman, spearman_p)


def within_groups(
    x: Numbers,
    y: Numbers,
    groups: Sequence[Group],
    *,
    interval: Interval = "bootstrap",
    seed: int = 0,
    resamples: int = 9999,
) -> dict[Group, Correlation]:
    """Correlate two numbers within each group of networks, groups in the order they come up in.

    Parameters
    ----------
    x, y
        One number per network, at least four in each group.
    groups
        The group of each network.
    interval, seed, resamples
        As in `correlation`.

    Raises
    ------
    ValueError
        As `correlation`, with the name of the group.
    """
    a, b = columns(1, "a correlation", x=x, y=y)
    if not hasattr(groups, "__len__"):
        raise ValueError(f"groups={groups!r}: give the group of each network")
    if len(groups) != len(a):
        raise ValueError(f"groups has {len(groups)} networks, x has {len(a)}")
    made = {}
    for group in dict.fromkeys(groups):
        mine = np.array([one == group for one in groups])
        try:
            made[group] = correlation(
                a[mine], b[mine], interval=interval, seed=seed, resamples=resamples
            )
        except ValueError as error:
            raise ValueError(f"group {group!r}: {error}") from error
    return made


def _pearson(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return r alone, for resamples: scipy's finds a p of each, which takes most of its time.

    NaN where a column does not vary, as there.
    """
    units = []
    for values in (x, y):
        varies = (values != values.take([0], axis)).any(axis, keepdims=True)
        away = values - values.mean(axis, keepdims=True)
        units.append(
            np.where(varies, away / np.linalg.norm(away, axis=axis, keepdims=True), np.nan)
        )
    return np.asarray(np.clip((units[0] * units[1]).sum(axis), -1, 1))


def _partial(x: np.ndarray, y: np.ndarray, *controls: np.ndarray, axis: int = -1) -> np.ndarray:
    """Correlate the residuals; scipy asks for the last axis, and stacks the resamples before it.

    NaN where the controls leave nothing but rounding of one, as where a resample has few networks.
    """
    of_x, of_y = _residuals(x, controls), _residuals(y, controls)
    none = _is_rounding(of_x, x) | _is_rounding(of_y, y)
    return np.where(none, np.nan, _pearson(of_x, of_y))


def _residuals(values: np.ndarray, controls: Sequence[np.ndarray]) -> np.ndarray:
    """Return what least squares on the controls and an intercept leaves, along the last axis."""
    target = values - values.mean(-1, keepdims=True)
    centred = [one - one.mean(-1, keepdims=True) for one in controls]
    # Of unit length, so that one cut-off of the inverse suits all.
    lengths = [np.linalg.norm(one, axis=-1, keepdims=True) for one in centred]
    lengths = [np.where(size > 0, size, 1) for size in lengths]
    unit = np.stack([one / size for one, size in zip(centred, lengths, strict=True)], axis=-1)
    # What centring leaves of the digits of a column that lies far from zero.
    lost = [
        EPS * values.shape[-1] * np.abs(one).max(-1, keepdims=True) / size
        for one, size in zip(controls, lengths, strict=True)
    ]
    # Of the columns, not their products, in which all below the root of rounding is lost.
    axes, sizes, _ = np.linalg.svd(unit, full_matrices=False)
    least = np.maximum(ROUNDING, np.max(lost, axis=0)) * sizes[..., :1]
    axes = axes * (sizes > least)[..., None, :]  # a resample may have fewer
    return target - (axes @ (np.swapaxes(axes, -1, -2) @ target[..., None]))[..., 0]


def _is_rounding(rest: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Say whether nothing is left of values, along the last axis."""
    spread = values - values.mean(-1, keepdims=True)
    return np.asarray(np.linalg.norm(rest, axis=-1) <= ROUNDING * np.linalg.norm(spread, axis=-1))


def _fisher(r: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a correlation of `n` networks, less one for each column held."""
    with np.errstate(divide="ignore"):  # of 1 and -1
        middle, half = np.arctanh(r), stats.norm.ppf(0.975) / np.sqrt(n - 3)
    return float(np.tanh(middle - half)), float(np.tanh(middle + half))


def _explained(values: np.ndarray, controls: Sequence[np.ndarray]) -> bool:
    """Say whether the controls leave nothing but rounding."""
    return bool(_is_rounding(_residuals(values, controls), values))


def _tested(x: np.ndarray, y: np.ndarray, controls: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return the partial correlation and its p: Student's t with n - 2 - columns of freedom."""
    r = float(_partial(x, y, *controls))
    freedom = len(x) - 2 - len(controls)
    if abs(r) >= 1:
        return r, 0.0
    t = r * np.sqrt(freedom / (1 - r * r))
    return r, float(2 * stats.t.sf(abs(t), freedom))


def _check_interval(interval: str) -> None:
    if interval not in get_args(Interval):
        raise ValueError(f"interval={interval!r}; choose 'bootstrap' or 'fisher'")
