"""Accuracy against the strength of an attack, a panel per norm and way to search its ball."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from striate.report.drawing import letters, network_legend, rows, stacked
from striate.report.figures import INK, MUTED, WIDTH, Look, Plate, in_percent, stem
from striate.report.robustness.drawing import (
    CROWDED,
    curve_rows,
    line_panel,
    looks_of,
    network_looks,
)
from striate.report.robustness.findings import of_curves
from striate.report.robustness.found import PAPER, STEPS, Network, Together
from striate.report.robustness.words import UNITS, attack_methods, eps_text, norm_text
from striate.report.words import listed, plural

WIDE = 8  # times the smallest radius: beyond, the axis is logarithmic above it
MOST_TICKS = 7

Kind = tuple[str, str]  # norm and geometry, as in `Network.curves`


def curves_plate(together: Together) -> Plate | None:
    """Draw accuracy against ε; None where there is no curve.

    Parameters
    ----------
    together
        Networks that were attacked with the same images.
    """
    kinds = kinds_of(together)
    if not kinds:
        return None
    looks = looks_of(together)
    lines = 0.22 * (len(looks) // 4)
    figure = Figure(figsize=(WIDTH, 3.4 + lines), layout="constrained")
    panels = figure.subplots(1, len(kinds), squeeze=False, sharey=True)[0]
    parts = []
    for axes, letter, kind in zip(panels, letters(len(kinds)), kinds, strict=True):
        parts.append(curve_table(letter, kind, together))
        _draw(axes, parts[-1], together)
        dress_curves(axes, parts[-1], kind, letter)
    panels[0].set_ylabel("accuracy")
    numbers = stacked(parts)
    chance = together.networks[0].settings.get("classes")
    if isinstance(chance, int | float) and chance > 1:
        for axes in panels:
            axes.axhline(1 / chance, color=MUTED, linestyle=(0, (1, 2)), linewidth=1.1, zorder=1)
    _legend(figure, looks, "published" in set(numbers["source"]))
    found = of_curves(together)
    curves = [curve for one in together.networks for curve in one.curves.values()]
    return Plate(
        stem("robustness-curves", together.label),
        f"Accuracy against the strength of an attack: {together.label}",
        "",
        tuple(found),
        f"{attack_methods(together, curves)} At ε = 0 nothing is changed. "
        f"{_about(together, numbers)}",
        f"Accuracy against ε in {listed(norm_text(*kind) for kind in kinds)} of "
        f"{plural(len(together.networks), 'network')}. {found[0]}",
        figure,
        numbers,
    )


def kinds_of(together: Together) -> list[Kind]:
    """Return the norms and geometries of which there is a curve, each once."""
    return list(dict.fromkeys(kind for one in together.networks for kind in one.curves))


def curve_table(letter: str, kind: Kind, together: Together) -> pd.DataFrame:
    """Return the curves of a norm and geometry, and the published accuracies beside them."""
    parts = []
    for one in together.networks:
        if kind in one.curves:
            parts.append(curve_rows(letter, one, " ".join(kind).strip(), one.curves[kind]))
            known = _published(one, kind)
            if known:
                x, y = zip(*known, strict=True)
                parts.append(rows(letter, "published", one.label, kind[0], x, y))
    return stacked(parts)


def _published(one: Network, kind: Kind) -> list[tuple[float, float]]:
    """Return the published accuracies under attacks of this kind, by radius."""
    norm, geometry = kind
    if geometry or one.curves[kind].settings.get("steps") != STEPS:
        return []
    return [
        (eps, one.published[column])
        for (theirs, eps), column in PAPER.items()
        if theirs == norm and column in one.published
    ]


def _draw(axes: Axes, part: pd.DataFrame, together: Together) -> None:
    looks = network_looks(together)
    line_panel(axes, part, looks)
    for row in part[part["source"] == "published"].to_dict("records"):
        ring: Look = {"marker": "o", "markersize": 8, "markerfacecolor": "none", "alpha": 0.8}
        name = f"_published {row['of']}"
        axes.plot(row["x"], row["y"], color=looks[row["of"]]["color"], label=name, **ring)


def dress_curves(axes: Axes, part: pd.DataFrame, kind: Kind, letter: str) -> None:
    """Name the axes of a panel, with a tick per radius."""
    norm = kind[0]
    radii = np.unique(part["x"].to_numpy(float))
    positive = radii[radii > 0]
    if len(positive) and positive[-1] > WIDE * positive[0]:
        axes.set_xscale("symlog", linthresh=positive[0], linscale=0.5)
    shown = radii if len(radii) <= MOST_TICKS else radii[:: -(-len(radii) // MOST_TICKS)]
    axes.xaxis.set_major_locator(FixedLocator(shown.tolist()))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, place: eps_text(norm, value)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="x", labelsize=7.5)
    title = f"{letter}\u2003{norm_text(*kind)}"
    axes.set(title=title, xlabel=f"ε ({UNITS.get(norm, 'radius')})")
    axes.set_ylim(-0.03, 1.03)
    in_percent(axes)


def _legend(figure: Figure, looks: dict[str, Look], has_published: bool) -> None:
    ring: Look = {"marker": "o", "markersize": 7, "markerfacecolor": "none", "linestyle": "none"}
    extra = [Line2D([], [], label="published", color=INK, **ring)] if has_published else []
    network_legend(figure, looks, extra)


def _about(together: Together, numbers: pd.DataFrame) -> str:
    """Say what bands, rings and dotted lines are."""
    parts = []
    if numbers.loc[numbers["source"] == "measured", "error"].notna().any():
        few = len(together.networks) <= CROWDED
        parts.append("Bands are the intervals." if few else "The intervals are in the CSV.")
    if len({one.kind for one in together.networks}) < len(together.networks):
        parts.append("Networks that differ in the seed alone share a look.")
    if together.networks[0].settings.get("classes"):
        parts.append("Dotted: guessing.")
    if (numbers["source"] == "published").any():
        parts.append(
            "Rings are the accuracies of S1 Table of Kong et al. 2021, on the 50,000 images of "
            "ImageNet’s validation set."
        )
    return " ".join(parts)
