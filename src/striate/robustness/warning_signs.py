"""Signs that an evaluation is broken: that the attack failed, rather than the model held."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from striate.robustness.accuracy import Attack, robust_accuracy
from striate.robustness.attacks import Labels, pgd, summed_cross_entropy, summed_margin
from striate.robustness.balls import Ball, Images, L1Ball, LinfBall
from striate.robustness.black_box import check_settings, random_search
from striate.robustness.gradients import plain_gradient
from striate.robustness.limits import ORDERS
from striate.robustness.victim import answers, check, check_shape, frozen

PASSES = 5
# Within this ball every image can be made the same grey.
ALL_GREY = LinfBall(0.5)

# A sign is raised above its limit. The first four limits are AutoAttack's.
NOISE = 1e-4
SUM_TO_ONE = 1e-5
ZERO_GRADIENTS = 0.0
SEARCH_AHEAD = 0.002
# One-sided 1 % point of the normal distribution, for a lead that may be chance.
BY_CHANCE = 2.326
PROBABILITIES = 0.5
NOT_RISING = 0.1


class Sign(NamedTuple):
    """One thing that a sound evaluation does not show.

    Attributes
    ----------
    name
        As in the table of `signs`.
    raised
        Whether `measured` is above `limit`.
    measured, limit
        In the unit that `meaning` names.
    meaning
        What was measured and what it says when raised, in a sentence.
    """

    name: str
    raised: bool
    measured: float
    limit: float
    meaning: str


def signs(
    model: nn.Module,
    images: Images,
    labels: Labels,
    *,
    ball: Ball,
    steps: int = 20,
    generator: torch.Generator,
    queries: int = 500,
    batch_size: int = 1000,
) -> tuple[Sign, ...]:
    r"""Look for signs that `pgd` on this model would overrate its robustness.

    =====================  ==================================================  ===================
    name                   measured                                            raised above
    =====================  ==================================================  ===================
    random forward         largest distance between the logits of one image    1e-4 (AutoAttack)
                           in five passes, each divided by its L2 norm
    probabilities          share of images whose outputs are not negative      half of them
                           and sum to 1 within 1e-5 (AutoAttack)
    zero gradients         share of images where the cross-entropy gives the   0 (AutoAttack)
                           attack no direction: `ball.steepest` falls short
                           of half its length of one
    flat over eps          accuracy under the plain attack in the L∞ ball of   share of the most
                           0.5, where every image can be made the same grey    frequent label
    random search wins     share of images that hold against the plain attack  0.002 (AutoAttack),
                           and against the same up the margin, less the share  or chance if larger
                           that hold against `random_search`
    loss does not rise     share of images whose loss after the plain attack   0.1
                           is not above that of the clean image
    =====================  ==================================================  ===================

    The plain attack is `pgd` from the image, `steps` steps of ``2 * eps / steps``. The ball of
    0.5 lies within the L2 and L1 balls that reach grey, so its sign serves all three norms. Against
    the random search, L1 climbs take the exact step, for the dense one is no fault of the gradient.
    Chance is 2.33 standard deviations of the lead, if each image on which the two sides disagree
    might as well have gone the other way: one in a hundred.

    Parameters
    ----------
    model, images, labels, ball
        As in `fgsm`. All images count, the ones that the model gets wrong too.
    steps, queries
        Of the plain attack and of the random search.
    generator
        Of the random search, on the device of `images`.
    batch_size
        Images shown to the model at a time.

    Returns
    -------
    signs
        In the order of the table.

    Raises
    ------
    ValueError
        If a setting is out of range, if the model answers with numbers that are not finite, or as
        in `fgsm`.
    """
    check(images, labels)
    check_shape(images)
    check_settings(ball, steps=steps, queries=queries, batch_size=batch_size, images=len(images))
    climb = _climb(ball, steps)
    with frozen(model):
        passes = [_logits(model, images, batch_size) for _ in range(PASSES)]
        batches = zip(images.split(batch_size), labels.split(batch_size), strict=True)
        found = torch.cat([climb(model, some, true) for some, true in batches])
        after = _logits(model, found, batch_size)

        def left(attack: Attack) -> Tensor:
            return robust_accuracy(model, images, labels, attack, batch_size=batch_size)

        steep = _climb(L1Ball(ball.eps, geometry="exact") if ball.norm == "L1" else ball, steps)
        search = partial(random_search, ball=ball, queries=queries, generator=generator)
        return (
            _random_forward(passes),
            _probabilities(passes[0]),
            _zero_gradients(model, images, labels, ball, batch_size),
            _flat_over_eps(left(_climb(ALL_GREY, steps)), labels),
            _random_search_wins(
                left(steep) & left(partial(steep, loss=summed_margin)), left(search)
            ),
            _loss_does_not_rise(passes[0], after, labels),
        )


def _climb(ball: Ball, steps: int) -> Callable[..., Tensor]:
    return partial(pgd, ball=ball, steps=steps, step_size=2 * ball.eps / steps)


def _sign(name: str, measured: float, limit: float, meaning: str) -> Sign:
    return Sign(name, measured > limit, measured, limit, meaning)


def _random_forward(passes: list[Tensor]) -> Sign:
    first, *others = (
        logits / logits.norm(dim=1, keepdim=True).clamp_min(1e-10) for logits in passes
    )
    apart = max((other - first).norm(dim=1).max().item() for other in others)
    return _sign(
        "random forward", apart, NOISE,
        "distance between the normalised logits of one image in several passes: the model draws "
        "random numbers, and an attack sees others than the ones that answer",
    )  # fmt: skip


def _probabilities(outputs: Tensor) -> Sign:
    off = (outputs.sum(1) - 1).abs()
    share = ((outputs >= 0).all(1) & (off < SUM_TO_ONE)).double().mean().item()
    return _sign(
        "probabilities", share, PROBABILITIES,
        "share of images whose outputs are probabilities: their gradient is lost where they are "
        "sure; take the model's logits",
    )  # fmt: skip


def _zero_gradients(
    model: nn.Module, images: Tensor, labels: Tensor, ball: Ball, batch_size: int
) -> Sign:
    without = torch.cat(
        [
            _without_direction(model, some, true, ball)
            for some, true in zip(images.split(batch_size), labels.split(batch_size), strict=True)
        ]
    )
    return _sign(
        "zero gradients", without.double().mean().item(), ZERO_GRADIENTS,
        "share of images whose gradient is zero, or too small for the attack's step: they stay "
        "where they are, and count as robust",
    )  # fmt: skip


def _without_direction(model: nn.Module, images: Tensor, labels: Tensor, ball: Ball) -> Tensor:
    gradient = plain_gradient(model, images, labels, summed_cross_entropy)
    length = torch.linalg.vector_norm(ball.steepest(gradient).flatten(1), ORDERS[ball.norm], dim=1)
    return ~(length >= 0.5)  # not a number is no direction either


def _flat_over_eps(left: Tensor, labels: Tensor) -> Sign:
    most_frequent = labels.unique(return_counts=True)[1].max().item() / len(labels)
    return _sign(
        "flat over eps", left.double().mean().item(), most_frequent,
        "accuracy under the attack in the L∞ ball of 0.5, where every image can be made the same "
        "grey: above the share of the most frequent label the attack has failed",
    )  # fmt: skip


def _random_search_wins(climbed: Tensor, searched: Tensor) -> Sign:
    apart = climbed.double() - searched.double()
    chance = BY_CHANCE * apart.abs().sum().sqrt().item() / len(apart)
    return _sign(
        "random search wins", apart.mean().item(), max(SEARCH_AHEAD, chance),
        "accuracy under attacks with gradients less that under a search without: the gradient "
        "leads the attack astray",
    )  # fmt: skip


def _loss_does_not_rise(before: Tensor, after: Tensor, labels: Tensor) -> Sign:
    stuck = ~(_odds_against(after, labels) > _odds_against(before, labels))
    return _sign(
        "loss does not rise", stuck.double().mean().item(), NOT_RISING,
        "share of images whose loss after all steps is not above that of the clean image: the "
        "attack does not climb",
    )  # fmt: skip


def _odds_against(logits: Tensor, labels: Tensor) -> Tensor:
    """Log odds of all other classes: they rise with the cross-entropy, and never round to 0."""
    logits = logits.double()
    right = logits.gather(1, labels[:, None])[:, 0]
    return logits.scatter(1, labels[:, None], -torch.inf).logsumexp(1) - right


@torch.no_grad()
def _logits(model: nn.Module, images: Tensor, batch_size: int) -> Tensor:
    logits = torch.cat([answers(model, some) for some in images.split(batch_size)]).double()
    if not logits.isfinite().all():
        raise ValueError(
            "the model answers some images with numbers that are not finite; no attack on it can "
            "be judged"
        )
    return logits
