"""Accuracy on images of which only low or only high spatial frequencies are left."""

import numpy as np
from matplotlib.figure import Figure

from striate.report.drawing import letters, network_legend, stacked
from striate.report.figures import WIDTH, Plate, in_percent, stem
from striate.report.robustness.drawing import (
    CROWDED,
    curve_rows,
    line_panel,
    looks_of,
    network_looks,
)
from striate.report.robustness.findings import of_passbands
from striate.report.robustness.found import PASSBANDS, Together
from striate.report.robustness.words import errors_of
from striate.report.tuning.drawing import frequency_axis
from striate.report.words import counted, plural

TITLES = {
    PASSBANDS[0]: "frequencies up to the cut-off",
    PASSBANDS[1]: "frequencies from the cut-off on",
}


def passbands_plate(together: Together) -> Plate | None:
    """Draw accuracy against the cut-off; None where the results have no such curves."""
    names = [name for name in PASSBANDS if any(name in one.passed for one in together.networks)]
    if not names:
        return None
    looks = network_looks(together)
    figure = Figure(figsize=(WIDTH, 3.2 + 0.22 * (len(looks_of(together)) // 4)))
    figure.set_layout_engine("constrained")
    panels = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
    parts = []
    for axes, letter, name in zip(panels, letters(len(names)), names, strict=True):
        curves = [(one, one.passed[name]) for one in together.networks if name in one.passed]
        part = stacked(curve_rows(letter, one, name, curve) for one, curve in curves)
        line_panel(axes, part, looks)
        cutoffs = np.array([x for _, curve in curves for x in curve.x if x > 0])
        frequency_axis(axes, cutoffs.min() / 1.15, cutoffs.max() * 1.15)
        axes.set(title=f"{letter}\u2003{TITLES[name]}", xlabel="cut-off, cycles per image")
        axes.set_ylim(-0.03, 1.03)
        in_percent(axes)
        parts.append(part)
    panels[0].set_ylabel("accuracy")
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
