"""Preferred frequencies of many networks as maps: a row per network, or a map per network."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from striate.report.crowd import (
    COLOURS,
    Crowd,
    crowd_legend,
    crowd_text,
    ranking_height,
    ranking_panel,
    ranking_rows,
)
from striate.report.drawing import clipped, evenly, part_of, rows, stacked, switch_off
from striate.report.figures import BLUE, INK, MUTED, PAGE, WIDTH, Plate, stem
from striate.report.known import Key, Known, rules_text
from striate.report.tuning.chosen import FREQUENCY, Chosen, chosen_layers, crowd_of
from striate.report.tuning.findings import SCORE
from striate.report.tuning.found import Network, Together, unit_of
from striate.report.tuning.histograms import ALL, CLAIM
from striate.report.tuning.many import of_scores
from striate.report.tuning.published import V1, v1_cells
from striate.report.tuning.words import number, sampling_of, shown_to
from striate.report.words import plural

SHADES = LinearSegmentedColormap.from_list("share", [PAGE, BLUE, INK])
MOST, COLUMNS = 64, 8  # maps, and in a row


def map_plates(together: Together, known: Mapping[Key, Known]) -> Iterator[Plate]:
    """Draw which frequencies are preferred: in a layer of each network, and in every layer."""
    people = crowd_of(together, known)
    there = [one for one in chosen_layers(together, known) if ALL in one.layer.curves]
    if there:
        yield _networks(together, there, people)
        yield _layers(together, people)


def _networks(together: Together, there: Sequence[Chosen], people: Crowd) -> Plate:
    """Draw a row of shades per network, in the order of their scores, and the scores beside."""
    name = SCORE if together.in_degrees else FREQUENCY
    ranks = ranking_rows("b", [_ranked(one, name) for one in there if name in one.layer.scores])
    order = [*ranks["of"]] if len(ranks) else [one.network.label for one in there]
    by_label = {one.network.label: one for one in there}
    shares = stacked(_shares("a", by_label[label]) for label in order)
    cells = _cells(shares["x"].unique()) if together.in_degrees else shares.iloc[:0]
    figure = Figure(figsize=(WIDTH, 0.4 + ranking_height(len(order))), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1], sharey=True)
    _draw(left, shares, order, cells, together)
    if len(ranks):
        ranking_panel(right, ranks, people)
    right.set_ylim(len(order) - 0.3, -1.9 if len(cells) else -0.7)
    names = [clipped(label, 34) for label in order]
    places = [*range(len(order)), *([-1.2] if len(cells) else [])]
    left.set_yticks(places, [*names, *(["V1 cells"] if len(cells) else [])], fontsize=6.4)
    right.tick_params(labelleft=False)
    for tick, label in zip(left.get_yticklabels(), order, strict=False):
        tick.set_color(COLOURS[people.groups[label]])
    title = "score" if name == SCORE else "frequency of the median channel, log2 cycles/image"
    right.set(title=f"b\u2003{title}", xlabel=title)
    crowd_legend(figure, people._replace(named={}))
    found = of_scores(together, people) if together.in_degrees else []
    grey = f" The row on top is {V1}." if len(cells) else ""
    return Plate(
        stem("tuning-frequencies", together.label),
        f"Preferred spatial frequencies, a layer of each network: {together.label}",
        CLAIM if together.in_degrees else "",
        tuple(found),
        f"As Fig. 4C of Kong et al. 2021, a row of shades instead of a histogram. a: share of "
        f"channels that prefer each frequency, white none, black "
        f"{100 * shares['y'].max():.0f}\u00a0%.{grey} b: the score of that layer, "
        f"{sampling_of(together)}. {rules_text([one.rule for one in there])} "
        f"{crowd_text(people, medians=False)} {shown_to(together)}",
        f"Shades of preferred spatial frequency, a row for each of {plural(len(order), 'network')}."
        f" {''.join(found[:1])}",
        figure,
        stacked([cells, shares, ranks]),
    )


def _draw(
    axes: Axes, shares: pd.DataFrame, order: Sequence[str], cells: pd.DataFrame, together: Together
) -> None:
    table = shares.pivot_table(index="of", columns="x", values="y", fill_value=0.0, sort=False)
    table = table.loc[[*order]][sorted(table.columns)]
    shown = [number(float(x)) for x in table.columns.to_numpy(float)]
    top = float(table.to_numpy().max())
    _shade(axes, table.to_numpy(), (-0.5, table.shape[1] - 0.5, len(order) - 0.5, -0.5), top)
    if len(cells):
        row = cells["y"].to_numpy(float)[None]
        _shade(axes, row, (-0.5, row.shape[1] - 0.5, -0.7, -1.7), top)
    axes.set_xticks(range(len(shown)), shown, fontsize=7)
    axes.set(xlabel=f"frequency, {unit_of(together)}", title="a\u2003share of channels")
    axes.tick_params(axis="y", length=0)
    axes.grid(False)


def _layers(together: Together, people: Crowd) -> Plate:
    """Draw a map per network: layers from the first at the top, frequencies to the right."""
    there = [one for one in together.networks if any(ALL in x.curves for x in one.layers)]
    chosen = evenly(there, MOST)
    numbers = stacked(_map_rows(one) for one in there)
    top = float(numbers["y"].max())
    columns = min(COLUMNS, len(chosen))
    lines = -(-len(chosen) // columns)
    figure = Figure(figsize=(WIDTH, 0.7 + 1.12 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False)
    switch_off(grid.flat[len(chosen) :])
    for axes, network in zip(grid.flat, chosen, strict=False):
        _map(axes, network, top)
        colour = COLOURS[people.groups[network.label]]
        axes.set_title(clipped(network.label, 21), fontsize=5.8, pad=2, color=colour)
    _ends(grid, numbers, len(chosen))
    figure.supylabel("layer, the first at the top", fontsize=8)
    figure.supxlabel(f"preferred frequency, {unit_of(together)}", fontsize=8)
    return Plate(
        stem("tuning-layers", together.label),
        f"Preferred spatial frequencies, layer by layer: {together.label}",
        "",
        (),
        f"A map per network. Shade is the share of a layer's channels that prefer a frequency, "
        f"white none, black {100 * top:.0f}\u00a0%. {crowd_text(people, medians=False)}"
        f"{part_of(len(chosen), len(there), 'networks')} {shown_to(together)}",
        f"Maps of preferred spatial frequency by layer, one for each of "
        f"{plural(len(chosen), 'network')}.",
        figure,
        numbers,
    )


def _map(axes: Axes, network: Network, top: float) -> None:
    curves = [layer.curves[ALL] for layer in network.layers if ALL in layer.curves]
    widest = max(curves, key=lambda curve: len(curve.x)).x
    shares = np.array([np.interp(widest, curve.x, curve.y, 0, 0) for curve in curves])
    _shade(axes, shares, (0.0, 1.0, 1.0, 0.0), top)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=MUTED, linewidth=0.4)


def _shade(
    axes: Axes, shares: np.ndarray, extent: tuple[float, float, float, float], top: float
) -> None:
    look = {"cmap": SHADES, "vmin": 0, "vmax": top, "interpolation": "none", "aspect": "auto"}
    axes.imshow(shares, extent=extent, **look)


def _ends(grid: np.ndarray, numbers: pd.DataFrame, count: int) -> None:
    """Name the lowest and the highest frequency below each column."""
    columns = grid.shape[1]
    ends = [number(numbers["x"].min()), number(numbers["x"].max())]
    for place, axes in enumerate(grid.flat[:count]):
        if place + columns >= count:
            axes.set_xticks([0.06, 0.94], ends, fontsize=6)
            axes.tick_params(axis="x", length=0, pad=1)


def _shares(letter: str, one: Chosen) -> pd.DataFrame:
    curve = one.layer.curves[ALL]
    selected = curve.settings.get("selected")
    count = float(selected) if isinstance(selected, int | float) else None
    named = (letter, "measured", one.network.label, one.layer.name)
    return rows(*named, curve.x, curve.y, None, count)


def _map_rows(network: Network) -> pd.DataFrame:
    there = [
        (layer.name, curve)
        for layer in network.layers
        if (curve := layer.curves.get(ALL)) is not None
    ]
    names = [name for name, curve in there for _ in curve.x]
    x = [value for _, curve in there for value in curve.x]
    y = [value for _, curve in there for value in curve.y]
    return rows(network.label, "measured", network.label, names, x, y)


def _cells(shown: np.ndarray) -> pd.DataFrame:
    """Return the share of V1 cells in the bin that each frequency shown lies in."""
    cells = v1_cells()
    x = np.sort(shown)
    inside = np.searchsorted(cells.edges_cpd, x, side="right") - 1
    known = (inside >= 0) & (inside < len(cells.shares))
    shares = np.where(known, cells.shares[np.clip(inside, 0, len(cells.shares) - 1)], 0.0)
    return rows("a", "recording", V1, "cells", x, shares, None, float(cells.number))


def _ranked(one: Chosen, name: str) -> tuple[str, str, float, float | None]:
    score = one.layer.scores[name]
    return one.network.label, one.layer.name, score.value, score.error
