"""How every figure looks: one function draws every line.

A figure is drawn from a table of lines, and that table is its CSV, so the two cannot differ.
Published and measured lines go through the same function and differ only in `source`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from striate.report.ends import column, lengths

# Okabe & Ito's colour-blind safe set, closest to the paper's blue, orange and green.
BLUE, ORANGE, GREEN = "#0072b2", "#e69f00", "#009e73"
SPARE = ("#cc79a7", "#56b4e9", "#d55e00")
KNOWN = {0.0: BLUE, 0.1: ORANGE, 1.0: GREEN}
NAMES = {0.0: "baseline (no penalty)", 0.1: "β = 0.1 (weak)", 1.0: "β = 1 (strong)"}
MARKERS = {0.0: "D", 0.1: "o", 1.0: "s"}
INK, MUTED, RULE, PAGE = "#1b1f24", "#646b73", "#e2e5e9", "#ffffff"

HOUSE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 8.5,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titlepad": 7,
    "axes.titley": 1.0,  # no figure has ticks above, among which its place would be sought
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.facecolor": "none",
    "axes.unicode_minus": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": PAGE,
    "savefig.facecolor": "auto",
    "savefig.bbox": None,
    "path.simplify": True,
    "svg.fonttype": "none",  # text stays text: found, selected and edited
    "svg.hashsalt": "striate",
    "pdf.fonttype": 42,
}

WIDTH = 9.4  # inches of a figure; the page shows it about as wide as it is printed
DASHES = (0, (4, 2.2))
LINE = ("panel", "source", "series", "beta", "target", "x", "y", "error", "n")

Colour = Callable[[float, float], str]
Look = dict[str, Any]


class Plate(NamedTuple):
    """A figure, the numbers in it and the words under it.

    Attributes
    ----------
    name
        Stem of its files.
    title
        One line.
    claim
        What the paper says this figure shows.
    measured
        What ours shows, with the published value next to each number: a sentence each.
    methods
        Networks, seeds, fit window, images: what it takes to judge the figure.
    alt
        What the figure shows, for someone who cannot see it.
    figure
        The drawing.
    numbers
        Exactly what is drawn, in the order of drawing; of lines of networks, the columns `LINE`.
    """

    name: str
    title: str
    claim: str
    measured: tuple[str, ...]
    methods: str
    alt: str
    figure: Figure
    numbers: pd.DataFrame


def lines(
    rows: pd.DataFrame,
    *,
    source: str,
    series: str | list[str],
    panel: str = "",
    beta: float | None = None,
    target: float | None = None,
) -> pd.DataFrame:
    """Fill `rows` (`x`, `y` and more) up to the columns `LINE`.

    Parameters
    ----------
    rows
        One row per point.
    source, series
        Where the numbers come from, which decides the look, and the name of the line.
    panel
        Letter of the panel.
    beta, target
        Of all rows, where `rows` does not have its own.
    """
    given: dict[str, Any] = {"source": source, "series": series, "panel": panel}
    if beta is not None:
        given |= {"beta": beta, "target": target}
    full = rows.assign(**given).reindex(columns=list(LINE))
    return full.astype({"beta": float, "target": float})


def stack(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of lines under each other; empty ones vanish."""
    full = [part.astype({"error": float, "n": float}) for part in parts if len(part)]
    return pd.concat(full, ignore_index=True) if full else pd.DataFrame(columns=list(LINE))


def draw(
    axes: Axes,
    table: pd.DataFrame,
    colour: Colour,
    *,
    dots: bool,
    looks: Mapping[str, Look] | None = None,
) -> None:
    """Draw the lines of one panel, in their order in the table.

    Parameters
    ----------
    axes
        Where.
    table
        Columns `LINE`, and the ends of intervals, `low` and `high`, where they are known; elsewhere
        `error` is half of one. `source` decides the look: ``"measured"`` in front with markers,
        ``"published"`` dashed and faint, ``"recording"`` grey, ``"fit"`` thin and dark.
    colour
        The colour of a line, from its β and target.
    dots
        Whether measured lines get a marker and an error bar per point, or a plain line and a
        band, which suits hundreds of points.
    looks
        What is different about lines of these names: words of `matplotlib.axes.Axes.plot`.
    """
    for (source, series), line in table.groupby(["source", "series"], sort=False):
        beta, target = line[["beta", "target"]].to_numpy(float)[0]
        look: Look = {"color": colour(beta, target)}
        look |= _look(str(source), len(line), beta, dots=dots)
        look |= (looks or {}).get(str(series), {})
        x, y = line["x"].to_numpy(float), line["y"].to_numpy(float)
        axes.plot(x, y, label=str(series), **look)
        ends = column(line, "low"), column(line, "high")
        _draw_error(axes, x, y, lengths(y, line["error"].to_numpy(float), *ends), look)


def by_beta(betas: Iterable[float]) -> Colour:
    """Give each β its colour: the paper's three theirs, others a spare one; no β, ink."""
    others = sorted(beta for beta in set(betas) - set(KNOWN) if np.isfinite(beta))
    colours = KNOWN | {beta: SPARE[i % len(SPARE)] for i, beta in enumerate(others)}
    return lambda beta, target: colours.get(beta, INK)


