import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from striate.tuning import (
    ORIENTATIONS_DEG,
    PHASES_DEG,
    PHASES_ONCE_DEG,
    bandwidth_octaves,
    orientation_selectivity,
    phase_modulation,
)
from truths import gaussian

EVEN = torch.arange(12).double() * 15
OCTAVES = torch.arange(-3, 4).double()
FREQUENCIES = 2**OCTAVES
INFINITE, NAN = math.inf, math.nan


def slow_circular_variance(curve, degrees):
    """As printed in Ringach, Shapley and Hawken 2002, for orientations evenly spread."""
    total = sum(curve)
    vector = sum(r * np.exp(2j * np.deg2rad(t)) for r, t in zip(curve, degrees, strict=True))
    return 1 - abs(vector) / total, np.rad2deg(np.angle(vector)) / 2 % 180


def test_circular_variance_is_the_printed_formula():
    curves = gaussian(5, 12).abs()
    found = orientation_selectivity(curves, EVEN)
    for unit, curve in enumerate(curves.tolist()):
        variance, preferred = slow_circular_variance(curve, EVEN.tolist())
        assert found.circular_variance[unit].item() == pytest.approx(variance, abs=1e-13)
        # The vector is at least 0.05 long, so that its direction is known to 1e-14.
        assert found.preferred_deg[unit].item() == pytest.approx(preferred, abs=1e-11)


@given(st.floats(0.01, 1), st.floats(0, 179.9), st.integers(3, 40), st.floats(0, 100))
def test_a_cosine_has_the_variance_and_the_peak_it_was_made_of(depth, peak, count, start):
    angle = start + torch.arange(count).double() * 180 / count
    curve = 1 + depth * torch.cos(2 * (angle - peak).deg2rad())
    found = orientation_selectivity(curve[None].clamp_min(0), angle)
    assert found.circular_variance.item() == pytest.approx(1 - depth / 2, abs=1e-12)
    apart = (found.preferred_deg.item() - peak + 90) % 180 - 90
    assert apart == pytest.approx(0, abs=1e-10)


def test_one_orientation_alone_has_no_variance():
    found = orientation_selectivity(torch.eye(10), ORIENTATIONS_DEG)
    assert_close(found.circular_variance, torch.zeros(10), rtol=0, atol=1e-6)
    assert_close(found.preferred_deg, torch.tensor(ORIENTATIONS_DEG), rtol=0, atol=1e-4)


def test_uneven_orientations_do_not_make_a_flat_unit_selective():
    flat = [1.0] * 10
    assert slow_circular_variance(flat, ORIENTATIONS_DEG)[0] == pytest.approx(0.938, abs=1e-3)
    found = orientation_selectivity(torch.tensor([flat]), ORIENTATIONS_DEG)
    assert found.circular_variance.item() > 0.998


