"""Components found by products and one small eigenproblem, against numpy's SVD.

That is the way of a GPU, but a processor can go it too. A planted spectrum is looked for from its
true directions, each turned by a known amount.
"""

import pytest
import torch
from test_subspace import COUNT, TRACKED, UNITS, batch, of_zero_mean, truly_wrong, turned

from striate.spectra import SpectralPenalty, iterated, tracker
from striate.spectra.iterated import iterated_components, orthonormal
from striate.spectra.processes import Processes
from striate.spectra.subspace import SPARE
from striate.spectra.tracker import SAFETY, Tracker
from truths import gaussian

precisions = pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32], ids=["double", "single"]
)


def find(centred, amount, looks=1, *, good_enough=None):
    return iterated_components(
        of_zero_mean(centred),
        COUNT,
        basis=turned(centred, amount),
        good_enough=good_enough or (lambda found: found.blocks >= looks),
    )


@precisions
@pytest.mark.parametrize("alpha", [1.0, 2.0])
@pytest.mark.parametrize("amount", [0.03, 0.3])
def test_the_components_of_a_planted_spectrum_are_found(alpha, amount, dtype):
    x = batch(alpha, dtype)
    found = find(x, amount, 4)
    values, vectors = truly_wrong(x, found)
    # Nine products take from each wrong direction 18 times its place in a spectrum of 1/n, in
    # which directions 20 and 41 are twice apart: 2**-18 of 0.3.
    expected = 1e-5 if alpha == 1.0 else {torch.float64: 1e-9}.get(dtype, 2e-6)
    assert values.abs().max() < expected
    assert vectors.abs().max() < expected
    assert found.blocks == 4
    assert found.components.left.dtype == found.components.right.dtype == dtype
    assert found.components.eigenvalues.dtype == torch.float64
    assert found.components.total == pytest.approx(x.double().square().sum().item(), rel=1e-6)
    assert found.basis.shape == (UNITS, TRACKED + SPARE)
    leading = found.basis[:, :TRACKED]
    identity = torch.eye(TRACKED, dtype=dtype)
    assert (leading.T @ leading - identity).norm() < 500 * torch.finfo(dtype).eps


def test_a_basis_is_widened_by_as_many_directions_as_there_are_components():
    x = batch(1.0)
    found = iterated_components(
        of_zero_mean(x), 3, basis=turned(x, 0.3)[:, :16], good_enough=lambda found: True
    )
    assert found.basis.shape == (UNITS, 16 + 3)


@pytest.mark.parametrize("alpha", [4.0, 5.0])
def test_a_steep_spectrum_is_found_to_its_last_value(alpha):
    """The 20th eigenvalue is 6e-6 and 3e-7 of the first."""
    found = find(batch(alpha, torch.float32), 0.3)
    wrong = truly_wrong(batch(alpha, torch.float32), found)
    assert max(part.abs().max().item() for part in wrong) < 1e-3


@precisions
@pytest.mark.parametrize("alpha", [0.7, 1.0, 2.0])
@pytest.mark.parametrize("amount", [0.1, 0.5])
def test_the_error_is_known_within_the_factor_that_the_tracker_allows_for(alpha, amount, dtype):
    x = batch(alpha, dtype)
    found = find(x, amount)
    values, vectors = truly_wrong(x, found)
    rounding = 1e-10 if dtype == torch.float64 else 1e-6
    assert values.sum() < SAFETY * found.value_error.sum() + COUNT * rounding
    assert vectors.sum() < SAFETY * found.vector_error.sum() + COUNT * rounding


def test_products_are_added_until_the_answer_is_good_enough():
    looks = []

    def third_time(found):
        looks.append(found)
        return len(looks) == 3

    found = find(batch(1.0), 0.5, good_enough=third_time)
    assert found.blocks == len(looks) == 3
    errors = [look.value_error.sum() for look in looks]
    assert errors[0] > errors[1] > errors[2]
    never = find(batch(1.0), 0.5, good_enough=lambda found: False)
    assert never.blocks == len(iterated.ROUNDS)


def test_rows_may_lie_in_two_processes():
    x = batch(1.0)
    halves = x[:140], x[140:]
    alone = find(x, 0.3)
    # What the other one holds is the whole less one's own, if both see the same directions.
    sums = []

    def kept(share):
        sums.append(share)
        return share

    everything = Processes(1, len, kept, lambda rows: (rows, slice(None)))
    basis = turned(x, 0.3)
    iterated_components(
        of_zero_mean(x), COUNT, basis=basis, good_enough=lambda found: True,
        processes=everything,
    )  # fmt: skip
    whole = iter(sums)
    joined = Processes(2, lambda rows: len(x), lambda share: next(whole), lambda rows: (rows, ...))
    found = iterated_components(
        of_zero_mean(halves[0]), COUNT, basis=basis, good_enough=lambda found: True,
        processes=joined,
    )  # fmt: skip
    assert torch.allclose(found.components.eigenvalues, alone.components.eigenvalues, rtol=1e-12)
    assert torch.allclose(found.components.left, alone.components.left[:140], atol=1e-9)
    assert next(whole, None) is None


