import inspect
import math
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from striate.robustness import LinfBall, pgd
from striate.spectra import (
    SpectralPenalty,
    attach,
    batch_alpha,
    penalty,
    relative_spectrum,
)
from truths import degenerate, gaussian, planted, power_law

FORMS = ["slope", "line", "ratio"]
forms = pytest.mark.parametrize("form", FORMS)
# More stimuli than units, and fewer.
sides = pytest.mark.parametrize("shape", [(40, 25), (25, 40)], ids=str)


def slow_spectrum(x):
    """Normalised eigenvalues of the whole scatter matrix: protocols/gerum.md §1, 1 to 4."""
    centred = x - x.mean(0)
    scatter = centred.T @ centred
    values = sorted(np.linalg.eigvalsh(scatter), reverse=True)
    return [max(value / sum(values), 0) for value in values]


def slow_alpha(x, ranks):
    """§1, 5 to 7: floor, natural logarithm, plain least squares."""
    values = slow_spectrum(x)
    ln_n = [math.log(n) for n in range(ranks[0], ranks[1] + 1)]
    ln_v = [math.log(values[n - 1] + 1e-8) for n in range(ranks[0], ranks[1] + 1)]
    return -np.polyfit(ln_n, ln_v, 1)[0]


def slow_slope(x, alpha, ranks):
    """§2a, the paper's equation 6."""
    return abs(slow_alpha(x, ranks) - alpha)


def slow_line(x, alpha, ranks):
    """§2b, in decades, the offset of the line being the best one."""
    values = slow_spectrum(x)
    window = range(ranks[0], ranks[1] + 1)
    weight = {n: math.log10((n + 1) / n) for n in window}
    y = {n: math.log10(values[n - 1] + 1e-8) for n in window}
    total = sum(weight.values())
    mean_y = sum(weight[n] * y[n] for n in window) / total
    mean_x = sum(weight[n] * math.log10(n) for n in window) / total
    t = mean_y + alpha * mean_x
    return sum(weight[n] * (t - alpha * math.log10(n) - y[n]) ** 2 for n in window) / total


def slow_ratio(x, alpha, ranks):
    """§2c, the port of Nassar et al.; tau + 1 is the first rank, N the last."""
    values = slow_spectrum(x)
    k = values[ranks[0] - 1] * ranks[0] ** alpha
    penalty = 0
    for n in range(ranks[0], ranks[1] + 1):
        excess = values[n - 1] / (k * n**-alpha) - 1
        penalty += excess**2 + max(excess, 0)
    return penalty / (ranks[1] + 1)


SLOW = {"slope": slow_slope, "line": slow_line, "ratio": slow_ratio}
# The port of the ratio has no floor. Ours is 1e-8 of the total, and the first eigenvalue of the
# windows below at least 0.01 of it: ratios differ by 1e-6 of themselves, their squares by twice
# that, and an excess near zero by 1e-6.
TOLERANCE = {
    "slope": {"rel": 1e-10},
    "line": {"rel": 1e-10},
    "ratio": {"rel": 2e-6, "abs": 1e-6},
}


@forms
@sides
@pytest.mark.parametrize("ranks", [(1, 24), (6, 20), (3, 4)], ids=str)
@pytest.mark.parametrize("alpha", [0.6, 1.0, 3.0])
def test_a_penalty_is_what_its_paper_says(form, shape, ranks, alpha):
    x = gaussian(*shape) * torch.arange(1.0, shape[1] + 1) ** -0.7 + 2
    found = SpectralPenalty(alpha=alpha, beta=0.7, ranks=ranks, form=form)(x).item()
    expected = 0.7 * SLOW[form](x.numpy(), alpha, ranks)
    assert found == pytest.approx(expected, **TOLERANCE[form])


@pytest.mark.parametrize("form", ["slope", "line"])
@sides
def test_a_dead_layer_is_floored_as_in_the_paper(form, shape):
    x = planted(power_law(9, 1.0), *shape)
    found = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(3, 20), form=form)(x).item()
    # Eigenvalues that should vanish are some 1e-17, next to a floor of 1e-8.
    assert found == pytest.approx(SLOW[form](x.numpy(), 1, (3, 20)), rel=1e-6)


@sides
@pytest.mark.parametrize("ranks", [(1, 24), (6, 20)], ids=str)
def test_the_exponent_measured_on_the_way(shape, ranks):
    x = gaussian(*shape).requires_grad_()
    measured = SpectralPenalty(alpha=1.0, beta=1.0, ranks=ranks, form="ratio").measure(x)
    assert measured.alpha.item() == pytest.approx(slow_alpha(x.detach().numpy(), ranks), abs=1e-10)
    assert not measured.alpha.requires_grad
    assert measured.penalty.requires_grad
    assert batch_alpha(x, ranks=ranks) == measured.alpha
    assert not batch_alpha(x, ranks=ranks).requires_grad


