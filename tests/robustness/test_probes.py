"""Stronger searches: what each of them finds that the plain attack does not."""

from functools import partial

import pytest
import torch
from defended import BROKEN, pictures, rng, trained
from torch import nn

from striate.robustness import (
    LinfBall,
    correct,
    pgd,
    probes,
    probing,
    robust_accuracy,
    summed_margin,
)
from striate.robustness.probing import unsaturated_cross_entropy

NAMES = ("plain", "restarts", "margin", "fine steps", "logit scale", "random search", "transfer")
BALL = LinfBall(0.1)


def found(net, count=120, **settings):
    images, labels = (each[:count] for each in pictures("test"))
    settings = {"ball": BALL, "generator": rng(), "restarts": 2, "queries": 100} | settings
    return {probe.name: probe.outcomes for probe in probes(net, images, labels, **settings)}


def test_names_in_order_and_transfer_only_from_a_surrogate():
    assert tuple(found(trained("mlp", 0), surrogate=trained("tanh", 0), count=20)) == NAMES
    assert tuple(found(trained("mlp", 0), count=20)) == NAMES[:-1]


def test_each_climb_takes_the_steps_of_the_table(monkeypatch):
    asked = []

    def climb(_model, images, _labels, *, steps, step_size, **_settings):
        asked.append((steps, pytest.approx(step_size)))
        return images

    monkeypatch.setattr(probing, "pgd", climb)
    found(trained("mlp", 0), count=5, steps=8, restarts=1, queries=1)
    coarse = (8, 2 * 0.1 / 8)
    assert asked == [coarse, coarse, coarse, (100, 2.5 * 0.1 / 100), coarse]


def test_each_is_the_attack_that_it_says():
    net, twin = trained("mlp", 0), trained("tanh", 0)
    images, labels = (each[:120] for each in pictures("test"))
    outcomes = found(net, surrogate=twin)
    right = correct(net, images, labels)
    climb = partial(pgd, ball=BALL, steps=20, step_size=0.01)
    for name, attack in {
        "plain": climb,
        "margin": partial(climb, loss=summed_margin),
        "fine steps": partial(pgd, ball=BALL, steps=100, step_size=0.0025),
        "logit scale": partial(climb, loss=unsaturated_cross_entropy),
    }.items():
        assert torch.equal(outcomes[name], robust_accuracy(net, images, labels, attack))
    moved = climb(twin, images, labels)
    assert torch.equal(outcomes["transfer"], right & correct(net, moved, labels))


def test_one_success_of_many_starts_counts():
    """With two starts, the first of which is the one start of the other call."""
    net = trained("mlp", 0)
    one, many = found(net, restarts=1)["restarts"], found(net, restarts=8)["restarts"]
    assert not (many & ~one).any()
    assert many.sum() < one.sum()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("kind", "names"), [
    ("large logits", ("margin", "logit scale", "random search", "transfer")),
    ("staircase", ("random search", "transfer")),
    ("downhill", ("random search", "transfer")),
], ids=["logits", "staircase", "downhill"])  # fmt: skip
def test_what_hides_from_the_plain_attack_is_found(kind, names, seed):
    outcomes = found(
        BROKEN[kind](trained("mlp", seed)), surrogate=trained("tanh", seed), ball=LinfBall(0.15)
    )
    plain = outcomes["plain"].float().mean()
    assert plain > 0.9
    for name in names:
        assert outcomes[name].float().mean() < plain - 0.4


def test_images_that_are_wrong_already_are_false_and_not_attacked():
    """The surrogate would see them: here it counts them."""
    seen = []

    class Watched(nn.Module):
        def forward(self, images):
            seen.append(len(images))
            return trained("mlp", 0)(images)

    images, labels = (each[:40] for each in pictures("test"))
    wrong = torch.arange(40) < 10
    mixed = torch.where(wrong, (trained("mlp", 0)(images).argmax(1) + 1) % 10, labels)
    settings = {"ball": BALL, "generator": rng(), "restarts": 1, "queries": 5}
    for probe in probes(trained("mlp", 0), images, mixed, surrogate=Watched(), **settings):
        assert not probe.outcomes[wrong].any()
    assert max(seen) <= 30


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_the_unsaturated_loss_has_the_same_gradient_at_every_scale(factor):
    logits = torch.randn(30, 5, generator=rng(), dtype=torch.float64)
    labels = torch.arange(30) % 5
    gradients = []
    for scale in (1.0, factor):
        pixels = logits.clone().requires_grad_()
        unsaturated_cross_entropy(scale * pixels, labels).backward()
        gradients.append(pixels.grad)
    torch.testing.assert_close(*gradients)
    margins = [(row.max() - row.kthvalue(4).values).item() for row in logits]
    assert min(margins) > 0  # no tie, whose scale is arbitrary


def test_the_unsaturated_loss_is_the_cross_entropy_at_margin_one():
    """Logits 4 and 2 with a margin of 2 become 2 and 1: log(1 + 1/e)."""
    loss = unsaturated_cross_entropy(torch.tensor([[4.0, 2.0]]), torch.tensor([0]))
    assert loss.item() == pytest.approx(0.3132617)


def test_a_tie_has_a_finite_gradient():
    logits = torch.tensor([[3.0, 3.0, 1.0], [0.0, 0.0, 0.0]], requires_grad=True)
    unsaturated_cross_entropy(logits, torch.tensor([0, 1])).backward()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", ["steps", "restarts", "queries", "batch_size"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}=0: give a whole number from 1 on"):
        found(trained("mlp", 0), **{name: 0})


def test_a_ball_without_room_is_refused():
    with pytest.raises(ValueError, match=r"eps=0\.0: there is nothing to search"):
        found(trained("mlp", 0), ball=LinfBall(0.0))
