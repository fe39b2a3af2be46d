"""The gradient that an attack climbs: in the precision of the model, or in half of it.

What a gradient in half precision is good for is the direction of a step. Whether an image is right
is asked of the model as it is, whoever found the image.
"""

from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.autograd import grad

from striate.robustness.balls import Images
from striate.robustness.victim import as_logits, check_classes, check_graph, promoted, shown

Labels = Int[Tensor, " batch"]
Loss = Callable[[Tensor, Tensor], Tensor]
Gradient = Callable[[nn.Module, Tensor, Tensor, Loss], Tensor]

# float16 holds 2**-24 to 2**16. Back from a gradient of 1 at the logits, an untrained pixel of a
# photograph may see 2**-12 and the steepest one of a small image 2**3: they meet in the middle.
SCALES = (2.0**6, 2.0**-4)
# Below this, pixels 2**-16 less steep than the steepest are 0, and do not move.
FAINT = 2.0**-8


def plain_gradient(model: nn.Module, images: Images, labels: Labels, loss: Loss) -> Images:
    """Return the gradient of the loss with respect to the pixels.

    Parameters
    ----------
    model
        Images to logits.
    images, labels
        Pixels in [0, 1] and the true classes.
    loss
        Summed over images: each image's gradient is its own. It is given logits in float32 or more:
        in half precision, what a probability lacks of 1 is rounded away, and the gradient with it.

    Raises
    ------
    ValueError
        If there can be no gradient, the model answers with something else than logits, or a label
        is of no class.
    """
    if torch.is_inference_mode_enabled():
        raise ValueError(
            "an attack needs gradients, of which torch.inference_mode() keeps none; call it outside"
        )
    with torch.enable_grad():
        pixels = images.detach().requires_grad_()
        return grad(loss(promoted(_asked(model, pixels, labels)), labels), pixels)[0]


def bfloat16_gradient(model: nn.Module, images: Images, labels: Labels, loss: Loss) -> Images:
    """Return the same, of a model that computes in bfloat16 where torch thinks that safe.

    Its range is that of float32: nothing is scaled.

    Parameters
    ----------
    model, images, labels, loss
        As in `plain_gradient`; the loss is of logits in float32.
    """
    with torch.enable_grad():
        pixels = images.detach().requires_grad_()
        return grad(loss(_logits(model, pixels, labels, torch.bfloat16), labels), pixels)[0]


def float16_gradient(model: nn.Module, images: Images, labels: Labels, loss: Loss) -> Images:
    """Return the same, of a model that computes in float16 where torch thinks that safe.

    float16 has no number between 0 and 6e-8, nor above 65504. A network that is certain of a class
    has a gradient of 1e-9 at its logits, and there alone all would be lost. So the gradient at the
    logits of each image is multiplied by the power of two that brings it to 64; the product comes
    back through the network; and the pixels' gradient is divided by the same power of two. Powers
    of two round nothing, and the loss itself is never scaled. (A step of any ball is the same
    whatever positive number its gradient is multiplied by; but for lengths below 1e-12, which
    `L2Ball` and `L1Ball` take for zero, and which are therefore divided back.)

    An image whose gradient is not finite comes back from 1/16 instead of 64. What is not finite
    even then, or so faint that many of its pixels are zeros, is computed in the model's own
    precision: no image is left standing because float16 could not hold its gradient.

    Parameters
    ----------
    model, images, labels, loss
        As in `plain_gradient`; the loss is of logits in float32.

    Raises
    ------
    ValueError
        If the model does something that torch cannot do in float16.
    """
    gradient = torch.empty_like(images)
    left, faint = torch.arange(len(images), device=images.device), []
    for size in SCALES:
        gradient[left], steepest = _from(size, model, images[left], labels[left], loss)
        faint.append(left[steepest < FAINT])
        left = left[~steepest.isfinite()]
        if not len(left):
            break
    lost = torch.cat([left, *faint])
    if len(lost):
        gradient[lost] = plain_gradient(model, images[lost], labels[lost], loss)
    return gradient


def _from(
    size: float, model: nn.Module, images: Tensor, labels: Tensor, loss: Loss
) -> tuple[Tensor, Tensor]:
    """Return the gradient, and each image's steepest pixel as float16 saw it.

    At the logits, the largest part of an image's gradient is brought to between half `size` and it.
    """
    try:
        with torch.enable_grad():
            pixels = images.detach().requires_grad_()
            logits = _logits(model, pixels, labels, torch.float16)
            answers = logits.detach().requires_grad_()
            (upstream,) = grad(loss(answers, labels), answers)
            scale = size * _near_one(upstream.abs().amax(1))
            (gradient,) = grad(logits, pixels, upstream * scale[:, None])
    except RuntimeError as error:
        if "half" not in str(error).lower():  # out of memory, say
            raise
        raise ValueError(
            f"the model cannot be run in float16: {error}; choose bfloat16 or float32"
        ) from error
    return gradient / scale.view(-1, 1, 1, 1), gradient.flatten(1).abs().amax(1)


def _near_one(largest: Tensor) -> Tensor:
    """Return the power of two that brings each number to [0.5, 1), as far as float32 goes."""
    exponents = torch.frexp(largest).exponent
    return torch.ldexp(torch.ones_like(largest), (-exponents).clamp(-100, 100))


def _logits(model: nn.Module, images: Tensor, labels: Tensor, dtype: torch.dtype) -> Tensor:
    with torch.autocast(images.device.type, dtype):
        return _asked(model, images, labels).float()


def _asked(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    logits = as_logits(shown(model, images), images)
    # On a GPU the look would wait for it at each step; there torch's own check has to do.
    if logits.device.type == "cpu":
        check_classes(logits, labels)
    check_graph(logits.requires_grad)
    return logits
