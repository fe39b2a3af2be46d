"""Which orientations channels prefer."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from striate.report.drawing import by_depth, clipped, evenly, part_of, rows, stacked
from striate.report.figures import MUTED, WIDTH, Plate, stem
from striate.report.tuning.findings import of_orientations
from striate.report.tuning.found import Layer, Network, Together
from striate.report.tuning.words import shown_to
from striate.report.words import listed
from striate.results import Curve

PREFERRED = "preferred_orientation"
MOST_NETWORKS, MOST_LAYERS = 6, 5
Shown = tuple[Network, Sequence[Layer]]
UNIFORM = "if all orientations were as frequent"


def orientation_plate(together: Together) -> Plate | None:
    """Draw how many channels prefer which orientation; None where the results do not say."""
    there = [(one, layers) for one in together.networks if (layers := _layers(one))]
    if not there:
        return None
    networks = evenly(there, MOST_NETWORKS)
    chosen = [(one, evenly(layers, MOST_LAYERS)) for one, layers in networks]
    figure, numbers = _figure(chosen)
    columns, most = (max(len(layers) for _, layers in some) for some in (chosen, there))
    found = of_orientations(there)
    return Plate(
        stem("tuning-orientation", together.label),
        f"Orientations that channels prefer: {together.label}",
        "",
        tuple(found),
        "Share of channels by the angle of the stripes that they prefer, which is that of the "
        "vector sum of their rectified responses; 0° is horizontal, 90° vertical. The dotted line "
        f"is what it would be if all orientations were as frequent{_ends(chosen[0][1][0])}. All "
        "panels have one scale. Colour is depth, from blue to orange."
        f"{part_of(len(chosen), len(there), 'networks')}"
        f"{part_of(columns, most, 'layers')} {shown_to(together)}",
        f"Half-circle histograms of preferred orientation in layers of "
        f"{listed(one.label for one, _ in chosen)}. {found[0]}",
        figure,
        numbers,
    )


def _figure(chosen: Sequence[Shown]) -> tuple[Figure, pd.DataFrame]:
    columns = max(len(layers) for _, layers in chosen)
    figure = Figure(figsize=(WIDTH, 0.2 + 1.75 * len(chosen)), layout="constrained")
    bands = figure.subfigures(len(chosen), 1, squeeze=False)[:, 0]
    top = 1.05 * max(max(_curve(layer).y) for _, layers in chosen for layer in layers)
    parts = []
    for band, (network, layers) in zip(bands, chosen, strict=True):
        band.suptitle(network.label, fontsize=9, x=0.01, ha="left")
        colours = by_depth(len(layers))
        for place, (layer, colour) in enumerate(zip(layers, colours, strict=True), 1):
            axes = band.add_subplot(1, max(columns, 3), place, projection="polar")
            assert isinstance(axes, PolarAxes)
            curve = _curve(layer)
            _draw(axes, curve, colour, top)
            axes.set_title(clipped(layer.label, 20), fontsize=8, loc="center", pad=2)
            parts.append(rows("", "measured", network.label, layer.name, curve.x, curve.y))
    curve = _curve(chosen[0][1][0])
    shares = np.diff(cell_edges(curve)) / 180
    parts.append(rows("", "theory", UNIFORM, UNIFORM, curve.x, shares))
    return figure, stacked(parts)


def _ends(layer: Layer) -> str:
    """Say where the line dents if the first and the last angle are nearer than other neighbours."""
    x, widths = _curve(layer).x, np.diff(cell_edges(_curve(layer)))
    if widths[0] > 0.99 * widths.max():
        return ""
    return (
        f"; it is lower at {x[0]:g}° and {x[-1]:g}°, which were shown and lie closer together than "
        "the others"
    )


def cell_edges(curve: Curve) -> np.ndarray:
    """Return the edges of the angles that are nearest to each shown; the circle has 180 degrees."""
    x = np.array(curve.x)
    inner = (x[1:] + x[:-1]) / 2
    last = (x[-1] + x[0] + 180) / 2
    return np.array([last - 180, *inner, last])


def _layers(network: Network) -> Sequence[Layer]:
    return [layer for layer in network.layers if PREFERRED in layer.curves]


def _curve(layer: Layer) -> Curve:
    return layer.curves[PREFERRED]


def _draw(axes: PolarAxes, curve: Curve, colour: str, top: float) -> None:
    edges = np.radians(cell_edges(curve))
    widths = np.diff(edges)
    for turn in (0, np.pi):  # what lies around 0° ends the half-circle, too
        middle = (edges[1:] + edges[:-1]) / 2 + turn
        axes.bar(middle, curve.y, widths, color=colour, edgecolor="none", zorder=2)
        for start, stop, share in zip(edges[:-1], edges[1:], widths / np.pi, strict=True):
            arc = np.linspace(start, stop, 12) + turn
            dotted = {"color": MUTED, "linestyle": (0, (1, 1.5)), "linewidth": 1, "zorder": 3}
            axes.plot(arc, np.full(12, share), label="_uniform", **dotted)
    axes.set_thetalim(0, np.pi)
    axes.set_rlim(0, top)
    axes.set_thetagrids([0, 45, 90, 135, 180], fontsize=7)
    axes.tick_params(axis="x", pad=-2)
    axes.yaxis.set_major_locator(MaxNLocator(2, prune="lower"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, place: f"{round(100 * v, 4):g} %"))
    axes.tick_params(axis="y", labelsize=6.5)
    axes.spines[:].set_linewidth(0.5)
