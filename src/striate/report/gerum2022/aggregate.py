"""How the paper turns networks into dots and curves, and how a published curve is read off."""

from typing import NamedTuple

import numpy as np
import pandas as pd

# The strength of panels b and c: Gerum et al. 2022, Fig. 2 (shallow) and Fig. 3 (the others).
PAPER_EPSILON = {
    ("shallow_mlp", "mnist"): 0.05,
    ("deep_mlp", "mnist"): 0.05,
    ("cnn", "mnist"): 0.10,
    ("cnn", "cifar10"): 0.01,
}
TOLERANCE = 1e-6  # strengths are written with two to six decimals


class PanelEpsilon(NamedTuple):
    """An attack strength from the grid, and a clause that says why this one."""

    value: float
    rule: str


def panel_epsilon(
    network: str, data: str, networks: pd.DataFrame, accuracies: pd.DataFrame
) -> PanelEpsilon | None:
    """Choose the attack strength that the panels with a single strength show.

    The paper's own for its four pairs of network and data; elsewhere the paper's criterion, the
    strength that halves the baseline's accuracy under FGSM; else the middle of the grid.

    Parameters
    ----------
    network, data
        Names as in the settings.
    networks
        One row per network, with `beta` and `epsilon_half_fgsm`.
    accuracies
        One row per network, attack and ε.

    Returns
    -------
        None when nothing was attacked with ε > 0.
    """
    grid = np.unique(accuracies.loc[accuracies["epsilon"] > 0, "epsilon"].to_numpy(float))
    if not len(grid):
        return None
    paper = PAPER_EPSILON.get((network, data))
    if paper is not None and np.isclose(grid, paper, rtol=0, atol=TOLERANCE).any():
        return PanelEpsilon(paper, "the strength the paper shows")
    half = networks.loc[networks["beta"] == 0, "epsilon_half_fgsm"].mean()
    if np.isfinite(half):
        nearest = float(grid[np.abs(grid - half).argmin()])
        return PanelEpsilon(nearest, "the grid value nearest to where FGSM halves the baseline")
    return PanelEpsilon(float(grid[len(grid) // 2]), "the middle of the grid")


def binned(accuracies: pd.DataFrame) -> pd.DataFrame:
    """Average networks that share a measured α, as the paper's figures do.

    α is rounded to one decimal; all networks of one β in a bin, whatever their target and seed,
    give one mean and its SEM. The baseline is one dot at its mean α, without error. The paper
    rounds there too, where a run per target and seed averages the rounding out; with two seeds it
    would shift the dot by up to 0.05, so ours is not rounded.

    Parameters
    ----------
    accuracies
        One row per network, attack and ε: `attack`, `epsilon`, `beta`, `alpha`, `accuracy`.

    Returns
    -------
        `attack`, `epsilon`, `beta`, `alpha`, `accuracy`, `sem` (NaN for one network) and `n`;
        the columns of `striate.reference.gerum2022_published`, and n.
    """
    keys = ["attack", "epsilon", "beta"]
    rows = accuracies.dropna(subset=["alpha", "accuracy"])
    rounded = rows.assign(alpha=rows["alpha"].round(1))
    regularised = rounded[rounded["beta"] > 0].groupby([*keys, "alpha"])["accuracy"]
    curves = regularised.agg(accuracy="mean", sem="sem", n="size").reset_index()
    baseline = rows[rows["beta"] == 0].groupby(keys)
    dots = baseline.agg(
        alpha=("alpha", "mean"), accuracy=("accuracy", "mean"), n=("accuracy", "size")
    ).reset_index()
    both = [part for part in (dots.assign(sem=np.nan), curves) if len(part)]
    columns = [*keys, "alpha", "accuracy", "sem", "n"]
    return pd.concat(both)[columns].reset_index(drop=True) if both else curves[columns]


def per_target(accuracies: pd.DataFrame) -> pd.DataFrame:
    """Average networks that differ in the seed only, at the mean of their α, not rounded.

    This is what is read off at an α between two targets: rounding α to a tenth, as the figures do,
    can move a steep curve by as much as what is compared.

    Parameters
    ----------
    accuracies
        One row per network, attack and ε: `attack`, `epsilon`, `beta`, `target`, `alpha`,
        `accuracy`.

    Returns
    -------
        `attack`, `epsilon`, `beta`, `target`, `alpha`, `accuracy`, `sem` (NaN for one network)
        and `n`.
    """
    rows = accuracies.dropna(subset=["alpha", "accuracy"])
    groups = rows.groupby(["attack", "epsilon", "beta", "target"], dropna=False)
    return groups.agg(
        alpha=("alpha", "mean"),
        accuracy=("accuracy", "mean"),
        sem=("accuracy", "sem"),
        n=("accuracy", "size"),
    ).reset_index()


def at(rows: pd.DataFrame, attack: str, epsilon: float) -> pd.DataFrame:
    """Return the rows of one attack at one strength; ε plays no part without an attack."""
    chosen = rows["attack"] == attack
    if attack != "none":
        chosen &= np.isclose(rows["epsilon"].astype(float), epsilon, rtol=0, atol=TOLERANCE)
    return rows[chosen]


def published_at(published: pd.DataFrame, *, beta: float, alpha: float) -> float:
    """Read a published curve at our α, by linear interpolation.

    Parameters
    ----------
    published
        Rows of one attack and strength.
    beta
        Which curve. β = 0 is a single dot, and is returned whatever α is.
    alpha
        Where. Outside the published range the answer is NaN.
    """
    curve = published[np.isclose(published["beta"].astype(float), beta)].sort_values("alpha")
    if curve.empty:
        return float("nan")
    x, y = curve["alpha"].to_numpy(float), curve["accuracy"].to_numpy(float)
    return float(y[0]) if beta == 0 else float(np.interp(alpha, x, y, left=np.nan, right=np.nan))
