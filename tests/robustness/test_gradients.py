"""Gradients in half precision find what those of float32 find, and where they cannot, say so."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity

from striate.robustness import (
    ball,
    bfloat16_gradient,
    fgsm,
    float16_gradient,
    pgd,
    plain_gradient,
    robust_accuracy,
    summed_cross_entropy,
    summed_margin,
)
from truths import digit_reader, digits_held_out

RADII = {"Linf": 0.1, "L2": 0.6, "L1": 4.0}


class Times(nn.Module):
    """Multiplies, by any number: float16 holds a factor of 1e-9 as little as a gradient of it."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


def between(factor):
    """Divided before the last layer, which multiplies again: the answers stay, up to rounding."""
    *body, last = digit_reader()
    return nn.Sequential(*body, Times(1 / factor), Times(factor), last)


def through(factor):
    """Multiplied before the last layer, which divides again."""
    return between(1 / factor)


NETS = {
    "as trained": digit_reader,
    "certain": lambda: nn.Sequential(digit_reader(), Times(4.0)),
    "flat": lambda: nn.Sequential(digit_reader(), Times(1e-9)),
    "steep inside": lambda: between(2.0**15),
    "too steep inside for any scale": lambda: between(2.0**30),
    "responses beyond float16": lambda: through(2.0**20),
}
HARD = ["certain", "flat", "too steep inside for any scale", "responses beyond float16"]
nets = pytest.mark.parametrize("name", NETS)


def unscaled(model, images, labels, loss):
    """What mixed precision does without a scale."""
    with torch.enable_grad():
        pixels = images.detach().requires_grad_()
        with torch.autocast("cpu", torch.float16):
            logits = model(pixels).float()
        return torch.autograd.grad(loss(logits, labels), pixels)[0].nan_to_num(0, 0, 0)


def left(model, norm, gradient):
    images, labels = digits_held_out()
    eps = RADII[norm]
    attack = partial(pgd, ball=ball(norm, eps), steps=10, step_size=eps / 5, gradient=gradient)
    return robust_accuracy(model, images, labels, attack, batch_size=200).float().mean().item()


@nets
@pytest.mark.parametrize("norm", RADII)
def test_attacks_find_what_they_find_in_float32(name, norm):
    found, expected = (
        left(NETS[name](), norm, each) for each in (float16_gradient, plain_gradient)
    )
    assert found == pytest.approx(expected, abs=0.015)  # 3 of 200 images
    assert expected < 0.7


@pytest.mark.parametrize("name", HARD)
def test_what_half_precision_loses_would_count_as_robust(name):
    model = NETS[name]()
    assert left(model, "Linf", unscaled) > left(model, "Linf", plain_gradient) + 0.1


def slopes(name, gradient, loss=summed_cross_entropy):
    images, labels = (tensor[:100] for tensor in digits_held_out())
    return gradient(NETS[name](), images, labels, loss).double().flatten(1)


@nets
@pytest.mark.parametrize("loss", [summed_cross_entropy, summed_margin])
def test_gradients_have_direction_and_length_of_those_of_float32(name, loss):
    found, expected = (slopes(name, each, loss) for each in (float16_gradient, plain_gradient))
    assert (expected.abs().amax(1) > 0).all()
    assert cosine_similarity(found, expected, eps=1e-60).min() > 0.99
    lengths = found.norm(dim=1) / expected.norm(dim=1)
    # Where logits differ by 100, rounding them to 2**-11 moves their softmax by a few per cent.
    assert lengths.log().abs().max() < 0.25


@nets
def test_gradients_of_bfloat16_are_those_of_float32_but_coarser(name):
    found, expected = (slopes(name, each) for each in (bfloat16_gradient, plain_gradient))
    assert cosine_similarity(found, expected, eps=1e-60).median() > 0.99


@pytest.mark.parametrize(("name", "asked"), [
    ("as trained", 0), ("certain", 0), ("steep inside", 0), ("flat", 100),
    ("too steep inside for any scale", 100), ("responses beyond float16", 100),
])  # fmt: skip
def test_float32_is_asked_only_for_what_float16_cannot_hold(name, asked, monkeypatch):
    seen = []

    def counted(model, images, labels, loss):
        seen.append(len(images))
        return plain_gradient(model, images, labels, loss)

    monkeypatch.setattr("striate.robustness.gradients.plain_gradient", counted)
    slopes(name, float16_gradient)
    assert sum(seen) == asked


