"""The rule by which it is judged who reaches a target in fewer epochs."""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from striate.report.gerum2022.evidence import Evidence
from striate.report.gerum2022.verdicts import NOT, OPEN, REPRODUCED, STRONG, WEAK, Judgement

REACHED = 0.1  # α is at its target when a figure could not tell the two apart
CHANCE = 0.025  # on either side, as the margins of accuracies have it


def sooner(evidence: Evidence) -> Judgement:
    """Judge that with strong β a target is reached in fewer epochs than with weak β.

    A sign test over the targets that both were given and one reached, each taken as a race by
    itself; six are the fewest that can tell. Reproduced: strong is first at more of them than by
    chance, and second at none; not: it is second at more. As with accuracies, nothing can be told
    where no cell has two seeds.
    """
    first = _first_epochs(evidence.epochs)
    if first.empty:
        return Judgement(OPEN, "no target farther than the first epoch was given to both")
    won, lost = ((first[STRONG] < first[WEAK]).sum(), (first[STRONG] > first[WEAK]).sum())
    races = int(won + lost)
    verdict = OPEN
    if races and evidence.errors > 0:  # not where it is NaN
        if not lost and binomtest(races, races, alternative="greater").pvalue <= CHANCE:
            verdict = REPRODUCED
        likely = binomtest(int(lost), races, alternative="greater").pvalue
        if likely <= CHANCE / evidence.together:
            verdict = NOT
    numbers = ", ".join(
        f"{target:g}: {_epoch(row[STRONG])} against {_epoch(row[WEAK])}"
        for target, row in first.iterrows()
    )
    return Judgement(
        verdict,
        f"strong first at {won} of {len(first)} targets; first epoch within {REACHED} of α*, "
        f"strong against weak: {numbers}",
    )


def _first_epochs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return by target when each β was there first, infinity for never; only where it is a race."""
    reached = rows[(rows["alpha"] - rows["target"]).abs() <= REACHED]
    first = reached.groupby(["beta", "target"])["epoch"].min().unstack("beta")
    both = set.intersection(*(set(rows.loc[rows["beta"] == b, "target"]) for b in (WEAK, STRONG)))
    first = first.reindex(columns=[WEAK, STRONG]).reindex(sorted(both)).dropna(how="all")
    first = first.astype(float).fillna(np.inf)
    # A target that both have from the start is no race.
    return first[(first > rows["epoch"].min()).any(axis=1)]


def _epoch(value: float) -> str:
    return f"{value:.0f}" if np.isfinite(value) else "never"
