"""Statistics over networks: the published table's numbers, slow references, planted answers."""

import doctest
import inspect
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from striate import reference, statistics
from striate.statistics import between, correlation, line, paired, partial_correlation
from striate.statistics import within_groups as within
from striate.statistics.correlations import _pearson

TABLE = reference.kong2021_table_s1()
THREE = TABLE[["top1_linf_1_1020", "top1_l2_0_15", "top1_l1_40"]]
ATTACKED = THREE.mean(axis=1).to_numpy()
PREDICTED = TABLE["v1_predictivity_pls"].to_numpy()
ROBUST = TABLE["robust"].to_numpy()
FEW = 99  # resamples, where the interval is not what is tested


def gaussian(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def slow_r(x, y):
    """Pearson's r from the formula."""
    top = sum((a - np.mean(x)) * (b - np.mean(y)) for a, b in zip(x, y, strict=True))
    return (
        top
        / np.sqrt(sum((np.asarray(x) - np.mean(x)) ** 2))
        / np.sqrt(sum((np.asarray(y) - np.mean(y)) ** 2))
    )


# Kong et al. 2021, Table S1 (protocols/kong.md §14).


def test_the_published_table_gives_the_published_correlation():
    found = correlation(ATTACKED, PREDICTED)
    assert found.r == pytest.approx(0.7735, abs=5e-5)
    assert found.r == pytest.approx(0.772, abs=0.006)
    assert found.p == pytest.approx(4.9e-9, rel=0.02)
    assert found.spearman == pytest.approx(0.792, abs=5e-4)
    assert found.n == 40
    assert 0.4 < found.low < found.r < found.high < 0.95


@pytest.mark.parametrize(("column", "expected"), [
    ("top1_clean", 0.027), ("top1_linf_1_1020", 0.7567), ("top1_l2_0_15", 0.7719),
    ("top1_l1_40", 0.7672),
])  # fmt: skip
def test_single_accuracies_of_the_table(column, expected):
    found = correlation(TABLE[column].to_numpy(), PREDICTED, resamples=FEW)
    assert found.r == pytest.approx(expected, abs=6e-4 if expected < 0.1 else 6e-5)
    assert column != "top1_clean" or found.p == pytest.approx(0.87, abs=0.005)


@pytest.mark.parametrize(("accuracy", "expected"), [
    (TABLE.filter(like="top1").mean(axis=1), 0.7871), (THREE.min(axis=1), 0.7617),
    (THREE.mean(axis=1) / TABLE["top1_clean"], 0.6805),
], ids=["mean of four", "least of three", "share kept"])  # fmt: skip
def test_other_readings_of_adversarial_accuracy(accuracy, expected):
    found = correlation(accuracy.to_numpy(), PREDICTED, resamples=FEW)
    assert found.r == pytest.approx(expected, abs=6e-5)


def test_without_alexnet_the_table_correlates_more():
    rest = (TABLE["model"] != "alexnet").to_numpy()
    found = correlation(ATTACKED[rest], PREDICTED[rest], resamples=FEW)
    assert (found.r, found.n) == (pytest.approx(0.829, abs=5e-4), 39)


def test_within_groups_the_table_correlates_less():
    found = within(ATTACKED, PREDICTED, ROBUST.tolist(), resamples=FEW)
    assert list(found) == [False, True]
    assert found[False].r == pytest.approx(0.390, abs=5e-4)
    assert found[False].p == pytest.approx(0.049, abs=5e-4)
    assert found[True].r == pytest.approx(0.689, abs=5e-4)
    assert found[True].p == pytest.approx(0.006, abs=5e-4)
    assert (found[False].n, found[True].n) == (26, 14)


@pytest.mark.parametrize("settings", [{"seed": 3, "resamples": FEW}, {"interval": "fisher"}])
def test_within_groups_is_the_correlation_of_each(settings):
    x, y = gaussian(2, 24)
    found = within(x, y, ["b", "a"] * 12, **settings)
    assert list(found) == ["b", "a"]
    for place, name in enumerate(found):
        assert found[name] == correlation(x[place::2], y[place::2], **settings)


def test_robust_networks_of_the_table_beside_their_bases():
    bases = TABLE.set_index("model")["v1_predictivity_pls"]
    after, before = PREDICTED[ROBUST], bases[TABLE["architecture"][ROBUST]].to_numpy()
    found = paired(before, after)
    assert found.mean == pytest.approx(0.0155, abs=5e-5)
    assert (found.positive, found.n) == (13, 14)
    assert found.p == pytest.approx(0.0015, abs=5e-5)
    assert 0.008 < found.low < found.mean < found.high < 0.023
    assert (after - before).max() == pytest.approx(0.036)


def test_the_groups_of_the_table():
    found = between(PREDICTED[ROBUST], PREDICTED[~ROBUST])
    assert found.difference == pytest.approx(0.5964 - 0.5745, abs=1e-4)
    assert found.p == pytest.approx(6e-6, rel=0.02)
    assert (found.first, found.second) == (14, 26)
    assert 0.01 < found.low < found.difference < found.high < 0.03


def test_the_line_of_the_table():
    fitted = line(ATTACKED, PREDICTED)
    assert fitted.intercept == pytest.approx(0.5539, abs=5e-5)
    assert fitted.slope == pytest.approx(0.0725, abs=5e-5)
    assert fitted.at(0.5) == pytest.approx(0.5539 + 0.0725 / 2, abs=1e-4)


def test_p_of_every_published_correlation_follows_from_r_and_n():
    # §11: p recomputed with the t distribution from R and n = 40.
    recomputed = [5.4e-9, 0.0217, 2.9e-4, 3.1e-6, 6.2e-7, 0.327, 1.7e-5, 1.5e-4]
    table = reference.kong2021_correlations()
    x = gaussian(40)
    x -= x.mean()
    other = gaussian(40, seed=1)
    other -= other.mean()
    other -= (other @ x) / (x @ x) * x
    x, other = x / np.linalg.norm(x), other / np.linalg.norm(other)
    for r, p in zip(table["r"], recomputed, strict=True):
        found = correlation(x, r * x + np.sqrt(1 - r * r) * other, resamples=9)
        assert found.r == pytest.approx(r, abs=1e-12)
        assert found.p == pytest.approx(p, rel=0.03)


# References from the formulas.


@given(st.integers(0, 10**6), st.integers(4, 30))
@settings(max_examples=25, deadline=None)
def test_r_is_the_formula_whatever_the_unit(seed, n):
    x, y = gaussian(2, n, seed=seed)
    found = correlation(x, y, interval="fisher")
    assert found.r == pytest.approx(slow_r(x, y), abs=1e-12)
    turned = correlation(7 - 3 * x, 5 * y, interval="fisher")
    assert turned.r == pytest.approx(-found.r, abs=1e-12)
    assert turned.p == pytest.approx(found.p)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))
    # A correlation of ranks
    assert found.spearman == pytest.approx(slow_r(x.argsort().argsort(), y.argsort().argsort()))


