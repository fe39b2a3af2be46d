"""How like V1 layers are, and how that depends on the size that images are said to have."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from striate.report.drawing import network_legend, rows, stacked
from striate.report.figures import INK, MUTED, WIDTH, Plate, draw, stem
from striate.report.forest import reference
from striate.report.names import called
from striate.report.tuning.drawing import layer_panel, layer_rows, name_layers, network_looks
from striate.report.tuning.findings import PREFERRED, of_fields, of_scores
from striate.report.tuning.found import Layer, Together, best_layer
from striate.report.tuning.published import SCORES
from striate.report.tuning.words import channels_of, fields, fields_of, sampling_of, shown_to
from striate.report.words import listed, span

SCORE = "frequency_score"
BY_FIELD = "frequency_score_by_field"
CLAIM = (
    "The preferred frequencies of ResNets trained to be robust are more like those of V1 than those"
    " of the same networks trained as usual."
)
RING = {
    "marker": "o",
    "markersize": 6.5,
    "markerfacecolor": "none",
    "linestyle": "none",
    "color": MUTED,
}


def scores_plate(together: Together) -> Plate | None:
    """Draw the score of each layer, and beside them what was published; None where none has one."""
    table = layer_rows("a", together, lambda layer: layer.scores.get(SCORE))
    if table.empty:
        return None
    known = published()
    looks = network_looks(together)
    figure = Figure(figsize=(WIDTH, 4.1), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3.4, 1], sharey=True)
    layer_panel(left, table, together, looks, bands=True)
    name_layers(left, together)
    left.set(title="a\u2003measured here", ylabel="likeness to V1: score")
    draw_published(right, known)
    right.set_title("b\u2003published")
    both = stacked([table, known])
    low, high = (both["y"] - both["error"]).min(), (both["y"] + both["error"]).max()
    left.set_ylim(max(low - 0.05, -0.02), min(high + 0.05, 1.02))
    rings = [Line2D([], [], label="published (Kong et al. 2021)", **RING)]
    network_legend(figure, looks, rings)
    found = of_scores(together)
    every = [layer for one in together.networks for layer in one.layers]
    numbers = [f"{one.network} {one.score:.3f} ± {one.sd:.3f}" for one in SCORES]
    return Plate(
        stem("tuning-scores", together.label),
        f"How like V1 the preferred frequencies of each layer are: {together.label}",
        CLAIM,
        tuple(found),
        "The score is 1 less the largest difference between two cumulative distributions, that of "
        "preferred frequencies of the channels and that of V1 cells: 1 if they are the same, 0 if "
        f"all of one lie below all of the other. a: {sampling_of(together)} (band): it "
        "is the error of drawing channels, not of training a network. b: as published, "
        f"{listed(numbers)}, each of the layer that predicts V1 best. "
        f"{channels_of(every)}. {shown_to(together)}",
        f"Score against layer, beside four published scores. {found[0]}",
        figure,
        both,
    )


def field_plate(together: Together) -> Plate | None:
    """Draw the score of each network's best layer against the assumed field of view."""
    there = [
        (one, layer)
        for one in together.networks
        if (layer := best_layer(one)) is not None and BY_FIELD in layer.curves
    ]
    if not there:
        return None
    looks = network_looks(together)
    parts = [
        rows("a", "measured", one.label, layer.name, curve.x, curve.y, curve.error)
        for one, layer in there
        for curve in (layer.curves[BY_FIELD],)
    ]
    numbers = stacked(parts)
    figure = Figure(figsize=(WIDTH, 3.5), layout="constrained")
    axes = figure.subplots()
    line = numbers.assign(series=numbers["of"], beta=np.nan, target=np.nan)
    lines = {name: {key: v for key, v in look.items() if key != "marker"}
             for name, look in looks.items()}  # fmt: skip
    draw(axes, line, lambda beta, target: INK, dots=False, looks=lines)
    for field in fields(together):
        reference(axes, field, f"assumed: {field:.3g}°")
    axes.set(xlabel="degrees of visual angle that an image is said to span", ylabel="score")
    axes.set_xlim(numbers["x"].min(), numbers["x"].max())
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    network_legend(figure, lines)
    found = of_fields(together)
    return Plate(
        stem("tuning-field", together.label),
        f"The score against the assumed field of view: {together.label}",
        "",
        tuple(found),
        "A network has no degrees: how many an image spans is assumed, and decides which channels "
        "prefer a frequency that V1 cells prefer. Elsewhere on this page it is "
        f"{fields_of(together)}° (dotted). The layer is the one most like V1 there; "
        f"{sampling_of(together)} (band).{_steps([layer for _, layer in there])} "
        f"Layers: {listed(f'{called(layer.name)} of {one.label}' for one, layer in there)}.",
        f"Score against the assumed field of view from {span([*numbers['x']])} degrees. {found[0]}",
        figure,
        numbers,
    )


def _steps(layers: Sequence[Layer]) -> str:
    """Say how far apart the frequencies were that were shown; nothing where that is not known."""
    shown = [layer.curves[PREFERRED].x for layer in layers if PREFERRED in layer.curves]
    octaves = [np.log2(x[-1] / x[0]) / (len(x) - 1) for x in shown if len(x) > 1]
    if not octaves:
        return ""
    return (
        f" Frequencies were shown in steps of about {span(octaves, 2)} octaves, which makes the "
        "steps of the lines."
    )


def published() -> pd.DataFrame:
    """Return the published scores as rows of a panel b."""
    return stacked(
        rows("b", "published", one.network, "most predictive layer", [i], [one.score], one.sd)
        for i, one in enumerate(SCORES)
    )


def draw_published(axes: Axes, table: pd.DataFrame) -> None:
    """Draw the rows of `published`."""
    line = table.assign(series=table["of"], beta=np.nan, target=np.nan)
    draw(axes, line, lambda beta, target: MUTED, dots=True)
    axes.set_xticks(range(len(table)), [*table["of"]], rotation=90, fontsize=7)
    axes.set_xlim(-0.6, len(table) - 0.4)
    axes.tick_params(labelleft=False)