class Switched(nn.Module):
    """Beyond float16 where the first pixel is bright."""

    def __init__(self):
        super().__init__()
        self.plain, self.beyond = digit_reader(), through(2.0**20)

    def forward(self, x):
        bright = x[:, 0, 0, 0] > 0.5
        return torch.where(bright[:, None], self.beyond(x), self.plain(x))


def test_no_image_is_disturbed_by_its_company():
    images, labels = (tensor[:40] for tensor in digits_held_out())
    images[::3, 0, 0, 0] = 1.0
    expected = plain_gradient(digit_reader(), images, labels, summed_cross_entropy)
    found = float16_gradient(Switched(), images, labels, summed_cross_entropy)
    assert cosine_similarity(found.flatten(1), expected.flatten(1), eps=1e-30).min() > 0.99


class Constant(nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :3] * 0


def test_a_gradient_that_is_zero_in_float32_too_is_zero():
    images, labels = torch.rand(5, 1, 8, 8), torch.zeros(5, dtype=torch.long)
    found = float16_gradient(Constant(), images, labels, summed_cross_entropy)
    assert (found == 0).all()


class Unsupported(nn.Module):
    def forward(self, x):
        x = nn.functional.conv2d(x, torch.ones(1, 1, 1, 1))
        with torch.autocast("cpu", enabled=False):
            return torch.linalg.qr(x[:, 0])[1][:, 0]


class Broken(nn.Module):
    def forward(self, x):
        raise RuntimeError("out of memory")


@pytest.mark.parametrize(("model", "error", "message"), [
    (Unsupported(), ValueError, r"cannot be run in float16: .*'Half'; choose bfloat16 or float32"),
    (Broken(), RuntimeError, "^out of memory$"),
])  # fmt: skip
def test_what_torch_cannot_do_in_float16_is_said(model, error, message):
    images, labels = torch.rand(2, 1, 8, 8), torch.zeros(2, dtype=torch.long)
    with pytest.raises(error, match=message):
        float16_gradient(model, images, labels, summed_cross_entropy)


@pytest.mark.parametrize(("dtype", "apart"), [
    (torch.bfloat16, 0.02), (torch.float16, 0.005), (torch.float64, 0.0),
], ids=str)  # fmt: skip
@pytest.mark.parametrize("norm", ["Linf", "L2"])
def test_a_network_in_half_precision_is_attacked_as_well(dtype, apart, norm):
    """In bfloat16 a probability of 0.998 is 1; the loss is taken where it is not."""
    images, labels = digits_held_out()
    attack = partial(fgsm, ball=ball(norm, RADII[norm]))

    def left(dtype):
        outcomes = robust_accuracy(digit_reader().to(dtype), images.to(dtype), labels, attack)
        return outcomes.float().mean().item()

    assert left(dtype) == pytest.approx(left(torch.float32), abs=apart)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_loss_is_given_logits_as_they_are_unless_those_are_in_half_precision(dtype):
    images, labels = (tensor[:50] for tensor in digits_held_out())
    pixels = images.to(dtype).requires_grad_()
    loss = nn.functional.cross_entropy(digit_reader().to(dtype)(pixels), labels, reduction="sum")
    (expected,) = torch.autograd.grad(loss, pixels)
    found = plain_gradient(digit_reader().to(dtype), images.to(dtype), labels, summed_cross_entropy)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_whatever_raises_a_loss_sees_it_in_float32(dtype):
    images, labels = (tensor[:4].to(dtype) if n == 0 else tensor[:4]
                      for n, tensor in enumerate(digits_held_out()))  # fmt: skip
    seen = []

    def loss(logits, labels):
        if not torch._C._functorch.is_batchedtensor(logits):
            seen.append(logits.dtype)
        return summed_margin(logits, labels)

    net, chance = digit_reader().to(dtype), torch.Generator().manual_seed(0)
    where = ball("Linf", 0.1)
    pgd(net, images, labels, ball=where, steps=1, step_size=0.1, loss=loss, random_start=True,
        restarts=2, generator=chance)  # fmt: skip
    assert set(seen) == {torch.float32}


def test_an_image_so_faint_that_pixels_are_lost_is_computed_in_full():
    """One pixel has a slope of 2**-10 in float16; the other's would be 0, and it would stay."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([[2.0**-16, -(2.0**-36)], [-(2.0**-16), 2.0**-36]]))
    x, y = torch.full((3, 1, 1, 2), 0.5), torch.tensor([0, 1, 0])
    full = plain_gradient(net, x, y, summed_cross_entropy)
    assert full.all()
    assert torch.equal(float16_gradient(net, x, y, summed_cross_entropy), full)
