"""Products of matrices in float32, by whichever of PyTorch's libraries is quick on this processor.

PyTorch multiplies by MKL, which uses half the width of an AMD processor that has AVX-512. oneDNN,
which PyTorch keeps for convolutions, uses all of it and takes less than half the time. Its sums are
off by two to three times as much, which is still the rounding of float32. Where that decides the
last components or a score's fifth digit (inner products within a subspace, kernels of whole
layers) the caller writes ``@`` and stays with MKL.
"""

from functools import cache
from math import prod

import torch
from torch import Tensor

# Fewer rows, columns or terms, or multiplications in all, are no quicker: a call takes longer.
THIN, FEW = 8, 2**20


def product(left: Tensor, right: Tensor, *, plus: Tensor | None = None) -> Tensor:
    """Return ``left @ right``, plus a row if one is given; the memory order is either.

    Parameters
    ----------
    left, right
        Matrices of one type on one device.
    plus
        Added to each row.
    """
    if not _suits(left, right):
        return left @ right if plus is None else torch.addmm(plus, left, right)
    if left.stride(1) == 1 or not left.T.is_contiguous():
        return _rows_by_rows(left, right.T, plus)
    found = _rows_by_rows(right.T, left, None).T
    return found if plus is None else found.add_(plus)


def add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Add ``left @ right`` to `total`; only oneDNN needs room for the product itself."""
    if _suits(left, right):
        total.add_(product(left, right))
    else:
        total.addmm_(left, right)


def by_onednn() -> bool:
    """Tell whether float32 products on the processor go to oneDNN."""
    return torch.backends.mkldnn.enabled and _onednn_is_quicker()


def _suits(left: Tensor, right: Tensor) -> bool:
    return (
        left.dtype == right.dtype == torch.float32
        and left.device.type == "cpu"
        and by_onednn()
        and min(sizes := (*left.shape, right.shape[1])) >= THIN
        and prod(sizes) >= FEW
        # It knows no gradient.
        and not (torch.is_grad_enabled() and (left.requires_grad or right.requires_grad))
    )


@cache
def _onednn_is_quicker() -> bool:
    """Decide by the name of the processor, not by a clock: the bits should not depend on its load.

    On other processors MKL uses what there is. Versions of PyTorch that do not tell the processor
    go to MKL.
    """
    tell = getattr(torch.cpu, "get_capabilities", None)
    known = tell() if tell is not None and hasattr(torch.ops.mkldnn, "_linear_pointwise") else {}
    wide = bool(known.get("avx512_f")) and str(known.get("cpu_name", "")).startswith("AMD")
    return wide and torch.backends.mkldnn.is_available()


def _rows_by_rows(left: Tensor, right: Tensor, plus: Tensor | None) -> Tensor:
    # The second matrix may lie along its rows or across, but with a gap in between it would be
    # gone through a number at a time, which takes a thousand times as long.
    dense = right.is_contiguous() or right.T.is_contiguous()
    right = right if dense else right.contiguous()
    return torch.ops.mkldnn._linear_pointwise.default(left, right, plus, "none", [], "")
