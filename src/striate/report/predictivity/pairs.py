"""Which networks stand against which, and their neurons."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from striate.report.predictivity.found import Run, Together, alike, flats
from striate.results import Score

# How images are shown may differ between networks that were compared.
SHOWN = ("stimulus_deg", "crop_px", "field_deg")


class Pair(NamedTuple):
    """Two networks under the same conditions; `difference` is of the first less the second."""

    first: Run
    second: Run
    difference: Score | None


Labels = Sequence[tuple[str, str]]


def pairs(together: Together, bases: Labels = ()) -> list[Pair]:
    """Return the networks that were compared, or could be.

    Parameters
    ----------
    together
        Networks that predicted the same neurons.
    bases
        Labels of robust networks and of their base networks, which stand against each other where
        no difference was tested. Two networks of the same layers do, too, if they are alone.
    """
    compared = [
        Pair(run, rival, difference)
        for run in together.runs
        for difference in run.differences
        if (rival := _rival(run, difference, together.runs)) is not None
    ]
    deep = [label for label in together.networks if label not in flats(together)]
    tested = {(pair.first.label, pair.second.label) for pair in compared}
    untested = [labels for labels in bases if labels not in tested]
    compared += [pair for labels in untested for pair in _alike(together, *labels)]
    if compared or len(deep) != 2:
        return compared
    pooled = _alike(together, *deep)
    gap = sum(one.score.value - other.score.value for one, other, _ in pooled)
    return pooled if gap >= 0 else [Pair(other, one, None) for one, other, _ in pooled]


def _alike(together: Together, first: str, second: str) -> list[Pair]:
    """Return the runs of two networks of the same layers under the same conditions."""
    return [
        Pair(one, other, None)
        for one in together.runs
        for other in together.runs
        if (one.label, other.label) == (first, second)
        and alike(one, other)
        and _names(one) == _names(other)
    ]


def both_averaged(one: Run, other: Run) -> tuple[np.ndarray, np.ndarray] | None:
    """Average the correlations at both best layers over splits, for neurons that both kept.

    None if they were not saved.

    Raises
    ------
    ValueError
        If the neurons are not the same.
    """
    ours, theirs = one.best.corrected, other.best.corrected
    if ours is None or theirs is None:
        return None
    first, second = ours.mean(axis=0), theirs.mean(axis=0)
    if first.shape != second.shape:
        raise ValueError(
            f"{one.label} has results for {len(first)} neurons of the recording and {other.label} "
            f"for {len(second)}; delete those of one and rerun"
        )
    kept = np.isfinite(first) & np.isfinite(second)
    return first[kept], second[kept]


def _rival(run: Run, difference: Score, runs: Sequence[Run]) -> Run | None:
    """Find what a network was compared with, which may have been shown images of another size.

    Networks of one name may differ in their weights. Then it is the one that differs by as much.
    """
    about = difference.settings
    name = re.sub(r" [0-9a-f]{12}$", "", str(about.get("against")))
    display = about.get("against_stimulus_deg", run.settings.get("stimulus_deg"))
    named = [
        other
        for other in runs
        if other is not run
        and alike(run, other, but=SHOWN)
        and other.settings.get("stimulus_deg") == display
        and name in (other.label, other.model)
    ]
    if len(named) > 1:
        named = [other for other in named if _differ_by(run, other, difference.value)]
    return named[0] if named else None


def _differ_by(run: Run, other: Run, value: float) -> bool:
    both = both_averaged(run, other)
    if both is None or not len(both[0]):
        return False
    return bool(np.isclose(np.median(both[0]) - np.median(both[1]), value, atol=1e-5))


def _names(run: Run) -> list[str]:
    return [layer.name for layer in run.layers]
