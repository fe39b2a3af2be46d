"""A network is compared with a recording under the recording's own conditions."""

import numpy as np
import pytest
import torch

from striate.spectra.comparison import _half_width, compare_spectra, smoothness_bound
from striate.spectra.conditions import measured, noisy
from striate.spectra.simulate import simulate_recording

SETTINGS = {"ranks": (3, 20), "weights": "rank", "algorithm": "text", "seed": 0}


def recorded(alpha=1.0, *, units=40, ratio=0.5, seed=0, repeats=4):
    return simulate_recording(
        alpha=alpha,
        stimuli=300,
        units=units,
        repeats=repeats,
        signal_to_noise=ratio,
        seed=seed,
        noise="poisson",
    )


def noiseless(alpha, seed=7, units=40):
    return recorded(alpha, ratio=1e9, seed=seed, repeats=1, units=units)[0]


@pytest.mark.parametrize(("alpha", "difference"), [(0.6, -0.4), (1.0, 0.0), (1.4, 0.4)])
def test_a_planted_difference_lies_in_the_interval(alpha, difference):
    found = compare_spectra(noiseless(alpha), recorded(), **SETTINGS)
    low, high = found.interval
    assert low < difference < high
    assert high - low < 0.5
    assert found.difference == pytest.approx(found.network - found.recording)
    assert found.network == pytest.approx(found.by_draw.mean().item())
    assert found.network_reliability == pytest.approx(found.recording_reliability, rel=0.1)
    assert found.kept.all()


def test_without_the_recording_s_noise_a_network_would_seem_different():
    """Why it is done: the same α, one measured with noise and one without, differ."""
    from striate.spectra import eigenspectrum, fit_power_law

    fit = {"ranks": (3, 20), "weights": "rank"}
    noisy = recorded(1.0, ratio=0.1)
    plain = fit_power_law(eigenspectrum(noiseless(1.0)), **fit).alpha
    of_mean = fit_power_law(eigenspectrum(noisy.mean(0)), **fit).alpha
    assert plain - of_mean > 0.3
    found = compare_spectra(noiseless(1.0), recorded(1.0, ratio=1.0), **SETTINGS)
    assert abs(found.difference) < 0.15


def test_the_interval_covers_no_difference_as_often_as_it_says():
    """Of 30 pairs of the same law 95 % are 28.5; 25 or more with probability 0.99."""
    settings = SETTINGS | {"draws": 4, "shuffles": 3, "groups": 8}
    inside = 0
    for seed in range(30):
        found = compare_spectra(
            noiseless(1.0, seed=1000 + seed), recorded(seed=seed), **settings | {"seed": seed}
        )
        inside += found.interval[0] <= 0 <= found.interval[1]
    assert inside >= 25


