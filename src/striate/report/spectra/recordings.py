"""Spectra of recordings beside published mouse V1: Kong et al. 2021, Figure 2."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from striate.report.drawing import columns_of, rows, stacked, wrapped
from striate.report.figures import BLUE, MUTED, SPARE, WIDTH, Look, Plate
from striate.report.forest import forest, reference, room_below
from striate.report.mouse import MOUSE_ALPHA, MOUSE_RANKS, mouse_fit, mouse_spectrum
from striate.report.spectra.captions import recordings_methods
from striate.report.spectra.findings import CROSS, PLAIN, of_populations
from striate.report.spectra.found import Population, window
from striate.report.spectra.lines import (
    SPECTRUM_AXES,
    fit_rows,
    mark_window,
    note,
    spectrum_panel,
    spectrum_rows,
    units_of,
)
from striate.report.spectra.words import alpha_of, bound_of
from striate.report.words import counted

MOUSE = "mouse V1, published"
LOOKS: dict[str, Look] = {
    PLAIN: {"color": SPARE[1], "linewidth": 1.2, "zorder": 2},
    CROSS: {"color": BLUE, "linewidth": 1.5, "zorder": 3},
    MOUSE: {"color": MUTED, "linewidth": 1.8, "zorder": 3},
}
MARKS: dict[str, Look] = {
    CROSS: {"color": BLUE, "marker": "o"},
    PLAIN: {"color": SPARE[1], "marker": "s", "markerfacecolor": "none", "markersize": 4.5},
    MOUSE: {"color": MUTED, "marker": "D"},
}
CLAIM = (
    "The spectrum of cortex is a power law whose α is near 1: mouse V1 (Stringer et al. 2019, 2800 "
    "images), and macaque V1 (1250 photographs), both cross-validated."
)
ONE_ROW = 2  # so many populations stand beside the mouse; more get rows of their own
BESIDE, BELOW = 18, 34  # characters of a title over panels there
ROW = 44  # and of one line beside a row


def recordings_plate(populations: Sequence[Population]) -> Plate:
    """Draw the published spectrum, each population's, and all exponents with their intervals.

    Parameters
    ----------
    populations
        At least one.
    """
    letters = [chr(ord("c") + i) if i < 24 else f"z{i - 23}" for i in range(len(populations))]
    panels = [_population(letter, one) for letter, one in zip(letters, populations, strict=True)]
    exponents, names = _exponents(populations)
    bounds = bounds_of(populations)
    lines = [rows("b", "theory", "bound", name, [x], [np.nan]) for name, x in bounds.items()]
    numbers = stacked([_mouse(), exponents, *lines, *panels])
    figure, top, small = _layout(len(populations))
    spectrum_panel(top[0], _mouse(), LOOKS, f"a\u2003{MOUSE}")
    top[0].set(**SPECTRUM_AXES)
    mark_window(top[0], MOUSE_RANKS)
    note(top[0], f"α = {MOUSE_ALPHA:.2f}", MUTED)
    forest(top[1], exponents, names, MARKS)
    room_below(top[1], len(bounds))
    for place, (name, bound) in enumerate(bounds.items()):
        reference(top[1], bound, name, place)
    top[1].set(title="b\u2003exponents", xlabel="α")
    most = BESIDE if len(populations) <= ONE_ROW else BELOW
    for letter, one, part, axes in zip(letters, populations, panels, small, strict=True):
        spectrum_panel(axes, part, LOOKS, f"{letter}\u2003{wrapped(one.label, most)}")
        mark_window(axes, window(one.settings))
        note(axes, f"α = {alpha_of(one.alphas.get(CROSS))}", BLUE)
    _share(small)
    _legend(figure)
    return Plate(
        "spectra-recordings",
        "Spectra of recordings, cross-validated and not",
        CLAIM,
        tuple(of_populations(populations)),
        recordings_methods(populations),
        f"Log-log plots of variance against rank for mouse V1 and {len(populations)} recorded "
        "populations, each with a fitted line, and a forest plot of their exponents: "
        + "; ".join(f"{one.label} {alpha_of(one.alphas.get(CROSS))}" for one in populations),
        figure,
        numbers,
    )


def bounds_of(populations: Sequence[Population]) -> dict[str, float]:
    """Return theory's bounds by what to call them; the mouse's, who saw photographs, is one."""
    named = {(name, bound) for bound, name in [bound_of({}), *map(_bound, populations)]}
    return dict(sorted(named, key=lambda one: one[1]))


def _bound(one: Population) -> tuple[float, str]:
    return bound_of(one.settings)


def _mouse() -> pd.DataFrame:
    spectrum, fit = mouse_spectrum(), mouse_fit()
    return stacked(
        [
            rows("a", "recording", "mouse V1", MOUSE, spectrum["x"], spectrum["y"]),
            rows("a", "fit", "mouse V1", f"{MOUSE}: fit", fit["x"], fit["y"]),
        ]
    )


def _population(letter: str, one: Population) -> pd.DataFrame:
    parts = []
    for method in (PLAIN, CROSS):
        if method in one.spectra:
            parts.append(spectrum_rows(letter, one.label, method, one.spectra[method]))
    alpha = one.alphas.get(CROSS)
    fitted = None if alpha is None else window(alpha.settings)
    if CROSS in one.spectra and alpha is not None and fitted is not None:
        parts.append(fit_rows(letter, one.label, CROSS, one.spectra[CROSS], alpha.value, fitted))
    return stacked(parts)


def _exponents(populations: Sequence[Population]) -> tuple[pd.DataFrame, list[str]]:
    """Give each population a row with both methods' exponents, below the mouse."""
    parts = [rows("b", "published", "mouse V1", MOUSE, [MOUSE_ALPHA], [0])]
    names = ["mouse V1"]
    for place, one in enumerate(populations, 1):
        name = f"{one.label} ({counted(one.settings.get('units'))} units)"
        names.append(wrapped(name, ROW, 2))
        for method, aside in ((CROSS, -0.14), (PLAIN, 0.14)):
            score = one.alphas.get(method)
            if score is not None:
                row = ([score.value], [place + aside], score.error, units_of(score))
                parts.append(rows("b", "measured", one.label, method, *row))
    return stacked(parts), names


