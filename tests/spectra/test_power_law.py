import inspect

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from striate import reference
from striate.spectra import check_ranks, fit_power_law
from truths import gaussian, power_law

R = np.arange(1.0, 2001)

# Kong et al.'s own function (protocols/kong.md §1), six digits printed:
#            weighted  10-999    9-100     12-500    10-1000   plain 10-1000
GOLDEN = {
    "1/r": (R**-1, (1.000000, 1.000000, 1.000000, 1.000000, 1.000000)),
    "bent": (R**-0.7 * (1 + 0.1 * np.sin(R)), (0.697047, 0.695959, 0.701418, 0.697026, 0.699519)),
    "exponential": (np.exp(-R / 300), (0.538724, 0.113211, 0.355227, 0.539103, 0.971070)),
    "1/(r+20)": (1 / (R + 20), (0.786013, 0.587752, 0.761196, 0.786068, 0.879635)),
}
FITS = [
    ((10, 999), "rank"), ((9, 100), "rank"), ((12, 500), "rank"), ((10, 1000), "rank"),
    ((10, 1000), "none"),
]  # fmt: skip
weighting = pytest.mark.parametrize("weights", ["rank", "none"])


def slow_fit(variances, ranks, weights):
    """Slope and intercept by numpy.polyfit, which wants the roots of the weights."""
    n = np.arange(ranks[0], ranks[1] + 1)
    w = 1 / n if weights == "rank" else np.ones(len(n))
    x, y = np.log(n), np.log(np.asarray(variances)[ranks[0] - 1 : ranks[1]])
    slope, intercept = np.polyfit(x, y, 1, w=np.sqrt(w))
    unexplained = (w * (y - slope * x - intercept) ** 2).sum()
    total = (w * (y - np.average(y, weights=w)) ** 2).sum()
    return -slope, intercept, 1 - unexplained / total


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("column", range(5))
def test_kongs_exponents(name, column):
    (variances, exponents), (ranks, weights) = GOLDEN[name], FITS[column]
    law = fit_power_law(torch.from_numpy(variances), ranks=ranks, weights=weights)
    assert law.alpha.item() == pytest.approx(exponents[column], abs=6e-7)


@pytest.mark.parametrize(("ranks", "weights", "alpha"), [
    ((12, 500), "rank", 0.973356), ((11, 500), "rank", 0.971702), ((12, 500), "none", 0.988692),
    ((11, 500), "none", 0.987951),
])  # fmt: skip
def test_the_exponent_of_mouse_v1(ranks, weights, alpha):
    variances = torch.from_numpy(reference.mouse_v1_spectrum())
    law = fit_power_law(variances, ranks=ranks, weights=weights)
    assert law.alpha.item() == pytest.approx(alpha, abs=6e-7)


@pytest.mark.parametrize(("ranks", "amplitude"), [((12, 500), 0.152814), ((11, 500), 0.15157)])
def test_the_amplitude_of_mouse_v1(ranks, amplitude):
    variances = torch.from_numpy(reference.mouse_v1_spectrum())
    law = fit_power_law(variances / variances.sum(), ranks=ranks, weights="rank")
    assert law.log_scale.exp().item() == pytest.approx(amplitude, abs=6e-6)


@weighting
@given(st.integers(0, 999), st.integers(1, 30), st.integers(2, 40))
def test_the_line_is_that_of_polyfit(weights, seed, first, length):
    variances = gaussian(80, seed=seed).exp()  # as far from a line as a spectrum can be
    ranks = (first, first + length)
    law = fit_power_law(variances, ranks=ranks, weights=weights)
    expected = slow_fit(variances, ranks, weights)
    # Log variances are a few units; the fit amplifies their rounding by at most 1 / var(log n),
    # which for two high ranks is about rank² = 1e3.
    found = [law.alpha.item(), law.log_scale.item(), law.r_squared.item()]
    assert found == pytest.approx(expected, abs=1e-10)
    assert (law.ranks, law.weights) == (ranks, weights)


@weighting
@given(
    st.floats(-2, 5), st.floats(-20, 20), st.integers(1, 30), st.integers(1, 60),
)  # fmt: skip
def test_an_exact_law_is_found_whatever_the_window(weights, alpha, log_scale, first, length):
    variances = torch.from_numpy(power_law(100, alpha, np.exp(log_scale)))
    law = fit_power_law(variances, ranks=(first, first + length), weights=weights)
    # Logarithms up to 40 are rounded at 1e-14, and amplified by 1e3 as above.
    assert law.alpha.item() == pytest.approx(alpha, abs=1e-10)
    assert law.log_scale.item() == pytest.approx(log_scale, abs=1e-9)
    n = torch.arange(1.0, 101, dtype=torch.float64)
    assert_close(law.predict(n), variances, rtol=1e-8, atol=0)


