"""The small dense problems within a subspace, where they are solved fastest.

A graphics processor is slow at matrices of one or two hundred columns: each step of their
factorisations waits for the one before. So there the symmetric ones are solved by the host, and
thin ones are made orthonormal by products and one small factor.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def small_eigh(
    square: Float[Tensor, "basis basis"],
) -> tuple[Float[Tensor, " basis"], Float[Tensor, "basis basis"]]:
    """Eigenvalues, smallest first, and eigenvectors of a small symmetric matrix; the host's work.

    Parameters
    ----------
    square
        A few hundred columns at most, on any device; the answer is on the same.
    """
    values, vectors = torch.linalg.eigh(square.cpu())
    return values.to(square.device), vectors.to(square.device)


def orthonormal(block: Float[Tensor, "units basis"]) -> Float[Tensor, "units basis"]:
    """Orthonormal columns that span what those of `block` do.

    Parameters
    ----------
    block
        More rows than columns.
    """
    if block.device.type == "cuda" and (found := by_cholesky(block)) is not None:
        return found
    return torch.linalg.qr(block)[0]


def by_cholesky(block: Float[Tensor, "units basis"]) -> Float[Tensor, "units basis"] | None:
    r"""Solve :math:`B = QR` by :math:`R^\top R = B^\top B`, twice, or give up.

    Once leaves an error of the square of B's condition; twice, in double precision, none (Yamamoto
    et al. 2015), unless columns are so nearly dependent that the first factor does not exist.

    Parameters
    ----------
    block
        More rows than columns.

    Returns
    -------
    columns
        None if the columns of `block` are dependent to within rounding.
    """
    columns = block.double()
    for _ in range(2):
        factor, failed = torch.linalg.cholesky_ex((columns.T @ columns).cpu())
        if failed or factor.diagonal().min() < 1e-6 * factor.diagonal().max():
            return None
        factor = factor.to(block.device)
        columns = torch.linalg.solve_triangular(factor.T, columns, upper=True, left=False)
    return columns.to(block.dtype)
