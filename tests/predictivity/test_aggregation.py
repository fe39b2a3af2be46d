import inspect

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from striate.predictivity import best_layer, choose_layer_nested, compare_models, layer_score
from truths import gaussian


@given(st.integers(0, 99), st.integers(2, 9), st.integers(1, 12), st.sampled_from([0, 1]))
def test_the_median_over_neurons_then_mean_and_sd_over_splits(seed, splits, neurons, ddof):
    correlations = gaussian(splits, neurons + 2, seed=seed)
    kept = torch.ones(neurons + 2, dtype=torch.bool)
    kept[[0, -1]] = False
    correlations[:, 0] = torch.nan
    found = layer_score(correlations, kept, ddof=ddof)
    medians = np.median(correlations[:, 1:-1].numpy(), 1)
    assert found.medians.numpy() == pytest.approx(medians)
    assert found.mean.item() == pytest.approx(medians.mean())
    assert found.sd.item() == pytest.approx(medians.std(ddof=ddof))
    assert found.neurons == neurons


def test_the_best_layer_is_the_first_of_the_best():
    assert best_layer(torch.tensor([0.1, 0.4, 0.3, 0.4])) == 1


def test_layers_are_chosen_by_what_is_not_reported():
    selection, test = gaussian(4, 5, 7), gaussian(4, 5, 7, seed=1)
    kept = torch.tensor([True] * 6 + [False])
    found = choose_layer_nested(selection, test, kept, ddof=1)
    for split in range(5):
        layer = int(np.median(selection[:, split, :6].numpy(), 1).argmax())
        assert found.layers[split] == layer
        assert torch.equal(found.correlations[split], test[layer, split])
    again = layer_score(found.correlations, kept, ddof=1)
    assert_close(found.score.mean, again.mean)
    assert_close(found.score.sd, again.sd)


def test_choosing_on_what_is_reported_flatters_and_nested_does_not():
    """Twelve layers of one true score, 0: the best of them by luck is above, in every of 20."""
    layers, splits, neurons = 12, 20, 41
    kept = torch.ones(neurons, dtype=torch.bool)
    nested = []
    for seed in range(20):
        # Splits share the luck of a layer, as they share stimuli.
        selection = gaussian(layers, 1, neurons, seed=2 * seed).expand(-1, splits, -1)
        test = gaussian(layers, 1, neurons, seed=2 * seed + 1).expand(-1, splits, -1)
        flattered = choose_layer_nested(test, test, kept).score.mean.item()
        assert flattered > 0
        nested.append(choose_layer_nested(selection, test, kept).score.mean.item())
    # A median of m normal numbers has variance π / 2m.
    assert abs(np.mean(nested)) < 4 * (np.pi / (2 * neurons * 20)) ** 0.5


NAN = torch.tensor([[0.1, torch.nan]])


