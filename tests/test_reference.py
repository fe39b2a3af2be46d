import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from striate import reference

# The figures were digitised to 1e-4; a value printed with four digits adds half of that.
DIGITISED = 1.5e-4


def curve(network, data, attack, epsilon, beta):
    """One published curve: accuracy by alpha."""
    table = reference.gerum2022_published(network, data)
    chosen = table[
        (table["attack"] == attack)
        & np.isclose(table["epsilon"], epsilon)
        & (table["beta"] == beta)
    ]
    return chosen.set_index("alpha")["accuracy"]


def at(found, alpha):
    return found[np.isclose(found.index, alpha)].item()


def test_reading_published_numbers_needs_no_torch():
    code = (
        "import sys, striate.reference as r; r.gerum2022_curves(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_call_returns_a_fresh_copy():
    table, variances = reference.kong2021_table_s1(), reference.mouse_v1_spectrum()
    table["top1_clean"] = 0.0
    variances[:] = 0
    assert reference.kong2021_table_s1()["top1_clean"].min() > 0
    assert reference.mouse_v1_spectrum().min() > 0


def test_the_mouse_spectrum_gives_the_exponent_stored_with_it():
    variances = reference.mouse_v1_spectrum()
    assert variances.shape == (1024,)
    assert variances.sum() == pytest.approx(2.05781e7, rel=1e-5)
    # Not sorted: 471 steps go up, the first among them.
    assert (np.diff(variances) > 0).sum() == 471
    # Stringer's fit: ranks 12 to 500, weights 1/rank. Gerum et al. store 0.9733559514637328.
    ranks = np.arange(12, 501)
    slope, _ = np.polyfit(np.log(ranks), np.log(variances[11:500]), 1, w=ranks**-0.5)
    assert -slope == pytest.approx(0.9733559514637328, abs=1e-6)


def test_the_curves_keep_every_digitised_point_and_say_what_it_means():
    curves = reference.gerum2022_curves()
    # 8166 points, of which 2 panels x 23 targets x 50 epochs are no accuracy curves.
    assert len(curves) == 8166 - 2300
    assert not curves.drop(columns="sem").isna().any(axis=None)
    assert set(curves["attack"]) == {"none", "fgsm", "pgd"}
    assert set(curves["beta"]) == {0.0, 0.1, 1.0}
    assert curves["mean"].between(0, 1).all()
    assert ((curves["attack"] == "none") == (curves["epsilon"] == 0)).all()
    assert (curves["sem"].isna() == (curves["beta"] == 0)).all()
    pairs = curves[["network", "data"]].drop_duplicates().apply(tuple, axis=1)
    assert set(pairs) == {
        ("shallow_mlp", "mnist"), ("deep_mlp", "mnist"), ("cnn", "mnist"), ("cnn", "cifar10"),
    }  # fmt: skip


def test_full_size_panels_and_grids_show_the_same_means():
    curves = reference.gerum2022_curves()
    point = ["network", "data", "attack", "epsilon", "beta", "alpha"]
    repeated = curves.groupby(point)["mean"].agg(["min", "max", "size"])
    assert (repeated["size"].max(), repeated["size"].min()) == (3, 1)
    assert (repeated["max"] - repeated["min"]).max() < DIGITISED


BASELINES = [
    ("shallow_mlp", "mnist", 1.539, 0.05, (0.9383, 0.2901, 0.2341)),
    ("deep_mlp", "mnist", 1.85, 0.05, (0.9792, 0.3262, 0.2701)),
    ("cnn", "mnist", 2.10, 0.10, (0.9684, 0.6719, 0.4808)),
    ("cnn", "cifar10", 1.433, 0.01, (0.5187, 0.2218, 0.2014)),
]


@pytest.mark.parametrize(("network", "data", "alpha", "epsilon", "expected"), BASELINES)
def test_baselines(network, data, alpha, epsilon, expected):
    conditions = (("none", 0.0), ("fgsm", epsilon), ("pgd", epsilon))
    for (attack, strength), accuracy in zip(conditions, expected, strict=True):
        found = curve(network, data, attack, strength, 0.0)
        assert found.index.tolist() == [alpha]
        assert found.item() == pytest.approx(accuracy, abs=DIGITISED)


# Accuracy of weak and of strong regularisation, at each of the measured alphas above them.
REGULARISED = """
network     data    attack epsilon  1.0   1.0    2.0   2.0    3.0   3.0    3.9   3.9    4.0   4.0
shallow_mlp mnist   none   0.00   .9351 .9297  .9411 .9317  .9442 .9337  -     -      .9386 .9334
shallow_mlp mnist   fgsm   0.05   .2706 .3358  .3178 .3932  .3687 .4772  -     -      .3793 .5475
shallow_mlp mnist   pgd    0.05   .2179 .2782  .2581 .3321  .3013 .4134  -     -      .3096 .4922
deep_mlp    mnist   none   0.00   .9766 .9695  .9796 .9759  .9799 .9750  .9755 -      -     .9559
deep_mlp    mnist   fgsm   0.05   .2071 .2359  .3550 .4082  .2691 .3450  .1407 -      -     .1458
deep_mlp    mnist   pgd    0.05   .1594 .1841  .2959 .3469  .2127 .2699  .1012 -      -     .1049
cnn         mnist   none   0.00   .9686 .9448  .9661 .9437  .9640 .9348  -     -      .9602 .9272
cnn         mnist   fgsm   0.10   .6813 .6820  .6756 .6671  .6688 .6410  -     -      .6652 .6160
cnn         mnist   pgd    0.10   .4930 .5531  .4956 .5469  .5012 .5345  -     -      .5055 .5220
cnn         cifar10 none   0.00   .5237 .4729  .5018 .4597  .4885 .4458  .4784 -      -     .4261
cnn         cifar10 fgsm   0.01   .2174 .2409  .2353 .2555  .2455 .2672  .2481 -      -     .2698
cnn         cifar10 pgd    0.01   .1968 .2256  .2176 .2425  .2306 .2573  .2322 -      -     .2612
"""
HEAD, *ROWS = (line.split() for line in REGULARISED.strip().splitlines())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(row[:4]))
def test_regularised_networks(row):
    network, data, attack, epsilon, *cells = row
    betas = (0.1, 1.0) * (len(cells) // 2)
    for alpha, beta, cell in zip(HEAD[4:], betas, cells, strict=True):
        if cell != "-":
            found = at(curve(network, data, attack, float(epsilon), beta), float(alpha))
            assert found == pytest.approx(float(cell), abs=DIGITISED), (beta, alpha)


def test_accuracy_falls_with_epsilon_as_published():
    expected = [0.938, 0.888, 0.799, 0.657, 0.460, 0.290, 0.178, 0.106, 0.059, 0.030, 0.013]
    table = reference.gerum2022_published("shallow_mlp", "mnist")
    chosen = table[(table["beta"] == 0) & table["attack"].isin(["none", "fgsm"])]
    found = chosen.sort_values("epsilon")["accuracy"]
    assert found.tolist() == pytest.approx(expected, abs=6e-4)  # three digits, digitised
    assert at(curve("cnn", "mnist", "pgd", 0.19, 0.0), 2.1) == pytest.approx(0.027, abs=6e-4)


@pytest.mark.parametrize(("network", "data", "epsilons"), [
    ("shallow_mlp", "mnist", 11), ("deep_mlp", "mnist", 20), ("cnn", "mnist", 20),
    ("cnn", "cifar10", 20),
])  # fmt: skip
def test_every_point_occurs_once(network, data, epsilons):
    table = reference.gerum2022_published(network, data)
    assert table.columns.tolist() == ["attack", "epsilon", "beta", "alpha", "accuracy", "sem"]
    point = ["attack", "epsilon", "beta", "alpha"]
    assert not table.duplicated(point).any()
    assert table[point].equals(table[point].sort_values(point))
    assert table["epsilon"].nunique() == epsilons
    assert table[["attack", "epsilon"]].drop_duplicates().shape[0] == 2 * (epsilons - 1) + 1


def test_error_bands_come_from_the_full_size_panels():
    table = reference.gerum2022_published("deep_mlp", "mnist")
    narrow = table[(table["attack"] == "none") & (table["beta"] == 1.0) & (table["alpha"] == 1.0)]
    assert narrow["sem"].tolist() == [0.00055]  # the grid has 0.00005


@pytest.mark.parametrize(
    "pair", [("shallow_mlp", "digits"), ("shallow_mlp", "cifar10"), ("vgg", "mnist")]
)
def test_what_was_not_published_is_an_empty_table_of_the_same_form(pair):
    empty, full = (
        reference.gerum2022_published(*pair),
        reference.gerum2022_published("cnn", "mnist"),
    )
    assert len(empty) == 0
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)


