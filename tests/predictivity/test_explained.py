import inspect

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from striate.predictivity import explained_variance
from truths import gaussian


def slow_feve(prediction, trials):
    """Loop over neurons and stimuli, with what was recorded."""
    prediction, trials = prediction.numpy(), trials.numpy()
    found = []
    for neuron in range(trials.shape[2]):
        every, errors, within, degrees = [], [], 0.0, 0
        for stimulus in range(trials.shape[1]):
            there = trials[:, stimulus, neuron]
            there = there[~np.isnan(there)]
            every.extend(there)
            errors.extend((there - prediction[stimulus, neuron]) ** 2)
            if len(there) > 1:
                within += ((there - there.mean()) ** 2).sum()
                degrees += len(there) - 1
        noise = within / degrees
        found.append((1 - (np.mean(errors) - noise) / (np.var(every) - noise), noise))
    return np.array(found).T


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_it_is_the_slow_way(share):
    signal = gaussian(50, 6)
    trials = signal + 0.7 * gaussian(4, 50, 6, seed=1)
    gaps = torch.rand(trials.shape, generator=torch.Generator().manual_seed(2)) < share
    trials = trials.masked_fill(gaps, torch.nan)
    prediction = 0.8 * signal + 0.2 * gaussian(50, 6, seed=3)
    found = explained_variance(prediction, trials)
    fraction, noise = slow_feve(prediction, trials)
    assert found.kept.all()
    assert found.fraction.numpy() == pytest.approx(fraction, abs=1e-12)
    assert found.noise.numpy() == pytest.approx(noise, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_known_signal_and_noise_are_found(seed):
    stimuli, neurons, repeats, noise = 500, 40, 4, 2.0
    signal = gaussian(stimuli, neurons, seed=3 * seed)
    trials = signal + noise**0.5 * gaussian(repeats, stimuli, neurons, seed=3 * seed + 1)
    # The prediction misses u of the signal's variance 1: FEVE is 1 - u.
    u = 0.3
    missed = gaussian(stimuli, neurons, seed=3 * seed + 2)
    found = explained_variance(signal + u**0.5 * missed, trials)
    # The pooled variance has stimuli (repeats - 1) degrees of freedom, so this standard deviation;
    # errors of FEVE come from the same number of squares of variance u + noise and 1 + noise.
    assert (found.noise - noise).abs().max() < 4.5 * noise * (2 / (stimuli * (repeats - 1))) ** 0.5
    one = (1 + u) * (2 * (1 + noise) ** 2 / stimuli) ** 0.5
    assert (found.fraction - (1 - u)).abs().max() < 4.5 * one
    assert abs(found.fraction.mean().item() - (1 - u)) < 4.5 * one / neurons**0.5 + 4 / stimuli


def test_the_mean_explains_nothing_and_a_scale_is_punished():
    signal = gaussian(2000, 3)
    trials = signal + gaussian(4, 2000, 3, seed=1)
    average = trials.mean((0, 1)).expand(2000, 3)
    found = explained_variance(average, trials).fraction
    assert_close(found, torch.zeros_like(found), atol=1e-12, rtol=0)
    assert (explained_variance(3 * signal, trials).fraction < -2).all()


def test_neurons_of_pure_noise_are_left_out():
    trials = gaussian(4, 500, 3)
    trials[:, :, 1] += gaussian(500, seed=5)
    trials[:, :, 2] = 0.5
    found = explained_variance(torch.zeros(500, 3, dtype=torch.float64), trials, minimum=0.2)
    assert found.kept.tolist() == [False, True, False]
    assert found.fraction.isnan().tolist() == [True, False, True]


def test_a_neuron_that_never_varies_is_left_out_whatever_its_mean_rounds_to():
    trials = gaussian(2, 50, 4)
    trials[:, :, 1], trials[:, :, 2] = 1 / 3, -7.1
    trials[0, 7, 1:3] = torch.nan
    found = explained_variance(torch.full((50, 4), 0.3).double(), trials)
    assert not found.kept[1:3].any()
    assert found.fraction[1:3].isnan().all()


@pytest.mark.parametrize(("prediction", "trials", "minimum", "message"), [
    (torch.ones(5, 3), torch.ones(2, 5, 2), 0.0, "need the same stimuli × neurons"),
    (torch.ones(5, 2), torch.ones(1, 5, 2), 0.0, "at least 2 repeats"),
    (torch.full((5, 2), torch.nan), torch.ones(2, 5, 2), 0.0, "prediction holds numbers that are"),
    (torch.ones(5, 2), torch.ones(2, 5, 2), 1.0, "minimum=1.0: a share of variance"),
])  # fmt: skip
def test_wrong_calls_are_refused(prediction, trials, minimum, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(explained_variance)(prediction, trials, minimum=minimum)
