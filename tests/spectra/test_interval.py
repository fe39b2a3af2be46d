"""The interval of α covers what it says it covers, on spectra whose exponent was planted."""

import math

import numpy as np
import pytest
import torch

from striate.spectra import alpha_interval, gram_alpha_interval

# stimuli, units, alpha, ranks, weights: the last two have windows so near the number of stimuli or
# units that the exponent of a sample is far from the planted one.
EASY = [
    (400, 100, 1.0, (6, 40), "none"),
    (400, 100, 2.0, (6, 40), "none"),
]
HARD = [
    (200, 400, 1.0, (6, 40), "none"),
    (500, 100, 1.0, (10, 75), "rank"),
]
# Within the criterion of the docs: α of 0.8 or more, windows that end at a tenth of the stimuli.
TRUSTED = [
    (200, 100, 1.0, (6, 20), "none"),
    (200, 400, 1.0, (2, 20), "rank"),
    (200, 1000, 1.0, (6, 20), "rank"),
]
# Shallow spectra of more units than stimuli: the part of the bias that falls as 1/n cancels.
SHALLOW = [
    (200, 400, 0.5, (6, 40), "none"),
    (200, 400, 1.0, (6, 66), "none"),
    (200, 1000, 0.5, (10, 40), "rank"),
]


