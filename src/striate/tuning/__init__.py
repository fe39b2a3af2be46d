"""Tuning of units to orientation, spatial frequency and phase, and how V1 is tuned."""

from striate.tuning.banks import (
    FREQUENCIES_CPD,
    ORIENTATIONS_DEG,
    PHASES_DEG,
    PHASES_ONCE_DEG,
    Bank,
    BankImages,
    gabor_bank,
    grating_bank,
)
from striate.tuning.curves import (
    PreferredFrequency,
    TuningCurves,
    preferred_frequency,
    rounding_noise,
    tuning_curves,
)
from striate.tuning.drawing import PIXELS_PER_DEGREE, Pixels, Wavelengths, gabor, grating
from striate.tuning.frequencies import (
    OpenEnded,
    frequency_experiments,
    frequency_experiments_by_field,
    frequency_histogram,
    frequency_score,
    open_ended,
)
from striate.tuning.selectivity import (
    Bandwidth,
    OrientationSelectivity,
    PhaseModulation,
    bandwidth_octaves,
    orientation_selectivity,
    phase_modulation,
)

__all__ = [
    "FREQUENCIES_CPD",
    "ORIENTATIONS_DEG",
    "PHASES_DEG",
    "PHASES_ONCE_DEG",
    "PIXELS_PER_DEGREE",
    "Bandwidth",
    "Bank",
    "BankImages",
    "OpenEnded",
    "OrientationSelectivity",
    "PhaseModulation",
    "Pixels",
    "PreferredFrequency",
    "TuningCurves",
    "Wavelengths",
    "bandwidth_octaves",
    "frequency_experiments",
    "frequency_experiments_by_field",
    "frequency_histogram",
    "frequency_score",
    "gabor",
    "gabor_bank",
    "grating",
    "grating_bank",
    "open_ended",
    "orientation_selectivity",
    "phase_modulation",
    "preferred_frequency",
    "rounding_noise",
    "tuning_curves",
]
