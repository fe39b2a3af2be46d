"""Search a ball for the image that the model gets wrong.

An attack is a function of ``(model, images, labels)``; bind its settings with `functools.partial`.
It runs the model in evaluation mode, puts its mode back, and leaves no parameter gradient.
"""

from collections.abc import Callable
from numbers import Integral

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from striate.robustness.balls import Ball, Images, L1Ball, check_step_size
from striate.robustness.gradients import Gradient, Labels, Loss, plain_gradient
from striate.robustness.limits import within
from striate.robustness.victim import answers, as_logits, check, check_shape, frozen, shown

Logits = Float[Tensor, "batch classes"]

# Part of the images at which those that stand still are left behind: fewer cost less than sorting
# them out.
WORTH = 1 / 32


def summed_cross_entropy(logits: Logits, labels: Labels) -> Float[Tensor, ""]:
    """Cross-entropy summed over the batch, so that no image's gradient depends on its company.

    A mean over N images divides gradients by N, and float32 turns the smallest ones into zeros,
    whose sign is zero: the attack would weaken as the batch grows.
    """
    return cross_entropy(logits, labels, reduction="sum")


def summed_margin(logits: Logits, labels: Labels) -> Float[Tensor, ""]:
    """By how much the best wrong logit exceeds the right one, summed over the batch.

    Carlini and Wagner 2017. Unlike the cross-entropy it does not flatten where a network is
    certain, so its gradient does not vanish there.

    Raises
    ------
    ValueError
        If there is only one class.
    """
    if logits.shape[1] < 2:
        raise ValueError(f"logits have {logits.shape[1]} class; a margin needs at least 2")
    true = labels[:, None]
    wrong = logits.scatter(1, true, -torch.inf).amax(1)
    return (wrong - logits.gather(1, true)[:, 0]).sum()


@torch.no_grad()
def fgsm(
    model: nn.Module,
    images: Images,
    labels: Labels,
    *,
    ball: Ball,
    loss: Loss = summed_cross_entropy,
) -> Images:
    """Take one step of length ``ball.eps`` up the gradient at the clean image.

    Goodfellow et al. 2015; Gerum et al. 2022, eq. 7.

    Parameters
    ----------
    model
        Images to logits; it normalises its own input.
    images
        Pixels in [0, 1].
    labels
        The true classes.
    ball
        Where the perturbation may go, e.g. ``LinfBall(0.05)`` or ``L2Ball(0.15)``.
    loss
        What to raise: summed over images, or images would disturb each other. It is given logits in
        float32 or more, whatever the model computes in.

    Returns
    -------
    adversarial
        Images in [0, 1] within `ball` of `images`, detached: the norm of their difference is at
        most ``eps * (1 + 1e-6)``.

    Raises
    ------
    ValueError
        If images are not of four axes or a pixel lies outside [0, 1], labels are not one class for
        each, the model answers with something else than logits, or the gradient of an image is not
        finite.
    """
    check(images, labels)
    check_shape(images)
    with frozen(model):
        gradient = plain_gradient(model, images, labels, loss)
        check_slope(slope_sum(gradient), lambda: as_logits(shown(model, images), images))
        step = ball.eps * _uphill(ball, gradient, images)
    return within(ball, (images + step).clamp(0, 1), images)


def pgd(
    model: nn.Module,
    images: Images,
    labels: Labels,
    *,
    ball: Ball,
    steps: int,
    step_size: float,
    random_start: bool = False,
    restarts: int = 1,
    generator: torch.Generator | None = None,
    loss: Loss = summed_cross_entropy,
    gradient: Gradient = plain_gradient,
) -> Images:
    """Climb the loss by projected gradient ascent, and return where the climb ends.

    Madry et al. 2018. Gerum et al. 2022 take 40 steps of 0.01 from the clean image (their eq. 8
    omits the sign that their code takes); Kong et al. 2021 take 20 steps of ``2 * eps / 20``, in
    the L∞, the L2 and the L1 ball of ``geometry="paper"``.

    The model is taken to be a function of its input: an image whose climb stands still, or hops
    between two points, is not sent through it again, as the rest of its climb is known (unless
    such images are less than one in 32: they cost less than sorting them out). Where torch's own
    generators are drawn from meanwhile, as by a randomised defence, nothing is skipped.

    Parameters
    ----------
    model, images, labels, ball
        As in `fgsm`; randomness from other generators than torch's own would not be noticed.
    steps
        Number of gradient steps, at least 1.
    step_size
        Length of a step in the norm of `ball`, in pixel units.
    random_start
        Whether to start from a random point of the ball instead of the clean image.
    restarts
        Number of climbs; each image keeps the one that ends at the highest loss. More than one
        needs `random_start`.
    generator
        Source of the random starts, on the device of `images`; required by `random_start`.
    loss
        As in `fgsm`; it is given any part of the batch.
    gradient
        How its slope is computed: `float16_gradient` and `bfloat16_gradient` are coarser.

    Returns
    -------
    adversarial
        As in `fgsm`.

    Raises
    ------
    ValueError
        If a setting is out of range, or as in `fgsm`.
    """
    check(images, labels)
    check_shape(images)
    whole = isinstance(steps, Integral) and isinstance(restarts, Integral)
    if not whole or steps < 1 or restarts < 1:
        raise ValueError(
            f"steps={steps}, restarts={restarts}: need at least one step and one restart; both are "
            "whole numbers"
        )
    check_step_size(step_size)
    if random_start and generator is None:
        raise ValueError("random_start=True needs generator=torch.Generator().manual_seed(…)")
    if restarts > 1 and not random_start:
        raise ValueError(f"restarts={restarts} from one start are all alike; set random_start=True")

    def climb(random: bool) -> Tensor:
        return _climb(
            model, lambda some, true: gradient(model, some, true, loss),
            images, labels, ball, steps, step_size, generator, random,
        )  # fmt: skip

    with frozen(model):
        best = climb(random_start)
        if restarts == 1:
            return best
        highest = _losses(model, best, labels, loss)
        for _ in range(restarts - 1):
            other = climb(True)
            reached = _losses(model, other, labels, loss)
            best = torch.where((reached > highest).view(-1, 1, 1, 1), other, best)
            highest = torch.maximum(reached, highest)
    return best


