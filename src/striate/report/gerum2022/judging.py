"""Rules by which a claim about accuracy and α is judged: reproduced, not, or could not tell.

Each is a function that makes a rule; its docstring says what decides. When a difference counts, and
its margin, is explained in `striate.report.gerum2022.evidence`; “any of” says that it is that of so
many differences. Too few networks never make a “reproduced”: where a claim is that there is no
difference, the one found has to lie within a tolerance together with its margin.
"""

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from striate.report.gerum2022.evidence import (
    Evidence,
    against_baseline,
    curve,
    difference,
    read_at,
    widening,
)
from striate.report.gerum2022.findings import percent
from striate.report.gerum2022.verdicts import (
    NAMES,
    NOT,
    OPEN,
    REPRODUCED,
    STRONG,
    WEAK,
    Judgement,
    Range,
    Rule,
    decide,
    points_of,
    range_of,
    unknown,
    where,
)

SAME = 0.02  # accuracies closer than this are called equal, as in the paper's figures by eye
LEVEL = 0.005  # and clean ones, whose curves span a point or two, are level within this


def best_within(attack: str, beta: float, here: Range, there: Range | None = None) -> Rule:
    """Judge that the best accuracy lies at α in `here`, not in `there` (None: anywhere else).

    Reproduced: any of the cells in `here` is above the best one in `there` by more than the margin;
    not: any of those in `there` is above the best one in `here`. For a peak there must be cells on
    both sides of `here`.
    """

    def judge(evidence: Evidence) -> Judgement:
        cells = curve(evidence, attack, beta)
        inside = cells["alpha"].between(*here)
        outside = ~inside if there is None else cells["alpha"].between(*there)
        sides = (cells["alpha"] < here[0], cells["alpha"] > here[1])
        ends = [side.any() or not np.isfinite(end) for side, end in zip(sides, here, strict=True)]
        if not inside.any() or not outside.any():
            lacking = here if not inside.any() or there is None else there
            return unknown(attack, beta, f"n = {len(cells)}, no cell for {range_of(lacking)}")
        one, other = (cells[rows].nlargest(1, "accuracy").iloc[0] for rows in (inside, outside))
        gap, margin = difference(evidence, one, other)
        looks = int(inside.sum()), int(outside.sum())
        verdict, margin = decide(evidence, gap, margin, looks)
        if there is None and verdict == REPRODUCED and not all(ends):
            verdict = OPEN
        numbers = (
            f"{percent(one['accuracy'])} at α = {one['alpha']:.1f} against "
            f"{percent(other['accuracy'])} at {other['alpha']:.1f} ({points_of(gap, margin)}; "
            f"n = {looks[0]} and {looks[1]} cells)"
        )
        return Judgement(verdict, f"{where(attack, beta)}: {numbers}")

    return judge


def rising(attack: str, beta: float, sign: float = 1.0) -> Rule:
    """Judge that accuracy rises with α (or, `sign` −1, falls).

    Reproduced: the cell of largest α is above that of smallest α by more than the margin, and
    Spearman's ρ over the cells is at least 0.5; not: it is below by more than the margin.
    """

    def judge(evidence: Evidence) -> Judgement:
        cells = curve(evidence, attack, beta)
        if len(cells) < 3:
            return unknown(attack, beta, f"n = {len(cells)}")
        low, high = cells.iloc[0], cells.iloc[-1]
        gap, margin = difference(evidence, high, low)
        flat = cells["accuracy"].nunique() == 1
        rho = 0.0 if flat else np.asarray(spearmanr(cells["alpha"], cells["accuracy"]))[0]
        verdict, margin = decide(evidence, sign * gap, margin)
        if verdict == REPRODUCED and sign * rho < 0.5:
            verdict = OPEN
        numbers = (
            f"{percent(low['accuracy'])} at α = {low['alpha']:.1f}, {percent(high['accuracy'])} at "
            f"{high['alpha']:.1f} ({points_of(gap, margin)}; ρ = {rho:.2f})"
        )
        return Judgement(verdict, f"{where(attack, beta)}: {numbers.replace('-', '−')}")

    return judge


