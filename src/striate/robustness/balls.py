"""Where a perturbation may go: the ball of one norm, told by three verbs."""

import math
from dataclasses import dataclass, field
from numbers import Real
from typing import Literal, Protocol, get_args, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

Images = Float[Tensor, "batch channels height width"]
Norm = Literal["Linf", "L2", "L1"]
Geometry = Literal["paper", "exact"]

# A norm of zero divides nothing; the same floor as in the code of Kong et al. 2021.
_FLOOR = 1e-12
# No image is as long, and in single precision the square of what is much longer is infinite.
LONGEST = 1e9


@runtime_checkable
class Ball(Protocol):
    """All perturbations whose norm is at most `eps`, in pixel units.

    The verbs treat each image alone, whatever its company, and draw nothing but in `sample`.
    """

    @property
    def eps(self) -> float:
        """Radius of the ball."""
        ...

    @property
    def norm(self) -> Norm:
        """The norm that `eps` bounds."""
        ...

    def sample(self, like: Images, generator: torch.Generator | None) -> Images:
        """Draw one perturbation per image, uniformly from the ball."""
        ...

    def steepest(self, gradient: Images) -> Images:
        """Return the direction of unit norm that raises the loss most."""
        ...

    def project(self, delta: Images) -> Images:
        """Return a perturbation inside the ball; one that is inside stays as it is."""
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
        if not _is_number(self.eps):
            raise ValueError(f"eps={self.eps!r} is a {type(self.eps).__name__}; give a number")
        if not 0 <= self.eps <= 1:
            raise ValueError(
                f"eps={self.eps!r}: pixels are in [0, 1], and so is the radius; 8/255?"
            )

    @property
    def norm(self) -> Norm:
        """``"Linf"``."""
        return "Linf"

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


@dataclass(frozen=True)
class L2Ball:
    """Perturbations whose squared pixels sum to at most ``eps**2``.

    Raises
    ------
    ValueError
        If `eps` is not in [0, 1e9].
    """

    eps: float

    def __post_init__(self) -> None:
        _check_radius(self.eps)

    @property
    def norm(self) -> Norm:
        """``"L2"``."""
        return "L2"

    def sample(self, like: Images, generator: torch.Generator | None) -> Images:
        """Draw uniformly from the ball: a Gaussian direction, at a radius ``eps * u**(1/d)``."""
        gaussian = torch.randn(
            like.shape, generator=generator, dtype=like.dtype, device=like.device
        )
        uniform = torch.rand(
            len(like), 1, 1, 1, generator=generator, dtype=like.dtype, device=like.device
        )
        radius = self.eps * uniform ** (1 / math.prod(like.shape[1:]))
        return gaussian * (radius / _lengths(gaussian, 2))

    def steepest(self, gradient: Images) -> Images:
        """Return ``g / max(|g|, 1e-12)`` in the L2 norm of each image."""
        return gradient / _lengths(gradient, 2)

    def project(self, delta: Images) -> Images:
        """Shorten what is too long: the nearest point of the ball."""
        return delta * (self.eps / _lengths(delta, 2)).clamp(max=1)


@dataclass(frozen=True)
class L1Ball:
    """Perturbations whose absolute pixels sum to at most `eps`.

    The ball is one; two ways to search it are known, and `geometry` names one.

    ``"paper"``: the step is the gradient divided by its L1 norm, and what is too long is shortened,
    as in Kong et al. 2021 and Foolbox's ``L1PGD``. Neither is what L1 asks for: all pixels move a
    little, so this is in effect a second L2 attack.

    ``"exact"``: the step is sparse, and the projection the Euclidean one onto the L1 ball (Duchi et
    al. 2008). The steepest unit step moves only the pixel of the largest gradient. A pixel has
    no room for a long step, so it is shared by the top hundredth of the pixels, and by those as
    steep as the last of them, as in Tramèr and Boneh 2019 (Foolbox's ``SparseL1DescentAttack``).
    Up to 100 pixels that is the one steepest pixel, or all that tie. `pgd` and `fgsm` leave pixels
    out that already stand at 0 or 1 and would be pushed further.

    Raises
    ------
    ValueError
        If `eps` is not in [0, 1e9], or there is no such geometry.
    """

    eps: float
    geometry: Geometry = field(kw_only=True)

    def __post_init__(self) -> None:
        _check_radius(self.eps)
        if self.geometry not in get_args(Geometry):
            raise ValueError(f"geometry={self.geometry!r}: give 'paper' or 'exact'")

    @property
    def norm(self) -> Norm:
        """``"L1"``."""
        return "L1"

    def sample(self, like: Images, generator: torch.Generator | None) -> Images:
        """Draw uniformly from the ball.

        The first d of d + 1 exponential variables, divided by the sum of all, are uniform on the
        part of the ball where no pixel is negative; the signs are tossed.
        """
        batch, pixels = len(like), math.prod(like.shape[1:])
        uniform = torch.rand(
            batch, pixels + 1, generator=generator, dtype=torch.float64, device=like.device
        )
        exponential = -(-uniform).log1p()  # u < 1, so that this is finite
        sizes = exponential[:, :pixels] / exponential.sum(1, keepdim=True).clamp(min=_FLOOR)
        heads = torch.rand(batch, pixels, generator=generator, device=like.device) < 0.5
        return (self.eps * torch.where(heads, sizes, -sizes)).view(like.shape).to(like.dtype)

    def steepest(self, gradient: Images) -> Images:
        """Return the dense step of the paper, or the sparse one; see the class."""
        if self.geometry == "paper":
            return gradient / _lengths(gradient, 1)
        signs = _steep_signs(gradient)
        return signs / _lengths(signs, 1)

    def project(self, delta: Images) -> Images:
        """Shorten what is too long, or return the nearest point of the ball; see the class."""
        if self.geometry == "paper":
            return delta * (self.eps / _lengths(delta, 1)).clamp(max=1)
        return _nearest_in_l1(delta, self.eps)