@torch.no_grad()
def _climb(
    model: nn.Module,
    slope: Callable[[Tensor, Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
    ball: Ball,
    steps: int,
    step_size: float,
    generator: torch.Generator | None,
    random_start: bool,
) -> Tensor:
    """Take `steps` steps, with each image only until its climb repeats itself."""
    delta = ball.sample(images, generator) if random_start else torch.zeros_like(images)
    before = now = (images + delta).clamp(0, 1)
    clean = images
    ends, climbing = torch.empty_like(now), torch.arange(len(images), device=images.device)
    chance, slopes = _chance(images.device), images.new_zeros(())
    for left in reversed(range(steps)):
        gradient = slope(now, labels)
        # Looked at in the end: until then a GPU does not wait for us.
        slopes = slopes + slope_sum(gradient)
        step = step_size * _uphill(ball, gradient, now)
        after = (images + ball.project(step.add_(now).sub_(images))).clamp_(0, 1)
        # In any ball, a step is a function of where it starts. So an image back, to the bit, where
        # it was one or two steps ago goes to and fro for ever: its climb ends here or one step
        # back, as `left` is even or odd. Unless something drew random numbers: then the same start
        # may lead elsewhere.
        repeats = (after == now).flatten(1).all(1) | (after == before).flatten(1).all(1)
        before, now = now, after
        goes = (~repeats).nonzero()[:, 0]
        if len(now) - len(goes) >= WORTH * len(now) and torch.equal(_chance(images.device), chance):
            ends[climbing] = before if left % 2 else now  # of those that climb on, for now
            images, labels, before, now, climbing = (
                each[goes] for each in (images, labels, before, now, climbing)
            )
            if not len(climbing):
                break
    ends[climbing] = now
    check_slope(slopes, lambda: as_logits(shown(model, clean), clean))
    return within(ball, ends, clean)


def slope_sum(gradient: Tensor) -> Tensor:
    """Add up all slopes, in float32 or more: of finite ones float16 holds no finite sum."""
    return gradient.sum(dtype=torch.promote_types(gradient.dtype, torch.float32))


class NoSlopeError(ValueError):
    """The gradient of a loss in the pixels is not finite."""


def check_slope(total: Tensor, logits: Callable[[], Tensor]) -> None:
    """Refuse a gradient that is no number: its sign is 0, its image would stay, and be robust.

    Where it is none, `logits` of the clean images tell whether the model's answers are to blame.

    Raises
    ------
    NoSlopeError
        If it is none.
    """
    if total.isfinite():
        return
    answer = logits()
    unclear = len(answer) - int((answer < torch.inf).all(1).sum())  # a class ruled out is at -inf
    if unclear:
        raise NoSlopeError(
            f"the model answers {unclear} of {len(answer)} images with NaN or infinity, where the "
            "loss has no gradient; look at its weights and at what it divides by"
        )
    raise NoSlopeError(
        f"the gradient of the loss is not finite for some of {len(answer)} images; the model does "
        "something there that has no slope, such as a root or norm of zero"
    )


def _chance(device: torch.device) -> Tensor:
    """State of the generators that a model draws from unless it brings its own."""
    state = torch.get_rng_state()
    if device.type == "cuda":
        state = torch.cat([state, torch.cuda.get_rng_state(device)])
    return state


def _uphill(ball: Ball, gradient: Tensor, now: Tensor) -> Tensor:
    """Direction of the next step; a sparse one is not spent on pixels that could not follow.

    A dense step loses nothing at the edge of [0, 1]: the other pixels go where they would go.
    """
    if isinstance(ball, L1Ball) and ball.geometry == "exact":
        stuck = ((now <= 0) & (gradient < 0)) | ((now >= 1) & (gradient > 0))
        gradient = gradient.masked_fill(stuck, 0)
    return ball.steepest(gradient)


@torch.no_grad()
def _losses(model: nn.Module, images: Tensor, labels: Tensor, loss: Loss) -> Tensor:
    logits = answers(model, images, labels)
    rows = [loss(row[None], label[None]) for row, label in zip(logits, labels, strict=True)]
    return torch.stack(rows) if rows else logits.new_empty(0)
