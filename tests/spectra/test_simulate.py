import inspect

import pytest
import torch
from torch.testing import assert_close

from striate.spectra import cross_validated_eigenspectrum, simulate_recording
from striate.spectra.simulate import _mixed
from truths import gaussian

SETTINGS = {
    "alpha": 1.0, "stimuli": 4000, "units": 24, "repeats": 2, "signal_to_noise": 2.0, "seed": 0
}  # fmt: skip
noises = pytest.mark.parametrize("noise", ["gaussian", "poisson"])


@noises
@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.5])
def test_the_spectrum_is_the_power_law(noise, alpha):
    x = simulate_recording(**SETTINGS | {"alpha": alpha, "noise": noise, "signal_to_noise": 50.0})
    found = cross_validated_eigenspectrum(*x, algorithm="text")
    expected = torch.arange(1, 25, dtype=torch.float64) ** -alpha
    # Variances of 4000 Gaussian stimuli spread by sqrt(2/4000) = 2.2 %; where they are equal, a
    # sample of 24 units spreads them by sqrt(24/4000) on either side.
    spread = 0.2 if alpha == 0 else 0.1
    assert_close(found / found.sum(), expected / expected.sum(), rtol=spread, atol=0)


@noises
@pytest.mark.parametrize("ratio", [0.25, 1.0, 10.0])
def test_signal_and_noise_have_the_ratio_asked(noise, ratio):
    x = simulate_recording(**SETTINGS | {"signal_to_noise": ratio, "noise": noise})
    own_noise = (x[0] - x[1]).var(0) / 2
    signal = ((x[0] - x[0].mean(0)) * (x[1] - x[1].mean(0))).mean(0)
    assert (signal.mean() / own_noise.mean()).item() == pytest.approx(ratio, rel=0.1)
    if noise == "gaussian":
        assert signal.mean().item() == pytest.approx(1, rel=0.1)


def test_poisson_trials_are_counts_whose_variance_is_their_mean():
    x = simulate_recording(**SETTINGS | {"repeats": 400, "stimuli": 50, "noise": "poisson"})
    assert (x >= 0).all()
    assert torch.equal(x, x.round())
    mean, variance = x.mean(0), x.var(0)
    assert (variance.sum() / mean.sum()).item() == pytest.approx(1, abs=0.01)
    # Nothing is clipped: rates come down to zero without staying there.
    assert (mean == 0).sum() <= 1


def test_noise_is_independent_over_trials_and_units():
    x = simulate_recording(**SETTINGS | {"repeats": 3})
    noise = torch.cat([x[0] - x[1], x[1] - x[2]], 1)
    between = torch.corrcoef(noise.T)
    units = SETTINGS["units"]
    assert (between[:units, :units] - torch.eye(units)).abs().max() < 5 / 4000**0.5
    # Consecutive differences have the trial between them in common, with opposite signs.
    assert between[:units, units:].diagonal().mean().item() == pytest.approx(-0.5, abs=0.02)


@pytest.mark.parametrize("units", [1, 2, 9, 64, 101])
def test_mixing_is_a_rotation_of_all_units(units):
    eye = torch.eye(units, dtype=torch.float64)
    mixed = _mixed(eye, torch.Generator().manual_seed(0))
    assert_close(mixed @ mixed.T, eye, rtol=0, atol=1e-12)
    if units == 101:
        # A single unit or the mean of all is no component: each has a small share of each.
        assert mixed.square().max() < 0.2
        assert (mixed.mean(1) * units**0.5).square().max() < 0.2


def test_one_seed_one_recording():
    first, again, other = (simulate_recording(**SETTINGS | {"seed": seed}) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == (2, 4000, 24)
    assert first.dtype == torch.float64
    assert torch.equal(gaussian(3), gaussian(3))  # and global generators are left alone


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stimuli": 0}, "stimuli=0: give a whole number from 1 on"),
        ({"units": -1}, "units=-1"),
        ({"repeats": 0}, "repeats=0"),
        ({"alpha": -1.0}, "alpha=-1.0: an exponent is a finite number from 0 on"),
        ({"alpha": float("nan")}, "alpha=nan"),
        ({"signal_to_noise": 0.0}, "signal_to_noise=0.0: a ratio of variances is positive"),
        ({"signal_to_noise": float("inf")}, "signal_to_noise=inf"),
        ({"noise": "pink"}, "noise='pink'; choose 'gaussian' or 'poisson'"),
    ],
)
def test_what_cannot_be_simulated_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(simulate_recording)(**SETTINGS | change)
