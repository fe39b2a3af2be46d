"""Each sign on networks made to show it, and on none of the sound ones."""

import inspect

import pytest
import torch
from defended import BROKEN, MADE, pictures, rng, trained
from torch import nn

from striate.robustness import L1Ball, L2Ball, LinfBall, signs
from striate.robustness.warning_signs import _random_search_wins

NAMES = (
    "random forward", "probabilities", "zero gradients", "flat over eps", "random search wins",
    "loss does not rise",
)  # fmt: skip
# What a network shows of itself, whatever else.
SHOWN = {
    "noise": {"random forward"},
    "softmax": {"probabilities"},
    "large logits": {"zero gradients", "flat over eps", "loss does not rise"},
    "rounded pixels": {
        "zero gradients", "flat over eps", "random search wins", "loss does not rise",
    },
    "staircase": {"flat over eps", "random search wins"},
    "ripples": {"flat over eps", "random search wins", "loss does not rise"},
    "downhill": {"flat over eps", "random search wins", "loss does not rise"},
}  # fmt: skip
SEEDS = range(5)


def found(net, ball=None, count=120, **settings):
    images, labels = (each[:count] for each in pictures("test"))
    settings = {"generator": rng(), "ball": ball or LinfBall(0.1)} | settings
    return {sign.name: sign for sign in signs(net, images, labels, **settings)}


def raised(net, **settings):
    return {name for name, sign in found(net, **settings).items() if sign.raised}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_broken_network_raises_its_signs_and_only_those(kind, seed):
    with torch.random.fork_rng(devices=()):
        assert raised(BROKEN[kind](trained("mlp", seed)), queries=100) == SHOWN[kind]


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_sound_network_raises_none(kind, seed):
    assert raised(trained(kind, seed), queries=150) == set()


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("ball", [
    LinfBall(0.001), LinfBall(0.2), L2Ball(0.5), L1Ball(1.5, geometry="paper"),
    L1Ball(3.0, geometry="exact"),
], ids=lambda ball: f"{ball.norm}-{ball.eps}")  # fmt: skip
def test_a_sound_network_raises_none_in_any_ball(kind, ball):
    assert raised(trained(kind, 0), ball=ball, queries=100) == set()


def test_names_and_limits_are_stated():
    every = found(trained("mlp", 0))
    assert tuple(every) == NAMES
    labels = pictures("test")[1][:120]
    limits = [sign.limit for sign in every.values()]
    frequent = labels.bincount().max().item() / 120
    assert [*limits[:4], limits[5]] == [1e-4, 0.5, 0.0, pytest.approx(frequent), 0.1]
    assert limits[4] >= 0.002
    for sign in every.values():
        assert sign.raised == (sign.measured > sign.limit)
        assert len(sign.meaning) > 40


class Line(nn.Module):
    """Two classes; the margin is `slope` times the first pixel less a half."""

    def __init__(self, slope):
        super().__init__()
        self.slope = slope

    def forward(self, images):
        height = self.slope * (images[:, 0, 0, 0] - 0.5)
        return torch.stack([height, -height], 1)


@pytest.mark.parametrize("odd", [1, 2, 5])
def test_one_of_five_passes_tells_that_a_network_draws(odd):
    """However small the logits are: it answers the opposite in the pass that is `odd`."""

    class Turning(Line):
        passes = 0

        def forward(self, images):
            self.passes += 1
            logits = super().forward(images)
            return logits.flip(1) if self.passes == odd else logits

    images, labels = torch.full((4, 1, 1, 1), 0.8), torch.zeros(4, dtype=torch.int64)
    settings = {"ball": LinfBall(0.1), "generator": rng(), "steps": 2, "queries": 1}
    assert signs(Turning(1e-3), images, labels, **settings)[0].measured == pytest.approx(2)


@pytest.mark.parametrize(("ball", "slope", "share"), [
    # The margin is 2·slope·0.3; in float32 exp(-margin) is 0 beyond about 103.
    (LinfBall(0.1), 100.0, 0.0), (LinfBall(0.1), 300.0, 0.5),
    # A gradient of 2·slope·exp(-60) is no direction for a step that divides by 1e-12 at least.
    (L2Ball(0.1), 100.0, 0.5), (L2Ball(0.1), 10.0, 0.0),
], ids=["linf", "linf lost", "l2 lost", "l2"])  # fmt: skip
def test_the_share_without_gradient_is_that_of_the_certain_images(ball, slope, share):
    """Half of the images are labelled rightly, and certain; the others are wrong and steep."""
    images = torch.full((40, 1, 1, 1), 0.8)
    labels = torch.arange(40) % 2
    every = signs(Line(slope), images, labels, ball=ball, generator=rng(), queries=5)
    assert every[2].measured == share


def test_a_lead_that_may_be_chance_is_none():
    """Five images of which the climbs take none: the search's lead must be above chance."""
    net = BROKEN["downhill"](trained("mlp", 0))
    lead = found(net, count=5, ball=LinfBall(0.25))["random search wins"]
    assert lead.measured > 0.5
    assert lead.limit == pytest.approx(2.326 * (5 * lead.measured) ** 0.5 / 5)
    assert not lead.raised


def test_chance_counts_the_images_on_which_the_sides_disagree_either_way():
    """Of 100, 60 hold against both, 9 against the climbs alone and 4 against the search alone."""
    climbed = torch.tensor([True] * 69 + [False] * 31)
    searched = torch.tensor([True] * 60 + [False] * 9 + [True] * 4 + [False] * 27)
    lead = _random_search_wins(climbed, searched)
    assert lead.measured == pytest.approx(0.05)
    assert lead.limit == pytest.approx(2.326 * 13**0.5 / 100)


@pytest.mark.parametrize("size", [7, 1000])
def test_the_size_of_batches_changes_no_sign(size):
    net = trained("tanh", 0)
    settings = {"count": 40, "queries": 10}
    every, whole = found(net, batch_size=size, **settings), found(net, **settings)
    for name in set(NAMES) - {"random search wins"}:
        assert every[name].measured == pytest.approx(whole[name].measured, abs=1e-6)


@pytest.mark.parametrize(("settings", "message"), [
    ({"ball": LinfBall(0.0)}, "eps=0.0: there is nothing to search"),
    ({"steps": 0}, "steps=0: give a whole number from 1 on"),
    ({"queries": 0}, "queries=0: give a whole number from 1 on"),
    ({"batch_size": 0}, "batch_size=0: give a whole number from 1 on"),
    ({"count": 0}, "images=0: give a whole number from 1 on"),
], ids=["eps", "steps", "queries", "batch", "images"])  # fmt: skip
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        found(trained("mlp", 0), **settings)


def test_answers_that_are_not_finite_are_refused():
    images, labels = torch.rand(4, 1, 1, 1, generator=rng()), torch.zeros(4, dtype=torch.int64)
    with pytest.raises(ValueError, match="numbers that are not finite"):
        inspect.unwrap(signs)(
            Line(float("inf")), images, labels, ball=LinfBall(0.1), generator=rng()
        )
