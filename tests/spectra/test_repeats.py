"""Cross-validated spectra over halvings of trials, some of which were lost."""

import inspect
from collections import Counter

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from striate.spectra import (
    cross_validated_eigenspectrum,
    repeated_eigenspectra,
    repeats,
    shuffled_eigenspectra,
    simulate_recording,
)
from striate.spectra.repeats import _deal, _lacking, _mean, _split
from truths import gaussian

algorithms = pytest.mark.parametrize("algorithm", ["text", "released"])
sides = pytest.mark.parametrize("units", [8, 30])  # of 12 stimuli


def ragged(seed=0, repeats=6, stimuli=12, units=8, lost=0.1):
    """Each unit lacks a tenth of its trials, and stimuli have 4, 5 or 6 trials."""
    generator = torch.Generator().manual_seed(seed)
    x = gaussian(stimuli, units, seed=seed) + gaussian(repeats, stimuli, units, seed=seed + 1)
    x[torch.rand(x.shape, generator=generator) < lost] = torch.nan
    for stimulus in range(stimuli):
        x[4 + stimulus % 3 :, stimulus] = torch.nan
    return x


def spy(monkeypatch):
    """The halves whose spectra are taken."""
    halves, one_run = [], repeats.one_run

    def watched(half1, half2, *, algorithm):
        halves.append((half1, half2))
        return one_run(half1, half2, algorithm=algorithm)

    monkeypatch.setattr(repeats, "one_run", watched)
    return halves


@algorithms
@sides
def test_each_spectrum_is_that_of_its_halves(algorithm, units, monkeypatch):
    halves = spy(monkeypatch)
    found = repeated_eigenspectra(
        ragged(units=units), algorithm=algorithm, shuffles=4, seed=0, count=6
    )
    assert len(halves) == len(found.eigenspectra) == 4
    for (half1, half2), spectrum in zip(halves, found.eigenspectra, strict=True):
        expected = cross_validated_eigenspectrum(half1, half2, algorithm=algorithm, count=6)
        assert_close(spectrum, expected, rtol=1e-12, atol=1e-12)
    assert not torch.equal(halves[0][0], halves[1][0])


def is_mean_of_some(value, trials, sizes):
    """Whether a number is the mean of some of the trials, so many of them."""
    from itertools import combinations

    return any(
        abs(np.mean(some) - value) < 1e-12 for size in sizes for some in combinations(trials, size)
    )


def test_each_half_is_a_mean_of_trials_that_were_recorded(monkeypatch):
    halves, x = spy(monkeypatch), ragged()
    found = repeated_eigenspectra(x, algorithm="text", shuffles=3, seed=0)
    for half1, half2 in halves:
        for row, stimulus in enumerate(found.kept.nonzero()[:, 0].tolist()):
            for unit in range(x.shape[2]):
                trials = x[:, stimulus, unit]
                trials = trials[~trials.isnan()].tolist()
                for half in (half1, half2):
                    sizes = range(1, len(trials))
                    assert is_mean_of_some(half[row, unit].item(), trials, sizes)


def test_trials_go_into_a_half_with_all_their_units():
    """What units share in a trial is noise, and must stay in one half.

    Every trial adds the same random number to all units: halves split unit by unit would share it.
    """
    common = 5 * gaussian(6, 400, 1, seed=2)
    x = gaussian(6, 400, 10, seed=3) + common
    x[torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) < 0.1] = torch.nan
    found = repeated_eigenspectra(x, algorithm="text", shuffles=10, seed=0)
    # There is no signal. A leak of the common noise would add a share of its variance, 25 per unit.
    shared = found.eigenspectra.sum(1).mean() / (400 * 10)
    assert abs(shared.item()) < 1


@pytest.mark.parametrize("trials", [2, 3, 4, 5, 8])
def test_halves_differ_by_one_trial_at_most_and_all_are_dealt(trials):
    there = torch.zeros(400, 8, dtype=torch.bool)
    keys = torch.rand(400, 8, generator=torch.Generator().manual_seed(1))
    there.scatter_(1, keys.argsort(1)[:, :trials], True)
    split = _deal(there, torch.Generator().manual_seed(0))
    assert ((split == -1) == ~there).all()
    sizes = torch.stack([(split == 0).sum(1), (split == 1).sum(1)])
    assert set(sizes.sum(0).tolist()) == {trials}
    assert (sizes[0] - sizes[1]).abs().max() == trials % 2
    # Either half has the odd one, and any trial comes into either: fair coins, of 400.
    if trials % 2:
        assert (sizes[0] > sizes[1]).double().mean().item() == pytest.approx(0.5, abs=0.11)
    share = (split == 0).sum(0) / there.sum(0)
    assert share.tolist() == pytest.approx([0.5] * 8, abs=0.2)


