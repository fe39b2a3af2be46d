"""What the figures of several studies share: rows of their CSV, looks of networks, panels."""

from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import TypeVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from striate.report.figures import BLUE, GREEN, ORANGE, SPARE, Look

# `of` is the network or population, `series` the layer or method.
COLUMNS = ["panel", "source", "of", "series", "x", "y", "error", "units"]
NUMBERS = COLUMNS[4:]
# From blue to orange by way of violet: in order of lightness, and for the colour-blind, too.
RAMP = [BLUE, "#8a63b8", "#d0698c", ORANGE]
DENSITY = 60  # points to the octave that are drawn
COLOURS = (BLUE, ORANGE, GREEN, *SPARE)
# Networks are told apart by mark and dashes; colour is depth, in every panel.
MARKS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", (0, (4, 2)), (0, (1, 1.5)), (0, (6, 1.5, 1, 1.5)))
PER_LEGEND = 4
WIDE, LINE = 130, 8  # characters of a legend as wide as a figure, and those that a line takes

Item = TypeVar("Item")


def rows(
    panel: str,
    source: str,
    of: str,
    series: str | Sequence[str],
    x: Iterable[int | float],
    y: Iterable[int | float],
    error: Sequence[float] | float | None = None,
    units: Sequence[float] | float | None = None,
) -> pd.DataFrame:
    """Return points of one line, or of several, with the columns `COLUMNS`."""
    xs, ys = np.array([*x], dtype=float), np.array([*y], dtype=float)
    # Made at once: a page of many networks has thousands of lines.
    return pd.DataFrame(
        {
            "panel": panel,
            "source": source,
            "of": of,
            "series": series if isinstance(series, str) else [*series],
            "x": xs,
            "y": ys,
            "error": _filled(error, len(xs)),
            "units": _filled(units, len(xs)),
        },
        index=range(len(xs)),
    )


def _filled(values: Sequence[float] | float | None, count: int) -> np.ndarray:
    given = np.nan if values is None else values
    return np.broadcast_to(np.asarray(given, dtype=float), (count,))


def stacked(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put tables under each other."""
    full = [part for part in parts if len(part)]
    if full:
        return pd.concat(full, ignore_index=True)
    return pd.DataFrame(columns=COLUMNS).astype(dict.fromkeys(NUMBERS, float))


def by_depth(count: int) -> list[str]:
    """Return a colour per layer from the first to the last, lighter on the way."""
    ramp = LinearSegmentedColormap.from_list("depth", RAMP)
    return [to_hex(ramp(place)) for place in np.linspace(0, 1, count)] if count > 1 else [BLUE]


def columns_of(count: int, most: int = 4) -> int:
    """Choose how many small panels stand in a row, so that few places stay empty."""
    return count if count <= most else 3 if count in (5, 6, 9) else most


def network_legend(figure: Figure, looks: dict[str, Look], extra: Sequence[Line2D] = ()) -> None:
    """Name the networks above all panels."""
    handles = [Line2D([], [], label=name, markersize=5, **look) for name, look in looks.items()]
    handles += extra
    longest = max(len(str(handle.get_label())) for handle in handles)
    columns = min(len(handles), PER_LEGEND, max(1, WIDE // (longest + LINE)))
    figure.legend(handles=handles, loc="outside upper left", ncols=columns, handlelength=2.6)


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """Choose some of the items, evenly spaced, the first and the last among them."""
    chosen = np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int)
    return [items[place] for place in np.unique(chosen)]


def part_of(shown: int, there: int, what: str) -> str:
    """Say that not everything is drawn."""
    return "" if shown == there else f" {shown} of {there} {what} are shown, evenly spaced."


def clipped(name: str, most: int = 24) -> str:
    """Keep the end of a name that is too long to stand over a panel."""
    return name if len(name) <= most else f"…{name[1 - most :].lstrip('.')}"


def wrapped(name: str, most: int, lines: int = 3) -> str:
    """Break a name that is too long to stand over a panel, and keep its last lines."""
    parts = wrap(name, most)
    return "\n".join(parts if len(parts) <= lines else [f"…{parts[-lines]}", *parts[1 - lines :]])


def letters(count: int) -> list[str]:
    """Name panels a, b, … and on, after z, by numbers."""
    return [chr(ord("a") + i) if i < 26 else str(i + 1) for i in range(count)]


def switch_off(grid: Iterable[Axes]) -> None:
    """Leave the places of a grid empty that no panel takes."""
    for axes in grid:
        axes.set_axis_off()
