import inspect
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from striate.robustness import (
    L1Ball,
    L2Ball,
    LinfBall,
    ball,
    correct,
    epsilon_at,
    fgsm,
    pgd,
    robust_accuracy,
    robust_curve,
)
from truths import NETS, images, labels, mlp


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_correct_is_the_largest_logit(net, batch_size):
    model, x, y = NETS[net](), images(50), labels(50)
    found = correct(model, x, y, batch_size=batch_size)
    expected = [max(range(3), key=row.tolist().__getitem__) for row in model(x).detach()]
    assert found.tolist() == [guess == true for guess, true in zip(expected, y, strict=True)]
    assert 0 < found.sum() < 50


def test_robust_accuracy_is_that_of_the_attacked_images():
    model, x, y = mlp(), images(50), labels(50)
    attack = partial(fgsm, ball=LinfBall(0.1))
    found = robust_accuracy(model, x, y, attack, batch_size=7)
    assert torch.equal(found, model(attack(model, x, y)).argmax(1) == y)
    assert found.sum() < correct(model, x, y).sum()


def recorder(seen, answer=lambda some: some):
    """An attack that keeps what it is told."""

    def attack(model: nn.Module, some, true):
        seen.append((model, some, true))
        return answer(some)

    return attack


@pytest.mark.parametrize("attack_wrong", [True, False])
def test_the_attack_is_told_the_truth(attack_wrong):
    """It gets the model, each image once and its own label, `batch_size` at a time."""
    model, x, y = mlp(), images(20), labels(20)
    right, seen = correct(model, x, y), []
    found = robust_accuracy(model, x, y, recorder(seen), batch_size=4, attack_wrong=attack_wrong)
    assert torch.equal(found, right)
    attacked = torch.ones_like(right) if attack_wrong else right
    count = int(attacked.sum())
    assert 4 < right.sum() < 20
    assert [len(some) for _, some, _ in seen] == [4] * (count // 4) + [count % 4] * (count % 4 > 0)
    assert all(victim is model for victim, _, _ in seen)
    assert torch.equal(torch.cat([some for _, some, _ in seen]), x[attacked])
    assert torch.equal(torch.cat([true for _, _, true in seen]), y[attacked])


class Dark(nn.Module):
    """Class 1 where the image is dark."""

    def forward(self, pixels):
        mean = pixels.flatten(1).mean(1, keepdim=True)
        return torch.cat([mean, 1 - mean], 1)


@pytest.mark.parametrize("training", [True, False])
def test_a_network_is_attacked_in_evaluation_mode_and_left_in_its_own(training):
    """Whatever the attack makes of its mode."""
    model, modes = mlp().train(training), []

    def attack(model, x, _y):
        modes.append(model.training)
        model.train(not training)
        return x

    robust_accuracy(model, images(9), labels(9), attack, batch_size=2, attack_wrong=True)
    assert modes == [False] * 5
    assert all(module.training is training for module in model.modules())


def test_an_attack_that_rights_a_wrong_answer_counts_only_where_asked():
    x, y = torch.full((4, 1, 2, 2), 0.25), torch.tensor([0, 1, 0, 1])
    invert = recorder([], lambda some: 1 - some)
    assert robust_accuracy(Dark(), x, y, invert).tolist() == [False] * 4
    found = robust_accuracy(Dark(), x, y, invert, attack_wrong=True)
    assert found.tolist() == [True, False, True, False]


@pytest.mark.parametrize("steps", [1, 20])
def test_an_image_that_is_wrong_costs_one_pass(steps):
    """Half are right: each of those costs as much again for every step, and for the answer."""
    model = Dark()
    x, y = torch.linspace(0, 0.45, 10).view(10, 1, 1, 1), torch.tensor([0, 1] * 5)
    passes = []
    model.register_forward_pre_hook(lambda _, inputs: passes.append(len(inputs[0])))
    attack = partial(pgd, ball=L2Ball(0.2), steps=steps, step_size=1e-3)
    assert robust_accuracy(model, x, y, attack).tolist() == [False, True] * 5
    assert sum(passes) == 10 + 5 * (steps + 1)


def test_nothing_is_attacked_where_all_is_wrong():
    seen = []
    x, y = torch.zeros(3, 1, 2, 2), torch.zeros(3, dtype=torch.int64)
    assert robust_accuracy(Dark(), x, y, recorder(seen)).tolist() == [False] * 3
    assert not seen


def climb_at(norm, geometry="paper"):
    def attack_at(eps):
        return partial(
            pgd, ball=ball(norm, eps, geometry=geometry), steps=20, step_size=2 * eps / 20
        )

    return attack_at


CURVES = {
    "Linf": (climb_at("Linf"), (0.0, 0.01, 0.05, 0.2, 1.0)),
    "L2": (climb_at("L2"), (0.0, 0.05, 0.3, 1.0, 4.0)),
    "L1 paper": (climb_at("L1"), (0.0, 0.3, 1.5, 5.0, 20.0)),
    "L1 exact": (climb_at("L1", "exact"), (0.0, 0.1, 0.5, 2.0, 8.0)),
}


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("attack_wrong", [False, True])
@pytest.mark.parametrize("name", CURVES)
def test_a_curve_starts_at_the_clean_accuracy_and_falls(net, attack_wrong, name):
    model, x, y = NETS[net](), images(60), labels(60)
    attack_at, epsilons = CURVES[name]
    settings = {"batch_size": 16, "attack_wrong": attack_wrong}
    found = robust_curve(model, x, y, attack_at, epsilons, **settings)
    assert found.shape == (5, 60)
    assert torch.equal(found[0], correct(model, x, y))
    for eps, outcomes in zip(epsilons[1:], found[1:], strict=True):
        alone = robust_accuracy(model, x, y, attack_at(eps), **settings)
        assert torch.equal(outcomes, alone)
    reached = found.sum(1).tolist()
    assert reached == sorted(reached, reverse=True)
    assert len(set(reached)) > 2


def test_one_clean_pass_serves_all_strengths():
    model, passes, asked = Dark(), [], []
    model.register_forward_pre_hook(lambda _, inputs: passes.append(len(inputs[0])))

    def attack_at(eps):
        asked.append(eps)
        return recorder([])

    x, y = torch.full((4, 1, 2, 2), 0.25), torch.tensor([0, 1, 0, 1])
    found = robust_curve(model, x, y, attack_at, (0.2, 0.0, 0.1))
    assert found.tolist() == [[False, True] * 2] * 3
    assert passes == [4, 2, 2]
    assert asked == [0.2, 0.1]


@pytest.mark.parametrize("epsilons", [(), (0.1, -0.1), (float("nan"),)])
def test_strengths_that_are_none_are_refused(epsilons):
    with pytest.raises(ValueError, match=r"epsilons=\[.*give at least one strength, none negative"):
        robust_curve(mlp(), images(2), labels(2), climb_at("Linf"), epsilons)


def test_an_impossible_strength_is_refused_before_anything_is_attacked():
    seen = []

    def attack_at(eps):
        L1Ball(eps, geometry="exact")
        return recorder(seen)

    with pytest.raises(ValueError, match="eps=inf"):
        robust_curve(mlp(), images(2), labels(2), attack_at, (0.1, float("inf")))
    assert not seen


EPSILONS = [0.0, 0.1, 0.2, 0.4]


@pytest.mark.parametrize(("accuracies", "fraction", "expected"), [
    ([0.8, 0.6, 0.2, 0.0], 0.5, 0.15),
    ([0.8, 0.4, 0.2, 0.0], 0.5, 0.1),
    ([0.8, 0.8, 0.8, 0.0], 0.5, 0.3),
    ([0.8, 0.6, 0.4, 0.0], 0.25, 0.3),
    ([1.0, 0.0, 0.0, 0.0], 0.75, 0.025),
    ([0.8, 0.2, 0.9, 0.0], 0.5, 1 / 15),
    ([0.8, 0.6, 0.6, 0.4], 0.5, 0.4),
])  # fmt: skip
def test_the_strength_that_halves_accuracy(accuracies, fraction, expected):
    assert epsilon_at(EPSILONS, accuracies, fraction=fraction) == pytest.approx(expected)


def test_half_is_what_is_asked_for_unless_said_otherwise():
    accuracies = [0.8, 0.6, 0.2, 0.0]
    assert epsilon_at(EPSILONS, accuracies) == epsilon_at(EPSILONS, accuracies, fraction=0.5)


@given(st.floats(0.1, 1), st.floats(0.01, 0.99))
def test_on_a_straight_line_the_strength_is_the_missing_fraction(clean, fraction):
    """From `clean` at 0 to nothing at 1."""
    epsilons = [0.0, 0.25, 0.5, 0.75, 1.0]
    found = epsilon_at(epsilons, [clean * (1 - eps) for eps in epsilons], fraction=fraction)
    assert found == pytest.approx(1 - fraction, abs=1e-12)


@pytest.mark.parametrize(("epsilons", "accuracies", "fraction", "message"), [
    ([0.0, 0.1], [0.9], 0.5, "need one length"),
    ([], [], 0.5, "need one length"),
    ([0.1, 0.2], [0.9, 0.1], 0.5, "the first epsilon is 0"),
    ([0.0, 0.2, 0.2], [0.9, 0.5, 0.1], 0.5, r"epsilons=\[0.0, 0.2, 0.2\] must rise"),
    ([0.0, 0.2, 0.1], [0.9, 0.5, 0.1], 0.5, "must rise"),
    ([0.0, 0.1], [0.9, 0.1], 0.0, r"fraction=0.0: give a part of the clean accuracy, in \(0, 1\)"),
    ([0.0, 0.1], [0.9, 0.1], 1.0, "fraction=1.0"),
    ([0.0, 0.1], [0.8, 0.5], 0.5,
     "accuracy falls to 0.5, not to 0.4 = 0.5 of the clean one, up to epsilon 0.1; attack with"),
    ([0.0], [0.8], 0.5, "accuracy falls to 0.8, not to 0.4"),
    ([0.0, 0.1], [0.0, 0.0], 0.5, "clean"),
])  # fmt: skip
def test_a_curve_that_does_not_tell_is_refused(epsilons, accuracies, fraction, message):
    with pytest.raises(ValueError, match=message):
        epsilon_at(epsilons, accuracies, fraction=fraction)


def test_strengths_may_be_an_array():
    model, x, y = mlp(), images(20), labels(20)
    attack = partial(pgd, steps=2, step_size=0.05)

    def at(eps):
        return partial(attack, ball=LinfBall(eps))

    arrays = inspect.unwrap(robust_curve)(model, x, y, at, np.array([0.0, 0.1]))
    assert torch.equal(arrays, robust_curve(model, x, y, at, (0.0, 0.1)))
    curve = arrays.double().mean(1)
    if curve[1] <= curve[0] / 2:
        assert inspect.unwrap(epsilon_at)(np.array([0.0, 0.1]), curve) > 0


@pytest.mark.parametrize(("epsilons", "accuracies", "message"), [
    ((0.0, float("nan")), (1.0, 0.2), "must rise"),
    ((0.0, 0.1), (1.0, float("nan")), r"accuracies=\[1.0, nan\] must lie in \[0, 1\]"),
    ((0.0, 0.1), (100.0, 20.0), r"must lie in \[0, 1\]"),
], ids=["strength", "accuracy", "percent"])  # fmt: skip
def test_what_is_no_curve_is_refused(epsilons, accuracies, message):
    with pytest.raises(ValueError, match=message):
        epsilon_at(epsilons, accuracies)


def test_no_images_at_a_time_are_refused():
    with pytest.raises(ValueError, match="batch_size=0: give at least one image"):
        correct(mlp(), images(3), labels(3), batch_size=0)
