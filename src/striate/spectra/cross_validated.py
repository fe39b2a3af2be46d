r"""Cross-validated PCA: the spectrum of what a noisy population says the same way twice.

Components are found in one half of the trials, and the variance along each is the covariance of
both halves' scores, so that noise, which the halves do not share, drops out on average (Stringer
et al. 2019, Kong et al. 2021). Sums over stimuli as in both papers, not divided by their number.
"""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from striate._checks import check_whole
from striate.spectra.checks import check_floats, generator_of
from striate.spectra.shared_variance import Algorithm, check_settings, one_run, shuffled_runs


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
    swaps = coin_flips(len(half1), shuffles=shuffles, seed=seed)
    runs = shuffled_runs(half1, half2, swaps, algorithm=algorithm)
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
