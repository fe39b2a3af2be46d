"""Exponents of layers against depth, all networks of a set in one panel."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from striate.report.drawing import DASHES, MARKS, by_depth, clipped, rows
from striate.report.figures import INK, MUTED, Look
from striate.report.names import layers as short_names
from striate.report.spectra.captions import sample_name
from striate.report.spectra.found import Layer, Together, over_images
from striate.results import Score

EDGE = 0.3  # of the step from layer to layer that is left free on either side
LONGEST = 6  # characters of a layer's name that fit without turning it
INTERVAL = "interval"  # source of the exponents whose error is over images


def same_layers(together: Together) -> bool:
    """Say whether the networks have the same layers, so that names can stand on the axis."""
    lists = {tuple(layer.name for layer in one.layers) for one in together.networks}
    return len(lists) == 1


def exponent_rows(letter: str, together: Together) -> list[pd.DataFrame]:
    """Give α over the sets, and α with its interval over images beside it, by layer.

    `x` is the layer's place, or its relative depth where networks have different layers.
    """
    parts = []
    same = same_layers(together)
    step = 0.12 if same else 0.012
    for one in together.networks:
        count = len(one.layers)
        places = np.arange(float(count)) if same else np.linspace(0, 1, count)
        for source, of, aside in (("measured", _of_sets, 0), (INTERVAL, over_images, step)):
            there = [
                (place + aside, layer.name, score)
                for place, layer in zip(places, one.layers, strict=True)
                if (score := of(layer)) is not None
            ]
            if there:
                x, names, scores = zip(*there, strict=True)
                y = [score.value for score in scores]
                error = [np.nan if score.error is None else score.error for score in scores]
                units = [float(score.settings.get("units") or 0) for score in scores]
                parts.append(rows(letter, source, one.label, list(names), x, y, error, units))
    return parts


def _of_sets(layer: Layer) -> Score | None:
    return layer.scores.get("alpha")


def exponent_panel(axes: Axes, table: pd.DataFrame, together: Together, letter: str) -> None:
    """Draw the rows of `exponent_rows`; the legend goes above the figure."""
    handles = []
    for number, one in enumerate(together.networks):
        mark, dashes = MARKS[number % len(MARKS)], DASHES[number % len(DASHES)]
        mine = table[table["of"] == one.label]
        line = mine[mine["source"] == "measured"]
        axes.plot(line["x"], line["y"], color=MUTED, linestyle=dashes, linewidth=1.1, zorder=2)
        low, high = line["y"] - line["error"], line["y"] + line["error"]
        axes.fill_between(line["x"], low, high, color=MUTED, alpha=0.22, linewidth=0, zorder=1)
        colour = dict(zip((x.name for x in one.layers), by_depth(len(one.layers)), strict=True))
        _dots(axes, line, colour, mark, hollow=False)
        _dots(axes, mine[mine["source"] == INTERVAL], colour, mark, hollow=True)
        look: Look = {"color": INK, "marker": mark, "linestyle": dashes, "linewidth": 1.1}
        handles.append(Line2D([], [], label=one.label, markersize=5, **look))
    if (table["source"] == INTERVAL).any():
        ring: Look = {"marker": "o", "markersize": 5, "markerfacecolor": "none", "linestyle": ""}
        name = f"{sample_name(together)}, with interval"
        handles.append(Line2D([], [], label=name, color=INK, **ring))
    axes.axhline(1, color=MUTED, linestyle=(0, (1, 2)), linewidth=1.1, zorder=1)
    axes.set(title=f"{letter}\u2003exponents", ylabel="α")
    axes.margins(y=0.12)
    columns = min(len(handles), 4)
    axes.figure.legend(handles=handles, loc="outside upper left", ncols=columns, handlelength=2.6)
    name_depth(axes, together)


def _dots(
    axes: Axes, part: pd.DataFrame, colour: dict[str, str], mark: str, *, hollow: bool
) -> None:
    for row in part.to_dict("records"):
        shade = colour[row["series"]]
        face = "none" if hollow else shade
        axes.errorbar(
            row["x"], row["y"], None if np.isnan(row["error"]) else row["error"],
            color=shade, marker=mark, markersize=4.2 if hollow else 5, markerfacecolor=face,
            elinewidth=1, zorder=3,
        )  # fmt: skip


def name_depth(axes: Axes, together: Together) -> None:
    """Label the x axis by layers, or by depth where networks have other layers."""
    if not same_layers(together):
        axes.set_xlabel("relative depth: first layer measured 0, last 1")
        return
    names = [layer.name for layer in together.networks[0].layers]
    short = [short_names(names)[name] for name in names]
    turned = max(map(len, short)) > LONGEST or len(short) > 8
    axes.set_xticks(range(len(short)), [clipped(name) for name in short])
    if turned:
        axes.tick_params(axis="x", labelrotation=90, labelsize=7)
    axes.set_xlim(min(axes.get_xlim()[0], -EDGE), max(axes.get_xlim()[1], len(short) - 1 + EDGE))
    axes.set_xlabel("layer")