def test_all_halvings_are_as_likely():
    there = torch.ones(6000, 4, dtype=torch.bool)
    split = _deal(there, torch.Generator().manual_seed(0))
    counts = Counter(tuple(row) for row in split.tolist())
    assert len(counts) == 6
    assert all(abs(count - 1000) < 4.5 * 1000**0.5 for count in counts.values())


def test_a_split_leaves_no_unit_without_a_trial():
    recorded = ~ragged(lost=0.3, stimuli=60).isnan().transpose(0, 1)
    recorded = recorded[(recorded.sum(1) >= 2).all(1)]
    assert len(recorded) > 10
    first = _deal(recorded.any(2), torch.Generator().manual_seed(0))
    assert _lacking(recorded, first).any()
    split, found = _split(recorded, torch.Generator().manual_seed(0))
    assert not _lacking(recorded[found], split[found]).any()
    for trials, halves in zip(recorded[found], split[found], strict=True):
        for half in (0, 1):
            assert trials[halves == half].any(0).all()


def test_the_mean_counts_what_was_recorded():
    values = torch.tensor([[[1.0, 2.0], [3.0, 0.0], [7.0, 8.0]]])
    recorded = torch.tensor([[[True, True], [True, False], [True, True]]])
    mean = _mean(values, recorded, torch.tensor([[True, True, False]]))
    assert mean.tolist() == [[2.0, 2.0]]


def never_split():
    """Three units with two trials of three each: one of them is always on one side."""
    x = ragged(lost=0)
    x[:, 2] = torch.nan
    x[:3, 2] = 1.0
    for unit, trial in enumerate((0, 1, 2)):
        x[trial, 2, unit] = torch.nan
    return x


@pytest.mark.parametrize("missing", ["response", "trial"])
def test_stimuli_that_cannot_be_halved_are_left_out(missing):
    x = never_split()
    x[1:, 5] = torch.nan  # one trial
    x[:, 7] = torch.nan  # none
    x[1:, 9, 3] = torch.nan  # one trial of one unit
    found = repeated_eigenspectra(x, algorithm="text", shuffles=3, seed=0, missing=missing)
    assert (~found.kept).nonzero()[:, 0].tolist() == [2, 5, 7, 9]
    without = [number for number in range(12) if number not in (2, 5, 7, 9)]
    recorded = (~x.isnan()).sum().item()
    assert found.used == pytest.approx((~x[:, without].isnan()).sum().item() / recorded)
    assert found.eigenspectra.shape == (3, 7)


def test_an_incomplete_trial_is_set_aside_if_asked():
    """Then it is as if nothing of it had been recorded."""
    x = ragged(lost=0.05)
    blank = torch.where(x.isnan().any(2, keepdim=True), torch.nan, x)
    settings = {"algorithm": "text", "shuffles": 3, "seed": 0}
    found = repeated_eigenspectra(x, missing="trial", **settings)
    for missing in ("trial", "response"):
        other = repeated_eigenspectra(blank, missing=missing, **settings)
        assert torch.equal(found.kept, other.kept)
        assert torch.equal(found.eigenspectra, other.eigenspectra)
    assert found.used < repeated_eigenspectra(x, **settings).used


@algorithms
@sides
def test_halving_two_trials_is_swapping_them(algorithm, units):
    x = gaussian(2, 12, units)
    found = repeated_eigenspectra(x, algorithm=algorithm, shuffles=4, seed=5)
    expected = shuffled_eigenspectra(*x, algorithm=algorithm, shuffles=4, seed=5)
    assert torch.equal(found.eigenspectra, expected)
    # Wherever they lie.
    scattered = torch.full((5, 12, units), torch.nan, dtype=torch.float64)
    for stimulus in range(12):
        first = stimulus % 4
        scattered[first, stimulus], scattered[4, stimulus] = x[0, stimulus], x[1, stimulus]
    again = repeated_eigenspectra(scattered, algorithm=algorithm, shuffles=4, seed=5)
    assert torch.equal(again.eigenspectra, expected)
    assert again.used == 1


