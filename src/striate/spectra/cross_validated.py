r"""Cross-validated PCA: the spectrum of what a noisy population says the same way twice.

Components are found in one half of the trials, and the variance along each is the covariance of
both halves' scores, so that noise, which the halves do not share, drops out on average (Stringer
et al. 2019, Kong et al. 2021). Sums over stimuli as in both papers, not divided by their number.
"""

from collections.abc import Callable, Iterator
from functools import partial
from math import frexp, isfinite
from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from striate.spectra.checks import check_floats, check_whole, generator_of
from striate.spectra.components import leading_pairs, lower_square
from striate.spectra.gram import ROUNDING, double_centred

Algorithm = Literal["text", "released"]
# The spectrum of some of the stimuli, given by their numbers: so many leading ranks, or all.
Spectrum = Callable[[Tensor, int | None], Tensor]

# Units that are multiplied out at once.
AT_ONCE = 8192


class Halves(NamedTuple):
    """Stimuli whose responses are complete in both halves.

    Attributes
    ----------
    half1, half2
        What is left of the halves.
    kept
        Which stimuli, or units, that is.
    """

    half1: Float[Tensor, "stimuli units"]
    half2: Float[Tensor, "stimuli units"]
    kept: Bool[Tensor, " all"]


def cross_validated_eigenspectrum(
    half1: Float[Tensor, "stimuli units"],
    half2: Float[Tensor, "stimuli units"],
    *,
    algorithm: Algorithm,
    count: int | None = None,
) -> Float[Tensor, " ranks"]:
    r"""Variance that two halves of the trials share along the principal components of the first.

    With :math:`X_1`, :math:`X_2` the halves, each less its mean over stimuli, and
    :math:`X_1 = U\Sigma V^\top`:

    ``"text"`` (the equations of both papers, and Stringer et al.'s MATLAB code) is
    :math:`\lambda_k = \sum_i (X_1V)_{ik}(X_2V)_{ik} = u_k^\top X_2X_1^\top u_k`. Over all ranks
    they sum to :math:`\sum X_1 \circ X_2`.

    ``"released"`` (the Python code of both) also takes the mean over *units* off each stimulus
    when it looks for components, :math:`X_1 - m1^\top = Q\,\mathrm{diag}(s)P^\top`, but not when
    it projects: :math:`\lambda_k = s_k^{-2} \sum_i (X_1X_1^\top Q)_{ik}(X_2X_1^\top Q)_{ik}`. Where
    the mean of the population follows the stimulus, that leaks into every rank: a planted exponent
    of 1 is then read as 0.6. It is here to reproduce published numbers.

    The smaller side is decomposed: with more units than stimuli no units × units matrix is made.

    Parameters
    ----------
    half1, half2
        Mean responses over each half of the trials, one row per stimulus; complete
        (`complete_halves` drops what is not). Precision follows the input: in float32 the products
        are still summed in float64.
    algorithm
        No default, for the two can differ widely.
    count
        Give the leading ones only; all if there are fewer.

    Returns
    -------
    variances
        In squared units of the responses, summed over stimuli, in the order of the variances of
        `half1`: not sorted, and negative where noise outweighs what is shared. There are
        ``min(stimuli - 1, units)``; ``"released"`` has ``min(stimuli, units) - 1``.

    Raises
    ------
    ValueError
        If the halves differ in shape, have fewer than two stimuli or units, or hold a response
        that is missing or infinite; if `algorithm` is unknown or `count` is less than 1.
    """
    _check(half1, half2, algorithm, count)
    spectrum = one_run(half1, half2, algorithm=algorithm)
    return spectrum(torch.arange(len(half1), device=half1.device), count)


def shuffled_eigenspectra(
    half1: Float[Tensor, "stimuli units"],
    half2: Float[Tensor, "stimuli units"],
    *,
    algorithm: Algorithm,
    shuffles: int = 20,
    seed: int,
    count: int | None = None,
) -> Float[Tensor, "shuffles ranks"]:
    r"""Cross-validated spectra of two trials per stimulus, dealt out anew in each shuffle.

    Per shuffle and stimulus a coin decides which of the two rows goes into the first half (Kong et
    al. 2021 average over 20). With more units than stimuli the inner products of all 2n rows are
    found once, and a shuffle picks from them: it makes no object of the size of the units.

    Parameters
    ----------
    half1, half2, algorithm, count
        As in `cross_validated_eigenspectrum`.
    shuffles
        How often. Each costs one eigendecomposition of the smaller side.
    seed
        Of the coins (`coin_flips`).

    Returns
    -------
    variances
        One row per shuffle. Their mean is the estimate; their spread is not its standard error,
        because all shuffles share stimuli and trials (see `cross_validated_alpha`).

    Raises
    ------
    ValueError
        As `cross_validated_eigenspectrum`, and if there are no shuffles.
    """
    _check(half1, half2, algorithm, count)
    everything = torch.arange(len(half1), device=half1.device)
    runs = shuffled_runs(half1, half2, algorithm=algorithm, shuffles=shuffles, seed=seed)
    return torch.stack([run(everything, count) for run in runs])


