"""What the middle channel of each layer prefers, and how selective it is."""

import re
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from striate.report.drawing import letters, network_legend, stacked, switch_off
from striate.report.figures import MUTED, WIDTH, Plate, stem
from striate.report.names import called
from striate.report.tuning.drawing import layer_panel, layer_rows, name_layers, network_looks
from striate.report.tuning.findings import of_medians
from striate.report.tuning.found import Together
from striate.report.tuning.words import channels_of, part_of_channels, shown_to
from striate.report.words import errors_text, first_few, listed

FREQUENCY, BANDWIDTH = "median_log2_frequency", "median_bandwidth_octaves"
SELECTIVITY = "median_circular_variance"
PART = re.compile(r"over \d+ of \d+ channels")


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
        SELECTIVITY,
        "circular variance of orientation",
        "circular variance",
        None,
        "Circular variance is 0 for a channel that answers to one orientation only and 1 for one "
        "that answers to all alike",
    ),
    Quantity(
        "median_phase_modulation",
        "modulation by phase",
        "F1/F0",
        1.0,
        "F1/F0 is how much the response changes with phase, over its mean; V1 cells above 1 "
        "(dotted) are called simple, those below complex",
    ),
    Quantity(
        BANDWIDTH,
        "bandwidth of frequency",
        "octaves",
        None,
        "Bandwidth is the full width at half height; channels whose curve does not fall to half "
        "on both sides within the frequencies shown have none and are left out, broad ones first",
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
    about = " ".join(about_median(one, together) for one, _ in there if one.about)
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


def about_median(one: Quantity, together: Together) -> str:
    """Explain a quantity, and say of how few channels its median is if not of all that answer."""
    parts = [
        (part, f"{called(layer.name)} of {network.label}")
        for network in together.networks
        for layer in network.layers
        if one.name in layer.scores and (part := part_of_channels(layer.scores[one.name]))
    ]
    if not parts:
        return f"{one.about}."
    (known, every), whose = min(parts, key=lambda each: each[0][0] / each[0][1])
    return (
        f"{one.about}; the median is of as few as {known} of {every} channels ({whose}), and the "
        "table says of how many in each layer."
    )


def missing_medians(together: Together) -> list[str]:
    """Say of each network which medians its layers lack, and why, if they answer."""
    sentences = []
    for network in together.networks:
        answered = [layer for layer in network.layers if FREQUENCY in layer.scores]
        # Where there is a response above 0 there is a circular variance.
        negative = [called(one.name) for one in answered if SELECTIVITY not in one.scores]
        broad = [
            called(one.name)
            for one in answered
            if SELECTIVITY in one.scores and BANDWIDTH not in one.scores
        ]
        if negative:
            sentences.append(
                f"No circular variance, F1/F0 or bandwidth of {listed(negative)} of "
                f"{network.label}: no channel has a response above 0, and these are of rectified "
                "responses."
            )
        if broad:
            sentences.append(
                f"No bandwidth of {listed(broad)} of {network.label}: no curve falls to half its "
                "height on both sides within the frequencies shown."
            )
    return first_few(sentences, "notes on missing medians")


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
    # Of how many channels a median is, kinds of errors say, too, of each layer another number.
    scores = [
        replace(score, settings={**score.settings, "error": PART.sub("over channels", kind)})
        for network in together.networks
        for layer in network.layers
        for one in QUANTITIES
        if (score := layer.scores.get(one.name)) is not None and score.error is not None
        for kind in (str(score.settings["error"]),)
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