def test_fishers_interval_is_the_formula():
    x, y = gaussian(2, 20)
    found = correlation(x, y, interval="fisher")
    half = scipy_stats.norm.ppf(0.975) / np.sqrt(17)
    ends = np.tanh([np.arctanh(found.r) - half, np.arctanh(found.r) + half])
    assert (found.low, found.high) == pytest.approx(tuple(ends))


def slow_bca(data, statistic, resamples, seed):
    """Efron's bias-corrected and accelerated interval, a loop for each step."""
    rng = np.random.default_rng(seed)
    n = data.shape[1]
    seen = statistic(*data)
    drawn = []
    for _ in range(resamples):
        place = rng.integers(0, n, n)
        drawn.append(statistic(*data[:, place]))
    bias = scipy_stats.norm.ppf(np.mean(np.array(drawn) < seen))
    left_out = np.array([statistic(*np.delete(data, i, axis=1)) for i in range(n)])
    gap = left_out.mean() - left_out
    speed = (gap**3).sum() / (6 * (gap**2).sum() ** 1.5)
    ends = []
    for z in scipy_stats.norm.ppf([0.025, 0.975]):
        level = scipy_stats.norm.cdf(bias + (bias + z) / (1 - speed * (bias + z)))
        ends.append(np.quantile(drawn, level))
    return tuple(ends)


