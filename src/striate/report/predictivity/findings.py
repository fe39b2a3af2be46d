"""What predictivity says, in sentences computed from its numbers."""

from collections.abc import Iterable, Sequence

import numpy as np

from striate.report.names import called
from striate.report.predictivity.found import NESTED, Run, Together, alike, displays
from striate.report.predictivity.pairs import Pair, both_averaged, pairs
from striate.report.predictivity.words import (
    conditions_of,
    correlation,
    degrees,
    difference_of,
    named,
    signed,
    sizes,
)
from striate.report.words import MOST, first_few, listed, minus, plural


def findings(there: Sequence[Together]) -> list[str]:
    """Say of each recording what was found, of the first protocol where nothing else is said."""
    sentences = []
    for together in there:
        first = [run for run in together.runs if run.protocol == together.protocols[0]]
        kinds = [
            of_networks(together, first),
            of_pairs(together, pairs(together)),
            of_baselines(together, first),
            of_leak(together, first),
            of_nested(together, first),
            of_protocols(together, together.runs),
        ]
        prefix = f"{together.label}: " if len(there) > 1 else ""
        room = max(1, MOST // len(there))
        sentences += [prefix + one for kind in kinds for one in kind[:room]]
    return list(dict.fromkeys(sentences))


def of_networks(together: Together, runs: Sequence[Run]) -> list[str]:
    """Say of each network which layer predicts best and how well, over the assumed sizes."""
    sentences = []
    for mine in _by_label(_strict(runs)):
        top = max(mine, key=lambda run: run.score.value)
        raw = top.best.scores.get("predictivity_raw")
        about = f" (correlation before correction {minus(f'{raw.value:.3f}')})" if raw else ""
        of = f"{called(top.best.name)} predicts best of {plural(len(top.layers), 'layer')}, "
        text = f"{top.label}: {'' if top.flat else of}{correlation(top.score)}{about}"
        if len(displays(mine)) > 1:
            low = min(mine, key=lambda run: run.score.value)
            text += f" if images are {degrees(top.display)} wide; least, {correlation(low.score)}"
            text += f", if they are {degrees(low.display)}"
        sentences.append((top.score.value, f"{text}."))
    ordered = [text for _, text in sorted(sentences, key=lambda one: -one[0])]
    return first_few(ordered, "networks predict less")


def of_pairs(together: Together, there: Sequence[Pair]) -> list[str]:
    """Say by how much each pair differs, and how many neurons one network predicts better."""
    sentences = []
    for pair in there:
        about = conditions_of(pair.first, together)
        second = pair.second.label
        if pair.first.display != pair.second.display:
            second += f" at {degrees(pair.second.display)}"
        text = f"{pair.first.label} against {second}{about and f' ({about})'}: "
        said = [] if pair.difference is None else [difference_of(pair.difference)]
        both = both_averaged(pair.first, pair.second)
        if both is not None:
            ahead = int((both[0] > both[1]).sum())
            said.append(f"the first predicts {ahead} of {plural(len(both[0]), 'neuron')} better")
        if said:
            sentences.append(f"{text}{'; '.join(said)}.")
    return first_few(sentences, "comparisons are in predictivity_differences.csv")


def of_baselines(together: Together, runs: Sequence[Run]) -> list[str]:
    """Say how often a network's best layer predicts better than every baseline."""
    won, lost = 0, []
    for run in _strict(runs):
        rivals = [one for one in runs if one.baseline and alike(one, run)]
        if run.baseline or not rivals:
            continue
        best = max(rivals, key=lambda one: one.score.value)
        if run.score.value > best.score.value:
            won += 1
        else:
            lost.append(named(run, together))
    if not won + len(lost):
        return []
    total = plural(won + len(lost), "measurement")
    text = f"The best layer predicts better than every baseline in {won or 'none'} of {total}"
    names = [*lost[:MOST], "others"] if len(lost) > MOST else lost
    return [f"{text}, but not of {listed(names)}." if lost else f"{text}."]


def of_leak(together: Together, runs: Sequence[Run]) -> list[str]:
    """Say how much more predictive layers seem where siblings are on both sides of a split."""
    gaps = [
        (loose.score.value - strict.score.value, loose)
        for loose in runs
        for strict in runs
        if not loose.grouped and strict.grouped and alike(loose, strict, but=("grouped",))
        and loose.label == strict.label
    ]  # fmt: skip
    if not gaps:
        return []
    most, run = max(gaps, key=lambda one: one[0])
    mean = float(np.mean([gap for gap, _ in gaps]))
    only = "" if len(gaps) == 1 else f" in the mean of {len(gaps)} comparisons"
    size = f" at {degrees(run.display)}" if len(displays(runs)) > 1 else ""
    top = "" if len(gaps) == 1 else f", and at most by {signed(most)} ({run.label}{size})"
    return [
        "Split image by image, which lets siblings into the part to fit and the part to test, "
        f"scores of best layers change by {signed(mean)}{only}{top}."
    ]


def of_displays(together: Together, runs: Sequence[Run]) -> list[str]:
    """Say how far predictivity depends on the size that images are said to have."""
    sentences = []
    for mine in _by_label(_strict(runs)):
        low, high = (pick(mine, key=lambda run: run.score.value) for pick in (min, max))
        if len(displays(mine)) > 1:
            sentences.append(f"{low.label}: from {_at(low)} to {_at(high)}.")
    few = first_few(sentences, "networks are in the figure")
    return few or [f"Sizes: {sizes(runs)}; no network has several."]


def of_nested(together: Together, runs: Sequence[Run]) -> list[str]:
    """Say how much of the score is owed to choosing the layer by the images it is tested on."""
    gaps = [
        (run.scores[NESTED].value - run.score.value, run)
        for run in runs
        if NESTED in run.scores and not run.flat
    ]
    if not gaps:
        return []
    least, run = min(gaps, key=lambda one: one[0])
    values = [gap for gap, _ in gaps]
    if len(gaps) == 1:
        return [f"With the layer chosen by other images, {named(run, together)}: {signed(least)}."]
    return [
        f"With the layer chosen by other images, scores differ by {signed(float(np.mean(values)))} "
        f"in the mean of {len(gaps)}, and at most fall by {abs(min(least, 0.0)):.3f} "
        f"({named(run, together)})."
    ]


def of_protocols(together: Together, runs: Sequence[Run]) -> list[str]:
    """Say how far apart protocols are for one network under the same conditions."""
    sentences = []
    for mine in _by_label(runs):
        groups: dict[tuple[object, ...], list[Run]] = {}
        for run in mine:
            groups.setdefault((run.display, run.settings.get("grouped")), []).append(run)
        several = [group for group in groups.values() if len(group) > 1]
        if several:
            group = max(several, key=_range)
            parts = [f"“{run.protocol}” {correlation(run.score)}" for run in group]
            sentences.append(f"{named(group[0], together)}: {', '.join(parts)}.")
    return first_few(sentences, "networks are in the figure")


def _at(run: Run) -> str:
    score = minus(f"{run.score.value:.3f}")
    return f"{score} at {degrees(run.display)} ({called(run.best.name)})"


def _range(runs: Iterable[Run]) -> float:
    values = [run.score.value for run in runs]
    return max(values) - min(values)


def _strict(runs: Sequence[Run]) -> list[Run]:
    """Return runs with grouped splits, where there are any."""
    return [run for run in runs if run.grouped] or list(runs)


def _by_label(runs: Iterable[Run]) -> list[list[Run]]:
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.label, []).append(run)
    return [*groups.values()]
