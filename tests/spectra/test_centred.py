"""A batch less its mean, a few rows or columns at a time, against the same done at once."""

import pytest
import torch
from torch.testing import assert_close

from striate.spectra import centred as module
from striate.spectra.centred import Centred, centred
from striate.spectra.components import exact_components
from striate.spectra.processes import Processes
from truths import gaussian

SHAPES = [(200, 70), (70, 200), (64, 64), (65, 3), (2, 1)]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch):
    """64 rows or columns at once, so that these small batches take several turns."""
    monkeypatch.setattr(module, "AT_ONCE", 1)


@shapes
@pytest.mark.parametrize("axis", [0, 1])
def test_the_parts_are_those_of_the_centred_batch(shape, axis):
    x = gaussian(*shape) + 5
    parts = list(centred(x).parts(axis))
    assert len(parts) == -(-shape[axis] // 64)
    assert_close(torch.cat(parts, axis), x - x.mean(0), rtol=0, atol=0)


@shapes
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("transposed", [False, True])
def test_a_copy_is_rounded_after_the_mean_is_taken_off(shape, dtype, transposed):
    x = gaussian(*shape) + 1000
    batch = centred(x.T.contiguous().T if transposed else x)
    copy, squares = batch.copied(dtype)
    assert torch.equal(copy, (x - batch.mean).to(dtype))
    assert copy.is_contiguous()
    assert squares.dtype == torch.float64
    assert_close(squares, (x - x.mean(0)).square().sum(), rtol=1e-12, atol=0)


@shapes
@pytest.mark.parametrize("offset", [0.0, 2.0, 1000.0])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_products_are_those_with_the_centred_batch(shape, offset, dtype):
    """Without a copy, unless it is of another precision or the mean outweighs the rest."""
    x = gaussian(*shape, dtype=torch.float32) + offset
    exact = x.double() - x.double().mean(0)
    batch, squares = centred(x).measured(dtype)
    assert (batch.x is x) == (dtype == torch.float32 and offset < 1000)
    assert squares.dtype == torch.float64
    assert_close(squares, exact.square().sum(), rtol=1e-4 if offset == 1000 else 1e-5, atol=0)
    right, left = (gaussian(side, 3, seed=1, dtype=torch.float32) for side in reversed(shape))
    rounding = 0.02 if dtype == torch.bfloat16 else 1e-4 if offset == 1000 else 1e-5
    for found, block, rows in (
        (batch.times(right), right, exact),
        (batch.transposed_times(left), left, exact.T),
    ):
        assert found.dtype == torch.float32
        wanted = rows @ block.double()
        assert (found - wanted).norm() <= rounding * exact.norm() * block.norm()


@shapes
def test_a_multiple_is_added_in_place(shape):
    x, other = gaussian(*shape) + 5, gaussian(*shape, seed=1)
    expected = other - 0.3 * (x - x.mean(0))
    centred(x).add_to(other, times=-0.3)
    assert_close(other, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("shape", [(300, 290), (290, 300), (600, 30), (30, 600)], ids=str)
@pytest.mark.parametrize("count", [5, 29])
def test_components_of_a_batch_in_many_parts(shape, count):
    """Wider than the strips in which its square is multiplied out."""
    x = gaussian(*shape) + 5
    found = exact_components(centred(x), count)
    values = torch.linalg.svdvals(x - x.mean(0))
    assert_close(found.eigenvalues, values[:count].square(), rtol=1e-10, atol=0)
    assert_close(found.total, values.square().sum(), rtol=1e-12, atol=0)
    assert_close((x - x.mean(0)) @ found.right, found.left, rtol=0, atol=1e-10)


def test_the_mean_is_that_over_all_processes():
    """Here of two, the other of which holds the same rows plus one."""
    x = gaussian(10, 4)
    both = Processes(2, lambda rows: 2 * len(rows), lambda sums: 2 * sums + len(x), None)
    assert_close(centred(x, both).mean, x.mean(0) + 0.5, rtol=0, atol=1e-14)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_refused(value):
    x = gaussian(10, 4)
    x[3, 2] = value
    with pytest.raises(ValueError, match="responses that are not finite; did training diverge"):
        centred(x)


@pytest.mark.parametrize("find", [
    lambda batch: batch.copied(torch.float32), lambda batch: batch.measured(torch.float32),
    lambda batch: exact_components(batch, 2),
], ids=["copy", "measured", "components"])  # fmt: skip
def test_squares_that_overflow_are_refused(find):
    x = gaussian(10, 4, dtype=torch.float32) * 1e30
    with pytest.raises(
        ValueError, match="so large that their squares are not finite; did training"
    ):
        find(centred(x))


def test_one_stimulus_has_no_covariance():
    with pytest.raises(ValueError, match="a covariance needs at least 2 stimuli, x has 1"):
        centred(gaussian(1, 4))


def test_a_batch_in_its_parts_needs_no_more_than_one_of_them():
    batch = Centred(torch.zeros(1, 1).expand(10**6, 10**3), torch.zeros(10**3))
    assert next(batch.parts()).shape == (64, 1000)
    assert next(batch.parts(1)).shape == (10**6, 64)


def test_a_process_may_hold_no_rows():
    """Of a batch that several share; the others wait for its sums."""
    none = Centred(torch.zeros(0, 5), torch.ones(5))
    assert none.measured(torch.float64)[0].x.shape == (0, 5)
