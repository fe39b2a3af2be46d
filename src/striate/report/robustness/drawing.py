"""What the figures of robustness share: looks of networks, lines with bands, rows of dots."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from striate.report.drawing import COLOURS, DASHES, MARKS, rows
from striate.report.figures import INK, Look, draw
from striate.report.robustness.found import Network, Together
from striate.report.robustness.words import bounds
from striate.results import Curve, Score

CROWDED = 6  # lines beyond which bands would hide each other
# A published accuracy among many.
RING: Look = {
    "marker": "o",
    "markersize": 5,
    "markerfacecolor": "none",
    "markeredgewidth": 0.8,
    "linestyle": "none",
}


def looks_of(together: Together) -> dict[str, Look]:
    """Give each kind of network a colour and a mark; after six, other dashes and marks.

    Networks that were trained alike, or one whose training is not known, are a kind.
    """
    kinds = dict.fromkeys(one.kind for one in together.networks)
    return {
        kind: {
            "color": COLOURS[i % len(COLOURS)],
            "marker": MARKS[(i + i // len(COLOURS)) % len(MARKS)],
            "linestyle": DASHES[i // len(COLOURS) % len(DASHES)],
        }
        for i, kind in enumerate(kinds)
    }


def network_looks(together: Together) -> dict[str, Look]:
    """Give each network the look of its kind."""
    looks = looks_of(together)
    return {one.label: looks[one.kind] for one in together.networks}


def curve_rows(letter: str, network: Network, series: str, curve: Curve) -> pd.DataFrame:
    """Return a measured curve; `units` is the number of images."""
    count = curve.settings.get("images")
    images = float(count) if isinstance(count, int | float) else None
    return rows(letter, "measured", network.label, series, curve.x, curve.y, curve.error, images)


def score_rows(
    letter: str, network: Network, series: str, score: Score, y: float, source: str = "measured"
) -> pd.DataFrame:
    """Return an accuracy at a row of a plot of dots, with its interval in `low` and `high`."""
    ends = bounds(score) or (np.nan, np.nan)
    made = rows(letter, source, network.label, series, [score.value], [y], score.error)
    return made.assign(low=ends[0], high=ends[1])


def line_panel(axes: Axes, table: pd.DataFrame, looks: Mapping[str, Look]) -> None:
    """Draw a line per network and series, with a band each unless there are many."""
    measured = table[table["source"] == "measured"]
    crowded = measured["of"].nunique() > CROWDED
    for (label, series), part in measured.groupby(["of", "series"], sort=False):
        look = looks[str(label)]
        name = f"{label}, {series}"
        line = part.assign(series=name, beta=np.nan, target=np.nan)
        seen = line.assign(error=np.nan) if crowded else line
        shown = {key: look[key] for key in ("color", "linestyle")}
        draw(axes, seen, lambda beta, target: INK, dots=False, looks={name: shown})
        marks: Look = {**look, "linestyle": "none", "markersize": 3.8, "zorder": 4}
        axes.plot(line["x"], line["y"], label=f"_{name}", **marks)


def dot_panel(
    axes: Axes, table: pd.DataFrame, looks: Mapping[str, Look], names: Sequence[str]
) -> None:
    """Draw accuracies with their intervals, a row per network; published ones are rings."""
    for row in table.to_dict("records"):
        look = looks[row["of"]]
        if row["source"] == "published":
            ring: Look = {"marker": "o", "markersize": 7.5, "markerfacecolor": "none"}
            axes.plot(row["x"], row["y"], color=look["color"], alpha=0.8, **ring)
            continue
        axes.plot(
            row["x"], row["y"], color=look["color"], marker=look["marker"], markersize=5, zorder=3
        )
        if np.isfinite(row["low"]):
            axes.hlines(row["y"], row["low"], row["high"], color=look["color"], linewidth=1.3)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
