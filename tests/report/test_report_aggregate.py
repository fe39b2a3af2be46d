import numpy as np
import pandas as pd
import pytest

from striate.report.gerum2022.aggregate import at, binned, panel_epsilon, published_at


def rows(*networks, attack="fgsm", epsilon=0.05):
    table = pd.DataFrame(networks, columns=["beta", "alpha", "accuracy"])
    return table.assign(attack=attack, epsilon=epsilon)


def test_networks_that_share_a_rounded_alpha_become_one_dot():
    table = binned(rows((1.0, 0.96, 0.5), (1.0, 1.04, 0.7), (1.0, 1.06, 0.9)))
    assert table["alpha"].tolist() == [1.0, 1.1]
    np.testing.assert_allclose(table["accuracy"], [0.6, 0.9])
    # Two values d apart: sd = d / √2, SEM = sd / √2 = d / 2. One value has none.
    np.testing.assert_allclose(table["sem"], [0.1, np.nan])
    assert table["n"].tolist() == [2, 1]


def test_the_baseline_is_one_dot_at_the_mean_alpha_not_rounded_without_error():
    table = binned(rows((0.0, 1.54, 0.2), (0.0, 1.56, 0.3), (0.0, 2.04, 0.4)))
    assert len(table) == 1
    dot = table.iloc[0]
    assert dot["alpha"] == pytest.approx((1.54 + 1.56 + 2.04) / 3)
    assert dot["accuracy"] == pytest.approx(0.3)
    assert np.isnan(dot["sem"])
    assert dot["n"] == 3


def test_strengths_attacks_and_betas_are_never_mixed():
    parts = [
        rows((0.1, 1.0, 0.1), (1.0, 1.0, 0.2)),
        rows((1.0, 1.0, 0.3), epsilon=0.1),
        rows((1.0, 1.0, 0.4), attack="pgd"),
    ]
    table = binned(pd.concat(parts))
    assert sorted(table["accuracy"]) == [0.1, 0.2, 0.3, 0.4]
    assert at(table, "fgsm", 0.05)["accuracy"].tolist() == [0.1, 0.2]


def test_a_network_without_alpha_is_left_out():
    assert binned(rows((1.0, np.nan, 0.5), (1.0, 2.0, 0.7)))["accuracy"].tolist() == [0.7]


@pytest.mark.parametrize(
    ("pair", "grid", "half", "expected"),
    [
        (("shallow_mlp", "mnist"), [0, 0.05, 0.1], 0.09, 0.05),
        (("cnn", "mnist"), [0, 0.05, 0.1], 0.04, 0.1),
        (("cnn", "cifar10"), [0, 0.01, 0.02], np.nan, 0.01),
        (("shallow_mlp", "mnist"), [0, 0.02, 0.1], 0.09, 0.1),  # the paper's is not on the grid
        (("shallow_mlp", "digits"), [0, 0.05, 0.1], 0.08, 0.1),
        (("shallow_mlp", "digits"), [0, 0.05, 0.1], 0.01, 0.05),  # never ε = 0
        (("shallow_mlp", "digits"), [0, 0.05, 0.1, 0.2], np.nan, 0.1),
    ],
)
def test_panel_epsilon(pair, grid, half, expected):
    networks = pd.DataFrame({"beta": [0.0, 0.0, 1.0], "epsilon_half_fgsm": [half, half, 9.0]})
    chosen = panel_epsilon(*pair, networks, pd.DataFrame({"epsilon": grid}, dtype=float))
    assert chosen is not None
    assert chosen.value == expected
    rules = {0.05: "paper", 0.01: "paper"} if np.isnan(half) or half == 0.09 else {}
    assert rules.get(expected, "") in chosen.rule


def test_each_rule_for_epsilon_says_its_name():
    grid = pd.DataFrame({"epsilon": [0.0, 0.05, 0.1]})
    half = pd.DataFrame({"beta": [0.0], "epsilon_half_fgsm": [0.06]})
    unknown = half.assign(epsilon_half_fgsm=np.nan)
    rules = [
        panel_epsilon("deep_mlp", "mnist", half, grid),
        panel_epsilon("deep_cnn", "mnist", half, grid),
        panel_epsilon("deep_cnn", "mnist", unknown, grid),
    ]
    for rule, word in zip(rules, ["paper", "halves", "middle"], strict=True):
        assert rule is not None
        assert word in rule.rule


def test_nothing_attacked_has_no_panel_epsilon():
    networks = pd.DataFrame({"beta": [0.0], "epsilon_half_fgsm": [np.nan]})
    assert panel_epsilon("cnn", "mnist", networks, pd.DataFrame({"epsilon": [0.0]})) is None


def test_a_published_curve_is_read_between_its_points_and_not_beyond():
    curve = pd.DataFrame(
        {
            "beta": [0.1, 0.1, 0.1, 0.0],
            "alpha": [2.0, 1.0, 4.0, 1.54],
            "accuracy": [0.4, 0.2, 0.8, 0.9],
        }
    )
    read = [published_at(curve, beta=0.1, alpha=alpha) for alpha in (1.25, 3.0, 0.9, 4.1)]
    np.testing.assert_allclose(read, [0.25, 0.6, np.nan, np.nan])
    assert published_at(curve, beta=0.0, alpha=7.0) == 0.9  # a dot has no range to be in
    assert np.isnan(published_at(curve, beta=1.0, alpha=2.0))
