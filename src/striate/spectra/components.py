r"""The leading principal components of a batch, and the gradient of their variances.

`exact_components` finds them by an eigendecomposition, `subspace.tracked_components` from those of
the batch before. What is done with either is the same: `variances` hands eigenvalues to autograd,
with a gradient that is written out rather than backpropagated through the search.
"""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from striate._products import add_product, product
from striate._threads import one_thread
from striate.spectra.centred import Centred, centred, finite_squares
from striate.spectra.processes import ALONE, Processes

# Rows from which on a second thread helps LAPACK with the leading pairs, beside those of PyTorch.
SMALL = 1400


class Components(NamedTuple):
    r"""Leading singular triplets of centred activations :math:`\bar X`.

    Attributes
    ----------
    left
        Scores :math:`\bar X v_i`, of length :math:`\sigma_i`; the rows of this process.
    right
        Directions :math:`v_i`, orthonormal.
    eigenvalues
        :math:`\sigma_i^2`, the eigenvalues of :math:`\bar X^\top\bar X`, largest first; float64.
    total
        The sum of all of them, found or not; float64.
    """

    left: Float[Tensor, "stimuli ranks"]
    right: Float[Tensor, "units ranks"]
    eigenvalues: Float[Tensor, " ranks"]
    total: Float[Tensor, ""]

    def rounded(self, dtype: torch.dtype) -> "Components":
        """Return them with vectors of that precision."""
        return self._replace(left=self.left.to(dtype), right=self.right.to(dtype))


Find = Callable[[Centred], Components]


def exact_components(batch: Centred, count: int, *, processes: Processes = ALONE) -> Components:
    r"""Decompose the smaller of the covariance and the Gram matrix.

    Each eigenvalue is recomputed from its vector as :math:`\lVert \bar X v_i\rVert^2`, and where
    float32 cannot tell the smallest of them from rounding the vectors are found in float64, so
    that small values are accurate relative to *themselves*, not to the largest, down to some 1e-15
    of the largest.

    Parameters
    ----------
    batch
        Of several processes, the rows that are held here.
    count
        How many components.
    processes
        Who else holds rows.

    Raises
    ------
    ValueError
        If the sum of squares overflows.
    """
    fewer_units = batch.x.shape[1] <= processes.rows(batch.x)
    return (_by_covariance if fewer_units else _by_gram)(batch, count, processes)


def _by_covariance(batch: Centred, count: int, processes: Processes) -> Components:
    """Sum the covariance of the units over processes; each keeps the scores of its own rows."""
    units = batch.x.shape[1]

    def covariance(dtype: torch.dtype) -> Tensor:
        across = (part.T for part in batch.parts(0))
        return processes.add(lower_square(across, units, like=batch.x, dtype=dtype))

    right, total = _leading_vectors(covariance, count, batch.x)
    left = torch.cat([product(part, right) for part in batch.parts(0)])
    return Components(left, right, processes.add(_squares(left)), total)


def _by_gram(batch: Centred, count: int, processes: Processes) -> Components:
    """Gather the rows of all processes, each of which decomposes the Gram matrix of the stimuli."""
    rows, mine = processes.gather(batch.x)
    whole = Centred(rows, batch.mean)

    def gram(dtype: torch.dtype) -> Tensor:
        return lower_square(whole.parts(1), len(rows), like=batch.x, dtype=dtype)

    left, total = _leading_vectors(gram, count, batch.x)
    right = torch.cat([product(part.T, left) for part in whole.parts(1)])
    eigenvalues = _squares(right)
    length = eigenvalues.sqrt().to(right).clamp_min(torch.finfo(right.dtype).tiny)
    return Components(left[mine] * length, right.div_(length), eigenvalues, total)


def _squares(columns: Tensor) -> Tensor:
    return torch.linalg.vector_norm(columns, dim=0, dtype=torch.float64).square()


def variances(
    x: Float[Tensor, "stimuli units"], find: Find, processes: Processes = ALONE
) -> tuple[Float[Tensor, " ranks"], Float[Tensor, ""]]:
    r"""Eigenvalues of the covariance of `x`, as many as `find` finds, and the sum of all.

    Differentiable once, without backpropagating through the search:
    :math:`\partial\lambda_i/\partial X = \frac{2}{n-1}\bar X v_i v_i^\top` and, for the sum,
    :math:`\frac{2}{n-1}\bar X`. Neither needs a vector outside the window, a difference of
    eigenvalues, or the mean: the columns of both sum to zero as they are.

    Returns
    -------
    values, total
        In float64, which holds squares of whatever float32 holds.

    Raises
    ------
    ValueError
        If there are fewer than two stimuli, or a response is not finite.
    """
    values, total = _Variances.apply(x, find, processes)  # pyright: ignore[reportGeneralTypeIssues]
    return values, total


