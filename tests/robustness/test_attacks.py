import inspect
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from striate.robustness import (
    L1Ball,
    L2Ball,
    LinfBall,
    correct,
    fgsm,
    pgd,
    robust_accuracy,
    summed_cross_entropy,
    summed_margin,
)
from striate.robustness.limits import norms
from truths import CLASSES, IMAGE, NETS, images, labels, linear, mlp

BALLS = {
    "Linf": LinfBall,
    "L2": L2Ball,
    "L1 paper": partial(L1Ball, geometry="paper"),
    "L1 exact": partial(L1Ball, geometry="exact"),
}
every_ball = pytest.mark.parametrize("name", BALLS)
nets = pytest.mark.parametrize("net", NETS)
pgd5 = partial(pgd, steps=5, step_size=0.03)
ATTACKS = {"fgsm": fgsm, "pgd": pgd5}
attacks = pytest.mark.parametrize("attack", ATTACKS)


def from_anywhere(model, x, y, *, ball, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return pgd5(model, x, y, ball=ball, random_start=True, restarts=2, generator=generator)


ALL = ATTACKS | {"pgd from anywhere": from_anywhere}


@nets
@every_ball
@pytest.mark.parametrize("attack", ALL)
@settings(max_examples=6)
@given(st.integers(0, 999), st.floats(0, 0.6), st.integers(1, 4))
def test_adversarial_images_are_images_within_the_ball(net, name, attack, seed, eps, count):
    x, ball = images(count, seed), BALLS[name](eps)
    adversarial = ALL[attack](NETS[net](seed), x, labels(count, seed), ball=ball)
    assert (norms(adversarial.double() - x.double(), ball.norm) <= eps * (1 + 1e-6)).all()
    assert (norms(adversarial - x, ball.norm) <= eps * (1 + 1e-6)).all()
    assert adversarial.min() >= 0
    assert adversarial.max() <= 1
    assert not adversarial.requires_grad


@every_ball
@pytest.mark.parametrize("eps", [1e-6, 1 / 1020])
def test_a_ball_smaller_than_the_rounding_of_pixels_is_kept_to(name, eps):
    x, ball = images(50), BALLS[name](eps)
    for attack in (fgsm, partial(pgd, steps=20, step_size=2 * eps / 20)):
        found = attack(mlp(), x, labels(50), ball=ball)
        sizes = norms(found.double() - x.double(), ball.norm)
        assert (sizes <= eps * (1 + 1e-6)).all()
        assert sizes.max() > 0.8 * eps


@every_ball
@given(st.integers(0, 999), st.floats(0, 0.6), st.integers(1, 6), st.floats(1e-3, 1))
def test_pgd_stays_in_the_ball_whatever_its_steps(name, seed, eps, steps, step_size):
    x, ball = images(3, seed), BALLS[name](eps)
    found = pgd(mlp(seed), x, labels(3, seed), ball=ball, steps=steps, step_size=step_size)
    assert (norms(found.double() - x.double(), ball.norm) <= eps * (1 + 1e-6)).all()
    assert (found - found.clamp(0, 1)).abs().max() == 0


@nets
@every_ball
@pytest.mark.parametrize("attack", ALL)
def test_a_ball_of_no_size_gives_the_images_back(net, name, attack):
    model, x, y = NETS[net](), images(40), labels(40)
    attack = partial(ALL[attack], ball=BALLS[name](0.0))
    assert torch.equal(attack(model, x, y).view(torch.int32), x.view(torch.int32))
    assert torch.equal(robust_accuracy(model, x, y, attack), correct(model, x, y))


@nets
@every_ball
@attacks
@pytest.mark.parametrize("batch", [1, 3, 16])
def test_an_image_does_not_depend_on_its_company(net, name, attack, batch):
    model = NETS[net]().double()
    x, y = images(16, dtype=torch.float64), labels(16)
    attack = partial(ATTACKS[attack], ball=BALLS[name](0.1))
    together = attack(model, x, y)
    apart = [attack(model, *some) for some in zip(x.split(batch), y.split(batch), strict=True)]
    assert_close(torch.cat(apart), together, rtol=0, atol=1e-12)
    outcomes = robust_accuracy(model, x, y, attack, batch_size=batch)
    assert torch.equal(outcomes, robust_accuracy(model, x, y, attack))


def test_on_a_linear_model_both_attacks_reach_the_corner():
    """Two classes: the gradient at any image is a multiple of the difference of the weights."""
    model, x, y = linear(classes=2), images(20), labels(20, classes=2)
    weight = model[1].weight.detach()
    uphill = (weight[1 - y] - weight[y]).sign().view(-1, *IMAGE)
    corner = (x + 0.07 * uphill).clamp(0, 1)
    assert_close(fgsm(model, x, y, ball=LinfBall(0.07)), corner, rtol=0, atol=0)
    found = pgd(model, x, y, ball=LinfBall(0.07), steps=8, step_size=0.01)
    assert_close(found, corner, rtol=0, atol=1e-6)
    short = pgd(model, x, y, ball=LinfBall(0.07), steps=3, step_size=0.01)
    assert_close(short, (x + 0.03 * uphill).clamp(0, 1), rtol=0, atol=1e-6)


def slow_gradient(weights, pixels, label):
    """Of the cross-entropy of the network `mlp`, by the chain rule, for one image."""
    w1, b1, w2, b2 = weights
    hidden = np.tanh(w1 @ pixels + b1)
    logits = w2 @ hidden + b2
    probability = np.exp(logits - logits.max())
    probability /= probability.sum()
    probability[label] -= 1
    return w1.T @ ((1 - hidden**2) * (w2.T @ probability))


def slow_pgd(weights, image, label, eps, steps, step_size):
    """Madry et al.'s climb as gerum.md §5 words it: step, back into the ball, back to pixels."""
    current = image.copy()
    for _ in range(steps):
        gradient = slow_gradient(weights, current, label)
        for pixel in range(len(current)):
            moved = current[pixel] + step_size * np.sign(gradient[pixel])
            moved = min(max(moved, image[pixel] - eps), image[pixel] + eps)
            current[pixel] = min(max(moved, 0), 1)
    return current


@pytest.mark.parametrize(("eps", "steps", "step_size"), [
    (0.1, 1, 0.1), (0.1, 1, 0.03), (0.01, 4, 0.01), (0.05, 7, 0.01), (0.3, 10, 0.05), (0.1, 3, 0.5),
])  # fmt: skip
def test_pgd_is_the_obvious_loop(eps, steps, step_size):
    model, x, y = mlp().double(), images(6, dtype=torch.float64), labels(6)
    weights = [parameter.detach().numpy() for parameter in model.parameters()]
    found = pgd(model, x, y, ball=LinfBall(eps), steps=steps, step_size=step_size)
    for image, label, adversarial in zip(x, y, found, strict=True):
        expected = slow_pgd(weights, image.flatten().numpy(), label.item(), eps, steps, step_size)
        assert_close(adversarial.flatten().numpy(), expected, rtol=0, atol=1e-12)
    if steps == 1 and step_size == eps:
        assert_close(fgsm(model, x, y, ball=LinfBall(eps)), found, rtol=0, atol=1e-15)


def step_l1_sparse(gradient, now):
    """All on the steepest pixel that can move."""
    stuck = ((now <= 0) & (gradient < 0)) | ((now >= 1) & (gradient > 0))
    sizes = np.where(stuck, 0, np.abs(gradient))
    step = np.zeros_like(gradient)
    step[sizes.argmax()] = np.sign(gradient[sizes.argmax()])
    return step


def nearest_l1(delta, eps):
    """Shrink all by the threshold, which is one of (sum of the k largest - eps) / k."""
    sizes = np.sort(np.abs(delta))[::-1]
    threshold = max((sizes[:k].sum() - eps) / k for k in range(1, len(sizes) + 1))
    return np.sign(delta) * np.maximum(np.abs(delta) - max(threshold, 0), 0)


def shortened(order):
    return lambda delta, eps: delta * min(1, eps / np.linalg.norm(delta, order))


SLOW = {
    "L2": (lambda g, _: g / np.linalg.norm(g), shortened(2)),
    "L1 paper": (lambda g, _: g / np.abs(g).sum(), shortened(1)),
    "L1 exact": (step_l1_sparse, nearest_l1),
}


@pytest.mark.parametrize("name", SLOW)
@pytest.mark.parametrize(("eps", "steps", "step_size"), [
    (0.1, 1, 0.1), (0.1, 1, 0.03), (0.5, 7, 0.1), (2.0, 10, 0.4), (0.3, 3, 1.5),
])  # fmt: skip
def test_pgd_in_other_balls_is_the_obvious_loop(name, eps, steps, step_size):
    model, x, y = mlp().double(), images(6, dtype=torch.float64), labels(6)
    weights = [parameter.detach().numpy() for parameter in model.parameters()]
    found = pgd(model, x, y, ball=BALLS[name](eps), steps=steps, step_size=step_size)
    direction, back = SLOW[name]
    for image, label, adversarial in zip(x, y, found, strict=True):
        image = current = image.flatten().numpy()
        for _ in range(steps):
            gradient = slow_gradient(weights, current, label.item())
            moved = current + step_size * direction(gradient, current)
            current = np.clip(image + back(moved - image, eps), 0, 1)
        assert_close(adversarial.flatten().numpy(), current, rtol=0, atol=1e-12)
    if steps == 1 and step_size == eps:
        assert_close(fgsm(model, x, y, ball=BALLS[name](eps)), found, rtol=0, atol=1e-15)


def test_on_a_linear_model_the_l2_climb_ends_along_the_weights():
    """From gray no pixel meets 0 or 1: the end is the image plus eps times the unit vector."""
    model, y = linear(classes=2), labels(20, classes=2)
    x = torch.full((20, *IMAGE), 0.5)
    weight = model[1].weight.detach()
    uphill = weight[1 - y] - weight[y]
    end = x + 0.4 * (uphill / uphill.norm(dim=1, keepdim=True)).view_as(x)
    assert_close(fgsm(model, x, y, ball=L2Ball(0.4)), end, rtol=0, atol=1e-6)
    found = pgd(model, x, y, ball=L2Ball(0.4), steps=20, step_size=0.04)
    assert_close(found, end, rtol=0, atol=1e-6)


def test_on_a_linear_model_the_exact_l1_climb_finds_the_best_image_there_is():
    """It fills the steepest pixels to 0 or 1, one after the other, while there is eps left."""
    model, x, y = linear(classes=2).double(), images(20, dtype=torch.float64), labels(20, classes=2)
    weight = model[1].weight.detach()
    uphill, flat = weight[1 - y] - weight[y], x.flatten(1)
    eps, best = 2.0, []
    for slope, pixels in zip(uphill, flat, strict=True):
        left, rise = eps, 0.0
        for pixel in slope.abs().argsort(descending=True):
            room = 1 - pixels[pixel] if slope[pixel] > 0 else pixels[pixel]
            rise += min(room, left) * slope[pixel].abs()
            left -= min(room, left)
        best.append(rise)
    reached = {}
    for name in ("L1 paper", "L1 exact"):
        found = pgd(model, x, y, ball=BALLS[name](eps), steps=200, step_size=eps / 50)
        reached[name] = (uphill * (found.flatten(1) - flat)).sum(1)
    assert (reached["L1 exact"] > 0.98 * torch.stack(best)).all()
    assert (reached["L1 exact"] <= torch.stack(best) + 1e-9).all()
    assert (reached["L1 paper"] < 0.75 * torch.stack(best)).all()


def test_a_sparse_step_is_not_spent_where_it_cannot_go():
    """The steepest pixel of class 1's image is at 0 already and would be darkened."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[0.0, 0.0], [9.0, 1.0]]))
    x, y = torch.tensor([0.0, 0.75]).view(1, 1, 1, 2), torch.ones(1, dtype=torch.int64)
    for attack in (fgsm, partial(pgd, steps=2, step_size=0.25)):
        found = attack(model, x, y, ball=L1Ball(0.5, geometry="exact"))
        assert_close(found.flatten(), torch.tensor([0.0, 0.25]))


class Apart(nn.Module):
    """Runs a network on each image alone, so that not a bit depends on the size of the batch."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, pixels):
        return torch.cat([self.net(pixel[None]) for pixel in pixels])


class Euclidean:
    """A ball that a user may write."""

    def __init__(self, eps):
        self.eps = eps

    norm = "L2"

    def __repr__(self):
        return f"Euclidean({self.eps})"  # names tests

    def sample(self, like, generator):
        return self.project(torch.randn(like.shape, generator=generator, dtype=like.dtype))

    def steepest(self, gradient):
        return gradient / gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)

    def project(self, delta):
        return delta * (self.eps / delta.flatten(1).norm(dim=1).view(-1, 1, 1, 1)).clamp(max=1)