def slow_partial(x, y, *controls):
    """Correlation of the residuals of two regressions, by `numpy.linalg.lstsq`."""
    design = np.column_stack([np.ones(len(x)), *controls])
    rest = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (x, y)]
    return slow_r(*rest)


def test_the_bootstrap_interval_is_efrons():
    x = gaussian(25)
    y = x + gaussian(25, seed=1)
    found = correlation(x, y, seed=3)
    # Drawn one by one or all at once, the same seed gives the same networks.
    slow = slow_bca(np.array([x, y]), lambda a, b: np.corrcoef(a, b)[0, 1], 9999, 3)
    assert (found.low, found.high) == pytest.approx(slow, abs=1e-9)


@pytest.mark.parametrize(("networks", "columns"), [(6, 1), (9, 1), (12, 3)])
def test_fishers_interval_of_a_partial_correlation_has_a_network_less_for_each_column(
    networks, columns
):
    x, y, *given = gaussian(2 + columns, networks, seed=networks)
    found = partial_correlation(x, y, np.stack(given, 1), interval="fisher")
    half = scipy_stats.norm.ppf(0.975) / np.sqrt(networks - columns - 3)
    assert np.arctanh(found.low) == pytest.approx(np.arctanh(found.r) - half)
    assert np.arctanh(found.high) == pytest.approx(np.arctanh(found.r) + half)


def test_the_bootstrap_interval_of_a_partial_correlation_regresses_anew():
    z = gaussian(20)
    x, y = z + gaussian(20, seed=1), z + gaussian(20, seed=2)
    found = partial_correlation(x, y, z, seed=3, resamples=999)
    slow = slow_bca(np.array([x, y, z]), slow_partial, 999, 3)
    assert (found.low, found.high) == pytest.approx(slow, abs=1e-9)


def test_a_resample_in_which_a_control_does_not_vary_does_without_it():
    """A third of the resamples leave the one network of its group out."""
    x, y, group = *gaussian(2, 10), np.repeat([0.0, 1.0], [9, 1])
    found = partial_correlation(x, y, group, seed=3, resamples=999)
    slow = slow_bca(np.array([x, y, group]), slow_partial, 999, 3)
    assert (found.low, found.high) == pytest.approx(slow, abs=1e-9)


def test_the_bootstrap_covers_a_planted_correlation_as_often_as_it_says():
    truth, covered = 0.6, 0
    for seed in range(200):
        x, noise = gaussian(2, 40, seed=seed)
        found = correlation(x, truth * x + 0.8 * noise, seed=seed, resamples=199)
        covered += found.low <= truth <= found.high
    # 95 % of 200 are 190, sd 3.1; with 40 networks the interval is known to be a little short.
    assert 176 <= covered <= 198


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_partial_correlation_is_that_of_the_residuals(count):
    controls = gaussian(count, 15, seed=4)
    x = controls.sum(0) + gaussian(15)
    y = controls.sum(0) - gaussian(15, seed=1)
    found = partial_correlation(x, y, controls.T, resamples=FEW)
    assert found.r == pytest.approx(slow_partial(x, y, *controls), abs=1e-12)
    ranked = [v.argsort().argsort() + 1.0 for v in (x, y, *controls)]
    assert found.spearman == pytest.approx(slow_partial(*ranked), abs=1e-12)
    # Its p is that of x's coefficient in the regression of y on x and the controls.
    design = np.column_stack([np.ones(15), x, *controls])
    weights, rest, *_ = np.linalg.lstsq(design, y, rcond=None)
    freedom = 15 - design.shape[1]
    spread = np.sqrt(rest[0] / freedom * np.linalg.inv(design.T @ design)[1, 1])
    expected = 2 * scipy_stats.t.sf(abs(weights[1] / spread), freedom)
    assert found.p == pytest.approx(expected, rel=1e-9)