class Context(FunctionCtx):
    """What the forward pass leaves for the backward one, beside tensors."""

    saved_tensors: tuple[Tensor, ...]
    factor: float


class _Variances(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, find: Find, processes: Processes
    ) -> tuple[Tensor, Tensor]:
        batch = centred(x, processes)
        left, right, eigenvalues, total = find(batch)
        ctx.save_for_backward(*batch, left, right, eigenvalues, total)
        freedom = processes.rows(x) - 1
        # Distributed training averages gradients over processes, each of which has only its rows.
        cast(Context, ctx).factor = 2 * processes.size / freedom
        return eigenvalues / freedom, total / freedom

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        context = cast(Context, ctx)
        x, mean, left, right, eigenvalues, total = context.saved_tensors
        of_values, of_total = (context.factor * gradient for gradient in gradients)
        # The total is moved along the components found, which hold most of it; along the rest only
        # if that is not lost in rounding anyway, for it costs a copy of the activations.
        along = ((of_values + of_total).square() * eigenvalues).sum()
        rest = of_total.square() * (total - eigenvalues.sum()).relu()
        lost = rest <= (8 * torch.finfo(x.dtype).eps) ** 2 * along
        weights = of_values + of_total if lost else of_values
        with torch.autocast(left.device.type, enabled=False):
            gradient = product((left * weights).to(right.dtype), right.T).to(x.dtype)
            if not lost:
                Centred(x, mean).add_to(gradient, times=of_total.item())
        return gradient, None, None


def lower_square(parts: Iterable[Tensor], size: int, *, like: Tensor, dtype: torch.dtype) -> Tensor:
    """Sum ``part @ part.T`` over `parts`; the lower triangle of it, on a CPU."""
    square = like.new_zeros(size, size, dtype=dtype)
    strip = size if like.device.type == "cuda" else 256
    for part in parts:
        part = part.to(dtype)
        for start in range(0, size, strip):
            some = part[start : start + strip]
            add_product(square[start:, start : start + strip], part[start:], some.T)
    return square


def _leading_vectors(
    square: Callable[[torch.dtype], Tensor], count: int, like: Tensor
) -> tuple[Tensor, Tensor]:
    """Eigenvectors for the `count` largest eigenvalues, largest first; and the sum of all values.

    `square` makes the matrix, of which only the lower triangle is looked at, in a given precision;
    the vectors are where and of the type that `like` is.
    """
    # A GPU's float32 vectors miss an α of 3 by 0.003, and its float64 ones take 8 % longer (H200).
    first = torch.float64 if like.is_cuda else like.dtype
    matrix = square(first)
    total = finite_squares(matrix.diagonal().sum(dtype=torch.float64))
    if first != torch.float64 and total < torch.finfo(first).tiny / torch.finfo(first).eps:
        first = torch.float64  # which holds squares that are lost below the least number
        matrix = square(first)
        total = matrix.diagonal().sum()
    eigenvalues, vectors = leading_pairs(matrix, count)
    # Rounding mixes the vectors of eigenvalues that it can no longer tell apart, and with them the
    # gradient; then the same in double precision, at twice the price.
    noise = 16 * torch.finfo(first).eps * eigenvalues[0]
    if first != torch.float64 and eigenvalues[-1] < noise:
        vectors = leading_pairs(square(torch.float64), count)[1]
    return vectors.to(like.dtype), total


def leading_pairs(square: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Find the `count` largest eigenvalues of a symmetric matrix, largest first, and their vectors.

    Only the lower triangle is looked at; on a CPU the matrix may be overwritten.
    """
    size = len(square)
    if square.device.type != "cpu" or 4 * count > size:
        eigenvalues, vectors = torch.linalg.eigh(square)
        return eigenvalues[-count:].flip(0), vectors[:, -count:].flip(1)
    # LAPACK's partial solver, which torch lacks, finds 50 vectors of 2000 in half the time of all.
    from scipy.linalg import eigh

    with one_thread() if size < SMALL else nullcontext():
        eigenvalues, vectors = eigh(
            square.numpy().T,  # whose upper triangle is then ours
            lower=False,
            subset_by_index=(size - count, size - 1),
            overwrite_a=True,
            check_finite=False,
        )
    return torch.from_numpy(eigenvalues[::-1].copy()), torch.from_numpy(vectors[:, ::-1].copy())
