"""The interval of a cross-validated exponent against its definition, and whether it covers."""

import inspect
import math

import numpy as np
import pytest
import torch
from scipy.stats import t

from striate.spectra import coin_flips, cross_validated_alpha, simulate_recording
from striate.spectra.cross_validated_interval import deal_groups

RANKS = (2, 10)


def recording(seed=0, *, repeats=2, stimuli=120, units=20, signal_to_noise=4.0):
    return simulate_recording(
        alpha=1.0,
        stimuli=stimuli,
        units=units,
        repeats=repeats,
        signal_to_noise=signal_to_noise,
        seed=seed,
    )


def measure(x, **change):
    settings = {
        "ranks": RANKS, "weights": "rank", "algorithm": "text", "seed": 0, "shuffles": 3,
        "groups": 10,
    }  # fmt: skip
    return inspect.unwrap(cross_validated_alpha)(x, **settings | change)


def slow_alpha(halves, ranks):
    """Mean over shuffles of the equations' spectra, and a line through its logarithms."""
    spectra = []
    for half1, half2 in halves:
        x1, x2 = half1 - half1.mean(0), half2 - half2.mean(0)
        right = np.linalg.svd(x1, full_matrices=False)[2].T
        spectra.append(((x1 @ right) * (x2 @ right)).sum(0))
    n = np.arange(ranks[0], ranks[1] + 1)
    mean = np.mean(spectra, 0)[ranks[0] - 1 : ranks[1]]
    return -np.polyfit(np.log(n), np.log(mean), 1, w=n**-0.5)[0]


@pytest.mark.parametrize("units", [20, 150])
@pytest.mark.parametrize("level", [0.95, 0.5])
def test_the_interval_is_that_of_the_delete_d_jackknife(units, level):
    """Shao & Wu 1989, each stimulus with its trials and its coins."""
    x, groups, shuffles = recording(units=units), 10, 3
    flips = coin_flips(120, shuffles=shuffles, seed=7).numpy()[:, :, None]
    one, other = x.numpy()
    halves = [(np.where(swap, other, one), np.where(swap, one, other)) for swap in flips]
    group = deal_groups(torch.ones(120, dtype=torch.bool), None, groups, 7).numpy()
    alpha = slow_alpha(halves, RANKS)
    without = np.array([
        slow_alpha([(h1[group != g], h2[group != g]) for h1, h2 in halves], RANKS)
        for g in range(groups)
    ])  # fmt: skip
    error = math.sqrt((groups - 1) / groups * ((without - without.mean()) ** 2).sum())
    bias = (groups - 1) * (without.mean() - alpha)
    half = t.ppf((1 + level) / 2, groups - 1) * error

    found = measure(x, seed=7, groups=groups, shuffles=shuffles, level=level)
    assert found.alpha == pytest.approx(alpha, abs=1e-9)
    assert found.standard_error == pytest.approx(error, abs=1e-9)
    assert found.interval == pytest.approx((alpha - half, alpha + half), abs=1e-8)
    assert found.corrected == pytest.approx(alpha - bias, abs=1e-8)
    slack = half + 2 * abs(bias)
    wide = (alpha - bias - slack, alpha - bias + slack)
    assert found.corrected_interval == pytest.approx(wide, abs=1e-7)
    assert found.level == level


def at_least(level, repeats):
    """What a binomial with this probability reaches in 99.9 % of simulations."""
    return level - 3.1 * math.sqrt(level * (1 - level) / repeats)


@pytest.mark.parametrize("algorithm", ["text", "released"])
def test_intervals_cover_and_are_no_wider_than_need_be(algorithm):
    found = [measure(recording(seed), algorithm=algorithm) for seed in range(40)]
    alphas = torch.tensor([f.alpha for f in found])
    average, spread = alphas.mean().item(), alphas.std().item()
    covered = sum(low <= average <= high for low, high in (f.interval for f in found))
    assert covered / 40 >= at_least(0.95, 40)
    planted = sum(low <= 1 <= high for low, high in (f.corrected_interval for f in found))
    assert planted / 40 >= at_least(0.95, 40)
    typical = sum(f.standard_error for f in found) / 40
    assert typical == pytest.approx(spread, rel=0.4)
    assert average == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("missing", ["response", "trial"])
def test_recordings_with_lost_trials_have_intervals(missing):
    x = recording(repeats=6)
    whole = measure(x)
    x[torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) < 0.02] = torch.nan
    x[1:, 5] = torch.nan
    found = measure(x, missing=missing)
    assert abs(found.alpha - whole.alpha) < 3 * whole.standard_error
    low, high = found.interval
    assert low < found.alpha < high


