"""What the middle channel of each layer prefers, and how selective it is."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from striate.report.drawing import letters, network_legend, stacked, switch_off
from striate.report.figures import MUTED, WIDTH, Plate, stem
from striate.report.tuning.drawing import layer_panel, layer_rows, name_layers, network_looks
from striate.report.tuning.findings import of_medians
from striate.report.tuning.found import Together
from striate.report.tuning.words import channels_of, shown_to
from striate.report.words import errors_text, listed

FREQUENCY = "median_log2_frequency"


class Quantity(NamedTuple):
    """A median over channels: its name in the results, its title, its axis, a value to mark."""

    name: str
    title: str
    label: str
    mark: float | None
    about: str


QUANTITIES = (
    Quantity(FREQUENCY, "preferred frequency", "cycles/image", None, ""),
    Quantity(
        "median_circular_variance",
        "circular variance of orientation",
        "circular variance",
        None,
        "Circular variance is 0 for a channel that answers to one orientation only and 1 for one "
        "that answers to all alike.",
    ),
    Quantity(
        "median_phase_modulation",
        "modulation by phase",
        "F1/F0",
        1.0,
        "F1/F0 is how much the response changes with phase, over its mean; V1 cells above 1 "
        "(dotted) are called simple, those below complex.",
    ),
    Quantity(
        "median_bandwidth_octaves",
        "bandwidth of frequency",
        "octaves",
        None,
        "Bandwidth is the full width at half height; channels whose curve does not fall to half "
        "on both sides within the frequencies shown have none and are left out.",
    ),
)


def medians_plate(together: Together) -> Plate | None:
    """Draw the medians of each layer, all networks in each panel; None where there are none."""
    made = [
        (one, layer_rows("", together, lambda layer, name=one.name: layer.scores.get(name)))
        for one in QUANTITIES
    ]
    there = [(one, table) for one, table in made if len(table)]
    if not there:
        return None
    columns = min(2, len(there))
    lines = -(-len(there) // columns)
    figure = Figure(figsize=(WIDTH, 0.7 + 2.45 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False)
    switch_off(grid.flat[len(there) :])
    looks = network_looks(together)
    panels = []
    for axes, letter, (one, table) in zip(grid.flat, letters(len(there)), there, strict=False):
        panels.append(table.assign(panel=letter, quantity=one.name))
        layer_panel(axes, panels[-1], together, looks, bands=False)
        name_layers(axes, together)
        axes.set(title=f"{letter}\u2003{one.title}", ylabel=one.label)
        dress_median(axes, one)
    network_legend(figure, looks)
    found = of_medians(together)
    every = [layer for network in together.networks for layer in network.layers]
    about = " ".join(one.about for one, _ in there if one.about)
    return Plate(
        stem("tuning-medians", together.label),
        f"What the median channel of each layer is tuned to: {together.label}",
        "",
        tuple(found),
        f"Medians over the channels of a layer that answer; error bars: {_errors(together)}. "
        f"{about} Selectivity is of rectified responses.{_rectified(together)} "
        f"{channels_of(every)}. {shown_to(together)}",
        f"{listed(one.title for one, _ in there)} against layer. {found[0]}",
        figure,
        stacked(panels),
    )


def dress_median(axes: Axes, one: Quantity) -> None:
    """Give the y axis of a quantity its unit, its zero and the value to mark."""
    if one.name == FREQUENCY:
        low, high = axes.get_ylim()
        axes.yaxis.set_major_locator(
            MultipleLocator(0.25 if high - low < 1 else 0.5 if high - low < 3 else 1)
        )
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{2**value:.3g}"))
    else:
        axes.set_ylim(bottom=0)
    if one.mark is not None:
        axes.set_ylim(top=max(axes.get_ylim()[1], 1.1 * one.mark))
        axes.axhline(one.mark, color=MUTED, linestyle=(0, (1, 2)), linewidth=1.1, zorder=1)
    if np.ptp(axes.get_ylim()) == 0:
        axes.set_ylim(axes.get_ylim()[0] - 0.5, axes.get_ylim()[1] + 0.5)


def _errors(together: Together) -> str:
    scores = [
        score
        for network in together.networks
        for layer in network.layers
        for one in QUANTITIES
        if (score := layer.scores.get(one.name)) is not None
    ]
    return errors_text(scores) or "none"


def _rectified(together: Together) -> str:
    """Name the layers that have negative responses."""
    layers = [
        f"{layer.name} of {network.label}"
        for network in together.networks
        for layer in network.layers
        if any(score.settings.get("rectified") is True for score in layer.scores.values())
    ]
    return f" That changed responses of {listed(layers)}." if layers else ""
