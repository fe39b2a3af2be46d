"""What a GPU computes is what the CPU computes in double precision: ``make test-gpu``.

Nothing here runs where there is none; what it took and said is in docs/reproduce-gerum.md.
"""

import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity
from trained_together import objectives, trained

import striate
from striate.activations import collect, kernels
from striate.predictivity import (
    noise_corrected,
    pls,
    ridge,
    split_correlations,
    split_half_reliability,
    split_indices,
)
from striate.robustness import (
    LinfBall,
    ball,
    bfloat16_gradient,
    correct,
    fgsm,
    float16_gradient,
    pgd,
    plain_gradient,
    robust_accuracy,
    summed_cross_entropy,
)
from striate.spectra import SpectralPenalty, eigenspectrum, fit_power_law, gram_eigenspectrum
from striate.tuning import preferred_frequency, tuning_curves
from striate.visualize import optimal_stimulus
from truths import degenerate, digit_reader, digits_held_out, gaussian, planted, power_law

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


@pytest.mark.parametrize("gain", [1.0, 4.0], ids=["as trained", "certain"])
@pytest.mark.parametrize("gradient", [float16_gradient, bfloat16_gradient])
@pytest.mark.parametrize(("norm", "eps"), [("Linf", 0.1), ("L2", 0.6), ("L1", 4.0)])
def test_attacks_in_half_precision_find_what_those_in_float32_find(norm, eps, gradient, gain):
    model = digit_reader().cuda()
    with torch.no_grad():
        for parameter in model[-1].parameters():
            parameter.mul_(gain)
    images, labels = (tensor.cuda() for tensor in digits_held_out())
    climb = partial(pgd, ball=ball(norm, eps), steps=10, step_size=eps / 5)
    coarse, fine = (
        robust_accuracy(model, images, labels, partial(climb, gradient=each), batch_size=200)
        for each in (gradient, plain_gradient)
    )
    assert coarse.is_cuda
    assert coarse.float().mean().item() == pytest.approx(fine.float().mean().item(), abs=0.02)
    assert fine.float().mean() < correct(model, images, labels).float().mean() - 0.2


@pytest.mark.parametrize("gain", [1.0, 4.0, 1e-9], ids=["as trained", "certain", "flat"])
def test_gradients_in_float16_agree_with_the_cpu(gain):
    def slopes(gradient, device):
        model = digit_reader().to(device)
        with torch.no_grad():
            for parameter in model[-1].parameters():
                parameter.mul_(gain)
        images, labels = (tensor[:100].to(device) for tensor in digits_held_out())
        return gradient(model, images, labels, summed_cross_entropy).cpu().double().flatten(1)

    found, expected = slopes(float16_gradient, "cuda"), slopes(plain_gradient, "cpu")
    assert cosine_similarity(found, expected, eps=1e-60).min() > 0.99


