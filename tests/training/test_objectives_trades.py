from functools import partial

import pytest
import torch
from torch import nn
from trained_nets import IMAGES, agree, normed, slow_cross_entropy

from striate.robustness import L2Ball, LinfBall
from striate.training import gradient_penalty, trades
from striate.training.objectives import divergence
from truths import images, labels

EPS, NOISE = 0.06, 0.001
BALLS = {"Linf": LinfBall(EPS), "L2": L2Ball(EPS)}
orders = pytest.mark.parametrize("order", ["paper", "authors"])
small = partial(trades, beta=2.0, steps=3, step_size=EPS * 2 / 3)


def chance(seed=3):
    return torch.Generator().manual_seed(seed)


def kl(p, q):
    return sum(p_c * (p_c.log() - q_c.log()) for p_c, q_c in zip(p, q, strict=True))


def slow_kl(order, clean, pushed):
    """Of each image, from logits: the text's KL(f(v)||f(x)), or the code's KL(f(x)||f(v))."""
    pairs = zip(clean.softmax(1), pushed.softmax(1), strict=True)
    return torch.stack([kl(v, x) if order == "paper" else kl(x, v) for x, v in pairs])


def slow_other(net, x, order, ball, steps, step_size):
    net.eval()
    clean = net(x).detach()
    v = x + NOISE * torch.randn(x.shape, generator=chance(), dtype=x.dtype)
    for _ in range(steps):
        v = v.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(slow_kl(order, clean, net(v)).sum(), v)
        v = v.detach() + step_size * ball.steepest(gradient)
        v = (x + ball.project(v - x)).clamp(0, 1)
    net.train()
    return v


@orders
@pytest.mark.parametrize("norm", BALLS)
def test_it_is_the_formula_with_as_many_passes_as_the_protocol_has(order, norm):
    net, twin, x, y = normed(), normed(), images(12, **IMAGES), labels(12)
    step = small(net, x, y, ball=BALLS[norm], order=order, generator=chance())
    v = slow_other(twin, x, order, BALLS[norm], 3, EPS * 2 / 3)
    clean = twin(x)
    pushed = twin(v)
    target = twin(x) if order == "authors" else clean
    expected = slow_cross_entropy(clean, y).mean() + 2.0 * slow_kl(order, target, pushed).mean()
    assert slow_kl(order, target, pushed).mean() > 1e-3
    agree(step, expected, net, twin)
    assert net.norm.num_batches_tracked == {"paper": 2, "authors": 3}[order]
    assert torch.equal(step.logits, clean)


@orders
def test_without_noise_at_the_start_the_perturbation_is_exactly_zero(order):
    """D21: there the divergence is least, so its gradient vanishes; with noise it moves."""
    net, x = normed(), images(40)
    net.float()
    for noise, moved in ((0.0, 0.0), (0.001, EPS)):
        start = noise * torch.randn(x.shape, generator=chance())
        v = divergence._climb(net, x, start, LinfBall(EPS), 5, EPS / 2, order)
        assert (v - x).abs().max().item() == pytest.approx(moved, abs=1e-7 if noise else 0)
    step = small(
        net, x, labels(40), ball=LinfBall(EPS), order=order, start_noise=0.0, generator=chance()
    )
    plain = nn.functional.cross_entropy(normed().float()(x), labels(40))
    assert step.loss.item() == pytest.approx(plain.item(), abs=1e-6)


@orders
def test_the_written_out_slope_is_that_of_the_divergence(order):
    logits = torch.randn(6, 4, generator=chance(), dtype=torch.float64, requires_grad=True)
    answer = torch.randn(6, 4, generator=chance(4), dtype=torch.float64)
    (wanted,) = torch.autograd.grad(slow_kl(order, answer, logits).sum(), logits)
    found = divergence._slope(logits, answer, order)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-14)


