"""Variances of the principal components of a population's responses."""

from numbers import Integral

import torch
from jaxtyping import Float
from torch import Tensor

from striate.spectra.checks import check_floats
from striate.spectra.components import exact_components, variances


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
        about 1e-7 of the largest are noise, and below 1e-38 zero, so give float64 where the tail
        matters.

    Returns
    -------
    eigenvalues
        The ``min(stimuli - 1, units)`` variances, in squared units of `x`, never negative. They
        sum to the total variance of `x`.

    Raises
    ------
    ValueError
        If `x` is not a matrix of at least two stimuli and a unit in float32 or float64, or not
        finite, or its precision does not hold the square of what it varies by.

    Examples
    --------
    >>> x = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> eigenspectrum(x).tolist()  # 18 / 3 and 2 / 3
    [6.0, 0.6666666865348816]
    """
    centred = _centred(x)
    stimuli, units = x.shape
    total = torch.linalg.vector_norm(centred.detach(), dtype=torch.float64).square()
    _check_held(total, x.dtype)
    with torch.autocast(x.device.type, enabled=False):
        square = centred.T @ centred if units < stimuli else centred @ centred.T
    eigenvalues = torch.linalg.eigvalsh(square).flip(0)[: min(stimuli - 1, units)]
    return eigenvalues.relu() / (stimuli - 1)


def leading_eigenvalues(x: Float[Tensor, "stimuli units"], count: int) -> Float[Tensor, " ranks"]:
    r"""Return the `count` largest of the eigenvalues that `eigenspectrum` gives, and cheaply so.

    The gradient is written out, :math:`\partial\lambda_i/\partial \bar X =
    \frac{2}{n-1}\bar X v_i v_i^\top`, so nothing is backpropagated through an eigendecomposition
    and only `count` eigenvectors are ever found. Small values are accurate relative to
    *themselves*, not to the largest, down to some 1e-15 of the largest
    (`striate.spectra.components`).

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
        If `count` is out of range, or `x` is refused by `eigenspectrum`.
    """
    _check(x)
    most = min(x.shape[0] - 1, x.shape[1])
    if not isinstance(count, Integral) or not 1 <= count <= most:
        raise ValueError(
            f"count={count} eigenvalues asked of {x.shape[0]} stimuli × {x.shape[1]} units, "
            f"which have {most}"
        )
    with torch.autocast(x.device.type, enabled=False):
        eigenvalues, total = variances(x, lambda batch: exact_components(batch, count))
    _check_held(total.detach(), x.dtype)
    return eigenvalues.to(x.dtype)


def _check(x: Tensor) -> None:
    check_floats("x", x, "stimuli × units")
    if x.dtype.itemsize < 4:  # for which there is no eigendecomposition
        raise ValueError(f"x holds {x.dtype}; give float32 or float64")
    if not x.shape[1]:
        raise ValueError(f"x has shape {tuple(x.shape)}; without units there is no variance")


def _check_held(total: Tensor, dtype: torch.dtype) -> None:
    """Refuse a variance, in float64, that overflows."""
    if total > torch.finfo(dtype).max:
        raise ValueError(
            f"x varies by so much that {dtype} does not hold its square ({total.item():.3g}); give "
            "x.double() or another unit"
        )


def _centred(x: Tensor) -> Tensor:
    _check(x)
    if len(x) < 2:
        raise ValueError(f"a covariance needs at least 2 stimuli, x has {len(x)}")
    centred = x - x.mean(0)
    if not centred.detach().isfinite().all():
        raise ValueError("x holds responses that are not finite; did training diverge?")
    return centred
