"""Kong et al. 2021, as a section of the page."""

from collections.abc import Sequence
from pathlib import Path

from striate.report.kong2021.correlations import (
    SUBSETS,
    correlation_count,
    correlation_rows,
    correlation_table,
    judged,
)
from striate.report.kong2021.findings import findings
from striate.report.kong2021.found import NOTHING, Together, found
from striate.report.kong2021.plates import plates
from striate.report.kong2021.shown import Shown, shown
from striate.report.kong2021.summaries import ABSENT, NAME, disputes
from striate.report.kong2021.table import HEADS, full_table, page_rows
from striate.report.section import KONG, Record, Section, Study, provenance
from striate.report.words import listed, plural


def section(records: Sequence[Record], folder: Path) -> Section | None:
    """Make the section of the 40 published networks and those measured.

    Parameters
    ----------
    records
        The summaries of networks, and the results that say how many photographs and classes there
        were.
    folder
        Where they came from.

    Returns
    -------
    section
        Where no network could be measured, of the published ones, with the reasons; None where
        there are no records of this study.
    """
    own = [one for one in records if one.task.get("study") == NAME]
    if not own:
        return None
    there = found(records) or [NOTHING]
    drawn = shown(there)
    panels = judged(drawn)
    lines, notes = page_rows(there)
    rows, row_notes = correlation_rows(panels)
    number = sum(len(one.networks) for one in there)
    words = {
        "findings": findings(there, drawn),
        "heads": HEADS,
        "lines": lines,
        "notes": notes,
        "subsets": SUBSETS,
        "rows": rows,
        "row_notes": row_notes,
        "correlations": correlation_count(panels),
        "grouped": sorted({way for one in there if (way := one.grouped()) is not None}),
        "missing": [*_missing(there, drawn), *disputes(records), *_absent(own)],
        "written": provenance(own),
    }
    return Section(
        "Do robust networks predict V1 better, and where does yours stand?",
        "Networks beside the 40 of Kong et al. 2021",
        f"40 published networks, {plural(number, 'measurement')} of networks",
        "kong2021.html.jinja",
        words,
        plates(drawn),
        {
            NAME: full_table(there),
            f"{NAME}_correlations": correlation_table(panels),
        },
        (KONG,),
    )


STUDY = Study(NAME, f"striate run {NAME}", section, (NAME, "spectra", "robustness"))


def _missing(there: Sequence[Together], drawn: Sequence[Shown]) -> list[str]:
    """Say which figures nothing was measured for, who has more rows, and what is not known."""
    notes = []
    for one in there:
        about = f"{one.label}: " if one.label else ""
        empty = [
            each.figure.number
            for each in drawn
            if each.together is one and each.figure.number and not each.parts
        ]
        if empty and one.networks:
            notes.append(
                f"{about}no network has both numbers of a panel of Figure {listed(empty)}; the "
                "table says why."
            )
        notes += [
            f"{about}{name} has {plural(rows, 'further row')}, measured alike. Counted is the one "
            "with the most numbers; measure it once more with all that is wanted, and one row has "
            "everything (what is there is not measured again)."
            for name, rows in one.again.items()
        ]
        unknown = [net.name for net in one.networks if net.robust is None]
        if unknown:
            notes.append(
                f"{about}whether {listed(unknown)} was trained to be robust is not known; it is in "
                "no group."
            )
    return notes


def _absent(records: Sequence[Record]) -> list[str]:
    """Say which rows could not be measured, and why not at last."""
    had = {one.task.get("entry") for one in records if one.task.get("kind") != ABSENT}
    gone = [one for one in records if one.task.get("kind") == ABSENT]
    gone.sort(key=lambda one: str(one.provenance.get("started") or ""))
    last = {str(entry): one for one in gone if (entry := one.task.get("entry")) not in had}
    reasons: dict[str, list[str]] = {}
    for entry, one in last.items():
        reasons.setdefault(str(one.results[0].settings["reason"]), []).append(entry)
    return [f"{listed(names)} could not be measured: {reason}" for reason, names in reasons.items()]
