"""Numbers that were published, as tables: what a reproduction is compared with.

The CSV files lie beside this module; their README says where each comes from. Every call returns
a fresh copy.
"""

from importlib import resources

import numpy as np
import pandas as pd

__all__ = [
    "devalois1982",
    "gerum2022_alpha_by_epoch",
    "gerum2022_curves",
    "gerum2022_published",
    "gerum2022_spectra",
    "kong2021_correlations",
    "kong2021_frequency_scores",
    "kong2021_table_s1",
    "mouse_v1_spectrum",
]

# Full-size panels of Gerum et al. 2022: network, data, attack, epsilon.
_PANELS = pd.DataFrame(
    [
        ("fig2", "a", "shallow_mlp", "mnist", "none", 0.00),
        ("fig2", "b", "shallow_mlp", "mnist", "fgsm", 0.05),
        ("fig2", "c", "shallow_mlp", "mnist", "pgd", 0.05),
        ("fig3", "a", "deep_mlp", "mnist", "none", 0.00),
        ("fig3", "b", "deep_mlp", "mnist", "fgsm", 0.05),
        ("fig3", "c", "deep_mlp", "mnist", "pgd", 0.05),
        ("fig3", "d", "cnn", "mnist", "none", 0.00),
        ("fig3", "e", "cnn", "mnist", "fgsm", 0.10),
        ("fig3", "f", "cnn", "mnist", "pgd", 0.10),
        ("fig3", "g", "cnn", "cifar10", "none", 0.00),
        ("fig3", "h", "cnn", "cifar10", "fgsm", 0.01),
        ("fig3", "i", "cnn", "cifar10", "pgd", 0.01),
    ],
    columns=["figure", "panel", "network", "data", "attack", "epsilon"],
)
# Grids of small plots: "f-FGSM-eps0.05" in figure 2, "CNN-MNIST-PGD-eps0.10" in figure S1.
_GRID_CELL = (
    r"^(?P<grid>f|deepMLP-MNIST|CNN-MNIST|CNN-CIFAR10)-(?P<attack>FGSM|PGD)-eps(?P<epsilon>.*)$"
)
_GRIDS = pd.DataFrame(
    [
        ("f", "shallow_mlp", "mnist"),
        ("deepMLP-MNIST", "deep_mlp", "mnist"),
        ("CNN-MNIST", "cnn", "mnist"),
        ("CNN-CIFAR10", "cnn", "cifar10"),
    ],
    columns=["grid", "network", "data"],
)


def mouse_v1_spectrum() -> np.ndarray:
    """Return the cross-validated eigenspectrum of mouse V1 of Stringer et al. 2019.

    Returns
    -------
    np.ndarray
        1024 variances in arbitrary units, in the stored order, which is not quite decreasing:
        the directions come from one half of the repeats, the variances from both.
    """
    variances = _read("stringer2019_mouse_v1_eigenspectrum")["cross_validated_variance"]
    return variances.to_numpy(copy=True)  # without a copy, newer pandas hands out a locked array


def gerum2022_curves() -> pd.DataFrame:
    """Return every accuracy curve of Gerum et al. 2022, Figures 2, 3 and S1.

    Returns
    -------
    pd.DataFrame
        One row per point. As digitised: `figure`, `panel`, `series`, `alpha` (measured, rounded
        to 0.1 but for the baseline), `mean` (accuracy), `sem` (over runs; NaN for the baseline).
        As meant: `network` (shallow_mlp, deep_mlp, cnn), `data` (mnist, cifar10), `attack`
        (none, fgsm, pgd), `epsilon` (Linf, pixels in [0, 1]), `beta` (0 for the baseline).
        Clean accuracy occurs up to three times: at full size and in the grid of each attack.
    """
    points = _read("gerum2022_figure_data")
    points["beta"] = points["series"].str.extract(r"\((.*)\)", expand=False).astype(float)
    meanings = pd.concat([_PANELS, _grid_cells(points)])
    return points.merge(meanings, on=["figure", "panel"])


def _grid_cells(points: pd.DataFrame) -> pd.DataFrame:
    """Say of every panel that is a cell of a grid what `_PANELS` says of the others."""
    cells = points[["figure", "panel"]].drop_duplicates()
    cells = cells.join(cells["panel"].str.extract(_GRID_CELL)).merge(_GRIDS, on="grid")
    cells["epsilon"] = cells["epsilon"].astype(float)
    # Without a perturbation both attacks show clean accuracy.
    cells["attack"] = cells["attack"].str.lower().mask(cells["epsilon"] == 0, "none")
    return cells[_PANELS.columns.tolist()]


