"""What the tuning of channels says, in sentences computed from its numbers."""

from collections.abc import Sequence

import numpy as np

from striate.report.names import called
from striate.report.tuning.found import (
    Key,
    Layer,
    Network,
    Together,
    best_layer,
    photographs,
    unit_of,
)
from striate.report.tuning.published import SCORES, v1_cells
from striate.report.tuning.words import fields_of, number, score_of
from striate.report.words import extremes, first_few, listed, plural
from striate.results import Score

SCORE, BY_FIELD = "frequency_score", "frequency_score_by_field"
PREFERRED, ORIENTATION = "preferred_frequency", "preferred_orientation"
FREQUENCY = "median_log2_frequency"


def findings(there: Sequence[Together]) -> list[str]:
    """Say of each set of networks what was found, and of which if there are several."""
    sentences: list[str] = []
    for together in there:
        said = [
            *of_scores(together),
            *of_fields(together)[:1],
            *of_medians(together),
            *(one for seen in photographs(together) for one in of_components(together, seen)),
        ]
        prefix = f"{together.label}: " if len(there) > 1 else ""
        sentences += [prefix + one for one in said]
    return list(dict.fromkeys(sentences)) or ["No channel answered to the stimuli."]


def of_scores(together: Together) -> list[str]:
    """Say how the score goes through each network, and which network has the larger one."""
    sentences, tops = [], []
    for network in _by_score(together):
        known = _known(network.layers, SCORE)
        if known:
            low, high = extremes(known)
            tops.append(high[1].value)
            tied = len(known) > 1 and low[1].value == high[1].value
            sentences.append(
                f"{network.label}, {plural(len(known), 'layer')}: "
                + (
                    f"all are alike, with a score of {score_of(high[1])}."
                    if tied
                    else f"{high[0]} is most like V1, with a score of {score_of(high[1])}"
                    + (f"; {low[0]} least, {score_of(low[1])}." if len(known) > 1 else ".")
                )
            )
    if not sentences:
        return []
    least = min(SCORES, key=lambda one: one.score)
    enough = sum(top >= least.score for top in tops)
    who = (
        f"{enough or 'None'} of {len(tops)} networks {'has' if enough == 1 else 'have'} a layer"
        if len(tops) > 1
        else f"It {'has a' if enough else 'has no'} layer"
    )
    return [
        *first_few(sentences, "networks score less"),
        *first_few(_between(together), "comparisons are in the table"),
        f"{who} that scores at least {least.score}, the lowest of the published ({least.network}).",
    ]


def of_networks(together: Together) -> list[str]:
    """Say of each network's most V1-like layer how many channels prefer the extreme frequency."""
    cells = v1_cells()
    sentences = []
    for network in together.networks:
        layer = best_layer(network)
        if layer is not None and PREFERRED in layer.curves:
            curve = layer.curves[PREFERRED]
            inside = np.searchsorted(cells.edges_cpd, curve.x[-1], side="right") - 1
            theirs = cells.shares[inside] if 0 <= inside < len(cells.shares) else 0.0
            sentences.append(
                f"{network.label}, {called(layer.name)}: score {score_of(layer.scores[SCORE])}; "
                f"{_percent(curve.y[-1])} of its channels prefer the highest frequency shown, "
                f"{number(curve.x[-1])} cpd, and {_percent(theirs)} of V1 cells its bin."
            )
    return sentences


def of_fields(together: Together) -> list[str]:
    """Say how far the score depends on the degrees that an image is said to span."""
    sentences = []
    for network in together.networks:
        layer = best_layer(network)
        if layer is not None and BY_FIELD in layer.curves:
            curve = layer.curves[BY_FIELD]
            low, high = int(np.argmin(curve.y)), int(np.argmax(curve.y))
            sentences.append(
                f"{network.label}, {called(layer.name)}: were an image said to span not "
                f"{fields_of(together)}° but {curve.x[0]:g}° to {curve.x[-1]:g}°, the score would "
                f"lie between {curve.y[low]:.3f} (at {curve.x[low]:.3g}°) and {curve.y[high]:.3f} "
                f"(at {curve.x[high]:.3g}°)."
            )
    return sentences


