"""The verdict: whether a robust accuracy is real."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch

from striate.robustness.probing import Probe
from striate.robustness.warning_signs import Sign

Word = Literal["robust", "masked", "undecided", "none"]

# Share of the images that the plain attack leaves which stronger searches may take.
TAKEN = 0.25
# Accuracy above the reference that is too little to speak of.
NEGLIGIBLE = 0.05
# Of each interval's end: at 99 %, a baseline measured on as many images is passed by chance in one
# of twenty, as its own error is as large again (2.326 / sqrt 2 = 1.645).
CONFIDENCE = 0.99
# Share of images without gradient that is put up with.
FEW = 0.01
PROOFS = ("flat over eps", "random search wins")


class Verdict(NamedTuple):
    """What a robust accuracy is worth.

    Attributes
    ----------
    word
        ``"robust"``, ``"masked"``, ``"undecided"`` or ``"none"``.
    reason
        Why, in a sentence with the numbers.
    plain
        Accuracy under the plain attack.
    worst
        Share of images that withstand every probe.
    """

    word: Word
    reason: str
    plain: float
    worst: float


def verdict(
    probes: Sequence[Probe],
    signs: Sequence[Sign],
    *,
    classes: int,
    baseline: float | None = None,
) -> Verdict:
    """Judge whether the accuracy that a plain attack leaves is real.

    In this order, each comparison by the exact binomial interval of one-sided confidence 99 %
    (Clopper and Pearson):

    1. The reference is guessing, ``1 / classes``, or `baseline` if that is higher. If the plain
       accuracy may be at or below it, no robustness is claimed: ``"none"`` if it is also less than
       0.05 above it, else ``"undecided"``, as there are too few images to tell.
    2. ``"masked"`` if the sign *flat over eps* or *random search wins* is raised (each shows the
       attack to have missed what is there), or if, of the images that the plain attack left, the
       other probes together take more than a quarter.
    3. ``"undecided"`` if that share may lie on either side of a quarter; or if another sign is
       raised, for then the probes may have failed as well. Images without gradient are put up
       with if they are at most one in a hundred.
    4. ``"robust"``: the share is below a quarter and nothing speaks against it.

    A verdict is about these probes: a stronger one may still be found.

    Parameters
    ----------
    probes
        From `striate.robustness.probes`.
    signs
        From `striate.robustness.signs`, in the same ball and on images of the same kind.
    classes
        Among which the model chooses.
    baseline
        Accuracy of the network without a defence under the same plain attack, on at least as many
        images. Without it, the verdict is on the accuracy alone: one that is above guessing in a
        small ball can be real without any defence.

    Raises
    ------
    ValueError
        If there is no plain probe or no other one, if the probes are not of the same images, if one
        of the two signs of rule 2 was not looked for, or if a number is out of range.
    """
    outcomes = _checked(probes, classes, baseline)
    absent = [name for name in PROOFS if name not in {sign.name for sign in signs}]
    if absent:
        raise ValueError(f"signs lack {' and '.join(map(repr, absent))}; give those of `signs`")
    images, plain = outcomes[0].numel(), int(outcomes[0].sum())
    worst = int(torch.stack(outcomes).all(0).sum())
    word, reason = _judged(images, plain, worst, signs, 1 / classes, baseline)
    return Verdict(word, reason, plain / images, worst / images)


def _checked(probes: Sequence[Probe], classes: int, baseline: float | None) -> list[torch.Tensor]:
    """Return the outcomes, those of the plain attack first."""
    names = [probe.name for probe in probes]
    if names.count("plain") != 1:
        raise ValueError(f"probes are {', '.join(names) or 'none'}; one of them must be 'plain'")
    if len(probes) < 2:
        raise ValueError("probes hold the plain attack alone; give a stronger one to judge it by")
    counts = {len(probe.outcomes) for probe in probes}
    if len(counts) > 1 or 0 in counts:
        raise ValueError(
            f"probes of {sorted(counts)} images; give those of the same ones, not none"
        )
    if classes < 2:
        raise ValueError(f"classes={classes}; there are at least 2 to choose from")
    if baseline is not None and not 0 <= baseline <= 1:
        raise ValueError(f"baseline={baseline}; an accuracy lies in [0, 1]")
    ordered = sorted(probes, key=lambda probe: probe.name != "plain")
    return [probe.outcomes.cpu() for probe in ordered]


def _judged(
    images: int,
    plain: int,
    worst: int,
    signs: Sequence[Sign],
    guessing: float,
    baseline: float | None,
) -> tuple[Word, str]:
    if baseline is not None and baseline >= guessing:
        reference, whose = baseline, "the baseline's"
    else:
        reference, whose = guessing, "guessing's"
    low, high = _interval(plain, images)
    against = f"plain accuracy {plain / images:.3f} against {whose} {reference:.3f}"
    if low <= reference and high < reference + NEGLIGIBLE:
        return "none", f"no robustness is claimed: {against}"
    if low <= reference:
        few = f"{images} images leave {low:.3f} to {high:.3f}"
        return "undecided", f"too few images to tell: {against}; {few}"
    proofs = [sign.name for sign in signs if sign.raised and sign.name in PROOFS]
    if proofs:
        return "masked", f"the attack has failed: {' and '.join(proofs)}"
    low, high = _interval(plain - worst, plain)
    taken = f"stronger searches take {plain - worst} of the {plain} images the plain attack left"
    if low > TAKEN:
        return "masked", taken
    if high >= TAKEN:
        return "undecided", f"{taken}, {low:.0%} to {high:.0%}, with {TAKEN:.0%} in between"
    doubts = [sign.name for sign in signs if sign.raised and not _put_up_with(sign)]
    if doubts:
        return "undecided", f"{taken}, but they may have failed too: {' and '.join(doubts)}"
    return "robust", taken


def _put_up_with(sign: Sign) -> bool:
    return sign.name == "zero gradients" and sign.measured <= FEW


def _interval(successes: int, trials: int) -> tuple[float, float]:
    from scipy.stats import binomtest

    found = binomtest(successes, trials).proportion_ci(confidence_level=2 * CONFIDENCE - 1)
    return float(found.low), float(found.high)