def test_alpha_by_epoch():
    table = reference.gerum2022_alpha_by_epoch()
    assert table.columns.tolist() == ["beta", "target", "epoch", "alpha", "sem"]
    assert len(table) == 2 * 23 * 50
    sizes = table.groupby(["beta", "target"])["epoch"].agg(["min", "max", "nunique"])
    assert (sizes == [1, 50, 50]).all(axis=None)
    alpha = table.set_index(["beta", "target", "epoch"])["alpha"]
    # The figure counts epochs from 0, the table from 1.
    published = {
        (0.1, 5.0): {0: 1.213, 1: 1.283, 2: 1.366, 5: 1.622, 10: 2.043, 49: 4.019},
        (0.1, 0.6): {0: 1.197, 1: 1.194, 2: 1.161, 5: 0.918, 8: 0.609},
        (1.0, 5.0): {0: 1.298, 1: 1.575, 2: 1.877, 10: 3.550, 31: 4.989, 32: 4.999},
        (1.0, 0.6): {0: 1.097, 1: 0.788, 2: 0.595},
    }
    for (beta, target), values in published.items():
        for epoch, value in values.items():
            assert alpha[(beta, target, epoch + 1)] == pytest.approx(value, abs=6e-4)


def test_the_spectra_of_figure_1e():
    table = reference.gerum2022_spectra()
    assert table.columns.tolist() == ["beta", "target", "rank", "variance"]
    plain = table[table["beta"] == 0.0].set_index("rank")["variance"]
    shaped = table[table["beta"] == 1.0].set_index("rank")["variance"]
    assert plain.index.tolist() == shaped.index.tolist() == list(range(1, 2001))
    assert plain.loc[:6].tolist() == pytest.approx(
        [0.207, 0.158, 0.101, 0.069, 0.057, 0.050], abs=6e-4
    )
    assert plain[50] == pytest.approx(0.00142, abs=1e-5)
    assert plain.loc[:10].sum() == pytest.approx(0.737, abs=1e-3)
    assert table.groupby("beta")["variance"].sum().tolist() == pytest.approx([1, 1], abs=1e-3)
    # The figure's lines, unweighted over ranks 6 to 100, are labelled 1.6 and 1.
    ranks = np.log(np.arange(6, 101))
    alphas = [-np.polyfit(ranks, np.log(variance.loc[6:100]), 1)[0] for variance in (plain, shaped)]
    assert alphas == pytest.approx([1.619, 0.986], abs=5e-4)
    assert table.loc[table["beta"] == 0.0, "target"].isna().all()
    assert (table.loc[table["beta"] == 1.0, "target"] == 1.0).all()