def above(attack: str, one: float, other: float, sign: float = 1.0) -> Rule:
    """Judge that at equal α accuracy with β = `one` is above (`sign` −1: below) that with `other`.

    The curve of `one` is read by straight lines at each α of `other` within its range. Reproduced:
    every difference has the sign, and at least half of them count; not: any of them counts the
    other way.
    """

    def judge(evidence: Evidence) -> Judgement:
        places = curve(evidence, attack, other)
        read = [read_at(evidence, attack, one, alpha) for alpha in places["alpha"]]
        pairs = [
            difference(evidence, cell, place)
            for cell, (_, place) in zip(read, places.iterrows(), strict=True)
            if np.isfinite(cell["accuracy"])
        ]
        if not pairs:
            return unknown(attack, one, f"no α that β = {other:g} has, too")
        differences, margins = np.array(pairs).T
        wide = margins * widening(evidence, len(pairs) * evidence.together)
        worst = int(np.argmin(sign * differences + np.nan_to_num(wide)))
        if sign * differences[worst] < -wide[worst]:
            verdict = NOT
        else:
            mostly = (sign * differences > margins).mean() >= 0.5
            verdict = REPRODUCED if (sign * differences > 0).all() and mostly else OPEN
        middle = float(np.median(differences)), float(np.median(margins))
        numbers = (
            f"against β = {other:g} at {len(pairs)} equal α {points_of(*middle)} in the median"
        )
        if sign * differences[worst] < 0:
            numbers += f", {points_of(differences[worst], wide[worst])} at worst"
        return Judgement(verdict, f"{where(attack, one)}: {numbers}")

    return judge


def equals_baseline(attack: str, beta: float) -> Rule:
    """Judge that accuracy with β equals the baseline's at the baseline's own α.

    Reproduced: the gap and its margin lie within `SAME`; not: it exceeds that by more.
    """

    def judge(evidence: Evidence) -> Judgement:
        baseline = curve(evidence, attack, 0.0)
        if baseline.empty:
            return unknown(attack, beta, "no baseline")
        dot = baseline.iloc[0]
        cell = read_at(evidence, attack, beta, dot["alpha"])
        if np.isnan(cell["accuracy"]):
            return unknown(attack, beta, f"no α around the baseline's {dot['alpha']:.2f}")
        gap, margin = difference(evidence, cell, dot)
        verdict, margin = decide(evidence, SAME - abs(gap), margin)
        numbers = (
            f"{percent(cell['accuracy'])} at the baseline's α of {dot['alpha']:.2f}, baseline "
            f"{percent(dot['accuracy'])} ({points_of(gap, margin)})"
        )
        return Judgement(verdict, f"{where(attack, beta)}: {numbers}")

    return judge


def only_beats_baseline(attack: str, beta: float, here: Range) -> Rule:
    """Judge that cells of β at α in `here`, and no others, are above the baseline.

    Reproduced: any of them is beyond its margin, and the others are at most `LEVEL` above it, their
    margins included; not: any of the others is above it, or all of them are below it.
    """

    def judge(evidence: Evidence) -> Judgement:
        cells = against_baseline(evidence, attack)
        mine = (cells["beta"] == beta) & cells["alpha"].between(*here)
        if not mine.any():
            return unknown(attack, beta, f"no {range_of(here)} to set against a baseline")
        wide = cells["margin"] * np.where(
            mine,
            widening(evidence, int(mine.sum())),
            widening(evidence, max(int((~mine).sum()), 1) * evidence.together),
        )
        beats = cells["difference"] > wide
        worse = (cells["difference"] < -cells["margin"])[mine].all()
        level = (cells["difference"] + cells["margin"])[~mine].le(LEVEL).all()
        verdict = REPRODUCED if (beats & mine).any() and level else OPEN
        if (beats & ~mine).any() or worse:
            verdict = NOT
        cells = cells.assign(margin=wide)
        best = cells[mine].nlargest(1, "difference").iloc[0]
        numbers = (
            f"at most {points_of(best['difference'], best['margin'])} at α = {best['alpha']:.1f} "
            f"({mine.sum()} cells)"
        )
        others = f"{(beats & ~mine).sum()} of {(~mine).sum()} other cells above the baseline, too"
        if (~mine).any():
            next_best = cells[~mine].nlargest(1, "difference").iloc[0]
            others += f" (at most {points_of(next_best['difference'], next_best['margin'])})"
        return Judgement(verdict, f"{where(attack, beta)}: {numbers}; {others}")

    return judge


