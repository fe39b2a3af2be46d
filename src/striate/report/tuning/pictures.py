"""What networks were shown, and channels that answered: Kong et al. 2021, Figure 4, A and B."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from striate.report.drawing import evenly, letters, part_of, rows, stacked, switch_off
from striate.report.figures import BLUE, MUTED, WIDTH, Plate, stem
from striate.report.names import called
from striate.report.tuning.drawing import frequency_axis, picture
from striate.report.tuning.found import Example, Layer, Network, Stimulus, Together, best_layer
from striate.report.tuning.found import unit_of as unit
from striate.report.tuning.words import number, shown_to
from striate.report.words import listed

MOST_NETWORKS, PER_NETWORK = 6, 3
STIMULI = 6  # in a row
SIDE = 0.62  # width of an image, of the curve beside it


def stimuli_plate(together: Together) -> Plate | None:
    """Draw examples of what the networks were shown; None where the results have none."""
    stimuli = next((one.stimuli for one in together.networks if one.stimuli), [])[:STIMULI]
    if not stimuli:
        return None
    figure = Figure(figsize=(WIDTH, 2.35), layout="constrained")
    axes = figure.subplots(1, max(len(stimuli), STIMULI - 1), squeeze=False)[0]
    switch_off(axes[len(stimuli) :])
    for place, one in zip(axes, stimuli, strict=False):
        picture(place, one.pixels)
        place.set_title(f"{number(one.frequency)} {unit(together)}")
        place.set_xlabel(f"{one.orientation_deg:.0f}°, phase {one.phase_deg:.0f}°")
    texts = [_stimulus_text(one, together) for one in stimuli]
    return Plate(
        stem("tuning-stimuli", together.label),
        f"What the networks were shown: {together.label}",
        "",
        (),
        f"As Fig. 4A of Kong et al. 2021. {shown_to(together)} The angle is that of the stripes, "
        "counterclockwise from horizontal; at phase 0 a bright stripe is in the centre.",
        f"{len(stimuli)} grey images of stripes: {'; '.join(texts)}.",
        figure,
        _stimuli_numbers(stimuli, unit(together)),
    )


def examples_plate(together: Together) -> Plate | None:
    """Draw how a few channels of each network answer to each frequency.

    Parameters
    ----------
    together
        Networks that were shown the same stimuli. Of each, one layer is drawn: the one most like
        V1, or where none was compared, the one in the middle.

    Returns
    -------
    plate
        None where the results have no such channels.
    """
    there = [(one, layer) for one in together.networks if (layer := _layer(one)) is not None]
    if not there:
        return None
    chosen = evenly(there, MOST_NETWORKS)
    figure, numbers = _examples(chosen, together)
    means = any(one.optimal is not None for _, layer in chosen for one in layer.examples)
    layers = [f"{called(layer.name)} of {network.label}" for network, layer in chosen]
    which = "the layer most like V1" if together.in_degrees else "a layer in the middle"
    images = (
        "Beside a curve, an image made so that this channel answers more than the others of its "
        "layer (gradient ascent). "
        if means
        else ""
    )
    return Plate(
        stem("tuning-curves", together.label),
        f"Channels and the frequencies they answer to: {together.label}",
        "",
        (),
        "As Fig. 4B of Kong et al. 2021. A panel per channel: the mean of its responses over all "
        f"orientations and phases at each frequency, as they are, in the network's own units; "
        "the dot is the preferred frequency. "
        f"{images}Shown are channels of {which} ({listed(layers)}) that prefer frequencies far "
        "apart, and of each such the one whose curve rises most."
        f"{part_of(len(chosen), len(there), 'networks')} {shown_to(together)}",
        f"Curves of mean response against spatial frequency, of channels of {listed(layers)}.",
        figure,
        numbers,
    )


def _layer(network: Network) -> Layer | None:
    """Choose the layer whose channels are drawn, among those that have examples."""
    with_examples = [layer for layer in network.layers if layer.examples]
    if not with_examples:
        return None
    best = best_layer(network._replace(layers=with_examples))
    return with_examples[len(with_examples) // 2] if best is None else best


def _examples(
    chosen: Sequence[tuple[Network, Layer]], together: Together
) -> tuple[Figure, pd.DataFrame]:
    height = 1.75
    figure = Figure(figsize=(WIDTH, 0.25 + height * len(chosen)), layout="constrained")
    bands = figure.subfigures(len(chosen), 1, squeeze=False)[:, 0]
    names = iter(letters(PER_NETWORK * len(chosen)))
    parts = []
    for band, (network, layer) in zip(bands, chosen, strict=True):
        shown = evenly(layer.examples, PER_NETWORK)
        curves = _grid(band, shown)
        band.suptitle(f"{network.label}, {layer.name}", fontsize=9, x=0.01, ha="left")
        for one, axes, letter in zip(shown, curves, names, strict=False):
            _curve(axes, one, together, letter)
            named = (letter, "measured", network.label, f"{layer.name}, channel {one.channel}")
            parts.append(rows(*named, one.tuning.x, one.tuning.y))
        curves[0].set_ylabel("mean response")
    return figure, stacked(parts)


def _grid(band: SubFigure, shown: Sequence[Example]) -> Sequence[Axes]:
    """Make room for the curves, and show beside each the image that the channel prefers."""
    if all(one.optimal is None for one in shown):
        curves = band.subplots(1, PER_NETWORK)
    else:
        grid = band.subplots(1, 2 * PER_NETWORK, width_ratios=[SIDE, 1] * PER_NETWORK)
        curves = grid[1::2]
        for axes, one in zip(grid[::2], shown, strict=False):
            if one.optimal is None:
                axes.set_axis_off()
            else:
                picture(axes, one.optimal)
        switch_off(grid[2 * len(shown) :: 2])
    switch_off(curves[len(shown) :])
    return list(curves)


def _curve(axes: Axes, one: Example, together: Together, letter: str) -> None:
    x, y = one.tuning.x, one.tuning.y
    peak = int(np.argmax(y))
    axes.plot(x, y, color=BLUE, linewidth=1.5, zorder=3)
    axes.plot(x[peak], y[peak], "o", color=BLUE, markersize=4.5, zorder=4)
    frequency_axis(axes, min(x) / 1.15, max(x) * 1.15)
    axes.set_title(f"{letter}\u2003channel {one.channel}", fontsize=8)
    axes.set_title(f"{number(x[peak])} {unit(together)}", loc="right", fontsize=7.2, color=MUTED)
    axes.set_xlabel("cycles/degree" if together.in_degrees else "cycles/image")
    axes.margins(y=0.12)


def _stimulus_text(one: Stimulus, together: Together) -> str:
    return f"{one.orientation_deg:.0f}° at {number(one.frequency)} {unit(together)}"


def _stimuli_numbers(stimuli: Sequence[Stimulus], unit: str) -> pd.DataFrame:
    """Say what was drawn; the pixels lie beside the results, in the array ``stimuli``."""
    about = [(one.orientation_deg, one.frequency, unit, one.phase_deg) for one in stimuli]
    table = pd.DataFrame(about, columns=["orientation_deg", "frequency", "unit", "phase_deg"])
    return table.assign(height=[len(one.pixels) for one in stimuli])
