"""Networks made of Gabor filters, whose tuning must be found again."""

import itertools
import math

import pytest
import torch

from striate.tuning import (
    bandwidth_octaves,
    gabor_bank,
    grating_bank,
    orientation_selectivity,
    phase_modulation,
    preferred_frequency,
    tuning_curves,
)
from truths import gabor_network

PIXELS, PER_DEGREE, SIGMA = 33, 10.0, 5.0
FREQUENCIES = [0.7, 1.0, 1.4, 2.0, 2.8, 4.0]
ORIENTATIONS = [step * 180 / 8 for step in range(8)]
PHASES = [step * 360 / 12 for step in range(12)]
PLANTED = list(itertools.product([1.0, 1.4, 2.0, 2.8], ORIENTATIONS[::3], [0.0, 40.0, 90.0, 200.0]))
kinds = pytest.mark.parametrize("kind", ["linear", "rectified", "energy"])
banks = pytest.mark.parametrize("make", [gabor_bank, grating_bank])


def shown(kind, make):
    settings = {"sigma_deg": SIGMA / PER_DEGREE} if make is gabor_bank else {}
    bank = make(
        PIXELS, frequencies_cpd=FREQUENCIES, orientations_deg=ORIENTATIONS, phases_deg=PHASES,
        pixels_per_degree=PER_DEGREE, wavelengths="exact", pixels="float", **settings,
    )  # fmt: skip
    units = [(frequency / PER_DEGREE, *rest) for frequency, *rest in PLANTED]
    net = gabor_network(units, kind, pixels=PIXELS, sigma=SIGMA)
    with torch.no_grad():
        return bank, net(bank.images[:]).flatten(1)


@banks
@pytest.mark.parametrize("kind", ["rectified", "energy"])
def test_frequency_and_orientation_are_found_again(kind, make):
    bank, responses = shown(kind, make)
    curves = tuning_curves(responses, bank.shape)
    preferred = preferred_frequency(curves.frequency, bank.frequencies_cpd)
    assert preferred.selected.all()
    assert preferred.frequency.tolist() == [frequency for frequency, *_ in PLANTED]
    selectivity = orientation_selectivity(curves.orientation, bank.orientations_deg)
    wanted = torch.tensor([angle for _, angle, _ in PLANTED])
    apart = ((selectivity.preferred_deg - wanted + 90) % 180 - 90).abs()
    # The step is 22.5; what a square image cuts off of oblique gratings is far less.
    assert apart.max() < 0.1
    assert selectivity.circular_variance.max() < 0.4


@banks
def test_a_linear_unit_has_no_mean_but_a_first_harmonic(make):
    bank, responses = shown("linear", make)
    found = phase_modulation(responses, bank.shape, bank.phases_deg)
    # Of a linear response to a cosine the mean over phases is 0, in float32.
    assert found.f0.abs().max() < 1e-5 * found.f1.min()
    rectified = phase_modulation(responses.relu(), bank.shape, bank.phases_deg)
    assert rectified.ratio.min() > 1.5


@banks
def test_rectified_units_are_simple_and_energy_is_complex(make):
    bank, responses = shown("rectified", make)
    simple = phase_modulation(responses, bank.shape, bank.phases_deg).ratio
    # F0 of the rectified cosine, 1/π, takes in the harmonics that 12 phases cannot tell from it:
    # 12, 24, ..., the n-th being 2 / (n² - 1) of it, 0.0230 in all.
    assert simple.tolist() == pytest.approx([math.pi / 2] * len(PLANTED), rel=0.0230 / 0.977)
    bank, responses = shown("energy", make)
    complex_ = phase_modulation(responses, bank.shape, bank.phases_deg).ratio
    assert complex_.max() < 1e-5  # float32


def test_wider_filters_are_narrower_in_frequency():
    bank, responses = shown("energy", gabor_bank)
    curves = tuning_curves(responses, bank.shape).frequency
    widths = bandwidth_octaves(curves, bank.frequencies_cpd).octaves
    by_frequency = {
        frequency: widths[[unit[0] == frequency for unit in PLANTED]]
        for frequency in (1.4, 2.0, 2.8)
    }
    # One envelope for all: the more cycles it holds, the fewer octaves.
    for lower, higher in ((1.4, 2.0), (2.0, 2.8)):
        assert by_frequency[higher].max() < by_frequency[lower].min()
