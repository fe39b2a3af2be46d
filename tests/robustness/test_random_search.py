"""The search without gradients: against a slow loop, on planted problems, and its promises."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from striate.robustness import L1Ball, L2Ball, LinfBall, random_search, summed_margin
from truths import CLASSES, IMAGE, conv, images, labels, linear, mlp

NETS = {"linear": linear, "mlp": mlp, "conv": conv}
BALLS = {
    "Linf": LinfBall(0.15),
    "L2": L2Ball(0.6),
    "L1": L1Ball(2.0, geometry="exact"),
}
ORDERS = {"Linf": np.inf, "L2": 2, "L1": 1}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def margin(model, image, label):
    logits = model(torch.from_numpy(image)[None]).detach()[0].tolist()
    return max(z for i, z in enumerate(logits) if i != label) - logits[label]


def norm(delta, order):
    size = np.abs(delta).ravel()
    return size.max() if order == np.inf else (size**order).sum() ** (1 / order)


def slow(model, image, label, *, eps, order, numbers):
    """One image at a time, as the docstring says; `numbers` are what it draws, query by query."""
    radius = max(eps * (1 - 1e-6) - np.finfo(image.dtype).eps / 2, 0)
    _, height, width = image.shape
    best, highest = image, margin(model, image, label)
    for query, drawn in enumerate(numbers):
        if highest > 0:
            break
        signs = np.where(drawn < 0.5, -1.0, 1.0)
        delta = best - image
        if query == 0:
            size = radius / image.size ** (0 if order == np.inf else 1 / order)
            delta = size * np.repeat(signs[:, None, :], height, 1)
        else:
            done = query / len(numbers)
            halved = sum(done >= x for x in (0.001, 0.005, 0.02, 0.1, 0.2, 0.4, 0.6, 0.8))
            side = round(math.sqrt(0.8 / 2**halved * height * width))
            side = min(max(side, 1), height, width)
            row, column, other_row, other_column = (
                int(drawn[0, 1 + i] * (length - side + 1))
                for i, length in enumerate((height, width, height, width))
            )
            here = np.zeros_like(image, dtype=bool)
            here[:, row : row + side, column : column + side] = True
            there = np.zeros_like(here)
            there[:, other_row : other_row + side, other_column : other_column + side] = True
            push = np.where(here, signs[:, 0, None, None], 0.0)
            if order == np.inf:
                delta = np.where(here, radius * push, delta)
            else:
                elsewhere = np.where(here | there, 0, delta)
                left = max(radius**order - norm(elsewhere, order) ** order, 0) ** (1 / order)
                inside = np.where(here, delta, 0)
                way = push / norm(push, order)
                if norm(inside, order) > 0:
                    way = way + inside / norm(inside, order)
                size = norm(way, order)
                delta = elsewhere + (left * way / size if size > 0 else 0)
        tried = (image + delta).clip(0, 1)
        reached = margin(model, tried, label)
        if reached >= highest:
            best, highest = tried, reached
    return best


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("norm", BALLS)
def test_as_a_slow_loop_over_images_with_the_same_numbers(net, norm):
    model, queries, count = NETS[net]().double(), 30, 8
    x, y = images(count, dtype=torch.float64), labels(count)
    generator = rng(3)
    numbers = [
        torch.rand(count, 2, 4 if query == 0 else 5, generator=generator, dtype=torch.float64)
        for query in range(queries)
    ]
    found = random_search(model, x, y, ball=BALLS[norm], queries=queries, generator=rng(3))
    for i in range(count):
        expected = slow(
            model, x[i].numpy(), y[i].item(), eps=BALLS[norm].eps, order=ORDERS[norm],
            numbers=[number[i].numpy() for number in numbers],
        )  # fmt: skip
        np.testing.assert_allclose(found[i].numpy(), expected, atol=1e-12)
    assert not torch.equal(found, x)


def test_squares_shrink_at_the_query_at_which_they_should():
    """On images so large that each of the first halvings changes the side."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(2 * 20 * 24, CLASSES)).double()
    x = 0.2 + 0.6 * torch.rand(3, 2, 20, 24, dtype=torch.float64)
    y, ball, queries, generator = model(x).argmax(1), LinfBall(0.004), 30, rng(3)
    numbers = [
        torch.rand(3, 2, 24 if query == 0 else 5, generator=generator, dtype=torch.float64)
        for query in range(queries)
    ]
    found = random_search(model, x, y, ball=ball, queries=queries, generator=rng(3))
    for i in range(3):
        expected = slow(
            model, x[i].numpy(), y[i].item(), eps=ball.eps, order=np.inf,
            numbers=[number[i].numpy() for number in numbers],
        )  # fmt: skip
        np.testing.assert_allclose(found[i].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("norm", BALLS)
@pytest.mark.parametrize("scale", [1.0, 0.01])
@pytest.mark.parametrize("seed", range(5))
def test_stays_in_the_ball_and_among_pixels_and_never_lowers_the_margin(norm, scale, seed):
    eps = scale * BALLS[norm].eps
    ball = {"Linf": LinfBall, "L2": L2Ball, "L1": lambda e: L1Ball(e, geometry="paper")}[norm](eps)
    model, x, y = mlp(seed), images(40, seed), labels(40, seed)
    found = random_search(model, x, y, ball=ball, queries=60, generator=rng(seed))
    delta = (found.double() - x.double()).flatten(1)
    assert torch.linalg.vector_norm(delta, ORDERS[norm], 1).max() <= eps * (1 + 1e-6)
    assert found.min() >= 0
    assert found.max() <= 1
    for i in range(40):
        one, true = slice(i, i + 1), y[i : i + 1]
        assert summed_margin(model(found[one]), true) >= summed_margin(model(x[one]), true) - 1e-5
    assert (model(found).argmax(1) == y).sum() < (model(x).argmax(1) == y).sum() or scale < 1


class First(nn.Module):
    """Class 1 where the first pixel of the first channel is above 0.5."""

    def __init__(self):
        super().__init__()
        self.shown = 0

    def forward(self, x):
        self.shown += len(x)
        height = 100 * (x[:, 0, 0, 0] - 0.5)
        return torch.stack([-height, height], 1)


def test_an_image_asks_no_more_once_it_is_wrong():
    """The stripes alone move the pixel up or down: half of the images need but one query."""
    model, count = First(), 4000
    x, y = torch.full((count, *IMAGE), 0.45), torch.zeros(count, dtype=torch.int64)
    found = random_search(model, x, y, ball=LinfBall(0.1), queries=1, generator=rng())
    fooled = (found[:, 0, 0, 0] > 0.5).sum().item()
    assert abs(fooled - count / 2) < 5 * (count / 4) ** 0.5
    assert model.shown == 2 * count
    model.shown = 0
    random_search(model, x, y, ball=LinfBall(0.1), queries=2, generator=rng())
    assert model.shown == 2 * count + (count - fooled)


@pytest.mark.parametrize(("ball", "share"), [
    (LinfBall(0.06), 1.0), (L2Ball(0.3), 0.9), (L1Ball(0.3, geometry="exact"), 0.9),
], ids=["Linf", "L2", "L1"])  # fmt: skip
def test_finds_the_one_pixel_that_matters(ball, share):
    """Squares are of one pixel after a tenth of 600 queries: one in 32 is of it and of its sign.

    So 540 of them miss it with probability exp(-17). In the other norms a hit also needs enough
    of the ball to be free, or to lie in the square that is emptied.
    """
    x, y = torch.full((300, *IMAGE), 0.45), torch.zeros(300, dtype=torch.int64)
    found = random_search(First(), x, y, ball=ball, queries=600, generator=rng())
    assert (First()(found).argmax(1) == 1).float().mean() >= share


def test_images_that_are_wrong_already_are_returned_and_cost_one_look():
    model = First()
    x, y = torch.full((5, *IMAGE), 0.6), torch.zeros(5, dtype=torch.int64)
    assert torch.equal(
        random_search(model, x, y, ball=LinfBall(0.1), queries=9, generator=rng()), x
    )
    assert model.shown == 5


def test_a_change_that_leaves_the_loss_as_it_was_is_kept():
    """A plateau is walked across; here there is nothing else."""

    class Flat(nn.Module):
        def forward(self, x):
            return torch.tensor([1.0, 0.0]).expand(len(x), 2)

    x, y = torch.full((20, *IMAGE), 0.5), torch.zeros(20, dtype=torch.int64)
    stripes, both = (
        random_search(Flat(), x, y, ball=LinfBall(0.1), queries=queries, generator=rng())
        for queries in (1, 2)
    )
    assert (stripes != x).all()
    assert not torch.equal(both, stripes)


def test_what_one_image_draws_does_not_depend_on_how_the_others_fare():
    """Float64, so that a batch of another size multiplies to the same logits but for 1e-15."""
    model, x, y = mlp().double(), images(30, dtype=torch.float64), labels(30)
    wrong = torch.where(torch.arange(30) < 15, (y + 1) % CLASSES, y)
    one, other = (
        random_search(model, x, true, ball=LinfBall(0.1), queries=40, generator=rng())
        for true in (y, wrong)
    )
    torch.testing.assert_close(one[15:], other[15:], atol=1e-12, rtol=0)
    assert not torch.equal(one[15:], x[15:])


def test_the_seed_decides():
    model, x, y = mlp(), images(30), labels(30)
    one, again, other = (
        random_search(model, x, y, ball=LinfBall(0.05), queries=20, generator=rng(seed))
        for seed in (0, 0, 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_another_loss_is_raised():
    """Minus the brightness: the search darkens what it cannot turn."""
    x, y = torch.full((20, *IMAGE), 0.3), torch.zeros(20, dtype=torch.int64)

    class Mean(nn.Module):
        def forward(self, x):
            return torch.stack([x.mean((1, 2, 3)), x.mean((1, 2, 3)) - 1], 1)

    found = random_search(
        Mean(), x, y, ball=LinfBall(0.1), queries=300, generator=rng(),
        loss=lambda logits, _: -logits[:, 0].sum(),
    )  # fmt: skip
    assert found.mean() < 0.21


@pytest.mark.parametrize(("settings", "message"), [
    ({"queries": 0}, "queries=0: give a whole number from 1 on"),
    ({"ball": LinfBall(0.0)}, "eps=0.0: there is nothing to search; give a positive radius"),
], ids=["queries", "eps"])  # fmt: skip
def test_settings_out_of_range_are_refused(settings, message):
    settings = {"queries": 5, "ball": LinfBall(0.1), "generator": rng()} | settings
    with pytest.raises(ValueError, match=message):
        random_search(mlp(), images(2), labels(2), **settings)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_no_rounding_of_many_pixels_leads_out_of_the_ball(dtype):
    """Each pixel moves by so little that all of them may be rounded up alike."""
    x = (0.55 + 0.4 * images(4)).repeat(1, 1, 40, 40).to(dtype)
    net = nn.Sequential(nn.Flatten(), nn.Linear(x[0].numel(), 2)).to(dtype)
    y = net(x).argmax(1)
    for eps in (0.1, 4.0):
        found = random_search(
            net, x, y, ball=L1Ball(eps, geometry="paper"), queries=3, generator=rng()
        )
        assert (found.double() - x).abs().sum((1, 2, 3)).max() <= eps * (1 + 1e-6)


def test_half_precision_leaves_something_of_a_small_ball():
    """Where a step of the type is as long as the radius, a pixel still moves by one."""
    x = (0.5 + 0.4 * images(4)).to(torch.bfloat16)
    net = linear().to(torch.bfloat16)
    y = net(x).argmax(1)
    found = random_search(net, x, y, ball=LinfBall(1 / 255), queries=20, generator=rng())
    moved = (found.double() - x).abs()
    assert moved.amax((1, 2, 3)).min() > 1 / 512
    assert moved.max() <= 1 / 255 * (1 + 1e-6)
