"""How well each layer predicts the neurons, by assumed size of the display and by protocol."""

from collections.abc import Sequence

import pandas as pd

from striate.report.drawing import evenly, letters, part_of
from striate.report.figures import Plate, stem
from striate.report.predictivity.drawing import (
    LABEL,
    columns_of,
    is_crowded,
    layer_panel,
    layer_rows,
    legend,
    lowest,
    name_layers,
    network_looks,
    panels,
)
from striate.report.predictivity.findings import of_leak, of_networks, of_protocols
from striate.report.predictivity.found import FIELD, Run, Together, alike, displays, flats
from striate.report.predictivity.words import ceiling_of, degrees, methods_of, sizes
from striate.report.words import listed

MOST = 6  # panels
CLAIM = (
    "Predictivity peaks in shallow to middle layers, and is higher in ResNets trained to be robust "
    "than in the same networks trained as usual."
)
POINT = (
    "Each point is the median over neurons of the noise-corrected correlation, averaged over splits"
)
BANDS = (
    f"{POINT}; bands are ± one sd over splits. Splits share images, so that the sd is no standard "
    "error."
)
NO_BANDS = f"{POINT}. Its sd over splits is in the CSV."
ONE_SPLIT = f"{POINT}, of which there is one."


def layers_plate(together: Together, protocol: str) -> Plate:
    """Draw predictivity against layer, in a panel for each assumed size of the display."""
    runs = [run for run in together.runs if run.protocol == protocol]
    every = displays(runs)
    shown = evenly(every, MOST)
    parts = [(degrees(one), [run for run in runs if run.display == one]) for one in shown]
    single = len(together.protocols) == 1
    name = together.label if single else f"{together.label}, protocol {protocol}"
    found = [*of_networks(together, runs), *of_leak(together, runs)]
    return _plate(
        together,
        [(f"images {size} wide" if size[0].isdigit() else size, mine) for size, mine in parts],
        stem("predictivity-layers", name),
        f"How well each layer predicts the neurons: {name}",
        found,
        f"{_about_displays(runs)}{part_of(len(shown), len(every), 'sizes')}",
    )


def protocols_plate(together: Together) -> Plate | None:
    """Draw the networks that have several protocols, a panel for each; None where none has."""
    display = shared_display(together)
    runs = [run for run in together.runs if run.display == display and _has_several(run, together)]
    protocols = [one for one in together.protocols if any(run.protocol == one for run in runs)]
    if len(protocols) < 2:
        return None
    size = "" if display is None else f"Images are said to be {degrees(display)} wide. "
    return _plate(
        together,
        [(f"“{one}”", [run for run in runs if run.protocol == one]) for one in protocols],
        stem("predictivity-protocols", together.label),
        f"How much the preparation of features matters: {together.label}",
        of_protocols(together, runs),
        size,
    )._replace(claim="")


def shared_display(together: Together) -> float | None:
    """Return the assumed size at which most runs of several protocols stand side by side."""
    several = [run for run in together.runs if _has_several(run, together)]
    counts = {one: sum(run.display == one for run in several) for one in displays(several)}
    return max(counts, key=lambda one: counts[one], default=None)


def is_shown_by_protocol(together: Together, protocol: str) -> bool:
    """Say whether the figure of protocols has all there is of one that is not the first."""
    mine = [run for run in together.runs if run.protocol == protocol]
    display = shared_display(together)
    inside = all(run.display == display and _has_several(run, together) for run in mine)
    return protocol != together.protocols[0] and inside


def _has_several(run: Run, together: Together) -> bool:
    """Say whether the run's network was measured under its conditions by another protocol, too."""
    return any(
        one.label == run.label
        and alike(one, run, but=("protocol", FIELD))
        and one.protocol != run.protocol
        for one in together.runs
    )


def _plate(
    together: Together,
    parts: Sequence[tuple[str, Sequence[Run]]],
    name: str,
    title: str,
    found: Sequence[str],
    about: str,
) -> Plate:
    runs = [run for _, mine in parts for run in mine]
    looks = network_looks(together)
    figure, grid = panels(len(parts), 2.7)
    tables = []
    named = zip(grid, letters(len(parts)), parts, strict=True)
    for place, (axes, letter, (text, mine)) in enumerate(named):
        tables.append(layer_rows(letter, mine, every=runs))
        layer_panel(axes, tables[-1], looks, crowded=is_crowded(runs))
        name_layers(axes, runs, labelled=lowest(place, len(parts)))
        axes.set_title(f"{letter}\u2003{text}")
    for axes in grid[:: columns_of(len(grid))]:
        axes.set_ylabel(LABEL)
    legend(figure, runs, looks)
    numbers = pd.concat(tables, ignore_index=True)
    flat = sorted({run.label for run in runs} & flats(together))
    thin = f"Thin lines without marks have one layer only: {listed(flat)}. " if flat else ""
    return Plate(
        name,
        title,
        CLAIM,
        tuple(found),
        f"As Fig. 5 of Kong et al. 2021, right. {_about_bands(runs)} {about}"
        f"{ceiling_of(runs)} {thin}{methods_of(runs, together)}",
        f"Predictivity against layer in {len(parts)} panels. {found[0]}",
        figure,
        numbers,
    )


def _about_bands(runs: Sequence[Run]) -> str:
    if all(run.score.error is None for run in runs):
        return ONE_SPLIT
    return NO_BANDS if is_crowded(runs) else BANDS


def _about_displays(runs: Sequence[Run]) -> str:
    if displays(runs) == [None]:
        return ""
    return f"How wide the images were on the display is taken to be {sizes(runs)}. "
