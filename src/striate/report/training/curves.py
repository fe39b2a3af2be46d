"""Loss, accuracy and exponents by epoch."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from striate.report.crowd import MANY
from striate.report.drawing import COLOURS, DASHES, letters, network_legend, rows, stacked
from striate.report.figures import INK, WIDTH, Look, Plate, draw, in_percent, stem
from striate.report.training.found import Lesson, data_of
from striate.report.words import listed, percent, plural

QUANTITIES = (("loss", "loss"), ("accuracy", "accuracy"), ("alpha_", "α of penalised layers"))


def epochs_plate(there: Sequence[Lesson]) -> Plate | None:
    """Draw what each epoch measured on the training images; None where there is no curve.

    Parameters
    ----------
    there
        Networks of one data set.
    """
    data = data_of(there[0])
    tables = {name: _rows(there, name) for name, _ in QUANTITIES}
    shown = [(name, title) for name, title in QUANTITIES if len(tables[name])]
    if not shown:
        return None
    crowded = len({one.kind for one in there}) > MANY
    kinds = {one.label: one.objective if crowded else one.kind for one in there}
    looks = _looks(kinds.values())
    figure = Figure(figsize=(WIDTH, 3.1 + 0.2 * (len(looks) // 4)), layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    parts = []
    for axes, letter, (name, title) in zip(panels, letters(len(shown)), shown, strict=True):
        part = tables[name].assign(panel=letter, quantity=name.rstrip("_"))
        _panel(axes, part, looks, kinds)
        axes.set(title=f"{letter}\u2003{title}", xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        if name == "accuracy":
            in_percent(axes)
        parts.append(part)
    network_legend(figure, looks)
    found = of_tests(there)
    return Plate(
        stem("training", data),
        f"Training, epoch by epoch: {data}",
        "",
        tuple(found),
        f"{plural(len(there), 'network')}; a line each, networks "
        f"{'of one objective' if crowded else 'that differ in the seed alone'} in one look. "
        "Loss is that of the objective, so that losses of different objectives cannot be "
        "compared; accuracy is on the training images as the objective presents them, attacked "
        "ones where it attacks.",
        f"Lines of {listed(title for _, title in shown)} by epoch. {' '.join(found[:1])}",
        figure,
        stacked(parts),
    )


def of_tests(there: Sequence[Lesson]) -> list[str]:
    """Say how many networks were trained on a data set, and where their test accuracies lie."""
    data = data_of(there[0])
    kinds = dict.fromkeys(one.kind for one in there)
    ways = f"in {plural(len(kinds), 'way')}"
    known = [(one, s.value) for one in there if (s := one.score("accuracy", "test")) is not None]
    first = f"{data}: {plural(len(there), 'network')} trained {ways}"
    if not known:
        return [f"{first}; none was tested."]
    low, high = min(known, key=lambda pair: pair[1]), max(known, key=lambda pair: pair[1])
    if len(known) == 1:
        return [f"{first}; {percent(low[1])} of test images are named rightly by {low[0].label}."]
    return [
        f"{first}; between {percent(low[1])} ({low[0].label}) and {percent(high[1])} "
        f"({high[0].label}) of test images are named rightly."
    ]


def _looks(kinds: Iterable[str]) -> dict[str, Look]:
    return {
        kind: {
            "color": COLOURS[i % len(COLOURS)],
            "linestyle": DASHES[i // len(COLOURS) % len(DASHES)],
        }
        for i, kind in enumerate(dict.fromkeys(kinds))
    }


def _rows(there: Sequence[Lesson], name: str) -> pd.DataFrame:
    return stacked(
        rows("", "measured", one.label, curve.name, curve.x, curve.y, curve.error)
        for one in there
        for curve in one.curves(name)
        if curve.settings.get("on", "train") == "train"
    )


def _panel(axes: Axes, table: pd.DataFrame, looks: dict[str, Look], kinds: dict[str, str]) -> None:
    for (label, series), part in table.groupby(["of", "series"], sort=False):
        name = f"{label}, {series}"
        line = part.assign(series=name, beta=np.nan, target=np.nan)
        look = looks[kinds[str(label)]]
        single: Look = {"marker": "o", "markersize": 4} if len(line) == 1 else {}
        draw(axes, line, lambda beta, target: INK, dots=False, looks={name: {**look, **single}})
    axes.margins(y=0.1)
