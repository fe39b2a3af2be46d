"""What the spectra say, in sentences computed from their numbers."""

from collections.abc import Iterable, Sequence

import numpy as np

from striate.report.names import called
from striate.report.spectra.found import (
    Comparison,
    Found,
    Layer,
    Match,
    Population,
    Together,
    window,
)
from striate.report.spectra.words import alpha_of, bound_of
from striate.report.words import extremes, listed, minus, plural, span
from striate.results import Score

# Where the interval for infinitely many stimuli is one (docs/alpha-interval.md): from this α on,
# and if the window ends at a tenth of the stimuli or before.
LEAST_ALPHA, PART = 0.8, 10
CROSS, PLAIN = "cvPCA", "PCA of the trial mean"


def findings(found: Found) -> list[str]:
    """Say of recordings, of each set of few networks and of each comparison what was found."""
    sentences = of_populations(found.populations)[:1] if found.populations else []
    for together in found.together:
        sentences += of_networks(together)
    sentences += [sentence for one in found.comparisons for sentence in of_comparison(one)[:1]]
    return sentences


def of_populations(populations: Sequence[Population]) -> list[str]:
    """Say where the exponents of recordings lie, and what cross-validation changes."""
    pairs = [(one.label, one.alphas.get(CROSS), one.alphas.get(PLAIN)) for one in populations]
    known = [(name, cross) for name, cross, _ in pairs if cross is not None]
    if not known:
        return ["No cross-validated exponent was measured."]
    low, high = extremes(known)
    where = (
        f"is {alpha_of(known[0][1])}"
        if len(known) == 1
        else f"lies between {alpha_of(low[1])} ({low[0]}) and {alpha_of(high[1])} ({high[0]})"
    )
    first = (
        f"The cross-validated α of {fits_of(populations)} {where}; "
        f"{_beside_theory([score for _, score in known])}."
    )
    both = [(cross, plain) for _, cross, plain in pairs if cross is not None and plain is not None]
    if not both:
        return [first]
    gaps = [cross.value - plain.value for cross, plain in both]
    return [
        first,
        f"α is larger with cross-validation than without in {sum(gap > 0 for gap in gaps)} of "
        f"{len(gaps)}; the mean difference is {minus(f'{np.mean(gaps):+.2f}')}.",
    ]


def fits_of(populations: Sequence[Population]) -> str:
    """Count recorded populations, and how often they were measured if that is more."""
    count = len({one.source for one in populations})
    often = f", measured in {len(populations)} ways," if len(populations) > count else ""
    return plural(count, "recorded population") + often


def of_networks(together: Together) -> list[str]:
    """Say how α goes through each network, and which network has the larger one."""
    sentences = []
    for network in together.networks:
        known = fitted(network.layers)
        if not known:
            sentences.append(f"{network.label}: no layer was wide enough for an exponent.")
            continue
        if len(known) == 1:
            ((layer, alpha),) = known
            sentences.append(f"{network.label}: α is {alpha_of(alpha)} in {layer}.")
            continue
        low, high = extremes(known)
        values = [score.value for _, score in known]
        sentences.append(
            f"{network.label}, {plural(len(known), 'layer')}: α lies between {alpha_of(low[1])} "
            f"({low[0]}) and {alpha_of(high[1])} ({high[0]}), median "
            f"{minus(f'{np.median(values):.2f}')}."
        )
    return [*sentences, *_between(together)]


def fitted(layers: Iterable[Layer]) -> list[tuple[str, Score]]:
    """Return the layers that have an exponent, with it."""
    return [(called(one.name), one.scores["alpha"]) for one in layers if "alpha" in one.scores]


def of_comparison(comparison: Comparison) -> list[str]:
    """Say how many layers differ from the recording, and which comes nearest."""
    matches = comparison.matches
    apart = [one for one in matches if not _covers(one.difference, 0.0)]
    less = sum(one.difference.value < 0 for one in apart)
    nearest = min(matches, key=lambda one: abs(one.difference.value))
    first = (
        f"Under the conditions of {comparison.label} (α = {alpha_of(comparison.alpha)}), "
        f"{len(apart) or 'none'} of {plural(len(matches), 'layer')} "
        f"{'differs' if len(apart) == 1 else 'differ'} from it by more than the interval"
    )
    sides = f" ({less} with a smaller α, {len(apart) - less} with a larger one)" if apart else ""
    rest = (
        f"; nearest is {called(nearest.layer)} of {nearest.network}, "
        f"{_gap(nearest)} ± {nearest.difference.error or 0:.2f}."
    )
    return [first + sides + rest, *(_per_network(name, matches) for name in _networks(matches))]