def gerum2022_published(network: str, data: str) -> pd.DataFrame:
    """Return what Gerum et al. 2022 found for one network trained on one data set.

    Every point occurs once. Where a cell of a grid was also plotted at full size, it is taken
    from there: the means are the same, but narrow error bands vanish behind the line of a small
    plot.

    Parameters
    ----------
    network
        ``"shallow_mlp"``, ``"deep_mlp"`` or ``"cnn"``.
    data
        ``"mnist"`` or ``"cifar10"``.

    Returns
    -------
    pd.DataFrame
        Columns `attack` (none, fgsm, pgd), `epsilon`, `beta` (0.0 baseline, 0.1 weak, 1.0
        strong), `alpha`, `accuracy`, `sem`, sorted by the first four. No rows for a pair that
        the paper does not have.
    """
    curves = gerum2022_curves().rename(columns={"mean": "accuracy"})
    point = ["attack", "epsilon", "beta", "alpha"]
    is_small = curves["panel"].str.contains("-eps")
    wanted = (curves["network"] == network) & (curves["data"] == data)
    # The sort is stable, so that full-size panels come first and are the ones that are kept.
    chosen = curves[wanted].iloc[np.argsort(is_small[wanted], kind="stable")]
    chosen = chosen.drop_duplicates(point).sort_values(point, ignore_index=True)
    return chosen[[*point, "accuracy", "sem"]]


def gerum2022_alpha_by_epoch() -> pd.DataFrame:
    """Return how the exponent of the shallow network approaches its target, Figure 2 d and e.

    Returns
    -------
    pd.DataFrame
        Columns `beta` (0.1 in panel d, 1.0 in e), `target`, `epoch` (counted from 1; the
        figure's axis counts from 0), `alpha`, `sem` (NaN: the bands were not digitised).
    """
    points = _read("gerum2022_figure_data")
    points = points[(points["figure"] == "fig2") & points["panel"].isin(["d", "e"])]
    columns = {
        "beta": points["panel"].map({"d": 0.1, "e": 1.0}),
        "target": points["series"].str.removeprefix("target").astype(float),
        # In these panels the first axis, stored under the name alpha, is the epoch.
        "epoch": points["alpha"].round().astype(int) + 1,
        "alpha": points["mean"],
        "sem": points["sem"],
    }
    return pd.DataFrame(columns).sort_values(["beta", "target", "epoch"], ignore_index=True)


def gerum2022_spectra() -> pd.DataFrame:
    """Return the spectra of the shallow network's hidden layer after training, Figure 1 e.

    Returns
    -------
    pd.DataFrame
        Columns `beta` (0.0 unregularised, 1.0 regularised), `target` (NaN, 1.0), `rank`
        (1 to 2000) and `variance`, which sums to one over the ranks.
    """
    points = _read("gerum2022_fig1e_spectra")
    regularised = points["series"] == "reg(blue)"
    columns = {
        "beta": regularised.astype(float),
        "target": regularised.astype(float).where(regularised),
        "rank": points["rank"],
        "variance": points["normalised_eigenvalue"],
    }
    return pd.DataFrame(columns).sort_values(["beta", "rank"], ignore_index=True)


def kong2021_table_s1() -> pd.DataFrame:
    """Return the 40 models of Kong et al. 2021, S1 Table.

    Returns
    -------
    pd.DataFrame
        Columns `model`, `robust` (trained to be), `architecture`, `top1_clean`,
        `top1_linf_1_1020` (Linf, 1/1020), `top1_l2_0_15` (L2, 0.15), `top1_l1_40` (L1, 40),
        `v1_predictivity_pls` (median noise-corrected correlation). Accuracies lie in [0, 1].
    """
    return _read("kong2021_table_s1")


def kong2021_correlations() -> pd.DataFrame:
    """Return the correlations over the 40 models of Kong et al. 2021, Figures 6, 7, S1 and S2.

    Returns
    -------
    pd.DataFrame
        Columns `figure` (6A to S2B; S1 and S2 are printed as Figures 8 and 9), `x` and `y`
        (adversarial_accuracy, predictivity, alpha, frequency_score), `regression` (pls, ridge: it
        chooses the layer that predicts V1 best, which stands for the model), `r` (Pearson), `p`,
        and `p_is_bound` (printed as "p < 0.001").
    """
    return _read("kong2021_correlations")


def kong2021_frequency_scores() -> pd.DataFrame:
    """Return the V1 spatial-frequency scores that Kong et al. 2021 print.

    Returns
    -------
    pd.DataFrame
        Columns `architecture` (resnet50, resnet18), `robust`, `mean` and `sd` over 1000
        experiments, of the layer that predicts V1 best. Which robust model of each architecture
        it is, is not said.
    """
    return _read("kong2021_frequency_scores")


def devalois1982() -> pd.DataFrame:
    """Return the spatial frequencies that foveal macaque V1 cells prefer.

    Returns
    -------
    pd.DataFrame
        Columns `bin_left_cpd`, `bin_right_cpd` (half-octave bins, cycles per degree) and
        `count` of cells.
    """
    return _read("devalois1982_v1_foveal_sf")


def _read(name: str) -> pd.DataFrame:
    with (resources.files(__name__) / f"{name}.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)
