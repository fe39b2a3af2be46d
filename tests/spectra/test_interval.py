"""The interval of α covers what it says it covers, on spectra whose exponent was planted."""

import math

import pytest
import torch

from striate.spectra import alpha_interval

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


@pytest.mark.parametrize("case", [EASY[0], HARD[0]], ids=str)
def test_intervals_cover(case):
    found = list(simulate(case, 40))
    average = sum(f.alpha for f in found) / len(found)
    assert coverage(found, average, "interval") >= at_least(0.95, 40)
    assert coverage(found, case[2], "corrected_interval") >= at_least(0.95, 40)


@pytest.mark.slow
@pytest.mark.parametrize("case", EASY + HARD, ids=str)
def test_coverage_over_many_samples(case):
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
    assert population >= at_least(0.95, 300)
    assert typical == pytest.approx(spread, rel=0.35)


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
