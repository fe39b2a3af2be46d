"""Components found from those of a batch before, against numpy's SVD; and how wrong they say to be.

A planted spectrum is looked for from its true directions, each turned by a known amount.
"""

from functools import cache

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from striate.spectra import subspace
from striate.spectra.centred import Centred
from striate.spectra.processes import Processes
from striate.spectra.subspace import SPARE, tracked_components
from striate.spectra.tracker import LATER, SAFETY, Tracker
from truths import gaussian, planted, power_law

COUNT, TRACKED = 20, 40
# Its tail beyond rank 40 is not in the basis.
STIMULI, UNITS = 300, 200
PRECISIONS = [(torch.float64, False), (torch.float32, False), (torch.float32, True)]
precisions = pytest.mark.parametrize(
    ("dtype", "coarse"), PRECISIONS, ids=["double", "single", "coarse"]
)


@cache
def batch(alpha, dtype=torch.float64):
    x = planted(power_law(199, alpha), STIMULI, UNITS).to(dtype)
    return x - x.mean(0)


@cache
def svd(centred):
    left, values, right = np.linalg.svd(centred.double().numpy(), full_matrices=False)
    return [torch.from_numpy(part) for part in (left[:, :COUNT], values[:COUNT], right.T)]


@cache
def turned(centred, amount):
    """The true leading directions, each with noise of length `amount` added."""
    right = svd(centred)[2][:, :TRACKED]
    noise = gaussian(*right.shape, seed=3) / len(right) ** 0.5
    return torch.linalg.qr(right + amount * noise)[0].to(centred.dtype)


def of_zero_mean(x):
    return Centred(x, torch.zeros_like(x[0]))


def find(centred, amount, blocks=1, *, coarse=False, good_enough=None):
    return tracked_components(
        of_zero_mean(centred),
        COUNT,
        basis=turned(centred, amount),
        good_enough=good_enough or (lambda found: found.blocks >= blocks),
        coarse=coarse,
    )


def truly_wrong(centred, found):
    """How much each eigenvalue is too small, and one minus the cosine of each pair uᵢvᵢᵀ."""
    left, values, right = svd(centred)
    right = right[:, :COUNT]
    cosine = torch.nn.functional.cosine_similarity(found.components.left.double(), left, dim=0)
    cosine *= torch.nn.functional.cosine_similarity(found.components.right.double(), right, dim=0)
    return 1 - found.components.eigenvalues / values.square(), 1 - cosine


@precisions
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("amount", [0.03, 0.3])
def test_the_components_of_a_planted_spectrum_are_found(alpha, amount, dtype, coarse):
    """As many blocks as there may be leave what rounding of the space leaves.

    That is 2**-9 of each response in bfloat16: its square, times what of the noise the gaps let
    through, is some 1e-5. In single precision it is the rounding of X̄v.
    """
    x = batch(alpha, dtype)
    found = find(x, amount, 4, coarse=coarse)
    values, vectors = truly_wrong(x, found)
    expected = 1e-4 if coarse else {torch.float64: 1e-9, torch.float32: 2e-6}[dtype]
    assert values.abs().max() < expected
    assert vectors.abs().max() < expected
    assert found.blocks == 4
    half = torch.bfloat16 if coarse else dtype
    assert found.components.left.dtype == found.components.right.dtype == half
    assert found.components.eigenvalues.dtype == torch.float64
    assert found.components.total == pytest.approx(x.double().square().sum().item(), rel=1e-6)
    assert found.basis.shape == (UNITS, TRACKED + SPARE)
    identity = torch.eye(TRACKED + SPARE, dtype=dtype)
    assert (found.basis.T @ found.basis - identity).norm() < 100 * torch.finfo(dtype).eps


@precisions
@pytest.mark.parametrize("blocks", [1, 2, 3, 4])
@pytest.mark.parametrize("alpha", [3.0, 4.0, 5.0])
def test_a_steep_spectrum_is_found_in_its_own_precision(alpha, blocks, dtype, coarse):
    """The 20th eigenvalue is 1e-4, 6e-6 and 3e-7 of the first.

    bfloat16 hides the last two, so nothing of it may be left there: 1e-3 and more if it is. Each
    block is nearly in the span of those before it; if rounding is not cleared from the rest, more
    blocks make it worse, up to 0.1.
    """
    x = batch(alpha, dtype)
    found = find(x, 0.3, blocks, coarse=coarse)
    wrong = max(part.abs().max().item() for part in truly_wrong(x, found))
    if coarse and alpha == 3.0:
        assert wrong < [0.05, 0.01, 1e-3, 5e-4][blocks - 1]
    elif dtype == torch.float64:
        assert wrong < [1e-4, 1e-8, 1e-10, 1e-10][blocks - 1]
    else:
        assert wrong < {3.0: 5e-5, 4.0: 2e-5, 5.0: 1e-3}[alpha]