def test_signal_and_noise_are_told_apart():
    """Two planted units and one of noise alone, with a third of the trials lost."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(2000, 3)) * [2.0, 1.0, 0.0]
    trials = signal + rng.normal(size=(6, 2000, 3)) * [1.0, 3.0, 2.0] + 5
    trials[rng.random(trials.shape) < 1 / 3] = np.nan
    found = measured(torch.from_numpy(trials))
    np.testing.assert_allclose(found.mean, 5, atol=0.2)
    np.testing.assert_allclose(found.signal, [4, 1, 0], atol=0.4)  # 3.5 of its sd
    np.testing.assert_allclose(found.trial, [1, 9, 4], rtol=0.05)


def z_scored(trials):
    return (trials - trials.mean((0, 1))) / trials.std((0, 1))


@pytest.mark.parametrize("change", [torch.clone, z_scored], ids=["counts", "z-scores"])
def test_stand_ins_are_recorded_when_the_neuron_was_and_vary_as_it_did(change):
    rng = np.random.default_rng(1)
    recording = change(recorded(ratio=0.3, units=20))
    recording[torch.from_numpy(rng.random(recording.shape)) < 0.2] = torch.nan
    wanted = measured(recording)
    responses = noiseless(1.0, units=20)
    draws = [
        noisy(responses, recording, wanted, torch.Generator().manual_seed(n)) for n in range(20)
    ]
    assert all(torch.equal(draw.isnan(), recording.isnan()) for draw in draws)
    found = [measured(draw) for draw in draws]
    # 300 stimuli × 4 trials × 20 draws: sd below 0.02 of noise, 0.05 of signal.
    trial, signal = (torch.stack(each).mean(0) for each in list(zip(*found, strict=True))[:0:-1])
    assert torch.allclose(trial, wanted.trial, rtol=0.1)
    assert torch.allclose(signal, wanted.signal, rtol=0.25)
    # The expected response is a rising straight line in the network's.
    mean = torch.stack(draws).nanmean(0).nanmean(0)
    correlation = torch.corrcoef(torch.stack([mean[:, 0], responses[:, 0]]))[0, 1]
    assert correlation > 0.95


def test_a_wide_layer_is_cut_to_the_recording_and_silent_units_are_left_out():
    wide = torch.cat([noiseless(1.0, units=200), torch.zeros(300, 50)], 1)
    found = compare_spectra(wide, recorded(), **SETTINGS | {"draws": 3, "shuffles": 2})
    assert found.network_spectrum.shape == found.recording_spectrum.shape == (40,)
    assert found.network_spectrum.sum() == pytest.approx(1)
    assert len(set(found.by_draw.tolist())) == 3


def test_the_seed_decides_everything():
    settings = SETTINGS | {"draws": 2, "shuffles": 2, "groups": 3}
    network, recording = noiseless(1.0), recorded()
    one, two, other = (
        compare_spectra(network, recording, **settings | {"seed": seed}) for seed in (1, 1, 2)
    )
    assert torch.equal(one.by_draw, two.by_draw)
    assert one.interval == two.interval
    assert other.interval != one.interval


@pytest.mark.parametrize(("change", "message"), [
    ({"recording": torch.ones(1, 300, 40)}, "need repeats × stimuli × units, with at least 2"),
    ({"network": torch.ones(299, 40)}, "need the recording's 300 stimuli × units"),
    ({"network": torch.ones(300, 40)}, "network has 0 units that vary over the stimuli, the rec"),
    ({"network": torch.full((300, 40), torch.nan)}, "network holds responses that are not finite"),
    ({"draws": 1}, "draws=1: give a whole number from 2 on"),
    ({"level": 1.0}, "level=1.0: a confidence lies in"),
    ({"ranks": (3, 41)}, r"ranks=\(3, 41\) end beyond the 40 ranks there are"),
    ({"groups": 1}, "groups=1"),
    ({"recording": recorded(ratio=0.01)}, "units the signal is at least 0.1 of a trial's variance; "
     "fit fewer ranks, or give gains='own'"),
])  # fmt: skip
def test_what_cannot_be_compared_is_refused(change, message):
    given = {"network": noiseless(1.0), "recording": recorded(), **SETTINGS} | change
    network, recording = given.pop("network"), given.pop("recording")
    with pytest.raises(ValueError, match=message):
        compare_spectra(network, recording, **given)


def test_the_bound_of_smoothness():
    assert smoothness_bound(8.0) == 1.25
    assert smoothness_bound(float("inf")) == 1
    assert smoothness_bound(None) == 1
    assert smoothness_bound(1.0) == 3


@pytest.mark.parametrize("dimensions", [0.0, -2.0, float("nan")])
def test_there_is_no_bound_without_dimensions(dimensions):
    with pytest.raises(ValueError, match=f"dimensions={dimensions!r}: give how many dimensions"):
        smoothness_bound(dimensions)


def test_a_unit_that_varies_by_rounding_only_is_not_drawn():
    """What sees only the surround differs from image to image by the last bit, if at all."""
    torch.manual_seed(0)
    network = noiseless(1.0).float()
    still = torch.full((300, 25), 0.7)
    flicker = torch.where(torch.rand(300, 25) < 0.5, still, still.nextafter(torch.tensor(1.0)))
    assert (flicker.std(0) > 0).all()
    quick = SETTINGS | {"draws": 2, "shuffles": 2, "groups": 3}
    alone = compare_spectra(network, recorded(), **quick)
    beside = compare_spectra(torch.cat([network, still, flicker], 1), recorded(), **quick)
    assert alone.varying == beside.varying == 40
    assert torch.equal(alone.by_draw, beside.by_draw)


def r_squared(spectrum, first, last):
    """The squared correlation of logs at 100 ranks, equally far apart in log rank, one by one."""
    places = [round(x) for x in np.geomspace(first, last, 100)]
    pairs = np.log([[n, spectrum[n - 1]] for n in places])
    return np.corrcoef(pairs.T)[0, 1] ** 2


def test_the_fits_are_of_each_draw_and_of_the_recording():
    quick = SETTINGS | {"draws": 2, "shuffles": 2, "groups": 3, "gains": "own"}
    found = compare_spectra(noiseless(1.3, units=80), recorded(), **quick)
    theirs = r_squared(found.recording_spectrum.numpy(), 3, 20)
    assert found.recording_fit.r_squared.item() == pytest.approx(theirs, abs=1e-12)
    mean = r_squared(found.network_spectrum.numpy(), 3, 20)
    # A draw's spectrum is rougher than the mean of all.
    assert mean - 0.02 < found.network_fit.r_squared < mean
    assert 0 < found.network_fit.residual_sd < 0.3


@pytest.mark.parametrize("change", [
    lambda trials: trials * 0.01,
    lambda trials: 100 * trials - 1000,
], ids=["hundredths", "less a baseline"])  # fmt: skip
def test_the_unit_of_a_recording_does_not_matter(change):
    quick = SETTINGS | {"draws": 2, "shuffles": 2, "groups": 3}
    network, recording = noiseless(1.0, units=200), recorded()
    found = compare_spectra(network, recording, **quick)
    other = compare_spectra(network, change(recording), **quick)
    assert other.by_draw.tolist() == pytest.approx(found.by_draw.tolist(), abs=1e-6)
    assert other.interval == pytest.approx(found.interval, abs=1e-6)


@pytest.mark.parametrize(("gains", "least"), [("own", 7), ("equal", 6)])
def test_no_difference_is_found_if_each_neuron_is_multiplied_by_something(gains, least):
    """Disjoint units of one population; the mean over 8 has a standard error of 0.04.

    Of 40 such pairs the interval held 0 in 39 with their own gains, in 36 with equal ones.
    """
    settings = SETTINGS | {"ranks": (3, 15), "draws": 4, "shuffles": 2, "groups": 5, "gains": gains}
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        signal = noiseless(1.0, seed=seed, units=440)
        signal = (signal - signal.mean(0)) / signal.std(0)
        rates = 12 + torch.from_numpy(12 * rng.uniform(0.2, 1, 40)).sqrt() * signal[:, 400:]
        counts = torch.from_numpy(rng.poisson(rates.relu().expand(4, -1, -1)))
        trials = counts * torch.from_numpy(rng.permutation(np.logspace(-0.7, 0.7, 40)))
        found.append(compare_spectra(signal[:, :400], trials, **settings | {"seed": seed}))
    assert abs(np.mean([each.difference for each in found])) < 0.12
    assert sum(each.interval[0] <= 0 <= each.interval[1] for each in found) >= least


def two_sessions(seed):
    """Trials of 30 neurons that respond strongly and 30 that do not and code for other things."""
    strong, weak = (noiseless(1.0, seed=seed * 2 + part, units=30) for part in (0, 1))
    z = torch.cat([(one - one.mean(0)) / one.std(0) for one in (strong, weak)], 1)
    signal = z * torch.tensor([3.0] * 30 + [0.3] * 30).double()
    noise = torch.randn(12, *z.shape, generator=torch.Generator().manual_seed(seed)).double()
    return z, signal + noise * signal.std(0)


def test_a_network_that_is_the_signal_does_not_differ_though_strong_neurons_code_for_other_things():
    """Chance gives a unit the gain of a neuron that codes for something else: spectra flatten."""
    quick = SETTINGS | {"draws": 4, "shuffles": 2, "groups": 5}
    gaps = {"own": [], "equal": []}
    for seed in range(4):
        network, trials = two_sessions(seed)
        for gains, differences in gaps.items():
            found = compare_spectra(network, trials, gains=gains, **quick | {"seed": seed})
            differences.append(found.difference)
    assert np.mean(gaps["own"]) < -0.1
    assert abs(np.mean(gaps["equal"])) < 0.05


def test_gains_do_not_matter_where_they_are_equal():
    """And neurons whose signal is a tenth of a trial's variance at least, by hand, are compared."""
    recording = recorded(ratio=0.5)
    recording[:, :, 5:8] = recording[:, torch.randperm(300), 5:8].flip(0)  # three without a signal
    for unit in range(5, 8):
        for trial in recording:
            trial[:, unit] = trial[torch.randperm(300), unit]
    quick = SETTINGS | {"draws": 2, "shuffles": 2, "groups": 3}
    found = compare_spectra(noiseless(1.0), recording, **quick)
    signal, noise = measured(recording)[1:]
    kept = [unit for unit in range(40) if signal[unit] >= 0.1 * (signal[unit] + noise[unit])]
    assert found.units == len(kept) == 37
    scaled = torch.stack([recording[:, :, unit] / signal[unit].sqrt() for unit in kept], 2)
    by_hand = compare_spectra(noiseless(1.0), scaled, gains="own", **quick)
    assert by_hand.difference == pytest.approx(found.difference, abs=1e-9)
    assert by_hand.interval == pytest.approx(found.interval, abs=1e-9)
    gains = torch.logspace(-2, 2, 40).double()
    assert compare_spectra(noiseless(1.0), recording * gains, **quick).difference == pytest.approx(
        found.difference, abs=1e-6
    )


