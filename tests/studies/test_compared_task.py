"""A network compared with a recording sees what was said, and the result says what it saw."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from striate.datasets import Presentation, recording
from striate.models import Network
from striate.responses import Responses
from striate.studies import spectra
from striate.study.spectra import Window, fair_comparison

WINDOW = Window((2, 5), "rank")
WAY = Presentation(stimulus_deg=4.0, field_deg=8.0, crop_px=20, surround=0.25)


def net(channels=3):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(channels, 6, 3), nn.ReLU()).eval()
    return Network("net", model, 16, 16)


@pytest.fixture
def cortex(tmp_path):
    """Smooth images, and ten neurons that each weigh a part of them."""
    rng = np.random.default_rng(0)
    images = np.stack([
        np.asarray(Image.fromarray(coarse).resize((24, 24), Image.Resampling.BICUBIC))
        for coarse in rng.integers(0, 256, (60, 6, 6), dtype=np.uint8)
    ])  # fmt: skip
    signal = (images.reshape(60, -1) / 255 - 0.5) @ rng.normal(size=(576, 10))
    trials = signal + 0.5 * rng.normal(size=(4, 60, 10)) + 20
    np.savez(tmp_path / "v1.npz", responses=trials.astype("float32"), images=images)
    return recording(tmp_path / "v1.npz")


def measured(cortex, network, **way):
    how = {"window": WINDOW, "algorithm": "text"}
    task = spectra.comparison_task(network, cortex, ["0"], **how, **way)
    return task, spectra.measure_comparison(
        task, Path(), network=network, recording=cortex, **how, **way
    )


def shown_one_by_one(cortex):
    """Cut, resize and surround each image on its own."""
    seen = torch.full((60, 1, 16, 16), 0.25)
    for canvas, image in zip(seen, cortex.images, strict=True):
        inner = Image.fromarray((image[0, 2:22, 2:22] * 255).round().byte().numpy())
        small = inner.resize((8, 8), Image.Resampling.BILINEAR)
        canvas[0, 4:12, 4:12] = torch.from_numpy(np.array(small)).float() / 255
    return seen


@pytest.mark.parametrize("channels", [3, 1])
def test_images_are_as_large_as_was_said(cortex, channels):
    network = net(channels)
    task, results = measured(cortex, network, presentation=WAY)
    with torch.no_grad():
        responses = network.model[0](shown_one_by_one(cortex).expand(-1, channels, -1, -1))
    expected = fair_comparison(
        Responses(responses.flatten(1)[None], "net:0", "60 images"), cortex.responses,
        window=WINDOW, algorithm="text", seed=0,
    )  # fmt: skip
    ours, theirs = (
        [one.value for one in many if one.name == "alpha_matched"] for many in (results, expected)
    )
    assert ours == pytest.approx(theirs, rel=1e-6)
    # A kernel of 3×3 sees some of the 8×8 pixels from 10×10 places.
    assert {one.settings.get("varying") for one in results} == {600, None}
    told = {name: task[name] for name in ("stimulus_deg", "field_deg", "crop_px", "surround")}
    assert told == {"stimulus_deg": 4.0, "field_deg": 8.0, "crop_px": 20, "surround": 0.25}
    assert all(told.items() <= one.settings.items() for one in results)


def test_without_a_size_images_fill_all_that_the_network_takes(cortex):
    task, results = measured(cortex, net(1))
    assert {one.settings.get("varying") for one in results} == {6 * 14 * 14, None}
    assert {one.settings["stimulus_deg"] for one in results} == {task["stimulus_deg"]} == {None}
    seen = spectra.as_seen(cortex, 16)
    assert seen.shape == (60, 3, 16, 16)
    assert torch.equal(seen[:, :1], spectra.as_seen(cortex, 16, 1))
    coloured = cortex._replace(images=cortex.images.expand(-1, 3, -1, -1))
    assert spectra.as_seen(coloured, 24).shape == (60, 3, 24, 24)
    with pytest.raises(ValueError, match="images has 3 channels, the network takes 1"):
        spectra.as_seen(coloured, 24, 1)


def test_images_that_do_not_fit_are_refused_when_the_task_is_made(cortex):
    with pytest.raises(ValueError, match="crop_px=30 is not within images of 24×24 pixels"):
        spectra.comparison_task(
            net(), cortex, ["0"], window=WINDOW, presentation=Presentation(2.0, 8.0, 30)
        )
    with pytest.raises(ValueError, match="comes without its images, which the network must see"):
        spectra.comparison_task(net(), cortex._replace(images=None), ["0"], window=WINDOW)


def test_a_layer_that_cannot_be_compared_is_named(cortex):
    big = cortex.responses.tensor.repeat(1, 1, 8)
    many = cortex._replace(responses=Responses(big, "many", "60 images"))
    one_pixel = Presentation(stimulus_deg=0.1, field_deg=8.0)
    told = r"layer 0: network has 54 units that vary.*are 1 of the network's 16 pixels wide\)"
    with pytest.raises(ValueError, match=told):
        measured(many, net(), presentation=one_pixel)


@pytest.mark.parametrize("make", [
    lambda cortex, window: spectra.recording_task(cortex, window=window),
    lambda cortex, window: spectra.comparison_task(net(), cortex, ["0"], window=window),
])  # fmt: skip
def test_what_cannot_be_measured_is_refused_when_the_task_is_made(cortex, make):
    once = Responses(cortex.responses.tensor[:1], "one.npz", "60 images")
    with pytest.raises(ValueError, match=r"one\.npz has one repeat; cross-validation needs two"):
        make(cortex._replace(responses=once), WINDOW)
    with pytest.raises(ValueError, match="image_ids has one name, 'a', for all 60 stimuli"):
        make(cortex._replace(image_ids=("a",) * 60), WINDOW)
    with pytest.raises(ValueError, match=r"ranks=\(3, 5\): a window ends at twice its first rank"):
        make(cortex, WINDOW._replace(ranks=(3, 5)))


def test_an_error_over_few_groups_is_told_before_work(cortex):
    two = cortex._replace(image_ids=("a", "b") * 30)
    (said,) = spectra.recording_notes(two)
    assert said.startswith("image_ids has 2 names for 60 stimuli: those with one name leave the")
    assert spectra.comparison_notes(net(), two, window=WINDOW, gains="equal") == (said,)
    for named in (None, tuple(map(str, range(60))), tuple(map(str, range(10))) * 6):
        assert spectra.recording_notes(cortex._replace(image_ids=named)) == ()


@pytest.mark.parametrize("gains", ["equal", "own"])
def test_stimuli_that_are_left_out_are_told_with_the_unit_that_lacks_them(cortex, gains):
    trials = with_a_silent_one(cortex).responses.tensor.clone()
    trials[:, 40:, 7] = torch.nan
    rare = cortex._replace(responses=Responses(trials, "rare", "60 images"))
    said = spectra.comparison_notes(net(), rare, window=WINDOW, gains=gains)
    assert said[-1].startswith("20 of 60 stimuli are left out: unit 7 (counted from 0) has no two")
    assert len(said) == (2 if gains == "equal" else 1)  # the silent one is left out
    assert spectra.recording_notes(rare) == said[-1:]
    _, results = measured(rare, net(), gains=gains)
    assert {(one.settings["stimuli"], one.settings["of_stimuli"]) for one in results} == {(40, 60)}
    assert not any("of_stimuli" in one.settings for one in measured(cortex, net())[1])


def test_a_unit_is_called_by_its_number_in_the_file(cortex):
    trials = with_a_silent_one(cortex).responses.tensor.clone()
    trials[:, 40:, 7] = torch.nan
    # Of twelve units in the file the first two never responded.
    there = cortex._replace(
        responses=Responses(trials, "rare", "60 images"), units=torch.arange(2, 12)
    )
    for said in (
        spectra.recording_notes(there),
        spectra.comparison_notes(net(), there, window=WINDOW, gains="equal"),
    ):
        assert "unit 9 (counted from 0) has no two trials of 20" in said[-1]


def test_clusters_are_counted_among_the_stimuli_that_are_kept(cortex):
    trials = cortex.responses.tensor.clone()
    trials[:, 12:, 7] = torch.nan
    names = tuple(f"movie {number // 4}" for number in range(60))
    there = cortex._replace(responses=Responses(trials, "rare", "60"), image_ids=names)
    assert "image_ids has 3 names for 12 stimuli" in spectra.recording_notes(there)[-1]
    task = spectra.recording_task(there, window=WINDOW)
    found = spectra.measure_recording(
        task, Path(), recording=there, window=WINDOW, algorithm="text"
    )
    assert "jackknife over 3 clusters of images" in str([one.settings for one in found])
    one_movie = there._replace(image_ids=("a",) * 12 + ("b",) * 48)
    for make in (
        lambda: spectra.recording_task(one_movie, window=WINDOW),
        lambda: spectra.comparison_task(net(), one_movie, ["0"], window=WINDOW),
    ):
        with pytest.raises(ValueError, match="image_ids has one name, 'a', for all 12 stimuli"):
            make()


def test_images_that_are_not_square_are_told_to_be_squeezed(cortex):
    wide = cortex._replace(images=cortex.images[:, :, :12])
    (said,) = spectra.comparison_notes(net(), wide, window=WINDOW, gains="equal")
    assert said.startswith("images of 12×24 pixels are squeezed to 16×16, all that the network")
    in_proportion = {"window": WINDOW, "gains": "equal", "presentation": Presentation(4.0, 8.0)}
    assert spectra.comparison_notes(net(), wide, **in_proportion) == ()
    assert {one.settings["squeezed_from"] for one in measured(wide, net())[1]} == {"12×24"}
    shown = measured(wide, net(), presentation=Presentation(8.0, 8.0))[1]
    assert not any("squeezed_from" in one.settings for one in (*measured(cortex, net())[1], *shown))


def with_a_silent_one(cortex):
    """The recording, one neuron of which does not respond to the images."""
    trials = cortex.responses.tensor.clone()
    trials[:, :, 3] = torch.randn(trials.shape[:2], generator=torch.Generator().manual_seed(0))
    return cortex._replace(responses=Responses(trials, "one silent", "60 images"))


def test_neurons_without_a_signal_are_left_out_and_that_is_said(cortex):
    one_silent = with_a_silent_one(cortex)
    task, results = measured(one_silent, net())
    own_task, own = measured(one_silent, net(), gains="own")
    assert {one.settings["units"] for one in results} == {9}
    assert {one.settings["units"] for one in own} == {10}
    assert task["gains"] == "equal"
    assert {one.settings.get("gains") for one in results} == {"equal"}
    # As before one could choose, so that names of results stay
    assert "gains" not in own_task
    assert not any("gains" in one.settings for one in own)
    (said,) = spectra.comparison_notes(net(), one_silent, window=WINDOW, gains="equal")
    assert said.startswith("9 of 10 units are compared: of the others, signal is less than a tenth")
    assert spectra.comparison_notes(net(), one_silent, window=WINDOW, gains="own") == ()
    assert spectra.comparison_notes(net(), cortex, window=WINDOW, gains="equal") == ()
    # A layer need only be as wide as what is compared.
    nine = Network("nine", nn.Sequential(nn.Conv2d(3, 9, 16), nn.Flatten()).eval(), 16, 16)
    assert measured(one_silent, nine)[1]
    with pytest.raises(ValueError, match="the recording has 10 units and there are fewer in 0"):
        measured(one_silent, nine, gains="own")


def test_a_window_beyond_the_neurons_that_respond_is_refused_when_the_task_is_made(cortex):
    with pytest.raises(ValueError, match="but of 9 of the recording's 10 units the signal is at"):
        spectra.comparison_task(
            net(), with_a_silent_one(cortex), ["0"], window=WINDOW._replace(ranks=(2, 10))
        )