@pytest.mark.parametrize("tangled", [1.0, 1e-3, 1e-6])
def test_directions_are_orthonormal_and_of_the_same_span(tangled):
    common = gaussian(UNITS, 1, seed=1)
    block = common + tangled * gaussian(UNITS, TRACKED, seed=2)
    found = orthonormal(block)
    assert (found.T @ found - torch.eye(TRACKED, dtype=found.dtype)).norm() < 1e-12
    rest = block - found @ (found.T @ block)
    assert rest.norm() < 1e-12 * block.norm()


def test_directions_of_every_degree_of_dependence_are_orthonormal():
    """Singular values from 1 to 1e-14, of which the first factors leave some tangled."""
    left = torch.linalg.qr(gaussian(UNITS, TRACKED, seed=1))[0]
    right = torch.linalg.qr(gaussian(TRACKED, TRACKED, seed=3))[0]
    found = orthonormal(left * torch.logspace(0, -14, TRACKED, dtype=left.dtype) @ right)
    assert (found.T @ found - torch.eye(TRACKED, dtype=found.dtype)).norm() < 1e-10


@pytest.mark.parametrize("block", [
    torch.zeros(UNITS, TRACKED), torch.ones(UNITS, TRACKED),
    gaussian(UNITS, 3, seed=1).repeat(1, 10), gaussian(TRACKED - 10, TRACKED, seed=1),
], ids=["nothing", "one direction", "three directions", "more columns than units"])  # fmt: skip
def test_columns_that_depend_on_each_other_give_numbers(block):
    for dtype in (torch.float32, torch.float64):
        found = orthonormal(block.to(dtype))
        assert found.isfinite().all()
        assert torch.linalg.matrix_norm(found.double(), 2) < 1 + 1e-6
        kept = block.double() - found.double() @ (found.double().T @ block.double())
        assert kept.norm() <= 1e-5 * block.norm()


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    def searched(*given, coarse, **settings):
        return iterated_components(*given, **settings)

    monkeypatch.setattr(tracker, "tracked_components", searched)


@pytest.mark.parametrize("target", [1.0, 3.0])
def test_a_penalty_follows_a_drifting_layer_as_decomposing_it_would(target, as_on_a_gpu):
    layer, drift = batch(1.0, torch.float32), 0.02 * gaussian(UNITS, UNITS, seed=4).float()
    ways = {
        solver: SpectralPenalty(alpha=target, beta=1.0, ranks=(3, COUNT), solver=solver)
        for solver in ("subspace", "exact")
    }
    for step in range(8):
        x = (layer + step * layer @ drift)[torch.randperm(300, generator=torch.Generator())]
        found = {}
        for solver, penalty in ways.items():
            given = (x if solver == "subspace" else x.double()).clone().requires_grad_()
            measured = penalty.measure(given)
            found[solver] = measured.alpha.item(), torch.autograd.grad(measured.penalty, given)[0]
        (alpha, gradient), (truth, right) = found["subspace"], found["exact"]
        assert abs(alpha - truth) < 1e-3
        cosine = torch.nn.functional.cosine_similarity(
            gradient.double().flatten(), right.flatten(), dim=0
        )
        assert cosine > 0.999


@pytest.mark.parametrize("spoil", [
    lambda x: x * (torch.arange(UNITS) < 30), lambda x: x[:30].repeat(10, 1), lambda x: x * 0,
], ids=["dead units", "images shown again", "nothing"])  # fmt: skip
def test_a_layer_that_dies_stops_nothing(spoil, as_on_a_gpu):
    x = batch(1.0, torch.float32)
    penalty = SpectralPenalty(alpha=2.0, beta=1.0, ranks=(3, COUNT), solver="subspace")
    for one in (x, x, spoil(x), spoil(x), x):
        given = one.clone().requires_grad_()
        measured = penalty.measure(given)
        measured.penalty.backward()
        assert measured.alpha.isfinite()
        assert given.grad is not None
        assert given.grad.isfinite().all()
    truth = SpectralPenalty(alpha=2.0, beta=1.0, ranks=(3, COUNT), solver="exact").measure(x).alpha
    assert measured.alpha.item() == pytest.approx(truth.item(), abs=1e-3)


def test_a_tracker_widens_its_basis_by_directions_that_help(as_on_a_gpu):
    x = of_zero_mean(batch(1.0))
    judge = Tracker((3, COUNT), "subspace", 1e-3)
    narrow = turned(x.x, 0.5)[:, : COUNT + 5]
    once = iterated_components(x, COUNT, basis=narrow, good_enough=lambda found: True)
    errors = [
        judge.error(iterated_components(x, COUNT, basis=basis, good_enough=lambda found: True))
        for basis in (once.basis[:, : COUNT + 5], once.basis)
    ]
    assert errors[1] < errors[0] / 2
