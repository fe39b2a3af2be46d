from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from striate.robustness import correct, fgsm, pgd
from striate.study import accuracy, attack_curve, layer_alpha, layer_spectrum
from truths import planted, power_law

EPSILONS = (0.0, 0.05, 0.1, 0.2, 0.3)
MARGINS = torch.tensor([-0.2, 0.02, 0.08, 0.15, 0.25, 0.3, 0.35, 0.5, 0.7, 0.05])
ATTACKS = {
    "fgsm": lambda ball: partial(fgsm, ball=ball),
    "pgd": lambda ball: partial(pgd, ball=ball, steps=30, step_size=0.02),
}


def brightness():
    """Two pixels to two classes, each pixel voting for its own."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        model[1].weight.copy_(torch.eye(2))
    return model


def two_pixels():
    """Images of class 0, whose right pixel is brighter by `MARGINS`, none near black or white."""
    pixels = torch.stack([0.5 + MARGINS / 2, 0.5 - MARGINS / 2], 1)
    return pixels.view(-1, 1, 1, 2), torch.zeros(len(MARGINS), dtype=torch.long)


def seen(units):
    """A layer that passes on what it is shown, between layers that do not."""
    layers = {"flatten": nn.Flatten(), "hidden": nn.Identity(), "output": nn.Linear(units, 2)}
    model = nn.Sequential()
    for name, layer in layers.items():
        model.add_module(name, layer)
    return model


def shown(responses):
    return responses.float().view(len(responses), 1, 1, -1)


def test_accuracy_counts_the_images_named_rightly():
    score = accuracy(brightness(), *two_pixels())
    assert score.name == "accuracy"
    assert score.value == pytest.approx(0.9, rel=1e-7)
    assert score.settings == {"images": 10}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_wins_where_twice_its_strength_exceeds_the_margin(name):
    """Each of two pixels moves by ε, one up and one down: the margin shrinks by 2ε."""
    images, labels = two_pixels()
    curve = attack_curve(
        name, brightness(), images, labels, attack=ATTACKS[name], epsilons=EPSILONS
    )
    expected = [(2 * epsilon + 1e-4 < MARGINS).double().mean().item() for epsilon in EPSILONS]
    assert curve.name == f"accuracy_{name}"
    assert curve.x == EPSILONS
    assert curve.y == pytest.approx(expected, rel=1e-6)
    assert curve.settings == {"images": 10, "norm": "Linf"}


@pytest.mark.parametrize("name", ATTACKS)
def test_no_strength_is_no_attack(name):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 30), nn.Tanh(), nn.Linear(30, 10))
    images, labels = torch.rand(333, 1, 4, 4), torch.randint(10, (333,))
    curve = attack_curve(name, model, images, labels, attack=ATTACKS[name], epsilons=(0.0, 0.1))
    assert curve.y[0] == accuracy(model, images, labels).value
    assert curve.y[0] == correct(model, images, labels).float().mean().item()


@pytest.mark.parametrize(
    ("stimuli", "units"), [(1203, 30), (60, 200)], ids=["in two parts", "few images"]
)
@pytest.mark.parametrize("alpha", [0.7, 1.5])
def test_a_planted_exponent_is_measured(stimuli, units, alpha):
    """The floor of 1e-8 and float32 move variances of 1e-3 of the total by 1e-5 at most."""
    responses = planted(power_law(25, alpha), stimuli, units)
    score = layer_alpha(seen(units), "hidden", shown(responses), ranks=(3, 20))
    assert score.name == "alpha"
    assert score.value == pytest.approx(alpha, abs=1e-4)
    assert score.settings == {"images": stimuli}


def test_a_planted_spectrum_is_measured_to_its_end():
    variances = power_law(25, 1.2, scale=7)
    responses = planted(variances, 1203, 30) + 3
    curve = layer_spectrum(seen(30), "hidden", shown(responses))
    assert curve.name == "eigenspectrum"
    assert curve.x == tuple(range(1, 31))
    assert sum(curve.y) == pytest.approx(1, abs=1e-12)
    # What float32 rounds off the responses, less than 1e-6 of them, is white noise.
    assert_close(np.array(curve.y[:25]), variances / variances.sum(), rtol=1e-4, atol=1e-9)
    assert max(curve.y[25:]) < 1e-10
    assert curve.settings == {"images": 1203}


def test_fewer_images_than_units_have_one_rank_less_than_images():
    curve = layer_spectrum(seen(50), "hidden", shown(torch.rand(20, 50)))
    assert curve.x == tuple(range(1, 20))


MEASUREMENTS = {
    "accuracy": lambda model, images, labels: accuracy(model, images, labels),
    "layer_alpha": lambda model, images, _: layer_alpha(model, "hidden", images, ranks=(1, 9)),
    "layer_spectrum": lambda model, images, _: layer_spectrum(model, "hidden", images),
    "attack_curve": lambda model, images, labels: attack_curve(
        "fgsm", model, images, labels, attack=ATTACKS["fgsm"], epsilons=(0.0, 0.1)
    ),
}


@pytest.mark.parametrize("measure", MEASUREMENTS.values(), ids=MEASUREMENTS)
def test_a_network_is_measured_in_evaluation_mode_and_left_as_it_was(measure):
    """Dropout would make two measurements differ; a part that was frozen stays so."""
    torch.manual_seed(0)
    model = nn.Sequential()
    model.add_module("flatten", nn.Flatten())
    model.add_module("normalise", nn.BatchNorm1d(16))
    model.add_module("hidden", nn.Dropout(0.5))
    model.add_module("output", nn.Linear(16, 3))
    model.train()
    model.normalise.eval()
    images, labels = torch.rand(40, 1, 4, 4), torch.randint(3, (40,))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert measure(model, images, labels) == measure(model, images, labels)
    assert [module.training for module in model.children()] == [True, False, True, True]
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_the_mode_is_put_back_after_an_error_too():
    model = seen(4)
    with pytest.raises(ValueError, match="'hiden' is not a layer"):
        layer_spectrum(model, "hiden", torch.rand(5, 1, 2, 2))
    with pytest.raises(RuntimeError):
        layer_spectrum(model, "hidden", torch.rand(5, 1, 3, 3))
    assert model.training
