from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from striate.robustness import LinfBall, correct, epsilon_at, fgsm, robust_accuracy
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


def test_the_attack_is_told_the_truth():
    """It gets the model, each image once and its own label, `batch_size` at a time."""
    model, x, y = mlp(), images(10), labels(10)
    seen = []

    def attack(victim: nn.Module, some, true):
        assert victim is model
        seen.append((some, true))
        return some

    assert torch.equal(robust_accuracy(model, x, y, attack, batch_size=4), correct(model, x, y))
    assert [len(some) for some, _ in seen] == [4, 4, 2]
    assert torch.equal(torch.cat([some for some, _ in seen]), x)
    assert torch.equal(torch.cat([true for _, true in seen]), y)


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
