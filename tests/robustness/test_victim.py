"""The model under attack is run in evaluation mode, and left as it was found."""

import inspect
from functools import partial

import pytest
import torch
from torch import nn

from striate.robustness import (
    L1Ball,
    L2Ball,
    LinfBall,
    bfloat16_gradient,
    correct,
    fgsm,
    float16_gradient,
    pgd,
    probes,
    random_search,
    robust_accuracy,
    signs,
)
from striate.robustness.victim import frozen
from striate.training.objectives import adversarial, gradient_penalty, trades
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


ASKED = {
    "fgsm": partial(fgsm, ball=BALL),
    "pgd": partial(pgd, ball=BALL, steps=2, step_size=0.05),
    "bfloat16": partial(
        pgd, ball=BALL, steps=2, step_size=0.05, gradient=inspect.unwrap(bfloat16_gradient)
    ),
    "float16": partial(
        pgd, ball=BALL, steps=2, step_size=0.05, gradient=inspect.unwrap(float16_gradient)
    ),
    "random_search": partial(random_search, ball=BALL, queries=2, generator=torch.Generator()),
    "signs": partial(signs, ball=BALL, steps=2, queries=2, generator=torch.Generator()),
    "probes": partial(probes, ball=BALL, steps=2, queries=2, generator=torch.Generator()),
}


@pytest.mark.parametrize(("answer", "message"), [
    (lambda x: (x[:, :3], x), "the model puts out a tuple; give one of logits alone"),
    (lambda x: {"logits": x[:, :3]}, "the model puts out a dict; give one of logits alone"),
    (lambda x: [x[:, :3]], "the model puts out a list; give one of logits alone"),
    (lambda x: x[:, 0], r"the model answers 8 images with shape \(8,\); need \(images, classes\)"),
    (lambda x: x[:, :2], "labels run to 2, but the model has 2 outputs, of classes 0 to 1"),
], ids=["tuple", "dict", "list", "one axis", "two classes"])  # fmt: skip
@pytest.mark.parametrize("door", ASKED)
def test_every_attack_refuses_what_are_no_answers(door, answer, message):
    y = torch.arange(8) % 3
    with pytest.raises(ValueError, match=message):
        unchecked(ASKED[door])(Answering(answer), images(8), y)


@pytest.mark.parametrize("answer", [
    lambda x: x[:, :3].detach(), lambda x: torch.zeros(len(x), 3),
], ids=["detached", "of nothing"])  # fmt: skip
@pytest.mark.parametrize("door", ["fgsm", "pgd", "bfloat16", "float16", "signs", "probes"])
def test_logits_without_a_gradient_are_refused(door, answer):
    with pytest.raises(ValueError, match="the model's logits carry no gradient: it detaches them"):
        unchecked(ASKED[door])(Answering(answer), images(8), torch.zeros(8, dtype=torch.int64))


@pytest.mark.parametrize("number", [torch.nan, torch.inf])
@pytest.mark.parametrize("door", ["fgsm", "pgd"])
def test_where_answers_are_not_finite_that_is_why_there_is_no_gradient(door, number):
    x = images(8).clamp_min(0.1)
    x[:3, 0, 0, 0] = 0
    model = Answering(lambda x: x[:, :3] * torch.where(x[:, :1] == 0, number, 1.0))
    message = "the model answers 3 of 8 images with NaN or infinity, where the loss has no gradient"
    with pytest.raises(ValueError, match=message):
        ASKED[door](model, x, labels(8))


@pytest.mark.parametrize("door", ["fgsm", "pgd", "bfloat16", "float16", "random_search"])
def test_a_class_that_is_ruled_out_is_attacked(door):
    model = Answering(lambda x: x[:, :3] + torch.tensor([0.0, -torch.inf, 0.0]))
    ASKED[door](model, images(8), torch.zeros(8, dtype=torch.int64))


