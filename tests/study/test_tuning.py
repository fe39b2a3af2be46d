"""Tuning of networks as results: planted filters are found, and all that moves numbers is told."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from torch import nn

from striate import results
from striate.responses import Kernel
from striate.results import Score
from striate.study import Measured, run
from striate.study.tuning import (
    PROTOCOLS,
    frequency_by_rank,
    network_tuning,
    optimal_images,
    stimuli_for,
)
from striate.study.tuning.channels import Sampling, channel_tuning, layer_results
from striate.study.tuning.components import JACKKNIFE, component_results
from striate.study.tuning.examples import example_channels
from striate.study.tuning.stimuli import v1_cells
from striate.study.tuning.written import median_score
from striate.tuning import (
    FREQUENCIES_CPD,
    ORIENTATIONS_DEG,
    PHASES_ONCE_DEG,
    gabor,
    grating_bank,
    tuning_curves,
)

SIZE, KERNEL = 160, 105
# Of each filter its frequency and orientation, among those shown.
PLANTED = [(2, 1), (4, 4), (4, 7), (6, 2), (6, 5), (6, 8)]


class Cortex(nn.Module):
    """Simple cells, each of them in four phases, and complex cells made of these."""

    def __init__(self) -> None:
        super().__init__()
        filters = [
            gabor(
                KERNEL, frequency_cpd=FREQUENCIES_CPD[frequency], phase_deg=phase, sigma_deg=0.5,
                orientation_deg=ORIENTATIONS_DEG[orientation], wavelengths="exact", pixels="float",
            )
            for frequency, orientation in PLANTED for phase in (0.0, 90.0, 180.0, 270.0)
        ]  # fmt: skip
        bank = torch.stack(filters)[:, None] - 0.5
        bank = (bank - bank.mean((2, 3), keepdim=True)).expand(-1, 3, -1, -1)
        self.filters = nn.Conv2d(3, len(bank), KERNEL, stride=40, padding=KERNEL // 2, bias=False)
        self.filters.weight.data = bank / 100
        self.simple, self.complex = nn.ReLU(), nn.AvgPool3d((4, 1, 1), (4, 1, 1))
        self.dead = nn.Threshold(1e9, 0.0)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        simple = self.simple(self.filters(pixels))
        self.dead(simple)
        return self.complex(simple.square()).flatten(1)


def by_name(found, name, layer=None):
    return [
        result
        for result in found
        if result.name == name and layer in (None, result.settings["layer"])
    ]


@pytest.fixture(scope="module")
def cortex():
    return Cortex()


@pytest.fixture(scope="module")
def patches():
    return stimuli_for(SIZE, protocol="paper")


@pytest.fixture(scope="module")
def measured(cortex, patches):
    layers = ["filters", "simple", "complex", "dead"]
    return network_tuning(
        cortex, patches, layers, experiments=200, draws=50, seed=3, z_scored=True, source="cortex"
    )


def test_planted_tuning_is_found(measured):
    assert isinstance(measured, Measured)
    frequency = [FREQUENCIES_CPD[planted] for planted, _ in PLANTED]
    orientation = [ORIENTATIONS_DEG[planted] for _, planted in PLANTED]
    for layer, repeats in (("simple", 4), ("complex", 1)):
        arrays = {
            name.partition("/")[2]: values
            for name, values in measured.arrays.items()
            if name.startswith(f"{layer}/")
        }
        channels = len(PLANTED) * repeats
        np.testing.assert_allclose(
            arrays["preferred_cpd"], np.repeat(frequency, repeats), rtol=1e-6
        )
        assert arrays["selected"].all()
        apart = arrays["preferred_orientation_deg"] - np.repeat(orientation, repeats)
        assert np.abs((apart + 90) % 180 - 90).max() < 6
        assert arrays["frequency_tuning"].shape == (channels, 10)
        assert arrays["orientation_tuning"].shape == arrays["phase_tuning"].shape == (channels, 10)
        assert (arrays["circular_variance"] < 0.5).all()
        width = arrays["bandwidth_octaves"]
        assert (width[repeats:] < 1).all()
        # Half of the response of the slowest simple cells is below the slowest patches.
        assert np.isinf(width[:4]).all() if layer == "simple" else 1 < width[0] < 2
        assert {values.dtype for values in arrays.values()} == {np.dtype("f4"), np.dtype("?")}
    # π/2 for half-rectified sinusoids at many phases; nine make it a little less exact.
    np.testing.assert_allclose(measured.arrays["simple/phase_modulation"], math.pi / 2, rtol=0.03)
    assert (measured.arrays["complex/phase_modulation"] < 0.1).all()


def test_medians_and_histograms_are_those_of_the_channels(measured):
    for layer in ("simple", "complex"):
        names = ("preferred_cpd", "circular_variance", "phase_modulation", "bandwidth_octaves")
        arrays = {name: measured.arrays[f"{layer}/{name}"] for name in names}
        arrays["log2"] = np.log2(arrays.pop("preferred_cpd") * SIZE / 35)
        for name, array in (
            ("median_log2_frequency", "log2"),
            ("median_circular_variance", "circular_variance"),
            ("median_phase_modulation", "phase_modulation"),
            ("median_bandwidth_octaves", "bandwidth_octaves"),
        ):
            (score,) = by_name(measured.results, name, layer)
            known = arrays[array][np.isfinite(arrays[array])]
            assert score.value == pytest.approx(np.median(known), rel=1e-5)
            every = len(arrays[array])
            of = "" if len(known) == every else f"{len(known)} of {every} "
            assert score.settings["error"] == f"bootstrap over {of}channels, half the 95 % interval"
            assert score.settings["measured"] == len(known)
        (curve,) = by_name(measured.results, "preferred_frequency", layer)
        np.testing.assert_allclose(curve.x, FREQUENCIES_CPD)
        np.testing.assert_allclose(curve.y, np.eye(10)[[2, 4, 4, 6, 6, 6]].mean(0), atol=1e-12)
        (curve,) = by_name(measured.results, "preferred_orientation", layer)
        np.testing.assert_allclose(curve.x, ORIENTATIONS_DEG)
        np.testing.assert_allclose(curve.y, np.eye(10)[[1, 4, 7, 2, 5, 8]].mean(0), atol=1e-12)
        (one,) = by_name(measured.results, "preferred_frequency_experiment", layer)
        assert sum(one.y) == pytest.approx(1)
        np.testing.assert_allclose(np.array(one.y) * 50 % 1, 0, atol=1e-9)  # so many of 50
        assert {i for i, y in enumerate(one.y) if y} <= {2, 4, 6}


def score_by_hand(indices, rng, experiments=4000, draws=50):
    """The score as the paper defines it, one frequency in each bin of De Valois."""
    v1 = np.array([0, 3, 3, 6, 17, 22, 18, 19, 9, 4])
    known, scores = v1.cumsum() / v1.sum(), []
    for _ in range(experiments):
        drawn = np.bincount(rng.choice(indices, draws), minlength=10)
        scores.append(1 - np.abs(drawn.cumsum() / draws - known).max())
    return np.mean(scores), np.std(scores)


def test_the_score_against_v1_is_that_of_the_paper(measured):
    mean, spread = score_by_hand([2, 4, 4, 6, 6, 6], np.random.default_rng(0))
    (score,) = by_name(measured.results, "frequency_score", "complex")
    assert score.value == pytest.approx(mean, abs=4 * spread / math.sqrt(200))
    assert score.error == pytest.approx(spread, rel=0.25)
    assert score.settings["error"] == "sd over experiments"
    assert (score.settings["experiments"], score.settings["draws"]) == (200, 50)
    (line,) = by_name(measured.results, "frequency_score_by_field", "complex")
    field = SIZE / 35
    assert (line.x[0], line.x[-1]) == (2, 12)
    at = [x == pytest.approx(field) for x in line.x].index(True)
    assert line.y[at] == pytest.approx(score.value)
    assert line.error[at] == pytest.approx(score.error)
    assert line.settings["field_deg"] is None


def test_channels_that_all_prefer_20_cycles_score_as_published(patches):
    responses = torch.zeros(10, 10, 10, 30, dtype=torch.float64)
    responses[:, 6] = 1
    tuning = channel_tuning(responses.reshape(1000, 30), patches.bank)
    found = layer_results(tuning, patches, Sampling(20, 150, 0), "planted", {"layer": "x"})
    (score,) = by_name(found, "frequency_score")
    assert (round(score.value, 4), score.error) == (0.4950, 0)
    (median,) = by_name(found, "median_log2_frequency")
    assert median.value == pytest.approx(math.log2(20 / 6.4 * SIZE / 35))
    assert median.error == 0


def test_a_linear_layer_shown_gratings_prefers_nothing():
    """Phases cancel but for rounding, whose maximum is no preference."""
    bank = grating_bank(
        16, wavelengths="exact", pixels="float", frequencies_cpd=[0.1, 0.2, 0.25],
        phases_deg=PHASES_ONCE_DEG, pixels_per_degree=1.0,
    )  # fmt: skip
    images = bank.images[:].double().flatten(1)
    weights = torch.randn(256, 5, generator=torch.Generator().manual_seed(0)).double()
    responses = ((images - 0.5) @ weights + 1).float()
    assert (tuning_curves(responses, bank.shape).frequency.std(1) > 0).any()
    assert not channel_tuning(responses, bank).selected.any()
    assert channel_tuning(responses.relu(), bank).selected.all()


def test_what_determined_a_number_is_beside_it(measured):
    for result in measured.results:
        assert result.source == "cortex"
        about = result.settings
        assert about["protocol"] == "paper"
        assert about["stimulus"] == "gabor"
        assert about["unit"] == "cycles/degree"
        assert about["pixels_per_degree"] == 35
        assert about["seed"] == 3
        assert about["channels"] == (6 if about["layer"] == "complex" else 24)
        assert about["selected"] == (0 if about["layer"] == "dead" else about["channels"])


def test_a_single_experiment_has_no_standard_deviation(patches):
    responses = torch.rand(1000, 5, generator=torch.Generator().manual_seed(0))
    tuning = channel_tuning(responses, patches.bank)
    found = layer_results(tuning, patches, Sampling(1, 50, 0), "planted", {"layer": "x"})
    (score,) = by_name(found, "frequency_score")
    (line,) = by_name(found, "frequency_score_by_field")
    for one in (score, line):
        assert one.error is None
        assert "error" not in one.settings
    assert line.y[line.x.index(pytest.approx(SIZE / 35))] == pytest.approx(score.value)


def test_a_channel_blind_to_orientation_prefers_none(patches):
    """It is tuned to frequency, and must not enter the histogram of orientations."""
    responses = torch.zeros(10, 10, 10, 2)
    responses[..., 0] = torch.tensor([1.0, 2, 3, 4, 5, 4, 3, 2, 1, 1])[None, :, None]
    responses[3, 4, :, 1] = 1
    tuning = channel_tuning(responses.reshape(1000, 2), patches.bank)
    assert tuning.selected.all()
    assert tuning.orientation_deg.isnan().tolist() == [True, False]
    assert tuning.circular_variance[0] > 0.998
    found = layer_results(tuning, patches, Sampling(5, 50, 0), "planted", {"layer": "x"})
    (curve,) = by_name(found, "preferred_orientation")
    assert curve.settings["measured"] == 1
    assert [bool(share) for share in curve.y] == [place == 3 for place in range(10)]


def test_layers_before_rectification_are_selective_as_after_it(measured):
    """And their preferred frequencies are of the responses as they are: means of sinusoids."""
    assert {
        layer: by_name(measured.results, "responsive", layer)[0].settings["rectified"]
        for layer in ("filters", "simple", "complex", "dead")
    } == {"filters": True, "simple": False, "complex": False, "dead": False}
    for name in ("circular_variance", "phase_modulation", "bandwidth_octaves"):
        np.testing.assert_allclose(
            measured.arrays[f"filters/{name}"], measured.arrays[f"simple/{name}"], rtol=1e-5
        )
    assert (measured.arrays["filters/frequency_tuning"] < 0).any()


def test_a_layer_that_does_not_respond_says_so_and_no_more(measured):
    dead = [result for result in measured.results if result.settings["layer"] == "dead"]
    assert [(result.name, result.value) for result in dead] == [("responsive", 0)]
    assert not measured.arrays["dead/selected"].any()
    assert np.isnan(measured.arrays["dead/circular_variance"]).all()


def test_examples_prefer_frequencies_far_apart(measured):
    curves = by_name(measured.results, "frequency_tuning", "complex")
    chosen = [curve.settings["channel"] for curve in curves]
    assert [PLANTED[channel][0] for channel in chosen] == [2, 4, 6]
    heights = np.ptp(measured.arrays["complex/frequency_tuning"], axis=1)
    assert heights[chosen[1]] == heights[1:3].max()
    assert heights[chosen[2]] == heights[3:].max()
    for curve in curves:
        channel = curve.settings["channel"]
        np.testing.assert_array_equal(
            np.float32(curve.y), measured.arrays["complex/frequency_tuning"][channel]
        )
    turned = by_name(measured.results, "orientation_tuning", "complex")
    assert [curve.settings["channel"] for curve in turned] == chosen


@pytest.mark.parametrize(("count", "expected"), [(1, [2]), (2, [2, 6]), (3, [2, 4, 6]),
                                                 (9, [2, 4, 6])])  # fmt: skip
def test_there_are_as_many_examples_as_there_are_frequencies(patches, count, expected):
    responses = torch.zeros(10, 10, 10, len(PLANTED))
    for channel, (frequency, _) in enumerate(PLANTED):
        responses[:, frequency, :, channel] = 1
    tuning = channel_tuning(responses.reshape(1000, -1), patches.bank)
    chosen = example_channels(tuning, count)
    assert [PLANTED[channel][0] for channel in chosen] == expected


def test_example_stimuli_are_of_the_bank(measured, patches):
    about = measured.arrays["stimuli_about"]
    assert measured.arrays["stimuli"].dtype == np.uint8
    assert measured.arrays["stimuli"].shape == (len(about), SIZE, SIZE)
    for image, (orientation, frequency, phase) in zip(
        measured.arrays["stimuli"], about, strict=True
    ):
        drawn = gabor(
            SIZE, frequency_cpd=frequency, orientation_deg=orientation, phase_deg=phase,
            wavelengths="exact", pixels="float",
        )  # fmt: skip
        assert np.abs(drawn.numpy() * 255 - image).max() <= 0.501
    assert len(np.unique(about[:, 1])) == len(about)


def test_optimal_stimuli_show_what_the_channel_prefers():
    """One channel prefers stripes of 8 cycles per image, upright; the other light."""
    side = 32
    wave = torch.cos(2 * math.pi * 8 * torch.arange(8) / side).expand(1, 8, 8)
    net = nn.Sequential(nn.Conv2d(1, 2, 8, bias=False), nn.ReLU())
    net[0].weight.data = torch.stack([wave, torch.full_like(wave, 0.1)]) / 4
    images = optimal_images(net, "1", [0, 1], size=side, planes=1, seed=0, steps=60).pixels
    assert images.shape == (2, side, side, 3)
    assert images.dtype == np.uint8
    assert (images[..., 0] == images[..., 2]).all()
    upright, level = (
        np.abs(np.fft.rfft(images[..., 0] / 255.0, axis=axis)).mean(3 - axis) for axis in (2, 1)
    )
    assert upright[0, 5:].argmax() + 5 in (7, 8)
    assert upright[0, 7:9].max() > 1.5 * max(upright[1, 7:9].max(), level[0, 7:9].max())
    again = optimal_images(net, "1", [1], size=side, planes=1, seed=0, steps=60).pixels
    np.testing.assert_array_equal(again[0], images[1])


def test_optimal_stimuli_are_made_of_the_examples():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU())
    shown = stimuli_for(16, protocol="paper")
    found = network_tuning(
        net, shown, ["1"], experiments=5, draws=9, seed=0, optimal=2, steps=3, z_scored=True,
        source="net",
    )  # fmt: skip
    chosen = [c.settings["channel"] for c in by_name(found.results, "frequency_tuning")]
    assert found.arrays["1/optimal_channels"].tolist() == chosen
    assert len(chosen) == 2
    assert found.arrays["1/optimal"].shape == (2, 16, 16, 3)


def test_a_layer_that_cannot_be_climbed_does_not_lose_the_measurement_of_the_others():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 5), nn.Softplus(), nn.Conv2d(4, 1, 3), nn.Softplus())
    found = network_tuning(
        net, stimuli_for(16, protocol="paper"), ["1", "3"], experiments=5, draws=9, seed=0,
        optimal=1, steps=2, z_scored=True, source="net",
    )  # fmt: skip
    assert {"1/optimal", "3/frequency_tuning"} <= found.arrays.keys()
    assert "3/optimal" not in found.arrays
    reasons = {
        score.settings["layer"]: score.settings.get("optimal_missing")
        for score in by_name(found.results, "responsive")
    }
    assert reasons["1"] is None
    assert "with one channel at axis 1; the objective compares channels" in reasons["3"]
    for wrong, message in (  # of all layers
        ({"steps": 0}, "steps=0: give a whole number from 1 on"),
        ({"temperature": 0.0}, "temperature=0.0: give a positive, finite number"),
    ):
        with pytest.raises(ValueError, match=message):
            network_tuning(
                net, stimuli_for(16, protocol="paper"), ["1"], seed=0, optimal=1, z_scored=True,
                source="net", **wrong,
            )  # fmt: skip


# --- small images


def test_small_images_show_gratings_in_cycles_per_image():
    shown = stimuli_for(32, protocol="paper")
    assert (shown.stimulus, shown.unit) == ("grating", "cycles/image")
    frequencies = shown.bank.frequencies_cpd
    assert (frequencies[0], frequencies[-1]) == (1, pytest.approx(14))
    torch.testing.assert_close(
        frequencies.log2().diff(), torch.full((15,), math.log2(14) / 15).double()
    )
    # The first phase of a grating of 1 cycle per image, orientation 0: one period down the rows.
    pixels = shown.bank.images[0][0]
    row = torch.arange(32) - 15
    expected = (1 + torch.cos(2 * math.pi * row / 32)) / 2
    torch.testing.assert_close(pixels, expected[:, None].expand(32, 32).float())


def test_a_small_network_has_no_score_and_its_frequencies_are_those_planted():
    side, planted = 32, (5, 8, 12)
    shown = stimuli_for(side, protocol="paper", channels=1)
    row = torch.arange(side) - (side - 1) // 2
    given = shown.bank.frequencies_cpd[list(planted)]
    waves = torch.cos(2 * math.pi * given[:, None] * row / side)
    filters = waves[:, None, :, None].expand(-1, 1, -1, side)
    net = nn.Sequential(nn.Conv2d(1, 3, side, 16, 16, bias=False), nn.ReLU()).double()
    net[0].weight.data = filters - filters.mean((2, 3), keepdim=True)
    found = network_tuning(net, shown, ["1"], seed=0, z_scored=True, source="net")
    # A name says the unit: these are not per degree.
    np.testing.assert_allclose(found.arrays["1/preferred_cycles_per_image"], given, rtol=1e-6)
    assert "1/preferred_cpd" not in found.arrays
    assert not by_name(found.results, "frequency_score")
    assert not by_name(found.results, "frequency_score_by_field")
    (median,) = by_name(found.results, "median_log2_frequency")
    assert median.value == pytest.approx(given[1].log2().item())
    assert median.settings["unit"] == "cycles/image"
    assert median.settings["pixels_per_degree"] is median.settings["field_deg"] is None


@pytest.mark.parametrize("field", [1.0, 2.0, 6.4])
def test_small_images_of_assumed_degrees_have_a_score(field):
    """Three channels at known frequencies: scored as those frequencies would be of any network."""
    side, planted = 32, (5, 8, 12)
    plain = stimuli_for(side, protocol="paper", channels=1)
    shown = stimuli_for(side, protocol="paper", channels=1, field_deg=field)
    assert (shown.stimulus, shown.unit) == ("grating", "cycles/degree")
    assert shown.per_image == pytest.approx(field)
    assert torch.equal(shown.bank.images[7], plain.bank.images[7])  # the pixels are the same
    torch.testing.assert_close(shown.bank.frequencies_cpd, plain.bank.frequencies_cpd / field)
    row = torch.arange(side) - (side - 1) // 2
    given = plain.bank.frequencies_cpd[list(planted)]
    waves = torch.cos(2 * math.pi * given[:, None] * row / side)
    filters = waves[:, None, :, None].expand(-1, 1, -1, side)
    net = nn.Sequential(nn.Conv2d(1, 3, side, 16, 16, bias=False), nn.ReLU()).double()
    net[0].weight.data = filters - filters.mean((2, 3), keepdim=True)
    found = network_tuning(
        net, shown, ["1"], seed=0, z_scored=True, source="net", experiments=4, draws=3000
    )
    (score,) = by_name(found.results, "frequency_score")
    edges, cells = v1_cells()
    counts = torch.histogram(given / field, edges).hist
    gap = (counts.cumsum(0) / counts.sum() - cells.cumsum(0) / cells.sum()).abs()
    np.testing.assert_allclose(found.arrays["1/preferred_cpd"], given / field, rtol=1e-6)
    assert score.settings["field_deg"] == pytest.approx(field)
    assert score.value == pytest.approx(1 - gap.max().item(), abs=0.03)
    assert by_name(found.results, "frequency_score_by_field")


# --- the size of a degree


@pytest.mark.parametrize(("size", "protocol", "field", "pixels", "per_degree", "seen"), [
    (224, "paper", None, 224, 35, 6.4), (224, "authors", None, 224, 35, 6.4),
    (224, "paper", 6.4, 224, 35, 6.4), (299, "paper", None, 299, 35, 299 / 35),
    (299, "paper", 6.4, 299, 299 / 6.4, 6.4), (299, "authors", None, 224, 35, 6.4),
    (299, "authors", 6.4, 299, 299 / 6.4, 6.4), (128, "paper", 6.4, 128, 20, 6.4),
])  # fmt: skip
def test_degrees_or_pixels_per_degree_are_kept(size, protocol, field, pixels, per_degree, seen):
    shown = stimuli_for(size, protocol=protocol, field_deg=field)
    assert shown.bank.images.shape == (1000, 3, pixels, pixels)
    settings = shown.settings()
    assert settings["pixels"] == pixels
    assert settings["pixels_per_degree"] == pytest.approx(per_degree)
    assert settings["field_deg"] == pytest.approx(seen)
    drawing = shown.bank.images.drawing
    assert (drawing.wavelengths, drawing.pixels) == PROTOCOLS[protocol]
    assert drawing.sigma_deg == 1


@pytest.mark.parametrize(("size", "asked", "message"), [
    (224, {"protocol": "text"}, "protocol='text'; choose one of paper, authors"),
    (224, {"protocol": "paper", "field_deg": 50.0}, "field_deg=50: .* over 4 to 12.8 degrees, or"),
    (224, {"protocol": "paper", "field_deg": 1.0}, "field_deg=1: images of 224 pixels cannot"),
    (32, {"protocol": "paper", "field_deg": -6.4}, "field_deg=-6.4: give a positive number of"),
    (32, {"protocol": "authors"}, "protocol='authors' is of patches of 224 pixels, which images"),
    (224, {"protocol": "paper", "field_deg": math.nan}, "field_deg=nan"),
    (223, {"protocol": "authors"}, "which images of 223 pixels cannot hold; choose paper"),
    (96, {"protocol": "authors", "field_deg": 5.4}, "which images of 96 pixels cannot hold"),
    (224, {"protocol": "authors", "field_deg": 12.0},
     "field_deg=12: .* 6.25 cycles per degree are drawn as 9.33, as another of the ten; choose"),
    (224, {"protocol": "authors", "field_deg": 6.6},
     "field_deg=6.6: .* 8.75 cycles per degree are drawn as 11.3, in another bin of V1's cells"),
])  # fmt: skip
def test_patches_that_cannot_be_drawn_are_refused(size, asked, message):
    with pytest.raises(ValueError, match=message):
        stimuli_for(size, **asked)


# --- principal components


def kernel(reference, new, z_scored=False):
    centred = reference - reference.mean(0)
    gram = centred @ centred.T
    cross = (new - reference.mean(0)) @ centred.T
    return Kernel(
        (gram + gram.T) / 2, reference.shape[1], reference.shape[1], z_scored, "net:layer",
        "noise", {"bank": cross},
    )  # fmt: skip


def seeded(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def gratings():
    return stimuli_for(32, protocol="paper")


def planted_components(gratings, frequencies, images=120, offset=0.0):
    """Units are the components, and each is modulated most at a frequency of its own."""
    units = len(frequencies)
    reference = seeded(images, units) * 2.0 ** -torch.arange(units)
    bank = torch.zeros(*gratings.bank.shape, units, dtype=torch.float64)
    for unit, frequency in enumerate(frequencies):
        wave = torch.cos(gratings.bank.phases_deg.deg2rad())
        bank[:, frequency, :, unit] = wave
    return kernel(reference, bank.reshape(-1, units) + offset)


@pytest.mark.parametrize("offset", [0.0, 50.0])
@pytest.mark.parametrize(("frequencies", "rho"), [
    (range(2, 8), 1.0), (range(8, 2, -1), -1.0), ([1, 3, 2, 5, 4, 6], 31 / 35),
])  # fmt: skip
def test_a_planted_order_of_components_is_found(gratings, frequencies, rho, offset):
    """Whatever all stimuli have in common."""
    found = frequency_by_rank(
        planted_components(gratings, list(frequencies), offset=offset), gratings, seed=0
    )
    expected = gratings.bank.frequencies_cpd[list(frequencies)]
    torch.testing.assert_close(found.frequency, expected)
    assert found.rho == pytest.approx(rho)
    assert found.error == pytest.approx(0, abs=1e-9)


def preferred_by_sklearn(reference, new, gratings, count):
    scores = PCA(count, svd_solver="full").fit(reference).transform(new)
    variance = scores.reshape(*gratings.bank.shape, count).transpose(1, 3, 0, 2)
    return gratings.bank.frequencies_cpd.numpy()[variance.reshape(16, count, -1).var(2).argmax(0)]


def test_components_are_those_of_scikit_learn_and_the_interval_that_of_a_jackknife(gratings):
    images, units = 60, 40
    reference = (seeded(images, units) @ seeded(units, units, seed=1)).numpy()
    new = seeded(math.prod(gratings.bank.shape), units, seed=2).numpy()
    found = frequency_by_rank(
        kernel(torch.from_numpy(reference), torch.from_numpy(new)), gratings, seed=4, groups=6
    )
    expected = preferred_by_sklearn(reference, new, gratings, 30)  # half of the images
    np.testing.assert_allclose(found.frequency, expected)
    rho = spearmanr(range(30), expected).statistic
    assert found.rho == pytest.approx(rho, abs=1e-12)
    order = torch.randperm(images, generator=torch.Generator().manual_seed(4)).numpy()
    left_out = []
    for group in range(6):
        kept = np.setdiff1d(np.arange(images), order[group::6])
        part = preferred_by_sklearn(reference[kept], new, gratings, 30)
        left_out.append(spearmanr(range(30), part).statistic)
    spread = math.sqrt(5 / 6 * np.sum((np.array(left_out) - np.mean(left_out)) ** 2))
    assert found.error == pytest.approx(2.5705818356 * spread, rel=1e-6)  # t at 5 degrees, 97.5 %


def test_components_that_all_prefer_one_frequency_have_no_correlation(gratings):
    same = planted_components(gratings, [3] * 5)
    found = frequency_by_rank(same, gratings, seed=0)
    assert (found.rho, found.error) == (None, None)
    written = component_results(same, gratings, seed=0, source="net", settings={"layer": "x"})
    assert [result.name for result in written] == ["frequency_by_rank"]
    assert set(written[0].y) == {gratings.bank.frequencies_cpd[3].item()}


def test_too_few_components_are_no_curve(gratings):
    few = planted_components(gratings, [3, 4])
    assert frequency_by_rank(few, gratings, seed=0) is None
    assert component_results(few, gratings, seed=0, source="net", settings={"layer": "x"}) == []


def test_a_component_of_no_variance_has_no_rank(gratings):
    """Rounding of float32 activations makes directions that are not there."""
    reference = seeded(90, 6) @ seeded(6, 30, seed=1)
    noisy = reference + 1e-7 * seeded(90, 30, seed=2)
    found = frequency_by_rank(
        kernel(noisy, seeded(math.prod(gratings.bank.shape), 30, seed=3)), gratings, seed=0
    )
    assert len(found.frequency) == 6


def test_each_decomposition_is_told(gratings):
    """There are eleven of images × images, and of thousands of images they take minutes."""
    told = []
    planted = planted_components(gratings, list(range(2, 8)))
    frequency_by_rank(planted, gratings, seed=0, groups=4, progress=lambda *far: told.append(far))
    assert told == [(done, 5) for done in range(1, 6)]


def test_progress_goes_on_over_the_components_of_all_layers():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 12 * 12, 20))
    told = []
    network_tuning(
        net, stimuli_for(16, protocol="paper"), ["1", "3"], experiments=5, draws=9, seed=0,
        photographs=torch.rand(40, 3, 16, 16), z_scored=True, source="net",
        progress=lambda *far: told.append(far),
    )  # fmt: skip
    assert told[-22:] == [(done, 22) for done in range(1, 23)]


def test_photographs_bring_components_into_the_results(gratings):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 28 * 28, 20))
    shown = stimuli_for(32, protocol="paper")
    photographs = seeded(50, 3, 32, 32).sigmoid().float()
    found = network_tuning(
        net, shown, ["1", "3"], seed=1, photographs=photographs, z_scored=True, source="net",
        memory="200MB",
    )  # fmt: skip
    for layer, ranks in (("1", 25), ("3", 20)):
        line, score = by_name(found.results, "frequency_by_rank", layer)
        assert line.x == tuple(range(1, ranks + 1))
        assert score.value == pytest.approx(spearmanr(line.x, line.y).statistic)
        assert score.settings["error"] == JACKKNIFE
        assert score.settings["ranks"] == f"1-{ranks}"
        assert score.settings["z_scored"] is True
        assert score.settings["images"] == 50
    # The dense layer, by hand.
    with torch.no_grad():
        reference, new = (net(some).double() for some in (photographs, shown.bank.images[:]))
    mean, sd = reference.mean(0), reference.std(0, correction=0)
    expected = preferred_by_sklearn(
        ((reference - mean) / sd).numpy(), ((new - mean) / sd).numpy(), shown, 20
    )
    np.testing.assert_allclose(by_name(found.results, "frequency_by_rank", "3")[0].y, expected)


# --- how it is written


def test_a_median_of_few_channels():
    assert median_score("m", torch.tensor([math.nan, math.inf]), "s", {}, seed=0) == []
    (one,) = median_score("m", torch.tensor([math.nan, 2.0]), "s", {}, seed=0)
    told = {"measured": 1, "error": "none: it is of 1 of 2 channels"}
    assert (one.value, one.error, one.settings) == (2, None, told)
    (alone,) = median_score("m", torch.tensor([2.0]), "s", {}, seed=0)
    assert (alone.value, alone.error, alone.settings) == (2, None, {"measured": 1})
    (many,) = median_score("m", torch.arange(101.0), "s", {}, seed=0)
    assert many.value == 50
    # In ranks, the number of draws below the median of all is binomial, with sd √n / 2.
    assert many.error == pytest.approx(1.96 * math.sqrt(101) / 2, rel=0.2)
    assert many == median_score("m", torch.arange(101.0), "s", {}, seed=0)[0]


def test_a_median_says_of_how_many_channels_it_is_if_not_of_all():
    """Where a curve does not fall to half its height there is no width, nor a bound to count by."""
    widths = torch.cat([torch.linspace(1, 2, 8), torch.full((8,), math.inf)])
    (part,) = median_score("m", widths, "s", {}, seed=0)
    (whole,) = median_score("m", widths[:8], "s", {}, seed=0)
    assert part.settings["error"] == "bootstrap over 8 of 16 channels, half the 95 % interval"
    assert whole.settings["error"] == "bootstrap over channels, half the 95 % interval"
    assert (part.value, part.error) == (whole.value, whole.error)


def test_the_interval_of_a_median_has_both_its_ends():
    """Half of 40 channels at the highest frequency, which none can exceed."""
    values = torch.cat([torch.linspace(0, 4, 20), torch.full((20,), 5.0)])
    (one,) = median_score("m", values, "s", {}, seed=0)
    low, high = one.settings["low"], one.settings["high"]
    assert low < one.value < high == 5
    assert high - one.value < one.value - low  # half the width would reach beyond what was shown
    assert one.error == (high - low) / 2


def test_the_seed_draws_the_resamples_of_a_median():
    values = torch.rand(2000, generator=torch.Generator().manual_seed(0))
    errors = [median_score("m", values, "s", {}, seed=seed)[0].error for seed in (0, 0, 1)]
    assert errors[0] == errors[1] != errors[2]


def test_a_negative_count_of_optimal_stimuli_is_refused(patches):
    with pytest.raises(ValueError, match="optimal=-1: give a whole number from 0 on"):
        network_tuning(nn.Flatten(), patches, "**", seed=0, optimal=-1, z_scored=True, source="net")


def test_the_runner_puts_arrays_beside_results(tmp_path):
    def measure(task, _):
        return Measured([Score("x", 1.0)], {"layer/x": np.arange(3.0)})

    task = {"study": "tuning", "label": "x"}
    (done,) = run(measure, [task], directory=tmp_path)
    assert results.load(done.path) == [Score("x", 1.0)]
    np.testing.assert_array_equal(results.load_arrays(done.path)["layer/x"], np.arange(3.0))
    assert sorted(path.suffix for path in done.path.parent.iterdir()) == [".json", ".npz"]


def test_medians_are_of_the_channels_that_prefer_a_frequency(patches):
    """Three that do, whatever the orientation; and five that know orientation and phase alone."""
    responses = torch.zeros(10, 10, 10, 8)  # orientations × frequencies × phases × channels
    responses[:, 6, :, :3] = 1
    responses[2, :, 4, 3:] = 1
    tuning = channel_tuning(responses.reshape(1000, 8), patches.bank)
    assert tuning.selected.tolist() == [True] * 3 + [False] * 5
    found = layer_results(tuning, patches, Sampling(5, 50, 0), "planted", {"layer": "x"})
    for name, values in (
        ("median_circular_variance", tuning.circular_variance),
        ("median_phase_modulation", tuning.modulation),
        ("median_bandwidth_octaves", tuning.bandwidth),
    ):
        (score,) = by_name(found, name)
        assert score.value == np.median(values[:3])
        assert score.value != np.median(values)
        assert score.settings["measured"] == 3


DTYPES = torch.float32, torch.float64, torch.float16, torch.bfloat16


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_linear_layer_shown_gratings_does_not_respond_in_any_precision(dtype):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 16, 5)).to(dtype)
    shown = stimuli_for(24, protocol="paper")
    found = network_tuning(net, shown, "0", seed=0, z_scored=True, source="net")
    assert [one.value for one in by_name(found.results, "responsive")] == [0.0]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_planted_channels_respond_in_any_precision(dtype, patches):
    net = nn.Sequential(Cortex().filters, nn.ReLU()).to(dtype)
    found = network_tuning(
        net, patches, "1", experiments=5, draws=9, seed=0, z_scored=True, source="cortex"
    )
    assert [one.value for one in by_name(found.results, "responsive")] == [1.0]


@pytest.mark.parametrize(
    "asked", [{"steps": 0}, {"draws": 0}, {"experiments": 0}, {"seed": -1}], ids=str
)
def test_numbers_that_are_none_are_refused_before_work(asked, patches):
    words = {"seed": 0, "z_scored": True, "source": "net"} | asked
    with pytest.raises(ValueError, match=f"^{next(iter(asked))}=.*: give "):
        network_tuning(nn.Flatten(), patches, "**", **words)