@pytest.mark.parametrize(("function", "arguments", "message"), [
    (layer_score, (NAN, torch.tensor([True, True])), r"neuron 1 \(counted from 0\) is kept and"),
    (layer_score, (NAN, torch.tensor([False, False])), "kept leaves no neuron"),
    (layer_score, (NAN, torch.tensor([True])), "kept has shape .* for each of 2 neurons"),
    (layer_score, (NAN, torch.tensor([1, 0])), "dtype torch.int64; give one truth value"),
    (best_layer, (NAN[0],), "scores holds numbers that are not finite"),
    (choose_layer_nested, (torch.ones(2, 3, 2), torch.ones(2, 4, 2), torch.tensor([True, True])),
     "need layers × splits × neurons of both"),
])  # fmt: skip
def test_wrong_calls_are_refused(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(function)(*arguments)


def test_a_deviation_over_one_split_is_refused():
    with pytest.raises(ValueError, match="ddof=1 of 1 splits: give 0, or 1 of 2 and more"):
        layer_score(torch.ones(1, 2), torch.tensor([True, True]), ddof=1)


def slow_bootstrap(first, second, resamples, seed):
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        rows = rng.integers(0, len(first), len(first))
        drawn.append(np.median(first[rows]) - np.median(second[rows]))
    return np.array(drawn)


def test_the_comparison_is_a_paired_bootstrap_of_the_medians():
    first, second = gaussian(80), gaussian(80, seed=1)
    first = 0.9 * second + 0.3 * first + 0.05  # paired: alike, neuron by neuron
    found = compare_models(first, second, seed=0)
    drawn = slow_bootstrap(first.numpy(), second.numpy(), 4000, seed=1)
    assert found.difference == pytest.approx(np.median(first) - np.median(second))
    # Other draws: a share p of B resamples has a standard deviation of √(p (1 - p) / B), and both
    # have one.
    share = (drawn <= 0).mean()
    assert found.p_greater == pytest.approx(share, abs=4 * (0.25 / 4000 + 0.25 / 10_000) ** 0.5)
    for end, level in ((found.low, 0.025), (found.high, 0.975)):
        assert (drawn <= end).mean() == pytest.approx(level, abs=0.015)


def test_an_interval_of_another_level_ends_at_other_quantiles():
    first, second = gaussian(80), gaussian(80, seed=1)
    drawn = slow_bootstrap(first.numpy(), second.numpy(), 4000, seed=1)
    found = compare_models(first, second, seed=0, level=0.5)
    for end, level in ((found.low, 0.25), (found.high, 0.75)):
        assert (drawn <= end).mean() == pytest.approx(level, abs=0.05)
    usual = compare_models(first, second, seed=0)
    assert usual.low < found.low < found.high < usual.high
    assert found.p_two_sided == usual.p_two_sided


def test_p_counts_the_observed_data_among_the_resamples():
    scores = gaussian(50)
    ahead = compare_models(scores + 1, scores, seed=0, resamples=999)
    assert ahead.p_greater == 1 / 1000
    assert ahead.p_two_sided == 2 / 1000
    assert ahead.low == pytest.approx(1)
    behind = compare_models(scores - 1, scores, seed=0, resamples=999)
    assert behind.p_greater == 1
    assert behind.p_two_sided == 2 / 1000
    equal = compare_models(scores, scores, seed=0, resamples=999)
    assert (equal.difference, equal.p_greater, equal.p_two_sided) == (0, 1, 1)


def test_a_seed_gives_one_answer_whatever_the_batch(monkeypatch):
    first, second = gaussian(30), gaussian(30, seed=1)
    found = compare_models(first, second, seed=3)
    assert compare_models(first, second, seed=3) == found
    assert compare_models(first, second, seed=4) != found
    monkeypatch.setattr("striate.predictivity.bootstrap.BATCH", 50_000)
    assert compare_models(first, second, seed=3) == found


def test_under_the_null_p_is_seldom_small():
    """Two models of equal worth, 200 times: the two-sided p is below 0.05 about that often."""
    small = sum(
        compare_models(
            gaussian(60, seed=2 * seed), gaussian(60, seed=2 * seed + 1), seed=seed, resamples=500
        ).p_two_sided <= 0.05
        for seed in range(200)
    )  # fmt: skip
    # Binomial of 200 and 0.05: mean 10, deviation 3.1.
    assert small <= 10 + 4 * 3.1
    assert small >= 1


S = torch.ones(4)


@pytest.mark.parametrize(("arguments", "message"), [
    (dict(first=S, second=S[:3], seed=0), "first has 4 neurons and second 3"),
    (dict(first=S[:1], second=S[:1], seed=0), "need the same, at least 2"),
    (dict(first=S * torch.nan, second=S, seed=0), "first holds numbers that are not finite"),
    (dict(first=S, second=S, seed=-1), "seed=-1: give a whole number from 0"),
    (dict(first=S, second=S, seed=0, resamples=0), "resamples=0: give a whole number from 1"),
    (dict(first=S, second=S, seed=0, level=95.0), r"level=95.0: a confidence lies in \(0, 1\)"),
])  # fmt: skip
def test_models_that_cannot_be_compared_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(compare_models)(**arguments)
