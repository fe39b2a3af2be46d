"""Eigenspectra, their power laws, and penalties that shape them."""

from striate.spectra.attached import attach
from striate.spectra.comparison import SpectralComparison, compare_spectra, smoothness_bound
from striate.spectra.conditions import Gains
from striate.spectra.cross_validated import (
    Halves,
    coin_flips,
    complete_halves,
    cross_validated_eigenspectrum,
    shuffled_eigenspectra,
)
from striate.spectra.cross_validated_interval import cross_validated_alpha
from striate.spectra.distances import Form
from striate.spectra.eigenvalues import eigenspectrum, leading_eigenvalues
from striate.spectra.gram import PrincipalScores, gram_eigenspectrum, principal_scores
from striate.spectra.interval import AlphaInterval, alpha_interval, gram_alpha_interval
from striate.spectra.penalty import Penalised, SpectralPenalty
from striate.spectra.power_law import PowerLaw, Weights, check_ranks, check_weights, fit_power_law
from striate.spectra.relative import batch_alpha, relative_spectrum
from striate.spectra.repeats import Missing, RepeatedSpectra, repeated_eigenspectra
from striate.spectra.schedules import Schedule, ramp
from striate.spectra.shared_variance import Algorithm
from striate.spectra.simulate import Noise, simulate_recording
from striate.spectra.tracker import Solver
from striate.spectra.units import Units, arrange, check_units
from striate.spectra.windows import Goodness, alpha_by_window, goodness_of_fit

__all__ = [
    "Algorithm",
    "AlphaInterval",
    "Form",
    "Gains",
    "Goodness",
    "Halves",
    "Missing",
    "Noise",
    "Penalised",
    "PowerLaw",
    "PrincipalScores",
    "RepeatedSpectra",
    "Schedule",
    "Solver",
    "SpectralComparison",
    "SpectralPenalty",
    "Units",
    "Weights",
    "alpha_by_window",
    "alpha_interval",
    "arrange",
    "attach",
    "batch_alpha",
    "check_ranks",
    "check_units",
    "check_weights",
    "coin_flips",
    "compare_spectra",
    "complete_halves",
    "cross_validated_alpha",
    "cross_validated_eigenspectrum",
    "eigenspectrum",
    "fit_power_law",
    "goodness_of_fit",
    "gram_alpha_interval",
    "gram_eigenspectrum",
    "leading_eigenvalues",
    "principal_scores",
    "ramp",
    "relative_spectrum",
    "repeated_eigenspectra",
    "shuffled_eigenspectra",
    "simulate_recording",
    "smoothness_bound",
]
