"""A forest plot: an estimate with its interval per row, and a line to compare with."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from striate.report.figures import MUTED, Look

HALFWAY = 0.6  # of a panel, up to which a name fits to the right of a line


def forest(
    axes: Axes,
    table: pd.DataFrame,
    names: Sequence[str],
    looks: Mapping[str, Look],
    *,
    heads: Sequence[str] = (),
) -> None:
    """Draw estimates from top to bottom.

    Parameters
    ----------
    axes
        Where.
    table
        `x` (the estimate), `error` (half its interval, or NaN), `y` (its row, from 0 on top) and
        `series`, by which `looks` says how it is drawn.
    names
        What stands at the rows 0, 1, …
    looks
        Words of `matplotlib.axes.Axes.plot` by series.
    heads
        Those of `names` that only say what follows.
    """
    for series, part in table.groupby("series", sort=False):
        look: Look = {"linestyle": "none", "markersize": 5, "zorder": 3, **looks[str(series)]}
        axes.plot(part["x"], part["y"], label=str(series), **look)
        known = part[part["error"].notna()]
        style = {"ecolor": look["color"], "elinewidth": 1.3, "zorder": 2}
        if len(known):
            axes.errorbar(known["x"], known["y"], xerr=known["error"], fmt="none", **style)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(range(len(names)), names)
    for label, name in zip(axes.get_yticklabels(), names, strict=True):
        label.set_fontweight("bold" if name in heads else "normal")
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    axes.margins(x=0.08)


def room_below(axes: Axes, lines: int) -> None:
    """Leave room below the last row for the names of so many lines of `reference`."""
    low, high = axes.get_ylim()
    axes.set_ylim(low + 0.2 + 0.55 * lines, high)


def reference(axes: Axes, value: float, text: str, place: int = 0) -> None:
    """Mark a value on the x axis with a dotted line, and say at its foot what it is.

    Lines at several places of one panel are named one above the other; towards its right edge the
    name stands on the left.
    """
    axes.axvline(value, color=MUTED, linestyle=(0, (1, 2)), linewidth=1.1, zorder=1)
    left, right = axes.get_xlim()
    side, away = ("left", 3) if value < left + HALFWAY * (right - left) else ("right", -3)
    axes.annotate(
        text,
        (value, 0),
        (away, 3 + 10 * place),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha=side,
        va="bottom",
        fontsize=7.5,
        color=MUTED,
    )
