import numpy as np
import pytest
import torch
from scipy.io import savemat

from striate.datasets import recording, stringer2019

IMAGES, CELLS, TIMES = 12, 30, 200


def session(*, spontaneous=3, seed=0, strength=50.0):
    """A planted recording: each image has a pattern, under strong spontaneous directions."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.standard_normal((CELLS, spontaneous)))[0].T
    mean, scale = rng.random(CELLS) * 5, rng.random(CELLS) + 0.5
    patterns = rng.standard_normal((IMAGES, CELLS))
    # Image 3 (from 0) is shown once, image 7 never, the others two to four times; then blanks.
    counts = np.array([2, 2, 3, 1, 2, 4, 2, 0, 3, 2, 2, 2, 5])
    identity = rng.permutation(np.repeat(np.arange(1, IMAGES + 2), counts))
    shared = strength * rng.standard_normal((len(identity), spontaneous)) @ directions
    signal = np.vstack([patterns, np.zeros(CELLS)])[identity - 1]
    noise = 1e-3 * rng.standard_normal((len(identity), CELLS))
    resp = mean + scale * (signal + shared + noise)
    spont = strength * rng.standard_normal((TIMES, spontaneous)) @ directions
    spont = mean + scale * (spont + 1e-3 * rng.standard_normal((TIMES, CELLS)))
    return {"resp": resp, "istim": identity[:, None].astype(float), "spont": spont}


def write(path, stim, red=None):
    content = {"stim": stim}
    if red is not None:
        stat = np.zeros((len(red), 1), [("redcell", object), ("npix", object)])
        stat["redcell"] = np.array(red, float)[:, None]
        stat["npix"] = 7.0
        content["stat"] = stat
    savemat(path, content)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "natimg2800_M1.mat"


def slow(stim, remove):
    """The steps of kong.md 3b, one after the other: halves and which images have them."""
    ids = [int(one) - 1 for one in stim["istim"][:, 0]]
    n_img = max(ids)
    mu, sd = stim["spont"].mean(0), stim["spont"].std(0) + 1e-6
    z = (stim["spont"] - mu) / sd
    values, vectors = np.linalg.eigh(z.T @ z)
    u = vectors[:, np.argsort(values)[::-1][:remove]]
    by_image = {image: [] for image in range(n_img)}
    for row, image in zip(stim["resp"], ids, strict=True):
        if image < n_img:
            r = (row - mu) / sd
            by_image[image].append(r - u @ (u.T @ r))
    halves, kept = [], []
    for image, rows in by_image.items():
        k = len(rows) // 2
        if k:
            kept.append(image)
            halves.append([np.mean(rows[:k], 0), np.mean(rows[k:], 0)])
    return np.array(halves).transpose(1, 0, 2), kept, by_image


# Beyond the three that are planted, variances are 4e-10 of the largest: half of the digits that
# are left, of sixteen, are in their directions.
@pytest.mark.parametrize(("remove", "tolerance"), [(0, 1e-9), (1, 1e-9), (3, 1e-9), (6, 1e-6)])
def test_halves_follow_the_protocol_step_by_step(remove, tolerance, path):
    stim = session()
    expected, kept, _ = slow(stim, remove)
    found = recording(write(path, stim), spontaneous=remove)
    assert found.responses.tensor.dtype == torch.float64
    assert found.kept.tolist() == kept == [0, 1, 2, 4, 5, 6, 8, 9, 10, 11]
    np.testing.assert_allclose(found.responses.tensor.numpy(), expected, rtol=0, atol=tolerance)
    assert found.responses.stimuli[3] == "natimg2800_M1:4"
    assert found.images is None
    assert found.notes == (
        "dropped 5 presentations of the blank, which is identity 13",
        f"responses in standard deviations of spontaneous activity, without its {remove} leading "
        "directions",
        "dropped 2 of 12 images, presented fewer than 2 times",
        "2 to 4 presentations of each image; repeat 1 is the mean of the first half of them, "
        "repeat 2 of the rest",
        "every trial recorded",
    )


def test_presentations_are_kept_one_by_one(path):
    stim = session()
    _, _, by_image = slow(stim, 3)
    found = recording(write(path, stim), spontaneous=3, repeats="presentations")
    assert found.responses.tensor.shape == (4, 11, CELLS)
    assert found.kept.tolist() == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11]
    for place, image in enumerate(found.kept.tolist()):
        rows = np.array(by_image[image])
        shown = found.responses.tensor[:, place].numpy()
        np.testing.assert_allclose(shown[: len(rows)], rows, rtol=0, atol=1e-9)
        assert np.isnan(shown[len(rows) :]).all()
    # The noun's own halves are those of the file.
    halves = recording(path, spontaneous=3).responses.tensor
    both = [place for place, image in enumerate(found.kept.tolist()) if image != 3]
    np.testing.assert_allclose(found.responses.halves()[:, both], halves, rtol=0, atol=1e-12)


def test_the_planted_signal_is_found_only_without_the_spontaneous_directions(path):
    write(path, session(strength=50.0))

    def reliability(remove):
        first, second = recording(path, spontaneous=remove).responses.tensor
        first, second = first - first.mean(0), second - second.mean(0)
        return float((first * second).sum() / (first.norm() * second.norm()))

    # The noise is a thousandth of the signal, the directions are fifty times as strong as it.
    assert reliability(3) > 0.999
    assert reliability(0) < 0.5


def test_without_any_blank_the_last_image_stays_if_its_number_is_given(path, tmp_path):
    stim = session()
    shown = stim["istim"][:, 0] <= IMAGES
    without_blank = {**stim, "resp": stim["resp"][shown], "istim": stim["istim"][shown]}
    expected = recording(write(path, stim), spontaneous=3, blank=IMAGES + 1)
    assert torch.equal(expected.responses.tensor, recording(path, spontaneous=3).responses.tensor)
    write(path, without_blank)
    found = recording(path, spontaneous=3, blank=IMAGES + 1)
    assert torch.equal(found.responses.tensor, expected.responses.tensor)
    assert found.kept.tolist() == expected.kept.tolist()
    assert found.notes[0] == "dropped 0 presentations of the blank, which is identity 13"
    # Left out, it is the largest there, and the file of the stimuli does not fit.
    assert recording(path, spontaneous=3).kept.tolist() == expected.kept.tolist()[:-1]
    savemat(tmp_path / "all.mat", {"imgs": np.zeros((6, 8, IMAGES), np.uint8)})
    with pytest.raises(
        ValueError, match=r"needs \(height, width, 11\) if identity 12 is its blank"
    ):
        recording(path, images=tmp_path / "all.mat", spontaneous=3)
    read = recording(path, images=tmp_path / "all.mat", spontaneous=3, blank=IMAGES + 1)
    assert len(read.images) == len(expected.kept)


def test_red_cells_are_dropped_if_asked_for(path):
    stim = session()
    red = np.arange(CELLS) % 5 == 0
    write(path, stim, red)
    assert recording(path, spontaneous=3).responses.tensor.shape[2] == CELLS
    found = recording(path, spontaneous=3, red_cells=False)
    kept = {"istim": stim["istim"], **{key: stim[key][:, ~red] for key in ("resp", "spont")}}
    np.testing.assert_allclose(found.responses.tensor, slow(kept, 3)[0], rtol=0, atol=1e-9)
    assert found.notes[0] == "dropped 6 red (GAD+) cells of 30"


def test_nan_is_refused_or_set_to_zero_before_anything_else(path):
    stim = session()
    stim["resp"][[0, 3], [1, 2]] = np.nan
    write(path, stim)
    with pytest.raises(ValueError, match=r"stim\.resp holds 2 NaN, which the projection would "
                                         r"spread over all cells; nan_as_zero=True"):  # fmt: skip
        recording(path, spontaneous=3)
    found = recording(path, spontaneous=3, nan_as_zero=True)
    stim["resp"] = np.nan_to_num(stim["resp"])
    np.testing.assert_allclose(found.responses.tensor, slow(stim, 3)[0], rtol=0, atol=1e-9)
    assert found.notes[0] == "2 responses that were NaN set to 0"
    stim["spont"][5] = np.nan
    with pytest.raises(ValueError, match=r"stim\.spont holds 30 NaN, .* over all cells$"):
        recording(write(path, stim), spontaneous=3, nan_as_zero=True)


def test_single_precision_stays_single(path):
    stim = session()
    expected = slow(stim, 3)[0]
    single = {key: value.astype(np.float32) for key, value in stim.items()}
    found = recording(write(path, single), spontaneous=3).responses.tensor
    assert found.dtype == torch.float32
    # Responses of a few, less 50 times as much: seven digits of the latter, some lost in sums.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
    assert torch.equal(found, recording(path, spontaneous=3).responses.tensor)


def test_images_of_dropped_responses_are_dropped(path, tmp_path):
    rng = np.random.default_rng(0)
    imgs = rng.integers(0, 256, (6, 8, IMAGES), dtype=np.uint8)
    savemat(tmp_path / "all_images.mat", {"imgs": imgs})
    write(path, session())
    found = recording(path, images=tmp_path / "all_images.mat", spontaneous=3)
    assert found.images.shape == (10, 1, 6, 8)
    for place, image in enumerate(found.kept.tolist()):
        expected = (imgs[:, :, image] / 255).astype(np.float32)
        np.testing.assert_allclose(found.images[place, 0], expected, rtol=1e-6)
    assert found.responses.stimuli[3] == "all_images:4"
    for wrong, message in ((imgs[:, :, 1:], r"needs \(height, width, 12\)"),
                           (imgs * 2.0, "imgs runs from .* not 0 to 255")):  # fmt: skip
        savemat(tmp_path / "wrong.mat", {"imgs": wrong})
        with pytest.raises(ValueError, match=message):
            recording(path, images=tmp_path / "wrong.mat", spontaneous=3)


def without(key):
    return {name: value for name, value in session().items() if name != key}


@pytest.mark.parametrize(("stim", "options", "message"), [
    (without("spont"), {}, r"stim is no struct with a field 'spont'; it has \('resp', 'istim'\)"),
    ({**session(), "spont": np.zeros((0, CELLS))}, {}, r"stim\.spont has shape \(0, 30\)"),
    ({**session(), "spont": np.zeros((9, 4))}, {}, r"\(9, 4\); it must be \(times, 30 cells\)"),
    ({**session(), "istim": np.ones((3, 1))}, {}, r"stim\.istim 3 entries; there must be one"),
    ({**session(), "istim": session()["istim"] - 1}, {}, "one identity, counted from 1, for each"),
    (session(), {}, r"spontaneous=32: .*200 times x 30 cells of spontaneous activity; remove"),
    (session(), {"spontaneous": -1}, "spontaneous=-1: "),
    (session(), {"spontaneous": 3, "blank": 12}, "blank=12: .* has identities up to 13; give the"),
    ({**session(), "istim": np.ones((0, 1)), "resp": np.ones((0, CELLS))}, {}, "there must be one"),
    (session(), {"repeats": "thirds"}, "repeats='thirds'; choose 'halves' or 'presentations'"),
    (session(), {"spontaneous": 3, "red_cells": False}, "has no variable 'stat'"),
])  # fmt: skip
def test_another_layout_is_refused(stim, options, message, path):
    write(path, stim)
    reader = stringer2019 if "repeats" not in options else stringer2019.__wrapped__
    with pytest.raises(ValueError, match=message):
        reader(path, **options)


def test_images_that_were_shown_once_have_no_halves(path):
    stim = session()
    first = np.sort(np.unique(stim["istim"], return_index=True)[1])
    stim = {**stim, "resp": stim["resp"][first], "istim": stim["istim"][first]}
    with pytest.raises(ValueError, match=r"no image was presented twice.*choose 'presentations'"):
        recording(write(path, stim), spontaneous=3)
    found = recording(path, spontaneous=3, repeats="presentations")
    assert found.responses.tensor.shape[:2] == (1, 11)


def test_red_cells_that_are_not_one_per_cell_are_refused(path):
    write(path, session(), np.zeros(CELLS - 1))
    with pytest.raises(ValueError, match=r"stat has 29 values of 'redcell' for 30 cells"):
        recording(path, spontaneous=3, red_cells=False)


def test_a_matlab_7_3_file_is_named_as_such(path):
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x00" * 384)
    with pytest.raises(ValueError, match=r"is a MATLAB 7\.3 file; save .* again with -v7, and"):
        recording(path)
