"""The promise of every attack: no pixel outside [0, 1], no perturbation outside the ball."""

import torch
from jaxtyping import Float
from torch import Tensor

from striate.robustness.balls import Ball, Images, Norm

ORDERS: dict[Norm, float] = {"Linf": torch.inf, "L2": 2.0, "L1": 1.0}
_TOLERANCE = 1e-6


def norms(delta: Images, norm: Norm) -> Float[Tensor, " batch"]:
    """Norm of each perturbation, in float64."""
    return torch.linalg.vector_norm(delta.double().flatten(1), ORDERS[norm], dim=1)


def within(ball: Ball, adversarial: Images, images: Images) -> Images:
    """Move adversarial images that rounding has left outside `ball` back into it.

    Those whose norm is at most ``eps * (1 + 1e-6)`` stay as they are, to the bit. The others are
    projected in float64, and each of their pixels is rounded towards the clean image, so that
    rounding can only shorten. It matters where eps is small: one step of float32 near 1 is a
    hundred-thousandth of 1/1020.
    """
    outside = norms(adversarial.double() - images, ball.norm) > ball.eps * (1 + _TOLERANCE)
    if not outside.any():
        return adversarial
    clean = images[outside]
    delta = ball.project(adversarial[outside].double() - clean)
    moved = (clean + delta).to(clean.dtype)
    # A pixel with no room for its share stays at the edge, which is nearer still.
    too_far = (moved.double() - clean).abs() > delta.abs()
    moved = torch.where(too_far, moved.nextafter(clean), moved).clamp(0, 1)
    return adversarial.index_put((outside,), moved)