def complete_halves(
    half1: Float[Tensor, "stimuli units"],
    half2: Float[Tensor, "stimuli units"],
    *,
    drop: Literal["stimuli", "units"],
) -> Halves:
    """Leave out the stimuli, or the units, of which a response is missing in either half.

    Parameters
    ----------
    half1, half2
        Mean responses over each half of the trials; NaN where there were none.
    drop
        Which of the two to give up. A unit that is missing often costs fewer responses when it
        goes itself than when all its stimuli go.

    Returns
    -------
    halves
        What is left, and a mask of it.

    Raises
    ------
    ValueError
        If the halves differ in shape, `drop` is unknown, or fewer than two stimuli or units stay.
    """
    _check_shapes(half1, half2)
    if drop not in ("stimuli", "units"):
        raise ValueError(f"drop={drop!r}; choose 'stimuli' or 'units'")
    recorded = ~(half1.isnan() | half2.isnan())
    kept = recorded.all(1 if drop == "stimuli" else 0)
    if kept.sum() < 2:
        raise ValueError(
            f"drop={drop!r} leaves {int(kept.sum())} of {len(kept)} {drop}, cvPCA needs 2; "
            f"drop the {'units' if drop == 'stimuli' else 'stimuli'} with most missing first"
        )
    if drop == "stimuli":
        return Halves(half1[kept], half2[kept], kept)
    return Halves(half1[:, kept], half2[:, kept], kept)


def coin_flips(stimuli: int, *, shuffles: int, seed: int) -> Bool[Tensor, "shuffles stimuli"]:
    """For each shuffle and stimulus, whether the halves of `shuffled_eigenspectra` are swapped.

    Raises
    ------
    ValueError
        If there are no stimuli or no shuffles.
    """
    check_whole("stimuli", stimuli)
    check_whole("shuffles", shuffles)
    generator = generator_of(seed)
    return torch.rand(shuffles, stimuli, generator=generator) > 0.5


def one_run(half1: Tensor, half2: Tensor, *, algorithm: Algorithm) -> Spectrum:
    """Return what gives the spectrum of some stimuli of two halves, which are not checked."""
    if half1.shape[1] <= len(half1):
        return partial(_of_rows, half1, half2, algorithm)
    rows = torch.arange(len(half1), device=half1.device)
    return partial(_of_picked, _joint_gram(half1, half2), rows, rows + len(rows), algorithm)


def shuffled_runs(
    half1: Tensor, half2: Tensor, *, algorithm: Algorithm, shuffles: int, seed: int
) -> Iterator[Spectrum]:
    """Give, per shuffle, what gives the spectrum of some stimuli."""
    stimuli, units = half1.shape
    swapped = coin_flips(stimuli, shuffles=shuffles, seed=seed).to(half1.device)
    if units <= stimuli:
        for swap in swapped:
            first = torch.where(swap[:, None], half2, half1)
            second = torch.where(swap[:, None], half1, half2)
            yield partial(_of_rows, first, second, algorithm)
        return
    joint, rows = _joint_gram(half1, half2), torch.arange(stimuli, device=half1.device)
    for swap in swapped:
        first, second = rows + stimuli * swap, rows + stimuli * ~swap
        yield partial(_of_picked, joint, first, second, algorithm)


def check_settings(algorithm: str, count: int | None) -> None:
    """Refuse an unknown algorithm and a count that is none.

    Raises
    ------
    ValueError
        If `algorithm` is unknown or `count` is less than 1.
    """
    if algorithm not in get_args(Algorithm):
        raise ValueError(
            f"algorithm={algorithm!r}; choose 'text' (the papers' equations) or 'released' (their "
            "Python code)"
        )
    if count is not None:
        check_whole("count", count, otherwise=", or None for all")


class _Joint(NamedTuple):
    """Rows of both halves, one after the other, less the mean of all of them."""

    products: Tensor  # of each two rows, summed over units; float64
    means: Tensor  # of each row over units; float64
    units: int
    dtype: torch.dtype  # in which components are found


def _joint_gram(half1: Tensor, half2: Tensor) -> _Joint:
    stimuli, units = half1.shape
    means = half1.new_zeros(2 * stimuli, dtype=torch.float64)

    def parts() -> Iterator[Tensor]:
        for some in zip(half1.split(AT_ONCE, 1), half2.split(AT_ONCE, 1), strict=True):
            part = torch.cat(some).double()
            part -= part.mean(0)
            means.add_(part.sum(1) / units)
            yield part

    lower = lower_square(parts(), 2 * stimuli, like=half1, dtype=torch.float64).tril()
    products = lower + lower.tril(-1).T
    return _Joint(products, means, units, torch.promote_types(half1.dtype, torch.float32))


