"""Eigenspectra, their power laws, and penalties that shape them."""

from striate.spectra.eigenvalues import eigenspectrum, leading_eigenvalues
from striate.spectra.interval import AlphaInterval, alpha_interval
from striate.spectra.penalty import Form, Penalised, SpectralPenalty, batch_alpha, relative_spectrum
from striate.spectra.power_law import PowerLaw, Weights, check_ranks, fit_power_law

__all__ = [
    "AlphaInterval",
    "Form",
    "Penalised",
    "PowerLaw",
    "SpectralPenalty",
    "Weights",
    "alpha_interval",
    "batch_alpha",
    "check_ranks",
    "eigenspectrum",
    "fit_power_law",
    "leading_eigenvalues",
    "relative_spectrum",
]
