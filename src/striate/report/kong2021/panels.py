"""Which quantities stand against each other in Figures 6 to 9, and the networks that have both."""

from collections.abc import Sequence
from typing import NamedTuple

from striate.report.kong2021.found import Together
from striate.report.kong2021.published import rows
from striate.report.kong2021.words import ALPHA, ATTACKED, FREQUENCY, PREDICTED
from striate.results.nouns import Ends, ends_of


class Dot(NamedTuple):
    """A network in a panel.

    `base` is the row of which a robust network is the robust version; `layer` the one that stands
    for the network; `place` the x that was published for the row, where there is one. `x_ends` and
    `y_ends` are the ends of intervals, where they are known; errors are half of these.
    """

    name: str
    entry: str | None
    robust: bool | None
    base: str | None
    clean: float | None
    x: float
    x_error: float | None
    y: float
    y_error: float | None
    layer: str
    place: float | None
    x_ends: Ends | None = None
    y_ends: Ends | None = None


class Panel(NamedTuple):
    """Two quantities, the layer chosen by a regression; `regression` is empty without recording."""

    letter: str
    x: str
    y: str
    regression: str
    dots: Sequence[Dot]


class Drawn(NamedTuple):
    """A figure of the paper: its number, how it is printed, and its panels."""

    number: str
    regression: str
    pairs: Sequence[tuple[str, str]]


FIGURES = (
    Drawn("6", "pls", ((ATTACKED, PREDICTED), (ATTACKED, ALPHA))),
    Drawn("7", "pls", ((ATTACKED, FREQUENCY), (FREQUENCY, PREDICTED))),
    Drawn("8", "ridge", ((ATTACKED, PREDICTED), (ATTACKED, ALPHA))),
    Drawn("9", "ridge", ((ATTACKED, FREQUENCY), (FREQUENCY, PREDICTED))),
)
# Without a recording no layer predicts V1: another rule chooses, and no panel has predictivity.
ALONE = Drawn("", "", ((ATTACKED, ALPHA), (ATTACKED, FREQUENCY)))


def panels(figure: Drawn, together: Together) -> list[Panel]:
    """Return the panels of a figure, with the networks that have both quantities."""
    return [
        Panel(letter, *pair, figure.regression, _dots(pair, figure.regression, together))
        for letter, pair in zip("AB", figure.pairs, strict=True)
    ]


def published_panel() -> Panel:
    """Return Figure 6 A of the paper, as its Table S1 has it."""
    dots = [
        Dot(
            one.name, one.name, one.robust, one.base, one.values["clean_accuracy"],
            one.values[ATTACKED], None, one.predictivity, None, "", None,
        )
        for one in rows().values()
    ]  # fmt: skip
    return Panel("A", ATTACKED, PREDICTED, "pls", dots)


def _dots(pair: tuple[str, str], regression: str, together: Together) -> list[Dot]:
    made = []
    for one in together.networks:
        x, y = (one.of(quantity, regression) for quantity in pair)
        if x is None or y is None:
            continue
        row = rows().get(one.entry) if one.entry is not None else None
        clean = one.of("clean_accuracy", "")
        layer = y.settings.get("layer") or x.settings.get("layer") or ""
        base = row.base if row is not None else None
        place = row.values[ATTACKED] if row is not None and pair[0] == ATTACKED else None
        made.append(
            Dot(
                one.name, one.entry, one.robust, base, None if clean is None else clean.value,
                x.value, x.error, y.value, y.error, str(layer), place, ends_of(x), ends_of(y),
            )
        )  # fmt: skip
    return made