def every_step(model, x, y, *, ball, steps, step_size, delta=0.0):
    """Climb with all images at every step."""
    now = (x + delta).clamp(0, 1)
    for _ in range(steps):
        now = now.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(summed_cross_entropy(model(now), y), now)
        if getattr(ball, "geometry", None) == "exact":
            stuck = ((now == 0) & (gradient < 0)) | ((now == 1) & (gradient > 0))
            gradient = torch.where(stuck, 0, gradient)
        step = step_size * ball.steepest(gradient)
        now = (x + ball.project(now.detach() + step - x)).clamp(0, 1)
    return now


def seen(model, attack):
    """How many images go through `model` in `attack`."""
    count = 0

    def add(_, inputs):
        nonlocal count
        count += len(inputs[0])

    handle = model.register_forward_pre_hook(add)
    attack()
    handle.remove()
    return count


@nets
@pytest.mark.parametrize("ball", [
    LinfBall(0.0), LinfBall(0.01), LinfBall(0.05), LinfBall(0.3), Euclidean(0.05), Euclidean(1.0),
    L2Ball(0.0), L2Ball(0.05), L2Ball(1.0), L1Ball(0.1, geometry="paper"),
    L1Ball(2.0, geometry="paper"), L1Ball(0.1, geometry="exact"), L1Ball(2.0, geometry="exact"),
], ids=str)  # fmt: skip
@pytest.mark.parametrize(("steps", "step_size"), [(1, 0.01), (2, 0.01), (19, 0.05), (20, 0.05)])
def test_skipping_what_cannot_change_an_image_changes_none(net, ball, steps, step_size):
    model = Apart(NETS[net]().double())
    x, y = images(8, dtype=torch.float64), labels(8)
    climb = {"ball": ball, "steps": steps, "step_size": step_size}
    assert torch.equal(pgd(model, x, y, **climb), every_step(model, x, y, **climb))
    start = ball.sample(x, torch.Generator().manual_seed(3))
    found = pgd(model, x, y, **climb, random_start=True, generator=torch.Generator().manual_seed(3))
    assert torch.equal(found, every_step(model, x, y, **climb, delta=start))