def test_a_control_far_from_zero_is_held_like_any_other():
    first, second = gaussian(2, 15, seed=4)
    x, y = second + gaussian(15), second - gaussian(15, seed=1)
    near, far = (
        partial_correlation(x, y, np.stack([first, second + offset], 1), interval="fisher")
        for offset in (0, 1e6)
    )
    assert far.r == pytest.approx(near.r, abs=1e-8)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_what_is_alike_but_for_the_unit_has_no_p_left(sign):
    """Residuals of ±1 in 16 networks, so that r is 1 without rounding."""
    x, given = np.tile([1.0, -1.0], 8), np.repeat([1.0, -1.0], 8)
    found = partial_correlation(x, sign * 2 * x, given, interval="fisher")
    assert (found.r, found.p) == (sign, 0.0)
    assert (found.spearman, found.spearman_p) == (sign, 0.0)
    assert (found.low, found.high) == (sign, sign)


def test_given_the_group_no_correlation_is_left_of_two_groups_apart():
    group = np.repeat([0.0, 1.0], 20)
    left, right = gaussian(2, 40)
    x, y = 10 * group + left, 10 * group + right
    assert correlation(x, y, resamples=FEW).r > 0.95
    found = partial_correlation(x, y, group)
    assert abs(found.r) < 0.4
    assert found.low < 0 < found.high


def test_the_same_seed_gives_the_same_interval_and_inputs_stay():
    x, y = gaussian(2, 12)
    kept = x.copy(), y.copy()
    assert correlation(x, y, seed=1) == correlation(list(x), list(y), seed=1)
    assert correlation(x, y, seed=1).low != correlation(x, y, seed=2).low
    np.testing.assert_array_equal((x, y), kept)


def test_pairs_by_hand():
    found = paired([0, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, -6])
    # Of 64 ways to give six ranks signs, 14 have a sum of the rarer sign of at most 6.
    assert found.p == pytest.approx(2 * 14 / 64)
    assert (found.mean, found.positive, found.n) == (1.5, 5, 6)
    same = paired([1, 2, 3], [1, 2, 3])
    assert (same.mean, same.p, same.positive) == (0.0, 1.0, 0)


def test_groups_by_hand():
    found = between([4.0, 5.0, 6.0], [1.0, 2.0, 3.0])
    assert found.difference == 3.0
    assert found.p == pytest.approx(2 / 20)  # one of 20 orders, at either end


@pytest.mark.parametrize("count", [2, 3, 5, 14])
def test_the_intervals_of_few_cover_the_truth_as_often_as_they_say(count):
    """95 % of 1000 are 950, sd 7; Welch's is too wide for very few."""
    pairs = groups = 0
    for seed in range(1000):
        x, y = gaussian(2, count, seed=seed)
        pair, group = paired(np.zeros(count), x + 3), between(5 * x + 1, y)
        pairs += pair.low <= 3 <= pair.high
        groups += group.low <= 1 <= group.high
    assert 929 <= pairs <= 971
    assert 929 <= groups <= 995


def test_intervals_of_differences_are_scipys():
    x, y = gaussian(7), 3 * gaussian(12, seed=1)
    found = paired(x, y[:7])
    assert (found.low, found.high) == pytest.approx(
        tuple(scipy_stats.ttest_rel(y[:7], x).confidence_interval())
    )
    found = between(x, y)
    assert (found.low, found.high) == pytest.approx(
        tuple(scipy_stats.ttest_ind(x, y, equal_var=False).confidence_interval())
    )


