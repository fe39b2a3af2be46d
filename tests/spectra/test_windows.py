import inspect
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from striate import reference
from striate.spectra import alpha_by_window, fit_power_law, goodness_of_fit
from truths import gaussian, power_law

weighting = pytest.mark.parametrize("weights", ["rank", "none"])


@weighting
def test_each_window_is_fitted_as_by_itself(weights):
    variances = gaussian(60).exp()
    firsts, lasts = [1, 5, 20], [5, 19, 60]
    found = alpha_by_window(variances, firsts=firsts, lasts=lasts, weights=weights)
    for row, first in enumerate(firsts):
        for column, last in enumerate(lasts):
            if first < last:
                law = fit_power_law(variances, ranks=(first, last), weights=weights)
                assert found[row, column] == law.alpha
            else:
                assert found[row, column].isnan()


@weighting
def test_a_power_law_has_one_exponent_everywhere(weights):
    found = alpha_by_window(
        torch.from_numpy(power_law(100, 1.3)),
        firsts=range(1, 50, 7),
        lasts=range(60, 101, 10),
        weights=weights,
    )
    assert_close(found, torch.full_like(found, 1.3), rtol=1e-10, atol=0)


@pytest.mark.parametrize("bad", [-0.1, 0.0, math.nan, math.inf])
def test_windows_that_cannot_be_fitted_are_nan(bad):
    variances = torch.ones(10)
    variances[5] = bad  # rank 6
    found = alpha_by_window(variances, firsts=[1, 6, 7], lasts=[1, 5, 6, 10, 11], weights="rank")
    assert found.isfinite().tolist() == [
        [False, True, False, False, False],
        [False, False, False, False, False],
        [False, False, False, True, False],
    ]
    assert found.dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"firsts": []}, r"firsts=\[\] name no window"),
        ({"lasts": range(0)}, r"lasts=range\(0, 0\) name no window"),
        ({"firsts": [3, 0]}, "a rank of firsts=0: give a whole number from 1 on"),
        ({"weights": "log"}, r"weights='log'; choose 'rank' \(1/n\) or 'none'"),
    ],
)
def test_a_map_of_nothing_is_refused(change, message):
    settings = {"firsts": [1], "lasts": [20], "weights": "rank"} | change
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(alpha_by_window)(torch.ones(10), **settings)


def slow_goodness(variances, ranks, weights):
    """The correlation at 100 points as kong.md §1 has it, and a weighted sum of squares."""
    first, last = ranks
    points = [round(math.exp(x)) for x in np.linspace(math.log(first), math.log(last), 100)]
    correlation = np.corrcoef(
        [math.log(n) for n in points], [math.log(variances[n - 1]) for n in points]
    )[0, 1]
    law = fit_power_law(torch.as_tensor(variances), ranks=ranks, weights=weights)
    squares, total = 0.0, 0.0
    for n in range(first, last + 1):
        weight = 1 / n if weights == "rank" else 1
        predicted = law.log_scale.item() - law.alpha.item() * math.log(n)
        squares += weight * (math.log(variances[n - 1]) - predicted) ** 2
        total += weight
    return correlation**2, math.sqrt(squares / total)


@weighting
@given(st.integers(0, 999), st.integers(1, 30), st.integers(3, 170))
def test_goodness_is_that_of_the_definition(weights, seed, first, length):
    variances = (gaussian(200, seed=seed) - torch.arange(1.0, 201).log()).exp()
    ranks = (first, first + length)
    found = goodness_of_fit(variances, ranks=ranks, weights=weights)
    expected = slow_goodness(variances.tolist(), ranks, weights)
    assert (found.r_squared.item(), found.residual_sd.item()) == pytest.approx(expected, abs=1e-10)


@weighting
def test_mouse_v1_is_nearly_straight(weights):
    variances = torch.from_numpy(reference.mouse_v1_spectrum())
    found = goodness_of_fit(variances, ranks=(11, 500), weights=weights)
    assert found.r_squared > 0.99
    assert found.residual_sd < 0.1


@weighting
@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
def test_a_line_with_a_ripple_is_as_far_off_as_the_ripple(weights, alpha):
    """A factor 1 ± δ in turn: logs that are off by δ, however steep the line."""
    ripple = 1 + 0.01 * torch.tensor([1.0, -1.0]).double().repeat(200)
    variances = torch.from_numpy(power_law(400, alpha)) * ripple
    found = goodness_of_fit(variances, ranks=(5, 400), weights=weights)
    assert found.residual_sd.item() == pytest.approx(0.01, rel=0.02)


@weighting
@pytest.mark.parametrize("level", [3.0, 1e-37, 1e37])
def test_a_flat_spectrum_is_a_perfect_line(weights, level):
    found = goodness_of_fit(torch.full((100,), level), ranks=(3, 90), weights=weights)
    assert found.r_squared == 1
    assert found.residual_sd < 1e-4
    assert found.r_squared.dtype == torch.float32


@weighting
def test_a_flat_spectrum_of_tiny_variances_is_a_perfect_line_too(weights):
    flat = torch.full((100,), 1e-200, dtype=torch.float64)
    assert goodness_of_fit(flat, ranks=(3, 90), weights=weights).r_squared == 1


@pytest.mark.parametrize(
    ("ranks", "message"),
    [
        ((3, 11), "end beyond the 10 ranks"),
        ((0, 5), "need 1 <= first"),
        ((2, 8), "at rank 7 is -1"),
    ],
)
def test_goodness_of_no_fit_is_refused(ranks, message):
    variances = torch.ones(10)
    variances[6] = -1
    with pytest.raises(ValueError, match=message):
        goodness_of_fit(variances, ranks=ranks, weights="rank")
