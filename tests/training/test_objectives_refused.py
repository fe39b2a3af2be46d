"""What no objective can be of: answers that are no logits, labels that are no classes."""

import inspect
import re
from functools import partial

import pytest
import torch
from torch import nn

from striate.spectra import SpectralPenalty
from striate.training import Free, make_objective, spectral
from striate.training.objectives import Seeded
from truths import images, labels, mlp

SETTINGS = {
    "standard": {},
    "adversarial": {"eps": 0.1, "steps": 2, "step_size": 0.05},
    "trades": {"eps": 0.1, "steps": 2, "step_size": 0.05, "beta": 1.0, "order": "paper"},
    "igr": {"strength": 0.3, "h": 0.01},
    "free": {"eps": 0.1, "step_size": 0.1},
}


def made(name):
    """Past the tests' type checks."""
    if name == "spectral":
        penalty = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(1, 3))
        return partial(inspect.unwrap(spectral), penalties={"hidden": penalty})
    objective, _ = make_objective(name, SETTINGS[name], seed=0)
    if isinstance(objective, Seeded):
        objective = partial(objective.objective, generator=torch.Generator())
    if isinstance(objective, Free):
        return partial(inspect.unwrap(Free.forward), objective)
    if isinstance(objective, partial):
        return partial(inspect.unwrap(objective.func), **objective.keywords)
    return inspect.unwrap(objective)


class Answering(nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.hidden, self.answer = nn.Linear(32, 3), answer

    def forward(self, x):
        return self.answer(self.hidden(x.flatten(1)))


@pytest.mark.parametrize(("name", "lower"), [
    ("adversarial", "the learning rate"), ("trades", "the learning rate or beta"),
    ("igr", "the learning rate or strength"),
])  # fmt: skip
def test_weights_without_bound_are_blamed_on_the_training(name, lower):
    """Outside of training an attack says what it met; here that has a usual cause."""
    net, x, y = mlp(), images(8), labels(8)
    with torch.no_grad():
        for part in net.parameters():
            part.mul_(1e38)
    objective, _ = make_objective(name, SETTINGS[name], seed=0)
    message = (
        f"the training may have diverged: lower {lower}. If not, the model answers 8 of 8 images "
        "with NaN or infinity"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        objective(net, x, y)


@pytest.mark.parametrize(("answer", "message"), [
    (lambda z: (z, z), "the model puts out a tuple; give one of logits alone"),
    (lambda z: {"logits": z}, "the model puts out a dict; give one of logits alone"),
    (lambda z: [z], "the model puts out a list; give one of logits alone"),
    (lambda z: z[:, 0], r"the model answers 8 images with shape \(8,\); need \(images, classes\)"),
    (lambda z: z[:, :2], "labels run to 2, but the model has 2 outputs, of classes 0 to 1"),
], ids=["tuple", "dict", "list", "one axis", "two classes"])  # fmt: skip
@pytest.mark.parametrize("name", [*SETTINGS, "spectral"])
def test_every_objective_refuses_what_are_no_answers(name, answer, message):
    y = torch.arange(8) % 3
    with pytest.raises(ValueError, match=message):
        made(name)(Answering(answer), images(8), y)


@pytest.mark.parametrize("name", ["adversarial", "trades", "igr", "free"])
def test_logits_without_a_gradient_are_refused(name):
    net = Answering(lambda z: z.detach())
    with pytest.raises(ValueError, match="the model's logits carry no gradient: it detaches them"):
        made(name)(net, images(8), labels(8))


@pytest.mark.parametrize("name", ["standard", "free", "trades"])
def test_an_objective_can_be_looked_at_without_gradients(name):
    with torch.no_grad():
        assert made(name)(mlp(), images(8), labels(8)).loss.isfinite()


@pytest.mark.parametrize(("wrong", "message"), [
    (labels(8).int(), r"labels are torch.int32 of shape \(8,\); give torch.int64, one number"),
    (labels(8).float(), r"labels are torch.float32 of shape \(8,\); give torch.int64"),
    (labels(8)[:, None], r"labels are torch.int64 of shape \(8, 1\); give torch.int64"),
    (labels(7), "8 images but 7 labels"),
], ids=["int32", "float", "two axes", "fewer"])  # fmt: skip
@pytest.mark.parametrize("name", ["standard", "adversarial", "spectral"])
def test_labels_that_are_no_class_for_each_image_are_refused(name, wrong, message):
    with pytest.raises(ValueError, match=message):
        made(name)(Answering(lambda z: z), images(8), wrong)


@pytest.mark.parametrize("name", ["trades", "igr", "free"])
def test_images_of_two_axes_are_refused(name):
    with pytest.raises(ValueError, match=r"images are of shape \(8, 32\); give \(images, channels"):
        made(name)(Answering(lambda z: z), images(8).flatten(1), labels(8))