@pytest.mark.parametrize(("alpha", "coarse", "used"), [
    (2.0, True, torch.bfloat16), (3.0, True, torch.bfloat16), (4.0, True, torch.float32),
    (5.0, True, torch.float32), (2.0, False, torch.float32), (5.0, False, torch.float32),
])  # fmt: skip
@pytest.mark.parametrize("amount", [0.03, 0.3])
def test_the_space_is_built_in_half_precision_unless_it_is_too_steep(
    alpha, amount, coarse, used, monkeypatch
):
    seen = []
    for name in ("times", "transposed_times"):
        product = getattr(Centred, name)
        monkeypatch.setattr(
            Centred,
            name,
            lambda rows, block, product=product: (
                seen.append(rows.x.dtype),
                product(rows, block),
            )[1],
        )
    find(batch(alpha, torch.float32), amount, 1, coarse=coarse)
    if used == torch.bfloat16:
        # The start and a block there and back; images and residuals of what was found are exact.
        assert seen == [used] * 3 + [torch.float32] * 2 + [used]
    else:
        tried = [torch.bfloat16] * 3 * coarse
        assert seen == tried + [torch.float32] * 5


# In single precision and in bfloat16 errors below these are rounding, which is not estimated.
ROUNDING = {
    (torch.float64, False): 1e-11,
    (torch.float32, False): 1e-6,
    (torch.float32, True): 1e-5,
}


@precisions
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_errors_are_what_they_are_said_to_be(alpha, blocks, dtype, coarse):
    """Of what half a power step then still makes better: they bound it, once they are small."""
    rounding = ROUNDING[dtype, coarse]
    for amount in (0.03, 0.3, 1.0):
        x = batch(alpha, dtype)
        found = find(x, amount, blocks, coarse=coarse)
        said = found.value_error, found.vector_error
        for true, estimate in zip(truly_wrong(x, found), said, strict=True):
            if estimate.max() > 0.01:
                continue
            assert (true <= 5 * estimate + rounding).all()
            assert true.max() <= 2 * estimate.max() + rounding
            # The step takes off as much as the spectrum falls behind the components.
            assert estimate.max() <= 100 * true.max() + rounding


@precisions
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("ranks", [(1, 20), (3, 20), (15, 20)], ids=str)
def test_a_tracker_bounds_the_errors_of_alpha_and_gradient(alpha, ranks, dtype, coarse):
    """In logarithms, no floor: the errors of α by its formula, of the gradient by its cosine."""
    n = np.log(np.arange(ranks[0], ranks[1] + 1))
    weight = torch.from_numpy((n - n.mean()) / ((n - n.mean()) ** 2).sum())
    window = slice(ranks[0] - 1, ranks[1])
    tracker = Tracker(ranks, "subspace", 1e-3)
    x = batch(alpha, dtype)
    left, values, right = svd(x)
    exact = left[:, window] * (weight / values[window]) @ right[:, window].T
    for amount in (0.03, 0.3, 1.0):
        for blocks in (1, 2, 3):
            found = find(x, amount, blocks, coarse=coarse)
            part = found.components.eigenvalues[window]
            of_alpha = abs((weight * (part / values[window].square()).log()).sum())
            scores = found.components.left[:, window].double()
            gradient = scores * (weight / part) @ found.components.right[:, window].double().T
            of_gradient = 1 - (gradient * exact).sum() / gradient.norm() / exact.norm()
            bound = tracker.error(found)
            rounding = ROUNDING[dtype, coarse] * max(1, weight.abs().sum())
            if bound > 0.01:  # too large to be believed, or to matter
                continue
            assert max(of_alpha, of_gradient) <= bound + rounding
            # and not so careful that it would be of no use
            assert bound <= 200 * LATER * max(of_alpha, of_gradient) + 4 * LATER * rounding


@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.parametrize("amount", [0.03, 0.3])
def test_where_variance_hardly_falls_vectors_are_no_worse_than_a_tracker_allows_for(amount, blocks):
    found = find(batch(0.3), amount, blocks)
    assert truly_wrong(batch(0.3), found)[1].sum() < SAFETY * found.vector_error.sum()


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("amount", [0.03, 0.3, 1.0])
def test_the_eigenvalue_behind_the_last_is_not_taken_for_a_smaller_one(alpha, amount):
    behind = torch.linalg.svdvals(batch(alpha))[COUNT].square()
    for blocks in (1, 2):
        found = find(batch(alpha), amount, blocks)
        assert behind < found.behind < 1.1 * behind