def test_the_gradient_flows_through_the_target_too():
    """At v near x the loss is symmetric; holding f(x) would leave another gradient."""
    net, x, y = normed(), images(12, **IMAGES), labels(12)
    whole = small(net, x, y, ball=LinfBall(EPS), order="authors", generator=chance())
    held = slow_cross_entropy(net(x), y).mean()
    v = slow_other(net, x, "authors", LinfBall(EPS), 3, EPS * 2 / 3)
    held = held + 2.0 * slow_kl("authors", net(x).detach(), net(v)).mean()
    ours, theirs = (torch.autograd.grad(e, net.output.weight)[0] for e in (whole.loss, held))
    assert (ours - theirs).abs().max() > 1e-3


@orders
def test_the_same_generator_gives_the_same_bits(order):
    losses = [
        small(normed(), images(9, **IMAGES), labels(9), ball=LinfBall(EPS), order=order,
              generator=chance(seed)).loss.item()
        for seed in (3, 3, 4)
    ]  # fmt: skip
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize(("wrong", "message"), [
    ({"beta": -1.0}, r"beta=-1.0, start_noise=0.001: strength and noise are finite"),
    ({"start_noise": float("nan")}, r"beta=2.0, start_noise=nan: strength and noise are finite"),
    ({"steps": 0}, r"steps=0: give a whole number from 1 on"),
    ({"step_size": 0.0}, r"step_size=0.0: give a positive length of at most 1e\+09, in pixel"),
    ({"step_size": float("inf")}, r"step_size=inf: give a positive length"),
])  # fmt: skip
def test_settings_out_of_range_are_refused(wrong, message):
    settings = {"beta": 2.0, "steps": 3, "step_size": 0.04, "order": "paper"} | wrong
    with pytest.raises(ValueError, match=message):
        trades(normed(), images(4, **IMAGES), labels(4), ball=LinfBall(EPS), generator=chance(),
               **settings)  # fmt: skip


def test_an_unknown_order_is_refused():
    with pytest.raises(ValueError, match=r"order='reverse'; choose one of 'paper', 'authors'"):
        divergence.check_trades(beta=1.0, steps=1, step_size=1.0, order="reverse", start_noise=0.0)


def test_images_must_be_pixels():
    with pytest.raises(ValueError, match="give pixels in"):
        small(normed(), 2 * images(4, **IMAGES), labels(4), ball=LinfBall(EPS), order="paper",
              generator=chance())  # fmt: skip


@orders
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_in_half_precision_it_climbs_as_in_full(dtype, order):
    """A little noise is no difference there, and where there is none, nothing is climbed."""
    x, y, pushed = images(40), labels(40), []
    for autocast in (False, True):
        net, shown = normed().float(), []
        net.register_forward_pre_hook(lambda _, given, shown=shown: shown.append(given[0].detach()))
        with torch.autocast("cpu", dtype, enabled=autocast):
            small(net, x, y, ball=LinfBall(EPS), order=order, generator=chance())
        pushed.append(shown[5])  # x and three steps of the climb, then x and this
    assert ((pushed[0] - x).abs().amax((1, 2, 3)) > 0.01).all()
    assert torch.equal(*pushed)


@pytest.mark.parametrize("objective", ["trades", "igr"])
def test_a_slope_that_is_no_number_is_refused_and_not_trained_over(objective):
    class Rooted(nn.Module):
        def __init__(self):
            super().__init__()
            self.output = nn.Linear(32, 3)

        def forward(self, x):
            return self.output((x.flatten(1) * 0).sqrt() + x.flatten(1))

    net, x, y = Rooted(), images(4), labels(4)
    train = {
        "trades": partial(small, ball=LinfBall(EPS), order="paper", generator=chance()),
        "igr": partial(gradient_penalty, strength=0.3, h=0.01),
    }[objective]
    with pytest.raises(ValueError, match="the gradient of the loss is not finite for some of 4"):
        train(net, x, y)
