"""Trained networks on the page."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context

from striate.report.figures import HOUSE, Plate, unique
from striate.report.section import Record, Section, Study, duration
from striate.report.training.curves import epochs_plate, of_tests
from striate.report.training.found import NAME, Lesson, data_of, lessons
from striate.report.training.table import training_cells, training_table
from striate.report.words import plural


def section(records: Sequence[Record], folder: Path) -> Section:
    """Make the section of the study.

    Parameters
    ----------
    records
        Its result files.
    folder
        Where they came from.

    Raises
    ------
    ValueError
        If the files hold no result.
    """
    there = lessons(records)
    if not there:
        raise ValueError(f"the results of training in {folder} are empty; move them away and rerun")
    groups = by_data(there)
    seconds = [record.provenance.get("seconds") for record in records]
    known = [value for value in seconds if isinstance(value, int | float)]
    words = {
        "findings": [sentence for group in groups for sentence in of_tests(group)],
        "rows": training_cells(there),
        "penalised": any(row["penalty"] for g in training_cells(there).values() for row in g),
        "time": duration(sum(known)) if known else "",
    }
    return Section(
        "Which networks were trained, and how?",
        "Training: objectives, settings and weights",
        f"{plural(len(there), 'network')}, {plural(len(groups), 'data set')}",
        "training.html.jinja",
        words,
        plates(there),
        {"training": training_table(there)},
        (),
    )


STUDY = Study(NAME, "striate train MODEL --data NAME", section)


@rc_context(HOUSE)
def plates(there: Sequence[Lesson]) -> list[Plate]:
    """Draw a figure per data set."""
    made = [epochs_plate(group) for group in by_data(there)]
    return unique(plate for plate in made if plate is not None)


def by_data(there: Sequence[Lesson]) -> list[list[Lesson]]:
    """Sort networks by what they were trained on."""
    groups: dict[str, list[Lesson]] = {}
    for one in there:
        groups.setdefault(data_of(one), []).append(one)
    return list(groups.values())
