r"""Gram matrices from blocks of units, in float64.

A block is standardised and multiplied with itself in the precision that it was put out in, float32
at least; its product is added to sums in float64.
"""

from dataclasses import dataclass, field
from math import frexp, inf, ldexp
from typing import NamedTuple

import torch
from jaxtyping import Float, Float64
from torch import Tensor

ROWS = 256  # that are converted to float64, or multiplied, at a time; they stay in the cache
USUAL = 40  # powers of two that responses may be away from 1 and float32 hold all their products


@dataclass
class Sum:
    """The kernel of a layer as far as it is summed, not centred yet.

    Attributes
    ----------
    gram
        Of the reference stimuli. Only the part on and below the diagonal is kept up.
    cross
        Of other stimuli with them, by name.
    done
        How many units, from the first, are summed.
    varying
        How many of these vary.
    """

    gram: Float64[Tensor, "stimuli stimuli"]
    cross: dict[str, Float64[Tensor, "_ stimuli"]] = field(default_factory=dict)
    done: int = 0
    varying: int = 0


class Scaling(NamedTuple):
    """How some units are standardised: by their moments over the reference stimuli (`scaling`).

    Attributes
    ----------
    mean, scale
        What is taken off, and then divided by.
    power
        The scale of all units, a power of two, where they are not z-scored: products are meant
        times its square. 1 where they are.
    varying
        How many of the units vary.
    """

    mean: Float64[Tensor, " units"]
    scale: Float64[Tensor, " units"]
    power: float
    varying: int

    def apply(self, rows: Float[Tensor, "some units"]) -> Float64[Tensor, "some units"]:
        """Standardise responses."""
        return (rows.to(self.mean.device) - self.mean).div_(self.scale)  # in float64, as the mean

    def unchanged(self, rows: Float[Tensor, "some units"]) -> Float64[Tensor, "some units"]:
        """Return responses as they are, over `power`, where and as precise as `apply` has them."""
        return rows.to(self.mean) / self.power


class Standardised(NamedTuple):
    """Standardised responses of the reference stimuli, as `standardise` keeps them.

    Attributes
    ----------
    kept
        In the memory of the raw ones. Those of two bytes, which would round what is standardised,
        are still raw.
    scaling
        Theirs.
    """

    kept: Float[Tensor, "stimuli units"]
    scaling: Scaling

    def values(self) -> Float[Tensor, "stimuli units"]:
        """Return them standardised, in float32 or float64; made anew where they are kept raw."""
        return _standardised(self.kept, self.scaling) if _is_short(self.kept) else self.kept


def standardise(raw: Float[Tensor, "stimuli units"], scaling: Scaling) -> Standardised:
    """Standardise responses in their own memory; later, where that would round them."""
    if not _is_short(raw):
        _standardised(raw, scaling, out=raw)
    return Standardised(raw, scaling)


def _is_short(values: Tensor) -> bool:
    return values.dtype.itemsize <= 2


def _standardised(raw: Tensor, scaling: Scaling, out: Tensor | None = None) -> Tensor:
    made = torch.empty_like(raw, dtype=torch.float32) if out is None else out
    for part, rows in zip(raw.split(ROWS), made.split(ROWS), strict=True):
        rows.copy_(scaling.apply(part))
    return made


def scaling(
    raw: Float[Tensor, "stimuli units"], *, z_scored: bool, out: Float64[Tensor, "2 units"]
) -> Scaling:
    """Find the mean and the scale of each unit, and which vary.

    The scale is the standard deviation (``ddof=0``) if `z_scored`, and 1 for units that do not vary
    by more than float64 can tell; else it is a power of two for all. Both are written into `out`:
    new tensors among the large temporary ones would keep the holes that these leave from being
    used again.
    """
    (mean, scale), count = out, len(raw)
    mean.zero_()
    for part in raw.split(ROWS):
        mean += part.double().sum(0)
    mean /= count
    variance = torch.zeros_like(mean)
    for part in raw.split(ROWS):
        variance += (part - mean).square_().sum(0)
    variance /= count
    # The rounding error of the variance of `count` equal numbers, as scikit-learn bounds it.
    eps = torch.finfo(torch.float64).eps
    varies = variance > count * eps * variance + (count * eps * mean).square()
    sd = variance.sqrt()
    power = 1.0 if z_scored else _power(sd.max().item())
    scale.copy_(sd.where(varies, 1.0) if z_scored else torch.full_like(sd, power))
    return Scaling(mean, scale, power, int(varies.sum()))


def _power(sd: float) -> float:
    """Return what to divide responses by lest the products overflow, or vanish, in float32.

    It is 1 but for responses far from 1, and then a power of two, which rounds nothing.
    """
    exponent = frexp(sd)[1] if 0 < sd < inf else 0
    return 1.0 if abs(exponent) <= USUAL else ldexp(1.0, exponent)


def add_square(gram: Tensor, z: Float[Tensor, "stimuli units"], power: float = 1.0) -> None:
    """Add ``z @ z.T``, times the square of `power`, to `gram` on and below its diagonal, in strips.

    Half of the products are spared, and no second matrix of that size is made.
    """
    z = _exact(z)
    with torch.autocast(z.device.type, enabled=False):
        for start in range(0, len(z), ROWS):
            strip = z[start:] @ z[start : start + ROWS].T
            gram[start:, start : start + ROWS].add_(strip, alpha=power * power)


def add_product(
    cross: Tensor, new: Float64[Tensor, "new units"], z: Tensor, power: float = 1.0
) -> None:
    """Add ``new @ z.T``, times the square of `power`, to some rows of a cross-kernel."""
    z = _exact(z)
    with torch.autocast(z.device.type, enabled=False):  # which a model may switch on for itself
        cross.add_(new.to(z.dtype) @ z.T, alpha=power * power)


def finish(total: Sum) -> None:
    """Fill the upper triangle, and take off what rounding left of row and column means."""
    _mirror(total.gram)
    means = total.gram.mean(0)
    total.gram.sub_(means).sub_(means[:, None]).add_(means.mean())
    _mirror(total.gram)  # the two subtractions round differently on either side
    for cross in total.cross.values():
        cross.sub_(cross.mean(1, keepdim=True))


def working_memory(stimuli: int, batch: int, block: int, itemsize: int) -> int:
    """Bytes that the functions of this module make beside what they are given."""
    converted = 0 if itemsize > 2 else 4 * stimuli * block
    if _rounds() and itemsize < 8:
        converted += 8 * stimuli * block
    moments = 8 * 6 * block
    pixels = max(2 * ROWS, 3 * batch) * block * 8
    products = 2 * 8 * max(stimuli * ROWS, batch * stimuli)
    return converted + moments + pixels + products


def _exact(z: Tensor) -> Tensor:
    return z.double() if _rounds() else z


def _rounds() -> bool:
    """Tell whether the user allows float32 products to be rounded to TF32 or bfloat16."""
    try:
        return torch.get_float32_matmul_precision() != "highest"
    except RuntimeError:  # which it is, where the precision is set by backend
        return True


def _mirror(square: Tensor) -> None:
    for start in range(0, len(square), ROWS):
        stop = start + ROWS
        strip = square[start:, start:stop]
        corner = strip[:ROWS]
        corner.copy_(corner.tril() + corner.tril(-1).T)
        square[start:stop, stop:] = square[stop:, start:stop].T
