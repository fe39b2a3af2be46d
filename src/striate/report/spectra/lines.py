"""Lines of spectra: the columns of their CSV, the fitted line, colours by depth, one panel."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from striate.report.drawing import COLUMNS, DENSITY, rows
from striate.report.figures import INK, RULE, Look, add_powers_of_ten, draw
from striate.results import Curve, Result

FIT: Look = {"color": INK, "linewidth": 0.8, "alpha": 0.75, "zorder": 4}
BEYOND = 1.5  # times the last rank of a fit: so far the axes reach
SPECTRUM_AXES = {"xlabel": "rank n", "ylabel": "share of the variance"}


def spectrum_rows(panel: str, of: str, series: str, curve: Curve) -> pd.DataFrame:
    """Return a measured spectrum, with its error and the number of its units."""
    return rows(panel, "measured", of, series, curve.x, curve.y, curve.error, units_of(curve))


def units_of(result: Result) -> float | None:
    """Return how many units were measured, if the result says so."""
    units = result.settings.get("units")
    return float(units) if isinstance(units, int | float) else None


def fit_rows(
    panel: str, of: str, series: str, curve: Curve, alpha: float, window: tuple[int, int]
) -> pd.DataFrame:
    """Return both ends of the line of slope −`alpha` that lies best on `curve` in the window.

    The exponent is the one that was measured. Least squares leads through the weighted mean of the
    window, which is all that is missing.
    """
    x, y = np.array(curve.x), np.array(curve.y)
    inside = (x >= window[0]) & (x <= window[1]) & (y > 0)
    if not inside.any():
        return pd.DataFrame(columns=COLUMNS)
    weight = 1 / x[inside] if curve.settings.get("weights") == "rank" else np.ones(inside.sum())
    means = [np.average(np.log(values[inside]), weights=weight) for values in (x, y)]
    ends = np.array(window, dtype=float)
    line = np.exp(means[1] + alpha * means[0]) * ends**-alpha
    return rows(panel, "fit", of, f"{series}: fit", ends, line)


def spectrum_panel(axes: Axes, part: pd.DataFrame, looks: Mapping[str, Look], title: str) -> None:
    """Draw spectra and their fitted lines in log-log axes.

    A variance that cross-validation makes negative has no place on such axes: it leaves a gap in
    the line and keeps its row in the CSV, as do high ranks that would fall onto each other.
    """
    fits = {name: FIT for name in part.loc[part["source"] == "fit", "series"]}
    shown = part.assign(beta=np.nan, target=np.nan, y=part["y"].where(part["y"] > 0))
    shown = shown[apart(shown["x"]) | (shown["source"] == "fit")]
    add_powers_of_ten(axes)
    draw(axes, shown, lambda beta, target: INK, dots=False, looks={**fits, **looks})
    axes.grid(False)
    axes.set_title(title)
    axes.set_ylim(*_limits(shown))


def apart(ranks: pd.Series) -> pd.Series:
    """Tell ranks that a logarithmic axis shows apart: all of the low ones, ever fewer above."""
    places = DENSITY * np.log2(ranks)
    before = DENSITY * np.log2((ranks - 1).clip(lower=0.5))
    return np.floor(places) > np.floor(before)


def _limits(shown: pd.DataFrame) -> tuple[float, float]:
    """Leave out how deep spectra fall where nothing was fitted: the last variances are rounding."""
    fits = shown[shown["source"] == "fit"]
    last = fits.groupby(fits["series"].str.removesuffix(": fit"))["x"].max()
    beyond = shown["series"].map(last).mul(BEYOND)
    kept = shown[shown["x"] <= beyond] if len(fits) else shown
    low, high = kept["y"].min(), shown["y"].max()
    return (low / 2, min(2.0, 3 * high)) if np.isfinite(low) else (1e-6, 1.0)


def depth_looks(names: Sequence[str], colours: Sequence[str]) -> dict[str, Look]:
    """Draw each layer in its colour, and its fitted line in the same colour, dashed."""
    looks: dict[str, Look] = {}
    for name, colour in zip(names, colours, strict=True):
        looks[name] = {"color": colour, "linewidth": 1.3}
        looks[f"{name}: fit"] = {"color": colour, "linewidth": 0.9, "linestyle": (0, (3, 2))}
    return looks


def mark_window(axes: Axes, window: tuple[int, int] | None) -> None:
    """Shade the ranks of the fit."""
    if window is not None:
        axes.axvspan(*window, color=RULE, alpha=0.55, linewidth=0, zorder=0)


def note(axes: Axes, text: str, colour: str) -> None:
    """Write in the corner that a falling spectrum leaves free."""
    look = {"ha": "right", "va": "top", "fontsize": 7.8, "color": colour}
    axes.text(0.98, 0.97, text, transform=axes.transAxes, **look)
