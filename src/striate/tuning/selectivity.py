"""How sharply single units are tuned to orientation, phase and spatial frequency."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from striate.tuning.checks import axis, axis_of, check_responses, precision
from striate.tuning.curves import ROUNDING, response_cube


class OrientationSelectivity(NamedTuple):
    """How selective each unit is for orientation, and for which.

    Attributes
    ----------
    circular_variance
        0 for a unit that responds at one orientation only, 1 for one that does not care. NaN where
        it is not defined: a response is negative somewhere, or none is positive.
    preferred_deg
        Direction of the mean vector, in [0, 180); NaN likewise, and of a flat curve, which has
        none.
    """

    circular_variance: Float[Tensor, " units"]
    preferred_deg: Float[Tensor, " units"]


class PhaseModulation(NamedTuple):
    """How much each unit's response depends on the phase of its best grating.

    Attributes
    ----------
    ratio
        F1/F0: above 1 the unit is called simple, below complex. `inf` where F0 is 0 and F1 is not;
        NaN where F0 is negative, or both are 0.
    f0
        Mean response over phases.
    f1
        Amplitude of its first harmonic.
    """

    ratio: Float[Tensor, " units"]
    f0: Float[Tensor, " units"]
    f1: Float[Tensor, " units"]


class Bandwidth(NamedTuple):
    """Octaves between which a curve is above half of its maximum.

    Attributes
    ----------
    octaves
        Full width, `below` + `above`: `inf` if either is.
    below, above
        From the maximum down to where the curve falls to half, and up; `inf` on a side where it
        does not within the frequencies that were shown.
    """

    octaves: Float[Tensor, " units"]
    below: Float[Tensor, " units"]
    above: Float[Tensor, " units"]


def orientation_selectivity(
    curves: Float[Tensor, "units orientations"],
    orientations_deg: Float[Tensor, " orientations"] | Sequence[float],
) -> OrientationSelectivity:
    r"""Circular variance of orientation tuning and the preferred orientation.

    :math:`1 - |\sum_k w_k R_k e^{2i\theta_k}| / \sum_k w_k R_k` (Ringach, Shapley and Hawken 2002).
    Each orientation has the weight of the arc it stands for, half the gaps to its neighbours on the
    circle of 180 degrees: all the same if they are evenly spread, so that this is the usual
    formula; without it a unit that does not care would look selective for the end at which the
    orientations of Kong et al. 2021 (0 to 172.5) lie closer. With it, a flat curve over these has a
    circular variance of 0.9987 rather than 1: the sum stands for an integral.

    Parameters
    ----------
    curves
        Such as `tuning_curves` gives; of responses that are not negative. Of others, rectify the
        responses first.
    orientations_deg
        Of its points: at least 2 different ones, of which 0 and 180 are one.

    Returns
    -------
    selectivity
        See `OrientationSelectivity`; in the precision of `curves`.

    Raises
    ------
    ValueError
        If `curves` are not a finite matrix of floating point, the orientations do not match, or
        fewer than 2 are different.
    """
    check_responses("curves", curves, "units × orientations")
    angle = _finite("orientations_deg", orientations_deg, curves)
    if len(angle.remainder(180).unique()) < 2:
        raise ValueError(
            f"orientations_deg={angle.tolist()} are one orientation; selectivity needs at least 2 "
            "(0 and 180 are one)"
        )
    weight, double = _arcs(angle, 180.0), curves.detach().double()
    turn = torch.polar(torch.ones_like(angle), (2 * angle).deg2rad())
    total, vector = double @ weight, double.to(turn.dtype) @ (weight * turn)
    defined, dtype = (double >= 0).all(1) & (total > 0), precision(curves)
    nan = torch.full_like(total, math.nan)
    variance = torch.where(defined, (1 - vector.abs() / total).clamp(0, 1), nan)
    # All the same but for rounding: its vector is that of the orientations themselves.
    noise = ROUNDING * torch.finfo(dtype).eps * double.amax(1)
    flat = double.amax(1) - double.amin(1) <= noise
    preferred = torch.where(defined & ~flat, vector.angle().rad2deg() / 2, nan)
    # Once more in that precision, where 179.9999999 may have become 180.
    preferred = preferred.remainder(180).to(dtype).remainder(180)
    return OrientationSelectivity(variance.to(dtype), preferred)


def phase_modulation(
    responses: Float[Tensor, "stimuli units"],
    shape: tuple[int, int, int],
    phases_deg: Float[Tensor, " phases"] | Sequence[float],
) -> PhaseModulation:
    r"""F1/F0 of each unit at its best orientation and frequency (Skottun et al. 1991).

    The best is where the larger of F0 and F1 is largest, the first of several, so that it is found
    for units that are not rectified as well. :math:`F_0 = \sum_k w_k R_k` and
    :math:`F_1 = 2\,|\sum_k w_k R_k e^{-i\psi_k}|`, weights being the arcs that phases stand for:
    0 and 360, where both are there, share one. A half-rectified linear unit has π/2 with many
    phases, a unit that does not care for phase 0. Of a linear unit that is not rectified F0 is
    what its bias leaves, and the ratio says nothing.

    Parameters
    ----------
    responses
        To the images of a bank, in their order.
    shape
        ``bank.shape``.
    phases_deg
        ``bank.phases_deg``: at least 3 different ones.

    Returns
    -------
    modulation
        See `PhaseModulation`; in the precision of `responses`.

    Raises
    ------
    ValueError
        As `tuning_curves`; if the phases do not match `shape`, or fewer than 3 are different.
    """
    cube = response_cube(responses, shape)
    # Phases as the last axis: units and conditions are then one list of curves.
    curves = cube.permute(3, 0, 1, 2).flatten(0, 2)
    phase = _finite("phases_deg", phases_deg, curves)
    different = len(phase.remainder(360).unique())
    if different < 3:
        raise ValueError(
            f"phases_deg holds {different} different phases; a first harmonic needs at least 3"
        )
    weight = _arcs(phase, 360.0)
    turn = torch.polar(torch.ones_like(phase), -phase.deg2rad())
    f0 = (curves @ weight).unflatten(0, (responses.shape[1], -1))
    f1 = 2 * (curves.to(turn.dtype) @ (weight * turn)).abs().reshape(f0.shape)
    best = torch.maximum(f0, f1).argmax(1, keepdim=True)
    f0, f1 = (values.gather(1, best)[:, 0].to(precision(responses)) for values in (f0, f1))
    return PhaseModulation(torch.where(f0 < 0, math.nan, f1 / f0.abs()), f0, f1)


def bandwidth_octaves(
    curves: Float[Tensor, "units frequencies"],
    frequencies_cpd: Float[Tensor, " frequencies"] | Sequence[float],
) -> Bandwidth:
    r"""Full width at half height of tuning to spatial frequency (De Valois et al. 1982).

    Half height is half of the largest mean response, counted from zero. From the (first) maximum
    outwards, the curve is followed along straight lines in :math:`\log_2 f` to where it first
    reaches half height. A side on which it does not within the range is `inf`, and so is then the
    width: whoever wants a number takes the other side twice, or leaves the unit out. A curve
    without a positive response has `inf` on both sides.

    Parameters
    ----------
    curves
        Such as `tuning_curves` gives.
    frequencies_cpd
        Of its points, ascending, in any unit.

    Returns
    -------
    bandwidth
        See `Bandwidth`; never NaN; in the precision of `curves`.

    Raises
    ------
    ValueError
        If `curves` are not a finite matrix of floating point, or the frequencies do not match, are
        not positive or do not ascend.
    """
    check_responses("curves", curves, "units × frequencies")
    given = axis_of("frequencies_cpd", frequencies_cpd, curves, "curves")
    if not (given > 0).all() or not given.isfinite().all() or not (given.diff() > 0).all():
        raise ValueError(
            f"frequencies_cpd={given.tolist()} do not ascend from above 0; sort them, and the "
            "curves with them"
        )
    octave, double = given.log2(), curves.detach().double()
    peak = double.argmax(1)
    above = _fall(double, octave, peak)
    below = _fall(double.flip(1), -octave.flip(0), len(octave) - 1 - peak)
    dtype = precision(curves)
    return Bandwidth((below + above).to(dtype), below.to(dtype), above.to(dtype))


def _fall(curves: Tensor, octave: Tensor, peak: Tensor) -> Float[Tensor, " units"]:
    """Octaves from the peak up to half height."""
    if len(octave) == 1:
        return octave.new_full((len(curves),), math.inf)
    place, peak = torch.arange(len(octave), device=octave.device), peak[:, None]
    height = curves.gather(1, peak)
    low = (place > peak) & (curves <= height / 2) & (height > 0)
    end = low.int().argmax(1, keepdim=True).clamp_min(1)  # 0 only where none is low
    before, after = curves.gather(1, end - 1), curves.gather(1, end)
    part = (before - height / 2) / (before - after)
    reached = octave[end - 1] + part * (octave[end] - octave[end - 1])
    return torch.where(low.any(1), (reached - octave[peak])[:, 0], math.inf)


def _finite(name: str, values: Tensor | Sequence[float], curves: Tensor) -> Tensor:
    if not axis(name, values).isfinite().all():
        raise ValueError(f"{name} holds an angle that is not finite; give degrees")
    return axis_of(name, values, curves, "curves")


def _arcs(angle: Tensor, period: float) -> Float[Tensor, " angles"]:
    """Share of the circle that each angle stands for: half of the gap on either side."""
    place, order = angle.remainder(period).sort(stable=True)
    gap = torch.cat([place[1:] - place[:-1], place[:1] - place[-1:] + period])
    share = torch.empty_like(angle)
    share[order] = (gap + gap.roll(1)) / (2 * period)
    return share
