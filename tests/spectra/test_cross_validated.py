"""Cross-validated PCA against its equations in numpy, scikit-learn's PCA and published vectors."""

import inspect
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch.testing import assert_close

from striate.spectra import (
    coin_flips,
    complete_halves,
    cross_validated_eigenspectrum,
    fit_power_law,
    shared_variance,
    shuffled_eigenspectra,
)
from truths import gaussian, power_law

# kong.md §2: X = randn(2, 40, 12) of seed 0 plus a signal of seed 1, six decimals printed.
GOLDEN = {
    "released": [
        520.003266, 193.251074, 103.461132, 166.095317, 102.228233,
        50.826485, 58.953414, 42.970491, 26.823822, 35.939416,
    ],
    "text": [
        491.218635, 191.417266, 110.701504, 105.357381, 72.594121,
        51.407375, 49.261095, 44.398088, 33.226447, 17.646966,
    ],
}  # fmt: skip
SHAPES = [(40, 12), (12, 40), (20, 20), (21, 20), (20, 21), (2, 9), (9, 2)]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)
algorithms = pytest.mark.parametrize("algorithm", ["text", "released"])


def golden():
    x = np.random.RandomState(0).randn(2, 40, 12)
    signal = np.random.RandomState(1).randn(40, 12) * np.arange(1, 13) ** -0.5 * 3
    return torch.from_numpy(x + signal)


def recording(stimuli, units, seed=0):
    """Two trials with a common signal, and units of different means."""
    signal = 2 * gaussian(stimuli, units, seed=seed) * torch.arange(1, units + 1) ** -0.5
    return signal + gaussian(2, stimuli, units, seed=seed + 1) + torch.arange(units)


def slow_text(half1, half2):
    """The equations: directions from the first half, the product of both halves' scores."""
    x1, x2 = (half.numpy() - half.numpy().mean(0) for half in (half1, half2))
    right = np.linalg.svd(x1, full_matrices=False)[2].T
    scores1, scores2 = x1 @ right, x2 @ right
    count = min(len(x1) - 1, x1.shape[1])
    return [(scores1[:, k] * scores2[:, k]).sum() for k in range(count)]


def slow_released(half1, half2):
    """kong.md §2, steps 2 to 4, by the library they used."""
    x1, x2 = (half.numpy() - half.numpy().mean(0) for half in (half1, half2))
    count = min(len(x1), x1.shape[1]) - 1
    pca = PCA(count, svd_solver="full").fit(x1.T)
    projection = x1.T @ pca.components_.T / pca.singular_values_
    return list(((x1 @ projection) * (x2 @ projection)).sum(0))


SLOW = {"text": slow_text, "released": slow_released}


@algorithms
@pytest.mark.parametrize("count", [10, None], ids=str)
def test_kongs_vectors(algorithm, count):
    found = cross_validated_eigenspectrum(*golden(), algorithm=algorithm, count=count)
    assert found[:10].tolist() == pytest.approx(GOLDEN[algorithm], abs=5.1e-7)


def test_the_sum_of_kongs_vector():
    total = cross_validated_eigenspectrum(*golden(), algorithm="text").sum()
    assert total.item() == pytest.approx(1201.387464, abs=5.1e-7)


@algorithms
@shapes
def test_variances_are_those_of_the_equations(shape, algorithm):
    halves = recording(*shape)
    found = cross_validated_eigenspectrum(*halves, algorithm=algorithm)
    expected = SLOW[algorithm](*halves)
    scale = max(map(abs, expected))
    assert_close(found.tolist(), expected, rtol=1e-9, atol=1e-11 * scale)


@shapes
def test_all_that_is_shared_lies_along_the_components(shape):
    half1, half2 = recording(*shape)
    shared = ((half1 - half1.mean(0)) * (half2 - half2.mean(0))).sum()
    found = cross_validated_eigenspectrum(half1, half2, algorithm="text")
    assert_close(found.sum(), shared, rtol=1e-11, atol=0)


