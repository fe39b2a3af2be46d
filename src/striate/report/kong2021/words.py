"""How the study's quantities, correlations and places are written."""

import re
from collections.abc import Sequence
from math import isnan

from striate.results import Score
from striate.results.nouns import Ends, ends_of
from striate.statistics import Between, Correlation, Paired

ATTACKED, PREDICTED, ALPHA, FREQUENCY = (
    *("adversarial_accuracy", "predictivity"),
    *("alpha", "frequency_score"),
)
NAMES = {
    "clean_accuracy": "clean accuracy",
    "accuracy_Linf": "accuracy under L∞",
    "accuracy_L2": "accuracy under L2",
    "accuracy_L1": "accuracy under L1",
    ATTACKED: "adversarial accuracy",
    PREDICTED: "V1 predictivity",
    "predictivity_nested": "V1 predictivity, layer chosen on other images",
    ALPHA: "α of the V1-like layer",
    FREQUENCY: "V1 frequency score",
}
REGRESSIONS = {"pls": "PLS", "ridge": "ridge", "": "no recording"}
TRAINED = {True: "robust", False: "not robust", None: "unknown"}
SMALL = 0.001  # p below which the paper prints no more than that


def minus(text: str) -> str:
    """Write true minus signs before numbers; "V1-like" keeps its hyphen."""
    return re.sub(r"-(?=\d)", "−", text)


def p_text(p: float) -> str:
    """Write p as the paper does, small ones with a digit more."""
    return "p < 0.001" if p < SMALL else f"p = {p:.4f}" if p < 10 * SMALL else f"p = {p:.3f}"


def printed_p(p: float, *, is_bound: bool) -> str:
    """Write a p that the paper prints."""
    return f"p < {p:g}" if is_bound else f"p = {p:.3f}"


def interval_text(found: Correlation | Paired | Between, digits: int) -> str:
    """Write the ends of an interval; say so where there is none."""
    if found.low != found.low:  # NaN
        return "no interval"
    return f"95 % interval {found.low:.{digits}f} to {found.high:.{digits}f}"


def correlation_text(found: Correlation) -> str:
    """Write R with all that belongs to it."""
    by_rank = "" if isnan(found.spearman) else f"Spearman’s ρ = {found.spearman:.3f}, "
    return minus(
        f"R = {found.r:.3f} ({p_text(found.p)}; {interval_text(found, 2)}), {by_rank}n = {found.n}"
    )


def paired_text(found: Paired) -> str:
    """Write what changes in pairs."""
    return minus(
        f"{found.mean:+.4f} on average ({interval_text(found, 3)}; Wilcoxon {p_text(found.p)}), "
        f"up in {found.positive} of {found.n} pairs"
    )


def place_text(value: int | float, others: Sequence[int | float]) -> str:
    """Say how many others lie below a value, and how many are the same."""
    below, level = (sum(one) for one in ((x < value for x in others), (x == value for x in others)))
    every = f"all {len(others)}" if len(others) > 1 else "the one"
    if len(others) in (below, level):
        return f"{'above' if below else 'level with'} {every}"
    if not below and not level:
        return f"below {every}"
    parts = [f"above {below}"] * bool(below) + [f"level with {level}"] * bool(level)
    return f"{' and '.join(parts)} of the {len(others)}"


def rank_text(mine: Score, others: Sequence[Score | float]) -> str:
    """Say where a value stands among others, as far as their errors let it be told."""
    reach, value = _reach(mine), mine.value
    theirs = [(_reach(one), one.value if isinstance(one, Score) else one) for one in others]
    level = [
        low <= reach[1] and high >= reach[0] and not low == high == reach[0] == reach[1]
        for (low, high), _ in theirs
    ]
    close = sum(level)
    if not close:
        return place_text(value, [other for _, other in theirs])
    if close == len(others):
        return f"not to be told from {f'any of the {close}' if close > 1 else 'the one'}"
    apart = [other for (_, other), near in zip(theirs, level, strict=True) if not near]
    below = sum(other < value for other in apart)
    side = f"above {below}" if below else f"below {len(apart)}"
    return f"not to be told from {close} and {side} of the {len(others)}"


def _reach(one: Score | float) -> Ends:
    """Return the ends of a number's error, which are the number where it has none."""
    if not isinstance(one, Score):
        return one, one
    error = one.error or 0.0
    return ends_of(one) or (one.value - error, one.value + error)
