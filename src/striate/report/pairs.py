"""Robust networks beside the same networks trained as usual, a small panel per pair."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from striate.report.crowd import COLOURS, ROBUST, USUAL
from striate.report.drawing import clipped, columns_of, evenly, part_of, stacked, switch_off
from striate.report.figures import MUTED, WIDTH, Look, Plate

MOST = 20  # panels
COLUMNS = 5
REFERENCE: Look = {"color": MUTED, "linestyle": (0, (1, 2)), "linewidth": 1, "zorder": 1}


def pair_plate(
    name: str,
    title: str,
    pairs: Sequence[tuple[str, str]],
    lines: pd.DataFrame,
    *,
    axes: tuple[str, str],
    level: float | None,
    found: Sequence[str],
    methods: str,
) -> Plate | None:
    """Draw a panel for each pair with a line and a band for each of the two.

    Parameters
    ----------
    name, title, found, methods
        As of `Plate`.
    pairs
        Labels of a robust network and of its base network.
    lines
        Rows of all networks, `of` being the label.
    axes
        Labels of the y axis and of the x axis.
    level
        Height of a dotted line.

    Returns
    -------
    plate
        None where no pair has lines.
    """
    labels = set(lines["of"])
    there = [pair for pair in pairs if labels.issuperset(pair)]
    if not there:
        return None
    chosen = evenly(there, MOST)
    columns = columns_of(len(chosen), COLUMNS)
    count = -(-len(chosen) // columns)
    width = WIDTH if columns > 2 else 0.6 * WIDTH
    figure = Figure(figsize=(width, 0.8 + 1.6 * count), layout="constrained")
    grid = figure.subplots(count, columns, squeeze=False, sharex=True, sharey=True)
    switch_off(grid.flat[len(chosen) :])
    parts = []
    for place, (panel, (robust, base)) in enumerate(zip(grid.flat, chosen, strict=False)):
        for label, group in ((base, USUAL), (robust, ROBUST)):
            line = lines[lines["of"] == label].assign(panel=robust)
            parts.append(line)
            panel.plot(line["x"], line["y"], color=COLOURS[group], linewidth=1.3, label=label)
            low, high = line["y"] - line["error"], line["y"] + line["error"]
            panel.fill_between(line["x"], low, high, color=COLOURS[group], alpha=0.2, linewidth=0)
        if level is not None:
            panel.axhline(level, **REFERENCE)
        panel.set_title(clipped(robust, 28), fontsize=7)
        if place + columns >= len(chosen):
            panel.tick_params(labelbottom=True)
    figure.supylabel(axes[0], fontsize=8.5)
    figure.supxlabel(axes[1], fontsize=8.5)
    handles = [
        Line2D([], [], color=COLOURS[group], label=group, linewidth=1.6)
        for group in (ROBUST, USUAL)
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    return Plate(
        name,
        title,
        "",
        tuple(found),
        f"{methods} A panel per robust network, with the network of the same architecture that was "
        f"trained as usual; all have one scale.{part_of(len(chosen), len(there), 'pairs')}",
        f"Lines of {len(chosen)} robust networks beside those of their base networks. "
        f"{' '.join(found[:1])}",
        figure,
        stacked(parts),
    )
