"""Tuning curves: what a unit does on average at each orientation, frequency and phase."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from striate._checks import check_whole
from striate.tuning.checks import axis_of, check_responses, precision

# Of the largest response, in units of its precision: by how much a flat curve may vary.
ROUNDING = 8


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
        Whether the curve is not flat: its peak-to-peak is more than `noise`.
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
    *,
    noise: Float[Tensor, " units"] | float = 0.0,
) -> PreferredFrequency:
    """Find the frequency at the first maximum of each curve, and tell which curves have one.

    Parameters
    ----------
    curves
        Such as `tuning_curves` gives.
    frequencies_cpd
        Of its points, in any unit; each once.
    noise
        Peak-to-peak, in the unit of `curves`, up to which a curve is flat; 0 in Kong et al. 2021.
        Where phases cancel, as in a linear layer shown gratings, curves are flat but for
        `rounding_noise`.

    Returns
    -------
    preferred
        See `PreferredFrequency`. A flat curve has the first frequency and is not selected.

    Raises
    ------
    ValueError
        If `curves` are not a finite matrix of floating point, the frequencies do not match them,
        are negative, infinite or there twice, or `noise` is not one finite number, or one of each
        unit, from 0 on.
    """
    check_responses("curves", curves, "units × frequencies")
    given = axis_of("frequencies_cpd", frequencies_cpd, curves, "curves")
    # 0 is a stimulus without stripes, which a unit may well prefer.
    if (given < 0).any() or given.isinf().any() or len(given.unique()) < len(given):
        raise ValueError(
            f"frequencies_cpd={given.tolist()}: give finite frequencies from 0 on, each once"
        )
    level = torch.as_tensor(noise, device=curves.device)
    if level.shape not in ((), curves.shape[:1]) or not ((level >= 0) & level.isfinite()).all():
        raise ValueError(
            f"noise={noise!r}: give one finite number from 0 on, or one of each of "
            f"{len(curves)} units"
        )
    selected = curves.amax(1) - curves.amin(1) > level
    return PreferredFrequency(given[curves.argmax(1)], selected)


def rounding_noise(
    responses: Float[Tensor, "stimuli units"],
    *,
    images: torch.dtype | None = None,
    averaged: int = 1,
) -> Float[Tensor, " units"]:
    """Bound how far rounding of a unit's responses alone may let its tuning curves vary.

    Parameters
    ----------
    responses
        Such as `tuning_curves` takes, as the network put them out: the rounding is that of their
        type.
    images
        In which the images were drawn. A network in float64 that is shown pixels in float32
        answers to their rounding, too; so the coarser of both types counts.
    averaged
        Of how many responses each point of a curve is the mean. It counts in half precision only:
        roundings of single responses are then so coarse that they would hide curves, but in a mean
        of n they are less by the square root of n. In float32 the bound for a single response is
        far below any curve, and stays what it was.

    Returns
    -------
    noise
        Peak-to-peak, in the unit of the responses: eight units of precision of the largest of them
        in magnitude, in half precision divided by the root of `averaged`; 0 of a unit that is
        silent. A choice of ours, not of a paper.

    Raises
    ------
    ValueError
        If `responses` are not a finite matrix of floating point, `images` is no type of floating
        point, or `averaged` no whole number from 1 on.
    """
    check_responses("responses", responses, "stimuli × units")
    check_whole("averaged", averaged)
    if images is not None and not (isinstance(images, torch.dtype) and images.is_floating_point):
        raise ValueError(f"images={images!r}; give a type of floating point, e.g. torch.float32")
    largest = responses.detach().abs().amax(0).to(precision(responses))
    types = (responses.dtype, responses.dtype if images is None else images)
    eps = max(torch.finfo(dtype).eps for dtype in types)
    halves = eps > torch.finfo(torch.float32).eps
    return ROUNDING * eps / (math.sqrt(averaged) if halves else 1) * largest


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
