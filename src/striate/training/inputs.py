"""What happens to images on their way into training: blur by epoch, noise, crops, flips.

An `Inputs` is a function of a batch, the epoch and a source of random numbers. `train` seeds that
source anew for each batch, by the seed, the epoch and the batch's number: a run that was stopped
draws the same again.
"""

from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from striate.training.crops import DRAWS, check_window, random_window

Images = Float[Tensor, "batch channels height width"]
# (images, epoch counted from 1, generator on their device) -> images
Inputs = Callable[[Tensor, int, torch.Generator], Tensor]
Kind = Literal["coarse to fine", "fine to coarse", "constant"]

WIDEST = 1e4  # pixels: far beyond the side of an image, and its weights still fit into memory
TRUNCATE = 4.0  # standard deviations after which a Gaussian is cut off, as SciPy does


def blurred(images: Images, sigma: float) -> Images:
    """Blur with a Gaussian of standard deviation `sigma`, in pixels; 0 leaves images as they are.

    The Gaussian is cut off at four standard deviations. Images go on beyond their borders as in a
    mirror laid at the outer edge of the last pixel (SciPy's ``mode="reflect"``), so that no light
    is lost: the mean of each channel stays, and no pixel leaves the range that its image had.

    Raises
    ------
    ValueError
        If `sigma` is not in [0, 1e4].
    """
    check_blur(sigma)
    if sigma == 0:
        return images
    height, width = images.shape[-2:]
    down, across = (_blur(side, sigma).to(images) for side in (height, width))
    found = down @ images @ across.T
    # Rounding takes saturated pixels beyond what a pixel can be; the gradient knows nothing of it.
    ends = (-3, -2, -1)
    within = found.clamp(images.amin(ends, keepdim=True), images.amax(ends, keepdim=True))
    return found + (within - found).detach()


def sigma_at(kind: Kind, *, sigma: float, epochs: int, epoch: int) -> float:
    """Return the blur in `epoch`, counted from 1, of a `curriculum`.

    Before the first epoch and after the last it is as in that one.
    """
    if kind == "constant":
        return sigma
    passed = min(max((epoch - 1) / (epochs - 1), 0.0), 1.0)
    return sigma * (1 - passed if kind == "coarse to fine" else passed)


def curriculum(kind: Kind, *, sigma: float, epochs: int) -> Inputs:
    """Blur images by how far training has come.

    Parameters
    ----------
    kind
        ``"coarse to fine"``: from `sigma` in the first epoch in a straight line to no blur in the
        last. Its controls: ``"fine to coarse"``, the same blurs in reverse; and ``"constant"``,
        `sigma` throughout, whose mean blur is that of the others if it is given half their `sigma`.
    sigma
        The largest standard deviation of the Gaussian, in pixels (`blurred`).
    epochs
        How many there are.

    Raises
    ------
    ValueError
        If there is no such kind, `sigma` is not in [0, 1e4], or `epochs` too few to change in.
    """
    if kind not in get_args(Kind):
        raise ValueError(f"kind={kind!r}; choose one of {', '.join(map(repr, get_args(Kind)))}")
    check_blur(sigma)
    least = 1 if kind == "constant" else 2
    if epochs < least:
        raise ValueError(f"epochs={epochs}: {kind!r} needs at least {least}")
    return partial(_curriculum, kind, sigma, epochs)  # unlike a closure, it can be pickled


def noisy(sd: float) -> Inputs:
    """Add Gaussian noise of standard deviation `sd`, in pixel units, and clip to [0, 1].

    Raises
    ------
    ValueError
        If `sd` is negative or not finite.
    """
    if not isinstance(sd, Real) or not 0 <= float(sd) < float("inf"):
        raise ValueError(f"noise of sd={sd!r}: give a finite number, 0 or more")
    return partial(_noisy, sd)


def cropped(padding: int) -> Inputs:
    """Surround each image with `padding` black pixels and cut its size out at a random place.

    Each shift of up to `padding` in either direction is as likely (He et al. 2016 on CIFAR-10: 4).

    Raises
    ------
    ValueError
        If `padding` is negative.
    """
    if padding < 0:
        raise ValueError(f"padding={padding}: give a number of pixels, 0 or more")
    return partial(_cropped, padding)


def flipped() -> Inputs:
    """Turn each image's left to its right with probability one half."""
    return _flipped


