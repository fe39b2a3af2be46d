import pytest
import torch
from torch import nn
from trained_nets import IMAGES, agree, gradients, normed, slow_cross_entropy

from striate.training import gradient_penalty
from striate.training.objectives import slopes
from truths import images, labels, mlp


def slow_direction(gradient, direction):
    if direction == "sign":
        return gradient.sign() / 32**0.5
    length = gradient.square().sum().sqrt()
    return gradient / length if length > 0 else gradient


@pytest.mark.parametrize("direction", ["L2", "sign"])
def test_it_is_the_formula_with_two_passes(direction):
    net, twin, x, y = normed(), normed(), images(12, **IMAGES), labels(12)
    step = gradient_penalty(net, x, y, strength=0.7, h=0.01, direction=direction)
    pixels = x.clone().requires_grad_()
    logits = twin(pixels)
    losses = slow_cross_entropy(logits, y)
    (g,) = torch.autograd.grad(losses.mean(), pixels, retain_graph=True)
    z = x + 0.01 * torch.stack([slow_direction(each, direction) for each in g])
    assert z.max() > 1  # not clipped
    slopes = (slow_cross_entropy(twin(z), y) - losses) / 0.01
    agree(step, losses.mean() + 0.35 * (slopes**2).mean(), net, twin)
    assert net.norm.num_batches_tracked == 2
    assert torch.equal(step.logits, logits)


def test_for_small_steps_it_is_half_of_the_squared_length_of_the_gradient():
    net, x, y = mlp().double(), images(12, **IMAGES), labels(12)
    pixels = x.clone().requires_grad_()
    losses = nn.functional.cross_entropy(net(pixels), y, reduction="none")
    (g,) = torch.autograd.grad(losses.sum(), pixels, create_graph=True)
    expected = losses.mean() + 0.3 / 2 * g.flatten(1).square().sum(1).mean()
    # The next order is h, times the curvature: found here to shrink with h.
    errors = [
        abs(gradient_penalty(net, x, y, strength=0.3, h=h).loss.item() - expected.item())
        for h in (1e-3, 1e-4, 1e-5)
    ]
    assert errors[0] > 5 * errors[1] > 25 * errors[2]
    assert errors[2] < 1e-4 * expected.item()


def test_an_image_without_gradient_stays_where_it_is():
    net = nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(32, 3)).double()
    x, y = images(3, **IMAGES), labels(3)
    x[1] = 0  # where the derivative of ReLU is 0
    shown = []
    net.register_forward_pre_hook(lambda _net, inputs: shown.append(inputs[0].detach()))
    for direction in ("L2", "sign"):
        shown.clear()
        step = gradient_penalty(net, x, y, strength=1.0, h=0.1, direction=direction)
        assert torch.equal(shown[1][1], x[1])
        assert not torch.equal(shown[1][0], x[0])
        assert all(g.isfinite().all() for g in torch.autograd.grad(step.loss, net.parameters()))


def test_without_strength_it_is_the_cross_entropy():
    net, x, y = normed(), images(8, **IMAGES), labels(8)
    expected = nn.functional.cross_entropy(normed()(x), y)
    assert gradient_penalty(net, x, y, strength=0.0, h=0.01).loss.item() == pytest.approx(
        expected.item(), abs=1e-14
    )


@pytest.mark.parametrize(("wrong", "message"), [
    ({"strength": -0.1}, r"strength=-0.1, h=0.01: the strength is finite and not negative"),
    ({"h": 0.0}, r"strength=0.3, h=0.0: the strength is finite and not negative, the step h"),
])  # fmt: skip
def test_settings_out_of_range_are_refused(wrong, message):
    settings = {"strength": 0.3, "h": 0.01} | wrong
    with pytest.raises(ValueError, match=message):
        gradient_penalty(normed(), images(4, **IMAGES), labels(4), **settings)


def test_an_unknown_direction_is_refused():
    with pytest.raises(ValueError, match=r"direction='L1'; choose one of 'L2', 'sign'"):
        slopes.check_slopes(strength=0.3, h=0.01, direction="L1")


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16], ids=str)
def test_autocast_does_not_round_the_slopes_away(precision):
    """In bfloat16 a loss of 1 is known to 0.004, which is a step of 0.01 at a slope of 0.4."""
    net, twin = normed().float(), normed().float()
    x, y = images(12), labels(12)
    expected = gradient_penalty(twin, x, y, strength=0.3, h=0.01)
    with torch.autocast("cpu", precision, cache_enabled=False):
        step = gradient_penalty(net, x, y, strength=0.3, h=0.01)
        assert torch.is_autocast_enabled("cpu")
    assert torch.equal(step.loss, expected.loss)
    assert torch.equal(step.logits, expected.logits)
    for found, wanted in zip(
        gradients(step.loss, net), gradients(expected.loss, twin), strict=True
    ):
        assert torch.equal(found, wanted)


def test_the_losses_of_a_network_in_half_precision_are_not():
    net = normed().bfloat16()
    step = gradient_penalty(net, images(12).bfloat16(), labels(12), strength=0.3, h=0.01)
    assert (step.logits.dtype, step.loss.dtype) == (torch.bfloat16, torch.float32)


def test_a_network_that_detaches_its_images_is_refused():
    class Detached(nn.Module):
        def __init__(self):
            super().__init__()
            self.output = nn.Linear(32, 3)

        def forward(self, x):
            return self.output(x.detach().flatten(1))

    with pytest.raises(ValueError, match="the model's logits carry no gradient: it detaches them"):
        gradient_penalty(Detached(), images(4), labels(4), strength=0.3, h=0.01)


class Noisy(nn.Module):
    """Dropout by a layer, and noise by a function that nobody sees from outside."""

    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(32, 20), nn.Dropout(0.4), nn.Linear(20, 3)

    def forward(self, x):
        hidden = self.drop(self.first(x.flatten(1)).tanh())
        return self.last(hidden + 0.3 * torch.randn_like(hidden))


def test_what_a_network_draws_is_the_same_in_both_passes():
    """Of two draws, their difference over h would be all that counts."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net, x, y = Noisy().double(), images(12, **IMAGES), labels(12)
        drawn = torch.get_rng_state()
        pixels = x.clone().requires_grad_()
        losses = slow_cross_entropy(net(pixels), y)
        after = torch.get_rng_state()
        assert not torch.equal(drawn, after)
        (g,) = torch.autograd.grad(losses.sum(), pixels)
        expected = losses.mean() + 0.35 * g.flatten(1).square().sum(1).mean()
        for h, allowed in ((1e-2, 1e-2), (1e-4, 1e-4)):
            torch.set_rng_state(drawn)
            step = gradient_penalty(net, x, y, strength=0.7, h=h)
            assert abs(step.loss - expected) < allowed * expected
            assert torch.equal(torch.get_rng_state(), after)  # as after one pass