def most_preferred(network: Network, together: Together) -> list[str]:
    """Say which frequency most channels prefer in the first layer, and in the last."""
    there = [layer for layer in network.layers if PREFERRED in layer.curves]
    ends = [there[0], there[-1]] if len(there) > 1 else there
    parts = [f"{_mode(layer, together)} in {called(layer.name)}" for layer in ends]
    way = "goes from " if len(parts) > 1 else "is "
    return [f"The frequency that most channels prefer {way}{' to '.join(parts)}."]


def of_orientations(there: Sequence[tuple[Network, Sequence[Layer]]]) -> list[str]:
    """Say in which layer of each network most channels prefer one orientation."""
    sentences = []
    for network, layers in there:
        every = [
            (y, x, called(layer.name))
            for layer in layers
            for curve in (layer.curves[ORIENTATION],)
            for x, y in zip(curve.x, curve.y, strict=True)
        ]
        share, angle, layer = max(every, key=lambda one: one[0])
        sentences.append(
            f"{network.label}: channels are most alike in {layer}, where {_percent(share)} prefer "
            f"about {angle:.3g}°."
        )
    return sentences


def of_components(together: Together, seen: Key) -> list[str]:
    """Say in how many layers the preferred frequency of components rises with their rank."""
    sentences = []
    for network in together.networks:
        known = [
            (called(layer.name), rho)
            for layer in network.layers
            if seen in layer.ranks and (rho := layer.ranks[seen].rho) is not None
        ]
        if known:
            rising, falling = (
                sum(sign * rho.value > (rho.error or 0) for _, rho in known) for sign in (1, -1)
            )
            low, high = extremes(known)
            sentences.append(
                f"{network.label}: the preferred frequency of principal components rises with "
                f"rank in {rising or 'none'} of {plural(len(known), 'layer')} by more than the "
                f"interval and falls in {falling or 'none'}; ρ lies between {score_of(low[1], 2)} "
                f"({low[0]}) and {score_of(high[1], 2)} ({high[0]})."
            )
    few = first_few(sentences, "networks are in the figure and the table")
    return few or ["In no layer do components prefer different frequencies."]


def of_medians(together: Together) -> list[str]:
    """Say which frequency the median channel prefers in the first layer, and in the last."""
    sentences = []
    for network in together.networks:
        known = _known(network.layers, FREQUENCY)
        if known:
            ends = [known[0], known[-1]] if len(known) > 1 else known
            parts = [f"{number(2**score.value)} in {name}" for name, score in ends]
            sentences.append(
                f"{network.label}: the median channel prefers {listed(parts)} (cycles per image)."
            )
    few = first_few(sentences, "networks are in the figure and the table")
    return few or ["No layer has a median."]


def _by_score(together: Together) -> list[Network]:
    """Sort networks by the score of their layer most like V1, the highest first."""

    def top(network: Network) -> float:
        layer = best_layer(network)
        return -np.inf if layer is None else layer.scores[SCORE].value

    return sorted(together.networks, key=top, reverse=True)


def _known(layers: Sequence[Layer], name: str) -> list[tuple[str, Score]]:
    return [(called(layer.name), layer.scores[name]) for layer in layers if name in layer.scores]


def _between(together: Together) -> list[str]:
    """Compare the first network with each other one that has the same layers."""
    first, *others = together.networks
    ours = dict(_known(first.layers, SCORE))
    sentences = []
    for other in others:
        theirs = dict(_known(other.layers, SCORE))
        both = [name for name in ours if name in theirs]
        if both and [one.name for one in first.layers] == [one.name for one in other.layers]:
            gaps = [ours[name].value - theirs[name].value for name in both]
            sentences.append(_exceeds(first.label, other.label, gaps))
    return sentences


def _exceeds(one: str, other: str, gaps: Sequence[float]) -> str:
    """Compare layer by layer, the network with the larger mean first."""
    if np.mean(gaps) < 0:
        return _exceeds(other, one, [-gap for gap in gaps])
    count = sum(gap > 0 for gap in gaps)
    return (
        f"The score of {one} exceeds that of {other} in {count} of {plural(len(gaps), 'layer')}, "
        f"by {np.mean(gaps):.3f} in the mean."
    )


def _mode(layer: Layer, together: Together) -> str:
    curve = layer.curves[PREFERRED]
    place = int(np.argmax(curve.y))
    return f"{number(curve.x[place])} {unit_of(together)} ({_percent(curve.y[place])})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\u00a0%"