def test_where_nothing_scatters_there_is_no_interval():
    alike = paired([0.1, 0.2, 0.3], [0.2, 0.3, 0.4])  # by 0.1, up to rounding
    assert np.isnan([alike.low, alike.high]).all()
    apart = between([0.1] * 3, [0.3] * 3)
    assert np.isnan([apart.low, apart.high]).all()
    half = between([0.1] * 3, [0.3, 0.4, 0.5])
    assert half.low < -0.3 < half.high


def test_ranks_that_others_explain_have_no_partial_correlation():
    x, y = np.arange(1.0, 9), [2, 1, 4, 3, 6, 5, 8, 7]
    for found in (
        partial_correlation(x, y, np.exp(x), resamples=FEW),
        partial_correlation(y, x, np.exp(x), resamples=FEW),
    ):
        assert np.isnan([found.spearman, found.spearman_p]).all()
        assert 0 < found.r < 1  # of the numbers themselves something is left


def test_where_a_resample_has_no_correlation_there_is_no_interval():
    x, y = [0.0] * 9 + [1.0], np.arange(10.0)
    found = correlation(x, y)
    assert np.isnan([found.low, found.high]).all()
    assert found.r == pytest.approx(slow_r(x, y))
    assert np.isfinite(correlation(x, y, interval="fisher").low)


unchecked = inspect.unwrap(correlation)  # as a user calls it, without the tests' type checks
UP = [1.0, 2.0, 3.0, 4.0, 5.0]
MIXED = [1.0, 3.0, 2.0, 5.0, 4.0]
REFUSED = [
    (lambda: correlation(UP[:3], UP[:3]), "x has 3 networks; a correlation needs at least 4"),
    (lambda: correlation(UP, UP[:4]), "x and y pair up by network, but have 5 and 4 of them"),
    (lambda: correlation(UP, [0.3] * 5), "y is 0.3 for all 5 networks; let it vary"),
    (lambda: correlation([*UP[:4], np.nan], UP), r"x\[4\] is nan; leave out networks without"),
    (lambda: correlation(np.ones((2, 5)), UP), r"x has shape \(2, 5\); give one number per"),
    (lambda: unchecked(UP, MIXED, interval="normal"), "interval='normal'; choose 'bootstrap'"),
    (lambda: correlation(UP, MIXED, seed=-1), "seed=-1: give a whole number from 0 on"),
    (lambda: correlation(UP, MIXED, resamples=1), "resamples=1: give a whole number from 2 on"),
    (lambda: correlation(np.array(UP) * 1j, MIXED), "x holds complex128; give real numbers"),
    (lambda: correlation(1 + 1e-15 * np.array(UP), MIXED), "x is 1 for all 5 networks; let it var"),
    (lambda: line(0.3 + 1e-16 * np.array(UP), MIXED), "x is 0.3 for all 5 networks; let it vary"),
    (lambda: partial_correlation(UP[:4], MIXED[:4], UP[:4]), "x has 4 networks; this partial"),
    (lambda: partial_correlation(UP, MIXED, UP), "given explains x without a rest"),
    (lambda: partial_correlation(UP, MIXED, np.ones(5)), r"given\[:, 0\] is 1 for all 5"),
    (lambda: partial_correlation(UP, MIXED, UP[:4]), "pair up by network, but have 5 and 5 and 4"),
    (lambda: partial_correlation(UP, MIXED, np.full(5, "a")), "given holds <U1; give real num"),
    (lambda: partial_correlation(UP, MIXED, np.ones((5, 0))), r"given has shape \(5, 0\)"),
    (lambda: within(UP, MIXED, "aaaab"), "group 'b': x has 1 networks; a correlation needs"),
    (lambda: within(UP, MIXED, "aaaa"), "groups has 4 networks, x has 5"),
    (lambda: paired([1.0], [2.0]), "before has 1 networks; a comparison in pairs needs at least 2"),
    (lambda: paired(UP, UP[:4]), "before and after pair up by network, but have 5 and 4"),
    (lambda: between(UP, [1.0]), "other has 1 networks; a comparison of groups needs at least 2"),
    (lambda: line([1.0, 1.0], [0.0, 1.0]), "x is 1 for all 2 networks; let it vary"),
    (lambda: line([1.0], [0.0]), "x has 1 networks; a line needs at least 2"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=range(len(REFUSED)))
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_examples_of_the_docstrings_are_true():
    modules = {
        sys.modules[getattr(statistics, name).__module__]
        for name in ("correlation", "paired", "line")
    }
    for module in modules:
        found = doctest.testmod(module)
        assert found.attempted > 0
        assert found.failed == 0


def test_statistics_need_no_torch():
    program = "import sys, striate.statistics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_r_of_resamples_is_scipys_without_the_p():
    x, y = np.random.default_rng(0).standard_normal((2, 50, 12)) + 100
    x[3], y[4], y[5] = 7.0, 0.1, -2 * x[5]
    with pytest.warns(scipy_stats.ConstantInputWarning):
        expected = scipy_stats.pearsonr(x, y, axis=-1)[0]
    with np.errstate(invalid="ignore"):  # as the bootstrap does
        found = _pearson(x, y)
    assert np.flatnonzero(np.isnan(found)).tolist() == [3, 4]
    # Means of a hundred lose two of the sixteen digits.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
    assert found[5] == pytest.approx(-1, abs=1e-13)


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (3, 7)])
def test_an_exact_interval_leaves_2_5_percent_on_either_side(successes, trials):
    low, high = statistics.exact_interval(successes, trials)
    binomial = scipy_stats.binom
    if successes > 0:
        assert binomial.sf(successes - 1, trials, low) == pytest.approx(0.025)
    if successes < trials:
        assert binomial.cdf(successes, trials, high) == pytest.approx(0.025)
    assert (low == 0, high == 1) == (successes == 0, successes == trials)


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 3), (4, 3)])
def test_an_exact_interval_needs_trials(successes, trials):
    with pytest.raises(ValueError, match=f"successes={successes} of trials={trials}: give 0 to"):
        statistics.exact_interval(successes, trials)


