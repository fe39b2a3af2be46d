"""What claims are judged by: accuracies of cells with their errors, and when a difference counts.

A cell is the networks of one β and target, averaged over seeds. A difference counts when it is
larger than its margin: for our networks the 95 % interval of a difference of two means, with the
standard deviation between seeds pooled over all cells under the same attack and Student's t, so
that few seeds make wide margins; for the paper's curves, twice the published SEM. Where no cell has
two seeds, no difference counts and nothing can be told.

That is for one difference. Of forty that are all zero one lies outside its margin more often than
not, so where any one of several would decide, margins are wider: the chance to lie outside is
divided by their number (Bonferroni, which holds whatever the cells share). Where all of them have
to agree, nothing is divided: that is harder by itself.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t

from striate.report.gerum2022.aggregate import at, per_target
from striate.report.gerum2022.sweeps import Sweep, alpha_by_epoch, spectrum

ATTACKS = ("none", "fgsm", "pgd")


class Evidence(NamedTuple):
    """What claims about one network and data set are judged by.

    Attributes
    ----------
    cells
        `attack`, `beta`, `alpha`, `accuracy` and `error`, the standard error of the accuracy.
    errors
        How many standard errors of a difference make it count.
    epochs
        `beta`, `target`, `epoch`, `alpha`: α during training.
    spectrum
        `rank`, `variance` of the hidden layer of networks left alone.
    freedom
        Degrees of freedom of the standard errors; without end where they are taken as known.
    together
        How many rules judge a claim, any one of which makes it not reproduced.
    """

    cells: pd.DataFrame
    errors: float
    epochs: pd.DataFrame
    spectrum: pd.DataFrame
    freedom: float = np.inf
    together: int = 1


def of_sweep(sweep: Sweep) -> Evidence:
    """Collect the evidence of our own networks, at the strength the figures show."""
    epsilon = sweep.epsilon.value if sweep.epsilon else 0.0
    means = per_target(sweep.accuracies)
    # Networks pulled in vain towards several targets out of reach are the same to the last bit, and
    # would be counted as so many.
    means = means.drop_duplicates(["attack", "epsilon", "beta", "alpha", "n"])
    cells = pd.concat([at(means, attack, epsilon) for attack in ATTACKS])
    freedom = cells["n"] - 1
    # sem² n (n - 1) is the sum of squares within a cell; a cell of one seed adds nothing.
    squares = (cells["sem"] ** 2 * cells["n"] * freedom).groupby(cells["attack"]).sum()
    degrees = freedom.groupby(cells["attack"]).sum()
    spread = np.sqrt(squares / degrees.where(degrees > 0))
    error = cells["attack"].map(spread) / np.sqrt(cells["n"])
    fewest = degrees.min() if len(degrees) else 0
    errors = float(t.ppf(0.975, fewest)) if fewest > 0 else np.nan
    alone = spectrum(sweep, beta=0.0, target=None)
    return Evidence(cells.assign(error=error), errors, alpha_by_epoch(sweep), alone, float(fewest))


def of_paper(
    published: pd.DataFrame, epsilon: float, epochs: pd.DataFrame, spectrum: pd.DataFrame
) -> Evidence:
    """Collect the evidence of the published curves."""
    rows = pd.concat([at(published, attack, epsilon) for attack in ATTACKS])
    # A dot of one run, and the baseline, come without SEM: they get that of their attack.
    usual = rows["sem"].where(rows["sem"] > 0).groupby(rows["attack"]).transform("median")
    cells = rows.assign(error=rows["sem"].where(rows["sem"] > 0).fillna(usual))
    return Evidence(cells, 2.0, epochs, spectrum)


def read_at(evidence: Evidence, attack: str, beta: float, alpha: float) -> pd.Series:
    """Read accuracy and error of a curve at `alpha` by straight lines; NaN outside its range."""
    cells = curve(evidence, attack, beta)
    values = {
        name: np.interp(alpha, cells["alpha"], cells[name], left=np.nan, right=np.nan)
        if len(cells)
        else np.nan
        for name in ("accuracy", "error")
    }
    return pd.Series({"alpha": alpha, **values}, dtype=float)


def difference(evidence: Evidence, one: pd.Series, other: pd.Series) -> tuple[float, float]:
    """Return the difference of two accuracies, and the margin beyond which it counts."""
    error = np.hypot(one["error"], other["error"])
    return float(one["accuracy"] - other["accuracy"]), float(evidence.errors * error)


def widening(evidence: Evidence, looks: int) -> float:
    """Return by what to widen a margin where any one of `looks` differences would decide."""
    tail = t.sf(evidence.errors, evidence.freedom)
    return float(t.isf(tail / looks, evidence.freedom) / evidence.errors)


def curve(evidence: Evidence, attack: str, beta: float) -> pd.DataFrame:
    """Return the cells of one attack and β by rising α."""
    cells = evidence.cells
    chosen = cells[(cells["attack"] == attack) & np.isclose(cells["beta"].astype(float), beta)]
    return chosen.sort_values("alpha", ignore_index=True)


def against_baseline(evidence: Evidence, attack: str) -> pd.DataFrame:
    """Return the penalised cells with their `difference` from the baseline, and its `margin`."""
    cells = evidence.cells[evidence.cells["attack"] == attack]
    baseline, pulled = curve(evidence, attack, 0.0), cells[cells["beta"] > 0]
    if baseline.empty:
        return pulled.iloc[:0].assign(difference=np.nan, margin=np.nan)
    found = [difference(evidence, cell, baseline.iloc[0]) for _, cell in pulled.iterrows()]
    differences = pd.DataFrame(found, columns=["difference", "margin"], index=pulled.index)
    return pulled.join(differences)