@nets
def test_an_image_that_stands_still_costs_nothing(net):
    model, x, y = NETS[net](), images(50), labels(50)
    climb = {"ball": LinfBall(0.01), "steps": 40, "step_size": 0.01}
    assert seen(model, lambda: every_step(model, x, y, **climb)) == 50 * 40
    assert seen(model, lambda: pgd(model, x, y, **climb)) < 50 * 40 / 4
    climb["ball"] = LinfBall(0.0)
    assert seen(model, lambda: pgd(model, x, y, **climb)) == 50


def test_the_step_that_does_not_move_an_image_is_its_last():
    """The edge of the ball is two steps away."""
    x, y = torch.full((1, 1, 1, 1), 0.25), torch.zeros(1, dtype=torch.int64)
    model, climb = Ridge(), {"ball": LinfBall(1 / 16), "step_size": 1 / 32}
    for steps, count in ((1, 1), (2, 2), (3, 3), (4, 3), (40, 3)):
        assert seen(model, lambda n=steps: pgd(model, x, y, steps=n, **climb)) == count
        assert pgd(model, x, y, steps=steps, **climb) == 0.25 + min(steps, 2) / 32


class Ridge(nn.Module):
    """Two classes told apart by one pixel z: the loss of class 0 is highest at z = 1/2."""

    def forward(self, pixels):
        z = pixels.flatten(1)
        return torch.cat([0 * z, -((z - 0.5) ** 2)], 1)


