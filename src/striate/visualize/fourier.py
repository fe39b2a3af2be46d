"""An image as the Fourier coefficients of decorrelated colours."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Complex, Float
from torch import Tensor

Colour = Literal["colour", "grey"]

SPREAD = 0.01  # standard deviation of the parts of a coefficient at the start
FLATTER = 4.0  # by which pixels are divided, so that the first images are low in contrast

# Square root of the covariance of red, green and blue in ImageNet photographs (Lucid, Lucent).
COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


def random_start(
    seeds: Sequence[int], colour: Colour, height: int, width: int
) -> Float[Tensor, "images latents height half_width 2"]:
    """Draw coefficients, real and imaginary, from N(0, `SPREAD`²), those of an image by its seed.

    Drawn in float64 on the CPU: the same start on every device and in every precision.
    """
    shape = (3 if colour == "colour" else 1, height, width // 2 + 1, 2)
    drawn = [
        torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        for seed in seeds
    ]
    return SPREAD * torch.stack(drawn)


def pixels(
    coefficients: Float[Tensor, "images latents height half_width 2"], width: int, planes: int
) -> Float[Tensor, "images planes height width"]:
    """Return the images in [0, 1] that coefficients stand for."""
    height = coefficients.shape[2]
    scaled = torch.view_as_complex(coefficients) * _scales(coefficients, height, width)
    latents = torch.fft.irfft2(scaled, s=(height, width), norm="ortho") / FLATTER
    if latents.shape[1] == 3:
        matrix = latents.new_tensor(COLOURS)
        matrix = matrix / matrix.norm(dim=0).max()
        latents = torch.einsum("pl,nlhw->nphw", matrix, latents)
    return latents.sigmoid().expand(-1, planes, -1, -1)


def check_colour(colour: str, planes: int) -> None:
    """Refuse a word that names no colour, and planes it cannot have.

    Raises
    ------
    ValueError
        If `colour` is unknown, or coloured images are to have other than 3 planes.
    """
    if colour not in get_args(Colour):
        raise ValueError(f"colour={colour!r}; choose 'colour' or 'grey'")
    if colour == "colour" and planes != 3:
        raise ValueError(
            f"planes={planes}: coloured images have 3; for a model that takes {planes}, give "
            "colour='grey'"
        )


def _scales(like: Tensor, height: int, width: int) -> Complex[Tensor, "height half_width"]:
    """1 / frequency, as the amplitudes of natural images fall; of the mean, as of the lowest."""
    down = torch.fft.fftfreq(height, dtype=like.dtype, device=like.device)
    across = torch.fft.rfftfreq(width, dtype=like.dtype, device=like.device)
    frequency = torch.hypot(down[:, None], across)
    return (1 / frequency.clamp_min(1 / max(height, width))).to(
        torch.promote_types(like.dtype, torch.complex64)
    )
