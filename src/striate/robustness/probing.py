"""Stronger searches than the plain attack, each against one way of hiding from it."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from striate.robustness.accuracy import Attack, correct, robust_accuracy
from striate.robustness.attacks import Labels, Logits, pgd, summed_cross_entropy, summed_margin
from striate.robustness.balls import Ball, Images
from striate.robustness.black_box import check_settings, random_search
from striate.robustness.victim import check, check_shape

# Madry et al.: as many small steps as would cross the ball two and a half times.
FINE_STEPS, FINE_LENGTH = 100, 2.5


class Probe(NamedTuple):
    """What one attack left.

    Attributes
    ----------
    name
        ``"plain"``, ``"restarts"``, ``"margin"``, ``"fine steps"``, ``"logit scale"``,
        ``"random search"`` or ``"transfer"``.
    outcomes
        True for each image that the model names rightly, before and after the attack.
    """

    name: str
    outcomes: Bool[Tensor, " images"]


def probes(
    model: nn.Module,
    images: Images,
    labels: Labels,
    *,
    ball: Ball,
    steps: int = 20,
    restarts: int = 10,
    queries: int = 500,
    generator: torch.Generator,
    surrogate: nn.Module | None = None,
    batch_size: int = 1000,
) -> tuple[Probe, ...]:
    """Attack the same images in every way that a masked gradient might not withstand.

    ==============  ==============================================================================
    plain           `pgd` from the image, `steps` steps of ``2 * eps / steps`` (Kong et al. 2021)
    restarts        the same from random points of the ball, `restarts` times; one success counts
    margin          the same up the margin, which does not saturate as the cross-entropy does
    fine steps      100 steps of ``2.5 * eps / 100`` (Madry et al. 2018)
    logit scale     the same as plain, of logits divided so that the margin of each image is one
    random search   `random_search`: needs no gradient
    transfer        the plain attack made on `surrogate`, shown to the model
    ==============  ==============================================================================

    Parameters
    ----------
    model, images, labels, ball
        As in `fgsm`; an image that the model already gets wrong is not attacked.
    steps, restarts, queries
        As in the table.
    generator
        Source of the random starts and of the search, on the device of `images`.
    surrogate
        A network of the same classes whose gradients are sound, e.g. the same one trained without
        a defence; without it there is no transfer.
    batch_size
        Images attacked at a time.

    Returns
    -------
    probes
        In the order of the table.

    Raises
    ------
    ValueError
        If a setting is out of range, or as in `fgsm`.
    """
    check(images, labels)
    check_shape(images)
    check_settings(ball, steps=steps, restarts=restarts, queries=queries, batch_size=batch_size)
    plain = partial(pgd, ball=ball, steps=steps, step_size=2 * ball.eps / steps)
    fine = partial(pgd, ball=ball, steps=FINE_STEPS, step_size=FINE_LENGTH * ball.eps / FINE_STEPS)
    attacks: dict[str, Attack] = {
        "plain": plain,
        "restarts": partial(_restarted, climb=plain, restarts=restarts, generator=generator),
        "margin": partial(plain, loss=summed_margin),
        "fine steps": fine,
        "logit scale": partial(plain, loss=unsaturated_cross_entropy),
        "random search": partial(random_search, ball=ball, queries=queries, generator=generator),
    }
    if surrogate is not None:
        attacks["transfer"] = partial(_transferred, surrogate=surrogate, attack=plain)
    return tuple(
        Probe(name, robust_accuracy(model, images, labels, attack, batch_size=batch_size))
        for name, attack in attacks.items()
    )


def unsaturated_cross_entropy(logits: Logits, labels: Labels) -> Float[Tensor, ""]:
    """Cross-entropy of logits that are divided, image by image, so that their margin is one.

    The divisor is taken as a constant. Where logits are large the softmax is 0 or 1 to the last
    digit and its gradient is lost; this one is the same whatever the logits are multiplied by.
    """
    right = logits.gather(1, labels[:, None])
    other = logits.scatter(1, labels[:, None], -torch.inf).amax(1, keepdim=True)
    # At a tie the margin is no measure of size; then that of the logits is, by its last digit.
    digits = torch.finfo(logits.dtype)
    least = digits.eps * logits.abs().amax(1, keepdim=True).clamp_min(digits.tiny / digits.eps)
    scale = torch.maximum((right - other).abs(), least).detach()
    return summed_cross_entropy(logits / scale, labels)


@torch.no_grad()
def _restarted(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    climb: Callable[..., Tensor],
    restarts: int,
    generator: torch.Generator,
) -> Tensor:
    """Climb from random points until the model is wrong, which a higher loss need not mean."""
    found, left = images.clone(), torch.arange(len(images), device=images.device)
    start_anywhere = partial(climb, random_start=True, generator=generator)
    for _ in range(restarts):
        if not len(left):
            break
        found[left] = start_anywhere(model, images[left], labels[left])
        left = left[correct(model, found[left], labels[left])]
    return found


def _transferred(
    model: nn.Module, images: Tensor, labels: Tensor, *, surrogate: nn.Module, attack: Attack
) -> Tensor:
    """Attack another network than the one that is asked afterwards."""
    return attack(surrogate, images, labels)
