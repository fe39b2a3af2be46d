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

from striate._products import product
from striate.spectra.centred import Centred
from striate.spectra.components import Components
from striate.spectra.processes import ALONE, Processes

MOST_BLOCKS = 6
# bfloat16 rounds activations to 2**-9 of themselves; spread over all directions as noise, that is
# 1e-7 to 1e-6 of the largest eigenvalue.
STEEP = 1e-5
# So many more directions are given back than were given: there is room to start from more.
SPARE = 16
# Columns in whose multiples a processor is at its best: 64 take less time than 62.
EVEN = 16
# Of the lengths of columns: inner products are off by less.
ROUNDING = 64.0
# Where variance hardly falls behind the window, the error of an eigenvalue was up to twice its
# estimate.
AT_MOST = 2.0


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
        :math:`u_iv_i^\top`. Both are those before the last half power step, which is on top.
    behind
        How large the eigenvalue behind that of the last component may be.
    basis
        The leading directions, more than there are components.
    blocks
        How many blocks the basis was extended by; of `iterated_components`, how often the error
        was looked at.
    """

    components: Components
    value_error: Float[Tensor, " ranks"]
    vector_error: Float[Tensor, " ranks"]
    behind: Float[Tensor, ""]
    basis: Float[Tensor, "units basis"]
    blocks: int

    def undecided(self) -> bool:
        """Tell whether the component behind the last one may be the one that belongs there.

        Where eigenvalues are all but equal either will do for α. But they are two directions, and
        the last one may be a tenth of the gradient.
        """
        return bool(self.behind > self.components.eigenvalues[-1])


class RitzPairs(NamedTuple):
    r"""Approximate components of a batch, a few more than are wanted, and what they lack.

    Attributes
    ----------
    left, right
        Scores, those of this process, along orthonormal directions.
    ahead
        :math:`\bar X^\top` times the scores.
    values
        The scores' squared lengths: Ritz values; float64.
    residual
        :math:`\bar X^\top\bar X v_i - \theta_i v_i`.
    """

    left: Float[Tensor, "stimuli some"]
    right: Float[Tensor, "units some"]
    ahead: Float[Tensor, "units some"]
    values: Float[Tensor, " some"]
    residual: Float[Tensor, "units some"]


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

    Rayleigh–Ritz in a space that grows from :math:`Q` by a block :math:`SV` at a time, where
    :math:`S = \bar X^\top\bar X` is the scatter matrix and :math:`V` the leading half of the
    directions found so far. What the space lacks shows in the residual
    :math:`r_i = Sv_i - \theta_i v_i`: for a Ritz value :math:`\theta_i`, :math:`0 \le
    \lambda_i-\theta_i \approx \lVert r_i\rVert^2/(\theta_i-\rho)`, and the squared sine of its
    vector is about :math:`\lVert r_i\rVert^2/(\theta_i-\rho)^2`, where :math:`\rho` is the
    eigenvalue that goes with the missing part: the Rayleigh quotient of the residuals. With
    :math:`Sv_i` at hand, half a power step costs little, and is what is returned (`looked_at`).

    The space, which only has to *contain* the components, may be built in bfloat16; they then come
    from one more product in the precision of `batch`.

    Parameters
    ----------
    batch
        Of several processes, the rows that are held here.
    count
        How many components.
    basis
        Orthonormal directions to start from, more than `count`.
    good_enough
        While it is not, another block follows, up to six in all. The last answer may be no.
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
    rows, total = batch.measured(torch.bfloat16 if coarse else batch.x.dtype, processes)
    directions, images = basis, rows.times(basis)
    some = neighbours(count, basis.shape[1])
    inner = processes.add(images.T @ images)
    leading, used = product(images, _pushed(inner, count)), 0
    while True:
        block = _new_directions(processes.add(rows.transposed_times(leading)), directions)
        directions = torch.cat([directions, block], 1)
        images, used = torch.cat([images, rows.times(block)], 1), used + 1
        inner = processes.add(images.T @ images)
        spectrum, rotation = _leading(inner)
        if coarse and spectrum[count - 1] < STEEP * spectrum[0]:
            return tracked_components(
                batch,
                count,
                basis=basis,
                good_enough=good_enough,
                coarse=False,
                processes=processes,
            )
        rotation = rotation.to(images.dtype)
        # Or rounding would add up from batch to batch.
        kept = _orthonormal(product(directions, rotation[:, : basis.shape[1] + SPARE]))
        if coarse:
            right, left = _sharpened(batch, kept, some, processes)
            ahead = processes.add(batch.transposed_times(left))
        else:
            right, left = kept[:, :some], product(images, rotation[:, :some])
            ahead = processes.add(rows.transposed_times(left))
        pairs = ritz_pairs(left, right, ahead, processes)
        tracked = looked_at(rows, pairs, total, count, processes, basis=kept, blocks=used)
        full = directions.shape[1] + block.shape[1] > len(basis)
        if good_enough(tracked) or used == MOST_BLOCKS or full:
            # More digits than these a gradient does not need.
            return tracked._replace(components=tracked.components.rounded(rows.x.dtype))
        leading = product(images, rotation[:, : block.shape[1]])


def _pushed(inner: Tensor, count: int) -> Tensor:
    """Combine the directions to start from into those that a block is made of: half as many.

    What lies behind them hardly matters to the components.
    """
    width = len(inner)
    least = -(-max(width // 2, count + count // 4) // EVEN) * EVEN
    return _leading(inner, min(least, width))[1].to(inner)


def neighbours(count: int, width: int) -> int:
    """Say how many components to improve together: those behind the last one mix with it."""
    return min(-(-(count + count // 4) // EVEN) * EVEN, width)


def _leading(inner: Tensor, some: int | None = None) -> tuple[Tensor, Tensor]:
    """Eigenvalues and vectors of the inner products, largest first; float64.

    In float32, LAPACK gives up on a layer in which some units are as good as dead.
    """
    values, vectors = torch.linalg.eigh(inner.double())
    return values.flip(0), vectors.flip(1)[:, :some]


def _new_directions(block: Tensor, directions: Tensor) -> Tensor:
    """Orthonormal directions for what `block` adds to the span of `directions`."""
    for _ in range(2):
        # What rounding left of a large part that was removed is large beside a small rest.
        block = block - product(directions, product(directions.T, block))
        block = block / block.norm(dim=0).clamp_min(torch.finfo(block.dtype).tiny)
        block = _orthonormal(block)
    return block


def _orthonormal(columns: Tensor) -> Tensor:
    """Make columns of length one orthogonal by Cholesky's factor of their inner products.

    Small matrices only, where QR goes over the columns again and again. What is added to the
    diagonal lets columns that depend on each other have a factor too.
    """
    square = (columns.T @ columns).double()
    least = ROUNDING * torch.finfo(columns.dtype).eps
    square.diagonal().add_(least)
    factor, failed = torch.linalg.cholesky_ex(square / (1 + least))
    if failed:
        return torch.linalg.qr(columns)[0]
    identity = torch.eye(len(factor), dtype=factor.dtype, device=factor.device)
    inverse = torch.linalg.solve_triangular(factor, identity, upper=False).to(columns)
    return product(columns, inverse.T)


def _sharpened(
    batch: Centred, kept: Tensor, count: int, processes: Processes
) -> tuple[Tensor, Tensor]:
    """Solve once more within the leading directions, in the precision of the batch."""
    some = kept[:, :count]
    images = batch.times(some)
    inner = processes.add(images.T @ images)
    rotation = _leading(inner, count)[1].to(some)
    return product(some, rotation), product(images, rotation)


def ritz_pairs(
    left: Tensor, right: Tensor, ahead: Tensor, processes: Processes = ALONE
) -> RitzPairs:
    r"""Find the Ritz values and residuals of scores along directions.

    Parameters
    ----------
    left, right, ahead
        Of `RitzPairs`; the scores of this process, `ahead` summed over all.
    processes
        Who else holds scores.
    """
    values = processes.add(left.double().square().sum(0))
    return RitzPairs(left, right, ahead, values, ahead - right * values.to(right))


def looked_at(
    rows: Centred,
    pairs: RitzPairs,
    total: Float[Tensor, ""],
    count: int,
    processes: Processes,
    *,
    basis: Float[Tensor, "units basis"],
    blocks: int,
) -> Tracked:
    """Say how wrong `count` components are, and make them better; `Tracked` says what the rest is.

    Parameters
    ----------
    rows
        The batch, in the precision of the products.
    pairs
        More than `count`.
    total
        Sum of all eigenvalues.
    count, processes
        As in `tracked_components`.
    basis, blocks
        To be given back as they are.
    """
    of_values, of_vectors, of_next = _errors(rows, pairs, count, processes)
    found, behind = _improved(pairs, total, count)
    return Tracked(found, of_values, of_vectors, behind * (1 + of_next), basis, blocks)


def _improved(pairs: RitzPairs, total: Tensor, count: int) -> tuple[Components, Tensor]:
    r"""Make `count` components better by :math:`\bar X^\top` times scores, which residuals need.

    Rayleigh–Ritz of :math:`\bar X\bar X^\top` in the span of the scores: half a power step, in
    which neighbours that had mixed come apart. Also return the eigenvalue behind the last.
    """
    tiny = torch.finfo(pairs.left.dtype).tiny  # what it divides can still be held
    length = pairs.values.clamp_min(tiny).sqrt()
    across = pairs.ahead.double() / length
    eigenvalues, rotation = _leading(across.T @ across, count)
    eigenvalues, behind = eigenvalues[:count].relu(), eigenvalues[count].relu()
    root, turn = eigenvalues.clamp_min(tiny).sqrt(), rotation / length[:, None]
    left = product(pairs.left, (turn * root).to(pairs.left))
    right = product(pairs.ahead, (turn / root).to(pairs.ahead))
    return Components(left, right, eigenvalues, total), behind


def _errors(
    rows: Centred, pairs: RitzPairs, count: int, processes: Processes
) -> tuple[Tensor, Tensor, Tensor]:
    """Estimate how wrong `count` eigenvalues and vectors are, and bound the next eigenvalue's."""
    some = count + 1
    values, residual = pairs.values[:some], pairs.residual[:, :some]
    missing = _lacking(residual, values, pairs.right[:, :some])
    outside = processes.add(rows.times(missing).double().square().sum())
    # A value that vanishes is known, and counts, as little as rounding of the first.
    double = torch.finfo(torch.float64)
    values = torch.maximum(values, double.eps * values[0]).clamp_min(double.tiny**0.5)
    square = residual.double().square().sum(0)
    # Where the values hardly fall, the gap is not known better than this.
    gap = torch.maximum(values - outside, 0.02 * values)
    of_values = square / (gap * values)
    of_vectors = square / gap.square() * (1 + (outside / values).clamp_max(1)) / 2
    return of_values[:count], of_vectors[:count], AT_MOST * of_values[count]


def _lacking(residual: Tensor, values: Tensor, right: Tensor) -> Tensor:
    """Direction in which the components lie wrong: their residuals' sum stands for them all."""
    lacking = (residual / values.clamp_min(1e-300)).sum(1, keepdim=True).to(right)
    lacking = lacking - right @ (right.T @ lacking)  # there only by rounding
    return lacking / lacking.norm().clamp_min(torch.finfo(lacking.dtype).tiny)
