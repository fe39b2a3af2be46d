"""Eigenspectra, their power laws, and penalties that shape them."""

from striate.spectra.distances import Form
from striate.spectra.eigenvalues import eigenspectrum, leading_eigenvalues
from striate.spectra.interval import AlphaInterval, alpha_interval
from striate.spectra.penalty import (
    Penalised,
    SpectralPenalty,
    attach,
    batch_alpha,
    relative_spectrum,
)
from striate.spectra.power_law import PowerLaw, Weights, check_ranks, fit_power_law
from striate.spectra.schedules import Schedule, ramp
from striate.spectra.tracker import Solver
from striate.spectra.units import Units, arrange, check_units

__all__ = [
    "AlphaInterval",
    "Form",
    "Penalised",
    "PowerLaw",
    "Schedule",
    "Solver",
    "SpectralPenalty",
    "Units",
    "Weights",
    "alpha_interval",
    "arrange",
    "attach",
    "batch_alpha",
    "check_ranks",
    "check_units",
    "eigenspectrum",
    "fit_power_law",
    "leading_eigenvalues",
    "ramp",
    "relative_spectrum",
]