def resized_crop(
    *, scale: tuple[float, float] = (0.08, 1.0), ratio: tuple[float, float] = (3 / 4, 4 / 3)
) -> Inputs:
    """Cut a random part out of each image and enlarge it to the image's size, bilinearly.

    torchvision's ``RandomResizedCrop`` (`random_window`).

    Parameters
    ----------
    scale
        Least and largest part of the image's area.
    ratio
        Least and largest width over height.

    Raises
    ------
    ValueError
        If one of them is out of range.
    """
    check_window(scale, ratio)
    return partial(_resized_crop, scale, ratio)


def composed(*inputs: Inputs) -> Inputs:
    """Do one after the other."""
    return partial(_composed, inputs)


def _composed(
    inputs: tuple[Inputs, ...], images: Tensor, epoch: int, generator: torch.Generator
) -> Tensor:
    for change in inputs:
        images = change(images, epoch, generator)
    return images


def _curriculum(
    kind: Kind, sigma: float, epochs: int, images: Tensor, epoch: int, _generator: torch.Generator
) -> Tensor:
    return blurred(images, sigma_at(kind, sigma=sigma, epochs=epochs, epoch=epoch))


def _blur(side: int, sigma: float) -> Float[Tensor, "side side"]:
    """Return what blurs a column of `side` pixels: its rows, and its columns, sum to 1."""
    radius = int(TRUNCATE * sigma + 0.5)
    shift = torch.arange(-radius, radius + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (shift / sigma) ** 2)
    weights /= weights.sum()
    reached = torch.arange(side)[:, None] + shift.long()
    folded = reached.remainder(2 * side)
    folded = torch.where(folded < side, folded, 2 * side - 1 - folded)
    matrix = torch.zeros(side, side, dtype=torch.float64)
    return matrix.scatter_add_(1, folded, weights.expand(side, -1))


def _noisy(sd: float, images: Tensor, _epoch: int, generator: torch.Generator) -> Tensor:
    noise = torch.randn(
        images.shape, dtype=images.dtype, device=generator.device, generator=generator
    )
    return (images + sd * noise.to(images.device)).clamp(0, 1)


def _cropped(padding: int, images: Tensor, _epoch: int, generator: torch.Generator) -> Tensor:
    count, _, height, width = images.shape
    shift = torch.randint(
        2 * padding + 1, (2, count, 1), device=generator.device, generator=generator
    ).to(images.device)
    rows = shift[0] + torch.arange(height, device=images.device)
    columns = shift[1] + torch.arange(width, device=images.device)
    image = torch.arange(count, device=images.device)[:, None, None]
    padded = pad(images, (padding,) * 4)
    return padded[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


def _flipped(images: Tensor, _epoch: int, generator: torch.Generator) -> Tensor:
    turned = torch.rand(len(images), device=generator.device, generator=generator) < 0.5
    return torch.where(turned.to(images.device)[:, None, None, None], images.flip(-1), images)


def _resized_crop(
    scale: tuple[float, float],
    ratio: tuple[float, float],
    images: Tensor,
    _epoch: int,
    generator: torch.Generator,
) -> Tensor:
    count, _, height, width = images.shape
    draws = torch.rand(
        count, DRAWS, dtype=torch.float64, device=generator.device, generator=generator
    )
    windows = torch.tensor(
        [random_window(height, width, row, scale=scale, ratio=ratio) for row in draws.tolist()],
        dtype=torch.float64,
        device=images.device,
    ).reshape(count, 4)
    down = _places(windows[:, 0], windows[:, 2], height)
    across = _places(windows[:, 1], windows[:, 3], width)
    grid = torch.stack(
        [across[:, None, :].expand(-1, height, -1), down[:, :, None].expand(-1, -1, width)], -1
    )
    return grid_sample(
        images, grid.to(images.dtype), mode="bilinear", padding_mode="border", align_corners=False
    )


def _places(start: Tensor, length: Tensor, side: int) -> Float[Tensor, "batch side"]:
    """Return where `side` pixels read a stretch, as `grid_sample` counts; none reads beyond it."""
    start, length = start[:, None], length[:, None]
    middle = torch.arange(side, dtype=start.dtype, device=start.device) + 0.5
    within = (middle * length / side).clamp_min(0.5).minimum(length - 0.5)
    return 2 * (start + within) / side - 1


def check_blur(sigma: float, name: str = "sigma") -> None:
    """Refuse what is no standard deviation of a blur, in pixels, and is called `name`.

    Raises
    ------
    ValueError
        If it is not in [0, 1e4].
    """
    if not 0 <= sigma <= WIDEST:
        raise ValueError(f"{name}={sigma}: give a number of pixels from 0 to {WIDEST:g}")