@sides
def test_the_relative_spectrum(shape):
    x = gaussian(*shape)
    found = relative_spectrum(x, ranks=(6, 20))
    assert_close(found.numpy(), np.array(slow_spectrum(x.numpy())[:20]), rtol=1e-10, atol=0)


@forms
@sides
@pytest.mark.parametrize("target", [0.1, 4.0])
def test_the_gradient_is_the_derivative(form, shape, target):
    # Neither target is near the exponent, so that the kink of |α - target| is far.
    x = gaussian(*(side // 3 for side in shape)).requires_grad_()
    law = SpectralPenalty(alpha=target, beta=0.7, ranks=(2, 6), form=form)
    assert torch.autograd.gradcheck(law, x)


@forms
@sides
@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5])
def test_an_exact_power_law_costs_nothing(form, shape, alpha):
    x = planted(power_law(24, alpha), *shape)
    found = SpectralPenalty(alpha=alpha, beta=1.0, ranks=(2, 24), form=form)(x).item()
    # What is left is the floor: 1e-8 against the last eigenvalue, at least 0.003 of the total.
    assert 0 <= found < {"slope": 5e-6, "line": 1e-6, "ratio": 1e-6}[form]


@forms
@sides
def test_neither_scale_nor_offset_of_the_activations_matters(form, shape):
    """So the gradient is orthogonal to the centred activations, and sums to zero over images."""
    x = gaussian(*shape).requires_grad_()
    law = SpectralPenalty(alpha=2.0, beta=1.0, ranks=(6, 20), form=form)
    (gradient,) = torch.autograd.grad(law(x), x)
    centred = (x - x.mean(0)).detach()
    size = gradient.norm() * centred.norm()
    assert size > 0.01
    assert abs((gradient * centred).sum()) < 1e-13 * size
    assert gradient.sum(0).abs().max() < 1e-13 * size
    assert_close(law(1e3 * x + 5), law(x), rtol=1e-9, atol=0)


@forms
def test_without_strength_nothing_is_computed(form, monkeypatch):
    monkeypatch.setattr(penalty, "relative_spectrum", None)
    x = gaussian(2, 3).requires_grad_()  # cannot fill the window either
    term = SpectralPenalty(alpha=1.0, beta=0.0, ranks=(6, 50), form=form)(x)
    assert term.item() == 0
    assert term.dtype == x.dtype
    assert torch.autograd.grad(term, x, allow_unused=True) == (None,)


def test_a_penalty_is_proportional_to_its_strength():
    x = gaussian(30, 20)
    one, three = (SpectralPenalty(alpha=1.0, beta=beta, ranks=(1, 10))(x) for beta in (1.0, 3.0))
    assert_close(three, 3 * one)


@pytest.mark.parametrize(("shape", "available"), [((30, 60), 29), ((60, 29), 29), ((30, 30), 29)])
def test_a_window_that_the_batch_cannot_fill_is_refused(shape, available):
    law = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(6, 30))
    message = (
        rf"ranks=\(6, 30\) need 30 eigenvalues, but a batch of {shape[0]} with {shape[1]} units "
        f"has {available}; use a larger batch or fewer ranks"
    )
    for function in (law, law.measure, lambda x: batch_alpha(x, ranks=(6, 30))):
        with pytest.raises(ValueError, match=message):
            function(gaussian(*shape))
    SpectralPenalty(alpha=1.0, beta=1.0, ranks=(6, 29))(gaussian(*shape))


@pytest.mark.parametrize("name", degenerate(4, 4))
@forms
@sides
def test_degenerate_batches_leave_penalty_and_gradient_finite(name, form, shape):
    x = degenerate(*shape)[name].requires_grad_()
    term = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(2, 20), form=form)(x)
    term.backward()
    assert term.isfinite()
    assert x.grad.isfinite().all()


@forms
def test_maps_are_flattened_into_units(form):
    maps = gaussian(20, 3, 4, 5)
    law = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(2, 15), form=form)
    assert_close(law(maps), law(maps.reshape(20, 60)), rtol=0, atol=0)


@forms
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_is_measured_in_single(form, dtype):
    x = gaussian(60, 40).to(dtype)
    law = SpectralPenalty(alpha=2.0, beta=1.0, ranks=(6, 30), form=form)
    found = law.measure(x)
    assert found.penalty.dtype == torch.float32
    assert found == law.measure(x.float())


