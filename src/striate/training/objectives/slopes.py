"""Input-gradient regularisation: a loss that does not change along its own gradient."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from striate.robustness.attacks import check_slope, slope_sum
from striate.robustness.victim import check, check_graph, check_shape, promoted
from striate.training.chance import repeatable
from striate.training.objectives.steps import (
    Images,
    Labels,
    Step,
    blaming_the_training,
    in_full,
    logits_of,
)

Direction = Literal["L2", "sign"]


def gradient_penalty(
    model: nn.Module,
    images: Images,
    labels: Labels,
    *,
    strength: float,
    h: float,
    direction: Direction = "L2",
) -> Step:
    r"""Mean cross-entropy plus a penalty on its slope along the input gradient.

    Finlay & Oberman 2021, as used by Kong et al. 2021 (``igr``):
    :math:`\mathrm{CE}(x) + \frac\lambda2\,\mathrm{mean}_i
    \left(\frac{\mathrm{CE}(x_i + h d_i) - \mathrm{CE}(x_i)}h\right)^2`, where :math:`d_i` is the
    input gradient of image i at length 1, taken as given: nothing is differentiated twice. For
    small h this is :math:`\frac\lambda2\,\mathrm{mean}_i\|\nabla_x\mathrm{CE}(x_i)\|^2`.

    Two passes in training mode, x and x + hd; the latter is not clipped to [0, 1]. An image whose
    gradient is zero stays where it is. What a network draws from torch's own generators, as dropout
    does, it draws alike in both: the difference of two draws, over h, would be all that counts.
    Whatever the training runs in, both passes are without autocast: in half precision the rounding
    of either loss is as large as their difference.

    Parameters
    ----------
    model, images, labels
        As in `adversarial`.
    strength
        λ, 0.3 in the paper.
    h
        Length of the step, in pixel units and the Euclidean norm; 0.01 in the paper.
    direction
        ``"L2"``: gradient over its length. ``"sign"``: its sign over the root of the number of
        pixels, which has length 1 too; an option of the released code, which calls it L1.

    Returns
    -------
    step
        Its logits are those of `images`.

    Raises
    ------
    ValueError
        If a setting is out of range, images are not of four axes or a pixel lies outside [0, 1],
        labels are not one class for each, the model answers with something else than logits, or the
        gradient of an image is not finite.
    """
    check_slopes(strength=strength, h=h, direction=direction)
    check(images, labels)
    check_shape(images)
    pixels = images.detach().requires_grad_()
    draw_again = repeatable(images.device)
    with in_full(images):
        logits, losses = _losses(model, pixels, labels)
        check_graph(logits.requires_grad)
        # Summed, as a mean over many images would turn the smallest gradients into zeros.
        (uphill,) = torch.autograd.grad(losses.sum(), pixels, retain_graph=True, allow_unused=True)
        check_graph(uphill is not None)
        with blaming_the_training("the learning rate or strength"):
            check_slope(slope_sum(uphill), lambda: logits)
        with draw_again():
            _, ahead = _losses(model, images + h * _unit(uphill, direction), labels)
        slopes = (ahead - losses) / h
        return Step(losses.mean() + strength / 2 * slopes.square().mean(), logits, {})


def _losses(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits, and the loss of each image in float32 or more."""
    logits = logits_of(model, images, labels)
    return logits, cross_entropy(promoted(logits), labels, reduction="none")


def check_slopes(*, strength: float, h: float, direction: str) -> None:
    """Refuse settings that `gradient_penalty` cannot follow."""
    if not (0 <= strength < float("inf") and 0 < h < float("inf")):
        raise ValueError(
            f"strength={strength}, h={h}: the strength is finite and not negative, the step h "
            "finite and positive"
        )
    if direction not in get_args(Direction):
        known = ", ".join(map(repr, get_args(Direction)))
        raise ValueError(f"direction={direction!r}; choose one of {known}")


def _unit(gradient: Tensor, direction: Direction) -> Tensor:
    if direction == "sign":
        return gradient.sign() / gradient[0].numel() ** 0.5
    length = gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    return torch.where(length > 0, gradient / length, 0)
