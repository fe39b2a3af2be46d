"""The leading components of a batch and the gradient of their variances, against numpy's SVD."""

import numpy as np
import pytest
import scipy.linalg
import torch
from torch.testing import assert_close

from striate.spectra.centred import centred
from striate.spectra.components import exact_components, variances
from truths import degenerate, gaussian, planted, power_law

# More stimuli than units, fewer, and as many.
SHAPES = [(60, 40), (40, 60), (41, 40), (40, 40)]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)
SIDES = [(9, 5), (5, 9)]
sides = pytest.mark.parametrize("shape", SIDES, ids=str)


def svd(centred, count):
    """Left vectors, values and right vectors, as numpy finds them in double precision."""
    left, values, right = np.linalg.svd(centred.double().numpy(), full_matrices=False)
    return left[:, :count], values[:count], right[:count].T


def parts(left, right):
    """The batch as a sum: its i-th part is uᵢσᵢvᵢᵀ, whatever the signs of the vectors."""
    return np.einsum("si,ui->isu", left, right)


def matrix(batch):
    return batch.x - batch.mean


@shapes
@pytest.mark.parametrize("count", [1, 5, 30], ids=str)  # of 40: a few, and most
def test_components_are_those_of_the_singular_value_decomposition(shape, count):
    x = centred(planted(power_law(39, 1.0, 7.0), *shape))
    left, values, right = svd(matrix(x), count)
    found = exact_components(x, count)
    assert_close(found.total, matrix(x).square().sum(), rtol=1e-12, atol=0)
    # The vectors of neighbours mix by 2**-52 λ₁/(λ₃₀ - λ₃₁) = 2e-13.
    assert_close(found.eigenvalues.numpy(), values**2, rtol=1e-12, atol=0)
    assert_close(found.right.T @ found.right, torch.eye(count).double(), rtol=0, atol=1e-12)
    expected = parts(left * values, right)
    assert_close(parts(found.left, found.right), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("count", "partial"), [(5, 1), (10, 1), (11, 0), (30, 0)])
@pytest.mark.parametrize("shape", SHAPES[:2], ids=str)
def test_a_window_of_more_than_a_quarter_is_found_by_a_whole_decomposition(
    shape, count, partial, monkeypatch
):
    calls, eigh = [], scipy.linalg.eigh

    def spy(*args, **settings):
        calls.append(settings["subset_by_index"])
        return eigh(*args, **settings)

    monkeypatch.setattr(scipy.linalg, "eigh", spy)
    exact_components(centred(gaussian(*shape)), count)
    assert calls == [(40 - count, 39)] * partial


@shapes
@pytest.mark.parametrize(("count", "alpha"), [(10, 8.0), (35, 2.0), (35, 4.0), (35, 5.0)])
def test_the_tail_is_accurate_relative_to_itself_in_single_precision(shape, count, alpha):
    """The last value is down to 2e-8 of the first, where float32 resolves 1e-7.

    Vectors found in single precision mix by about 2**-24 λ₁/(λᵢ - λᵢ₊₁), which is 1e-3 for a
    window's end of α = 2; the steeper ones must have been found in double. Then what is left is
    the rounding of X̄v, 2**-24 σ₁/σᵢ: 4e-4 at the end of α = 5.
    """
    x = centred(planted(power_law(39, alpha), *shape).float())
    left, values, right = svd(matrix(x), count)
    found = exact_components(x, count)
    assert found.left.dtype == found.right.dtype == torch.float32
    assert_close(found.eigenvalues.sqrt().numpy(), values, rtol=1e-3, atol=0)
    wrong = parts(found.left.double(), found.right.double()) - parts(left * values, right)
    assert (np.linalg.norm(wrong, axis=(1, 2)) / values).max() < 5e-3


@shapes
def test_values_and_total_are_variances(shape):
    x = gaussian(*shape) + 5
    singular = svd(matrix(centred(x)), 12)[1]
    values, total = variances(x, lambda c: exact_components(c, 12))
    assert_close(values.numpy(), singular**2 / (shape[0] - 1), rtol=1e-12, atol=0)
    assert_close(total, x.var(0).sum(), rtol=1e-12, atol=0)


def test_the_search_is_given_the_batch_and_its_mean():
    x = gaussian(20, 8) + 5
    given = []

    def find(batch):
        given.append(batch)
        return exact_components(batch, 3)

    variances(x, find)
    (found,) = given
    assert_close(found.x, x, rtol=0, atol=0)
    assert_close(found.mean, x.mean(0), rtol=0, atol=0)


# Functions of the values found and of the sum of all, which know nothing of each other.
FUNCTIONS = {
    "logarithms": lambda values, total: values.log() @ torch.arange(1.0, 4).double(),
    "ratios": lambda values, total: (values / total).sin().sum(),
    "of the total alone": lambda values, total: total.sqrt(),
    "of one value": lambda values, total: values[1] ** 3,
    "mixed": lambda values, total: (values.log() * values.flip(0)).sum() * total - total**2,
}


@sides
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_gradient_is_the_derivative_of_any_function(name, shape):
    x = gaussian(*shape).requires_grad_()

    def law(x):
        return FUNCTIONS[name](*variances(x, lambda c: exact_components(c, 3)))

    assert torch.autograd.gradcheck(law, x)


@sides
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("rest", [0.0, 1e-4, 1e-2, 1.0])
def test_the_gradient_of_the_total_reaches_what_lies_outside_the_window(shape, dtype, rest):
    """It is 2/(n-1) X̄. A part outside so small that the *variance* outside is lost is left out.

    That is 16 roundings, 2**-19 in float32, so what is lost of the gradient is less than its root.
    """
    x = planted(np.array([3.0, 2.0, 1.0, rest**2]), *shape).to(dtype).requires_grad_()
    (found,) = torch.autograd.grad(variances(x, lambda c: exact_components(c, 3))[1], x)
    expected = 2 / (shape[0] - 1) * matrix(centred(x.detach()))
    lost = (16 * torch.finfo(dtype).eps) ** 0.5
    assert (found - expected).norm() < lost * expected.norm()


@pytest.mark.parametrize("name", degenerate(4, 4))
@shapes
@pytest.mark.parametrize("count", [5, 30])
def test_degenerate_batches_leave_everything_finite(name, shape, count):
    x = degenerate(*shape)[name].requires_grad_()
    found = exact_components(centred(x.detach()), count)
    assert all(part.isfinite().all() for part in found)
    assert (found.eigenvalues >= 0).all()
    assert found.right.norm(dim=0).max() < 1 + 1e-5
    values, total = variances(x, lambda c: exact_components(c, count))
    (values / total.clamp_min(1e-19) + 1e-8).log().sum().backward()
    assert x.grad.isfinite().all()


@shapes
def test_components_of_what_is_nearly_nothing(shape):
    """The squares of 1e-24 vanish in float32, in which products are made elsewhere."""
    x = gaussian(*shape).float()
    usual, found = (exact_components(centred(scale * x), 5) for scale in (1.0, 1e-24))
    assert_close(1e48 * found.eigenvalues, usual.eigenvalues, rtol=1e-5, atol=0)
    assert_close(1e48 * found.total, usual.total, rtol=1e-5, atol=0)