def by_target(colour: Colour, targets: Iterable[float]) -> Colour:
    """Shade a β's colour by the target: grey for the lowest, full for the highest."""
    low, high = min(targets), max(targets)
    grey = np.array(to_rgb("#a3a8ae"))

    def shaded(beta: float, target: float) -> str:
        share = 1.0 if high == low else (target - low) / (high - low)
        red, green, blue = (1 - share) * grey + share * np.array(to_rgb(colour(beta, target)))
        return to_hex((red, green, blue))

    return shaded


def stem(figure: str, label: str) -> str:
    """Name the files of a figure about the networks called `label`."""
    return f"{figure}-{re.sub('[^a-z0-9]+', '-', label.lower()).strip('-')}"


def unique(plates: Iterable[Plate]) -> list[Plate]:
    """Number the plates whose files would have one name: "a b" must not overwrite "a-b"."""
    seen: Counter[str] = Counter()
    numbered = []
    for plate in plates:
        seen[plate.name] += 1
        again = f"+{seen[plate.name]}" if seen[plate.name] > 1 else ""
        numbered.append(plate._replace(name=plate.name + again))
    return numbered


def once(plates: Iterable[Plate]) -> list[Plate]:
    """Say what the paper claims under the first figure that claims it, and number like names."""
    said: set[str] = set()
    made = []
    for plate in plates:
        made.append(plate._replace(claim="") if plate.claim in said else plate)
        said.add(plate.claim)
    return unique(made)


def beta_name(beta: float) -> str:
    """Name a strength as legends do."""
    return NAMES.get(beta, f"β = {beta:g}")


def add_legend(figure: Figure, table: pd.DataFrame, colour: Colour) -> None:
    """Explain β and the dashed lines once, above all panels, where no data can be covered."""
    measured = table[table["source"] == "measured"]
    handles = []
    for beta in sorted(measured["beta"].dropna().unique()):
        look: Look = {"color": colour(beta, np.nan)} | _look("measured", 2, beta, dots=True)
        if beta == 0:
            look["linestyle"] = "none"
        handles.append(Line2D([], [], label=beta_name(beta), **look))
    if (table["source"] == "published").any():
        ring: Look = _look("published", 1, np.nan, dots=True) | {"linestyle": DASHES}
        handles.append(Line2D([], [], label="published", color=MUTED, **ring))
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), handlelength=2.2)


def in_percent(axes: Axes) -> None:
    """Label the y axis in percent, with as few decimals as the ticks need."""
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, place: f"{round(100 * value, 4):g} %")
    )


def panel_axes(axes: Axes, panel: str, epsilon: float) -> None:
    """Title and label a panel a, b or c: accuracy against α without attack, under FGSM, PGD."""
    attack = ["no attack", f"FGSM, ε = {epsilon:g}", f"PGD, ε = {epsilon:g}"]["abc".index(panel)]
    axes.set(title=f"{panel}\u2003{attack}", xlabel="measured α", ylabel="accuracy")
    axes.margins(x=0.06, y=0.1)
    in_percent(axes)


def add_powers_of_ten(axes: Axes) -> None:
    """Make both axes logarithmic, with 10⁻³ written as plain text."""
    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(_power_of_ten))
        axis.set_minor_formatter(FuncFormatter(lambda value, place: ""))


def _look(source: str, count: int, beta: float, *, dots: bool) -> Look:
    if source == "published":
        ring = {"marker": "o", "markersize": 7, "markerfacecolor": "none", "linestyle": "none"}
        dashed = {"linestyle": DASHES, "linewidth": 1.2, "alpha": 0.7, "zorder": 2}
        return dashed | (ring if count == 1 else {})
    if source in ("fit", "recording"):
        fit = source == "fit"
        return {"color": INK if fit else MUTED, "linewidth": 0.9 if fit else 1.8, "zorder": 4}
    look: Look = {"linestyle": "-", "linewidth": 1.6, "zorder": 3}
    if not dots:
        return look | {"linewidth": 1.3}
    size = {"markersize": 6 if beta == 0 else 4.2, "zorder": 5 if beta == 0 else 3}
    return look | {"marker": MARKERS.get(beta, "^")} | size


def _draw_error(axes: Axes, x: np.ndarray, y: np.ndarray, reach: np.ndarray, look: Look) -> None:
    """Draw how far errors `reach` below and above."""
    known = np.isfinite(reach).all(0)
    if not known.any():
        return
    if "marker" in look:
        style = {"ecolor": look["color"], "elinewidth": 1.1, "zorder": look["zorder"]}
        axes.errorbar(x[known], y[known], reach[:, known], fmt="none", **style)
    else:
        band = {"color": look["color"], "alpha": 0.16, "linewidth": 0, "zorder": 1}
        axes.fill_between(x, y - reach[0], y + reach[1], **band)


def _power_of_ten(value: float, place: object) -> str:
    digits = str(round(np.log10(value))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return {1.0: "1", 10.0: "10", 100.0: "100", 1000.0: "1000"}.get(round(value, 9), f"10{digits}")