def _of_picked(
    joint: _Joint,
    first: Tensor,
    second: Tensor,
    algorithm: Algorithm,
    stimuli: Tensor,
    count: int | None,
) -> Tensor:
    """Spectrum on the side of the stimuli; `first` and `second` number their rows."""
    one, other, units = first[stimuli], second[stimuli], joint.units
    own, cross = (double_centred(joint.products[rows][:, one]) for rows in (one, other))
    root = _unit(own)
    own, cross = (products.div(root).div(root).to(joint.dtype) for products in (own, cross))
    if algorithm == "text":
        vectors = _leading(own, _ranks(len(stimuli) - 1, units, count))[1]
        return (vectors * (cross @ vectors)).sum(0) * root * root
    mean = ((joint.means[one] - joint.means[one].mean()) / root).to(joint.dtype)
    values, vectors = _leading(
        own - units * torch.outer(mean, mean), _ranks(len(stimuli) - 1, units - 1, count)
    )
    # own @ vectors without a product: own is what was decomposed, and the mean put back.
    projected = vectors * values + units * torch.outer(mean, mean @ vectors)
    return _over((projected * (cross @ vectors)).sum(0), values, own) * root * root


def _of_rows(
    half1: Tensor, half2: Tensor, algorithm: Algorithm, stimuli: Tensor, count: int | None
) -> Tensor:
    """Spectrum on the side of the units."""
    x1, x2 = (half[stimuli].double() for half in (half1, half2))
    x1, x2, units = x1 - x1.mean(0), x2 - x2.mean(0), half1.shape[1]
    dtype = torch.promote_types(half1.dtype, torch.float32)
    own, cross = x1.T @ x1, x1.T @ x2
    root = _unit(own)
    own, cross = (products.div(root).div(root).to(dtype) for products in (own, cross))
    if algorithm == "text":
        vectors = _leading(own, _ranks(len(stimuli) - 1, units, count))[1]
        return (vectors * (cross @ vectors)).sum(0) * root * root
    values, vectors = _leading(double_centred(own), _ranks(len(stimuli) - 1, units - 1, count))
    # Q = X₁P/s, whence X₁ᵀQ/s = X₁ᵀX₁P/s².
    projection = own @ vectors
    shared = (projection * (cross @ projection)).sum(0)
    return _over(_over(shared, values, own), values, own) * root * root


def _unit(own: Tensor) -> float:
    """Return about the size of the responses, so that products of their products stay finite.

    A power of two, which rounds nothing.

    Raises
    ------
    ValueError
        If even their squares are not finite.
    """
    squares = own.diagonal().sum().item()
    if not isfinite(squares):
        raise ValueError(
            "the squares of responses overflow float64; divide both halves by a number"
        )
    return 2.0 ** (frexp(squares)[1] // 2)


def _leading(square: Tensor, count: int) -> tuple[Tensor, Tensor]:
    return leading_pairs(square.clone(), count)  # which may overwrite it


def _over(sums: Tensor, values: Tensor, own: Tensor) -> Tensor:
    """Divide, where there is a component at all; along one that vanishes nothing is shared."""
    noise = ROUNDING * torch.finfo(own.dtype).eps * own.norm()
    return torch.where(values > noise, sums / values, torch.zeros_like(sums))


def _ranks(stimuli: int, units: int, count: int | None) -> int:
    there = min(stimuli, units)
    return there if count is None else min(there, count)


def _check(half1: Tensor, half2: Tensor, algorithm: str, count: int | None) -> None:
    check_settings(algorithm, count)
    _check_shapes(half1, half2)
    stimuli, units = half1.shape
    if stimuli < 2 or units < 2:
        raise ValueError(f"cvPCA needs 2 stimuli and 2 units, given {stimuli} × {units}")
    missing = ~(half1.isfinite() & half2.isfinite())
    if missing.any():
        raise ValueError(
            f"responses of {int(missing.any(0).sum())} of {units} units to "
            f"{int(missing.any(1).sum())} of {stimuli} stimuli are missing or infinite in one half "
            "or both; leave them out with complete_halves, or give all trials to "
            "repeated_eigenspectra"
        )


def _check_shapes(half1: Tensor, half2: Tensor) -> None:
    check_floats("half1", half1, "stimuli × units")
    check_floats("half2", half2, "stimuli × units")
    if half1.shape != half2.shape:
        raise ValueError(
            f"half1 is {tuple(half1.shape)} and half2 {tuple(half2.shape)}; need both stimuli × "
            "units, the same ones"
        )