@forms
def test_autocast_does_not_reach_the_penalty(form):
    x = gaussian(60, 40, dtype=torch.float32)
    law = SpectralPenalty(alpha=2.0, beta=1.0, ranks=(6, 30), form=form)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, alpha = law.measure(x), batch_alpha(x, ranks=(6, 30))
    assert found == law.measure(x)
    assert alpha == found.alpha


def small_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 40), nn.Tanh(), nn.Linear(40, 3))


@forms
def test_an_attached_penalty_is_that_of_the_layer(form):
    model, x = small_network(), gaussian(50, 20, dtype=torch.float32)
    law = SpectralPenalty(alpha=2.0, beta=0.3, ranks=(2, 20), form=form)
    expected = law(model[1](model[0](x)))
    (gradient,) = torch.autograd.grad(expected, model[0].weight)
    with law.attach(model, "1") as term:
        model(x)
        found = term()
    assert_close(found, expected, rtol=0, atol=0)
    found.backward()
    assert_close(model[0].weight.grad, gradient, rtol=0, atol=0)


def test_validation_within_the_block_does_not_count():
    model, x = small_network(), gaussian(50, 20, dtype=torch.float32)
    law = SpectralPenalty(alpha=2.0, beta=0.3, ranks=(2, 20))
    expected = law(model[1](model[0](x)))
    with law.attach(model, "1") as term:
        model(x)
        with torch.no_grad():
            model(2 * x)
        assert_close(term(), expected, rtol=0, atol=0)
        model(x)
        model(x)
        with pytest.raises(ValueError, match="layer '1' ran 2 times"):
            term()


def test_no_penalty_at_all_is_refused():
    with (
        pytest.raises(ValueError, match=r"penalties=\{\}: name at least one layer"),
        attach(small_network(), {}),
    ):
        pass


@pytest.mark.parametrize(("penalties", "message"), [
    (SpectralPenalty(alpha=1.0, beta=1.0, ranks=(1, 10)), "name at least one layer and give it"),
    ({"1": 0.3}, r"penalties\['1'\] is a float; give a SpectralPenalty"),
], ids=["none by name", "a number"])  # fmt: skip
def test_what_are_no_penalties_by_name_are_refused(penalties, message):
    with (
        pytest.raises(ValueError, match=message),
        contextmanager(inspect.unwrap(attach))(small_network(), penalties),
    ):
        pass


def test_a_penalty_is_detached_when_the_block_ends():
    model, law = small_network(), SpectralPenalty(alpha=1.0, beta=1.0, ranks=(1, 20))
    with law.attach(model, "1"):
        assert model[1]._forward_hooks
    assert not model[1]._forward_hooks
    with pytest.raises(RuntimeError, match="interrupted"), law.attach(model, "1"):
        raise RuntimeError("interrupted")
    assert not model[1]._forward_hooks


def test_a_penalty_needs_a_run_of_the_model():
    model, law = small_network(), SpectralPenalty(alpha=1.0, beta=1.0, ranks=(1, 20))
    with law.attach(model, "1") as term:
        with pytest.raises(ValueError, match=r"layer '1' ran 0 times .* run the model once"):
            term()
        with torch.no_grad():
            model(gaussian(50, 20, dtype=torch.float32))
        with pytest.raises(ValueError, match="passes without gradient not counted"):
            term()
        model(gaussian(50, 20, dtype=torch.float32))
        term()
        with pytest.raises(ValueError, match="ran 0 times"):
            term()


def test_a_layer_that_does_not_exist_is_refused_with_a_suggestion():
    model = nn.Sequential()
    model.add_module("hidden", nn.Linear(2, 2))
    law = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(1, 2))
    with pytest.raises(ValueError, match=r"layer='hiden' .* did you mean 'hidden'"):
        law.attach(model, "hiden").__enter__()


@forms
@pytest.mark.parametrize("target", [0.5, 2.5])
def test_descent_moves_the_exponent_to_its_target(form, target):
    model, x = small_network(), gaussian(100, 20, dtype=torch.float32)
    ranks = (2, 18)
    law = SpectralPenalty(alpha=target, beta=1.0, ranks=ranks, form=form)
    before = batch_alpha(model[:2](x), ranks=ranks).item()
    assert abs(before - target) > 0.3
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    with law.attach(model, "1") as term:
        for _ in range(100):
            optimiser.zero_grad()
            model(x)
            term().backward()
            optimiser.step()
    after = batch_alpha(model[:2](x), ranks=ranks).item()
    assert abs(after - target) < 0.15 * abs(before - target)