@pytest.mark.parametrize("scales", [(1e-200, 1e200), (1e-300, 1.0), (1e300, 1e300)])
def test_correlations_do_not_depend_on_units_however_extreme(scales):
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    y, z = x + rng.normal(size=40), x + rng.normal(size=40)
    for found, expected in (
        (correlation(x * scales[0], y * scales[1]), correlation(x, y)),
        (
            partial_correlation(x * scales[0], y * scales[1], z * scales[0]),
            partial_correlation(x, y, z),
        ),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_holm_is_that_of_the_textbook():
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.4, 0.9]) == pytest.approx([0.8, 0.9])
    assert statistics.holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.001, 0.999))
def test_holm_rejects_what_stepping_down_rejects(p, level):
    """Holm's own words: from the smallest on, reject while p (m - k) ≤ the level, then stop."""
    rejected, left = set(), sorted(range(len(p)), key=lambda one: p[one])
    for place, one in enumerate(left):
        if p[one] * (len(p) - place) > level:
            break
        rejected.add(one)
    assert {one for one, value in enumerate(statistics.holm(p)) if value <= level} == rejected


def test_pairs_that_differ_alike_but_for_rounding_are_ties():
    before, after = [1, 2, 3, 4, 5, 6], [2, 1, 4, 5, 6, 7]
    tenths = paired([one / 10 for one in before], [one / 10 for one in after])
    assert tenths.p == paired(before, after).p
    far = paired([1e6 + one / 10 for one in before], [1e6 + one / 10 for one in after])
    assert far.p == tenths.p
    told_apart = paired([1e6] * 4, [1e6 + 1.0, 1e6 + 1 + 1e-6, 1e6 - 1 - 2e-6, 1e6 - 1 - 3e-6])
    assert told_apart.p == paired([0] * 4, [1, 2, -3, -4]).p
    beside = paired([1e17, 0.1, 0.1, 0.2], [1e17, 0.3, 0.4, 0.9])
    assert beside.p == paired([0.1, 0.1, 0.2], [0.3, 0.4, 0.9]).p
    steps = 1 + 1.5e-15 * np.arange(30)  # each within rounding of the next, and not of the last
    far = paired(-steps / 2, steps / 2)
    assert far.p < 1e-4
    signed = np.where(np.arange(30) % 3, 1, -1) * steps
    assert paired(-signed / 2, signed / 2).p != paired(-np.sign(signed), np.sign(signed)).p
    mixed = paired([1e6, 0.0, 0.0], [1e6 + 0.1, 0.1, -0.3])
    assert mixed.p == paired([0, 0, 0], [1, 1, -3]).p
    alike = paired([0.3, 0.5, 0.6], [0.1 + 0.2, 0.5, 0.6])
    assert (alike.mean, alike.p, alike.positive) == (0, 1, 0)
    assert np.isnan([alike.low, alike.high]).all()