@algorithms
@pytest.mark.parametrize("shape", [(40, 12), (12, 40), (25, 20)], ids=str)
def test_both_sides_give_the_same(shape, algorithm):
    halves = recording(*shape)
    everything = torch.arange(shape[0])
    rows = shared_variance._of_rows(*halves, algorithm, everything, None)
    joint = shared_variance._joint_gram(*halves)
    grams = shared_variance._of_picked(
        joint, everything, everything + shape[0], algorithm, everything, None
    )
    assert_close(rows, grams, rtol=1e-10, atol=1e-10 * rows.abs().max().item())


@algorithms
@pytest.mark.parametrize("shape", [(40, 12), (12, 40)], ids=str)
def test_large_mean_responses_do_not_drown_the_rest(shape, algorithm):
    """1e6 of them, whose rounding is 1e-10; their squares' would be 1e-2."""
    halves = recording(*shape)
    expected = cross_validated_eigenspectrum(*halves, algorithm=algorithm, count=5)
    found = cross_validated_eigenspectrum(*(halves + 1e6), algorithm=algorithm, count=5)
    assert_close(found, expected, rtol=1e-7, atol=0)


@algorithms
def test_without_noise_and_population_mean_the_variances_are_those_of_pca(algorithm):
    """Summed over stimuli, not divided; units × units directions that sum to zero leak nothing."""
    x = gaussian(50, 20)
    x = x - x.mean(1, keepdim=True)
    found = cross_validated_eigenspectrum(x, x, algorithm=algorithm)
    expected = np.linalg.svd(x.numpy() - x.numpy().mean(0), compute_uv=False) ** 2
    assert_close(found[:19].tolist(), expected[:19].tolist(), rtol=1e-10, atol=0)


def uniform_mode(seed=0, stimuli=1250, units=166):
    """kong.md §2: exponent 1, the first component the same in all units, noise sd 0.5."""
    directions = gaussian(units, units, seed=seed)
    directions[:, 0] = 1
    directions = torch.linalg.qr(directions)[0]
    variances = torch.from_numpy(power_law(units, 1.0))
    latent = gaussian(stimuli, units, seed=seed + 1) * (variances * units / variances.sum()).sqrt()
    return latent @ directions.T + 0.5 * gaussian(2, stimuli, units, seed=seed + 2)


def test_the_released_code_reads_the_wrong_exponent_where_all_units_share_a_signal():
    """kong.md §2: 20 shuffles give 0.374 ± 0.053 instead of 1.014 ± 0.011."""
    halves = uniform_mode()
    alpha = {}
    for algorithm in ("text", "released"):
        found = shuffled_eigenspectra(*halves, algorithm=algorithm, seed=0).mean(0)
        alpha[algorithm] = fit_power_law(found, ranks=(9, 100), weights="rank").alpha.item()
    assert alpha["text"] == pytest.approx(1.014, abs=0.033)
    assert alpha["released"] == pytest.approx(0.374, abs=0.16)


def test_pure_noise_shares_nothing_on_average():
    found = torch.stack(
        [
            cross_validated_eigenspectrum(*gaussian(2, 60, 20, seed=seed), algorithm="text")
            for seed in range(100)
        ]
    )
    # Each is a sum of 60 products of independent scores, whose standard deviations are the
    # component's and 1.
    error = found.std(0) / 10
    assert (found.mean(0).abs() < 4.5 * error).all()
    assert (found < 0).float().mean() == pytest.approx(0.5, abs=0.05)


@algorithms
@pytest.mark.parametrize("shape", [(30, 12), (12, 30)], ids=str)
@pytest.mark.parametrize("count", [1, 2, 7, 99])
def test_the_leading_ranks_are_the_first_of_all(algorithm, shape, count):
    """Of which up to a quarter are found by another solver."""
    halves = recording(*shape)
    some = cross_validated_eigenspectrum(*halves, algorithm=algorithm, count=count)
    every = cross_validated_eigenspectrum(*halves, algorithm=algorithm)
    assert len(some) == min(count, len(every))
    assert_close(some, every[:count], rtol=1e-9, atol=1e-9)


