"""How much an exponent depends on the ranks it was fitted to."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from striate.report.drawing import by_depth, columns_of, rows, stacked, wrapped
from striate.report.figures import INK, MUTED, WIDTH, Look, Plate, stem
from striate.report.names import called
from striate.report.names import layers as short_names
from striate.report.spectra.found import Found, Together, sets_of, window
from striate.report.spectra.words import WEIGHTS, alpha_of, bound_of
from striate.report.words import listed, minus
from striate.results import Curve, Score

MOST = 8  # panels of a figure
SHARED, ALONE = 64, 110  # characters of all titles in a row that share their line, or do not
LEAST, COLUMNS = 3, 4  # places in a row; the legend is as wide as the page
SPREAD = 4  # a window whose last rank is so many times its first counts as two octaves
LIMITS = (2, 98)  # percentiles of what is drawn: windows of a few ranks give wild exponents
LINE = "The dotted line is theory's bound"


class Fitted(NamedTuple):
    """A layer or population: its exponents by window, and the one that was used."""

    label: str
    curves: Sequence[Curve]
    alpha: Score
    bound: float = 1.0


def windows_plates(found: Found) -> Iterator[Plate]:
    """Draw α against the window for each network's layers, and for the recordings."""
    for together in found.together:
        for network in together.networks:
            short = short_names([layer.name for layer in network.layers])
            fits = [
                Fitted(called(short[layer.name]), layer.windows, layer.scores["alpha"])
                for layer in network.layers
                if layer.windows and "alpha" in layer.scores
            ]
            if fits:
                about = f"{network.label}, {together.label}"
                yield _plate(about, fits, "layer", _shown_to(together))
    fits = [
        Fitted(one.label, one.windows, one.alphas["cvPCA"], bound_of(one.settings)[0])
        for one in found.populations
        if one.windows and "cvPCA" in one.alphas
    ]
    if fits:
        shown = f"Cross-validated spectra. {LINE}, 1 + 2/d for d dimensions."
        yield _plate("recordings", fits, "population", shown)


def dependence(fit: Fitted) -> tuple[float, float] | None:
    """Return the least and largest α of the windows that span two octaves or more.

    The one that was used counts, too; of several sets it is the mean, and may lie off the lines.
    """
    values = [
        alpha
        for curve in fit.curves
        for last, alpha in zip(curve.x, curve.y, strict=True)
        if last >= SPREAD * _first_rank(curve)
    ]
    used = window(fit.alpha.settings)
    if used is not None and used[1] >= SPREAD * used[0]:
        values.append(fit.alpha.value)
    return (min(values), max(values)) if values else None


