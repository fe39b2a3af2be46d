r"""Eigenspectrum and PCA scores from inner products between stimuli alone.

A population of any size is, for PCA, its Gram matrix :math:`G = ZZ^\top` (stimuli × stimuli): what
`striate.activations` accumulates a slice of units at a time.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from striate._checks import check_whole
from striate.spectra.checks import check_floats

# Of the largest entry, and of the trace: what sums of many float32 products may be off by.
ASYMMETRY = NEGATIVE = 1e-5
# Of the norm of a matrix, in units of its precision: an eigenvalue below that may be rounding.
ROUNDING = 8


class PrincipalScores(NamedTuple):
    """Stimuli in the coordinates of the principal components of the reference stimuli.

    Attributes
    ----------
    reference
        Scores of the reference stimuli: columns of mean zero, orthogonal to each other.
    new
        Scores of the new stimuli on the same components, less the mean of the reference ones; no
        rows if none were given.
    variances
        Of the reference scores (ddof 1), largest first.
    """

    reference: Float[Tensor, "stimuli ranks"]
    new: Float[Tensor, "new ranks"]
    variances: Float[Tensor, " ranks"]


def gram_eigenspectrum(
    gram: Float[Tensor, "stimuli stimuli"], *, count: int | None = None
) -> Float[Tensor, " ranks"]:
    r"""Variances of the principal components of a population, from its Gram matrix.

    The eigenvalues of :math:`HGH/(n-1)` with :math:`H = I - \frac1n 11^\top`: those that
    `eigenspectrum` finds in the responses themselves, in float64 whatever the precision of `gram`
    (Kong et al. 2021: z-scored units, 2816 images).

    Parameters
    ----------
    gram
        Inner products of the responses to each two stimuli, summed over units; centred or not.
    count
        Give the leading ones only; all if there are fewer.

    Returns
    -------
    variances
        ``min(stimuli - 1, count)``, largest first, never negative; beyond the number of units
        they are zero up to rounding. In the precision of `gram`, but at least float32.

    Raises
    ------
    ValueError
        If `gram` is not square, not finite, not of floating point, not symmetric, has fewer than
        two stimuli or directions of negative variance; if `count` is less than 1.

    Examples
    --------
    >>> x = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> [round(value, 6) for value in gram_eigenspectrum(x @ x.T, count=2).tolist()]
    [6.0, 0.666667]
    """
    if count is not None:
        check_whole("count", count, otherwise=", or None for all")
    centred, scale = _centred_gram(gram), _scale(gram)
    eigenvalues = torch.linalg.eigvalsh(centred).flip(0)
    _check_nonnegative(eigenvalues, scale)
    return (eigenvalues[: len(gram) - 1][:count].relu() / (len(gram) - 1)).to(_precision(gram))


def principal_scores(
    gram: Float[Tensor, "stimuli stimuli"],
    cross: Float[Tensor, "new stimuli"] | None = None,
    *,
    count: int,
) -> PrincipalScores:
    r"""PCA scores of reference stimuli and of new ones, without a components × units matrix.

    With :math:`HGH = U\Lambda U^\top` the scores of the reference stimuli are
    :math:`U\Lambda^{1/2}`; those of new ones are :math:`\bar C U\Lambda^{-1/2}`, :math:`\bar C`
    being `cross` less the reference mean on both sides:
    :math:`\bar C_{ij} = C_{ij} - \frac1n\sum_k C_{ik} - \frac1n\sum_k G_{kj}
    + \frac1{n^2}\sum_{kl} G_{kl}`.

    A component may point either way. Here the reference stimulus with the largest absolute score
    on it has a positive one; of equal ones, the first.

    Parameters
    ----------
    gram
        Inner products between the reference stimuli.
    cross
        Inner products of new stimuli (rows) with the reference ones (columns), of responses
        shifted and scaled as the reference responses were for `gram`.
    count
        How many components.

    Returns
    -------
    scores
        In the precision of `gram`, but at least float32; computed in float64.

    Raises
    ------
    ValueError
        If `gram` is refused by `gram_eigenspectrum`, `cross` does not match it or is not finite,
        or there are no `count` components whose variance is more than rounding.
    """
    check_whole("count", count)
    centred, scale = _centred_gram(gram), _scale(gram)
    new = gram.new_empty(0, len(gram)) if cross is None else cross
    _check_cross(new, gram)
    eigenvalues, vectors = torch.linalg.eigh(centred)
    eigenvalues, vectors = eigenvalues.flip(0), vectors.flip(1)
    _check_nonnegative(eigenvalues, scale)
    noise = ROUNDING * torch.finfo(_precision(gram)).eps * gram.detach().double().norm()
    there = int((eigenvalues[: len(gram) - 1] > noise).sum())
    if count > there:
        raise ValueError(
            f"count={count} components asked of {len(gram)} stimuli, whose responses vary in "
            f"{there} directions; ask for at most {there}"
        )
    eigenvalues, vectors = eigenvalues[:count], _oriented(vectors[:, :count])
    shifted = _centred_cross(new.double(), gram.double())
    dtype = _precision(gram)
    return PrincipalScores(
        (vectors * eigenvalues.sqrt()).to(dtype),
        (shifted @ vectors / eigenvalues.sqrt()).to(dtype),
        (eigenvalues / (len(gram) - 1)).to(dtype),
    )


def double_centred(
    square: Float[Tensor, "stimuli stimuli"],
) -> Float[Tensor, "stimuli stimuli"]:
    """Return inner products of responses less their means, from those of the responses."""
    return square - square.mean(0) - square.mean(1, keepdim=True) + square.mean()


def check_square(gram: Tensor) -> None:
    """Refuse what cannot hold inner products between all stimuli of a set, whatever its numbers.

    Raises
    ------
    ValueError
        If `gram` is not a square matrix of floating point.
    """
    check_floats("gram", gram, "stimuli × stimuli")
    if gram.shape[0] != gram.shape[1]:
        raise ValueError(f"gram has shape {tuple(gram.shape)}; need stimuli × stimuli")


def _centred_gram(gram: Tensor) -> Tensor:
    check_square(gram)
    if len(gram) < 2:
        raise ValueError(f"a spectrum needs at least 2 stimuli, gram has {len(gram)}")
    if not gram.isfinite().all():
        raise ValueError("gram holds inner products that are not finite; did a response overflow?")
    double = gram.detach().double()
    apart, largest = (double - double.T).abs().max(), double.abs().max()
    if apart > ASYMMETRY * largest:
        raise ValueError(
            f"gram differs from its transpose by {apart.item():.3g}, its largest entry being "
            f"{largest.item():.3g}; give inner products between all stimuli of one set"
        )
    return double_centred((double + double.T) / 2)


def _scale(gram: Tensor) -> float:
    """Sum of squares of all responses, means included."""
    return gram.detach().double().diagonal().abs().sum().item()


def _check_nonnegative(eigenvalues: Tensor, scale: float) -> None:
    if eigenvalues[-1] < -NEGATIVE * scale:
        raise ValueError(
            f"gram has a direction of negative variance ({eigenvalues[-1].item():.3g}, the trace "
            f"being {scale:.3g}), so it holds no inner products; give responses @ responses.T"
        )


def _check_cross(cross: Tensor, gram: Tensor) -> None:
    check_floats("cross", cross, "new stimuli × stimuli")
    if cross.shape[1] != len(gram):
        raise ValueError(
            f"cross has shape {tuple(cross.shape)}; need new stimuli × the {len(gram)} stimuli "
            "of gram"
        )
    if not cross.isfinite().all():
        raise ValueError("cross holds inner products that are not finite; did a response overflow?")


def _centred_cross(cross: Tensor, gram: Tensor) -> Tensor:
    """Inner products of new responses with the others', less the mean of the others in both."""
    return cross - cross.mean(1, keepdim=True) - gram.mean(0) + gram.mean()


def _oriented(vectors: Tensor) -> Tensor:
    largest = vectors.abs().argmax(0, keepdim=True)
    return vectors * vectors.gather(0, largest).sign()


def _precision(responses: Tensor) -> torch.dtype:
    """At least float32."""
    return torch.promote_types(responses.dtype, torch.float32)
