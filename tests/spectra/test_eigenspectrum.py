import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from torch.testing import assert_close

from striate.spectra import eigenspectrum, leading_eigenvalues
from truths import degenerate, gaussian, planted, power_law, rotation

# More stimuli than units, fewer, and everything in between.
SHAPES = [(40, 12), (12, 40), (13, 12), (12, 12), (12, 13), (2, 5), (5, 1)]
SIDES = [(9, 5), (5, 9), (7, 7)]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)
sides = pytest.mark.parametrize("shape", SIDES, ids=str)


def offset(stimuli, units, seed=0):
    """Gaussian responses of units with different means and sizes."""
    x = gaussian(stimuli, units, seed=seed)
    return x * torch.arange(1.0, units + 1) ** -0.5 + torch.arange(units) - 3.0


@shapes
def test_variances_are_squared_singular_values(shape):
    x = offset(*shape).numpy()
    singular = np.linalg.svd(x - x.mean(0), compute_uv=False)
    expected = singular[: min(shape[0] - 1, shape[1])] ** 2 / (shape[0] - 1)
    assert_close(eigenspectrum(torch.from_numpy(x)).numpy(), expected, rtol=1e-10, atol=1e-10)


@shapes
def test_variances_are_those_of_scikit_learn(shape):
    x = offset(*shape)
    found = eigenspectrum(x).numpy()
    expected = PCA(svd_solver="full").fit(x.numpy()).explained_variance_[: len(found)]
    assert_close(found, expected, rtol=1e-10, atol=1e-10)