@pytest.mark.parametrize("steps", range(1, 10))
def test_an_image_that_hops_ends_on_the_right_side(steps):
    """All in binary fractions: after k steps up, the ridge is crossed to and fro at every step."""
    ups = torch.arange(8)
    start, y = 0.5 + 1 / 64 - ups / 32, torch.zeros(8, dtype=torch.int64)
    x, model = start.view(-1, 1, 1, 1), Ridge()
    climb = {"ball": LinfBall(0.5), "steps": steps, "step_size": 1 / 32}
    side = 1 - 2 * ((steps - ups) % 2)
    expected = torch.where(ups > steps, start + steps / 32, 0.5 + side / 64)
    assert torch.equal(pgd(model, x, y, **climb).flatten(), expected)
    # Back where it was two steps ago: after step k + 1, or 2 if it starts on the upper side.
    assert seen(model, lambda: pgd(model, x, y, **climb)) == sum(
        min(steps, max(up + 1, 2)) for up in ups.tolist()
    )


@pytest.mark.parametrize("steps", range(1, 10))
@pytest.mark.parametrize(("others", "left_behind"), [(31, True), (32, False)])
def test_one_that_hops_among_many_ends_on_the_right_side_too(others, left_behind, steps):
    """One of 33 costs less than sorting it out, one of 32 does not."""
    ups = torch.tensor([1] + others * [12])
    start, y = 0.5 + 1 / 64 - ups / 32, torch.zeros(len(ups), dtype=torch.int64)
    x, model = start.view(-1, 1, 1, 1), Ridge()
    climb = {"ball": LinfBall(0.5), "steps": steps, "step_size": 1 / 32}
    expected = start + steps / 32
    expected[0] = 0.5 + (1 - 2 * ((steps - 1) % 2)) / 64
    assert torch.equal(pgd(model, x, y, **climb).flatten(), expected)
    of_the_first = min(steps, 2) if left_behind else steps
    assert seen(model, lambda: pgd(model, x, y, **climb)) == of_the_first + others * steps


