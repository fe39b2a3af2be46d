"""Variances of the principal components of a population's responses."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable


def eigenspectrum(x: Float[Tensor, "stimuli units"]) -> Float[Tensor, " ranks"]:
    r"""Variances of the principal components of `x`, largest first.

    The eigenvalues of :math:`\bar X^\top \bar X / (n-1)`, :math:`\bar X` being the responses less
    each unit's mean over the :math:`n` stimuli, found through the smaller of the covariance
    (units × units) and the Gram matrix (stimuli × stimuli). Differentiable; the gradient stays
    finite where eigenvalues coincide or vanish, because only values, never vectors, are used.

    Parameters
    ----------
    x
        Responses, one row per stimulus. The precision follows `x`: in float32 eigenvalues below
        about 1e-7 of the largest are noise, so give float64 where the tail matters.

    Returns
    -------
    eigenvalues
        The ``min(stimuli - 1, units)`` variances, in squared units of `x`, never negative. They
        sum to the total variance of `x`.

    Raises
    ------
    ValueError
        If there are fewer than two stimuli, or a response is not finite.

    Examples
    --------
    >>> x = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> eigenspectrum(x).tolist()  # 18 / 3 and 2 / 3
    [6.0, 0.6666666865348816]
    """
    centred = _centred(x)
    stimuli, units = x.shape
    square = centred.T @ centred if units < stimuli else centred @ centred.T
    eigenvalues = torch.linalg.eigvalsh(square).flip(0)[: min(stimuli - 1, units)]
    return eigenvalues.relu() / (stimuli - 1)


def leading_eigenvalues(x: Float[Tensor, "stimuli units"], count: int) -> Float[Tensor, " ranks"]:
    r"""Return the `count` largest of the eigenvalues that `eigenspectrum` gives, and cheaply so.

    The gradient is written out, :math:`\partial\lambda_i/\partial \bar X =
    \frac{2}{n-1}\bar X v_i v_i^\top`, so nothing is backpropagated through an eigendecomposition
    and only `count` eigenvectors are ever found. Each value is recomputed from its vector as
    :math:`\lVert \bar X v_i\rVert^2/(n-1)`, and where float32 cannot tell the smallest of them
    from rounding the vectors are found in float64, so that small values are accurate relative to
    *themselves*, not to the largest.

    Parameters
    ----------
    x
        Responses, one row per stimulus.
    count
        How many, at most ``min(stimuli - 1, units)``.

    Returns
    -------
    eigenvalues
        Largest first, differentiable once.

    Raises
    ------
    ValueError
        If `count` is out of range or a response is not finite.
    """
    most = min(x.shape[0] - 1, x.shape[1])
    if not 1 <= count <= most:
        raise ValueError(
            f"count={count} eigenvalues asked of {x.shape[0]} stimuli × {x.shape[1]} units, "
            f"which have {most}"
        )
    eigenvalues = _LeadingEigenvalues.apply(_centred(x), count)
    assert isinstance(eigenvalues, Tensor)  # what autograd.Function is not typed to say
    return eigenvalues


def _centred(x: Tensor) -> Tensor:
    if len(x) < 2:
        raise ValueError(f"a covariance needs at least 2 stimuli, x has {len(x)}")
    centred = x - x.mean(0)
    if not centred.detach().sum().isfinite():
        raise ValueError("x holds responses that are not finite; did training diverge?")
    return centred


class _LeadingEigenvalues(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, centred: Tensor, count: int) -> Tensor:
        stimuli, units = centred.shape
        if units < stimuli:
            right = _leading_vectors(centred.T, count)
            left = centred @ right  # (stimuli, ranks), of length σ
            eigenvalues = left.double().square().sum(0) / (stimuli - 1)
        else:
            left = _leading_vectors(centred, count)
            right = centred.T @ left  # (units, ranks), of length σ
            eigenvalues = right.double().square().sum(0) / (stimuli - 1)
        ctx.save_for_backward(left, right)
        return eigenvalues.to(centred.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        left, right = ctx.saved_tensors  # pyright: ignore[reportAttributeAccessIssue]
        return (left * (grad * (2 / (len(left) - 1)))) @ right.T, None


def _leading_vectors(rows: Tensor, count: int) -> Tensor:
    """Eigenvectors of ``rows @ rows.T`` for its `count` largest eigenvalues, largest first."""
    eigenvalues, vectors = _leading_pairs(rows, count)
    # Rounding mixes the vectors of eigenvalues that it can no longer tell apart, and with them the
    # gradient; then the same in double precision, at twice the price.
    noise = 64 * torch.finfo(rows.dtype).eps * eigenvalues[0]
    if rows.dtype != torch.float64 and eigenvalues[-1] < noise:
        vectors = _leading_pairs(rows.double(), count)[1]
    return vectors.to(rows.dtype)


def _leading_pairs(rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    if rows.device.type != "cpu":
        eigenvalues, vectors = torch.linalg.eigh(rows @ rows.T)
        return eigenvalues[-count:].flip(0), vectors[:, -count:].flip(1)
    # LAPACK's partial solver, which torch lacks, finds 50 vectors of 2000 in a third of the time
    # of all; and numpy, unlike torch, multiplies a matrix by its own transpose at half the price.
    from scipy.linalg import eigh

    array = rows.detach().numpy()
    square = array @ array.T
    last = len(square) - 1
    eigenvalues, vectors = eigh(
        square.T, subset_by_index=(last - count + 1, last), overwrite_a=True, check_finite=False
    )
    return torch.from_numpy(eigenvalues[::-1].copy()), torch.from_numpy(vectors[:, ::-1].copy())