def test_the_forty_models_of_kong():
    table = reference.kong2021_table_s1()
    assert len(table) == 40
    assert table["model"].is_unique
    assert table["robust"].dtype == bool
    assert table["robust"].sum() == 14
    numbers = table.set_index("model")
    assert numbers.loc["alexnet"].iloc[2:].tolist() == [0.565, 0.294, 0.391, 0.383, 0.545]
    assert numbers["v1_predictivity_pls"].idxmax() == "igr_robust_resnet50"
    assert numbers.select_dtypes("number").stack().between(0, 1).all()
    # An attack never helps: the robust models' V1 predictivity is what the paper is about.
    attacked = numbers.filter(regex="top1_l").max(axis=1)
    assert (attacked < numbers["top1_clean"]).all()


def test_the_correlations_of_kong():
    table = reference.kong2021_correlations().set_index("figure")
    assert table.index.tolist() == ["6A", "6B", "7A", "7B", "S1A", "S1B", "S2A", "S2B"]
    assert table["regression"].tolist() == ["pls"] * 4 + ["ridge"] * 4
    assert table["r"].tolist() == [0.772, 0.362, 0.544, 0.663, 0.696, 0.159, 0.624, 0.565]
    # Two are printed as numbers, the others as "p < 0.001".
    printed = table[~table["p_is_bound"]]
    assert printed["p"].to_dict() == {"6B": 0.022, "S1B": 0.327}
    assert (table["p"][table["p_is_bound"]] == 0.001).all()
    # R, n = 40 and Student's t give every printed p.
    t = table["r"] * np.sqrt(38 / (1 - table["r"] ** 2))
    p = pd.Series(2 * student.sf(t, 38), table.index)
    assert (p[table["p_is_bound"]] < 0.001).all()
    assert p[~table["p_is_bound"]].tolist() == pytest.approx([0.022, 0.327], abs=5e-4)


def test_the_frequency_scores_of_kong():
    table = reference.kong2021_frequency_scores().set_index(["architecture", "robust"])
    assert table.loc[("resnet50", False)].tolist() == [0.763, 0.033]
    assert table.loc[("resnet50", True)].tolist() == [0.817, 0.032]
    assert table.loc[("resnet18", False)].tolist() == [0.771, 0.039]
    assert table.loc[("resnet18", True)].tolist() == [0.790, 0.036]


def test_the_cells_of_de_valois():
    table = reference.devalois1982()
    assert table["count"].tolist() == [0, 3, 3, 6, 17, 22, 18, 19, 9, 4]
    # Half-octave bins without gaps.
    assert table["bin_left_cpd"].tolist()[1:] == table["bin_right_cpd"].tolist()[:-1]
    assert np.log2(table["bin_right_cpd"] / table["bin_left_cpd"]).between(0.45, 0.55).all()
