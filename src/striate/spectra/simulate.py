"""Recordings whose exponent is known, to try an analysis on."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from striate._checks import check_whole
from striate.spectra.checks import generator_of

Noise = Literal["gaussian", "poisson"]


def simulate_recording(
    *,
    alpha: float,
    stimuli: int,
    units: int,
    repeats: int,
    signal_to_noise: float,
    seed: int,
    noise: Noise = "gaussian",
) -> Float[Tensor, "repeats stimuli units"]:
    r"""Draw the responses of a population whose signal follows a power law.

    The signal of each stimulus is Gaussian with a covariance whose eigenvalues are
    :math:`n^{-\alpha}`, `units` of them, scaled so that a unit's variance is 1 on average, and
    whose eigenvectors are mixed from all units. The exponent is that of the *population* of
    stimuli: in a finite sample even the noiseless spectrum deviates.

    Parameters
    ----------
    alpha
        Exponent of the signal's spectrum.
    stimuli, units, repeats
        How many of each.
    signal_to_noise
        Variance of the signal over that of one trial's noise, averaged over units.
    seed
        Determines everything.
    noise
        ``"gaussian"``: independent, of equal variance. ``"poisson"``: spike counts of mean
        :math:`\mu + g z` for a signal z. Mean rate :math:`\mu` and gain :math:`g = \sqrt{s\mu}`
        are such that the least of these is 0 and :math:`g^2/\mu` the signal-to-noise ratio s:
        nothing is clipped, so the exponent stays what it was.

    Returns
    -------
    responses
        float64: signal plus noise, or counts.

    Raises
    ------
    ValueError
        If a number is out of range or `noise` unknown.

    Examples
    --------
    >>> recording = simulate_recording(
    ...     alpha=1.0, stimuli=500, units=60, repeats=2, signal_to_noise=4.0, seed=0
    ... )
    >>> recording.shape
    torch.Size([2, 500, 60])
    """
    _check(stimuli, units, repeats, alpha, signal_to_noise, noise)
    generator = generator_of(seed)
    variances = torch.arange(1, units + 1, dtype=torch.float64) ** -alpha
    variances *= units / variances.sum()
    latent = torch.randn(stimuli, units, generator=generator, dtype=torch.float64)
    signal = _mixed(latent * variances.sqrt(), generator)
    if noise == "gaussian":
        trials = torch.randn(repeats, stimuli, units, generator=generator, dtype=torch.float64)
        return signal + signal_to_noise**-0.5 * trials
    mean = signal_to_noise * signal.min().square()
    rates = (mean + (signal_to_noise * mean).sqrt() * signal).relu()  # the least up to rounding 0
    return torch.poisson(rates.expand(repeats, -1, -1).contiguous(), generator=generator)


def _mixed(x: Tensor, generator: torch.Generator) -> Tensor:
    """Rotate at random, at the cost of two Fourier transforms rather than a QR of all units.

    A Hartley transform, real part less imaginary part, is orthogonal; so are random signs.
    """
    units = x.shape[1]
    for _ in range(2):
        signs = torch.randint(0, 2, (units,), generator=generator, dtype=torch.float64) * 2 - 1
        transformed = torch.fft.fft(x * signs)
        x = (transformed.real - transformed.imag) / units**0.5
    return x


def _check(
    stimuli: int, units: int, repeats: int, alpha: float, signal_to_noise: float, noise: str
) -> None:
    for name, count in (("stimuli", stimuli), ("units", units), ("repeats", repeats)):
        check_whole(name, count)
    if not 0 <= alpha < float("inf"):
        raise ValueError(f"alpha={alpha}: an exponent is a finite number from 0 on")
    if not 0 < signal_to_noise < float("inf"):
        raise ValueError(
            f"signal_to_noise={signal_to_noise}: a ratio of variances is positive and finite"
        )
    if noise not in ("gaussian", "poisson"):
        raise ValueError(f"noise={noise!r}; choose 'gaussian' or 'poisson'")