def test_the_planted_variance_is_found_though_a_tenth_is_missing():
    x = simulate_recording(alpha=1.0, stimuli=400, units=30, repeats=6, signal_to_noise=1.0, seed=0)
    whole = repeated_eigenspectra(x, algorithm="text", shuffles=10, seed=0)
    x[torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) < 0.1] = torch.nan
    found = repeated_eigenspectra(x, algorithm="text", shuffles=10, seed=0)
    # Of 12 000 times a unit and a stimulus, 0.7 have fewer than two trials on average.
    assert found.kept.sum() >= 395
    assert found.used > 0.98
    # The signal's variance is 1 per unit and stimulus; its sample of 400 spreads by some 4 %.
    for some in (whole, found):
        shared = some.eigenspectra.sum(1).mean().item() / (400 * 30)
        assert shared == pytest.approx(1, abs=0.12)
    first, of_all = (some.eigenspectra.mean(0)[0].item() for some in (found, whole))
    assert first == pytest.approx(of_all, rel=0.03)


def test_the_same_seed_gives_the_same_and_another_another():
    settings = {"algorithm": "text", "shuffles": 3}
    first, second, third = (
        repeated_eigenspectra(ragged(), seed=seed, **settings).eigenspectra for seed in (0, 0, 1)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_the_responses_are_not_changed():
    x = ragged()
    before = x.clone()
    repeated_eigenspectra(x, algorithm="text", shuffles=2, seed=0, missing="trial")
    assert torch.equal(x.nan_to_num(), before.nan_to_num())


def silent_unit():
    x = ragged(lost=0)
    x[:, :, 5] = torch.nan
    x[:2, 3, 5] = 1.0
    return x


@pytest.mark.parametrize(
    ("responses", "settings", "message"),
    [
        (torch.ones(2, 3), {}, r"shape \(2, 3\); need repeats × stimuli × units"),
        (torch.ones(1, 3, 4), {}, r"shape \(1, 3, 4\); need .* at least 2 repeats"),
        (torch.ones(2, 3, 1), {}, "at least 2 units, responses has 1"),
        (torch.full((2, 3, 4), torch.inf), {}, "infinite numbers; mark .* with NaN"),
        (silent_unit(), {}, r"1 of 12 stimuli have trials.*unit 5 .* has two trials of 1: leave"),
        (silent_unit(), {"missing": "trial"}, "1 of 12 stimuli have two trials with all 8 units"),
        (torch.full((2, 3, 4), torch.nan), {}, "0 of 3 stimuli"),
        (ragged(), {"missing": "drop"}, "missing='drop'; choose 'response'"),
        (ragged(), {"shuffles": 0}, "shuffles=0: give a whole number"),
        (ragged(), {"algorithm": "code"}, "algorithm='code'; choose 'text'"),
        (ragged(), {"count": 0}, "count=0: give a whole number"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_halved_is_refused(responses, settings, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(repeated_eigenspectra)(
            responses, **({"algorithm": "text", "seed": 0} | settings)
        )


def test_where_no_other_split_is_found_the_one_before_does_again(monkeypatch):
    """Unit n was recorded in trials n and n + 1 alone, so that only every other trial can go.

    These are two of the 252 halvings of ten trials, which 101 draws miss as often as not.
    """
    halves, x = spy(monkeypatch), gaussian(10, 20, 9)
    trial, unit = torch.arange(10)[:, None], torch.arange(9)
    x[((trial != unit) & (trial != unit + 1))[:, None].expand_as(x)] = torch.nan
    found = repeated_eigenspectra(x, algorithm="text", shuffles=4, seed=0)
    assert 2 < found.kept.sum() < 20
    even, odd = x[::2].nanmean(0)[found.kept], x[1::2].nanmean(0)[found.kept]
    for half1, half2 in halves:
        for row in range(len(even)):
            order = (even, odd) if torch.equal(half1[row], even[row]) else (odd, even)
            assert torch.equal(half1[row], order[0][row])
            assert torch.equal(half2[row], order[1][row])
    assert found.eigenspectra.isfinite().all()