def test_a_trial_that_lacks_a_unit_may_be_set_aside_whole():
    x = recording(repeats=4)
    x[0, ::3, 4] = torch.nan
    without = x.clone()
    without[0, ::3] = torch.nan
    assert measure(x, missing="trial") == measure(without)
    assert measure(x, missing="response") != measure(without)


def test_stimuli_that_resemble_each_other_leave_together():
    """Every stimulus twice: without saying so, the interval is too narrow by the root of two."""
    errors = {"none": [], "clusters": []}
    twice = torch.arange(240) % 120
    for seed in range(12):
        x = recording(seed, signal_to_noise=1e6)[:, twice]
        errors["none"].append(measure(x, shuffles=1, seed=seed).standard_error ** 2)
        together = measure(x, shuffles=1, seed=seed, clusters=twice)
        errors["clusters"].append(together.standard_error**2)
    ratio = sum(errors["clusters"]) / sum(errors["none"])
    # Each variance has 9 degrees of freedom: the ratio of sums of 12 spreads by 2 / sqrt(108).
    assert ratio == pytest.approx(2, abs=3 * 2 * 2 / 108**0.5)


def test_a_group_holds_whole_clusters():
    kept = torch.ones(60, dtype=torch.bool)
    kept[::7] = False
    clusters = torch.arange(60) // 4 * 10
    group = deal_groups(kept, clusters, 5, 0)
    assert len(group) == kept.sum()
    assert set(group.tolist()) == set(range(5))
    for name in clusters.unique():
        assert len(set(group[clusters[kept] == name].tolist())) == 1


def test_a_seed_decides_who_falls_into_which_group():
    for seed in (0, 7):
        order = torch.randperm(12, generator=torch.Generator().manual_seed(seed))
        group = deal_groups(torch.ones(12, dtype=torch.bool), None, 5, seed)
        assert torch.equal(group, order % 5)


def test_the_same_seed_gives_the_same_interval():
    x = recording()
    assert measure(x, seed=3) == measure(x, seed=3)
    assert measure(x, seed=3) != measure(x, seed=4)


NOISY = recording(signal_to_noise=0.01)


@pytest.mark.parametrize(
    ("x", "change", "message"),
    [
        (recording(), {"level": 1.0}, "level=1.0: a confidence lies in"),
        (recording(), {"groups": 1}, "groups=1 of 120 stimuli: need at least 2"),
        (recording(), {"groups": 121}, "groups=121 of 120 stimuli"),
        (
            recording(), {"clusters": torch.arange(120) // 60},
            "groups=10 of 2 clusters of stimuli: need",
        ),
        (recording(), {"clusters": torch.arange(9)}, r"shape \(9,\); need .* 120 stim"),
        (recording(), {"ranks": (5, 5)}, "need 1 <= first < last"),
        (recording(), {"ranks": (2, 21)}, "21 eigenvalues, but 108 stimuli .* 20 units have 20"),
        (recording(), {"ranks": (2, 20), "algorithm": "released"}, "20 units have 19"),
        (recording(units=200), {"ranks": (2, 108)}, "108 stimuli .* have 107"),
        (recording(), {"algorithm": "code"}, "algorithm='code'"),
        (recording(), {"shuffles": 0}, "shuffles=0"),
        (recording(), {"missing": "drop"}, "missing='drop'"),
        (recording(), {"weights": "log"}, "weights='log'"),
        (
            NOISY, {"ranks": (2, 20)},
            r"spectrum of all stimuli: the variance at rank \d+ is -.*, not positive; fit ranks",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_cannot_be_bounded_is_refused(x, change, message):
    with pytest.raises(ValueError, match=message):
        measure(x, **change)


def test_a_group_without_which_the_spectrum_is_negative_is_named():
    """The signal of rank 2 is shown by two stimuli, which are all that a group holds."""
    x = torch.zeros(2, 40, 3, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    x[:, :, 0] = 5 * torch.randn(40, generator=generator, dtype=torch.float64)
    unreliable = torch.randn(40, generator=generator, dtype=torch.float64)
    x[0, :, 1], x[1, :, 1] = unreliable, -unreliable
    group = deal_groups(torch.ones(40, dtype=torch.bool), None, 20, 0)
    both = (group == 3).nonzero()[:, 0]
    x[:, both, 1] = torch.tensor([20.0, -20.0], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"spectrum without group 4 of the stimuli: .* at rank 2"):
        measure(x, ranks=(1, 2), groups=20, shuffles=2)
