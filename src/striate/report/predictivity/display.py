"""The best layer's predictivity against the assumed size of the display."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from striate.report.drawing import rows
from striate.report.figures import INK, MUTED, WIDTH, Look, Plate, draw, stem
from striate.report.predictivity.drawing import (
    LABEL,
    conditions,
    dashes,
    legend,
    network_looks,
)
from striate.report.predictivity.findings import of_displays, of_nested
from striate.report.predictivity.found import NESTED, Run, Together, displays
from striate.report.predictivity.words import degrees, methods_of, sizes, splits_name

RING: Look = {"linestyle": "none", "markersize": 8, "markerfacecolor": "none", "zorder": 5}


def display_plate(together: Together, protocol: str) -> Plate | None:
    """Draw a line per network and kind of split; None unless there are several sizes."""
    runs = [run for run in together.runs if run.protocol == protocol and run.display is not None]
    if len(displays(runs)) < 2:
        return None
    looks = network_looks(together)
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    axes = figure.subplots()
    parts, strict = [], [run for run in runs if run.grouped] or runs
    for mine in _lines(runs):
        line = _rows(mine, "best layer", [run.score for run in mine])
        look = {"marker": ".", **looks[mine[0].label], "linestyle": dashes(mine[0])}
        look["markerfacecolor"] = look["color"] if mine[0].grouped else "none"
        name = f"{mine[0].label}, {splits_name(mine[0].settings.get('grouped'))}"
        shown = line.assign(series=name, beta=np.nan, target=np.nan)
        draw(axes, shown, lambda beta, target: INK, dots=True, looks={name: look})
        nested = [run for run in mine if NESTED in run.scores and _has_a_choice(run, strict)]
        rings = _rows(nested, "nested choice", [run.scores[NESTED] for run in nested])
        shown = {key: look[key] for key in ("color", "marker")} | RING
        axes.plot(rings["x"], rings["y"], label=f"_{name}", **shown)
        parts += [line, rings]
    numbers = pd.concat([part for part in parts if len(part)], ignore_index=True)
    axes.set_xticks([one for one in displays(runs) if one is not None])
    axes.xaxis.set_major_formatter(lambda value, place: f"{value:g}")
    axes.set(xlabel="degrees that an image is said to span", ylabel=LABEL)
    axes.margins(y=0.1)
    extra = []
    if (numbers["series"] == "nested choice").any():
        ring: Look = {"color": MUTED, "marker": "o", **RING}
        extra.append(Line2D([], [], label="layer chosen by other images", **ring))
    legend(figure, runs, looks, extra)
    found = [*of_displays(together, runs), *of_nested(together, runs)]
    single = len(together.protocols) == 1
    name = together.label if single else f"{together.label}, protocol {protocol}"
    return Plate(
        stem("predictivity-display", name),
        f"Predictivity against the assumed size of the images: {name}",
        "",
        tuple(found),
        "The best layer at each size, chosen by the splits that are drawn (filled, or dashed and "
        f"open); mean and sd over splits. {_about_rings(extra)}Sizes: {sizes(runs)}. "
        f"{methods_of(runs, together)}",
        f"Predictivity of the best layer against assumed size, "
        f"{degrees(displays(runs)[0])} to {degrees(displays(runs)[-1])}. {found[0]}",
        figure,
        numbers,
    )


def _has_a_choice(run: Run, strict: Sequence[Run]) -> bool:
    return run in strict and not run.flat


def _lines(runs: Sequence[Run]) -> list[list[Run]]:
    """Sort runs into lines, each from the smallest size on."""
    lines: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        lines.setdefault((run.label, run.settings.get("grouped")), []).append(run)
    return [sorted(line, key=lambda run: run.display or 0.0) for line in lines.values()]


def _rows(runs: Sequence[Run], series: str, scores: Sequence) -> pd.DataFrame:
    parts = [
        rows("a", "measured", run.label, series, [run.display or 0.0], [score.value], score.error)
        .assign(layer=str(score.settings.get("layer", "")), **conditions(run))
        for run, score in zip(runs, scores, strict=True)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"x": [], "y": []})


def _about_rings(extra: Sequence[Line2D]) -> str:
    if not extra:
        return ""
    return (
        "Large open marks: the layer was chosen in each split by images that are not tested on, so "
        "that the luck of the best is not counted. "
    )