def test_controls_that_are_nearly_alike_are_both_held():
    """As least squares on both has it: no more is lost than rounding takes of their difference."""
    z, w, one, other = np.random.default_rng(0).standard_normal((4, 40))
    x, y = w + 0.3 * one, w + 0.3 * other
    wanted = partial_correlation(x, y, np.stack([z, w], 1), interval="fisher").r
    for apart in (1e-3, 1e-6):
        found = partial_correlation(x, y, np.stack([z, z + apart * w], 1), interval="fisher").r
        assert found == pytest.approx(wanted, abs=1e-8)


def test_a_bootstrap_in_which_controls_may_explain_all_has_no_interval():
    """Of 8 networks a fifth of the resamples has at most 4, which 3 controls explain."""
    x, y, *given = np.random.default_rng(0).standard_normal((5, 8))
    found = partial_correlation(x, y, np.stack(given, 1), resamples=99)
    assert np.isnan([found.low, found.high]).all()
    assert np.isfinite([found.r, found.p]).all()


@pytest.mark.parametrize("scale", [1e-200, 1e200], ids=str)
def test_differences_and_lines_do_not_depend_on_units_however_extreme(scale):
    one, other = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 3.0])
    for compare in (paired, between):
        plain, scaled = compare(one, other), compare(scale * one, scale * other)
        np.testing.assert_allclose(np.array(scaled[:3]) / scale, plain[:3], rtol=1e-10)
        assert scaled[3:] == plain[3:]
    plain, scaled = line(one, other), line(scale * one, other)
    assert scaled.slope * scale == pytest.approx(plain.slope, rel=1e-12)
    assert scaled.intercept == pytest.approx(plain.intercept, rel=1e-12)


def test_small_differences_count_beside_a_large_pair():
    before = np.array([1e13, 1, 2, 3, 4, 5, 6])
    change = np.array([1000.0, 1, 1, 2, 1, 3, 1])
    found = paired(before, before + change)
    assert found.p == scipy_stats.wilcoxon(change).pvalue
    assert (found.positive, found.mean) == (7, pytest.approx(change.mean(), rel=1e-12))
    assert paired([10, 20, 30], [11, 22, 33]).mean == 2


def test_rounding_of_a_control_that_lies_far_from_zero_is_no_control():
    z, x, y = gaussian(3, 40)
    alone = partial_correlation(x, y, z, interval="fisher").r
    found = partial_correlation(x, y, np.stack([z, z + 1e9], 1), interval="fisher").r
    assert found == pytest.approx(alone, abs=1e-5)
