r"""The leading principal components of a batch, found from those of the batch before.

While a network trains, the components of one batch nearly span those of the next. From there a
block Krylov method needs a handful of thin products with the activations, and neither a units ×
units nor a stimuli × stimuli matrix: its cost is linear in stimuli, units and components, where
that of an eigendecomposition is cubic.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from striate.spectra.centred import Centred
from striate.spectra.components import Components
from striate.spectra.processes import ALONE, Processes

MOST_BLOCKS = 4
# bfloat16 rounds activations to 2**-9 of themselves; spread over all directions as noise, that is
# 1e-7 to 1e-6 of the largest eigenvalue.
STEEP = 1e-5
# So many more directions are given back than were given: there is room to start from more.
SPARE = 16


class Tracked(NamedTuple):
    r"""Components, how wrong they may be, and what to start from on the next batch.

    Attributes
    ----------
    components
        The leading ones.
    value_error
        Estimate of how much each eigenvalue is too small, relative to itself.
    vector_error
        Estimate of one minus the cosine between each pair of vectors and the true pair, for
        :math:`u_iv_i^\top`.
    basis
        The leading directions, more than there are components.
    blocks
        How many blocks the basis was extended by.
    """

    components: Components
    value_error: Float[Tensor, " ranks"]
    vector_error: Float[Tensor, " ranks"]
    basis: Float[Tensor, "units basis"]
    blocks: int


def tracked_components(
    batch: Centred,
    count: int,
    *,
    basis: Float[Tensor, "units basis"],
    good_enough: Callable[[Tracked], bool],
    coarse: bool,
    processes: Processes = ALONE,
) -> Tracked:
    r"""Find the `count` leading components of `batch`, starting from `basis`.

    Rayleigh–Ritz in the block Krylov space of the scatter matrix :math:`S = \bar X^\top\bar X`,
    :math:`\mathrm{span}\{Q, SQ, S^2Q, \dots\}`. The space, which only has to *contain* the
    components, may be built in bfloat16; components and eigenvalues then come from one product in
    the precision of `batch`, solved in float64. What the space lacks shows in the residual
    :math:`r_i = Sv_i - \theta_i v_i`: for a Ritz value :math:`\theta_i`, :math:`0 \le
    \lambda_i-\theta_i \approx \lVert r_i\rVert^2/(\theta_i-\rho)`, and the squared sine of its
    vector is about :math:`\lVert r_i\rVert^2/(\theta_i-\rho)^2`, where :math:`\rho` is the
    eigenvalue that goes with the missing part: the Rayleigh quotient of the residuals.

    Parameters
    ----------
    batch
        Of several processes, the rows that are held here.
    count
        How many components.
    basis
        Orthonormal directions to start from, more than `count`.
    good_enough
        While it is not, another block follows, up to four in all. The last answer may be no.
    coarse
        Whether to build the space in bfloat16, unless the eigenvalues fall so far that its
        rounding would hide the last ones.
    processes
        Who else holds rows.

    Raises
    ------
    ValueError
        If the sum of squares overflows.
    """
    rows, total = batch.copied(torch.bfloat16 if coarse else batch.x.dtype, processes)
    width = basis.shape[1]
    directions, newest = basis, times(rows, basis)
    images, used = newest, 0
    while True:
        block = _new_directions(processes.add(times(rows.T, newest)), directions)
        newest, used = times(rows, block), used + 1
        directions, images = torch.cat([directions, block], 1), torch.cat([images, newest], 1)
        inner = processes.add(images.T @ images)
        values, rotation = torch.linalg.eigh(inner.double())
        if coarse and values[-count] < STEEP * values[-1]:
            return tracked_components(
                batch,
                count,
                basis=basis,
                good_enough=good_enough,
                coarse=False,
                processes=processes,
            )
        kept = directions @ rotation[:, -width - SPARE :].flip(1).to(directions.dtype)
        kept = torch.linalg.qr(kept)[0]  # or rounding would add up from batch to batch
        found = _solved(batch, kept, count, total, processes)
        residual = processes.add(times(rows.T, found.left)) - found.right * found.eigenvalues
        outside = processes.add(times(rows, lacking(residual, found)).double().square().sum())
        tracked = Tracked(found, *errors(residual, found.eigenvalues, outside), kept, used)
        full = directions.shape[1] + width > len(basis)
        if used == MOST_BLOCKS or full or good_enough(tracked):
            # More digits than these a gradient does not need.
            return tracked._replace(components=found.rounded(rows.dtype))


def _round_up(columns: int, most: int) -> int:
    """Round up to a number of columns for which processors are at their best."""
    return min(-(-columns // 32) * 32, most)


def times(rows: Tensor, block: Tensor) -> Tensor:
    return (rows @ block.to(rows.dtype)).to(block.dtype)


def _new_directions(block: Tensor, directions: Tensor) -> Tensor:
    """Orthonormal directions for what `block` adds to the span of `directions`."""
    block = block - directions @ (directions.T @ block)
    block = block / block.norm(dim=0).clamp_min(torch.finfo(block.dtype).tiny)
    block = torch.linalg.qr(block)[0]
    # What rounding left of a large part that was removed is large beside a small rest.
    block = block - directions @ (directions.T @ block)
    return block / block.norm(dim=0).clamp_min(torch.finfo(block.dtype).tiny)


def _solved(
    batch: Centred, kept: Tensor, count: int, total: Tensor, processes: Processes
) -> Components:
    """Solve for the leading components within the leading directions, in full precision."""
    some = kept[:, : _round_up(count + count // 4, kept.shape[1])]
    images = torch.cat([part @ some for part in batch.parts()])
    double = images.double()
    eigenvalues, rotation = torch.linalg.eigh(processes.add(double.T @ double))
    eigenvalues, rotation = eigenvalues.flip(0)[:count].relu(), rotation.flip(1)[:, :count]
    rotation = rotation.to(some.dtype)
    return Components(images @ rotation, some @ rotation, eigenvalues, total)


def lacking(residual: Tensor, found: Components) -> Tensor:
    """Direction in which the components lie wrong: their residuals' sum stands for them all."""
    lacking = (residual / found.eigenvalues.clamp_min(1e-300)).sum(1, keepdim=True).to(found.right)
    lacking -= found.right @ (found.right.T @ lacking)  # there only by rounding
    return lacking / lacking.norm().clamp_min(torch.finfo(lacking.dtype).tiny)


def errors(residual: Tensor, eigenvalues: Tensor, outside: Tensor) -> tuple[Tensor, Tensor]:
    # A value that vanishes is known, and counts, as little as rounding of the first.
    double = torch.finfo(torch.float64)
    values = torch.maximum(eigenvalues, double.eps * eigenvalues[0]).clamp_min(double.tiny**0.5)
    square = residual.double().square().sum(0)
    # Where the values hardly fall, the gap is not known better than this.
    gap = torch.maximum(values - outside, 0.02 * values)
    return square / (gap * values), square / gap.square() * (
        1 + (outside / values).clamp_max(1)
    ) / 2
