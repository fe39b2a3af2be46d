import numpy as np
import pytest
import torch

from striate.predictivity import split_half_reliability
from truths import gaussian

HALVINGS = 100


def slow_repeated(trials, halvings):
    """Covariance of the halves, pooled over halvings, over the variance of the mean response.

    Of one neuron, repeats × stimuli; NaN where there is no trial.
    """
    products, degrees = 0.0, 0
    for seed in range(halvings):
        order = np.arange(len(trials))
        np.random.RandomState(seed).shuffle(order)
        pairs = []
        for stimulus in range(trials.shape[1]):
            means = []
            for half in np.split(order, [len(order) // 2]):
                seen = [trials[repeat, stimulus] for repeat in half]
                seen = [value for value in seen if not np.isnan(value)]
                means.append(sum(seen) / len(seen) if seen else np.nan)
            if not np.isnan(means).any():
                pairs.append(means)
        if len(pairs) >= 2:
            one, other = np.transpose(pairs)
            products += sum((one - one.mean()) * (other - other.mean()))
            degrees += len(pairs) - 1
    means = [np.mean(column[~np.isnan(column)]) for column in trials.T]
    return products / degrees / np.var(means, ddof=1)


def unequal(repeats, stimuli, single, seed=0):
    """The first stimuli of each neuron have one trial alone."""
    trials = gaussian(stimuli, 5, seed=seed) + gaussian(repeats, stimuli, 5, seed=seed + 1)
    trials[1:, :single] = torch.nan
    return trials


@pytest.mark.parametrize(("repeats", "stimuli", "single"), [(3, 5, 2), (4, 4, 1), (4, 9, 6)])
def test_with_unequal_trials_what_repeats_is_the_loop_over_halvings(repeats, stimuli, single):
    trials = unequal(repeats, stimuli, single)
    found = split_half_reliability(trials, halvings=HALVINGS)
    assert found.uneven.all()
    expected = [slow_repeated(trials[:, :, neuron].numpy(), HALVINGS) for neuron in range(5)]
    np.testing.assert_allclose(found.corrected.numpy(), expected, rtol=1e-10)


def test_what_varies_only_where_there_is_one_trial_has_no_reliability():
    trials = torch.ones(4, 6, 1, dtype=torch.float64)
    trials[1:, 0], trials[0, 0] = torch.nan, 3.0
    found = split_half_reliability(trials, halvings=HALVINGS)
    assert found.uneven.all()
    assert found.half.isnan().all()
    assert found.corrected.isnan().all()


def test_halvings_that_leave_one_stimulus_or_none_count_for_nothing():
    """Of six repeats three at most were recorded, and some halvings leave them on one side."""
    trials = gaussian(6, 3, 5, seed=2)
    for stimulus, there in enumerate(([0, 1], [0, 1], [0, 1, 2])):
        missing = [repeat for repeat in range(6) if repeat not in there]
        trials[missing, stimulus] = torch.nan
    found = split_half_reliability(trials, halvings=HALVINGS)
    assert found.uneven.all()
    expected = [slow_repeated(trials[:, :, neuron].numpy(), HALVINGS) for neuron in range(5)]
    np.testing.assert_allclose(found.corrected.numpy(), expected, rtol=1e-10)