def ball(norm: Norm, eps: float, *, geometry: Geometry = "paper") -> Ball:
    """Return the ball of radius `eps` in a norm given by name.

    Parameters
    ----------
    norm
        ``"Linf"``, ``"L2"`` or ``"L1"``.
    eps
        Radius, in pixel units.
    geometry
        How an L1 ball is searched, see `L1Ball`; the others have but one way.

    Raises
    ------
    ValueError
        If there is no such norm or geometry, or `eps` is no radius in that norm.
    """
    if geometry not in get_args(Geometry):
        raise ValueError(f"geometry={geometry!r}: give 'paper' or 'exact'")
    if norm == "Linf":
        return LinfBall(eps)
    if norm == "L2":
        return L2Ball(eps)
    if norm == "L1":
        return L1Ball(eps, geometry=geometry)
    raise ValueError(f"norm={norm!r}: give 'Linf', 'L2' or 'L1'")


def _check_radius(eps: float) -> None:
    if not _is_number(eps) or not 0 <= eps <= LONGEST:
        raise ValueError(f"eps={eps!r}: give a radius from 0 to {LONGEST:g}, in pixel units")


def check_step_size(step_size: float) -> None:
    """Refuse what is no length of a step.

    Raises
    ------
    ValueError
        If it is not above 0, or more than any image is long.
    """
    if not _is_number(step_size) or not 0 < step_size <= LONGEST:
        raise ValueError(
            f"step_size={step_size!r}: give a positive length of at most {LONGEST:g}, in pixel "
            "units and the norm of the ball"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _lengths(delta: Tensor, p: int) -> Tensor:
    """Norm of each image, at least the floor, ready to divide by."""
    lengths = torch.linalg.vector_norm(delta, p, dim=(1, 2, 3), keepdim=True)
    return lengths.clamp(min=max(_FLOOR, torch.finfo(delta.dtype).tiny))


def _steep_signs(gradient: Tensor) -> Tensor:
    """Signs of the top hundredth of each image's pixels by size of gradient; 0 elsewhere."""
    sizes = gradient.abs().flatten(1)
    count = (sizes.shape[1] - 1) // 100 + 1
    last = sizes.topk(count, dim=1).values[:, -1:]
    # Pixels as steep as the last are kept too: which of them topk returns is its own affair.
    return gradient.sign() * (sizes >= last).view_as(gradient)


def _nearest_in_l1(delta: Tensor, eps: float) -> Tensor:
    """Euclidean projection of each image onto the L1 ball: Duchi et al. 2008, figure 1.

    All pixels shrink by one threshold, and those smaller become 0. With sizes in falling order, the
    threshold is (sum of the first k - eps) / k for the largest k whose k-th size is above it.
    """
    rows = delta.flatten(1)
    outside = rows.abs().sum(1, dtype=torch.float64) > eps
    far = rows[outside].abs()
    falling = far.sort(dim=1, descending=True).values.double()
    counts = torch.arange(1, rows.shape[1] + 1, device=rows.device)
    thresholds = (falling.cumsum(1) - eps) / counts
    # Where eps is 0 nothing is above it, or only by rounding: the first is then enough.
    kept = (falling > thresholds).sum(1, keepdim=True).clamp(min=1)
    threshold = thresholds.gather(1, kept - 1)
    near = (far.double() - threshold).clamp(min=0).to(rows.dtype) * rows[outside].sign()
    return rows.index_put((outside,), near).view_as(delta)
