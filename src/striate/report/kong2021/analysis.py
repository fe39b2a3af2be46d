"""What the networks of a panel show together, or why they show nothing."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from striate import statistics
from striate.report.kong2021.panels import Dot
from striate.report.words import plural
from striate.statistics import FEWEST, Correlation, Line, Paired

ENOUGH = 10  # networks for a bootstrap over them; of fewer, Fisher's interval
FEWEST_PAIRS = FEWEST_IN_GROUP = 2
SAME = "One of the two numbers is the same for all networks."
EVERY, USUAL, ROBUST = "all", "not robust", "robust"
GIVEN_ROBUST, GIVEN_CLEAN = "given robust or not", "given clean accuracy"


class Analysis(NamedTuple):
    """Statistics of a panel; a text instead of a number says why there is none.

    Attributes
    ----------
    correlations
        Of all networks, within the two groups, and partial.
    pairs
        Robust networks less their bases, in the quantity on the y axis.
    line
        Least squares over all networks.
    """

    correlations: Mapping[str, Correlation | str]
    pairs: Paired | str
    line: Line | None


def analyse(dots: Sequence[Dot]) -> Analysis:
    """Correlate both quantities of a panel over its networks."""
    known = [one for one in dots if one.robust is not None]
    clean = [one for one in dots if one.clean is not None]
    correlations = {
        EVERY: _correlated(dots),
        USUAL: _correlated([one for one in known if not one.robust]),
        ROBUST: _correlated([one for one in known if one.robust]),
        GIVEN_ROBUST: _given_robust(known),
        GIVEN_CLEAN: _partial(clean, [float(one.clean or 0) for one in clean], "clean accuracy"),
    }
    both = pairs(dots)
    changed = (
        statistics.paired([base.y for base, _ in both], [one.y for _, one in both])
        if len(both) >= FEWEST_PAIRS
        else f"{plural(len(both), 'pair')} of a robust network and its base; two are the fewest."
    )
    line = None
    if isinstance(correlations[EVERY], Correlation):
        line = statistics.line([one.x for one in dots], [one.y for one in dots])
    return Analysis(correlations, changed, line)


def has_bootstrap(n: int) -> bool:
    """Say whether so many networks are enough for a bootstrap over them."""
    return n >= ENOUGH


def pairs(dots: Sequence[Dot]) -> list[tuple[Dot, Dot]]:
    """Return each robust network of the paper's, after its base, where both are there.

    Where several networks stand for a row, it is the mean of them: a row has one base.
    """
    rows: dict[str, list[Dot]] = {}
    for one in dots:
        if one.entry is not None:
            rows.setdefault(one.entry, []).append(one)
    means = {
        entry: mine[0]._replace(x=fmean(one.x for one in mine), y=fmean(one.y for one in mine))
        for entry, mine in rows.items()
    }
    return [(means[one.base], one) for one in means.values() if one.base in means]


def _correlated(dots: Sequence[Dot]) -> Correlation | str:
    if len(dots) < FEWEST:
        return f"{plural(len(dots), 'network')}; a correlation needs {FEWEST}."
    x, y = [one.x for one in dots], [one.y for one in dots]
    if len(set(x)) == 1 or len(set(y)) == 1:
        return SAME
    interval = "bootstrap" if has_bootstrap(len(dots)) else "fisher"
    return _or_reason(lambda: statistics.correlation(x, y, interval=interval))


def _given_robust(known: Sequence[Dot]) -> Correlation | str:
    """Hold which networks are robust; of one alone that would only leave this one out."""
    robust = [float(bool(one.robust)) for one in known]
    counts = int(sum(robust)), len(robust) - int(sum(robust))
    if min(counts) == 1 and len(known) > FEWEST:
        one, rest = ("robust", "not") if counts[0] == 1 else ("not robust", "are")
        return (
            f"Only one network is {one}, the others {rest}: to hold that would be to leave it out; "
            f"{FEWEST_IN_GROUP} of each kind are the fewest."
        )
    return _partial(known, robust, "robustness")


def _partial(dots: Sequence[Dot], given: Sequence[float], name: str) -> Correlation | str:
    if len(dots) <= FEWEST:
        return f"{plural(len(dots), 'network')}; with {name} held, {FEWEST + 1} are the fewest."
    if len(set(given)) == 1:
        return f"The networks do not differ in {name}."
    x, y = [one.x for one in dots], [one.y for one in dots]
    if len(set(x)) == 1 or len(set(y)) == 1:
        return SAME
    interval = "bootstrap" if has_bootstrap(len(dots)) else "fisher"
    return _or_reason(lambda: statistics.partial_correlation(x, y, given, interval=interval))


def _or_reason(call: Callable[[], Correlation]) -> Correlation | str:
    """Return the number, or what `striate.statistics` says of why there is none."""
    try:
        return call()
    except ValueError as error:
        return f"No correlation: {error}."