class Drawn(nn.Module):
    """Turns round by chance, at every `period`-th call."""

    def __init__(self, period):
        super().__init__()
        self.period, self.calls = period, 0

    def forward(self, pixels):
        z = pixels.flatten(1)
        turn = torch.randn(()) if self.calls % self.period == 0 else 1
        self.calls += 1
        return torch.cat([0 * z, turn * z], 1)


@pytest.mark.parametrize("period", [1, 2])
@pytest.mark.parametrize("seed", range(10))
def test_a_model_that_draws_is_climbed_to_the_end(period, seed):
    """Chance may lead back to where an image was, and away again."""
    x, y = torch.full((3, 1, 1, 1), 0.5), torch.zeros(3, dtype=torch.int64)
    climb = {"ball": LinfBall(0.25), "steps": 15, "step_size": 1 / 16}
    torch.manual_seed(seed)
    expected = every_step(Drawn(period), x, y, **climb)
    torch.manual_seed(seed)
    model = Drawn(period)
    assert seen(model, lambda: pgd(model, x, y, **climb)) == 3 * 15
    torch.manual_seed(seed)
    assert torch.equal(pgd(Drawn(period), x, y, **climb), expected)


def test_no_gradient_flows_through_a_climb():
    x = images(3).requires_grad_()
    assert not pgd5(mlp(), x, labels(3), ball=LinfBall(0.1)).requires_grad


def test_an_attack_climbs():
    model, x, y = mlp(3), images(200), labels(200)
    clean = cross_entropy(model(x), y)
    losses = [
        cross_entropy(model(attack(model, x, y, ball=LinfBall(0.1))), y) for attack in (fgsm, pgd5)
    ]
    assert min(losses) > clean + 0.5
    assert pgd5(model, x, y, ball=LinfBall(0.1)).sub(x).abs().max() > 0.09


class Rooted(nn.Module):
    """Linear, beside a length whose slope is 0/0 for an image that is all black."""

    def __init__(self):
        super().__init__()
        self.read_out = linear()

    def forward(self, images):
        return self.read_out(images) + images.square().flatten(1).sum(1, keepdim=True).sqrt() * 0


@pytest.mark.parametrize("ball", [LinfBall(0.1), L2Ball(0.5), L1Ball(1.0, geometry="paper")],
    ids=lambda ball: ball.norm)  # fmt: skip
@pytest.mark.parametrize("attack", [
    lambda ball: partial(fgsm, ball=ball),
    lambda ball: partial(pgd, ball=ball, steps=3, step_size=0.05),
], ids=["fgsm", "pgd"])  # fmt: skip
def test_an_image_without_a_slope_is_no_robust_image(ball, attack):
    model, black = Rooted(), images(5)
    attack(ball)(model, black, labels(5))
    black[1:3] = 0
    with pytest.raises(ValueError, match="not finite for some of 5 images"):
        attack(ball)(model, black, labels(5))


