"""Activations less their mean, without a copy of them."""

from collections.abc import Iterator
from itertools import repeat
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from striate._products import product
from striate.spectra.processes import ALONE, Processes

# So many numbers stay in a processor's cache between being centred and being used.
AT_ONCE = 2**20
# Of which CUDA's dot takes fewer than 2**31.
MOST = 2**30
# Largest part of the sum of squares that is the mean's while it is taken off products.
MEAN = 0.9


class Centred(NamedTuple):
    r"""A batch and its mean, which is taken off a few rows at a time.

    On a CPU a whole copy would cost more than most that is done with it, for memory never touched
    before is slow.

    Attributes
    ----------
    x
        Activations; of several processes, the rows that are held here.
    mean
        Of each unit, over the rows of all processes.
    """

    x: Float[Tensor, "stimuli units"]
    mean: Float[Tensor, " units"]

    def parts(self, axis: int = 0) -> Iterator[Float[Tensor, "some others"]]:
        r"""Give :math:`\bar X` a few rows (or columns: `axis` 1) after another."""
        many = self._at_once(axis)
        means = repeat(self.mean) if axis == 0 else self.mean.split(many)
        for some, mean in zip(self.x.split(many, axis), means, strict=False):
            yield some - mean

    def copied(
        self, dtype: torch.dtype, processes: Processes = ALONE
    ) -> tuple[Float[Tensor, "stimuli units"], Float[Tensor, ""]]:
        r"""Return :math:`\bar X` as `dtype`, and its sum of squares over all processes (float64).

        Raises
        ------
        ValueError
            If the sum overflows.
        """
        copy = torch.empty_like(self.x, dtype=dtype, memory_format=torch.contiguous_format)
        squares = self.x.new_zeros((), dtype=torch.float64)
        for part, rows in zip(self.parts(), copy.split(self._at_once(0)), strict=True):
            flat = part.flatten()
            squares += torch.dot(flat, flat)
            rows.copy_(part)
        return copy, finite_squares(processes.add(squares))

    def measured(
        self, dtype: torch.dtype, processes: Processes = ALONE
    ) -> tuple["Centred", Float[Tensor, ""]]:
        r"""Return a batch of `dtype` for products, and the sum of squares of :math:`\bar X`.

        Itself, unless its precision is another or most of the squares are the mean's: `times`
        takes the mean off afterwards, and would lose digits.

        Raises
        ------
        ValueError
            If the sum overflows.
        """
        squares = self.x.new_zeros((), dtype=torch.float64)
        for part in self.x.split(self._at_once(0)):
            flat = part.flatten()
            squares += torch.dot(flat, flat)
        squares = finite_squares(processes.add(squares))
        of_mean = self.mean.double().square().sum() * processes.rows(self.x)
        if dtype == self.x.dtype and of_mean <= MEAN * squares:
            return self, squares - of_mean
        copy, total = self.copied(dtype, processes)
        return Centred(copy, copy.new_zeros(copy.shape[1])), total

    def times(self, block: Float[Tensor, "units columns"]) -> Float[Tensor, "stimuli columns"]:
        r"""Return :math:`\bar X` times a matrix, in the precision of the matrix."""
        thin = block.to(self.x.dtype)
        return product(self.x, thin, plus=(self.mean @ thin).neg()).to(block.dtype)

    def transposed_times(
        self, block: Float[Tensor, "stimuli columns"]
    ) -> Float[Tensor, "units columns"]:
        r"""Return :math:`\bar X^\top` times a matrix, in the precision of the matrix."""
        thin = block.to(self.x.dtype)
        found = product(self.x.T, thin).to(block.dtype)
        return found.sub_(torch.outer(self.mean, thin.sum(0)))

    def add_to(self, other: Float[Tensor, "stimuli units"], *, times: float) -> None:
        r"""Add a multiple of :math:`\bar X` to another matrix, in place."""
        for part, rows in zip(self.parts(), other.split(self._at_once(0)), strict=True):
            rows.add_(part, alpha=times)

    def _at_once(self, axis: int) -> int:
        if self.x.device.type != "cpu":
            return max(min(MOST // self.x.shape[1 - axis], self.x.shape[axis]), 1)
        return max(AT_ONCE // self.x.shape[1 - axis], 64)


def centred(x: Float[Tensor, "stimuli units"], processes: Processes = ALONE) -> Centred:
    """Find the mean of `x` over the rows of all processes.

    Raises
    ------
    ValueError
        If there are fewer than two stimuli, or a response is not finite.
    """
    stimuli = processes.rows(x)
    if stimuli < 2:
        raise ValueError(f"a covariance needs at least 2 stimuli, x has {stimuli}")
    mean = processes.add(x.sum(0)) / stimuli if processes.size > 1 else x.mean(0)
    if not mean.isfinite().all():
        raise ValueError("x holds responses that are not finite; did training diverge?")
    return Centred(x, mean)


def finite_squares(total: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """Return the sum of squares of responses, if it is a number.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not total.isfinite():
        raise ValueError(
            "x holds responses so large that their squares are not finite; did training diverge? "
            "If not, give float64 or divide them"
        )
    return total
