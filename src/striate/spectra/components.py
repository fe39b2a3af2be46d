r"""The leading principal components of a batch, and the gradient of their variances.

`exact_components` finds them by an eigendecomposition, `subspace.tracked_components` from those of
the batch before. What is done with either is the same: `variances` hands eigenvalues to autograd,
with a gradient that is written out rather than backpropagated through the search.
"""

from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from striate.spectra.processes import ALONE, Processes


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
    """

    left: Float[Tensor, "stimuli ranks"]
    right: Float[Tensor, "units ranks"]
    eigenvalues: Float[Tensor, " ranks"]


# (centred activations, their sum of squares over all processes) -> the leading components
Find = Callable[[Float[Tensor, "stimuli units"], Float[Tensor, ""]], Components]


def exact_components(
    centred: Float[Tensor, "stimuli units"], count: int, *, processes: Processes = ALONE
) -> Components:
    r"""Decompose the smaller of the covariance and the Gram matrix.

    Each eigenvalue is recomputed from its vector as :math:`\lVert \bar X v_i\rVert^2`, and where
    float32 cannot tell the smallest of them from rounding the vectors are found in float64, so
    that small values are accurate relative to *themselves*, not to the largest.

    Parameters
    ----------
    centred
        Activations less their mean; of several processes, the rows that are held here.
    count
        How many components.
    processes
        Who else holds rows.
    """
    units = centred.shape[1]
    stimuli = processes.rows(centred)
    if units <= stimuli:
        right = _leading_vectors(centred.T, count, processes.add)
        left = centred @ right
        eigenvalues = processes.add(left.double().square().sum(0))
    else:
        rows, mine = processes.gather(centred)
        left = _leading_vectors(rows, count, ALONE.add)
        right = rows.T @ left
        eigenvalues = right.double().square().sum(0)
        length = eigenvalues.sqrt().to(right).clamp_min(torch.finfo(right.dtype).tiny)
        left, right = left[mine] * length, right / length
    return Components(left, right, eigenvalues)


def variances(
    x: Float[Tensor, "stimuli units"], find: Find, processes: Processes = ALONE
) -> tuple[Float[Tensor, " ranks"], Float[Tensor, ""]]:
    r"""Eigenvalues of the covariance of `x`, as many as `find` finds, and the sum of all.

    Differentiable once, without backpropagating through the search:
    :math:`\partial\lambda_i/\partial X = \frac{2}{n-1}\bar X v_i v_i^\top` and, for the sum,
    :math:`\frac{2}{n-1}\bar X`. Neither needs a vector outside the window, a difference of
    eigenvalues, or the mean: the columns of both sum to zero as they are.

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
        stimuli = processes.rows(x)
        if stimuli < 2:
            raise ValueError(f"a covariance needs at least 2 stimuli, x has {stimuli}")
        centred = x - (processes.add(x.sum(0)) / stimuli if processes.size > 1 else x.mean(0))
        flat = centred.flatten()
        squares = processes.add(torch.dot(flat, flat))
        if not squares.isfinite():
            raise ValueError("x holds responses that are not finite; did training diverge?")
        left, right, eigenvalues = find(centred, squares)
        ctx.save_for_backward(centred, left, right, eigenvalues, squares)
        # Distributed training averages gradients over processes, each of which has only its rows.
        cast(Context, ctx).factor = 2 * processes.size / (stimuli - 1)
        return (eigenvalues / (stimuli - 1)).to(x.dtype), squares / (stimuli - 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        context = cast(Context, ctx)
        centred, left, right, eigenvalues, squares = context.saved_tensors
        of_values, of_total = (context.factor * gradient for gradient in gradients)
        # The total is moved along the components found, which hold most of it; along the rest only
        # if that is not lost in rounding anyway, for it costs a copy of the activations.
        along = ((of_values + of_total).square() * eigenvalues).sum()
        rest = of_total.square() * (squares - eigenvalues.sum()).relu()
        lost = rest <= (8 * torch.finfo(left.dtype).eps) ** 2 * along
        with torch.autocast(left.device.type, enabled=False):
            if lost:
                return (left * (of_values + of_total)) @ right.T, None, None
            beta = of_total.item()
            return torch.addmm(centred, left * of_values, right.T, beta=beta), None, None


def _leading_vectors(rows: Tensor, count: int, add: Callable[[Tensor], Tensor]) -> Tensor:
    """Eigenvectors of ``rows @ rows.T`` for its `count` largest eigenvalues, largest first."""
    eigenvalues, vectors = _leading_pairs(rows, count, add)
    # Rounding mixes the vectors of eigenvalues that it can no longer tell apart, and with them the
    # gradient; then the same in double precision, at twice the price.
    noise = 16 * torch.finfo(rows.dtype).eps * eigenvalues[0]
    if rows.dtype != torch.float64 and eigenvalues[-1] < noise:
        vectors = _leading_pairs(rows.double(), count, add)[1]
    return vectors.to(rows.dtype)


def _leading_pairs(
    rows: Tensor, count: int, add: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    if rows.device.type == "cpu":
        # numpy, unlike torch, multiplies a matrix by its own transpose at half the price.
        array = rows.detach().numpy()
        square = add(torch.from_numpy(array @ array.T))
    else:
        square = add(rows @ rows.T)
    size = len(square)
    if rows.device.type != "cpu" or 4 * count > size:
        eigenvalues, vectors = torch.linalg.eigh(square)
        return eigenvalues[-count:].flip(0), vectors[:, -count:].flip(1)
    # LAPACK's partial solver, which torch lacks, finds 50 vectors of 2000 in half the time of all.
    from scipy.linalg import eigh

    eigenvalues, vectors = eigh(
        square.numpy().T,
        subset_by_index=(size - count, size - 1),
        overwrite_a=True,
        check_finite=False,
    )
    return torch.from_numpy(eigenvalues[::-1].copy()), torch.from_numpy(vectors[:, ::-1].copy())