def test_one_process_of_torchrun_trains_as_none(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here, file = Path(__file__).parent, tmp_path / "weights.pt"
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "1",
        "--master-addr", "127.0.0.1", "--master-port", str(port),
        str(here / "trained_together.py"), "cuda", str(file),
    ]  # fmt: skip
    # No machine but this one is asked for.
    local = {"NCCL_SOCKET_IFNAME": "lo", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        command, env=os.environ | local, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found = torch.load(file)
    assert found["backend"] == "nccl"
    for name in objectives():
        alone, together = trained(name, "cuda"), found["weights"][name]
        assert alone.keys() == together.keys()
        for weight, expected in alone.items():
            torch.testing.assert_close(together[weight], expected, rtol=0, atol=1e-6)


def test_a_training_is_watched():
    model, seen = net().cuda(), []
    with striate.watch(model, "1", ranks=(2, 20), every=1, to=seen.append):
        for _ in range(2):
            model(pictures(200).cuda()).sum().backward()
    assert len(seen) >= 1


def recording():
    """Features with a power law, neurons that are linear in them and noisy, and three splits."""
    features = gaussian(200, 60) * torch.arange(1.0, 61.0).rsqrt()
    responses = features @ gaussian(60, 9, seed=1) + gaussian(200, 9, seed=2)
    return features, responses, [split_indices(200, seed=seed) for seed in range(3)]


MAPS = {
    "pls": partial(pls, z_scored=False, components=10),
    "pls of z-scores": partial(pls, z_scored=True, components=10),
    "ridge": partial(ridge, lambdas=(0.1, 10.0, 1000.0), select="population"),
    "ridge per neuron": partial(ridge, lambdas=(0.1, 10.0, 1000.0), select="neuron"),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", MAPS)
def test_maps_to_neurons_agree_with_the_cpu(name, dtype):
    features, responses, splits = recording()
    x, y = features.to(dtype), responses.to(dtype)
    ours, theirs = (
        MAPS[name](one, two, splits=splits) for one, two in ((x, y), (x.cuda(), y.cuda()))
    )
    # Both work in double precision, and round to that of the responses.
    tolerance = 1e-8 if dtype is torch.float64 else 1e-5
    for split in range(3):
        found = theirs.predictions(split)
        assert (found.device.type, found.dtype) == (y.cuda().device.type, dtype)
        torch.testing.assert_close(found.cpu(), ours.predictions(split), rtol=0, atol=tolerance)
    found = split_correlations(theirs, y.cuda(), splits=splits)
    expected = split_correlations(ours, y, splits=splits)
    torch.testing.assert_close(found.test.cpu(), expected.test, rtol=0, atol=tolerance)


def test_reliability_and_its_correction_agree_with_the_cpu():
    _, responses, _ = recording()
    trials = responses + gaussian(4 * 200, 9, seed=3).reshape(4, 200, 9)
    trials[3, ::5] = torch.nan
    ours, theirs = (split_half_reliability(each) for each in (trials, trials.cuda()))
    assert theirs.corrected.device == trials.cuda().device
    torch.testing.assert_close(theirs.corrected.cpu(), ours.corrected, rtol=0, atol=1e-12)
    correlations = torch.linspace(0.1, 0.9, 18).double().reshape(2, 9)
    corrected = noise_corrected(correlations.cuda(), theirs.corrected)
    expected = noise_corrected(correlations, ours.corrected)
    assert (corrected.kept.cpu() == expected.kept).all()
    torch.testing.assert_close(
        corrected.correlation.cpu(), expected.correlation, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_tuning_agrees_with_the_cpu(dtype):
    responses = gaussian(4 * 5 * 3, 30).to(dtype)
    frequencies = (0.5, 1.0, 2.0, 4.0, 8.0)
    ours, theirs = (tuning_curves(each, (4, 5, 3)) for each in (responses, responses.cuda()))
    for found, expected in zip(theirs, ours, strict=True):
        assert (found.device, found.dtype) == (responses.cuda().device, expected.dtype)
        torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=1e-6)
    found, expected = (preferred_frequency(each.frequency, frequencies) for each in (theirs, ours))
    for one, other in zip(found, expected, strict=True):
        assert one.device == responses.cuda().device
        torch.testing.assert_close(one.cpu(), other, rtol=0, atol=1e-5)


def test_optimal_stimuli_agree_with_the_cpu():
    def found(device):
        generator = torch.Generator().manual_seed(0)
        # Steps follow a gradient that rounds differently: few of them, in double precision.
        return optimal_stimulus(
            net().double().to(device), "1", [0, 3], size=16, generator=generator, steps=5
        )

    ours, theirs = found("cpu"), found(torch.zeros(1).cuda().device)
    assert theirs.images.device == torch.zeros(1).cuda().device
    assert theirs.images.dtype == ours.images.dtype
    torch.testing.assert_close(theirs.images.cpu(), ours.images, rtol=0, atol=1e-4)
