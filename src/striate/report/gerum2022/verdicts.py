"""What a judgement of a claim is, how several make one, and how its numbers are written."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from striate.report.gerum2022.evidence import Evidence, widening

REPRODUCED, NOT, OPEN = "reproduced", "not reproduced", "could not tell"
WEAK, STRONG = 0.1, 1.0
NAMES = {"none": "clean", "fgsm": "FGSM", "pgd": "PGD"}

Range = tuple[float, float]


class Judgement(NamedTuple):
    """A verdict, and the numbers it rests on."""

    verdict: str
    numbers: str


Rule = Callable[[Evidence], Judgement]


def every(*rules: Rule) -> Rule:
    """Judge by several rules: not reproduced by one is not, reproduced takes all.

    So what speaks against a claim is looked for in each, and has to exceed the margin of as many.
    """

    def judge(evidence: Evidence) -> Judgement:
        shared = evidence._replace(together=evidence.together * len(rules))
        found = [rule(shared) for rule in rules]
        verdicts = {judgement.verdict for judgement in found}
        verdict = NOT if NOT in verdicts else OPEN if OPEN in verdicts else REPRODUCED
        return Judgement(verdict, "; ".join(judgement.numbers for judgement in found))

    return judge


def everywhere(
    rule: Callable[..., Rule],
    attacks: tuple[str, ...],
    betas: tuple[float, ...],
    *words: Range | float,
) -> Rule:
    """Judge by the same rule under each attack and with each β."""
    return every(*(rule(attack, beta, *words) for attack in attacks for beta in betas))


def decide(
    evidence: Evidence, gap: float, margin: float, looks: tuple[int, int] = (1, 1)
) -> tuple[str, float]:
    """Tell a difference that counts from one that does not; NaN never does.

    Parameters
    ----------
    gap, margin
        A difference, above 0 where it speaks for the claim, and the margin of one difference alone.
    looks
        How many differences would each have done by itself: for the claim, and against it.

    Returns
    -------
        The verdict, and the margin that `gap` has to exceed on its side.
    """
    count = looks[0] if gap > 0 else looks[1] * evidence.together
    wide = margin * widening(evidence, count)
    if gap > wide:
        return REPRODUCED, wide
    if gap < -wide:
        return NOT, wide
    return OPEN, wide


def unknown(attack: str, beta: float, why: str) -> Judgement:
    """Leave a claim open, and say why."""
    return Judgement(OPEN, f"{where(attack, beta)}: {why}")


def where(attack: str, beta: float) -> str:
    """Name the cells that are spoken of."""
    return f"{NAMES[attack]}, β = {beta:g}"


def points_of(gap: float, margin: float) -> str:
    """Write a difference in percentage points with the margin beyond which it counts."""
    told = f"{100 * gap:+.2f} points without a margin"
    if not np.isnan(margin):
        told = f"{100 * gap:+.2f} ± {100 * margin:.2f} points"
    return told.replace("-", "−")


def range_of(here: Range) -> str:
    """Write a range of α, which may be open at one end."""
    low, high = here
    if not np.isfinite(low):
        return f"α up to {high:g}"
    return f"α from {low:g} on" if not np.isfinite(high) else f"α in {low:g}–{high:g}"
