"""Spectra and exponents of networks' layers: Kong et al. 2021, Figure 3."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from striate.report.drawing import by_depth, stacked
from striate.report.figures import WIDTH, Plate, stem
from striate.report.spectra.captions import layers_methods
from striate.report.spectra.exponents import exponent_panel, exponent_rows
from striate.report.spectra.findings import fitted, of_networks
from striate.report.spectra.found import Measured, Together, window
from striate.report.spectra.lines import (
    SPECTRUM_AXES,
    depth_looks,
    fit_rows,
    mark_window,
    spectrum_panel,
    spectrum_rows,
)
from striate.report.words import listed

CLAIM = (
    "Layers of networks trained to be robust have spectra that fall more steeply, with an α nearer "
    "to that of V1, than the same layers of networks that were not."
)
BESIDE = 2  # so many networks leave room for the exponents in their row
PER_ROW = 3


def layers_plate(together: Together) -> Plate:
    """Draw the spectra of each network's layers, and their exponents against depth.

    Parameters
    ----------
    together
        Networks that saw the same images.
    """
    networks = together.networks
    letters = [chr(ord("a") + i) for i in range(len(networks) + 1)]
    panels = [_spectra(letter, one) for letter, one in zip(letters, networks, strict=False)]
    exponents = stacked(exponent_rows(letters[-1], together))
    figure, axes = _layout(len(networks))
    for letter, one, part, place in zip(letters, networks, panels, axes, strict=False):
        colours = by_depth(len(one.layers))
        names = [layer.name for layer in one.layers]
        looks = depth_looks(names, colours)
        spectrum_panel(place, part, looks, f"{letter}\u2003{one.label}")
        mark_window(place, _main_window(one))
        place.set(**SPECTRUM_AXES)
    _same_scale(axes[:-1])
    exponent_panel(axes[-1], exponents, together, letters[-1])
    return Plate(
        stem("spectra-layers", together.label),
        f"Spectra of layers: {together.label}",
        CLAIM,
        tuple(of_networks(together)),
        layers_methods(together, letters[-1]),
        f"Log-log plots of variance against rank for the layers of {listed(_labels(together))}, "
        "and their exponents against depth. " + " ".join(of_networks(together)[:1]),
        figure,
        stacked([*panels, exponents]),
    )


def _spectra(letter: str, one: Measured) -> pd.DataFrame:
    parts = []
    for layer in one.layers:
        parts.append(spectrum_rows(letter, one.label, layer.name, layer.spectrum))
    for layer in one.layers:
        alpha = layer.scores.get("alpha")
        there = None if alpha is None else window(alpha.settings)
        if alpha is not None and there is not None:
            # The spectrum itself was written before the fit, and does not know its weights.
            curve = layer.spectrum
            weighed = {**curve.settings, "weights": alpha.settings.get("weights")}
            curve = type(curve)(curve.name, curve.x, curve.y, None, curve.source, weighed)
            parts.append(fit_rows(letter, one.label, layer.name, curve, alpha.value, there))
    return stacked(parts)


def _layout(count: int) -> tuple[Figure, list[Axes]]:
    if count <= BESIDE:
        figure = Figure(figsize=(WIDTH, 3.5), layout="constrained")
        widths = [1] * count + [1.35]
        return figure, list(figure.subplots(1, count + 1, width_ratios=widths))
    lines = -(-count // PER_ROW)
    figure = Figure(figsize=(WIDTH, 2.7 * lines + 3.1), layout="constrained")
    ratios = [2.7 * lines, 3.1]
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=ratios)[:, 0]
    grid = upper.subplots(lines, PER_ROW, squeeze=False)
    for unused in grid.flat[count:]:
        unused.set_axis_off()
    return figure, [*grid.flat[:count], lower.subplots()]


def _same_scale(axes: Sequence[Axes]) -> None:
    lows, highs = zip(*(one.get_ylim() for one in axes), strict=True)
    for one in axes:
        one.set_ylim(min(lows), max(highs))


def _main_window(one: Measured) -> tuple[int, int] | None:
    counts = Counter(window(score.settings) for _, score in fitted(one.layers))
    return counts.most_common(1)[0][0] if counts else None


def _labels(together: Together) -> list[str]:
    return [one.label for one in together.networks]