@pytest.mark.parametrize("degrees", [EVEN.tolist(), list(ORIENTATIONS_DEG)], ids=["even", "Kong"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_flat_curve_prefers_no_orientation(dtype, degrees):
    """Its mean vector is that of the orientations, or of what rounding makes of the curve."""
    curves = torch.full((3, len(degrees)), 5.0, dtype=dtype)
    curves[1, 3] *= 1 + 4 * torch.finfo(dtype).eps
    curves[2, 3] *= 1.001
    found = orientation_selectivity(curves, degrees)
    assert found.preferred_deg.isnan().tolist() == [True, True, False]
    assert (found.circular_variance > 0.998).all()


def test_an_orientation_given_twice_counts_as_one():
    curve = gaussian(1, 12).abs()
    twice = torch.cat([curve, curve[:, :1]], 1)
    found = orientation_selectivity(twice, torch.cat([EVEN, EVEN.new_tensor([180.0])]))
    assert_close(found, orientation_selectivity(curve, EVEN), rtol=0, atol=1e-12)


@pytest.mark.parametrize("angles", [[0.0], [0.0] * 4, [0.0, 180.0, -180.0, 360.0]], ids=str)
def test_selectivity_needs_two_orientations(angles):
    with pytest.raises(ValueError, match="are one orientation; selectivity needs at least 2"):
        orientation_selectivity(torch.rand(3, len(angles)), angles)
    found = orientation_selectivity(torch.tensor([[1.0, 1.0], [1.0, 0.0]]), [0.0, 90.0])
    assert found.circular_variance.tolist() == pytest.approx([1, 0])


def test_selectivity_is_not_defined_for_responses_below_zero_or_none():
    curves = torch.tensor([[1.0, -1e-9, 0], [0, 0, 0], [1, 0, 0]])
    found = orientation_selectivity(curves, [0.0, 60.0, 120.0])
    assert found.circular_variance.isnan().tolist() == [True, True, False]
    assert found.preferred_deg.isnan().tolist() == [True, True, False]


def test_the_preferred_orientation_stays_below_180():
    curve = 1 + torch.cos(2 * (EVEN - 179.9999999).deg2rad())
    assert 0 <= orientation_selectivity(curve[None].float(), EVEN).preferred_deg.item() < 180


def phase_curve(phases, kind):
    turn = torch.tensor(phases, dtype=torch.float64).deg2rad()
    return {
        "rectified": (turn + 0.3).cos().relu(),
        "energy": torch.full_like(turn, 2.0),
        "offset": 1 + 0.4 * (turn + 0.3).cos(),
        "square": (turn + 0.3).cos().sign().clamp_min(0),
    }[kind]


@pytest.mark.parametrize(("kind", "ratio"), [
    ("rectified", math.pi / 2), ("energy", 0), ("offset", 0.4), ("square", 4 / math.pi),
])  # fmt: skip
def test_phase_modulation_of_known_responses(kind, ratio):
    phases = [0.5 * step for step in range(720)]
    curve = phase_curve(phases, kind)
    found = phase_modulation(curve[:, None], (1, 1, 720), phases)
    # A jump of the square may be anywhere between two of 720 phases.
    assert found.ratio.item() == pytest.approx(ratio, abs=1e-2 if kind == "square" else 1e-4)
    assert found.f0.item() == pytest.approx(curve.mean().item())


@pytest.mark.parametrize("kind", ["rectified", "energy", "offset"])
def test_the_double_end_counts_once(kind):
    once = phase_modulation(phase_curve(PHASES_ONCE_DEG, kind)[:, None], (1, 1, 9), PHASES_ONCE_DEG)
    both = phase_modulation(phase_curve(PHASES_DEG, kind)[:, None], (1, 1, 10), PHASES_DEG)
    assert_close(both, once, rtol=0, atol=1e-14)


def test_the_harmonic_is_that_of_the_fourier_transform():
    responses = gaussian(2 * 3 * 8, 4) + 1
    phases = torch.arange(8).double() * 45
    found = phase_modulation(responses, (2, 3, 8), phases)
    for unit in range(4):
        best = None
        for condition in responses[:, unit].reshape(6, 8).numpy():
            transform = np.fft.fft(condition) / 8
            f0, f1 = transform[0].real, 2 * abs(transform[1])
            if best is None or max(f0, f1) > max(best):
                best = f0, f1
        assert (found.f0[unit].item(), found.f1[unit].item()) == pytest.approx(best, abs=1e-13)
        assert found.ratio[unit].item() == pytest.approx(best[1] / best[0])


def test_a_ratio_to_nothing():
    wave = torch.tensor([1.0, 0.0, -1.0, 0.0])
    responses = torch.stack([wave, wave - 0.5, 0 * wave, wave + 2], 1)
    found = phase_modulation(responses, (1, 1, 4), [0.0, 90.0, 180.0, 270.0])
    assert_close(found.ratio, torch.tensor([INFINITE, NAN, NAN, 0.5]), equal_nan=True)
    assert_close(found.f0, torch.tensor([0, -0.5, 0, 2]))
    assert_close(found.f1, torch.tensor([1.0, 1.0, 0, 1.0]))


def slow_bandwidth(curve, octaves):
    """Walk away from the peak until half height is crossed."""
    peak = int(np.argmax(curve))
    half, sides = curve[peak] / 2, []
    for step in (-1, 1):
        side, place = math.inf, peak
        while curve[peak] > 0 and 0 <= place + step < len(curve):
            here, there = curve[place], curve[place + step]
            if there <= half:
                part = (here - half) / (here - there)
                crossing = octaves[place] + part * (octaves[place + step] - octaves[place])
                side = abs(crossing - octaves[peak])
                break
            place += step
        sides.append(side)
    return sum(sides), *sides


@given(st.integers(0, 10_000))
def test_bandwidth_is_found_by_walking_from_the_peak(seed):
    curves = gaussian(20, 7, seed=seed) + 0.3
    octaves = OCTAVES + 0.3 * gaussian(7, seed=seed + 1).sigmoid()
    found = bandwidth_octaves(curves, 2**octaves)
    expected = [slow_bandwidth(curve, octaves.tolist()) for curve in curves.tolist()]
    assert_close(
        torch.stack(found, 1), torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12
    )


def test_a_triangle_is_exactly_as_wide_as_it_is():
    #  of 3 octaves at half height, upwards as far as downwards, and twice as far
    even = (1 - OCTAVES.abs() / 3).clamp_min(0)
    skew = torch.where(OCTAVES < 0, 1 + OCTAVES / 1.5, 1 - OCTAVES / 3).clamp_min(0)
    found = bandwidth_octaves(torch.stack([even, skew]), FREQUENCIES)
    assert_close(found.above, torch.tensor([1.5, 1.5]).double())
    # Followed along straight lines: 1/3 is reached at -1, 0 at -2, and half before that.
    assert_close(found.below, torch.tensor([1.5, 0.75]).double())
    assert_close(found.octaves, torch.tensor([3.0, 2.25]).double())


def test_a_gaussian_of_log_frequency_has_the_width_of_a_gaussian():
    octaves = torch.arange(-4, 4, 0.01).double()
    curve = torch.exp(-(octaves**2) / 2)[None]
    found = bandwidth_octaves(5 * curve, 3 * 2**octaves)
    # Straight lines between points 0.01 apart: off by less than 0.01 ** 2.
    assert found.octaves.item() == pytest.approx(2 * math.sqrt(2 * math.log(2)), abs=1e-4)


def test_a_side_that_does_not_fall_to_half_is_infinite():
    curves = torch.tensor([
        [0.0, 1, 4, 3, 3, 3, 3],  # not above
        [4.0, 3, 3, 3, 1, 0, 0],  # nothing below: the peak is the lowest frequency shown
        [3.0, 3, 3, 4, 3, 3, 3],  # neither
        [0.0, 0, 0, 0, 0, 0, 0],  # no response
        [-9, -9, -9, -1, -9, -9, -9],  # none that is positive
        [0.0, 0, 4, 2, 2, 4, 0],  # touches half: that is where it ends
    ])  # fmt: skip
    found = bandwidth_octaves(curves, FREQUENCIES)
    assert found.below.isinf().tolist() == [False, True, True, True, True, False]
    assert found.above.isinf().tolist() == [True, False, True, True, True, False]
    assert found.octaves.isinf().tolist() == [True] * 5 + [False]
    assert found.above[5] == 1
    assert not torch.stack(found).isnan().any()


def test_one_frequency_has_no_width():
    found = bandwidth_octaves(torch.ones(3, 1), [2.0])
    assert torch.stack(found).tolist() == [[INFINITE] * 3] * 3


@pytest.mark.parametrize("measure", [
    lambda x: orientation_selectivity(x[:, :12].abs(), EVEN),
    lambda x: bandwidth_octaves(x[:, :7], FREQUENCIES),
    lambda x: phase_modulation(x[:9], (1, 1, 9), PHASES_ONCE_DEG),
])  # fmt: skip
def test_results_are_in_the_precision_of_the_responses(measure):
    for dtype, expected in [
        (torch.float16, torch.float32), (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ]:  # fmt: skip
        assert {value.dtype for value in measure(gaussian(12, 12, dtype=dtype))} == {expected}


CURVES = torch.ones(2, 3)
BAD = [
    (orientation_selectivity, (CURVES, [0.0, 90.0]), "2 orientations_deg for curves of 3 points"),
    (orientation_selectivity, (CURVES, [0.0, 60.0, INFINITE]), "orientations_deg holds an angle"),
    (orientation_selectivity, (CURVES[0], EVEN), r"curves has shape \(3,\); need units × orientat"),
    (bandwidth_octaves, (CURVES, [1.0, 2.0]), "2 frequencies_cpd for curves of 3 points"),
    (bandwidth_octaves, (CURVES, [1.0, 1.0, 2.0]), r"\[1.0, 1.0, 2.0\] do not ascend from above 0"),
    (bandwidth_octaves, (CURVES, [0.0, 1.0, 2.0]), r"\[0.0, 1.0, 2.0\] do not ascend from above 0"),
    (bandwidth_octaves, (CURVES.int(), [1.0, 2.0, 3.0]), "curves holds torch.int32; give floating"),
    (phase_modulation, (CURVES.T, (1, 1, 3), [0.0, 90.0]), "2 phases_deg for curves of 3 points"),
    (phase_modulation, (CURVES.T, (1, 1, 3), [0.0, 90.0, 360.0]), "phases_deg holds 2 different"),
]  # fmt: skip


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(("function", "arguments", "message"), BAD)
def test_what_has_no_answer_is_refused(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)
