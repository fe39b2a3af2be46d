"""Whether later principal components of a layer prefer finer patterns."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from striate.report.drawing import (
    DENSITY,
    by_depth,
    clipped,
    evenly,
    network_legend,
    part_of,
    rows,
    stacked,
    switch_off,
)
from striate.report.figures import MUTED, WIDTH, Plate, add_powers_of_ten, stem
from striate.report.tuning.drawing import (
    frequency_axis,
    layer_panel,
    layer_rows,
    name_layers,
    network_looks,
)
from striate.report.tuning.findings import of_components
from striate.report.tuning.found import SEEN, Key, Layer, Network, Ranks, Together
from striate.report.tuning.words import score_of, shown_to
from striate.report.words import counted, listed
from striate.results import Score

MOST_NETWORKS, MOST_LAYERS = 4, 4


def components_plate(together: Together, seen: Key) -> Plate:
    """Draw the correlation of rank and preferred frequency, and a few layers dot by dot.

    Parameters
    ----------
    together
        Networks that were shown the same stimuli.
    seen
        The photographs that the components are of: one of `found.photographs`.
    """
    there = [(one, layers) for one in together.networks if (layers := _layers(one, seen))]
    networks = evenly(there, MOST_NETWORKS)
    chosen = [(one, evenly(layers, MOST_LAYERS)) for one, layers in networks]
    rhos = layer_rows("rho", together, lambda layer: _rho(layer, seen))
    upper = 2.9 if len(rhos) else 0.0
    figure = Figure(figsize=(WIDTH, 0.3 + upper + 2.0 * len(chosen)), layout="constrained")
    heights = [upper] * bool(upper) + [2.0] * len(chosen)
    bands = list(figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])
    if upper:
        looks = network_looks(together)
        axes = bands.pop(0).subplots()
        rhos = _within(rhos)
        layer_panel(axes, rhos, together, looks, bands=False)
        axes.axhline(0, color=MUTED, linestyle=(0, (1, 2)), linewidth=1.1, zorder=1)
        name_layers(axes, together)
        axes.set(ylabel="ρ of rank and frequency", title="does preferred frequency rise with rank?")
        network_legend(figure, looks)
    parts = [
        _network(band, network, layers, seen, together)
        for band, (network, layers) in zip(bands, chosen, strict=True)
    ]
    found = of_components(together, seen)
    most = max(len(layers) for _, layers in there)
    columns = max(len(layers) for _, layers in chosen)
    return Plate(
        stem("tuning-components", f"{pictures_of(seen)}, {together.label}"),
        f"Principal components and spatial frequency: {pictures_of(seen)}, {together.label}",
        "",
        tuple(found),
        f"{_methods(there, seen)}{part_of(len(chosen), len(there), 'networks')}"
        f"{part_of(columns, most, 'layers')} {shown_to(together)}",
        f"Preferred spatial frequency against rank of principal components, in layers of "
        f"{listed(one.label for one, _ in chosen)}. {found[0]}",
        figure,
        stacked([rhos, *parts]),
    )


def _layers(network: Network, seen: Key) -> list[Layer]:
    return [layer for layer in network.layers if seen in layer.ranks]


def _rho(layer: Layer, seen: Key) -> Score | None:
    return layer.ranks[seen].rho if seen in layer.ranks else None


def _within(rhos: pd.DataFrame) -> pd.DataFrame:
    """Let intervals end at -1 and 1, which no correlation passes; errors stay as they are."""
    ends = {name: (rhos["y"] + sign * rhos["error"]) for name, sign in (("low", -1), ("high", 1))}
    return rhos.assign(
        **{
            name: (rhos[name].fillna(end) if name in rhos else end).clip(-1, 1)
            for name, end in ends.items()
        }
    )


def _network(
    band: SubFigure, network: Network, layers: Sequence[Layer], seen: Key, together: Together
) -> pd.DataFrame:
    band.suptitle(network.label, fontsize=9, x=0.01, ha="left")
    grid = band.subplots(1, MOST_LAYERS, squeeze=False, sharex=True, sharey=True)[0]
    switch_off(grid[len(layers) :])
    parts = []
    for axes, layer, colour in zip(grid, layers, by_depth(len(layers)), strict=False):
        ranks = layer.ranks[seen]
        named = ("rank", "measured", network.label, layer.name)
        parts.append(rows(*named, ranks.curve.x, ranks.curve.y))
        _dots(axes, ranks, colour)
        axes.set_title(clipped(layer.label, 16), fontsize=8)
        if ranks.rho is not None:
            note = f"ρ = {score_of(ranks.rho, 2)}"
            axes.set_title(note, loc="right", fontsize=7.2, color=MUTED)
        axes.set_xlabel("rank n")
    y = np.concatenate([part["y"] for part in parts])
    add_powers_of_ten(grid[0])
    frequency_axis(grid[0], y.min() / 1.3, y.max() * 1.3, vertical=True)
    grid[0].set_ylabel("preferred, cpd" if together.in_degrees else "preferred, cycles/image")
    return stacked(parts)


def _dots(axes: Axes, ranks: Ranks, colour: str) -> None:
    """Draw a dot per component; of those that would fall onto each other, one."""
    x, y = np.array(ranks.curve.x), np.array(ranks.curve.y)
    where = np.column_stack([np.floor(DENSITY / 2 * np.log2(x)), y])
    kept = np.unique(where, axis=0, return_index=True)[1]
    look = {"linestyle": "none", "marker": "o", "markersize": 2.2, "alpha": 0.75, "zorder": 3}
    axes.plot(x[kept], y[kept], color=colour, markeredgewidth=0, **look)


def pictures_of(seen: Key) -> str:
    """Name the photographs without the fingerprint behind their name, and how many they were."""
    about = dict(zip(SEEN, seen, strict=True))
    name = str(about["pictures"])
    return f"{counted(about['images'])} images of {name.rpartition(' ')[0] or name}"


def _methods(there: Sequence[tuple[Network, Sequence[Layer]]], seen: Key) -> str:
    about = dict(zip(SEEN, seen, strict=True))
    rhos = [layer.ranks[seen].rho for _, layers in there for layer in layers]
    kinds = {
        str(rho.settings["error"]) for rho in rhos if rho is not None and rho.error is not None
    }
    error = f", with {listed(sorted(kinds))} (bars end at −1 and 1)," if kinds else ""
    return (
        f"Principal components of a layer's responses to {counted(about['images'])} photographs "
        f"({about['pictures']}; units {'' if about['z_scored'] else 'not '}z-scored). A component "
        "prefers the frequency at which its scores on the stimuli vary most over orientation and "
        f"phase. ρ is Spearman's correlation{error} of rank and that frequency over all ranks that "
        "were kept: above 0, components with less variance prefer finer patterns. Dots that would "
        "fall onto each other are drawn once; the CSV has all. Colour is depth."
    )
