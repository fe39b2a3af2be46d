"""How a panel looks: hollow dots were published, filled ones measured, the user's has its name."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from striate.report.drawing import clipped
from striate.report.ends import lengths
from striate.report.figures import BLUE, GREEN, INK, MUTED, ORANGE, WIDTH, Look
from striate.report.kong2021.analysis import EVERY, Analysis, pairs
from striate.report.kong2021.panels import Dot, Panel
from striate.report.kong2021.words import ATTACKED, NAMES, TRAINED, minus
from striate.results.nouns import Ends
from striate.statistics import Correlation

PUBLISHED, MEASURED, FIT = "published", "measured", "fit"
# Told apart by shape as well as by colour.
LOOKS: dict[bool | None, Look] = {
    False: {"color": BLUE, "marker": "o"},
    True: {"color": ORANGE, "marker": "s"},
    None: {"color": GREEN, "marker": "^"},
}
STAR: Look = {"marker": "*", "markersize": 15, "markeredgecolor": INK, "markeredgewidth": 0.8}
DASHED, DOTTED = (0, (5, 2.5)), (0, (1, 1.6))
FEW = 3  # networks of the user's, beyond which long names are left out
LONGEST = 20  # characters
NAMED = 12  # networks in a panel, beyond which only the user's have their names
EDGE = 0.06  # of a panel, which a name on end needs beside a line
Box = tuple[float, float, float, float]  # left, bottom, right and top, in points
COLUMNS = (
    *("panel", "source", "of", "entry", "robust", "x_name", "y_name", "regression", "layer"),
    *("x", "x_error", "x_low", "x_high", "y", "y_error", "y_low", "y_high", "published_x"),
)


def draw(
    axes: Axes, source: str, panel: Panel, analysis: Analysis, *, segments: bool, links: bool
) -> None:
    """Draw the dots of a panel, its line, and what joins dots.

    Parameters
    ----------
    axes
        Where.
    source
        Of the dots, which decides their look.
    panel, analysis
        The dots, and the line through them.
    segments
        Whether a robust network is joined to its base.
    links
        Whether a measured network is joined to the accuracy that was published for its row.
    """
    thin: Look = {"color": MUTED, "linewidth": 0.8, "zorder": 1}
    for base, one in pairs(panel.dots) if segments else ():
        axes.plot([base.x, one.x], [base.y, one.y], **thin, label="pair")
    for one in panel.dots if links else ():
        if one.place is not None:
            axes.plot([one.place, one.x], [one.y, one.y], **thin, linestyle=DOTTED, label="link")
    for robust in LOOKS:
        mine = [one for one in panel.dots if one.robust is robust and not _is_star(source, one)]
        _draw_dots(axes, source, mine, LOOKS[robust])
    for one in panel.dots:
        if _is_star(source, one):
            _draw_dots(axes, source, [one], {**LOOKS[one.robust], **STAR, "zorder": 5})
    if analysis.line is not None:
        x = np.array([min(one.x for one in panel.dots), max(one.x for one in panel.dots)])
        look: Look = {"color": MUTED if source == PUBLISHED else INK, "linewidth": 1.1}
        axes.plot(x, [analysis.line.at(end) for end in x], **look, linestyle=DASHED, label="fit")


def dress(axes: Axes, panel: Panel, note: str, analysis: Analysis) -> None:
    """Title and label a panel; R stands over it."""
    axes.set_title(f"{panel.letter}\u2003{note}".strip())
    found = analysis.correlations[EVERY]
    r = (
        f"R = {found.r:.2f}, n = {found.n}"
        if isinstance(found, Correlation)
        else f"n = {len(panel.dots)}"
    )
    axes.set_title(minus(r), loc="right", fontsize=7.6, color=MUTED)
    axes.set(xlabel=NAMES[panel.x], ylabel=NAMES[panel.y])
    axes.margins(0.13)
    if panel.x == ATTACKED:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda v, place: f"{round(100 * v, 2):g} %"))


def mark_accuracies(axes: Axes, marks: Sequence[tuple[str, float]]) -> None:
    """Draw an upright line at the accuracy of each network that has no predictivity."""
    for _, x in marks:
        axes.axvline(x, color=GREEN, linewidth=1.4, zorder=1)
    left, right = axes.get_xlim()
    for name, x in marks:
        inwards = x - left < EDGE * (right - left)  # or the name would stand on the axis
        side, away = ("left", 4) if inwards else ("right", -3)
        axes.annotate(
            clipped(name, 26), (x, 1), (away, -3), xycoords=("data", "axes fraction"),
            textcoords="offset points", rotation=90, ha=side, va="top", fontsize=8,
            fontweight="bold", color=INK,
        )  # fmt: skip


def name_dots(axes: Axes, dots: Sequence[Dot]) -> None:
    """Write the names beside the dots, each where it covers the least.

    Of many dots only those of the user's networks are named, if these are few.
    """
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    wide, tall = np.asarray(axes.get_window_extent().size) * 72 / axes.figure.dpi
    start, scale = np.array([left, low]), (wide / (right - left), tall / (high - low))
    spots = (np.array([[one.x, one.y] for one in dots]) - start) * scale
    bars = [((ends - start) * scale).ravel().tolist() for ends in _bars(dots)]
    taken: list[Box] = []
    yours = sum(one.entry is None for one in dots)
    order = sorted(range(len(dots)), key=lambda place: dots[place].entry is not None)
    for place in order:
        one, spot = dots[place], spots[place]
        if len(dots) > NAMED and (one.entry is not None or yours > FEW):
            continue
        if one.entry is None and yours > FEW and len(one.name) > LONGEST:
            continue  # such names would cover the dots; the table has them
        size = 8.0 if one.entry is None else 6.6
        # The shape of the dot says that it is robust.
        short = one.name if one.entry is None else one.name.replace("robust_", "")
        text = clipped(short, 26)
        length = 0.56 * size * len(text)
        offset, box_taken = _least_covering(spot, spots, bars, taken, length, size, wide)
        taken.append(box_taken)
        bold = "bold" if one.entry is None else "normal"
        axes.annotate(
            text, (one.x, one.y), offset, textcoords="offset points", fontsize=size,
            fontweight=bold, color=INK if one.entry is None else MUTED, zorder=6,
        )  # fmt: skip


def _least_covering(
    spot: np.ndarray,
    spots: np.ndarray,
    bars: Sequence[Sequence[float]],
    taken: Sequence[Box],
    length: float,
    size: float,
    wide: float,
) -> tuple[tuple[float, float], Box]:
    """Choose where a name stands, in points from its dot; also return its box.

    Bars strike a name through, which is worse than to stand further away.
    """
    best = None
    away = 5 + size / 4
    rows = (away * step for step in (1, 2.2, 3.4))
    for dy in (-size / 3, *(end for up in rows for end in (up, -up - size / 2))):
        for dx in (away + 2, -away - 2 - length, -length / 2):
            if dx == -length / 2 and abs(dy) < away:
                continue
            x, y = spot[0] + dx, spot[1] + dy
            box = (x, y, x + length, y + size)
            covered = sum(
                box[0] - 4 < a < box[2] + 4 and box[1] - 4 < b < box[3] + 4 for a, b in spots
            )
            covered += 0.5 * sum(_overlap(box, bar) for bar in bars)
            covered += 3 * sum(_overlap(box, other) for other in taken)
            covered += 10 * (box[0] < 0 or box[2] > wide)
            cost = covered + 0.01 * (abs(dy) + abs(dx))
            if best is None or cost < best[0]:
                best = (cost, (dx, dy), box)
    assert best is not None  # there is always a first place
    return best[1], best[2]


def _bars(dots: Sequence[Dot]) -> list[np.ndarray]:
    """Return both ends of each error bar of the dots, first those along x."""
    made = []
    for axis, reach in enumerate(_reaches(dots)):
        for one, (below, above) in zip(dots, reach.T, strict=True):
            ends = np.array([[one.x, one.y], [one.x, one.y]])
            ends[:, axis] += -below, above
            made += [ends] if below or above else []
    return made


def legend(figure: Figure, table: pd.DataFrame, kinds: Sequence[str]) -> None:
    """Explain dots and lines above all panels, as far as they are drawn.

    Parameters
    ----------
    figure, table
        The figure and its numbers.
    kinds
        Labels of the lines that are drawn: ``"pair"``, ``"link"``, ``"fit"``.
    """
    handles = []
    dots = table[table["source"].isin([PUBLISHED, MEASURED])]
    for source in (PUBLISHED, MEASURED):
        mine = dots[dots["source"] == source]
        for robust, look in LOOKS.items():
            some = mine[(mine["robust"] == TRAINED[robust]) & (mine["entry"] != "")]
            if len(some):
                name = f"{source}, {TRAINED[robust]}"
                handles.append(Line2D([], [], label=name, **_look(source, look)))
    yours = dots[(dots["source"] == MEASURED) & (dots["entry"] == "")]
    for robust in [one for one in LOOKS if (yours["robust"] == TRAINED[one]).any()]:
        known = f", {TRAINED[robust]}" if robust is not None else ""
        look = _look(MEASURED, {**LOOKS[robust], **STAR, "markersize": 11})
        handles.append(Line2D([], [], label=f"your network{known}", **look))
    lines: dict[str, Look] = {
        "fit": {"color": INK, "linestyle": DASHED, "linewidth": 1.1, "label": "least squares"},
        "pair": {"color": MUTED, "linewidth": 0.8, "label": "robust network and its base"},
        "link": {
            "color": MUTED, "linestyle": DOTTED, "linewidth": 0.9,
            "label": "from the accuracy published for the row",
        },
    }  # fmt: skip
    handles += [Line2D([], [], **look) for kind, look in lines.items() if kind in kinds]
    columns = min(4, len(handles))
    figure.legend(handles=handles, loc="outside upper left", ncols=columns, handlelength=2.2)


def figure_of(count: int) -> Figure:
    """Return a figure for some panels in a row."""
    return Figure(figsize=(WIDTH, 3.8 if count > 2 else 4.0), layout="constrained")


def rows_of(source: str, panel: Panel, analysis: Analysis) -> list[dict[str, object]]:
    """Return the numbers of a panel for the CSV: the dots, and the ends of its line."""
    about = {
        "panel": panel.letter, "x_name": panel.x, "y_name": panel.y,
        "regression": panel.regression,
    }  # fmt: skip
    made: list[dict[str, object]] = [
        {
            **about, "source": source, "of": one.name, "entry": one.entry or "",
            "robust": TRAINED[one.robust], "layer": one.layer, "x": one.x, "x_error": one.x_error,
            "y": one.y, "y_error": one.y_error, "published_x": one.place,
            **_named("x", one.x_ends), **_named("y", one.y_ends),
        }
        for one in panel.dots
    ]  # fmt: skip
    if analysis.line is not None:
        ends = min(one.x for one in panel.dots), max(one.x for one in panel.dots)
        made += [
            {**about, "source": FIT, "of": source, "entry": "", "x": x, "y": analysis.line.at(x)}
            for x in ends
        ]
    return made


def _named(axis: str, ends: Ends | None) -> dict[str, float]:
    return {} if ends is None else {f"{axis}_low": ends[0], f"{axis}_high": ends[1]}


def _draw_dots(axes: Axes, source: str, dots: Sequence[Dot], look: Look) -> None:
    if not dots:
        return
    x, y = [one.x for one in dots], [one.y for one in dots]
    reaches = zip(("xerr", "yerr"), _reaches(dots), strict=True)
    shown = {name: reach for name, reach in reaches if reach.any()}
    if shown:
        bars: Look = {"fmt": "none", "ecolor": look["color"], "elinewidth": 0.8, "alpha": 0.4}
        axes.errorbar(x, y, **shown, **bars)
    axes.plot(x, y, label="dots", **_look(source, look))


def _reaches(dots: Sequence[Dot]) -> tuple[np.ndarray, np.ndarray]:
    return (
        _reach([(one.x, one.x_error, one.x_ends) for one in dots]),
        _reach([(one.y, one.y_error, one.y_ends) for one in dots]),
    )


def _reach(dots: Sequence[tuple[float, float | None, Ends | None]]) -> np.ndarray:
    """Return how far the bars of dots reach below and above; 0 where there is no error."""
    unknown = np.nan, np.nan
    rows = [(value, error or 0.0, *(ends or unknown)) for value, error, ends in dots]
    return lengths(*np.array(rows, dtype=float).T)


def _look(source: str, look: Look) -> Look:
    made: Look = {"markersize": 6.2, "zorder": 3, "linestyle": "none", **look}
    if source == PUBLISHED:
        made |= {"markersize": 5.4, "markerfacecolor": "none", "alpha": 0.75, "zorder": 2}
    return made


def _is_star(source: str, one: Dot) -> bool:
    return source == MEASURED and one.entry is None


def _overlap(one: Sequence[float], other: Sequence[float]) -> bool:
    apart = one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
    return not apart
