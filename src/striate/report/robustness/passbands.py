"""Accuracy on images of which only low or only high spatial frequencies are left."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from striate.report.drawing import letters, network_legend, stacked, switch_off
from striate.report.figures import WIDTH, Plate, in_percent, stem
from striate.report.robustness.drawing import (
    CROWDED,
    curve_rows,
    line_panel,
    looks_of,
    network_looks,
)
from striate.report.robustness.findings import of_passbands
from striate.report.robustness.found import PASSBANDS, Together, passbands_of
from striate.report.robustness.words import errors_of
from striate.report.tuning.drawing import frequency_axis
from striate.report.words import counted, plural

TITLES = {
    PASSBANDS[0]: "frequencies up to the cut-off",
    PASSBANDS[1]: "frequencies from the cut-off on",
}

Key = tuple[str, str]  # side and filter, as in `Network.passed`


def passband_panels(keys: Sequence[Key], more: float = 0.0) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel per key, a row per filter; `more` is height beside it."""
    columns = min(len(keys), len(PASSBANDS))
    lines = -(-len(keys) // columns)
    figure = Figure(figsize=(WIDTH, 3.2 * lines + more), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True)
    switch_off(grid.flat[len(keys) :])
    for axes in grid[:, 0]:
        axes.set_ylabel("accuracy")
    return figure, list(grid.flat)


def title_of(key: Key, keys: Sequence[Key]) -> str:
    """Name a panel: what passes, and by which filter if there are several."""
    several = len({filter for _, filter in keys}) > 1
    return TITLES[key[0]] + (f", {key[1]}" if several else "")


def series_of(key: Key, keys: Sequence[Key]) -> str:
    """Name the curves of a panel in the CSV, with the filter if there are several."""
    several = len({filter for _, filter in keys}) > 1
    return " ".join(key) if several else key[0]


def passbands_plate(together: Together) -> Plate | None:
    """Draw accuracy against the cut-off; None where the results have no such curves."""
    keys = passbands_of(together)
    if not keys:
        return None
    looks = network_looks(together)
    figure, panels = passband_panels(keys, 0.22 * (len(looks_of(together)) // 4))
    parts = []
    for axes, letter, key in zip(panels, letters(len(keys)), keys, strict=False):
        curves = [(one, one.passed[key]) for one in together.networks if key in one.passed]
        part = stacked(
            curve_rows(letter, one, series_of(key, keys), curve) for one, curve in curves
        )
        line_panel(axes, part, looks)
        cutoffs = np.array([x for _, curve in curves for x in curve.x if x > 0])
        frequency_axis(axes, cutoffs.min() / 1.15, cutoffs.max() * 1.15)
        title = f"{letter}\u2003{title_of(key, keys)}"
        axes.set(title=title, xlabel="cut-off, cycles per image")
        axes.set_ylim(-0.03, 1.03)
        in_percent(axes)
        parts.append(part)
    network_legend(figure, looks_of(together))
    found = of_passbands(together)
    curves = [curve for one in together.networks for curve in one.passed.values()]
    crowded = len(together.networks) > CROWDED
    bands = "in the CSV" if crowded else "drawn as bands"
    filters = {
        str(one.settings["filter"]) for one in together.networks if one.settings.get("filter")
    }
    how = f" The filter is {' or '.join(sorted(filters))}." if filters else ""
    return Plate(
        stem("robustness-passbands", together.label),
        f"Which spatial frequencies the networks need: {together.label}",
        "",
        tuple(found),
        f"Accuracy on {counted(together.settings.get('images'))} images "
        f"({together.settings.get('pictures')}) whose other frequencies were removed; the mean "
        f"brightness stays.{how} Nothing is attacked. Intervals, {bands}: {errors_of(curves)}.",
        f"Accuracy against cut-off frequency of {plural(len(looks), 'network')}. "
        f"{(found or ['No clean accuracy to compare with.'])[0]}",
        figure,
        stacked(parts),
    )
