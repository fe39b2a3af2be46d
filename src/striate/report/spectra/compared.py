"""Networks beside a recording, measured alike: as many units and trials, as much noise."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from striate.report.drawing import by_depth, rows, stacked
from striate.report.figures import INK, WIDTH, Look, Plate, stem
from striate.report.forest import forest, reference, room_below
from striate.report.spectra.captions import comparison_methods
from striate.report.spectra.findings import of_comparison
from striate.report.spectra.found import Comparison, Match, window
from striate.report.spectra.lines import (
    SPECTRUM_AXES,
    depth_looks,
    fit_rows,
    mark_window,
    spectrum_panel,
    spectrum_rows,
    units_of,
)
from striate.report.spectra.words import bound_of
from striate.report.words import listed
from striate.results import Score

CORTEX = "recording"
PER_ROW = 3
SEPARATOR = ": "
HEAD: Look = {"color": INK, "linewidth": 1.6, "zorder": 1}  # the recording, in every panel

Place = tuple[str, str]  # network and layer


def comparison_plate(one: Comparison) -> Plate:
    """Draw a recording and the layers that were made to respond like it.

    Parameters
    ----------
    one
        With at least one layer.
    """
    networks = _networks(one)
    letters = [chr(ord("a") + i) for i in range(len(networks) + 2)]
    panels = [
        _spectra(letter, one, network) for letter, network in zip(letters, networks, strict=False)
    ]
    alphas, gaps = _forest_rows(letters, one)
    found = of_comparison(one)
    return Plate(
        stem("spectra-comparison", one.label),
        f"Networks under the conditions of a recording: {one.label}",
        "",
        tuple(found),
        comparison_methods(one, letters),
        f"Log-log plots of variance against rank for {one.label} and layers of {listed(networks)} "
        f"that respond with its noise, and forest plots of α and of its difference. {found[0]}",
        _figure(one, letters, panels, alphas, gaps),
        stacked([*panels, *_lines(letters[-2], one), alphas, gaps]),
    )


def _networks(one: Comparison) -> list[str]:
    return list(dict.fromkeys(match.network for match in one.matches))


def _of(one: Comparison, network: str) -> list[Match]:
    return [match for match in one.matches if match.network == network]


def _spectra(letter: str, one: Comparison, network: str) -> pd.DataFrame:
    matches = _of(one, network)
    parts = [spectrum_rows(letter, one.label, CORTEX, one.spectrum)]
    parts += [spectrum_rows(letter, network, m.layer, m.spectrum) for m in matches]
    fitted = window(one.settings)
    if fitted is not None:
        parts.append(fit_rows(letter, one.label, CORTEX, one.spectrum, one.alpha.value, fitted))
        parts += [
            fit_rows(letter, network, m.layer, m.spectrum, m.alpha.value, fitted) for m in matches
        ]
    return stacked(parts)


def _names(one: Comparison) -> list[str]:
    """Name the rows of the forest: each network, and its layers below it."""
    return [
        name
        for network in _networks(one)
        for name in (network, *(match.layer for match in _of(one, network)))
    ]


def _forest_rows(letters: Sequence[str], one: Comparison) -> tuple[pd.DataFrame, pd.DataFrame]:
    alphas, gaps, place = [], [], 0
    for network in _networks(one):
        for match in _of(one, network):
            place += 1
            alphas.append(_row(letters[-2], match, match.alpha, place))
            gaps.append(_row(letters[-1], match, match.difference, place))
        place += 1
    return stacked(alphas), stacked(gaps)


def _row(letter: str, match: Match, score: Score, place: int) -> pd.DataFrame:
    named = (letter, "measured", match.network, match.layer)
    return rows(*named, [score.value], [place], score.error, units_of(score))


def _lines(letter: str, one: Comparison) -> list[pd.DataFrame]:
    """Give the vertical lines, which have no place on the y axis."""
    bound, name = bound_of(one.settings)
    there = [(CORTEX, one.label, CORTEX, one.alpha.value), ("theory", "bound", name, bound)]
    return [rows(letter, source, of, name, [x], [np.nan]) for source, of, name, x in there]


def _colours(one: Comparison) -> dict[Place, str]:
    colours = {}
    for network in _networks(one):
        matches = _of(one, network)
        for match, colour in zip(matches, by_depth(len(matches)), strict=True):
            colours[network, match.layer] = colour
    return colours


def _figure(
    one: Comparison,
    letters: Sequence[str],
    panels: Sequence[pd.DataFrame],
    alphas: pd.DataFrame,
    gaps: pd.DataFrame,
) -> Figure:
    networks, colours = _networks(one), _colours(one)
    figure, small, left, right = _layout(len(networks), len(_names(one)))
    for letter, network, part, axes in zip(letters, networks, panels, small, strict=False):
        layers = [match.layer for match in _of(one, network)]
        looks = depth_looks(layers, [colours[network, layer] for layer in layers])
        looks[CORTEX] = {"color": INK, "linewidth": 2.0, "zorder": 2.5}
        spectrum_panel(axes, part, looks, f"{letter}\u2003{network}")
        mark_window(axes, window(one.settings))
        axes.set(**SPECTRUM_AXES)
    _forest(left, alphas, one, colours, f"{letters[-2]}\u2003matched α", "α")
    _forest(right, gaps, one, colours, f"{letters[-1]}\u2003difference", "α less the recording's")
    right.tick_params(labelleft=False)
    left.axvline(one.alpha.value, **HEAD)
    for axes in (left, right):
        room_below(axes, 1)
    reference(left, *bound_of(one.settings))
    right.axvline(0, **HEAD)
    handle = Line2D([], [], color=INK, linewidth=2, label=f"the recording, {one.label}")
    figure.legend(handles=[handle], loc="outside upper left")
    return figure


def _forest(
    axes: Axes,
    table: pd.DataFrame,
    one: Comparison,
    colours: Mapping[Place, str],
    title: str,
    label: str,
) -> None:
    # Two networks may call their layers the same.
    keyed = table.assign(series=table["of"] + SEPARATOR + table["series"])
    looks: dict[str, Look] = {
        SEPARATOR.join(place): {"color": colour, "marker": "o"} for place, colour in colours.items()
    }
    forest(axes, keyed, _names(one), looks, heads=_networks(one))
    axes.set(title=title, xlabel=label)


def _layout(count: int, rows_below: int) -> tuple[Figure, list[Axes], Axes, Axes]:
    columns = min(PER_ROW, max(count, 2))
    lines = -(-count // columns)
    upper, lower = 2.6 * lines, 0.95 + 0.23 * rows_below
    figure = Figure(figsize=(WIDTH, 0.3 + upper + lower), layout="constrained")
    halves = figure.subfigures(2, 1, squeeze=False, height_ratios=[upper, lower])[:, 0]
    grid = halves[0].subplots(lines, columns, squeeze=False, sharey=True)
    for unused in grid.flat[count:]:
        unused.set_axis_off()
    left, right = halves[1].subplots(1, 2)
    return figure, list(grid.flat[:count]), left, right
