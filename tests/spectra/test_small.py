"""Small dense problems: the host's eigenvectors, and orthonormal columns by Cholesky factors."""

import pytest
import torch

from striate.spectra.small import by_cholesky, orthonormal, small_eigh
from truths import gaussian, power_law

UNITS, COLUMNS = 200, 40


def conditioned(condition, dtype=torch.float64):
    """A block whose singular values fall from one to 1/condition."""
    left = torch.linalg.qr(gaussian(UNITS, COLUMNS))[0]
    right = torch.linalg.qr(gaussian(COLUMNS, COLUMNS, seed=1))[0]
    return (left * torch.logspace(0, -condition, COLUMNS, dtype=torch.float64) @ right.T).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("digits", [0, 1, 3, 5])
def test_cholesky_twice_gives_an_orthonormal_basis_of_the_same_span(digits, dtype):
    block = conditioned(digits, dtype)
    found = by_cholesky(block)
    assert found.dtype == dtype
    rounding = 20 * torch.finfo(dtype).eps * COLUMNS
    assert (found.T @ found - torch.eye(COLUMNS, dtype=dtype)).abs().max() < rounding
    inside = found.double() @ (found.double().T @ block.double())
    assert (inside - block.double()).abs().max() < rounding


def test_dependent_columns_are_left_to_householder():
    block = conditioned(0)
    block[:, 3] = block[:, 5] - 2 * block[:, 7]
    assert by_cholesky(block) is None
    found = orthonormal(block)
    assert (found.T @ found - torch.eye(COLUMNS, dtype=torch.float64)).abs().max() < 1e-12


def test_zero_columns_are_left_to_householder():
    assert by_cholesky(torch.zeros(UNITS, COLUMNS)) is None


def test_eigenpairs_solve_their_equation_in_ascending_order():
    left = torch.linalg.qr(gaussian(COLUMNS, COLUMNS))[0]
    planted = torch.from_numpy(power_law(COLUMNS, 2.0)).flip(0)
    values, vectors = small_eigh(left * planted @ left.T)
    torch.testing.assert_close(values, planted, rtol=1e-10, atol=1e-14)
    torch.testing.assert_close((vectors.T @ left).abs(), torch.eye(COLUMNS, dtype=torch.float64),
                               rtol=0, atol=1e-9)  # fmt: skip