def _layout(count: int) -> tuple[Figure, list[Axes], list[Axes]]:
    """Place the mouse and the exponents on top, or around few populations; the rest below."""
    if count <= ONE_ROW:
        figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
        widths = [1, *[1] * count, 1.15]
        mouse, *small, last = figure.subplots(1, count + 2, width_ratios=widths)
        return figure, [mouse, last], small
    columns = columns_of(count)
    lines = -(-count // columns)
    upper = 0.9 + max(2.3, 0.26 * (count + 1))
    figure = Figure(figsize=(WIDTH, upper + 2.1 * lines), layout="constrained")
    halves = figure.subfigures(2, 1, squeeze=False, height_ratios=[upper, 2.1 * lines])[:, 0]
    top = halves[0].subplots(1, 2, width_ratios=[1, 1.7])
    grid = halves[1].subplots(lines, columns, squeeze=False)
    for unused in grid.flat[count:]:
        unused.set_axis_off()
    return figure, list(top), list(grid.flat[:count])


def _share(small: Sequence[Axes]) -> None:
    """Give all populations one scale, so that slopes can be compared by eye."""
    lows, highs = zip(*(axes.get_ylim() for axes in small), strict=True)
    last = max(axes.get_xlim()[1] for axes in small)
    for axes in small:
        axes.set(ylim=(min(lows), max(highs)), xlim=(0.85, last), xlabel=SPECTRUM_AXES["xlabel"])
        spec = axes.get_subplotspec()
        if spec is None or spec.is_first_col():
            axes.set_ylabel(SPECTRUM_AXES["ylabel"])


def _legend(figure: Figure | SubFigure) -> None:
    handles = [
        Line2D([], [], label=label, **MARKS[name], linewidth=LOOKS[name]["linewidth"])
        for name, label in ((MOUSE, MOUSE), (CROSS, "cross-validated PCA"), (PLAIN, PLAIN))
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3, handlelength=2)
