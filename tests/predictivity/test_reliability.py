import inspect
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr
from torch.testing import assert_close

from striate.predictivity import (
    correlation,
    noise_ceiling,
    noise_corrected,
    noise_corrected_correlation,
    pls,
    spearman_brown,
    split_correlations,
    split_half_reliability,
    split_indices,
    uneven_repeats,
)
from truths import gaussian


def recording(repeats, stimuli=40, neurons=6, seed=0):
    return gaussian(stimuli, neurons, seed=seed) + gaussian(
        repeats, stimuli, neurons, seed=seed + 1
    )


def with_gaps(trials, share, seed=0):
    drawn = torch.rand(trials.shape, generator=torch.Generator().manual_seed(seed))
    return trials.masked_fill(drawn < share, torch.nan)


def slow_reliability(trials, halvings=100):
    """Halve, average what there is, correlate over the stimuli that both halves have."""
    trials, found = trials.numpy(), []
    for neuron in range(trials.shape[2]):
        values, weights = [], []
        for seed in range(halvings):
            order = np.arange(len(trials))
            np.random.RandomState(seed).shuffle(order)
            halves = []
            for half in np.split(order, [len(order) // 2]):
                there = trials[half, :, neuron]
                halves.append([np.mean(t[~np.isnan(t)]) if (~np.isnan(t)).any() else np.nan
                               for t in there.T])  # fmt: skip
            a, b = np.array(halves)
            both = ~np.isnan(a + b)
            if both.sum() >= 2:
                values.append(pearsonr(a[both], b[both])[0])
                weights.append(both.sum())
        found.append(np.average(values, weights=weights))
    return np.array(found)


@pytest.mark.parametrize("repeats", [2, 3, 4, 5, 7])
def test_the_closed_form_is_the_loop_over_halvings(repeats):
    trials = recording(repeats)
    found = split_half_reliability(trials)
    expected = slow_reliability(trials)
    assert found.half.numpy() == pytest.approx(expected, abs=1e-12)
    assert found.corrected.numpy() == pytest.approx(2 * expected / (1 + expected), abs=1e-12)


@pytest.mark.parametrize(("repeats", "share"), [(2, 0.3), (4, 0.1), (4, 0.6), (5, 0.4)])
def test_gaps_are_averaged_around(repeats, share):
    trials = with_gaps(recording(repeats), share)
    found = split_half_reliability(trials, halvings=20).half.numpy()
    assert found == pytest.approx(slow_reliability(trials, 20), abs=1e-12)


def test_one_gap_moves_from_the_closed_form_to_the_loop_smoothly():
    trials = recording(4, stimuli=2000)
    whole = split_half_reliability(trials).half
    trials[3, 7, 0] = torch.nan
    found = split_half_reliability(trials).half
    assert_close(found[1:], whole[1:], atol=1e-12, rtol=0)
    assert 0 < abs(found[0] - whole[0]) < 1e-2


def test_neurons_with_two_of_four_repeats_use_them():
    """Cadena's recordings: some neurons were shown each image twice, others four times."""
    trials = recording(4)
    trials[2:, :, 0] = torch.nan
    found = split_half_reliability(trials).half
    two = split_half_reliability(trials[:2, :, :1]).half
    assert_close(found[:1], two, atol=1e-12, rtol=0)


def planted_gaps(kind, stimuli=1000, neurons=300):
    """Which trials are there: some stimuli have one or two of all, or four in ten are lost."""
    repeats = 10 if "10" in kind else 4
    there = torch.ones(repeats, stimuli, neurons, dtype=torch.bool)
    if kind == "lost":
        drawn = torch.rand(there.shape, generator=torch.Generator().manual_seed(1))
        there = drawn > 0.4
        there[0] |= ~there.any(0)
    else:
        few, share = {"1 of 4": (1, 0.5), "1 of 10": (1, 0.3), "2 of 10": (2, 0.5)}[kind]
        there[few:, : int(share * stimuli)] = False
    return there


@pytest.mark.parametrize("noise", [1.0, 3.0])
@pytest.mark.parametrize("kind", ["1 of 4", "1 of 10", "2 of 10", "lost"])
def test_with_unequal_repeats_the_ceiling_is_that_of_the_mean_response(kind, noise):
    r"""A perfect model scores 1, and the ceiling is the one planted.

    Of a mean over n trials the variance is 1 + noise / n, and over stimuli its average counts. The
    median over m neurons of a correlation over n stimuli has a standard deviation of at most
    √(π / 2mn), and so has a ceiling, relative to the correlation it is the square root of; 4 of
    each, and a bias of the order of the noise over n.
    """
    there = planted_gaps(kind)
    _, stimuli, neurons = there.shape
    signal = gaussian(stimuli, neurons)
    trials = signal + noise**0.5 * gaussian(*there.shape, seed=1)
    trials = trials.masked_fill(~there, torch.nan)
    found = split_half_reliability(trials, halvings=20)
    assert found.uneven.all()
    assert torch.equal(uneven_repeats(trials, halvings=20), found.uneven)
    true = (1 / (1 + noise * (1 / there.sum(0)).mean(0).double())).sqrt()
    bound = 8 * (np.pi / (2 * neurons * stimuli)) ** 0.5 / true.min().item() + 2 * noise / stimuli
    assert bound < 0.038
    ceiling = noise_ceiling(found.corrected)
    assert abs((ceiling / true).median().item() - 1) < bound
    perfect = noise_corrected_correlation(signal, trials.nanmean(0), found.corrected)
    assert perfect.kept.all()
    assert abs(perfect.correlation.median().item() - 1) < bound
    halves = noise_corrected_correlation(signal, trials.nanmean(0), spearman_brown(found.half))
    assert noise < 3 or halves.correlation.nanmedian().item() < 1 - bound


def test_repeats_that_are_equal_keep_spearman_and_brown_to_the_last_bit():
    trials = recording(6)
    padded = trials.clone()
    padded[4:, :, :3] = torch.nan  # four of six, of every stimulus
    for found in (split_half_reliability(trials), split_half_reliability(padded)):
        assert not found.uneven.any()
        assert torch.equal(found.corrected, spearman_brown(found.half))
    # Two of four repeats, others for each stimulus, are as many for each.
    drawn = torch.rand(4, 40, 6, generator=torch.Generator().manual_seed(0)).argsort(0)
    pairs = recording(4).masked_fill(drawn < 2, torch.nan)
    found = split_half_reliability(pairs)
    assert torch.equal(found.corrected, spearman_brown(found.half))
    one = recording(4)
    one[1:, 5, 0] = torch.nan  # a single trial
    assert uneven_repeats(one).tolist() == [True] + 5 * [False]
    found = split_half_reliability(one)
    assert torch.equal(found.corrected[1:], spearman_brown(found.half[1:]))
    assert found.corrected[0] != spearman_brown(found.half[:1])[0]


@given(st.integers(0, 99), st.floats(-100, 100), st.floats(0.01, 100))
def test_units_of_the_responses_do_not_matter(seed, shift, scale):
    trials = recording(4, stimuli=15, seed=seed)
    plain = split_half_reliability(trials, halvings=5)
    moved = split_half_reliability(scale * trials + shift, halvings=5)
    assert_close(moved.half, plain.half, atol=1e-9, rtol=0)


@pytest.mark.parametrize("gap", [False, True])
def test_what_cannot_be_told_is_nan(gap):
    trials = recording(3)
    trials[:, :, 1] = 0.1
    trials[1:, :, 2] = torch.nan if gap else 0.3
    found = split_half_reliability(trials).half
    assert found[[0, 3, 4, 5]].isfinite().all()
    assert found[1:3].isnan().all()


def test_two_stimuli_in_both_halves_are_enough():
    trials = recording(2, stimuli=3)
    trials[1, 2] = torch.nan
    assert_close(split_half_reliability(trials).half.abs(), torch.ones(6).double())


def test_a_stimulus_never_shown_makes_no_neuron_uneven():
    trials = recording(4)
    trials[2:] = torch.nan  # two of four, of every stimulus that was shown
    trials[:, 5] = torch.nan
    found = split_half_reliability(trials)
    assert not found.uneven.any()
    assert torch.equal(found.corrected, spearman_brown(found.half))


@pytest.mark.parametrize("there", [(0, 2), (2, 3)])
def test_only_halvings_that_are_made_leave_a_stimulus_out(there):
    """The first halving has trials 2 and 3 in one half, 0 and 1 in the other."""
    trials = recording(4)
    trials[[repeat for repeat in range(4) if repeat not in there], 5] = torch.nan
    trials[:, 6] = torch.nan
    for found in (
        uneven_repeats(trials, halvings=1), split_half_reliability(trials, halvings=1).uneven,
    ):  # fmt: skip
        assert found.tolist() == 6 * [there == (2, 3)]
    assert uneven_repeats(trials).all()


@pytest.mark.parametrize("repeats", [3, 4])
def test_a_halving_with_a_silent_half_is_left_out_with_gaps_and_without(repeats):
    """Neurons that spike once in a while: what one more stimulus, never shown, must not change."""
    draws = torch.rand(repeats, 100, 60, generator=torch.Generator().manual_seed(0))
    trials = (draws < 0.01).double()
    gap = torch.full((repeats, 1, 60), torch.nan, dtype=torch.float64)
    whole, with_gap = (
        split_half_reliability(some).half for some in (trials, torch.cat([trials, gap], 1))
    )
    assert_close(whole, with_gap, rtol=0, atol=1e-12, equal_nan=True)
    assert (trials.sum((0, 1)) > 1).sum() > whole.isfinite().sum() > 20


def test_spearman_and_brown():
    assert spearman_brown(torch.tensor(0.272)).item() == pytest.approx(0.4277, abs=1e-4)
    half = torch.tensor([-0.5, 0.0, 0.3, 1.0])
    assert_close(spearman_brown(spearman_brown(half)), spearman_brown(half, times=4.0))
    assert noise_ceiling(torch.tensor([0.25, -0.1])).tolist() == [0.5, 0.0]


def test_correlation_is_that_of_scipy():
    a, b = gaussian(30, 5) + 100, gaussian(30, 5, seed=1) - 1e4
    found = correlation(a, b).numpy()
    assert found == pytest.approx([pearsonr(p, q)[0] for p, q in zip(a.T, b.T, strict=True)])
    # Products of these are below the smallest number there is.
    assert correlation(1e-250 * (a - 100), 1e-250 * (b + 1e4)).numpy() == pytest.approx(found)


def test_what_predicts_nothing_scores_zero_and_what_never_varies_cannot_be_scored():
    a, b = gaussian(30, 4), gaussian(30, 4, seed=1)
    a[:, 0], b[:, 1], a[:, 2], b[:, 2] = 0.1, 0.1, 7.3, 7.3
    found = correlation(a, b)
    assert found[0] == 0
    assert found[1:3].isnan().all()
    assert 0 < found[3].abs() < 1


def test_splits_are_scored_over_their_own_stimuli():
    x, y = gaussian(60, 8), gaussian(60, 5, seed=1)
    splits = [split_indices(60, seed=seed) for seed in range(3)]
    fits = pls(x, y, splits=splits, z_scored=False, components=4)
    found = split_correlations(fits, y, splits=splits)
    for number, split in enumerate(splits):
        for side, rows in zip(found, split, strict=True):
            predicted = fits.linear_map(number).predict(x[rows])
            assert_close(side[number], correlation(predicted, y[rows]))


def test_noise_is_divided_out_and_neurons_without_signal_are_left_out():
    reliability = torch.tensor([0.64, 0.25, 0.1, -0.2, float("nan"), 0.0, 0.9, float("-inf")])
    correlations = torch.full((3, 8), 0.3)
    correlations[1, 6] = torch.nan
    found = noise_corrected(correlations, reliability)
    assert found.kept.tolist() == [True, True, True, False, False, False, False, False]
    assert_close(found.correlation[2, :3], torch.tensor([0.375, 0.6, 0.3 / 0.1**0.5]))
    assert found.correlation[:, ~found.kept].isnan().all()
    assert noise_corrected(correlations, reliability, minimum=0.1).kept.sum() == 2


def test_prediction_and_response_may_be_given_themselves():
    a, b = gaussian(30, 4), gaussian(30, 4, seed=1)
    reliability = torch.tensor([0.5, 0.2, 0.9, -1.0], dtype=torch.float64)
    found = noise_corrected_correlation(a, b, reliability)
    expected = noise_corrected(correlation(a, b), reliability)
    assert_close(found.correlation, expected.correlation, equal_nan=True)
    assert found.kept.tolist() == [True, True, True, False]


def test_precision_follows_the_responses():
    trials = recording(4)
    single, double = split_half_reliability(trials.float()), split_half_reliability(trials)
    assert single.half.dtype == single.corrected.dtype == torch.float32
    assert_close(single.half.double(), double.half, atol=1e-6, rtol=0)


A = torch.ones(3, 2)


@pytest.mark.parametrize(("function", "arguments", "message"), [
    (split_half_reliability, dict(responses=torch.ones(1, 5, 2)), "at least 2 repeats and 2 stim"),
    (split_half_reliability, dict(responses=torch.ones(2, 1, 2)), "at least 2 repeats and 2 stim"),
    (split_half_reliability, dict(responses=A), "need repeats × stimuli × neurons"),
    (split_half_reliability, dict(responses=torch.full((2, 2, 2), torch.inf)), "not finite"),
    (split_half_reliability, dict(responses=torch.ones(2, 5, 2), halvings=0), "halvings=0: give a"),
    (spearman_brown, dict(reliability=A, times=0.0), "times=0.0: give how many"),
    (noise_ceiling, dict(reliability=A), "reliability has shape .* need neurons"),
    (correlation, dict(prediction=A, response=A[:2]), "need the same stimuli × neurons"),
    (correlation, dict(prediction=A[:1], response=A[:1]), "at least 2 stimuli"),
    (correlation, dict(prediction=A * torch.nan, response=A), "prediction holds numbers that are"),
    (noise_corrected, dict(correlations=A, reliability=torch.ones(3)),
     "correlations has 2 neurons, reliability 3"),
    (noise_corrected, dict(correlations=A, reliability=torch.ones(2), minimum=-0.1),
     "minimum=-0.1: a reliability to exceed"),
    (noise_corrected, dict(correlations=torch.tensor(1.0), reliability=torch.ones(2)),
     "correlations has shape .* need ... × neurons"),
])  # fmt: skip
def test_wrong_calls_are_refused(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(function)(**arguments)


@pytest.mark.parametrize("repeats", [2, 3, 4, 5, 6])
def test_uneven_is_a_neuron_of_which_some_halving_lacks_a_stimulus(repeats):
    for count in range(1, repeats + 1):
        trials = recording(repeats)
        trials[count:, 5, 0] = torch.nan
        there = set(range(count))
        lacking = any(
            there <= set(half) or there.isdisjoint(half)
            for half in combinations(range(repeats), repeats // 2)
        )
        assert uneven_repeats(trials).tolist() == [lacking] + 5 * [False]