@pytest.mark.parametrize("door", ["fgsm", "pgd"])
def test_a_class_that_is_ruled_out_is_not_why_there_is_no_gradient(door):
    """The root of an image that is black is."""
    ruled_out = torch.tensor([0.0, -torch.inf, 0.0])
    model = Answering(lambda x: x[:, :3] + x.square().sum(1, keepdim=True).sqrt() + ruled_out)
    x = images(8).clamp_min(0.1)
    x[:3] = 0
    message = "the gradient of the loss is not finite for some of 8 images"
    with pytest.raises(ValueError, match=message):
        ASKED[door](model, x, torch.zeros(8, dtype=torch.int64))


@pytest.mark.parametrize("ball", [
    BALL, L2Ball(0.5), L1Ball(1.0, geometry="paper"), L1Ball(1.0, geometry="exact"),
], ids=["Linf", "L2", "L1 paper", "L1 exact"])  # fmt: skip
@pytest.mark.parametrize("door", ASKED)
def test_images_without_axes_of_channels_and_rows_are_refused(door, ball):
    attack = partial(unchecked(ASKED[door]), ball=ball)
    message = r"images are of shape \(8, 32\); give \(images, channels, height, width\)"
    with pytest.raises(ValueError, match=message):
        attack(Answering(lambda x: x[:, :3]), images(8).flatten(1), labels(8))


def test_no_images_are_no_adversarial_images():
    chance = torch.Generator().manual_seed(0)
    for restarts in (1, 2):
        found = pgd(
            moody(), images(8)[:0], labels(8)[:0], ball=BALL, steps=2, step_size=0.05,
            random_start=True, restarts=restarts, generator=chance,
        )  # fmt: skip
        assert found.shape == (0, *images(8).shape[1:])


@pytest.mark.parametrize(("pixel", "written"), [
    (1 + 1e-7, r"\[0, 1.00000011\d*\]"), (-1e-9, r"\[-1e-09, 1\]"), (1.5, r"\[0, 1.5\]"),
])  # fmt: skip
def test_a_pixel_beside_the_range_is_written_so_that_it_is_seen(pixel, written):
    x = images(8)
    x[0, 0, 0, 0] = pixel
    with pytest.raises(ValueError, match=f"images lie in {written}; give pixels in"):
        fgsm(moody(), x, labels(8), ball=BALL)


class InPlace(nn.Module):
    """Normalises what it is shown in place, as a wrapper of one's own may do."""

    def __init__(self, copies):
        super().__init__()
        self.copies = copies
        generator = torch.Generator().manual_seed(0)
        self.inner = nn.Sequential(nn.Flatten(), nn.Linear(12, 20), nn.Tanh(), nn.Linear(20, 3))
        for weight in self.inner.parameters():
            nn.init.normal_(weight, generator=generator)

    def forward(self, x):
        x = x.clone() if self.copies else x
        return self.inner(x.sub_(0.5).div_(0.25))


def test_a_model_that_normalises_in_place_is_attacked_and_trained_as_one_that_does_not():
    images = torch.rand(9, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    labels, before = torch.arange(9) % 3, images.clone()
    ball, climb = LinfBall(0.1), {"steps": 3, "step_size": 0.05}
    for make in (
        lambda model: correct(model, images, labels),
        lambda model: fgsm(model, images, labels, ball=ball),
        lambda model: pgd(model, images, labels, ball=ball, **climb),
        lambda model: random_search(
            model, images, labels, ball=ball, queries=5, generator=torch.Generator().manual_seed(0)
        ),
        lambda model: adversarial(
            model, images, labels, attack=lambda *given: pgd(*given, ball=ball, **climb)
        ).loss,
        lambda model: gradient_penalty(model, images, labels, strength=1.0, h=0.01).loss,
        lambda model: trades(
            model, images, labels, ball=ball, beta=1.0, **climb, order="paper", start_noise=0.001,
            generator=torch.Generator().manual_seed(0),
        ).loss,
    ):  # fmt: skip
        inside, beside = make(InPlace(copies=False)), make(InPlace(copies=True))
        assert torch.equal(inside, beside)
        assert torch.equal(images, before)
