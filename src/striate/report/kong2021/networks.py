"""A network of the study: what was measured of it, and why the rest was not."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from striate.report.kong2021.published import rows
from striate.report.kong2021.summaries import Summary
from striate.report.kong2021.words import NAMES, PREDICTED, REGRESSIONS
from striate.report.names import models
from striate.results import Score, Setting

BY_REGRESSION = ("predictivity", "predictivity_nested", "alpha", "frequency_score")
UNTOLD = "The network’s summary has no such number, and does not say why."
BY_RECORDING = "A recording was given, and says which layer stands for the network."

Cell = tuple[str, str]  # quantity and regression


class Network(NamedTuple):
    """A network that was measured.

    Attributes
    ----------
    name
        Of the row of Table S1 that it stands for, or its own.
    entry
        That row; None for a network of the user's.
    robust
        Whether it was trained to be; None where that is not known.
    scores
        What was measured, by quantity and regression (``""``: no regression).
    missing
        Why other numbers were not.
    classes
        Among which its accuracies are; None where no result says so.
    """

    name: str
    entry: str | None
    robust: bool | None
    sha: str
    settings: Mapping[str, Setting]
    scores: Mapping[Cell, Score]
    missing: Mapping[Cell, str]
    classes: int | None = None

    def of(self, quantity: str, regression: str) -> Score | None:
        """Return what was measured; of a quantity without regressions, whatever is asked for."""
        return self.scores.get((quantity, regression if quantity in BY_REGRESSION else ""))

    def reason(self, quantity: str, regression: str) -> str:
        """Say why there is no such number."""
        key = (quantity, regression if quantity in BY_REGRESSION else "")
        told = self.missing.get(key) or self.missing.get((quantity, ""))
        if told or quantity not in BY_REGRESSION:
            return told or UNTOLD
        if not regression:
            return BY_RECORDING if any(way for _, way in self.scores) else UNTOLD
        # Of the layer that predicts best, where none does
        return self.missing.get((PREDICTED, regression)) or UNTOLD


def networks_of(summaries: Sequence[Summary]) -> list[Network]:
    """Return the networks: those of Table S1 in its order, then the user's by name."""
    short = models([one.record.task for one in summaries])
    order = {name: place for place, name in enumerate(rows())}

    def name_of(one: Summary) -> str:
        return one.entry or short[one.record.task.get("model"), one.record.task.get("model_sha256")]

    ranked = sorted(
        summaries, key=lambda one: (order.get(one.entry or "", len(order)), name_of(one), one.sha)
    )
    clash = Counter(map(name_of, ranked))
    return [
        _network(one, name if clash[name] == 1 else f"{name} ({one.sha[:6]})")
        for one, name in zip(ranked, map(name_of, ranked), strict=True)
    ]


def _network(summary: Summary, name: str) -> Network:
    scores: dict[Cell, Score] = {}
    missing: dict[Cell, str] = {}
    for one in summary.record.results:
        if not isinstance(one, Score):
            continue
        if one.name == "missing":
            about = one.settings
            cell = (str(about.get("quantity")), str(about.get("regression") or ""))
            missing[cell] = str(about.get("reason") or UNTOLD)
        else:
            regression = one.settings.get("regression") if one.name in BY_REGRESSION else ""
            cell = (one.name, str(regression or ""))
            if _is_known(cell):
                scores[cell] = one
    task = summary.record.task
    robust = task.get("robust")
    return Network(
        name,
        summary.entry,
        None if robust is None else bool(robust),
        summary.sha,
        task,
        scores,
        missing,
        summary.classes,
    )


def _is_known(cell: Cell) -> bool:
    return cell[0] in NAMES and cell[1] in REGRESSIONS
