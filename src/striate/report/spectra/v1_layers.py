"""The V1-like layer of each network, and exponents by layer: Kong et al. 2021, Figure 3."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from striate.report.crowd import COLOURS as OF_GROUPS
from striate.report.crowd import ROBUST, USUAL
from striate.report.drawing import COLOURS, MARKS, stacked
from striate.report.figures import MUTED, WIDTH, Look, Plate, stem
from striate.report.known import MIDDLE, Key, Known, rules_text
from striate.report.names import called
from striate.report.spectra.captions import errors_of
from striate.report.spectra.exponents import exponent_rows, name_depth
from striate.report.spectra.found import Layer, Measured, Together, sets_of, window
from striate.report.spectra.lines import (
    SPECTRUM_AXES,
    depth_looks,
    fit_rows,
    mark_window,
    spectrum_panel,
    spectrum_rows,
)
from striate.report.spectra.words import alpha_of, windows_of
from striate.report.words import counted, listed
from striate.results import Curve

AS_IN_PAPER = "As Fig. 3 of Kong et al. 2021."


class Chosen(NamedTuple):
    """A network, the layer that stands for it, and what makes it that layer."""

    network: Measured
    layer: Layer
    rule: str


def chosen_layers(
    together: Together, known: Mapping[Key, Known], *, at_any_rate: bool
) -> list[Chosen]:
    """Return each network's V1-like layer, of those that have an exponent.

    Parameters
    ----------
    together
        The networks.
    known
        What other results say of them.
    at_any_rate
        Whether a network of which nothing is said is represented by the layer in the middle of
        those measured, rather than left out.
    """
    made = []
    for one in together.networks:
        fitted = [layer for layer in one.layers if "alpha" in layer.scores]
        about = known.get(one.key, Known())
        named = [layer for layer in fitted if layer.name == about.layer]
        if named:
            made.append(Chosen(one, named[0], about.rule))
        elif fitted and at_any_rate:
            made.append(Chosen(one, fitted[len(fitted) // 2], MIDDLE))
    return made


def spectrum_of(letter: str, one: Chosen) -> pd.DataFrame:
    """Return the spectrum of the chosen layer, and the line that was fitted to it."""
    curve, alpha = one.layer.spectrum, one.layer.scores["alpha"]
    named = (letter, one.network.label, one.layer.name)
    there = window(alpha.settings)
    parts = [spectrum_rows(*named, curve)]
    if there is not None:
        # The spectrum itself was written before the fit, and does not know its weights.
        weighed = {**curve.settings, "weights": alpha.settings.get("weights")}
        known = Curve(curve.name, curve.x, curve.y, None, curve.source, weighed)
        parts.append(fit_rows(*named, known, alpha.value, there))
    return stacked(parts)


def v1_plate(together: Together, known: Mapping[Key, Known]) -> Plate | None:
    """Draw the V1-like layers' spectra in one panel and all exponents in the other.

    Parameters
    ----------
    together
        Networks that saw the same images.
    known
        What other results say of them.

    Returns
    -------
    plate
        None unless two networks or more have such a layer.
    """
    there = chosen_layers(together, known, at_any_rate=False)
    if len(there) < 2:
        return None
    kept = together._replace(networks=[one.network for one in there])
    looks = _looks(there, known)
    spectra = stacked(spectrum_of("a", one) for one in there)
    exponents = stacked(exponent_rows("b", kept))
    exponents = exponents[exponents["source"] == "measured"]
    figure = Figure(figsize=(WIDTH, 3.7), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.25])
    _spectra(left, spectra, there, looks)
    _exponents(right, exponents, kept, looks)
    handles = [
        Line2D(
            [],
            [],
            label=f"{one.network.label}, {called(one.layer.name)}",
            **looks[one.network.label],
        )
        for one in there
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=min(3, len(handles)))
    found = of_chosen(there)
    return Plate(
        stem("spectra-v1-like", together.label),
        f"Spectra of V1-like layers, and exponents by layer: {together.label}",
        "",
        tuple(found),
        f"{AS_IN_PAPER} {rules_text([one.rule for one in there])} {about_fits(together, there)} "
        "b: α of each layer, mean over sets, and its sd (band). The dotted line is α = 1.",
        f"Log-log plots of variance against rank of {listed(o.network.label for o in there)}, and "
        f"their exponents by layer. {found[0]}",
        figure,
        stacked([spectra, exponents]),
    )


def of_chosen(there: Sequence[Chosen]) -> list[str]:
    """Say which exponent the V1-like layer of each network has."""
    return [
        f"{one.network.label}, {called(one.layer.name)}: α = {alpha_of(one.layer.scores['alpha'])}."
        for one in there
    ]


def about_fits(together: Together, there: Sequence[Chosen]) -> str:
    """Say what was shown, and how α was fitted."""
    settings = together.settings
    alphas = [one.layer.scores["alpha"] for one in there]
    return (
        f"a: share of the variance by rank, mean over {sets_of(together)} drawn from "
        f"{counted(settings['available'])} ({settings['pictures']}; protocol "
        f"“{settings['protocol']}”). α is fitted to {windows_of(alphas)}; its error is "
        f"{errors_of(alphas)}."
    )


def _looks(there: Sequence[Chosen], known: Mapping[Key, Known]) -> dict[str, Look]:
    """Give each network a colour: the paper's blue and pink where there is one of each kind."""
    robust = [known.get(one.network.key, Known()).robust for one in there]
    colours = [*COLOURS]
    if sorted(map(str, robust)) == ["False", "True"]:
        colours = [OF_GROUPS[ROBUST if value else USUAL] for value in robust]
    return {
        one.network.label: {"color": colours[i % len(colours)], "marker": MARKS[i % len(MARKS)]}
        for i, one in enumerate(there)
    }


def _spectra(
    axes: Axes, table: pd.DataFrame, there: Sequence[Chosen], looks: Mapping[str, Look]
) -> None:
    # Two networks may call their layers the same.
    keyed = table.assign(series=table["of"] + np.where(table["source"] == "fit", ": fit", ""))
    labels = [one.network.label for one in there]
    colours = [looks[label]["color"] for label in labels]
    spectrum_panel(axes, keyed, depth_looks(labels, colours), "a\u2003V1-like layers")
    axes.set(**SPECTRUM_AXES)
    windows = [window(one.layer.scores["alpha"].settings) for one in there]
    mark_window(axes, max(set(windows), key=windows.count))
    for place, (one, colour) in enumerate(zip(there, colours, strict=True)):
        text = f"α = {alpha_of(one.layer.scores['alpha'])}"
        look = {"ha": "right", "va": "top", "fontsize": 7.8, "color": colour}
        axes.text(0.98, 0.97 - 0.07 * place, text, transform=axes.transAxes, **look)


def _exponents(axes: Axes, table: pd.DataFrame, kept: Together, looks: Mapping[str, Look]) -> None:
    for label, line in table.groupby("of", sort=False):
        look = looks[str(label)]
        axes.plot(line["x"], line["y"], label=str(label), markersize=4.2, linewidth=1.2, **look)
        low, high = line["y"] - line["error"], line["y"] + line["error"]
        axes.fill_between(line["x"], low, high, color=look["color"], alpha=0.2, linewidth=0)
    axes.axhline(1, color=MUTED, linestyle=(0, (1, 2)), linewidth=1.1, zorder=1)
    axes.set(title="b\u2003exponents", ylabel="α")
    axes.margins(y=0.12)
    name_depth(axes, kept)
