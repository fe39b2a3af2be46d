"""Small random changes of an image, which keep its optimisation from noise that only looks good.

A transform is a function of ``(images, generator)``. Those here draw once for a whole batch, so
that what becomes of an image does not depend on its company. Mid-grey moves in at the edges.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, inf, radians, sin
from numbers import Real

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, pad

from striate._checks import check_whole

Images = Float[Tensor, "batch planes height width"]
Transform = Callable[[Tensor, torch.Generator], Tensor]

GREY = 0.5


@dataclass(frozen=True)
class Pad:
    """Add `pixels` of mid-grey on each side."""

    pixels: int

    def __post_init__(self) -> None:
        _check_pixels(self.pixels, "Pad")

    def __call__(
        self, images: Images, generator: torch.Generator
    ) -> Float[Tensor, "batch planes higher wider"]:
        """Return larger images; nothing is drawn."""
        return pad(images, 4 * [self.pixels], value=GREY)


@dataclass(frozen=True)
class Jitter:
    """Shift by whole pixels: `pixels` places along each axis, as near to zero as can be.

    ``Jitter(8)`` shifts by −4 to 3 pixels.
    """

    pixels: int

    def __post_init__(self) -> None:
        _check_pixels(self.pixels, "Jitter")

    def __call__(self, images: Images, generator: torch.Generator) -> Images:
        """Return images of the same size."""
        drawn = torch.randint(self.pixels, (2,), generator=generator, device=generator.device)
        down, right = (drawn - self.pixels // 2).tolist()
        return pad(images, [right, -right, down, -down], value=GREY)


@dataclass(frozen=True)
class Scale:
    """Magnify about the centre by one of `factors`."""

    factors: tuple[float, ...]

    def __post_init__(self) -> None:
        _check_choices(self.factors, "Scale", "factors", "positive numbers", above=0.0)

    def __call__(self, images: Images, generator: torch.Generator) -> Images:
        """Return images of the same size."""
        inverse = 1 / _one_of(self.factors, generator)
        return _resampled(images, (inverse, 0.0), (0.0, inverse))


@dataclass(frozen=True)
class Rotate:
    """Turn anticlockwise about the centre by one of `angles_deg`."""

    angles_deg: tuple[float, ...]

    def __post_init__(self) -> None:
        _check_choices(self.angles_deg, "Rotate", "angles_deg", "finite numbers", above=-inf)

    def __call__(self, images: Images, generator: torch.Generator) -> Images:
        """Return images of the same size."""
        angle = radians(_one_of(self.angles_deg, generator))
        return _resampled(images, (cos(angle), -sin(angle)), (sin(angle), cos(angle)))


def check_transforms(transforms: object) -> None:
    """Refuse what is not a sequence of functions.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not isinstance(transforms, Sequence) or not all(map(callable, transforms)):
        raise ValueError(
            f"transforms={transforms!r}: give functions of (images, generator) in a tuple, or () "
            "for none"
        )


def transformed(
    images: Images, transforms: Sequence[Transform], generator: torch.Generator
) -> Images:
    """Apply `transforms` in turn, then cut or pad to the size the images had, about the centre.

    Raises
    ------
    ValueError
        If a transform returns something else than as many images with as many planes.
    """
    changed = images
    for transform in transforms:
        changed = transform(changed, generator)
        if not isinstance(changed, Tensor) or changed.shape[:-2] != images.shape[:2]:
            found = (
                f"shape {tuple(changed.shape)}"
                if isinstance(changed, Tensor)
                else f"a {type(changed).__name__}"
            )
            raise ValueError(
                f"transforms: {transform!r} made {found} of images of shape "
                f"{tuple(images.shape)}; keep images × planes × height × width"
            )
    (height, width), (high, wide) = images.shape[2:], changed.shape[2:]
    top, left = (height - high) // 2, (width - wide) // 2
    return pad(changed, [left, width - wide - left, top, height - high - top], value=GREY)


def _resampled(images: Tensor, across: tuple[float, float], down: tuple[float, float]) -> Tensor:
    """Look up each pixel where a matrix on (x, y), counted in pixels from the centre, says."""
    if (across, down) == ((1, 0), (0, 1)):
        return images
    height, width = images.shape[2:]
    # Grids run from -1 to 1 along both axes, whatever their lengths.
    matrix = images.new_tensor(
        [[across[0], across[1] * height / width, 0], [down[0] * width / height, down[1], 0]]
    )
    grid = affine_grid(matrix.expand(len(images), 2, 3), list(images.shape), align_corners=False)
    return grid_sample(images - GREY, grid, align_corners=False) + GREY


def _one_of(choices: Sequence[float], generator: torch.Generator) -> float:
    device = generator.device
    return choices[int(torch.randint(len(choices), (), generator=generator, device=device))]


def _check_pixels(pixels: object, name: str) -> None:
    check_whole(f"pixels of {name}", pixels)


def _check_choices(choices: object, name: str, argument: str, wanted: str, *, above: float) -> None:
    if (
        not isinstance(choices, tuple)
        or not choices
        or not all(isinstance(choice, Real) and above < float(choice) < inf for choice in choices)
    ):
        raise ValueError(f"{name}({argument}={choices!r}): give {wanted} in a tuple, at least one")


# Those of Lucent, the tool of Kong et al. 2021. It lists zero six times among the angles, fills
# with black after padding with grey, and shifts to one side only, by 0 to 7 pixels.
TRANSFORMS: tuple[Transform, ...] = (
    Pad(12),
    Jitter(8),
    Scale(tuple(1 + step / 50 for step in range(-5, 6))),
    Rotate((*map(float, range(-10, 11)), *5 * (0.0,))),
    Jitter(4),
)
