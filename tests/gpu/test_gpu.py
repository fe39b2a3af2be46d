"""What a GPU computes is what the CPU computes in double precision: ``make test-gpu``.

Nothing here runs where there is none; what it took and said is in docs/reproduce-gerum.md.
"""

import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity

import striate
from striate.activations import collect, kernels
from striate.robustness import LinfBall, correct, fgsm, pgd
from striate.spectra import SpectralPenalty, eigenspectrum, fit_power_law, gram_eigenspectrum
from truths import degenerate, gaussian, planted, power_law

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"),
]
STIMULI, UNITS, RANKS = 1200, 900, (6, 50)


def batches(alpha, count):
    """Batch after batch of slowly turning directions, in single precision."""
    x = planted(power_law(600, alpha), STIMULI, UNITS)
    scale = x.square().mean().sqrt()
    for seed in range(count):
        yield (x + 0.003 * scale * gaussian(STIMULI, UNITS, seed=seed)).float()


def penalised(law, x):
    x = x.detach().clone().requires_grad_()
    found = law.measure(x)
    found.penalty.backward()
    return found.alpha.item(), x.grad


@pytest.mark.parametrize("alpha", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("solver", ["exact", "subspace", "auto"])
def test_the_penalty_and_its_gradient_are_those_of_double_precision(solver, alpha):
    settings = {"alpha": alpha + 1, "beta": 1.0, "ranks": RANKS}
    law = SpectralPenalty(solver=solver, **settings)
    for x in batches(alpha, 6):
        found, gradient = penalised(law, x.cuda())
        expected, reference = penalised(SpectralPenalty(solver="exact", **settings), x.double())
        assert found == pytest.approx(expected, abs=1e-3)
        cosine = cosine_similarity(gradient.cpu().double().flatten(), reference.flatten(), dim=0)
        assert cosine > 0.999
    assert solver == "exact" or law.tracker.basis.is_cuda


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_whoever_lets_products_be_coarse_gets_the_same_exponent(precision):
    settings = {"alpha": 2.0, "beta": 1.0, "ranks": RANKS}
    x = next(batches(3.0, 1))
    expected, reference = penalised(SpectralPenalty(solver="exact", **settings), x.double())
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        found, gradient = penalised(SpectralPenalty(**settings), x.cuda())
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision(before)
    assert found == pytest.approx(expected, abs=1e-3)
    assert cosine_similarity(gradient.cpu().double().flatten(), reference.flatten(), dim=0) > 0.999


@pytest.mark.parametrize("form", ["slope", "line", "ratio"])
@pytest.mark.parametrize("name", degenerate(4, 4))
def test_degenerate_batches_leave_everything_finite(name, form):
    law = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(2, 20), form=form, solver="subspace")
    for _ in range(3):
        _, gradient = penalised(law, degenerate(150, 120)[name].cuda())
        assert gradient.isfinite().all()


def net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 5), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(8 * 12 * 12, 5)
    )


def pictures(count):
    return torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def test_responses_kernels_and_spectra_agree_with_the_cpu():
    model, images = net(), pictures(300)
    there = collect(model, images, "1")["1"].tensor[0]
    ours = kernels(model, images, "1", z_scored=True)["1"]
    model.cuda()
    here = collect(model, images, "1")["1"].tensor[0]
    assert here.is_cuda
    torch.testing.assert_close(here.cpu(), there, rtol=1e-2, atol=3e-3)  # TF32 convolutions
    theirs = kernels(model, images, "1", z_scored=True)["1"]
    fit = {"ranks": (3, 100), "weights": "rank"}
    alphas = [
        fit_power_law(gram_eigenspectrum(kernel.gram.cpu()), **fit).alpha.item()
        for kernel in (ours, theirs)
    ]
    assert alphas[0] == pytest.approx(alphas[1], abs=2e-3)
    torch.testing.assert_close(
        eigenspectrum(here.double()).cpu(), eigenspectrum(here.cpu().double()), rtol=1e-8, atol=1e-9
    )


def test_attacks_agree_with_the_cpu():
    model, images = net().double(), pictures(64).double()
    labels = model(images).argmax(1)
    ball = LinfBall(0.03)
    attacks = {
        "fgsm": lambda m, x, y: fgsm(m, x, y, ball=ball),
        "pgd": lambda m, x, y: pgd(m, x, y, ball=ball, steps=10, step_size=0.01),
    }
    ours = {name: attack(model, images, labels) for name, attack in attacks.items()}
    right = {name: correct(model, found, labels) for name, found in ours.items()}
    model.cuda()
    for name, attack in attacks.items():
        found = attack(model, images.cuda(), labels.cuda())
        assert found.is_cuda
        torch.testing.assert_close(found.cpu(), ours[name], rtol=0, atol=1e-9)
        assert (correct(model, found, labels.cuda()).cpu() == right[name]).all()


def test_a_training_is_watched():
    model, seen = net().cuda(), []
    with striate.watch(model, "1", ranks=(2, 20), every=1, to=seen.append):
        for _ in range(2):
            model(pictures(200).cuda()).sum().backward()
    assert len(seen) >= 1
