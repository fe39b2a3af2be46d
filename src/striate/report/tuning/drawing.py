"""What the figures of tuning share: colours of networks, axes of layers and of frequencies."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from striate.report.drawing import COLOURS, DASHES, MARKS, clipped, rows, stacked
from striate.report.figures import INK, RULE, Look, draw
from striate.report.tuning.found import Layer, Together
from striate.results import Score
from striate.results.nouns import ends_of

LONGEST = 6  # characters of a layer's name that fit without turning it
MOST_NAMES = 8  # that fit beside each other
DEPTH = "relative depth: first layer measured 0, last 1"


def network_looks(together: Together) -> dict[str, Look]:
    """Give each network a colour and a mark; after six, other dashes."""
    return {
        one.label: {
            "color": COLOURS[i % len(COLOURS)],
            "marker": MARKS[i % len(MARKS)],
            "linestyle": DASHES[i // len(COLOURS) % len(DASHES)],
        }
        for i, one in enumerate(together.networks)
    }


def same_layers(together: Together) -> bool:
    """Say whether the networks have the same layers, so that names can stand on the axis."""
    return len({tuple(layer.name for layer in one.layers) for one in together.networks}) == 1


def layer_rows(
    letter: str, together: Together, chosen: Callable[[Layer], Score | None]
) -> pd.DataFrame:
    """Return a score of each layer that has it, with the number of its channels.

    `of` is the network, `series` the layer's short name, `x` the layer's number, or its depth where
    networks have other layers. The ends of intervals are `low` and `high`, if any are known.
    """
    parts = []
    same = same_layers(together)
    for network in together.networks:
        count = len(network.layers)
        where = range(count) if same else np.linspace(0, 1, count)
        there = [
            (layer.name, float(x), score)
            for layer, x in zip(network.layers, where, strict=True)
            if (score := chosen(layer)) is not None
        ]
        if there:
            names, xs, scores = zip(*there, strict=True)
            y = [score.value for score in scores]
            error = [np.nan if score.error is None else score.error for score in scores]
            counts = [_number(score) for score in scores]
            named = (letter, "measured", network.label, list(names))
            ends = [ends_of(score) or (np.nan, np.nan) for score in scores]
            low, high = zip(*ends, strict=True)
            parts.append(rows(*named, xs, y, error, counts).assign(low=low, high=high))
    made = stacked(parts)
    unknown = [name for name in ("low", "high") if name in made and made[name].isna().all()]
    return made.drop(columns=unknown)


def layer_panel(
    axes: Axes, table: pd.DataFrame, together: Together, looks: dict[str, Look], *, bands: bool
) -> None:
    """Draw the rows of `layer_rows`, a line per network; errors as bands or as bars."""
    for label, part in table.groupby("of", sort=False):
        look = looks[str(label)]
        line = part.assign(series=label, beta=np.nan, target=np.nan)
        if bands and len(part) > 1:  # one point has no band
            shown = {key: look[key] for key in ("color", "linestyle")}
            draw(axes, line, lambda beta, target: INK, dots=False, looks={str(label): shown})
            dots = {**look, "linestyle": "none", "markersize": 4.2, "zorder": 4}
            axes.plot(line["x"], line["y"], label=f"_{label}", **dots)
        else:
            draw(axes, line, lambda beta, target: INK, dots=True, looks={str(label): look})
    axes.margins(y=0.12)


def name_layers(axes: Axes, together: Together) -> None:
    """Label the x axis by layers, or by depth where networks have other layers."""
    if not same_layers(together):
        axes.set_xlabel(DEPTH)
        axes.set_xlim(-0.04, 1.04)
        return
    names = [clipped(layer.label) for layer in together.networks[0].layers]
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.4, len(names) - 0.6)
    if max(map(len, names)) > LONGEST or len(names) > MOST_NAMES:
        axes.tick_params(axis="x", labelrotation=90, labelsize=7)
    axes.set_xlabel("layer")


def frequency_axis(axes: Axes, low: float, high: float, *, vertical: bool = False) -> None:
    """Make an axis of frequencies logarithmic, with a label per octave."""
    octaves = 2.0 ** np.arange(np.ceil(np.log2(low)), np.floor(np.log2(high)) + 1)
    axes.set(**{"yscale" if vertical else "xscale": "log"})
    axis = axes.yaxis if vertical else axes.xaxis
    axis.set_major_locator(FixedLocator(octaves.tolist()))
    axis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axes.set(**{"ylim" if vertical else "xlim": (low, high)})


def picture(axes: Axes, pixels: np.ndarray) -> None:
    """Show an image, with its own pixels, and a thin frame."""
    # Not resampled: a fine grating would get other stripes.
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="none")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=RULE)


def _number(score: Score) -> float:
    """Return the number of channels that a score is of, if it says."""
    count = score.settings.get("measured", score.settings.get("selected"))
    return float(count) if isinstance(count, int | float) else np.nan
