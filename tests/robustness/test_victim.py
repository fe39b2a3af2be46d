"""The model under attack is run in evaluation mode, and left as it was found."""

import inspect
from functools import partial

import pytest
import torch
from torch import nn

from striate.robustness import LinfBall, correct, fgsm, pgd, robust_accuracy
from striate.robustness.victim import frozen
from truths import CLASSES, images, labels

BALL = LinfBall(0.1)
DOORS = {
    "fgsm": partial(fgsm, ball=BALL),
    "pgd": partial(pgd, ball=BALL, steps=2, step_size=0.05),
    "correct": correct,
    "robust_accuracy": partial(robust_accuracy, attack=partial(fgsm, ball=BALL)),
}
doors = pytest.mark.parametrize("door", DOORS)


def moody():
    """Trains, but for one layer in evaluation mode and one parameter that is kept."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.Tanh(), nn.Dropout(0.5)),
        nn.Flatten(), nn.BatchNorm1d(16), nn.Linear(16, CLASSES),
    )  # fmt: skip
    model[4].eval()
    model[0].bias.requires_grad_(False)
    return model


def state(model):
    modes = {name: module.training for name, module in model.named_modules()}
    wanted = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    values = {name: value.clone() for name, value in model.state_dict().items()}
    return modes, wanted, values


def assert_unchanged(model, before):
    modes, wanted, values = state(model)
    assert (modes, wanted) == before[:2]
    assert all(torch.equal(values[name], value) for name, value in before[2].items())
    assert all(parameter.grad is None for parameter in model.parameters())


@doors
def test_the_model_is_left_as_it_was_found(door):
    model = moody()
    before = state(model)
    DOORS[door](model, images(8), labels(8))
    assert_unchanged(model, before)


@doors
def test_the_model_is_left_as_it_was_found_after_an_exception(door):
    model = moody()
    before = state(model)

    def interrupt(*_):
        raise KeyboardInterrupt

    handle = model[5].register_forward_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        DOORS[door](model, images(8), labels(8))
    handle.remove()
    assert_unchanged(model, before)


def test_frozen_is_evaluation_mode_without_gradients():
    model = moody()
    with frozen(model):
        assert not any(module.training for module in model.modules())
        assert not any(parameter.requires_grad for parameter in model.parameters())


@doors
def test_the_mode_of_the_model_does_not_matter(door):
    """Dropout and batch statistics are off: twice the same, and the same as in evaluation mode."""
    training, x, y = moody(), images(8), labels(8)
    evaluating = moody().eval()
    expected = DOORS[door](evaluating, x, y)
    assert torch.equal(DOORS[door](training, x, y), expected)
    assert torch.equal(DOORS[door](training, x, y), expected)


@doors
def test_attacks_work_where_gradients_are_off(door):
    x, y = images(8), labels(8)
    expected = DOORS[door](moody(), x, y)
    with torch.no_grad():
        assert torch.equal(DOORS[door](moody(), x, y), expected)


def test_the_images_are_not_touched():
    x, y = images(8).requires_grad_(), labels(8)
    kept = x.detach().clone()
    for door in DOORS.values():
        door(moody(), x, y)
    assert torch.equal(x.detach(), kept)
    assert x.requires_grad
    assert x.grad is None


@pytest.mark.parametrize(("given", "message"), [
    ({"labels": labels(8)[:, None]}, r"labels are torch.int64 of shape \(8, 1\); give torch.int64"),
    ({"labels": labels(8).int()}, "labels are torch.int32"),
    ({"labels": labels(8).float()}, "labels are torch.float32"),
    ({"images": torch.ones(8, 2, 4, 4).byte()}, "images are torch.uint8; give floating point"),
], ids=["two axes", "int32", "float", "uint8"])  # fmt: skip
@doors
def test_what_are_no_images_with_classes_is_refused(door, given, message):
    x, y = given.get("images", images(8)), given.get("labels", labels(8))
    with pytest.raises(ValueError, match=message):
        unchecked(DOORS[door])(moody(), x, y)


def unchecked(door):
    """Past the tests' type checks."""
    if isinstance(door, partial):
        return partial(inspect.unwrap(door.func), **door.keywords)
    return inspect.unwrap(door)


class Answering(nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x):
        return self.answer(x.flatten(1))


@pytest.mark.parametrize(("answer", "message"), [
    (lambda x: (x[:, :3], x), "the model puts out a tuple; give one of logits alone"),
    (lambda x: x[:, 0], r"the model answers 8 images with shape \(8,\); need \(images, classes\)"),
    (lambda x: x[:, :1], r"with shape \(8, 1\); need \(images, classes\), of at least 2"),
    (lambda x: x[:1, :3], r"with shape \(1, 3\)"),
    (lambda x: x[:, :3] / (x[:, 3:4] > 0.5) * 0, "the model answers [1-7] of 8 images with NaN"),
], ids=["tuple", "one axis", "one class", "one image", "NaN"])  # fmt: skip
def test_what_are_no_answers_are_refused(answer, message):
    """NaN would name the first class, and one number be right about it."""
    with pytest.raises(ValueError, match=message):
        correct(Answering(answer), images(8), labels(8))


def test_a_class_that_is_ruled_out_is_an_answer():
    model = Answering(lambda x: x[:, :3] + torch.tensor([0.0, -torch.inf, 0.0]))
    assert correct(model, images(8), labels(8)).any()
