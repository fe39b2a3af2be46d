"""Tuning curves: what a unit does on average at each orientation, frequency and phase."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from striate.tuning.checks import axis_of, check_responses, check_whole, precision


class TuningCurves(NamedTuple):
    """Mean responses at each value of one parameter, over all values of the other two."""

    orientation: Float[Tensor, "units orientations"]
    frequency: Float[Tensor, "units frequencies"]
    phase: Float[Tensor, "units phases"]


class PreferredFrequency(NamedTuple):
    """Where the curve of each unit has its maximum.

    Attributes
    ----------
    frequency
        In the unit of the frequencies given, in float64.
    selected
        Whether the curve is not flat: its peak-to-peak is more than 0.
    """

    frequency: Float[Tensor, " units"]
    selected: Tensor


def tuning_curves(
    responses: Float[Tensor, "stimuli units"], shape: tuple[int, int, int]
) -> TuningCurves:
    """Average responses to a bank over all parameters but one (Kong et al. 2021).

    A mean, not a maximum, of the responses as they are, with no baseline taken off. A phase that
    is in the bank at both ends, 0 and 360, counts twice.

    Parameters
    ----------
    responses
        To the images of a bank, in their order.
    shape
        How many orientations, frequencies and phases: ``bank.shape``.

    Returns
    -------
    curves
        In the precision of `responses`, but at least float32; summed in float64.

    Raises
    ------
    ValueError
        If `responses` are not a finite matrix of floating point with a row for each stimulus, or
        `shape` is not three whole numbers.
    """
    cube = response_cube(responses, shape)
    dtype = precision(responses)
    orientation, frequency, phase = (
        cube.mean(others).T.to(dtype) for others in ((1, 2), (0, 2), (0, 1))
    )
    return TuningCurves(orientation, frequency, phase)


def preferred_frequency(
    curves: Float[Tensor, "units frequencies"],
    frequencies_cpd: Float[Tensor, " frequencies"] | Sequence[float],
) -> PreferredFrequency:
    """Find the frequency at the first maximum of each curve, and tell which curves have one.

    Parameters
    ----------
    curves
        Such as `tuning_curves` gives.
    frequencies_cpd
        Of its points, in any unit.

    Returns
    -------
    preferred
        See `PreferredFrequency`. A flat curve has the first frequency and is not selected.

    Raises
    ------
    ValueError
        If `curves` are not a finite matrix of floating point, or the frequencies do not match them.
    """
    check_responses("curves", curves, "units × frequencies")
    given = axis_of("frequencies_cpd", frequencies_cpd, curves, "curves")
    flat = curves.amax(1) == curves.amin(1)
    return PreferredFrequency(given[curves.argmax(1)], ~flat)


def response_cube(
    responses: Tensor, shape: tuple[int, int, int]
) -> Float[Tensor, "orientations frequencies phases units"]:
    """Return responses to a bank by orientation, frequency and phase, in float64.

    Raises
    ------
    ValueError
        As `tuning_curves`.
    """
    check_responses("responses", responses, "stimuli × units")
    if not isinstance(shape, Sequence) or len(shape) != 3:
        raise ValueError(f"shape={shape!r}: give how many orientations, frequencies and phases")
    for count in shape:
        check_whole("a count of shape", count)
    if math.prod(shape) != len(responses):
        raise ValueError(
            f"shape={tuple(shape)} means {math.prod(shape)} stimuli, responses are to "
            f"{len(responses)}; give bank.shape of the bank that was shown"
        )
    return responses.detach().to(torch.float64).reshape(*shape, -1)
