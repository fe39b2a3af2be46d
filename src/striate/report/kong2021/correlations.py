"""Every correlation, in one table: published, recomputed from the table, measured."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from striate.report.kong2021.analysis import (
    EVERY,
    GIVEN_CLEAN,
    GIVEN_ROBUST,
    ROBUST,
    USUAL,
    has_bootstrap,
)
from striate.report.kong2021.cells import Cell, Notes, words
from striate.report.kong2021.published import printed
from striate.report.kong2021.shown import Part, Shown, published_part
from striate.report.kong2021.words import NAMES, REGRESSIONS, interval_text, minus, p_text
from striate.statistics import Correlation, holm

SUBSETS = (EVERY, USUAL, ROBUST, GIVEN_ROBUST, GIVEN_CLEAN)
BOOTSTRAP, FISHER = "BCa bootstrap over networks", "Fisher's transformation"


class Judged(NamedTuple):
    """A panel of a figure and the set of networks in it."""

    figure: str
    of: str
    part: Part


def judged(there: Sequence[Shown]) -> list[Judged]:
    """Return every panel with networks, the published table first."""
    made = [Judged("6A", "published table", published_part())]
    made += [
        Judged(f"{one.figure.number}{part.panel.letter}", one.together.label or "measured", part)
        for one in there
        for part in one.parts
    ]
    return made


def correlation_rows(panels: Sequence[Judged]) -> tuple[list[dict[str, Cell]], list[str]]:
    """Return the rows for the page, and the notes under them."""
    notes = Notes()
    return [_row(one, notes) for one in panels], notes.all()


def correlation_table(panels: Sequence[Judged]) -> pd.DataFrame:
    """Return one row per panel and subset of its networks, unrounded.

    ``p_holm`` is p corrected for all correlations over subsets of the same networks.
    """
    table = pd.DataFrame([_entry(one, subset) for one in panels for subset in SUBSETS])
    if "p" in table:
        table["p_holm"] = table.groupby("of", sort=False)["p"].transform(_holm_of_known)
    return table


def correlation_count(panels: Sequence[Judged]) -> int:
    """Count the correlations that could be computed, within groups and partial ones as well."""
    found = [one.part.analysis.correlations[subset] for one in panels for subset in SUBSETS]
    return sum(isinstance(one, Correlation) for one in found)


def _holm_of_known(p: pd.Series) -> pd.Series:
    known = p.dropna()
    return pd.Series(holm(known.tolist()), index=known.index).reindex(p.index)


def _row(one: Judged, notes: Notes) -> dict[str, Cell]:
    panel, found = one.part.panel, one.part.analysis.correlations
    paper = printed().get((panel.x, panel.y, panel.regression))
    figure = one.figure if panel.regression else "–"
    return {
        "figure": words(f"{figure}, {REGRESSIONS[panel.regression]}"),
        "what": words(f"{NAMES[panel.x]}, {NAMES[panel.y]}"),
        "of": words(one.of),
        "printed": (
            notes.dash("The paper has no correlation with layers chosen without a recording.")
            if paper is None
            else Cell(f"{paper.r:.3f}", paper.text().partition("(")[2].partition(")")[0])
        ),
        **{subset: _cell(found[subset], notes, subset) for subset in SUBSETS},
    }


def _cell(found: Correlation | str, notes: Notes, subset: str) -> Cell:
    if isinstance(found, str):
        return notes.dash(found)
    small = f"{p_text(found.p)}, n = {found.n}"
    if subset == EVERY:
        small += f", {interval_text(found, 2)}".replace("95 % interval ", "")
    return Cell(minus(f"{found.r:.3f}"), minus(small))


def _entry(one: Judged, subset: str) -> dict[str, object]:
    panel = one.part.panel
    found = one.part.analysis.correlations[subset]
    paper = printed().get((panel.x, panel.y, panel.regression))
    about: dict[str, object] = {
        "figure": one.figure, "of": one.of, "x": panel.x, "y": panel.y,
        "regression": panel.regression, "networks": subset,
        "printed_r": paper and paper.r, "printed_p": paper and paper.p,
        "printed_p_is_bound": paper and paper.is_bound,
    }  # fmt: skip
    if isinstance(found, str):
        return {**about, "reason": found}
    return {**about, **found._asdict(), "interval": _interval(found)}


def _interval(found: Correlation) -> str | None:
    """Say how the interval was found; None where there is none."""
    if found.low != found.low:  # NaN
        return None
    return BOOTSTRAP if has_bootstrap(found.n) else FISHER