@pytest.mark.parametrize(("setting", "message"), [
    ({"form": "nassar"}, "form='nassar'; choose one of 'slope', 'line', 'ratio'"),
    ({"beta": -0.1}, "beta=-0.1: the strength of a penalty is finite and not negative"),
    ({"beta": float("inf")}, "beta=inf"),
    ({"beta": float("nan")}, "beta=nan"),
    ({"alpha": float("nan")}, "alpha=nan: the exponent wanted is finite"),
    ({"alpha": -float("inf")}, "alpha=-inf"),
    ({"every": 0}, "every=0: give a whole number from 1 on"),
    ({"every": 2.5}, "every=2.5: give a whole number"),
    ({"every": "2"}, "every='2': give a whole number"),
    ({"every": float("nan")}, "every=nan"),
    ({"ranks": (0, 10)}, r"ranks=\(0, 10\): need 1 <= first < last"),
    ({"ranks": (10, 10)}, r"ranks=\(10, 10\): need 1 <= first < last"),
])  # fmt: skip
def test_settings_out_of_range_are_refused(setting, message):
    settings = {"alpha": 1.0, "beta": 1.0, "ranks": (1, 10), "form": "slope"} | setting
    law = SpectralPenalty.__new__(SpectralPenalty)
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(SpectralPenalty.__init__)(law, **settings)  # past the tests' type checks


def test_a_penalty_prints_as_its_settings():
    law = SpectralPenalty(alpha=1.0, beta=0.1, ranks=(6, 50), form="line")
    assert repr(law) == (
        "SpectralPenalty(\n  alpha=1.0, beta=0.1, ranks=(6, 50), form='line', units='flat', "
        "solver='auto', every=1\n  (tracker): Tracker()\n)"
    )


@sides
@pytest.mark.parametrize("scale", [1e-6, 1e-10, 1e-15, 1e-17, 1e12])
def test_the_scale_of_activations_does_not_matter_in_single_precision(shape, scale):
    x = planted(power_law(24, 1.5), *shape).float()
    usual = relative_spectrum(x, ranks=(1, 20))
    assert_close(relative_spectrum(scale * x, ranks=(1, 20)), usual, rtol=1e-4, atol=0)
    found = batch_alpha(scale * x, ranks=(2, 20)).item()
    assert found == pytest.approx(batch_alpha(x, ranks=(2, 20)).item(), abs=1e-4)


@forms
@sides
@pytest.mark.parametrize("scale", [0.0, 1e-38, 1e-30, 1e-25, 1e-20, 1e-19, 1e-18, 1e-15, 1e-10])
def test_the_gradient_of_a_dying_layer_is_finite_in_single_precision(form, shape, scale):
    law = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(3, 20), form=form)
    for x in (gaussian(*shape).float(), planted(power_law(9, 4.0), *shape).float()):
        scaled = (scale * x).requires_grad_()
        value = law(scaled)
        value.backward()
        assert value.isfinite()
        assert scaled.grad.isfinite().all()


@forms
@sides
def test_the_gradient_of_a_layer_that_hardly_responds(form, shape):
    """A response of 1e-15 has 1e15 times the gradient of one of 1."""
    law = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(3, 20), form=form)
    x = gaussian(*shape).float()
    one, other = ((scale * x).requires_grad_() for scale in (1.0, 1e-15))
    law(one).backward()
    law(other).backward()
    assert (1e-15 * other.grad.double() - one.grad).norm() < 1e-3 * one.grad.norm()


def test_an_attack_within_the_block_does_not_count():
    """It freezes the parameters, and is why the images are what they are."""
    model = nn.Sequential(nn.Flatten(), *small_network())
    x = torch.rand(50, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    law, labels = SpectralPenalty(alpha=2.0, beta=0.3, ranks=(2, 20)), torch.zeros(50).long()
    with law.attach(model, "2") as term:
        found = pgd(model, x, labels, ball=LinfBall(0.1), steps=3, step_size=0.05)
        model(found)
        assert_close(term(), law(model[:3](found)), rtol=0, atol=0)


def test_a_frozen_model_is_penalised_for_its_input():
    model, x = small_network().requires_grad_(False), gaussian(50, 20, dtype=torch.float32)
    x.requires_grad_()
    with SpectralPenalty(alpha=2.0, beta=0.3, ranks=(2, 20)).attach(model, "1") as term:
        model(x)
        term().backward()
    assert x.grad.abs().max() > 0
