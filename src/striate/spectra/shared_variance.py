"""The variance that two halves of the trials share, for one choice of their rows after another.

Shuffles and the groups of a jackknife choose rows over and over. With more units than stimuli all
choices are picked from one Gram matrix of both halves, which are taken as they are, unchecked.
"""

from collections.abc import Callable, Iterator
from functools import partial
from math import frexp, isfinite
from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Bool
from torch import Tensor

from striate._checks import check_whole
from striate.spectra.components import leading_pairs, lower_square
from striate.spectra.gram import ROUNDING, double_centred

Algorithm = Literal["text", "released"]
# The spectrum of some of the stimuli, given by their numbers: so many leading ranks, or all.
Spectrum = Callable[[Tensor, int | None], Tensor]

# Units that are multiplied out at once.
AT_ONCE = 8192


def one_run(half1: Tensor, half2: Tensor, *, algorithm: Algorithm) -> Spectrum:
    """Return what gives the spectrum of some stimuli of two halves, which are not checked."""
    if half1.shape[1] <= len(half1):
        return partial(_of_rows, half1, half2, algorithm)
    rows = torch.arange(len(half1), device=half1.device)
    return partial(_of_picked, _joint_gram(half1, half2), rows, rows + len(rows), algorithm)


def shuffled_runs(
    half1: Tensor,
    half2: Tensor,
    swaps: Bool[Tensor, "shuffles stimuli"],
    *,
    algorithm: Algorithm,
) -> Iterator[Spectrum]:
    """Give, per shuffle, what gives the spectrum of some stimuli."""
    stimuli, units = half1.shape
    swaps = swaps.to(half1.device)
    if units <= stimuli:
        for swap in swaps:
            first = torch.where(swap[:, None], half2, half1)
            second = torch.where(swap[:, None], half1, half2)
            yield partial(_of_rows, first, second, algorithm)
        return
    joint, rows = _joint_gram(half1, half2), torch.arange(stimuli, device=half1.device)
    for swap in swaps:
        first, second = rows + stimuli * swap, rows + stimuli * ~swap
        yield partial(_of_picked, joint, first, second, algorithm)


def check_settings(algorithm: str, count: int | None) -> None:
    """Refuse an unknown algorithm and a count that is none.

    Raises
    ------
    ValueError
        If `algorithm` is unknown or `count` is less than 1.
    """
    if algorithm not in get_args(Algorithm):
        raise ValueError(
            f"algorithm={algorithm!r}; choose 'text' (the papers' equations) or 'released' (their "
            "Python code)"
        )
    if count is not None:
        check_whole("count", count, otherwise=", or None for all")


class _Joint(NamedTuple):
    """Rows of both halves, one after the other, less the mean of all of them."""

    products: Tensor  # of each two rows, summed over units; float64
    means: Tensor  # of each row over units; float64
    units: int
    dtype: torch.dtype  # in which components are found


def _joint_gram(half1: Tensor, half2: Tensor) -> _Joint:
    stimuli, units = half1.shape
    means = half1.new_zeros(2 * stimuli, dtype=torch.float64)

    def parts() -> Iterator[Tensor]:
        for some in zip(half1.split(AT_ONCE, 1), half2.split(AT_ONCE, 1), strict=True):
            part = torch.cat(some).double()
            part -= part.mean(0)
            means.add_(part.sum(1) / units)
            yield part

    lower = lower_square(parts(), 2 * stimuli, like=half1, dtype=torch.float64).tril()
    products = lower + lower.tril(-1).T
    return _Joint(products, means, units, torch.promote_types(half1.dtype, torch.float32))


def _of_picked(
    joint: _Joint,
    first: Tensor,
    second: Tensor,
    algorithm: Algorithm,
    stimuli: Tensor,
    count: int | None,
) -> Tensor:
    """Spectrum on the side of the stimuli; `first` and `second` number their rows."""
    one, other, units = first[stimuli], second[stimuli], joint.units
    own, cross = (double_centred(joint.products[rows][:, one]) for rows in (one, other))
    root = _unit(own)
    own, cross = (products.div(root).div(root).to(joint.dtype) for products in (own, cross))
    if algorithm == "text":
        vectors = _leading(own, _ranks(len(stimuli) - 1, units, count))[1]
        return (vectors * (cross @ vectors)).sum(0) * root * root
    mean = ((joint.means[one] - joint.means[one].mean()) / root).to(joint.dtype)
    values, vectors = _leading(
        own - units * torch.outer(mean, mean), _ranks(len(stimuli) - 1, units - 1, count)
    )
    # own @ vectors without a product: own is what was decomposed, and the mean put back.
    projected = vectors * values + units * torch.outer(mean, mean @ vectors)
    return _over((projected * (cross @ vectors)).sum(0), values, own) * root * root


def _of_rows(
    half1: Tensor, half2: Tensor, algorithm: Algorithm, stimuli: Tensor, count: int | None
) -> Tensor:
    """Spectrum on the side of the units."""
    x1, x2 = (half[stimuli].double() for half in (half1, half2))
    x1, x2, units = x1 - x1.mean(0), x2 - x2.mean(0), half1.shape[1]
    dtype = torch.promote_types(half1.dtype, torch.float32)
    own, cross = x1.T @ x1, x1.T @ x2
    root = _unit(own)
    own, cross = (products.div(root).div(root).to(dtype) for products in (own, cross))
    if algorithm == "text":
        vectors = _leading(own, _ranks(len(stimuli) - 1, units, count))[1]
        return (vectors * (cross @ vectors)).sum(0) * root * root
    values, vectors = _leading(double_centred(own), _ranks(len(stimuli) - 1, units - 1, count))
    # Q = X₁P/s, whence X₁ᵀQ/s = X₁ᵀX₁P/s².
    projection = own @ vectors
    shared = (projection * (cross @ projection)).sum(0)
    return _over(_over(shared, values, own), values, own) * root * root


def _unit(own: Tensor) -> float:
    """Return about the size of the responses, so that products of their products stay finite.

    A power of two, which rounds nothing.

    Raises
    ------
    ValueError
        If even their squares are not finite.
    """
    squares = own.diagonal().sum().item()
    if not isfinite(squares):
        raise ValueError(
            "the squares of responses overflow float64; divide both halves by a number"
        )
    return 2.0 ** (frexp(squares)[1] // 2)


def _leading(square: Tensor, count: int) -> tuple[Tensor, Tensor]:
    return leading_pairs(square.clone(), count)  # which may overwrite it


def _over(sums: Tensor, values: Tensor, own: Tensor) -> Tensor:
    """Divide, where there is a component at all; along one that vanishes nothing is shared."""
    noise = ROUNDING * torch.finfo(own.dtype).eps * own.norm()
    return torch.where(values > noise, sums / values, torch.zeros_like(sums))


def _ranks(stimuli: int, units: int, count: int | None) -> int:
    there = min(stimuli, units)
    return there if count is None else min(there, count)