@pytest.mark.parametrize("attack", [
    partial(fgsm, ball=LinfBall(0.1)),
    partial(pgd, ball=LinfBall(0.1), steps=3, step_size=0.05),
], ids=["fgsm", "pgd"])  # fmt: skip
def test_slopes_that_float16_holds_are_no_error_though_it_does_not_hold_their_sum(attack):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 2, bias=False)).half()
    nn.init.constant_(model[1].weight[0], -2.0)
    nn.init.constant_(model[1].weight[1], 2.0)
    x, y = torch.full((16, 3, 64, 64), 0.5).half(), torch.zeros(16, dtype=torch.int64)
    assert (attack(model, x, y) - x).min() > 0.09


def test_a_pixel_without_gradient_stays():
    model = linear()
    with torch.no_grad():
        model[1].weight[:, 5] = 0
    x, y = images(10), labels(10)
    for attack in ATTACKS.values():
        moved = (attack(model, x, y, ball=LinfBall(0.1)) != x).flatten(1).any(0)
        assert moved.tolist() == [pixel != 5 for pixel in range(32)]


class Certain(nn.Module):
    """Two classes told apart by one pixel z: logits 0 and 6 - 200 z, without a matrix product."""

    def forward(self, pixels):
        z = pixels.flatten(1)
        return torch.cat([0 * z, 6 - 200 * z], 1)


def test_a_mean_over_images_would_hide_the_gradients_of_certain_ones():
    """Why the loss is a sum.

    At z = 0.5 the wrong class has probability exp(-94) = 1.5e-41, which float32 can still hold,
    but not the 30 000th part of it; and at z = 0 it wins.
    """
    x, y = torch.full((30_000, 1, 1, 1), 0.5), torch.zeros(30_000, dtype=torch.int64)
    step = partial(fgsm, ball=LinfBall(0.5))
    climb = partial(pgd, ball=LinfBall(0.5), steps=1, step_size=0.5)
    for attack in (step, climb):
        assert robust_accuracy(Certain(), x, y, attack, batch_size=30_000).sum() == 0
        disguised = partial(attack, loss=cross_entropy)
        assert robust_accuracy(Certain(), x, y, disguised, batch_size=30_000).all()
        assert robust_accuracy(Certain(), x[:9], y[:9], disguised).sum() == 0


def test_the_loss_is_a_sum():
    logits, y = torch.randn(5, CLASSES, generator=torch.Generator().manual_seed(0)), labels(5)
    each = [-logits[i].log_softmax(0)[y[i]] for i in range(5)]
    assert_close(summed_cross_entropy(logits, y), sum(each))


def test_the_margin_is_how_far_the_best_wrong_logit_leads():
    logits, y = torch.randn(5, CLASSES, generator=torch.Generator().manual_seed(0)), labels(5)
    each = [
        max(row[j] for j in range(CLASSES) if j != true) - row[true]
        for row, true in zip(logits.tolist(), y.tolist(), strict=True)
    ]
    assert summed_margin(logits, y).item() == pytest.approx(sum(each))
    with pytest.raises(ValueError, match="logits have 1 class; a margin needs at least 2"):
        summed_margin(logits[:, :1], torch.zeros(5, dtype=torch.int64))


def test_the_margin_has_a_gradient_where_the_cross_entropy_has_none():
    """A certain network: logits 0 and 600 - 700 z, which z = 1 turns."""

    class Sure(Certain):
        def forward(self, pixels):
            z = pixels.flatten(1)
            return torch.cat([600 - 700 * z, 0 * z], 1)

    x, y = torch.zeros(1, 1, 1, 1), torch.zeros(1, dtype=torch.int64)
    climb = {"ball": LinfBall(1.0), "steps": 20, "step_size": 0.1}
    assert pgd(Sure(), x, y, **climb) == 0
    assert pgd(Sure(), x, y, **climb, loss=summed_margin) == 1


def test_another_loss_is_climbed_as_well():
    """The margin of Carlini and Wagner, written by a user, and our own."""

    def margin(logits, y):
        right = logits.gather(1, y[:, None])[:, 0]
        return (logits.scatter(1, y[:, None], -torch.inf).amax(1) - right).sum()

    model, x, y = mlp(), images(30), labels(30)
    for attack in ATTACKS.values():
        found = attack(model, x, y, ball=LinfBall(0.1), loss=margin)
        assert margin(model(found), y) > margin(model(x), y) + 1
        assert not torch.equal(found, attack(model, x, y, ball=LinfBall(0.1)))
        assert torch.equal(found, attack(model, x, y, ball=LinfBall(0.1), loss=summed_margin))


