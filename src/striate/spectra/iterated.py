r"""The leading principal components of a batch, where products cost next to nothing.

What `subspace.tracked_components` does for a processor, for a GPU: there a thin product takes
microseconds and a small eigenproblem a millisecond, whatever its size, so the space is bettered by
products alone and there is one eigenproblem, of as many directions as are remembered.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from striate.spectra.centred import Centred
from striate.spectra.processes import ALONE, Processes
from striate.spectra.subspace import SPARE, Tracked, looked_at, neighbours, ritz_pairs

# Products with the scatter matrix before the first look at the error, and between later ones.
ROUNDS = (3, 2, 2, 2)
# Added to squares of length one, so that whatever the columns a factor exists: what rounding of the
# products may be worth (after Fukaya et al. 2020, Shifted Cholesky QR), and that of a square.
SHIFT, ROUNDING = 1e-9, 1e-14


def iterated_components(
    batch: Centred,
    count: int,
    *,
    basis: Float[Tensor, "units basis"],
    good_enough: Callable[[Tracked], bool],
    processes: Processes = ALONE,
) -> Tracked:
    r"""Find the `count` leading components of `batch`, starting from `basis`.

    Subspace iteration, :math:`Q \leftarrow \mathrm{orth}(\bar X^\top\bar X Q)`, three times; then
    Rayleigh–Ritz in :math:`Q`, and error and half a power step as in
    `subspace.tracked_components`. All of it in the precision of `batch`.

    Parameters
    ----------
    batch, count, basis, processes
        As in `subspace.tracked_components`.
    good_enough
        While it is not, two more products follow, up to nine in all. The last answer may be no.

    Raises
    ------
    ValueError
        If the sum of squares overflows.
    """
    rows, total = batch.measured(batch.x.dtype, processes)
    directions, tracked, some = basis, None, neighbours(count, basis.shape[1])
    for look, products in enumerate(ROUNDS, 1):
        for _ in range(products):
            ahead = processes.add(rows.transposed_times(rows.times(directions)))
            directions = _untangled(ahead.double(), SHIFT).to(ahead.dtype)
        directions = orthonormal(directions)
        images = rows.times(directions)
        double = images.double()
        rotation = torch.linalg.eigh(processes.add(double.T @ double))[1].flip(1).to(images.dtype)
        directions, left = directions @ rotation, images @ rotation[:, :some]
        right = directions[:, :some]
        ahead = processes.add(rows.transposed_times(left))
        pairs = ritz_pairs(left, right, ahead, processes)
        # Where the components are least right there is most to be had for a wider basis.
        more = pairs.residual[:, :count][:, -SPARE:]
        more = more / more.norm(dim=0).clamp_min(torch.finfo(more.dtype).tiny)
        wider = torch.cat([directions, more], 1)
        tracked = looked_at(rows, pairs, total, count, processes, basis=wider, blocks=look)
        if good_enough(tracked):
            break
    assert tracked is not None  # there is a first look
    return tracked


def orthonormal(block: Float[Tensor, "units columns"]) -> Float[Tensor, "units columns"]:
    """Orthonormal directions of the same span, by Cholesky factors of their inner products.

    Columns that depend on each other more closely than float64 can tell leave directions of
    rounding, shorter than one.
    """
    directions = block.double()
    for shift in (SHIFT, ROUNDING, ROUNDING):
        directions = _untangled(directions, shift)
    return directions.to(block.dtype)


def _untangled(columns: Tensor, shift: float) -> Tensor:
    """Take from each column those before it; with what `shift` adds there is always a factor."""
    columns = columns / columns.norm(dim=0).clamp_min(torch.finfo(columns.dtype).tiny)
    inner = columns.T @ columns
    inner.diagonal().add_(shift)
    factor = torch.linalg.cholesky_ex(inner)[0]
    return torch.linalg.solve_triangular(factor, columns.T, upper=False).T
