"""Which frequencies channels prefer, beside V1 cells: Kong et al. 2021, Figure 4 C."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from striate.report.drawing import (
    columns_of,
    evenly,
    letters,
    part_of,
    rows,
    stacked,
    switch_off,
    wrapped,
)
from striate.report.figures import BLUE, INK, MUTED, WIDTH, Plate, in_percent, stem
from striate.report.names import called
from striate.report.tuning.drawing import frequency_axis
from striate.report.tuning.findings import most_preferred, of_networks
from striate.report.tuning.found import Layer, Network, Together, best_layer
from striate.report.tuning.published import V1, v1_cells
from striate.report.tuning.words import channels_of, sampling_of, score_of, shown_to
from striate.report.words import listed, plural

CLAIM = (
    "More units of networks trained to be robust prefer the frequencies that V1 cells prefer, near "
    "3 cycles per degree; in networks of both kinds many prefer the highest that was shown."
)
ALL, ONE, CELLS = "preferred_frequency", "preferred_frequency_experiment", "cells"
MOST_LAYERS, MOST_NETWORKS, COLUMNS = 12, 12, 4
TITLE, TITLE_LINE = 26, 0.17  # characters of a line over a panel, and inches of its height
HALF = 2**0.13  # half the width of a bar: apart on half octaves, and within a bin of V1's
GREY = 0.4  # opacity of V1 behind the bars

Panel = tuple[str, Layer]  # title and what is drawn


def networks_plate(together: Together) -> Plate | None:
    """Draw of each network the layer most like V1; None unless there are several networks."""
    there = [
        (one, layer)
        for one in together.networks
        if (layer := best_layer(one)) is not None and ALL in layer.curves
    ]
    if len(there) < 2:
        return None
    chosen = evenly(there, MOST_NETWORKS)
    panels: list[Panel] = [
        (f"{wrapped(one.label, TITLE)}\n{wrapped(layer.label, TITLE)}", layer)
        for one, layer in chosen
    ]
    figure, numbers = _figure(panels, [one.label for one, _ in chosen], together)
    found = of_networks(together)
    return Plate(
        stem("tuning-frequencies", together.label),
        f"Preferred spatial frequencies, the layer of each network most like V1: {together.label}",
        CLAIM,
        tuple(found),
        f"{_methods(together)} Layers: "
        f"{listed(f'{called(layer.name)} of {one.label}' for one, layer in chosen)}; of all "
        "measured, the one with the highest score is shown, while the paper takes the one that "
        "predicts V1 best. "
        f"{_sizes([layer for _, layer in chosen])}"
        f"{part_of(len(chosen), len(there), 'networks')} {shown_to(together)}",
        f"Histograms of preferred spatial frequency in {plural(len(chosen), 'network')}, with those"
        f" of V1 cells in grey. {found[0]}",
        figure,
        numbers,
    )


def layers_plate(network: Network, together: Together) -> Plate | None:
    """Draw every layer of a network; None where none has a preferred frequency."""
    there = [layer for layer in network.layers if ALL in layer.curves]
    if not there:
        return None
    chosen = evenly(there, MOST_LAYERS)
    best = best_layer(network)
    if best is not None:
        names = {layer.name for layer in [*chosen, best]}
        chosen = [layer for layer in there if layer.name in names]
    panels: list[Panel] = [(wrapped(layer.label, TITLE), layer) for layer in chosen]
    figure, numbers = _figure(panels, [network.label] * len(panels), together)
    found = most_preferred(network, together)
    # Said in full once; the others differ in the network only.
    first = next(one for one in together.networks if any(ALL in x.curves for x in one.layers))
    methods = (
        f"{_methods(together)} {shown_to(together)}"
        if network is first
        else f"As the figure of {first.label}."
    )
    which = "" if best is None else f" The layer most like V1 is {best.name}."
    return Plate(
        stem("tuning-layers", f"{network.label}, {together.label}"),
        f"Preferred spatial frequencies, layer by layer: {network.label}, {together.label}",
        "",
        tuple(found),
        f"{methods}{which} {_sizes(there)}{part_of(len(chosen), len(there), 'layers')}",
        f"Histograms of preferred spatial frequency in {plural(len(chosen), 'layer')} of "
        f"{network.label}. {found[0]}",
        figure,
        numbers,
    )


def _figure(
    panels: Sequence[Panel], labels: Sequence[str], together: Together
) -> tuple[Figure, pd.DataFrame]:
    columns = columns_of(len(panels), COLUMNS)
    lines = -(-len(panels) // columns)
    height = 2.3 if columns < 3 else 1.85
    # A name in one line, or two, has its place; more of them would press the panels.
    height += TITLE_LINE * max(0, max(title.count("\n") for title, _ in panels) - 1)
    figure = Figure(figsize=(WIDTH, 0.75 + height * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    switch_off(grid.flat[len(panels) :])
    marks = letters(len(panels))
    parts = []
    for axes, letter, label, panel in zip(grid.flat, marks, labels, panels, strict=False):
        title, layer = panel
        parts.append(_rows(letter, label, layer, together))
        _draw(axes, parts[-1])
        axes.set_title(f"{letter}\u2003{title}{_score(layer)}", fontsize=8.5, linespacing=1.35)
    numbers = stacked(parts)
    _dress(grid, len(panels), numbers, together)
    _legend(figure, together, ONE in set(numbers["series"]))
    return figure, numbers


def _rows(letter: str, label: str, layer: Layer, together: Together) -> pd.DataFrame:
    parts = []
    if together.in_degrees:
        cells = v1_cells()
        middle = np.sqrt(cells.edges_cpd[:-1] * cells.edges_cpd[1:])
        parts.append(
            rows(letter, "recording", V1, CELLS, middle, cells.shares, None, float(cells.number))
        )
    for source, name in (("measured", ALL), ("experiment", ONE)):
        curve = layer.curves.get(name)
        # One experiment stands beside V1 in the paper; elsewhere it would only say less.
        if curve is not None and (name == ALL or together.in_degrees):
            count = curve.settings.get("selected" if name == ALL else "draws")
            units = float(count) if isinstance(count, int | float) else None
            of = f"{label}, {layer.name}"
            parts.append(rows(letter, source, of, name, curve.x, curve.y, None, units))
    return stacked(parts)


def _draw(axes: Axes, table: pd.DataFrame) -> None:
    cells = table[table["source"] == "recording"]
    if len(cells):
        edges = v1_cells().edges_cpd
        look = {"color": MUTED, "alpha": GREY, "linewidth": 0, "zorder": 1}
        axes.bar(edges[:-1], cells["y"], np.diff(edges), align="edge", **look)
    bars = table[table["source"] == "measured"]
    left = bars["x"] / HALF
    axes.bar(left, bars["y"], bars["x"] * HALF - left, align="edge", color=BLUE, zorder=2)
    one = table[table["source"] == "experiment"]
    one = one[one["y"] > 0]  # a dot on the axis says nothing
    axes.plot(one["x"], one["y"], **_EXPERIMENT)


_EXPERIMENT = {
    "marker": "o",
    "markersize": 3.6,
    "linestyle": "none",
    "markerfacecolor": "#ffffff",
    "markeredgecolor": INK,
    "markeredgewidth": 0.8,
    "zorder": 3,
}


def _dress(grid: np.ndarray, count: int, numbers: pd.DataFrame, together: Together) -> None:
    own = numbers[numbers["source"] == "measured"]["x"]
    low, high = own.min() / 1.25, own.max() * 1.25
    if together.in_degrees:
        edges = v1_cells().edges_cpd
        low, high = min(low, edges[0]), max(high, edges[-1])
    frequency_axis(grid[0, 0], low, high)
    in_percent(grid[0, 0])
    grid[0, 0].set_ylim(0, 1.06 * numbers["y"].max())
    columns = grid.shape[1]
    for place, axes in enumerate(grid.flat[:count]):
        axes.grid(visible=False, axis="x")
        if place + columns >= count:  # nothing below
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("cycles/degree" if together.in_degrees else "cycles/image")
    for axes in grid[:, 0]:
        axes.set_ylabel("channels")


def _legend(figure: Figure, together: Together, has_experiment: bool) -> None:
    handles: list[Patch | Line2D] = [Patch(color=BLUE, label="channels of the network")]
    if has_experiment:
        handles.append(Line2D([], [], label="one experiment", **_EXPERIMENT))
    if together.in_degrees:
        grey = Patch(color=MUTED, alpha=GREY, linewidth=0, label="cells of macaque V1, published")
        handles.append(grey)
    if len(handles) > 1:
        figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))


def _methods(together: Together) -> str:
    if not together.in_degrees:
        return "Share of channels that prefer each frequency that was shown."
    return (
        "As Fig. 4C of Kong et al. 2021. Share of channels that prefer each frequency that was "
        "shown (bars), the same of one "
        f"experiment of {together.settings['draws']} channels (dots), and share of "
        f"{v1_cells().number} cells of foveal macaque V1 (De Valois et al. 1982, half-octave bins, "
        "digitised by Kong et al. 2021). The number is the score, "
        f"{sampling_of(together)}."
    )


def _score(layer: Layer) -> str:
    score = layer.scores.get("frequency_score")
    return "" if score is None else f"\nscore {score_of(score, 2)}"


def _sizes(layers: Sequence[Layer]) -> str:
    text = channels_of(layers)
    return f"{text[0].upper()}{text[1:]}." if text else ""
