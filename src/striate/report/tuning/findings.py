"""What the tuning of channels says, in sentences computed from its numbers."""

from collections.abc import Mapping, Sequence

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
from striate.report.tuning.words import number, score_of
from striate.report.words import extremes, first_few, listed, plural
from striate.results import Curve, Score

SCORE, BY_FIELD = "frequency_score", "frequency_score_by_field"
PREFERRED, ORIENTATION = "preferred_frequency", "preferred_orientation"
FREQUENCY = "median_log2_frequency"
MOST = "frequency that most channels prefer"
MOST_NAMED = 3  # layers that are alike


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
            tops.append(max(score.value for _, score in known))
            sentences.append(f"{network.label}, {plural(len(known), 'layer')}: {_ranking(known)}.")
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
            own = network.settings.get("field_deg")
            instead = f"not {own:.3g}° but " if isinstance(own, int | float) else ""
            sentences.append(
                f"{network.label}, {called(layer.name)}: were an image said to span {instead}"
                f"{curve.x[0]:g}° to {curve.x[-1]:g}°, the score would lie between "
                f"{curve.y[low]:.3f} (at {curve.x[low]:.3g}°) and {curve.y[high]:.3f} "
                f"(at {curve.x[high]:.3g}°)."
            )
    return sentences


def most_preferred(network: Network, together: Together) -> list[str]:
    """Say which frequency most channels prefer in the first layer, and in the last."""
    there = [layer for layer in network.layers if PREFERRED in layer.curves]
    ends = [there[0], there[-1]] if len(there) > 1 else there
    modes = [_mode(layer, together) for layer in ends]
    if all(single for _, single in modes):
        way = "goes from " if len(modes) > 1 else "is "
        return [f"The {MOST} {way}{' to '.join(text for text, _ in modes)}."]
    parts = [f"the {MOST} is {text}" if single else text for text, single in modes]
    said = "; ".join(parts)
    return [f"{said[0].upper()}{said[1:]}."]


def of_orientations(there: Sequence[tuple[Network, Sequence[Layer]]]) -> list[str]:
    """Say in which layer of each network most channels prefer one orientation, and of ties that."""
    sentences = []
    for network, layers in there:
        curves = {called(layer.name): layer.curves[ORIENTATION] for layer in layers}
        most = max(share for curve in curves.values() for share in curve.y)
        angles = {name: first for name, curve in curves.items() if (first := _level(curve, most))}
        (name, first), *others = angles.items()
        if not others and len(first) == 1:
            said = f"are most alike in {name}, where {_percent(most)} prefer about {first[0]:.3g}°"
            sentences.append(f"{network.label}: channels {said}.")
        else:
            said = f"at most {_percent(most)} of the channels of a layer prefer one orientation"
            sentences.append(f"{network.label}: {said}{_which(angles)}.")
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
    if f"{abs(np.mean(gaps)):.3f}" == "0.000":
        return (
            f"In the mean over {plural(len(gaps), 'layer')} the scores of {one} and {other} are "
            "alike."
        )
    if np.mean(gaps) < 0:
        return _exceeds(other, one, [-gap for gap in gaps])
    count = sum(gap > 0 for gap in gaps)
    return (
        f"The score of {one} exceeds that of {other} in {count} of {plural(len(gaps), 'layer')}, "
        f"by {np.mean(gaps):.3f} in the mean."
    )


def _ranking(known: Sequence[tuple[str, Score]]) -> str:
    """Say which layer is most like V1 and which least, as far as errors tell them apart."""
    low, high = extremes(known)
    first = f"{high[0]} is most like V1, with a score of {score_of(high[1])}"
    if len(known) == 1:
        return first
    near, far = (_near(one, known) for one in (high, low))
    if low[0] not in (high[0], *near):
        return f"{first}{_so_are(near)}; {low[0]} least, {score_of(low[1])}{_so_are(far)}"
    ends = [score_of(score) for _, score in (low, high)]
    if ends[0] == ends[1]:
        return f"all are alike, with a score of {ends[1]}"
    return (
        f"all are alike within the errors, with scores of {ends[0]} ({low[0]}) to {ends[1]} "
        f"({high[0]})"
    )


def _near(one: tuple[str, Score], known: Sequence[tuple[str, Score]]) -> list[str]:
    """Name the others whose errors overlap that of `one`, or that are written as it is."""
    name, mine = one
    return [
        other
        for other, score in known
        if other != name
        and (
            abs(mine.value - score.value) <= (mine.error or 0) + (score.error or 0)
            or score_of(mine) == score_of(score)
        )
    ]


def _so_are(names: Sequence[str]) -> str:
    if not names:
        return ""
    who = listed(names) if len(names) <= MOST_NAMED else f"{len(names)} others"
    return f" (within the errors so {'is' if len(names) == 1 else 'are'} {who})"


def _mode(layer: Layer, together: Together) -> tuple[str, bool]:
    """Say what most channels of a layer prefer, and whether that is a single frequency."""
    curve, name = layer.curves[PREFERRED], called(layer.name)
    most = max(curve.y)
    level = _level(curve, most)
    if len(level) == 1:
        return f"{number(level[0])} {unit_of(together)} ({_percent(most)}) in {name}", True
    return f"{len(level)} frequencies tie in {name}, with {_percent(most)} each", False


def _level(curve: Curve, most: float) -> list[float]:
    """Return where a curve, of shares of channels, is as high as `most`."""
    return [x for x, y in zip(curve.x, curve.y, strict=True) if most - y < 1e-9]


def _which(angles: Mapping[str, Sequence[float]]) -> str:
    """Say which angles as many channels prefer, by layer, or in how many layers there are such."""
    if len(angles) > MOST_NAMED:
        return f", in {len(angles)} layers"
    parts = [
        f"about {some[0]:.3g}° in {name}" if len(some) == 1 else f"each of {len(some)} in {name}"
        for name, some in angles.items()
    ]
    return f": {', '.join(parts)}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\u00a0%"
