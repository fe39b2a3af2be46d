"""The layer that stands for a network where there are many, and how these are drawn."""

from collections.abc import Mapping
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from striate.report.crowd import Crowd, crowd
from striate.report.known import MIDDLE, SCORES, Key, Known, key_of
from striate.report.tuning.drawing import DEPTH, same_layers
from striate.report.tuning.findings import SCORE
from striate.report.tuning.found import Layer, Network, Together, best_layer

FREQUENCY = "median_log2_frequency"


class Chosen(NamedTuple):
    """A network, the layer that stands for it, and what makes it that layer."""

    network: Network
    layer: Layer
    rule: str


def chosen_layers(together: Together, known: Mapping[Key, Known]) -> list[Chosen]:
    """Return the layer of each network that predicts V1 best; else the one that is most like V1.

    Where neither is known, it is the one in the middle of those measured.
    """
    made = []
    for one in together.networks:
        about = known.get(key_of(one.settings), Known())
        named = [layer for layer in one.layers if layer.name == about.layer and layer.curves]
        best = best_layer(one)
        answered = [layer for layer in one.layers if layer.curves]
        if named:
            made.append(Chosen(one, named[0], about.rule))
        elif best is not None:
            made.append(Chosen(one, best, SCORES))
        elif answered:
            made.append(Chosen(one, answered[len(answered) // 2], MIDDLE))
    return made


def crowd_of(together: Together, known: Mapping[Key, Known]) -> Crowd:
    """Sort networks into groups; those with the highest and the lowest score are named.

    Where there are no scores, it is the frequency that the median channel prefers.
    """
    name = SCORE if together.in_degrees else FREQUENCY
    values = {
        one.network.label: one.layer.scores[name].value
        for one in chosen_layers(together, known)
        if name in one.layer.scores
    }
    robust = {
        one.label: known.get(key_of(one.settings), Known()).robust for one in together.networks
    }
    return crowd(robust, values, "score" if name == SCORE else "frequency")


def name_depth(axes: Axes, together: Together) -> None:
    """Label the x axis by number of layer, or by depth where networks have other layers."""
    alike = same_layers(together)
    axes.set_xlabel("layer, counted from 0" if alike else DEPTH)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=alike))
