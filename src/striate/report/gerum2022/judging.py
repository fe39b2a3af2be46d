"""Rules by which a claim about accuracy and α is judged: reproduced, not, or could not tell.

Each is a function that makes a rule; its docstring says what decides. When a difference counts, and
its margin, is explained in `striate.report.gerum2022.evidence`.
"""

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from striate.report.gerum2022.evidence import Evidence, against_baseline, curve, difference, read_at
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
    points_of,
    range_of,
    unknown,
    verdict_of,
    where,
)

SAME = 0.02  # accuracies closer than this are called equal, as in the paper's figures by eye
LEVEL = 0.005  # and a plateau is as flat as this
REACHED = 0.1  # α is at its target when a figure could not tell the two apart


def best_within(attack: str, beta: float, here: Range, there: Range | None = None) -> Rule:
    """Judge that the best accuracy lies at α in `here`, not in `there` (None: anywhere else).

    Reproduced: the best cell in `here` is above the best one in `there` by more than the margin;
    not: below it by more. For a peak there must be cells on both sides of `here`.
    """

    def judge(evidence: Evidence) -> Judgement:
        cells = curve(evidence, attack, beta)
        inside = cells["alpha"].between(*here)
        outside = ~inside if there is None else cells["alpha"].between(*there)
        sides = (cells["alpha"] < here[0], cells["alpha"] > here[1])
        ends = [side.any() or not np.isfinite(end) for side, end in zip(sides, here, strict=True)]
        if not inside.any() or not outside.any():
            lacking = here if not inside.any() or there is None else there
            return unknown(attack, beta, f"n = {len(cells)}, no cell for α in {range_of(lacking)}")
        one, other = (cells[rows].nlargest(1, "accuracy").iloc[0] for rows in (inside, outside))
        gap, margin = difference(evidence, one, other)
        verdict = verdict_of(gap, margin)
        if there is None and verdict == REPRODUCED and not all(ends):
            verdict = OPEN
        numbers = (
            f"{percent(one['accuracy'])} at α = {one['alpha']:.1f} against "
            f"{percent(other['accuracy'])} at {other['alpha']:.1f} ({points_of(gap, margin)})"
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
        verdict = verdict_of(sign * gap, margin)
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
    every difference has the sign, and at least half of them count; not: one counts the other way.
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
        if (sign * differences < -margins).any():
            verdict = NOT
        else:
            mostly = (sign * differences > margins).mean() >= 0.5
            verdict = REPRODUCED if (sign * differences > 0).all() and mostly else OPEN
        middle = float(np.median(differences)), float(np.median(margins))
        numbers = (
            f"against β = {other:g} at {len(pairs)} equal α {points_of(*middle)} in the median"
        )
        return Judgement(verdict, f"{where(attack, one)}: {numbers}")

    return judge


def equals_baseline(attack: str, beta: float) -> Rule:
    """Judge that accuracy with β equals the baseline's at the baseline's own α.

    Reproduced: the gap and its margin lie within `SAME`; not: it is larger than both.
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
        verdict = REPRODUCED if abs(gap) + margin <= SAME else OPEN
        if abs(gap) > np.maximum(SAME, margin):  # not where the margin is NaN
            verdict = NOT
        numbers = (
            f"{percent(cell['accuracy'])} at the baseline's α of {dot['alpha']:.2f}, baseline "
            f"{percent(dot['accuracy'])} ({points_of(gap, margin)})"
        )
        return Judgement(verdict, f"{where(attack, beta)}: {numbers}")

    return judge


def only_beats_baseline(attack: str, beta: float, here: Range) -> Rule:
    """Judge that cells of β at α in `here`, and no others, are above the baseline.

    Reproduced: one of them is, beyond its margin, and no other cell; not: another cell is, or all
    of them are below the baseline beyond their margins.
    """

    def judge(evidence: Evidence) -> Judgement:
        cells = against_baseline(evidence, attack)
        mine = (cells["beta"] == beta) & cells["alpha"].between(*here)
        if not mine.any() or cells["margin"].isna().all():
            return unknown(attack, beta, f"no α in {range_of(here)} to set against a baseline")
        beats = cells["difference"] > cells["margin"]
        worse = (cells["difference"] < -cells["margin"])[mine].all()
        verdict = NOT if (beats & ~mine).any() or worse else REPRODUCED
        if verdict == REPRODUCED and not (beats & mine).any():
            verdict = OPEN
        best = cells[mine].nlargest(1, "difference").iloc[0]
        numbers = (
            f"at most {points_of(best['difference'], best['margin'])} at α = {best['alpha']:.1f}"
        )
        others = f"{(beats & ~mine).sum()} of {(~mine).sum()} other cells above the baseline, too"
        return Judgement(verdict, f"{where(attack, beta)}: {numbers}; {others}")

    return judge


def never_beats_baseline(attack: str, beta: float) -> Rule:
    """Judge that no cell of β is above the baseline.

    Reproduced: no mean is above it; not: one is, beyond its margin.
    """

    def judge(evidence: Evidence) -> Judgement:
        cells = against_baseline(evidence, attack)
        mine = cells[cells["beta"] == beta]
        if mine.empty:
            return unknown(attack, beta, "no cells to set against a baseline")
        best = mine.nlargest(1, "difference").iloc[0]
        verdict = NOT if best["difference"] > best["margin"] else OPEN
        if best["difference"] <= 0 and np.isfinite(best["margin"]):
            verdict = REPRODUCED
        numbers = (
            f"at best {points_of(best['difference'], best['margin'])} at α = {best['alpha']:.1f}"
        )
        return Judgement(verdict, f"{where(attack, beta)}: {numbers} (n = {len(mine)} cells)")

    return judge


def accuracy_within(attack: str, low: float, high: float) -> Rule:
    """Judge that every cell lies in a range.

    Reproduced: all do, of a baseline, a weak and a strong β at three α or more each; not: one lies
    outside by more than its own margin.
    """

    def judge(evidence: Evidence) -> Judgement:
        cells = evidence.cells[evidence.cells["attack"] == attack]
        if cells.empty:
            return Judgement(OPEN, "no network")
        below, over = low - cells["accuracy"], cells["accuracy"] - high
        beyond = pd.concat([below, over], axis=1).max(axis=1)
        count = cells.groupby("beta").size()
        wide = 0.0 in count.index and (count.reindex([WEAK, STRONG]).fillna(0) >= 3).all()
        verdict = REPRODUCED if (beyond <= 0).all() and wide and evidence.errors > 0 else OPEN
        if (beyond > evidence.errors * cells["error"]).any():
            verdict = NOT
        ends = f"{percent(cells['accuracy'].min())} to {percent(cells['accuracy'].max())}"
        return Judgement(verdict, f"{NAMES[attack]}: {ends} over {len(cells)} cells")

    return judge


def level_within(attack: str, beta: float, here: Range) -> Rule:
    """Judge that accuracy is on a plateau where α lies in `here`.

    Reproduced: two cells or more, and the range of their means is at most `LEVEL`; not: it is
    larger than that by more than the margin.
    """

    def judge(evidence: Evidence) -> Judgement:
        cells = curve(evidence, attack, beta)
        cells = cells[cells["alpha"].between(*here)].sort_values("accuracy")
        if len(cells) < 2:
            return unknown(attack, beta, f"{len(cells)} cells with α in {range_of(here)}")
        gap, margin = difference(evidence, cells.iloc[-1], cells.iloc[0])
        verdict = REPRODUCED if gap <= LEVEL and np.isfinite(margin) else OPEN
        if gap - LEVEL > margin:
            verdict = NOT
        numbers = f"{len(cells)} cells, range {points_of(gap, margin)}"
        return Judgement(verdict, f"{where(attack, beta)}: {numbers}")

    return judge


def no_peak(attack: str, beta: float) -> Rule:
    """Judge that no α between the ends is best.

    Reproduced: five cells or more, and the best inner one does not count against the better end;
    not: it is above both ends by more than the margin.
    """

    def judge(evidence: Evidence) -> Judgement:
        cells = curve(evidence, attack, beta)
        if len(cells) < 5:
            return unknown(attack, beta, f"n = {len(cells)}")
        best = cells.iloc[1:-1].nlargest(1, "accuracy").iloc[0]
        end = cells.iloc[[0, -1]].nlargest(1, "accuracy").iloc[0]
        gap, margin = difference(evidence, best, end)
        verdict = NOT if gap > margin else REPRODUCED if np.isfinite(margin) else OPEN
        numbers = (
            f"{percent(best['accuracy'])} at α = {best['alpha']:.1f}, the better end "
            f"{percent(end['accuracy'])} at {end['alpha']:.1f} ({points_of(gap, margin)})"
        )
        return Judgement(verdict, f"{where(attack, beta)}: {numbers}")

    return judge


def sooner(evidence: Evidence) -> Judgement:
    """Judge that with strong β a target is reached in fewer epochs than with weak β.

    Reproduced: for every target that both were given and one reached; not: for one it takes more.
    """
    rows = evidence.epochs
    reached = rows[(rows["alpha"] - rows["target"]).abs() <= REACHED]
    first = reached.groupby(["beta", "target"])["epoch"].min().unstack("beta")
    both = set.intersection(*(set(rows.loc[rows["beta"] == b, "target"]) for b in (WEAK, STRONG)))
    first = first.reindex(columns=[WEAK, STRONG]).reindex(sorted(both)).dropna(how="all")
    if first.empty:
        return Judgement(OPEN, "no target was given to both")
    weak, strong = (first[beta].astype(float).fillna(np.inf) for beta in (WEAK, STRONG))
    # A target that both have from the start is no race.
    race = (strong > rows["epoch"].min()) | (weak > rows["epoch"].min())
    first, strong, weak = first[race], strong[race], weak[race]
    if first.empty:
        return Judgement(OPEN, "no target was farther than the first epoch")
    verdict = REPRODUCED if (strong < weak).all() else NOT if (strong > weak).any() else OPEN
    numbers = ", ".join(
        f"{target:g}: {_epoch(strong[target])} against {_epoch(weak[target])}"
        for target in first.index
    )
    return Judgement(verdict, f"first epoch within {REACHED} of α*, strong against weak: {numbers}")


def _epoch(value: float) -> str:
    return f"{value:.0f}" if np.isfinite(value) else "never"