def test_random_starts_are_reproducible_and_random():
    model, x, y = mlp(), images(20), labels(20)
    first, again, other = (
        from_anywhere(model, x, y, ball=LinfBall(0.1), seed=seed) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, pgd5(model, x, y, ball=LinfBall(0.1)))


def test_a_random_start_is_anywhere_in_the_ball():
    """With a step of next to nothing, the climb ends where it starts."""
    x = torch.full((500, *IMAGE), 0.5)
    found = pgd(
        mlp(), x, labels(500), ball=LinfBall(0.2), steps=1, step_size=1e-6, random_start=True,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    # The mean of n uniform values is within 5 standard deviations 0.4 / sqrt(12 n).
    delta = (found - x).flatten()
    assert abs(delta.mean()) < 5 * 0.4 / (12 * len(delta)) ** 0.5
    assert delta.quantile(0.25).item() == pytest.approx(-0.1, abs=0.01)
    assert delta.quantile(0.75).item() == pytest.approx(0.1, abs=0.01)
    assert (delta.min().item(), delta.max().item()) == pytest.approx((-0.2, 0.2), abs=1e-3)


def test_restarts_keep_for_each_image_the_climb_that_ends_highest():
    model, x, y, ball = mlp(), images(60), labels(60), LinfBall(0.2)

    def climbs(restarts, generator):
        return pgd5(
            model, x, y, ball=ball, random_start=True, restarts=restarts, generator=generator
        )

    generator = torch.Generator().manual_seed(7)
    each = torch.stack([climbs(1, generator) for _ in range(4)])
    losses = torch.stack([cross_entropy(model(climb), y, reduction="none") for climb in each])
    for restarts in (1, 2, 4):
        found = climbs(restarts, torch.Generator().manual_seed(7))
        best = losses[:restarts].argmax(0)
        assert torch.equal(found, each[best, torch.arange(60)])
    assert len(best.unique()) == 4  # so that the choice matters


@pytest.mark.parametrize(("settings", "message"), [
    ({"steps": 0}, "steps=0, restarts=1: need at least one step"),
    ({"step_size": 0.0}, "step_size=0.0"),
    ({"step_size": -0.1}, "step_size=-0.1"),
    ({"step_size": float("nan")}, "step_size=nan"),
    ({"step_size": float("inf"), "ball": L2Ball(0.1)}, "step_size=inf: give a positive length of"),
    ({"step_size": 1e25, "ball": L2Ball(0.1)}, r"step_size=1e\+25: give a positive length of"),
    ({"restarts": 0}, "restarts=0: need at least one step and one restart"),
    ({"random_start": True}, r"random_start=True needs generator=torch.Generator\(\)"),
    ({"restarts": 2}, "restarts=2 from one start are all alike; set random_start=True"),
])  # fmt: skip
def test_settings_out_of_range_are_refused(settings, message):
    settings = {"steps": 5, "step_size": 0.03, "ball": LinfBall(0.1)} | settings
    with pytest.raises(ValueError, match=message):
        pgd(mlp(), images(2), labels(2), **settings)


@pytest.mark.parametrize("eps", [-0.01, 1.01, 8.0, float("nan"), float("inf")])
def test_a_radius_that_is_not_in_pixels_is_refused(eps):
    with pytest.raises(ValueError, match=f"eps={eps}: pixels are in \\[0, 1\\], and so is"):
        LinfBall(eps)


# Past the type checks that only tests have.
DOORS = {
    "fgsm": partial(inspect.unwrap(fgsm), ball=LinfBall(0.1)),
    "pgd": partial(inspect.unwrap(pgd), ball=LinfBall(0.1), steps=2, step_size=0.1),
    "correct": inspect.unwrap(correct),
    "robust_accuracy": partial(inspect.unwrap(robust_accuracy), attack=fgsm),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("bad", [-0.01, 1.01, float("nan")])
def test_images_that_are_not_pixels_are_refused(door, bad):
    x = images(3)
    x[1, 0, 2, 2] = bad
    with pytest.raises(ValueError, match=r"images lie in \[.*\]; give pixels in \[0, 1\] and let"):
        DOORS[door](mlp(), x, labels(3))


@pytest.mark.parametrize("door", DOORS)
def test_as_many_labels_as_images(door):
    with pytest.raises(ValueError, match="3 images but 4 labels"):
        DOORS[door](mlp(), images(3), labels(4))