@pytest.mark.parametrize("of_units", [0.0, 0.1, 0.5])
def test_the_interval_counts_each_source_of_variance_once(of_units):
    """A mean over stimuli, of which all variances are known, in place of the exponent."""
    rng = np.random.default_rng(0)
    draws = groups = 30
    deviations, halves = [], []
    for _ in range(400):
        units = of_units * rng.normal(size=(draws + 1, 1))
        stimuli = rng.normal(size=(draws + 1, groups)) + rng.normal(size=groups)  # shared by all
        values = torch.from_numpy(units + stimuli)
        without = (values.sum(1, keepdim=True) - values) / (groups - 1)
        alphas = torch.cat([values.mean(1, keepdim=True), without], 1)
        network, recording = alphas[:-1], alphas[-1]
        halves.append(_half_width(network.mean(0) - recording, network, 0.95))
        deviations.append((network.mean(0) - recording)[0].item())
    exact = ((1 + 1 / draws) * (of_units**2 + 1 / groups)) ** 0.5
    assert np.std(deviations) == pytest.approx(exact, rel=0.1)
    assert np.mean(halves) == pytest.approx(1.96 * exact, rel=0.15)  # and t is wider than Gauss
    assert np.mean(np.abs(deviations) <= halves) == pytest.approx(0.95, abs=0.03)