def _between(together: Together) -> list[str]:
    """Compare the first network with each other one, by layer where they have the same."""
    first, *others = together.networks
    ours = dict(fitted(first.layers))
    sentences = []
    for other in others:
        theirs = dict(fitted(other.layers))
        if not ours or not theirs:
            continue
        if [one.name for one in first.layers] == [one.name for one in other.layers]:
            gaps = [ours[name].value - theirs[name].value for name in ours if name in theirs]
            sentences.append(_exceeds(first.label, other.label, gaps))
        else:
            medians = [np.median([s.value for s in side.values()]) for side in (ours, theirs)]
            sentences.append(
                f"The median α over layers is {minus(f'{medians[0]:.2f}')} in {first.label} and "
                f"{minus(f'{medians[1]:.2f}')} in {other.label}; they have different layers."
            )
    return sentences


def _exceeds(one: str, other: str, gaps: Sequence[float]) -> str:
    """Compare layer by layer, the network with the larger mean first."""
    if np.mean(gaps) < 0:
        return _exceeds(other, one, [-gap for gap in gaps])
    count = sum(gap > 0 for gap in gaps)
    return (
        f"α of {one} exceeds that of {other} in {count} of {plural(len(gaps), 'layer')}, by "
        f"{np.mean(gaps):.2f} in the mean."
    )


def _beside_theory(scores: Sequence[Score]) -> str:
    """Say where the exponents of infinitely many stimuli, of which theory speaks, lie to its bound.

    Older results do not have their intervals.
    """
    there = [(score, ends) for score in scores if (ends := _corrected(score)) is not None]
    known = [(score, ends) for score, ends in there if _trusted(score)]
    if not there:
        return "the interval for infinitely many stimuli, of which theory speaks, is not known"
    why = (
        f"α is below {LEAST_ALPHA:g}, or the window ends beyond a tenth of the stimuli, where it "
        "is not to be trusted"
    )
    if not known:
        return f"no interval for infinitely many stimuli, of which theory speaks, is counted: {why}"
    left = len(there) - len(known)
    rest = f" ({left} {'is' if left == 1 else 'are'} not counted: {why})" if left else ""
    bounds = [bound_of(score.settings)[0] for score, _ in known]
    above = sum(low > bound for (_, (low, _)), bound in zip(known, bounds, strict=True))
    below = sum(high < bound for (_, (_, high)), bound in zip(known, bounds, strict=True))
    if len(known) == 1:
        side = "lies above" if above else "lies below" if below else "holds"
        low, high = (f"{end:.2f}" for end in known[0][1])
        between = minus(f"{low} to {high}")
        return (
            f"the interval for infinitely many stimuli, {between}, {side} theory's bound "
            f"{bounds[0]:g}{rest}"
        )
    return (
        "of the intervals for infinitely many stimuli, "
        f"{_counted(above, 'lie')} above theory's bound, "
        f"{_counted(len(known) - above - below, 'hold')} it and {_counted(below, 'lie')} below"
        f"{rest}"
    )


def _trusted(score: Score) -> bool:
    """Say whether the interval for infinitely many stimuli means anything for such an exponent."""
    ends, stimuli = window(score.settings), score.settings.get("stimuli")
    return (
        score.value >= LEAST_ALPHA
        and ends is not None
        and isinstance(stimuli, int | float)
        and PART * ends[1] <= stimuli
    )


def _corrected(score: Score) -> tuple[float, float] | None:
    low, high = score.settings.get("corrected_low"), score.settings.get("corrected_high")
    if isinstance(low, int | float) and isinstance(high, int | float):
        return low, high
    return None


def _counted(count: int, verb: str) -> str:
    return f"{count or 'none'} {verb}{'s' if count == 1 else ''}"


def _per_network(name: str, matches: Sequence[Match]) -> str:
    mine = [one for one in matches if one.network == name]
    gaps = [one.difference.value for one in mine]
    layers = listed(called(one.layer) for one in mine)
    where = f"{'over' if len(mine) > 1 else 'in'} {layers}"
    return f"{name}: α less the recording's is {span(gaps, 2)} {where}."


def _networks(matches: Sequence[Match]) -> list[str]:
    return list(dict.fromkeys(one.network for one in matches))


def _gap(match: Match) -> str:
    return minus(f"{match.difference.value:+.2f}")


def _covers(score: Score, value: float) -> bool:
    low, high = score.settings.get("low"), score.settings.get("high")
    if isinstance(low, int | float) and isinstance(high, int | float):
        return low <= value <= high
    return score.error is not None and abs(score.value - value) <= score.error