def test_a_second_look_is_trusted_less():
    tracker, found = Tracker((3, COUNT), "subspace", 1e-3), find(batch(1.0), 0.3)
    found = found._replace(value_error=torch.zeros_like(found.value_error))  # of α
    later = tracker.error(found._replace(blocks=2))
    assert later == pytest.approx(LATER / SAFETY * tracker.error(found))


def test_blocks_are_added_while_it_is_not_good_enough(monkeypatch):
    asked = []

    def third_time(found):
        asked.append(found.blocks)
        return len(asked) == 3

    x = batch(1.0)
    assert find(x, 0.3, good_enough=third_time).blocks == 3
    assert asked == [1, 2, 3]
    # 40 directions and 5 blocks of 32 are all 200.
    assert find(x, 0.3, good_enough=lambda _: False).blocks == 5
    monkeypatch.setattr(subspace, "MOST_BLOCKS", 4)
    assert find(x, 0.3, good_enough=lambda _: False).blocks == 4
    errors = [find(x, 1.0, blocks).value_error.max().item() for blocks in (1, 2, 3)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 1e4 * errors[2]


@precisions
def test_the_same_batch_gives_the_same_bits(dtype, coarse):
    x = batch(1.0, dtype)
    one, two = (find(x, 0.3, 2, coarse=coarse) for _ in range(2))
    for first, second in zip(
        (*one.components, *one[1:4]), (*two.components, *two[1:4]), strict=True
    ):
        assert torch.equal(first, second)


def test_rows_held_by_others_are_asked_for():
    """Every sum over rows is handed to the other processes, here one that holds none."""
    shares = []

    def add(share):
        shares.append(share.shape)
        return share

    x = batch(1.0)
    basis = turned(x, 0.3)
    settings = {"basis": basis, "good_enough": lambda _: True, "coarse": False}
    alone = tracked_components(of_zero_mean(x), COUNT, **settings)
    found = tracked_components(
        of_zero_mean(x), COUNT, **settings, processes=Processes(2, len, add, None)
    )
    assert torch.equal(found.components.eigenvalues, alone.components.eigenvalues)
    # The sum of squares, two matrices of scores with the block between them, residuals, variances,
    # and that along what is lacking.
    assert len(shares) == 7


def test_columns_that_depend_on_each_other_are_made_orthogonal_all_the_same():
    """By Cholesky's factor, and by QR where there is none."""
    columns = gaussian(50, 6, dtype=torch.float32)
    columns[:, 3] = columns[:, 0]
    columns /= columns.norm(dim=0)
    for some in (columns[:, :3], columns, columns * 1e-3 + columns[:, :1]):
        found = subspace._orthonormal(some)
        assert found.isfinite().all()
        assert torch.linalg.matrix_norm(found, 2) < 1 + 1e-4
    found = subspace._orthonormal(columns[:, :3])
    assert_close(found.T @ found, torch.eye(3), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["zero", "one dimension", "rank 5"])
@precisions
def test_a_batch_of_lower_rank_than_asked_leaves_everything_finite(name, dtype, coarse):
    ranks = {"zero": 0, "one dimension": 1, "rank 5": 5}[name]
    variances = np.where(np.arange(199) < ranks, power_law(199, 1.0), 0)
    x = planted(variances, STIMULI, UNITS).to(dtype)
    x = x - x.mean(0) if ranks else torch.zeros_like(x)
    for blocks in (1, 4):
        found = tracked_components(
            of_zero_mean(x),
            COUNT,
            basis=turned(batch(1.0, dtype), 0.3),
            good_enough=lambda found, blocks=blocks: found.blocks >= blocks,
            coarse=coarse,
        )
        parts = (*found.components, found.value_error, found.vector_error, found.basis)
        assert all(part.isfinite().all() for part in parts)
        assert (found.components.eigenvalues >= 0).all()


@pytest.mark.parametrize("amount", [0.3, 0.5])
def test_twins_at_the_end_of_the_window_come_apart(amount):
    """Residuals of two components mix them by what they share over the difference of their values.

    Half a power step would leave them mixed, ten times as much as what is said of the last one.
    """
    for seed in range(5):
        variances = power_law(199, 2.0)
        variances[COUNT] = variances[COUNT - 1] * 0.999
        x = planted(variances, STIMULI, UNITS, seed=seed)
        x = x - x.mean(0)
        found = find(x, amount)
        mixed = (found.components.right.T @ svd(x)[2])[COUNT - 1, COUNT].square()
        assert mixed < SAFETY * found.vector_error[-1]