def _plate(about: str, fits: Sequence[Fitted], kind: str, shown: str) -> Plate:
    places = np.unique(np.linspace(0, len(fits) - 1, min(MOST, len(fits))).round().astype(int))
    chosen = [fits[place] for place in places]
    numbers = stacked(_panel(number, about, fit) for number, fit in enumerate(chosen, 1))
    firsts = sorted({_first_rank(curve) for fit in fits for curve in fit.curves})
    colours = dict(zip(firsts, by_depth(len(firsts)), strict=True))
    columns = max(columns_of(len(chosen), COLUMNS), LEAST)
    lines = -(-len(chosen) // columns)
    figure = Figure(figsize=(WIDTH, 0.75 + 1.95 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    for axes, fit in zip(grid.flat, chosen, strict=False):
        _draw(axes, fit, colours, columns)
    for unused in grid.flat[len(chosen) :]:
        unused.set_axis_off()
    _dress(grid, numbers, [fit.bound for fit in chosen])
    _legend(figure, colours)
    part = "" if len(chosen) == len(fits) else f" {len(chosen)} of {len(fits)}, evenly spaced."
    return Plate(
        stem("spectra-windows", about),
        f"α against the window it is fitted to: {about}",
        "",
        tuple(_findings(fits)),
        f"A panel per {kind}.{part} Each line: α of windows from one first rank (colour) to the "
        "last rank on the axis; the ring is the window that was used. The axis leaves out the "
        f"most extreme {LIMITS[0]} % on either side, which are in the CSV. {shown} Fits have "
        f"{listed(_weights(fits))}.",
        f"Small panels of α against the last rank of the fit, one per {kind} of {about}, a line "
        f"per first rank. {_findings(fits)[0]}",
        figure,
        numbers,
    )


def _panel(number: int, about: str, fit: Fitted) -> pd.DataFrame:
    parts = [
        rows(f"{number} {fit.label}", "measured", about, _series(curve), curve.x, curve.y)
        for curve in fit.curves
    ]
    used = window(fit.alpha.settings)
    if used is not None:
        dot = ([used[1]], [fit.alpha.value], fit.alpha.error)
        name = f"used: ranks {used[0]}–{used[1]}"
        parts.append(rows(f"{number} {fit.label}", "used", about, name, *dot))
    return stacked(parts)


def _draw(axes: Axes, fit: Fitted, colours: dict[int, str], columns: int) -> None:
    for curve in fit.curves:
        axes.plot(curve.x, curve.y, color=colours[_first_rank(curve)], linewidth=1.3, zorder=2)
    used = window(fit.alpha.settings)
    if used is not None:
        axes.plot(used[1], fit.alpha.value, **_RING, zorder=4, clip_on=False)
    # A long name stands above the number.
    alone = f"{wrapped(fit.label, ALONE // columns)}\n"
    axes.set_title(fit.label if len(fit.label) <= SHARED // columns else alone)
    axes.set_title(f"α = {alpha_of(fit.alpha)}", loc="right", fontsize=7.2, color=MUTED)
    axes.axhline(fit.bound, color=MUTED, linestyle=(0, (1, 2)), linewidth=1, zorder=1)


_RING: Look = {
    "marker": "o",
    "markersize": 7,
    "markerfacecolor": "none",
    "markeredgecolor": INK,
    "markeredgewidth": 1.3,
    "linestyle": "none",
}


def _dress(grid: np.ndarray, numbers: pd.DataFrame, bounds: Sequence[float]) -> None:
    """Give all panels one scale, and name the axes at the edges only."""
    first = grid[0, 0]
    first.set_xscale("log")
    first.xaxis.set_major_locator(LogLocator(numticks=6))
    first.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    first.xaxis.set_minor_formatter(NullFormatter())
    lines = numbers.loc[numbers["source"] == "measured", "y"]
    used = numbers.loc[numbers["source"] == "used", "y"]
    low, high = np.percentile(lines, LIMITS)
    low, high = min(low, *bounds, used.min()), max(high, *bounds, used.max())
    first.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))
    columns = grid.shape[1]
    for place, axes in enumerate(grid.flat):
        if place + columns >= len(bounds):
            axes.set_xlabel("last rank of the fit")
            axes.tick_params(labelbottom=True)
        if place % columns == 0:
            axes.set_ylabel("α")


def _legend(figure: Figure, colours: dict[int, str]) -> None:
    handles = [Line2D([], [], color=c, label=f"from rank {name}") for name, c in colours.items()]
    handles.append(Line2D([], [], label="window used", **_RING))
    figure.legend(
        handles=handles, loc="outside upper left", ncols=min(len(handles), 8), handlelength=1.3,
        columnspacing=1.1, fontsize=7.8,
    )  # fmt: skip


def _findings(fits: Sequence[Fitted]) -> list[str]:
    known = [(fit, ends) for fit in fits if (ends := dependence(fit)) is not None]
    if not known:
        return ["No window spans two octaves, so nothing can be said of the choice."]
    ordered = sorted(known, key=lambda one: one[1][1] - one[1][0])
    kinds = [("most", ordered[-1])] + ([("least", ordered[0])] if len(ordered) > 1 else [])
    return [
        f"Over windows of two octaves or more, α depends {how} on the choice in {fit.label}: from "
        f"{minus(f'{low:.2f}')} to {minus(f'{high:.2f}')}, where the window used gives "
        f"{alpha_of(fit.alpha)}."
        for how, (fit, (low, high)) in kinds
    ]


def _weights(fits: Sequence[Fitted]) -> list[str]:
    return sorted({WEIGHTS.get(str(fit.alpha.settings.get("weights")), "?") for fit in fits})


def _first_rank(curve: Curve) -> int:
    return int(curve.settings.get("first") or 1)


def _series(curve: Curve) -> str:
    return f"from rank {_first_rank(curve)}"


def _shown_to(together: Together) -> str:
    about = (
        f"Mean spectrum of {sets_of(together)} ({together.settings['pictures']}); the ring is the "
        "mean of their exponents."
    )
    return f"{about} {LINE}, 1, for stimuli of many dimensions."