def never_beats_baseline(attack: str, beta: float) -> Rule:
    """Judge that no cell of β is above the baseline.

    Reproduced: no mean is above it, nor by more than `LEVEL` with its margin; not: any of them is
    above it beyond its margin.
    """

    def judge(evidence: Evidence) -> Judgement:
        cells = against_baseline(evidence, attack)
        mine = cells[cells["beta"] == beta]
        if mine.empty:
            return unknown(attack, beta, "no cells to set against a baseline")
        wide = mine["margin"] * widening(evidence, len(mine) * evidence.together)
        level = (mine["difference"] + mine["margin"]).le(LEVEL).all()
        verdict = REPRODUCED if (mine["difference"] <= 0).all() and level else OPEN
        if (mine["difference"] > wide).any():
            verdict = NOT
        best = mine.assign(margin=wide).nlargest(1, "difference").iloc[0]
        numbers = (
            f"at best {points_of(best['difference'], best['margin'])} at α = {best['alpha']:.1f}"
        )
        return Judgement(verdict, f"{where(attack, beta)}: {numbers} (n = {len(mine)} cells)")

    return judge


def accuracy_within(attack: str, low: float, high: float) -> Rule:
    """Judge that every cell lies in a range.

    Reproduced: all do with their margins, of a baseline, a weak and a strong β at three α or more
    each; not: any lies outside by more.
    """

    def judge(evidence: Evidence) -> Judgement:
        cells = evidence.cells[evidence.cells["attack"] == attack]
        if cells.empty:
            return Judgement(OPEN, "no network")
        below, over = low - cells["accuracy"], cells["accuracy"] - high
        beyond = pd.concat([below, over], axis=1).max(axis=1)
        count = cells.groupby("beta").size()
        wide = 0.0 in count.index and (count.reindex([WEAK, STRONG]).fillna(0) >= 3).all()
        margin = evidence.errors * cells["error"]
        verdict = REPRODUCED if (beyond + margin <= 0).all() and wide else OPEN
        if (beyond > margin * widening(evidence, len(cells) * evidence.together)).any():
            verdict = NOT
        ends = f"{percent(cells['accuracy'].min())} to {percent(cells['accuracy'].max())}"
        return Judgement(verdict, f"{NAMES[attack]}: {ends} over {len(cells)} cells")

    return judge


def level_within(attack: str, beta: float, here: Range) -> Rule:
    """Judge that accuracy is on a plateau where α lies in `here`.

    Reproduced: two cells or more, and the range of their means and its margin lie within `LEVEL`;
    not: any two differ by more than that and the margin.
    """

    def judge(evidence: Evidence) -> Judgement:
        cells = curve(evidence, attack, beta)
        cells = cells[cells["alpha"].between(*here)].sort_values("accuracy")
        if len(cells) < 2:
            return unknown(attack, beta, f"{len(cells)} cells with {range_of(here)}")
        gap, margin = difference(evidence, cells.iloc[-1], cells.iloc[0])
        pairs = len(cells) * (len(cells) - 1)  # either may be the higher one
        verdict, margin = decide(evidence, LEVEL - gap, margin, (1, pairs))
        numbers = f"{len(cells)} cells, range {points_of(gap, margin)}"
        return Judgement(verdict, f"{where(attack, beta)}: {numbers}")

    return judge


def no_peak(attack: str, beta: float) -> Rule:
    """Judge that no α between the ends is best.

    Reproduced: five cells or more, and the best inner one with its margin is at most `LEVEL` above
    any of the two ends; not: any of the inner ones is above both by more than that and the margin.
    """

    def judge(evidence: Evidence) -> Judgement:
        cells = curve(evidence, attack, beta)
        if len(cells) < 5:
            return unknown(attack, beta, f"n = {len(cells)}")
        best = cells.iloc[1:-1].nlargest(1, "accuracy").iloc[0]
        end = cells.iloc[[0, -1]].nlargest(1, "accuracy").iloc[0]
        gap, margin = difference(evidence, best, end)
        verdict, margin = decide(evidence, LEVEL - gap, margin, (2, len(cells) - 2))
        numbers = (
            f"{percent(best['accuracy'])} at α = {best['alpha']:.1f}, the better end "
            f"{percent(end['accuracy'])} at {end['alpha']:.1f} ({points_of(gap, margin)}; "
            f"n = {len(cells)} cells)"
        )
        return Judgement(verdict, f"{where(attack, beta)}: {numbers}")

    return judge