@weighting
@given(st.floats(1e-6, 1e6))
def test_the_unit_of_variance_moves_the_intercept_only(weights, scale):
    variances = gaussian(60).exp()
    law = fit_power_law(variances, ranks=(3, 50), weights=weights)
    scaled = fit_power_law(scale * variances, ranks=(3, 50), weights=weights)
    assert scaled.alpha.item() == pytest.approx(law.alpha.item(), abs=1e-12)
    assert scaled.r_squared.item() == pytest.approx(law.r_squared.item(), abs=1e-12)
    assert (scaled.log_scale - law.log_scale).item() == pytest.approx(np.log(scale), abs=1e-12)


@weighting
def test_only_the_window_counts(weights):
    variances = gaussian(60).exp()
    law = fit_power_law(variances, ranks=(6, 50), weights=weights)
    outside = variances.clone()
    outside[:5], outside[50:] = 7, -1
    assert fit_power_law(outside, ranks=(6, 50), weights=weights) == law
    for edge in (5, 49):
        inside = variances.clone()
        inside[edge] *= 2
        assert fit_power_law(inside, ranks=(6, 50), weights=weights).alpha != law.alpha


@weighting
def test_the_exponent_has_the_derivative_of_the_exponent(weights):
    variances = gaussian(12).exp().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda v: fit_power_law(v, ranks=(2, 11), weights=weights)[:3], variances
    )


@weighting
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_fitted_in_full(weights, dtype):
    variances = torch.from_numpy(power_law(1000, 0.8)).to(dtype)
    law = fit_power_law(variances, ranks=(10, 1000), weights=weights)
    whole = fit_power_law(variances.double(), ranks=(10, 1000), weights=weights)
    assert law.alpha.dtype == torch.float32
    assert law.alpha.item() == pytest.approx(whole.alpha.item(), abs=1e-5)


@weighting
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("level", [1.0, 3.0, 0.1, 7.3])
def test_a_flat_spectrum_is_a_perfect_line_of_slope_zero(weights, dtype, level):
    flat = torch.full((100,), level, dtype=dtype)
    law = fit_power_law(flat, ranks=(3, 90), weights=weights)
    assert law.alpha.item() == pytest.approx(0, abs=1e-6)
    assert law.r_squared.item() == pytest.approx(1, abs=8 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("ranks", [(0, 5), (-1, 5), (5, 5), (6, 5)])
def test_a_window_that_is_none_is_refused(ranks):
    message = rf"ranks=\({ranks[0]}, {ranks[1]}\): need 1 <= first < last, both counted from 1"
    with pytest.raises(ValueError, match=message):
        fit_power_law(torch.ones(10), ranks=ranks, weights="none")
    with pytest.raises(ValueError, match=message):
        check_ranks(ranks, available=10)


def test_a_window_beyond_the_spectrum_is_refused():
    check_ranks((1, 10), available=10)
    with pytest.raises(ValueError, match=r"ranks=\(3, 11\) end beyond the 10 ranks there are"):
        fit_power_law(torch.ones(10), ranks=(3, 11), weights="none")


def test_unknown_weights_are_refused():
    with pytest.raises(ValueError, match=r"weights='log'; choose 'rank' \(1/n\) or 'none'"):
        inspect.unwrap(fit_power_law)(torch.ones(10), ranks=(1, 5), weights="log")


@pytest.mark.parametrize(("bad", "shown"), [(-0.25, "-0.25"), (0.0, "0"), (float("nan"), "nan")])
def test_a_variance_that_is_not_positive_is_named_by_its_rank(bad, shown):
    variances = torch.ones(10)
    variances[6:8] = bad
    message = f"variance at rank 7 is {shown}, not positive; fit ranks that end below 7$"
    with pytest.raises(ValueError, match=message):
        fit_power_law(variances, ranks=(3, 9), weights="rank")
    fit_power_law(variances, ranks=(1, 6), weights="rank")


@pytest.mark.parametrize(("value", "said"), [
    (float("inf"), "its precision does not hold such squares: give responses in other units"),
    (0.0, "nothing varies, or by less than its precision holds"),
])  # fmt: skip
def test_a_scale_that_cannot_be_fitted_is_not_blamed_on_ranks(value, said):
    with pytest.raises(ValueError, match=said):
        fit_power_law(torch.full((10,), value), ranks=(1, 9), weights="rank")


@weighting
@pytest.mark.parametrize("slope", [0.0, 1e-4])
def test_how_straight_a_nearly_flat_spectrum_is(weights, slope):
    """Variances of 1 that scatter by 1e-4; float32 holds three digits of that."""
    n = np.arange(1, 101)
    variances = 1 + 1e-4 * gaussian(100, seed=3).numpy() - slope * np.log(n)
    single = torch.from_numpy(variances).float()
    law = fit_power_law(single, ranks=(1, 100), weights=weights)
    expected = slow_fit(single.double().numpy(), (1, 100), weights)
    assert law.alpha.item() == pytest.approx(expected[0], abs=1e-7)
    assert law.r_squared.item() == pytest.approx(expected[2], abs=2e-3)
    assert (expected[2] > 0.2) == (slope > 0)