@algorithms
@pytest.mark.parametrize("shape", [(40, 20), (20, 40)], ids=str)
def test_components_that_vanish_share_nothing(algorithm, shape):
    halves = recording(*shape)
    halves[:, :, 5:] = 0
    found = cross_validated_eigenspectrum(*halves, algorithm=algorithm)
    scale = found[0].item()
    assert_close(found[6:], torch.zeros_like(found[6:]), rtol=0, atol=1e-10 * scale)
    zeros = torch.zeros(shape).double()
    assert not cross_validated_eigenspectrum(zeros, zeros, algorithm=algorithm).any()


@algorithms
@pytest.mark.parametrize("shape", [(100, 40), (40, 100)], ids=str)
def test_precision_follows_the_input(algorithm, shape):
    halves = recording(*shape)
    single = cross_validated_eigenspectrum(*halves.float(), algorithm=algorithm)
    double = cross_validated_eigenspectrum(*halves, algorithm=algorithm)
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    assert_close(single.double(), double, rtol=0, atol=1e-4 * double.max().item())


@algorithms
@pytest.mark.parametrize("shape", [(40, 12), (12, 40), (25, 20)], ids=str)
def test_shuffles_are_the_straightforward_loop(algorithm, shape):
    half1, half2 = recording(*shape)
    found = shuffled_eigenspectra(half1, half2, algorithm=algorithm, shuffles=5, seed=3)
    for swap, spectrum in zip(coin_flips(shape[0], shuffles=5, seed=3), found, strict=True):
        first, second = half1.clone(), half2.clone()
        for stimulus in range(shape[0]):
            if swap[stimulus]:
                first[stimulus], second[stimulus] = half2[stimulus], half1[stimulus]
        expected = cross_validated_eigenspectrum(first, second, algorithm=algorithm)
        assert_close(spectrum, expected, rtol=1e-9, atol=1e-11 * expected.abs().max().item())
        slow = torch.tensor(SLOW[algorithm](first, second), dtype=torch.float64)
        assert_close(spectrum, slow, rtol=1e-9, atol=1e-11 * expected.abs().max().item())


def test_a_shuffle_makes_nothing_as_large_as_the_population(monkeypatch):
    """With more units than stimuli the responses are multiplied out once."""
    calls = []
    joint = shared_variance._joint_gram
    monkeypatch.setattr(shared_variance, "_joint_gram", lambda *x: calls.append(0) or joint(*x))
    monkeypatch.delattr(shared_variance, "_of_rows")
    shuffled_eigenspectra(*recording(10, 300), algorithm="text", shuffles=7, seed=0)
    assert len(calls) == 1


@pytest.mark.parametrize("at_once", [1, 7, 64])
def test_units_are_multiplied_out_a_few_at_a_time(at_once, monkeypatch):
    halves = recording(15, 64)
    expected = shuffled_eigenspectra(*halves, algorithm="released", shuffles=2, seed=0)
    monkeypatch.setattr(shared_variance, "AT_ONCE", at_once)
    found = shuffled_eigenspectra(*halves, algorithm="released", shuffles=2, seed=0)
    assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_coins_are_fair_independent_and_seeded():
    flips = coin_flips(1000, shuffles=20, seed=0)
    assert torch.equal(flips, coin_flips(1000, shuffles=20, seed=0))
    assert not torch.equal(flips, coin_flips(1000, shuffles=20, seed=1))
    assert flips.double().mean().item() == pytest.approx(0.5, abs=4 * 0.5 / 20000**0.5)
    between = torch.corrcoef(flips.double())
    assert (between - torch.eye(20)).abs().max() < 5 / 1000**0.5


def missing():
    halves = recording(10, 6)
    halves[0, 3, 2] = torch.nan
    halves[1, 3, 4] = torch.nan
    halves[1, 8, 2] = torch.inf
    return halves