@shapes
def test_variances_sum_to_the_total(shape):
    x = offset(*shape)
    assert_close(eigenspectrum(x).sum(), x.var(0).sum(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("shape", [(60, 40), (40, 60), (50, 50)], ids=str)
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_a_planted_power_law_is_found(shape, alpha):
    variances = power_law(39, alpha, scale=3.0)
    found = eigenspectrum(planted(variances, *shape))
    assert len(found) == min(shape[0] - 1, shape[1])
    assert_close(found[:39].numpy(), variances, rtol=1e-10, atol=0)
    assert_close(found[39:], torch.zeros_like(found[39:]), rtol=0, atol=1e-13)
    assert (found >= 0).all()


@given(st.integers(2, 20), st.integers(1, 20), st.integers(0, 99), st.floats(-100, 100))
def test_neither_rotation_nor_offset_changes_variances(stimuli, units, seed, shift):
    x = offset(stimuli, units, seed)
    moved = x @ rotation(units, seed) + shift * gaussian(units, seed=seed + 1)
    # An offset of 100 leaves rounding errors of 100 * 2**-52 in each response.
    assert_close(eigenspectrum(moved), eigenspectrum(x), rtol=1e-10, atol=1e-10)


@given(st.floats(1e-3, 1e3))
def test_variances_scale_as_squares(scale):
    x = offset(8, 6)
    assert_close(eigenspectrum(scale * x), scale**2 * eigenspectrum(x), rtol=1e-11, atol=0)


@sides
def test_the_gradient_is_the_derivative(shape):
    x = gaussian(*shape).requires_grad_()
    assert torch.autograd.gradcheck(eigenspectrum, x)


@sides
@pytest.mark.parametrize("variances", [[2.0, 2.0, 2.0, 1.0], [2.0, 1.0, 0.0, 0.0]], ids=str)
def test_the_gradient_is_right_where_eigenvalues_coincide_or_vanish(shape, variances):
    """Sums over all eigenvalues know no degeneracy: the gradient of Σλ² is 4/(n-1) X̄ C."""
    x = planted(np.array(variances), *shape).requires_grad_()
    for spectrum in (eigenspectrum(x), leading_eigenvalues(x, 4)):
        (gradient,) = torch.autograd.grad(spectrum.square().sum(), x)
        expected = 4 / (shape[0] - 1) * (x - x.mean(0)) @ x.detach().T.cov(correction=1).mT
        assert_close(gradient, expected.detach(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", degenerate(4, 4))
@sides
def test_the_gradient_is_finite_on_degenerate_responses(name, shape):
    for spectrum in (eigenspectrum, lambda x: leading_eigenvalues(x, 4)):
        x = degenerate(*shape)[name].requires_grad_()
        variances = spectrum(x)
        variances.sum().backward()
        assert variances.isfinite().all()
        assert (variances >= 0).all()
        assert x.grad.isfinite().all()


@pytest.mark.parametrize("function", [eigenspectrum, lambda x: leading_eigenvalues(x, 1)])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_responses_that_are_not_finite_are_refused(function, bad):
    x = gaussian(6, 5)
    x[2, 3] = bad
    with pytest.raises(ValueError, match="not finite; did training diverge"):
        function(x)


def test_one_stimulus_has_no_covariance():
    with pytest.raises(ValueError, match="at least 2 stimuli, x has 1"):
        eigenspectrum(gaussian(1, 5))


@shapes
def test_leading_eigenvalues_are_the_first_of_all(shape):
    x = offset(*shape)
    expected = eigenspectrum(x)
    for count in {1, (len(expected) + 1) // 2, len(expected)}:
        found = leading_eigenvalues(x, count)
        assert_close(found, expected[:count], rtol=1e-9, atol=0)


@shapes
def test_leading_eigenvalues_have_the_gradient_of_all(shape):
    x = offset(*shape).requires_grad_()
    count = (min(shape[0] - 1, shape[1]) + 1) // 2
    coefficients = gaussian(count, seed=5)
    (expected,) = torch.autograd.grad(eigenspectrum(x)[:count] @ coefficients, x)
    (found,) = torch.autograd.grad(leading_eigenvalues(x, count) @ coefficients, x)
    assert_close(found, expected, rtol=1e-9, atol=1e-9 * expected.abs().max().item())


@sides
@pytest.mark.parametrize("count", [1, 3])
def test_the_gradient_of_leading_eigenvalues_is_the_derivative(shape, count):
    x = gaussian(*shape).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: leading_eigenvalues(x, count), x)


def test_leading_eigenvalues_are_differentiable_once_and_say_so():
    x = gaussian(6, 4).requires_grad_()
    loss = leading_eigenvalues(x, 2).log().sum()
    (gradient,) = torch.autograd.grad(loss, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


SMALL = [(400, 60), (60, 400), (100, 100)]


@pytest.mark.parametrize("shape", SMALL, ids=str)
def test_small_leading_eigenvalues_are_accurate_in_single_precision(shape):
    """The 50th is 3e-9 of the first: 50 times less than what float32 resolves of the first.

    Rounding X moves singular values by at most ‖X‖·2**-24 (Weyl), but the matrix compared with
    is the rounded one. What is left is the rounding of sums in X̄v: for a value σ of at least
    50**-2.5 σ₁, some 2**-24 · 50**2.5 = 1e-3 of itself.
    """
    x = planted(power_law(50, 5.0), *shape).float()
    expected = eigenspectrum(x.double())[:50]
    found = leading_eigenvalues(x, 50)
    assert (found.diff() <= 0).all()
    assert_close(found.double(), expected, rtol=2e-3, atol=0)


@pytest.mark.parametrize("shape", SMALL, ids=str)
def test_a_covariance_in_single_precision_would_lose_small_eigenvalues(shape):
    """Why `leading_eigenvalues` is not ``eigenspectrum(x)[:count]``."""
    x = planted(power_law(50, 5.0), *shape).float()
    wrong = eigenspectrum(x)[:50].double() / eigenspectrum(x.double())[:50] - 1
    assert wrong.abs().max() > 0.1


@sides
def test_single_precision_gradients_are_those_of_double(shape):
    x = offset(*shape).float().double().requires_grad_()
    (expected,) = torch.autograd.grad(leading_eigenvalues(x, 3).log().sum(), x)
    y = x.detach().float().requires_grad_()
    (found,) = torch.autograd.grad(leading_eigenvalues(y, 3).log().sum(), y)
    assert_close(found.double(), expected, rtol=0, atol=1e-4 * expected.abs().max().item())


@pytest.mark.parametrize(("count", "shape", "most"), [
    (0, (6, 5), 5), (-1, (6, 5), 5), (6, (6, 5), 5), (6, (6, 9), 5), (1, (1, 9), 0),
])  # fmt: skip
def test_a_count_that_responses_cannot_fill_is_refused(count, shape, most):
    message = f"count={count} eigenvalues asked of {shape[0]} stimuli × {shape[1]} units.* {most}$"
    with pytest.raises(ValueError, match=message):
        leading_eigenvalues(gaussian(*shape), count)


@pytest.mark.parametrize("function", [eigenspectrum, lambda x: leading_eigenvalues(x, 3)])
def test_a_variance_that_single_precision_does_not_hold_is_refused(function):
    x = gaussian(6, 5, dtype=torch.float32)
    assert function(1e17 * x).isfinite().all()
    with pytest.raises(ValueError, match=r"x (varies by so much|holds responses so large)"):
        function(1e25 * x)
    assert function(1e25 * x.double()).isfinite().all()


def test_without_units_there_is_no_spectrum():
    with pytest.raises(
        ValueError, match=r"x has shape \(5, 0\); without units there is no varianc"
    ):
        eigenspectrum(torch.zeros(5, 0))


@pytest.mark.parametrize("find", [eigenspectrum, lambda x: leading_eigenvalues(x, 20)])
def test_autocast_does_not_reach_the_products(find):
    x = gaussian(60, 40).float()
    plain = find(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(find(x), plain)
