"""What the figures of predictivity share: looks of networks, rows of their lines, panels."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from striate.report.drawing import COLOURS, MARKS, clipped, network_legend, rows, switch_off
from striate.report.figures import DASHES, INK, MUTED, WIDTH, Look, draw
from striate.report.predictivity.found import Run, Together, flats
from striate.report.predictivity.words import splits_name
from striate.report.tuning.drawing import DEPTH, LONGEST, MOST_NAMES

CROWDED = 8  # lines in a panel beyond which bands would hide each other
LABEL = "noise-corrected correlation"


def network_looks(together: Together) -> dict[str, Look]:
    """Give each network a colour and a mark, and each of one layer a thin line without one.

    The first of these is grey; further ones take the colours that networks leave.
    """
    plain = flats(together)
    looks: dict[str, Look] = {}
    deep = [label for label in together.networks if label not in plain]
    for i, label in enumerate(deep):
        mark = MARKS[(i + i // len(COLOURS)) % len(MARKS)]
        looks[label] = {"color": COLOURS[i % len(COLOURS)], "marker": mark}
    for i, label in enumerate(sorted(plain, key=together.networks.index)):
        colour = MUTED if i == 0 else COLOURS[(len(deep) + i - 1) % len(COLOURS)]
        looks[label] = {"color": colour, "linewidth": 1.0}
    return looks


def legend(
    figure: Figure, runs: Sequence[Run], looks: Mapping[str, Look], extra: Sequence[Line2D] = ()
) -> None:
    """Name what is drawn above all panels: networks, and what dashes mean."""
    there = dict.fromkeys(run.label for run in runs)
    kinds: dict[str, Look] = {}
    for run in sorted(runs, key=lambda one: not one.grouped):
        name = f"splits of {splits_name(run.settings.get('grouped'))}"
        kinds[name] = {"color": INK, "linewidth": 1.6, "linestyle": dashes(run)}
    handles = [Line2D([], [], label=name, **look) for name, look in kinds.items()]
    network_legend(figure, {name: looks[name] for name in there}, [*handles, *extra])


def dashes(run: Run) -> object:
    """Draw grouped splits solid, and dashed those that may separate siblings."""
    return "-" if run.grouped else DASHES


def same_layers(runs: Sequence[Run]) -> bool:
    """Say whether the networks have the same layers, so that names can stand on the axis."""
    return len({tuple(layer.name for layer in run.layers) for run in runs if not run.flat}) <= 1


def layer_rows(letter: str, runs: Sequence[Run], *, every: Sequence[Run]) -> pd.DataFrame:
    """Return the predictivity of each layer, and of a single one at both ends of the axis.

    `x` is the layer's place or, if networks have different layers, its relative depth; `of` is the
    network, `series` the layer, `units` the number of neurons. `every` are the runs of all panels.
    """
    deepest = max((len(run.layers) - 1 for run in every if not run.flat), default=1)
    last = deepest if same_layers(every) else 1
    parts = []
    for run in runs:
        shown = [*run.layers] * 2 if run.flat else run.layers
        scores = [layer.scores["predictivity"] for layer in shown]
        error = [np.nan if score.error is None else score.error for score in scores]
        counts = [_number(score.settings.get("neurons")) for score in scores]
        x, y = np.linspace(0, last, len(shown)), [score.value for score in scores]
        kind = "one layer" if run.flat else "measured"
        names = [layer.name for layer in shown]
        part = rows(letter, kind, run.label, names, x, y, error, counts)
        parts.append(part.assign(**conditions(run)))
    return pd.concat(parts, ignore_index=True)


def conditions(run: Run) -> dict[str, str | float]:
    """Return what a run's rows say of its conditions."""
    display = np.nan if run.display is None else run.display
    grouped = str(run.settings.get("grouped")) if run.grouped else "none"
    return {"protocol": run.protocol, "grouped": grouped, "stimulus_deg": display}


def layer_panel(
    axes: Axes, table: pd.DataFrame, looks: Mapping[str, Look], *, crowded: bool
) -> None:
    """Draw the rows of `layer_rows`: a line for each network and kind of split.

    With its band; if it is `crowded`, dashed lines have neither marks nor are there bands.
    """
    for (label, grouped), part in table.groupby(["of", "grouped"], sort=False):
        look = looks[str(label)]
        splits = DASHES if grouped == "none" else "-"
        name = f"{label}, {splits_name(str(grouped))}"
        line = part.assign(series=name, source="measured", beta=np.nan, target=np.nan)
        shown = {key: look[key] for key in ("color", "linewidth") if key in look}
        style = {name: {**shown, "linestyle": splits}}
        seen = line.assign(error=np.nan) if crowded else line
        draw(axes, seen, lambda beta, target: INK, dots=False, looks=style)
        if "marker" in look and (splits == "-" or not crowded):
            face = look["color"] if splits == "-" else "none"
            marks: Look = {**look, "linestyle": "none", "markersize": 4.2, "zorder": 4}
            axes.plot(line["x"], line["y"], label=f"_{name}", markerfacecolor=face, **marks)
    axes.margins(y=0.08)


def name_layers(axes: Axes, runs: Sequence[Run], *, labelled: bool) -> None:
    """Label the x axis by layers, or by depth where networks have other layers."""
    deep = [run for run in runs if not run.flat]
    if not deep:
        axes.set(xticks=[])
    elif same_layers(runs):
        names = [clipped(layer.label) for layer in deep[0].layers]
        axes.set_xticks(range(len(names)), names)
        axes.set_xlim(-0.4, len(names) - 0.6)
        if max(map(len, names)) > LONGEST or len(names) > MOST_NAMES:
            axes.tick_params(axis="x", labelrotation=90, labelsize=7)
        axes.set_xlabel("layer")
    else:
        axes.set_xlabel(DEPTH if labelled else "")
        axes.set_xlim(-0.04, 1.04)
    if not labelled:
        axes.set_xlabel("")
        axes.tick_params(axis="x", labelbottom=False)


def panels(count: int, height: float) -> tuple[Figure, list[Axes]]:
    """Make a figure of small panels with one y axis; `height` in inches of a line of them."""
    columns = columns_of(count)
    lines = -(-count // columns)
    figure = Figure(figsize=(WIDTH, 0.8 + height * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True)
    switch_off(grid.flat[count:])
    return figure, [*grid.flat[:count]]


def columns_of(count: int) -> int:
    """Choose how many panels stand in a row, three at most."""
    return 2 if count == 4 else min(3, count)


def lowest(place: int, count: int) -> bool:
    """Say whether no panel of the grid lies below the one at `place`."""
    return place + columns_of(count) >= count


def is_crowded(runs: Sequence[Run]) -> bool:
    """Say whether there are too many lines in a panel for bands."""
    counts = Counter((run.display, run.protocol) for run in runs if not run.flat)
    return max(counts.values(), default=0) > CROWDED


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else np.nan
