"""What a population did when shown images: `Responses`, and seen by stimulus, `Kernel`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from striate.spectra.checks import generator_of

Names = str | tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Responses:
    """What one population did when shown one set of images.

    Attributes
    ----------
    tensor
        One number per repeat, stimulus and unit; NaN where nothing was recorded. A network has one
        repeat.
    source
        Which population, e.g. ``"torchvision/resnet50:layer1"``.
    stimuli
        Which images: a name or fingerprint of the set, or one name per image.

    Raises
    ------
    ValueError
        If `tensor` is not a tensor of floating point with three axes, none of them empty, holds an
        infinity, or there are not as many names as stimuli.
    """

    tensor: Float[Tensor, "repeats stimuli units"]
    source: str
    stimuli: Names

    def __post_init__(self) -> None:
        _check_tensor("tensor", self.tensor)
        shape = tuple(self.tensor.shape)
        if len(shape) != 3 or not self.tensor.is_floating_point() or 0 in shape:
            raise ValueError(
                f"tensor has shape {shape} and dtype {self.tensor.dtype}; responses need "
                "(repeats, stimuli, units), none of them empty, in floating point"
            )
        if self.tensor.isinf().any():
            raise ValueError("tensor holds infinities; give finite responses, and NaN for none")
        _check_names(self.stimuli, shape[1])

    def mean(self) -> Float[Tensor, "stimuli units"]:
        """Average over the repeats that were recorded; NaN where none was."""
        return self.tensor[0] if len(self.tensor) == 1 else self.tensor.nanmean(0)

    def halves(self, *, seed: int | None = None) -> Float[Tensor, "2 stimuli units"]:
        """Average each half of the repeats.

        Of the k repeats in which a unit was recorded, ⌊k/2⌋ make the first half and the others the
        second. All units see the repeats of a stimulus in one order, so that units recorded
        together are split together.

        Parameters
        ----------
        seed
            Draws, for each stimulus, the order of its repeats. Without it they keep the order in
            which they lie in `tensor`.

        Returns
        -------
        halves
            NaN, in both halves, where a unit was recorded fewer than twice.

        Raises
        ------
        ValueError
            If no unit was recorded twice with any stimulus, or `seed` is no whole number.
        """
        tensor = self.tensor if seed is None else _shuffled(self.tensor, seed)
        there = ~tensor.isnan()
        count = there.sum(0)
        if not (count >= 2).any():
            raise ValueError(
                f"halves need a stimulus with two repeats; {self.source!r} has "
                f"{len(tensor)} repeat(s), and never two with a recording: use mean()"
            )
        first = there & (there.cumsum(0) <= count // 2)
        halves = [
            tensor.where(half, torch.nan).nanmean(0).where(count >= 2, torch.nan)
            for half in (first, there & ~first)
        ]
        return torch.stack(halves)


@dataclass(frozen=True, eq=False)
class Kernel:
    r"""A population seen stimulus by stimulus, at a size that does not depend on its units.

    With :math:`Z` the responses less each unit's mean over the stimuli (and divided by its standard
    deviation, if z-scored), the Gram matrix is :math:`Z Z^\top`. Its eigenvalues over
    ``stimuli - 1`` are the variances of the principal components; with eigenvector :math:`u_k` of
    eigenvalue :math:`l_k`, :math:`u_k\sqrt{l_k}` are the scores of the stimuli, and
    ``cross[name]`` :math:`u_k / \sqrt{l_k}` those of others.

    Attributes
    ----------
    gram
        :math:`Z Z^\top`. Its rows and columns sum to zero.
    units
        How many units were summed over.
    varying
        How many of them responded to some stimuli otherwise than to others.
    z_scored
        Whether each unit was divided by its standard deviation (population, ``ddof=0``; a unit
        without variance by 1).
    source
        Which population.
    stimuli
        Which images: a name or fingerprint of the set, or one name per image.
    cross
        :math:`Z_\mathrm{new} Z^\top` by the name of the new stimuli, for which :math:`Z` takes the
        mean and standard deviation of the reference.

    Raises
    ------
    ValueError
        If a matrix is not float64, of the right shape and finite, `gram` is not symmetric, the
        numbers of units contradict each other, or there are not as many names as stimuli.
    """

    gram: Float64[Tensor, "stimuli stimuli"]
    units: int
    varying: int
    z_scored: bool
    source: str
    stimuli: Names
    cross: Mapping[str, Float64[Tensor, "_ stimuli"]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_tensor("gram", self.gram)
        size = len(self.gram) if self.gram.ndim else 0
        _check_matrix("gram", self.gram, (size, size))
        # Transposed, a sum of rounded products differs by its rounding, no more.
        slack = 1e-6 * self.gram.diagonal().abs().max()
        if (self.gram - self.gram.T).abs().max() > slack:
            raise ValueError("gram is not symmetric; give the product of responses with themselves")
        for name, matrix in self.cross.items():
            _check_tensor(f"cross[{name!r}]", matrix)
            rows = len(matrix) if matrix.ndim else 0
            _check_matrix(f"cross[{name!r}]", matrix, (rows, size))
        if not 0 <= self.varying <= self.units or self.units < 1:
            raise ValueError(
                f"units={self.units}, varying={self.varying}: there must be a unit, and of all "
                "units those that vary are a part"
            )
        _check_names(self.stimuli, size)


def _check_tensor(name: str, value: object) -> None:
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} is a {type(value).__name__}; give a torch.Tensor")


def _check_matrix(name: str, matrix: Tensor, shape: tuple[int, int]) -> None:
    if tuple(matrix.shape) != shape or 0 in shape or matrix.dtype != torch.float64:
        raise ValueError(
            f"{name} has shape {tuple(matrix.shape)} and dtype {matrix.dtype}; a kernel needs "
            f"{'(new, stimuli)' if name != 'gram' else '(stimuli, stimuli)'} in float64"
        )
    if not matrix.isfinite().all():
        raise ValueError(f"{name} holds values that are not finite")


def _check_names(stimuli: Names, count: int) -> None:
    if not isinstance(stimuli, (str, Sequence)):
        raise ValueError(f"stimuli={stimuli!r}: give a name of the set, or one name per stimulus")
    if not isinstance(stimuli, str) and len(stimuli) != count:
        raise ValueError(f"stimuli holds {len(stimuli)} names for {count} stimuli")


def _shuffled(tensor: Tensor, seed: int) -> Tensor:
    """Put the repeats of each stimulus in an order of its own."""
    repeats, stimuli, _ = tensor.shape
    generator = generator_of(seed)
    order = torch.rand(repeats, stimuli, generator=generator).argsort(0).to(tensor.device)
    return tensor.gather(0, order[:, :, None].expand_as(tensor))