BOTH = [
    cross_validated_eigenspectrum,
    partial(inspect.unwrap(shuffled_eigenspectra), seed=0),
]


@pytest.mark.parametrize("measure", BOTH)
@pytest.mark.parametrize(
    ("halves", "settings", "message"),
    [
        (missing(), {}, "responses of 2 of 6 units to 2 of 10 stimuli are missing or infinite"),
        ((torch.ones(5, 3), torch.ones(5, 4)), {}, r"half1 is \(5, 3\) and half2 \(5, 4\)"),
        ((torch.ones(5), torch.ones(5)), {}, r"half1 has shape \(5,\); need stimuli × units"),
        (torch.ones(2, 1, 4), {}, "2 stimuli and 2 units, given 1 × 4"),
        (torch.ones(2, 4, 1), {}, "2 stimuli and 2 units, given 4 × 1"),
        (torch.ones(2, 4, 4), {"algorithm": "paper"}, "algorithm='paper'; choose 'text'"),
        (torch.ones(2, 4, 4), {"count": 0}, "count=0: give a whole number"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_spectrum_is_refused(measure, halves, settings, message):
    measure = inspect.unwrap(measure)
    with pytest.raises(ValueError, match=message):
        measure(*halves, **({"algorithm": "text"} | settings))


def test_no_shuffles_are_refused():
    with pytest.raises(ValueError, match="shuffles=0: give a whole number"):
        shuffled_eigenspectra(*recording(5, 4), algorithm="text", shuffles=0, seed=0)


@pytest.mark.parametrize("measure", [cross_validated_eigenspectrum, shuffled_eigenspectra])
def test_the_algorithm_has_no_default(measure):
    assert inspect.signature(measure).parameters["algorithm"].default is inspect.Parameter.empty


@pytest.mark.parametrize(("drop", "kept"), [
    ("stimuli", [number not in (3, 8) for number in range(10)]),
    ("units", [number not in (2, 4) for number in range(6)]),
])  # fmt: skip
def test_what_is_incomplete_is_left_out(drop, kept):
    halves = missing()
    halves[1, 8, 2] = torch.nan
    found = complete_halves(*halves, drop=drop)
    assert found.kept.tolist() == kept
    expected = halves[:, kept] if drop == "stimuli" else halves[:, :, kept]
    assert torch.equal(torch.stack(found[:2]), expected)
    cross_validated_eigenspectrum(found.half1, found.half2, algorithm="text")


def test_nothing_left_is_refused():
    halves = recording(6, 5)
    halves[0, 1:, 2] = torch.nan
    with pytest.raises(ValueError, match=r"drop='stimuli' leaves 1 of 6 stimuli.*the units with"):
        complete_halves(*halves, drop="stimuli")
    with pytest.raises(ValueError, match="drop='both'; choose 'stimuli' or 'units'"):
        inspect.unwrap(complete_halves)(*halves, drop="both")
    with pytest.raises(ValueError, match="need both stimuli × units, the same ones"):
        inspect.unwrap(complete_halves)(halves[0], halves[1, 1:], drop="units")


@algorithms
@shapes
@pytest.mark.parametrize("scale", [2.0**-45, 2.0**55], ids=["small", "large"])  # 3e-14, 4e16
def test_the_unit_of_responses_moves_no_digit_in_single_precision(shape, algorithm, scale):
    half1, half2 = recording(*shape).float()
    usual = cross_validated_eigenspectrum(half1, half2, algorithm=algorithm)
    found = cross_validated_eigenspectrum(scale * half1, scale * half2, algorithm=algorithm)
    assert found.dtype == torch.float32
    assert usual.count_nonzero() > 0
    assert_close(found / scale / scale, usual, rtol=1e-6, atol=0)


def test_responses_whose_squares_overflow_have_no_spectrum():
    half1, half2 = 1e200 * recording(12, 5)
    with pytest.raises(ValueError, match="squares of responses overflow float64; divide both halv"):
        cross_validated_eigenspectrum(half1, half2, algorithm="text")
