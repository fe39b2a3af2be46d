"""Table S1: the 40 published rows, and every network measured here."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from striate.report.kong2021.cells import Cell, Notes, accuracy, number, of_score, words
from striate.report.kong2021.drawing import MEASURED, PUBLISHED
from striate.report.kong2021.found import Together
from striate.report.kong2021.networks import Network
from striate.report.kong2021.published import COLUMNS, EPS, Row, rows
from striate.report.kong2021.words import ALPHA, ATTACKED, FREQUENCY, PREDICTED
from striate.report.robustness.words import eps_text
from striate.results import Score

ACCURACIES = (*COLUMNS, ATTACKED)
HEADS = {
    "network": "network",
    "source": "source",
    "trained": "robust",
    "clean_accuracy": "clean",
    "accuracy_Linf": "L∞, 1/1020",
    "accuracy_L2": "L2, 0.15",
    "accuracy_L1": "L1, 40",
    ATTACKED: "mean of three",
    "predictivity pls": "PLS",
    "predictivity ridge": "ridge",
    ALPHA: "α",
    FREQUENCY: "frequency score",
    "layer": "V1-like layer",
}
NUMBERS = [
    *((name, "") for name in ACCURACIES),
    *(
        (name, regression)
        for regression in ("pls", "ridge")
        for name in (PREDICTED, "predictivity_nested", ALPHA, FREQUENCY)
    ),
    *((name, "") for name in (ALPHA, FREQUENCY)),
]
KNOWN = {True: "yes", False: "no", None: "unknown"}
PAPERS_LAYER = "The paper does not say which layer of this network predicts V1 best."


class Line(NamedTuple):
    """A row of the table on the page."""

    yours: bool
    measured: bool
    cells: Mapping[str, Cell]


def page_rows(there: Sequence[Together]) -> tuple[list[Line], list[str]]:
    """Return the rows for the page, and the notes under them.

    Networks of the user's come first, then published rows, each followed by what was measured.
    """
    notes = Notes()
    measured = [(together, one) for together in there for one in together.networks]
    made = [
        Line(True, True, _measured(together, one, notes))
        for together, one in measured
        if one.entry is None
    ]
    for row in rows().values():
        made.append(Line(False, False, _published(row, notes)))
        made += [
            Line(False, True, _measured(together, one, notes))
            for together, one in measured
            if one.entry == row.name
        ]
    return made, notes.all()


def full_table(there: Sequence[Together]) -> pd.DataFrame:
    """Return every number, published and measured, one per row, unrounded; also what is missing."""
    made = [entry for row in rows().values() for entry in _published_entries(row)]
    for together in there:
        for one in together.networks:
            made += [_entry(together, one, *cell) for cell in NUMBERS]
    return pd.DataFrame(made)


def _published(row: Row, notes: Notes) -> dict[str, Cell]:
    frequency = row.frequency
    return {
        "network": words(row.name),
        "source": words(PUBLISHED),
        "trained": words(KNOWN[row.robust]),
        **{name: accuracy(row.values[name]) for name in ACCURACIES},
        "predictivity pls": number(row.predictivity, None),
        "predictivity ridge": notes.dash(row.unprinted[PREDICTED]),
        ALPHA: notes.dash(row.unprinted[ALPHA]),
        FREQUENCY: (
            notes.dash(row.unprinted[FREQUENCY]) if frequency is None else number(*frequency)
        ),
        "layer": notes.dash(PAPERS_LAYER),
    }


def _measured(together: Together, one: Network, notes: Notes) -> dict[str, Cell]:
    about = ", ".join(
        text
        for text in (
            "yours" if one.entry is None else "",
            together.label,
            "quick" if together.settings.get("quick") and "quick" not in together.label else "",
        )
        if text
    )
    regression = _layers_by(one)
    layer = _layer(one, regression)
    shown = words(layer) if layer else notes.dash(one.reason(PREDICTED, "pls"))
    if layer and not regression:
        shown = notes.on(
            shown, "Without a recording: of the layers, the one with the highest frequency score."
        )
    elif layer and regression == "ridge":
        shown = notes.on(shown, "By ridge regression; there is no predictivity by PLS.")
    return {
        "network": words(one.name, about),
        "source": words(MEASURED),
        "trained": words(KNOWN[one.robust]),
        **{name: _cell(one, name, "", notes) for name in ACCURACIES},
        "predictivity pls": _cell(one, PREDICTED, "pls", notes),
        "predictivity ridge": _cell(one, PREDICTED, "ridge", notes),
        ALPHA: _cell(one, ALPHA, regression, notes),
        FREQUENCY: _cell(one, FREQUENCY, regression, notes),
        "layer": shown,
    }


def _layers_by(one: Network) -> str:
    """Say which regression chose the layer of the exponent that is shown: PLS, if it can be."""
    there = [r for r in ("pls", "ridge", "") if any(one.of(name, r) for name in (ALPHA, FREQUENCY))]
    return there[0] if there else "pls"


def _layer(one: Network, regression: str) -> str:
    scores = [one.of(name, regression) for name in (ALPHA, FREQUENCY, PREDICTED)]
    layers = [str(one.settings["layer"]) for one in scores if one and one.settings.get("layer")]
    return layers[0] if layers else ""


def _cell(one: Network, name: str, regression: str, notes: Notes) -> Cell:
    score = one.of(name, regression)
    if score is None:
        return notes.dash(one.reason(name, regression))
    cell = of_score(score, is_accuracy=name in ACCURACIES)
    eps = score.settings.get("eps")
    if name in EPS and isinstance(eps, int | float) and not _is_papers(name, float(eps)):
        return notes.on(cell, f"Attacked with ε = {eps_text(EPS[name][0], float(eps))}.")
    return cell


def _is_papers(name: str, eps: float) -> bool:
    return abs(eps - EPS[name][1]) < 1e-6 * EPS[name][1]


def _published_entries(row: Row) -> list[dict[str, object]]:
    about = {"network": row.name, "entry": row.name, "source": PUBLISHED, "robust": row.robust}
    made: list[dict[str, object]] = [
        {**about, "quantity": name, "regression": "", "value": row.values[name]}
        for name in ACCURACIES
    ]
    made.append({**about, "quantity": PREDICTED, "regression": "pls", "value": row.predictivity})
    for name, regression in ((PREDICTED, "ridge"), (ALPHA, "pls"), (FREQUENCY, "pls")):
        entry = {**about, "quantity": name, "regression": regression}
        if name == FREQUENCY and row.frequency is not None:
            value, error = row.frequency
            made.append({**entry, "value": value, "error": error, "error_kind": "sd over draws"})
        else:
            made.append({**entry, "reason": row.unprinted[name]})
    return made


def _entry(together: Together, one: Network, name: str, regression: str) -> dict[str, object]:
    about: dict[str, object] = {
        "network": one.name, "entry": one.entry, "source": MEASURED, "robust": one.robust,
        "model": one.settings.get("model"), "model_sha256": one.sha, **together.settings,
        "layers": one.settings.get("layers"),
        "quantity": name, "regression": regression,
    }  # fmt: skip
    score: Score | None = one.of(name, regression)
    if score is None:
        return {**about, "reason": one.reason(name, regression)}
    settings = score.settings
    return {
        **about, "value": score.value, "error": score.error, "error_kind": settings.get("error"),
        "low": settings.get("low"), "high": settings.get("high"),
        "layer": settings.get("layer"), "eps": settings.get("eps"), "rule": settings.get("rule"),
    }  # fmt: skip
