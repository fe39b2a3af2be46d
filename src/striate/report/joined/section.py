"""The same networks in several studies, on the page."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib import rc_context

from striate.report.figures import HOUSE, Plate, unique
from striate.report.joined.found import READS, RULES, SCORE, Joined, Point, Value, found
from striate.report.joined.scatter import of_joined, scatter_plate, tuning_name
from striate.report.section import KONG, Record, Section, Study
from striate.report.words import minus, percent, plural

NAME = "joined"


def section(records: Sequence[Record], folder: Path) -> Section | None:
    """Make the section of networks that were attacked and also measured otherwise.

    Parameters
    ----------
    records
        The result files of all studies that it joins.
    folder
        Where they came from.

    Returns
    -------
    section
        None where no network that was attacked has an exponent or a tuning.
    """
    there = found(records)
    if not there:
        return None
    networks = {point.sha for one in there for point in one.points}
    words = {
        "findings": [
            f"{one.label}: {text[0].lower()}{text[1:]}" for one in there for text in of_joined(one)
        ],
        "tables": {one.label: _cells(one) for one in there},
        "tunings": {one.label: tuning_name(one) for one in there},
        "rules": RULES,
        "missing": _missing(there),
    }
    return Section(
        "Do exponent, tuning and robustness go together?",
        "The same networks in several studies",
        plural(len(networks), "network"),
        "joined.html.jinja",
        words,
        plates(there),
        {NAME: joined_table(there)},
        (KONG,),
    )


# It has no results of its own, and so no command.
STUDY = Study(NAME, "", section, READS)


@rc_context(HOUSE)
def plates(there: Sequence[Joined]) -> list[Plate]:
    """Draw a scatter per set of attacked images; what the paper claims is said once."""
    made = [scatter_plate(one) for one in there]
    return unique([*made[:1], *(plate._replace(claim="") for plate in made[1:])])


def joined_table(there: Sequence[Joined]) -> pd.DataFrame:
    """Return one row per network and rule, with the quantities that it has."""
    return pd.DataFrame(
        [_row(one, point, rule) for one in there for point in one.points for rule in RULES]
    )


def _row(one: Joined, point: Point, rule: str) -> dict[str, object]:
    alpha, tuned = point.alphas.get(rule), point.tunings.get(rule)
    return {
        "group": one.label, "number": point.number, "label": point.label, "kind": point.kind,
        "objective": point.objective, "penalised": point.penalised, "masked": point.masked,
        "model_sha256": point.sha, "rule": rule, "attack": one.attack,
        "adversarial_accuracy": point.robustness.value,
        "adversarial_accuracy_error": point.robustness.error,
        "alpha": alpha and alpha.value, "alpha_error": alpha and alpha.error,
        "alpha_layer": alpha and alpha.layer, "tuning_quantity": one.tuning,
        "tuning": tuned and tuned.value, "tuning_error": tuned and tuned.error,
        "tuning_layer": tuned and tuned.layer,
    }  # fmt: skip


def _cells(one: Joined) -> list[dict[str, str]]:
    return [
        {
            "number": str(point.number),
            "label": point.label,
            "kind": point.kind,
            "robustness": percent(point.robustness.value),
            "masked": "masked" if point.masked else "",
            **{f"alpha {rule}": _written(point.alphas.get(rule)) for rule in RULES},
            **{f"tuning {rule}": _written(point.tunings.get(rule)) for rule in RULES},
        }
        for point in one.points
    ]


def _written(value: Value | None) -> str:
    if value is None:
        return ""
    spread = "" if value.error is None else f" ± {value.error:.2f}"
    return minus(f"{value.value:.2f}{spread}")


def _missing(there: Sequence[Joined]) -> list[str]:
    notes = []
    for one in there:
        no_alpha = sum(not point.alphas for point in one.points)
        no_tuning = sum(not point.tunings for point in one.points)
        if no_alpha:
            notes.append(
                f"{one.label}: no α of {plural(no_alpha, 'network')}; `striate measure spectrum "
                "MODEL --images DIR` measures it."
            )
        if no_tuning:
            notes.append(
                f"{one.label}: no tuning of {plural(no_tuning, 'network')}; `striate measure "
                "tuning MODEL` measures it."
            )
        if one.tuning not in (SCORE, ""):
            notes.append(f"{one.label}: no V1 frequency score, for the images have no degrees.")
    return notes