def planted(stimuli, units, alpha, seed):
    """Gaussian responses whose population covariance has eigenvalues n**-alpha."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(stimuli, units, generator=generator, dtype=torch.float64)
    return noise * torch.arange(1, units + 1, dtype=torch.float64) ** (-alpha / 2), generator


def simulate(case, repeats):
    stimuli, units, alpha, ranks, weights = case
    for seed in range(repeats):
        x, generator = planted(stimuli, units, alpha, seed)
        yield alpha_interval(x, ranks=ranks, weights=weights, generator=generator)


def coverage(intervals, truth, name):
    hits = [low <= truth <= high for low, high in (getattr(i, name) for i in intervals)]
    return sum(hits) / len(hits)


def at_least(level, repeats):
    """What a binomial with this probability reaches in 99.9 % of simulations."""
    return level - 3.1 * math.sqrt(level * (1 - level) / repeats)


@pytest.mark.parametrize("case", [EASY[0], HARD[0], TRUSTED[1]], ids=str)
def test_intervals_cover(case):
    found = list(simulate(case, 40))
    average = sum(f.alpha for f in found) / len(found)
    assert coverage(found, average, "interval") >= at_least(0.95, 40)
    assert coverage(found, case[2], "corrected_interval") >= at_least(0.95, 40)


def simulated(case):
    """Print what docs/alpha-interval.md says of a case; give its intervals' coverage, and spread.

    That is how often `corrected_interval` covers, the mean standard error, and the sd of α.
    """
    found = list(simulate(case, 300))
    average = sum(f.alpha for f in found) / len(found)
    spread = math.sqrt(sum((f.alpha - average) ** 2 for f in found) / len(found))
    typical = sum(f.standard_error for f in found) / len(found)
    same_n, population = (
        coverage(found, truth, name)
        for truth, name in ((average, "interval"), (case[2], "corrected_interval"))
    )
    print(
        f"\n{case}: mean α {average:.4f}, sd {spread:.4f}, mean standard error {typical:.4f}, "
        f"corrected {sum(f.corrected for f in found) / len(found):.4f}, "
        f"coverage of interval {same_n:.3f}, of corrected_interval {population:.3f}"
    )
    assert same_n >= at_least(0.95, 300)
    return population, typical, spread


@pytest.mark.slow
@pytest.mark.parametrize("case", EASY + HARD + TRUSTED, ids=str)
def test_coverage_over_many_samples(case):
    population, typical, spread = simulated(case)
    assert population >= at_least(0.95, 300)
    assert typical == pytest.approx(spread, rel=0.35)


@pytest.mark.slow
@pytest.mark.parametrize("case", SHALLOW, ids=str)
def test_corrected_intervals_of_shallow_spectra_miss_the_planted_alpha(case):
    population, typical, spread = simulated(case)
    assert population < at_least(0.95, 300)
    assert 1.0 < typical / spread < 2.0  # the jackknife errs on the safe side


def test_the_corrected_interval_is_not_that_of_a_shallow_spectrum():
    found = list(simulate(SHALLOW[0], 20))
    assert coverage(found, 0.5, "corrected_interval") < 0.5


def films(count=40, frames=5, units=60, seed=0, apart=0.1):
    """Frames that differ from the mean of their film a little, and the number of their film."""
    x, generator = planted(count, units, 1.0, seed)
    noise = torch.randn(count, frames, units, generator=generator, dtype=torch.float64)
    near = (x[:, None] + apart * noise * x.std(0)).flatten(0, 1)
    return near, torch.arange(count).repeat_interleave(frames) * 7 + 3


def test_stimuli_of_one_cluster_leave_together():
    x, clusters = films()
    how = {"ranks": (2, 12), "weights": "rank"}
    found = alpha_interval(
        x, **how, generator=torch.Generator().manual_seed(2), groups=8, clusters=clusters
    )
    # Film by film, in numpy.
    group = (torch.randperm(40, generator=torch.Generator().manual_seed(2)) % 8).numpy()
    names = np.unique(clusters.numpy())

    def alpha(rows):
        spectrum = np.linalg.eigvalsh(np.cov(x.numpy()[rows].T))[::-1]
        n = np.arange(2, 13)
        return -np.polyfit(np.log(n), np.log(spectrum[1:12]), 1, w=n**-0.5)[0]

    without = [alpha(~np.isin(clusters.numpy(), names[group == g])) for g in range(8)]
    error = np.sqrt(7 / 8 * np.sum((without - np.mean(without)) ** 2))
    assert found.standard_error == pytest.approx(error, rel=1e-9)
    assert found.corrected == pytest.approx(8 * found.alpha - 7 * np.mean(without), rel=1e-9)
    gram = gram_alpha_interval(
        x @ x.T, **how, generator=torch.Generator().manual_seed(2), groups=8, clusters=clusters
    )
    assert gram.standard_error == pytest.approx(error, rel=1e-6)


def test_frames_that_leave_alone_look_surer_than_they_are():
    """Over fresh films α scatters as the interval over films says, not as that over frames."""
    alphas, alone, together = [], [], []
    for seed in range(20):
        x, clusters = films(frames=10, seed=seed, apart=0.02)
        how = {"ranks": (2, 12), "weights": "rank", "generator": torch.Generator().manual_seed(0)}
        alphas.append(alpha_interval(x, **how).alpha)
        alone.append(alpha_interval(x, **how).standard_error)
        together.append(alpha_interval(x, **how, clusters=clusters).standard_error)
    assert np.mean(together) == pytest.approx(np.std(alphas, ddof=1), rel=0.5)
    assert np.mean(alone) < 0.6 * np.std(alphas, ddof=1)


def test_a_window_that_ends_in_rounding_is_refused():
    x, generator = planted(15, 60, 1.0, 0)
    twice = x.repeat(2, 1)
    how = {"ranks": (2, 15), "weights": "none", "generator": generator}
    message = r"ranks=\(2, 15\) end in variances that may be rounding: .* vary in 14 directions"
    with pytest.raises(ValueError, match=message):
        alpha_interval(twice, **how)
    with pytest.raises(ValueError, match=message):
        gram_alpha_interval(twice @ twice.T, **how)
    steep, _ = planted(100, 30, 5.0, 0)
    how["ranks"] = (2, 25)
    assert alpha_interval(steep, **how).alpha == pytest.approx(5, abs=0.5)
    with pytest.raises(ValueError, match="at most, or give float64"):
        alpha_interval(steep.float(), **how)


def test_a_gram_matrix_may_have_the_window_that_its_responses_have():
    """The last variance is 6e-5 of the first, far above rounding of single precision."""
    x, _ = planted(100, 30, 3.0, 0)
    how = {"ranks": (2, 25), "weights": "none"}
    found, expected = (
        interval(some, **how, generator=torch.Generator().manual_seed(1))
        for interval, some in ((gram_alpha_interval, (x @ x.T).float()), (alpha_interval, x))
    )
    assert found.alpha == pytest.approx(expected.alpha, abs=5e-3)
    assert found.standard_error == pytest.approx(expected.standard_error, rel=0.05)


def test_the_uncorrected_interval_misses_the_planted_alpha_where_the_sample_is_biased():
    found = list(simulate(HARD[0], 10))
    assert coverage(found, 1.0, "interval") < 0.5


def test_duplicates_ruin_the_tail_which_is_why_no_bootstrap_is_offered():
    x, generator = planted(300, 200, 1.0, 0)
    again = x[torch.randint(0, 300, (300,), generator=generator)]
    whole = alpha_interval(x, ranks=(10, 180), weights="none", generator=generator)
    resampled = alpha_interval(again, ranks=(10, 180), weights="none", generator=generator)
    assert resampled.alpha > whole.alpha + 20 * whole.standard_error


def test_the_same_generator_gives_the_same_interval():
    x, _ = planted(100, 50, 1.0, 0)
    first, second = (
        alpha_interval(x, ranks=(2, 20), weights="none", generator=torch.Generator().manual_seed(1))
        for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"level": 1.0}, "level=1.0: a confidence lies in"),
        ({"groups": 1}, "groups=1 of 100 stimuli"),
        ({"groups": 101}, "groups=101 of 100 stimuli"),
        ({"ranks": (2, 60)}, "60 eigenvalues, but 100 stimuli"),
        ({"ranks": (2, 45), "groups": 2}, None),
        ({"ranks": (2, 50), "groups": 2}, "50 eigenvalues, but 50 stimuli"),
    ],
)
def test_what_cannot_be_bounded_is_refused(change, message):
    x, generator = planted(100, 50, 1.0, 0)
    settings = {"ranks": (2, 20), "weights": "none", "generator": generator} | change
    if message is None:
        alpha_interval(x, **settings)
        return
    with pytest.raises(ValueError, match=message):
        alpha_interval(x, **settings)
