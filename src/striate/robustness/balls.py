"""Where a perturbation may go: the ball of one norm, told by three verbs."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

Images = Float[Tensor, "batch channels height width"]


@runtime_checkable
class Ball(Protocol):
    """All perturbations whose norm is at most `eps`, in pixel units."""

    @property
    def eps(self) -> float:
        """Radius of the ball."""
        ...

    def sample(self, like: Images, generator: torch.Generator | None) -> Images:
        """Draw one perturbation per image from the ball."""
        ...

    def steepest(self, gradient: Images) -> Images:
        """Return the direction of unit norm that raises the loss most."""
        ...

    def project(self, delta: Images) -> Images:
        """Return the nearest perturbation inside the ball."""
        ...


@dataclass(frozen=True)
class LinfBall:
    """Perturbations that move no pixel by more than `eps`.

    Raises
    ------
    ValueError
        If `eps` is not in [0, 1].
    """

    eps: float

    def __post_init__(self) -> None:
        if not 0 <= self.eps <= 1:
            raise ValueError(f"eps={self.eps}: pixels are in [0, 1], and so is the radius; 8/255?")

    def sample(self, like: Images, generator: torch.Generator | None) -> Images:
        """Draw each pixel uniformly from [-eps, eps]."""
        uniform = torch.rand(like.shape, generator=generator, dtype=like.dtype, device=like.device)
        return self.eps * (2 * uniform - 1)

    def steepest(self, gradient: Images) -> Images:
        """Return the sign; pixels of exactly zero gradient stay."""
        return gradient.sign()

    def project(self, delta: Images) -> Images:
        """Clip each pixel."""
        return delta.clamp(-self.eps, self.eps)
