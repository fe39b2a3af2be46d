"""TRADES: be right on the images, and say the same near them."""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from striate.robustness import Ball
from striate.robustness.attacks import check_slope, slope_sum
from striate.robustness.victim import as_logits, check, check_graph, check_shape, frozen, shown
from striate.training.objectives.steps import (
    Images,
    Labels,
    Step,
    bare,
    blaming_the_training,
    check_climb,
    in_full,
    logits_of,
)

Order = Literal["paper", "authors"]
Logits = Float[Tensor, "batch classes"]


def trades(
    model: nn.Module,
    images: Images,
    labels: Labels,
    *,
    beta: float,
    ball: Ball,
    steps: int,
    step_size: float,
    order: Order,
    start_noise: float = 0.001,
    generator: torch.Generator,
) -> Step:
    r"""Mean cross-entropy plus `beta` times how far the answer can be pushed within `ball`.

    Zhang et al. 2019, as used by Kong et al. 2021. The other image v climbs the divergence in
    evaluation mode and, whatever the training runs in, without autocast, from the image plus a
    little noise. The gradient flows through both answers.

    Parameters
    ----------
    model
        Images to logits. Of a `DistributedDataParallel`, the network inside is attacked.
    images, labels
        Pixels in [0, 1], true classes.
    beta
        Strength of the second term.
    ball
        Where v may be.
    steps, step_size
        Of the climb; `step_size` in the norm of `ball`, in pixel units.
    order
        ``"paper"``: :math:`KL(f(v)\|f(x))`, as Kong et al. write it, with two passes in training
        mode, x and v. ``"authors"``: :math:`KL(f(x)\|f(v))`, as their released code (and Zhang et
        al.'s) has it, with three: x, v, and x again for the divergence. Where dropout or
        batch-norm make passes differ or be counted, so do the protocols.
    start_noise
        Standard deviation of the noise at the start. At v = x the divergence is at its minimum: its
        gradient is zero, and at 0 the climb never leaves the image. The text starts there; the
        released code takes 0.001, and so do both orders here.
    generator
        Source of that noise, on the device of `images`.

    Returns
    -------
    step
        Its logits are those of `images`.

    Raises
    ------
    ValueError
        If a setting is out of range, images are not of four axes or a pixel lies outside [0, 1],
        labels are not one class for each, the model answers with something else than logits, or the
        climb meets a gradient that is not finite.
    """
    check_trades(beta=beta, steps=steps, step_size=step_size, order=order, start_noise=start_noise)
    check(images, labels)
    check_shape(images)
    noise = torch.randn(images.shape, generator=generator, dtype=images.dtype, device=images.device)
    with blaming_the_training("the learning rate or beta"):
        other = _climb(bare(model), images, start_noise * noise, ball, steps, step_size, order)
    logits = logits_of(model, images, labels)
    pushed = logits_of(model, other, labels)
    target = logits if order == "paper" else logits_of(model, images, labels)
    ends = (pushed, target) if order == "paper" else (target, pushed)
    loss = cross_entropy(logits, labels) + beta * _divergence(*ends).mean()
    return Step(loss, logits, {})


def check_trades(
    *, beta: float, steps: int, step_size: float, order: str, start_noise: float
) -> None:
    """Refuse settings that `trades` cannot follow."""
    if not (0 <= beta < float("inf") and 0 <= start_noise < float("inf")):
        raise ValueError(
            f"beta={beta}, start_noise={start_noise}: strength and noise are finite, not negative"
        )
    check_climb(steps=steps, step_size=step_size)
    if order not in get_args(Order):
        raise ValueError(f"order={order!r}; choose one of {', '.join(map(repr, get_args(Order)))}")


def _divergence(one: Logits, other: Logits) -> Float[Tensor, " batch"]:
    """Kullback–Leibler divergence of the second answer from the first, of each image."""
    ours, theirs = one.log_softmax(1), other.log_softmax(1)
    return (ours.exp() * (ours - theirs)).sum(1)


@torch.no_grad()
def _climb(
    model: nn.Module,
    images: Tensor,
    start: Tensor,
    ball: Ball,
    steps: int,
    step_size: float,
    order: Order,
) -> Tensor:
    now = images + start
    slopes = images.new_zeros(())
    with frozen(model), torch.enable_grad(), in_full(images):
        # With gradient as below: without, a layer may take a faster way that rounds differently.
        answer = as_logits(shown(model, images.detach().requires_grad_()), images)
        check_graph(answer.requires_grad)
        answer = answer.detach()
        for _ in range(steps):
            pixels = now.detach().requires_grad_()
            logits = as_logits(shown(model, pixels), images)
            (uphill,) = torch.autograd.grad(logits, pixels, _slope(logits, answer, order))
            slopes = slopes + slope_sum(uphill)
            moved = now + step_size * ball.steepest(uphill)
            now = (images + ball.project(moved - images)).clamp(0, 1)
    check_slope(slopes, lambda: answer)
    return now.detach()


def _slope(logits: Logits, answer: Logits, order: Order) -> Logits:
    """Return the gradient of the summed divergence in `logits`, `answer` being held.

    Written out because it is exactly zero where the two agree. Backpropagated, it would be rounding
    errors, whose sign is a step of full length.
    """
    ours, theirs = logits.detach().log_softmax(1), answer.log_softmax(1)
    if order == "authors":
        slope = ours.exp() - theirs.exp()
    else:
        slope = ours.exp() * (ours - theirs - _divergence(logits.detach(), answer)[:, None])
    return slope.to(logits.dtype)
