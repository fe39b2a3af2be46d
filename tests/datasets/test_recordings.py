"""Plain arrays in npz and HDF5 files, and the one door to all formats."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from striate.datasets import Recording, arrays, populations, recording
from striate.datasets._files import sha256_of

RNG = np.random.default_rng(0)
RESPONSES = RNG.poisson(3, (3, 5, 4)).astype(np.float32)
GREY = RNG.integers(0, 256, (5, 6, 7), dtype=np.uint8)


def write(path, **content):
    if path.suffix == ".npz":
        np.savez(path, **content)
    else:
        with h5py.File(path, "w") as file:
            for name, array in content.items():
                array = np.asarray(array)
                kind = h5py.string_dtype() if array.dtype.kind == "U" else None
                file.create_dataset(name, data=array.astype(object) if kind else array, dtype=kind)
    return path


@pytest.fixture(params=["npz", "h5"])
def path(request, tmp_path):
    return tmp_path / f"v1.{request.param}"


def test_responses_images_and_names_survive(path):
    write(path, responses=RESPONSES, images=GREY, image_ids=np.array(list("aabbc")), other=1)
    found = recording(path)
    assert isinstance(found, Recording)
    assert torch.equal(found.responses.tensor, torch.from_numpy(RESPONSES))
    assert found.responses.source == (
        f"{path.name}: 3 repeats x 5 stimuli x 4 units, sha256 {sha256_of(path)[:12]}"
    )
    assert found.responses.stimuli == ("v1:0", "v1:1", "v1:2", "v1:3", "v1:4")
    assert found.images.shape == (5, 1, 6, 7)
    assert (found.images[:, 0].numpy() == (GREY / 255).astype(np.float32)).all()
    assert found.kept.tolist() == [0, 1, 2, 3, 4]
    assert found.image_ids == tuple("aabbc")
    assert found.notes == ("every trial recorded",)


def test_images_and_names_need_not_be_there(path):
    found = recording(write(path, responses=RESPONSES))
    assert found.images is None
    assert found.image_ids is None


@pytest.mark.parametrize(("kind", "becomes"), [
    ("f4", torch.float32), ("f8", torch.float64), (">f8", torch.float64), ("f2", torch.float32),
    ("i8", torch.float32), ("u1", torch.float32), (">i2", torch.float32),
])  # fmt: skip
def test_floating_point_stays_what_it_is_and_counts_become_it(kind, becomes, path):
    found = recording(write(path, responses=RESPONSES.astype(kind)))
    assert found.responses.tensor.dtype == becomes
    assert torch.equal(found.responses.tensor.float(), torch.from_numpy(RESPONSES))


@pytest.mark.parametrize(("kind", "largest", "becomes"), [
    ("i4", 2**24, torch.float32), ("i8", 2**24 + 1, torch.float64),
    ("u4", 2**32 - 1, torch.float64), ("i8", -(2**24) - 1, torch.float64),
    ("i8", -(2**63), torch.float64),
])  # fmt: skip
def test_no_count_is_rounded_to_single_precision(kind, largest, becomes, path):
    values = np.ones((2, 3, 4), kind)
    values[1, 2, 3] = largest
    found = recording(write(path, responses=values)).responses.tensor
    assert found.dtype == becomes
    np.testing.assert_array_equal(found.numpy(), values)


def test_colour_images_and_float_pixels_are_kept(path):
    colour = RNG.random((5, 3, 6, 7))
    found = recording(write(path, responses=RESPONSES, images=colour, image_ids=np.arange(5)))
    assert (found.images.numpy() == colour.astype(np.float32)).all()
    assert found.image_ids == ("0", "1", "2", "3", "4")


def test_what_was_never_recorded_is_dropped_and_said(path):
    values = RNG.random((4, 6, 5))
    values[1], values[:, 2], values[:, 4], values[:, :, 3] = (np.nan,) * 4
    values[0, 0, 0] = np.nan
    images = RNG.integers(0, 256, (6, 3, 3), dtype=np.uint8)
    found = recording(write(path, responses=values, images=images, image_ids=np.arange(6)))
    assert found.responses.tensor.shape == (3, 4, 4)
    assert found.kept.tolist() == [0, 1, 3, 5]
    assert found.responses.stimuli == ("v1:0", "v1:1", "v1:3", "v1:5")
    assert found.image_ids == ("0", "1", "3", "5")
    expected = values[np.ix_([0, 2, 3], [0, 1, 3, 5], [0, 1, 2, 4])]
    np.testing.assert_array_equal(found.responses.tensor.numpy(), expected)
    assert (found.images[:, 0].numpy() == (images[found.kept] / 255).astype(np.float32)).all()
    assert found.notes == (
        "dropped 1 repeat without any response: 1 (from 0)",
        "dropped 2 stimuli without any response: 2, 4 (from 0)",
        "dropped 1 unit without any response: 3 (from 0)",
        "2.1% of trials not recorded",  # 1 of 48
    )


def test_several_populations_are_chosen_or_put_side_by_side(path):
    a, b = RNG.random((3, 5, 4)), RNG.random((2, 5, 2))
    write(path, responses_a=a, responses_b=b, images=GREY)
    assert populations(path) == ("a", "b")
    only = recording(path, population="b")
    np.testing.assert_array_equal(only.responses.tensor.numpy(), b)
    both = recording(path)
    np.testing.assert_array_equal(both.responses.tensor[:, :, :4].numpy(), a)
    np.testing.assert_array_equal(both.responses.tensor[:2, :, 4:].numpy(), b)
    assert both.responses.tensor[2, :, 4:].isnan().all()
    assert both.notes == (
        "a pseudo-population: the units of 2 populations side by side, in this order: a (4), "
        "b (2); noise that units share is lost between them",
        "2 to 3 repeats, padded with NaN to 3",
        "11.1% of trials not recorded",  # 10 of 90
    )


def test_counts_of_several_populations_are_padded_as_well(path):
    write(path, responses_a=np.ones((2, 3, 1), np.int64), responses_b=np.ones((1, 3, 1), np.int64))
    assert recording(path).responses.tensor.isnan().sum() == 3


def test_one_population_has_no_name(path):
    write(path, responses=RESPONSES)
    assert populations(path) == ()
    with pytest.raises(ValueError, match="no population 'a'; there are: only one, without name"):
        recording(path, population="a")
    write(path, responses_left=RESPONSES, responses_right=RESPONSES)
    with pytest.raises(ValueError, match="no population 'lef'; there are: left, right"):
        recording(path, population="lef")


@pytest.mark.parametrize(("content", "message"), [
    ({"resp": RESPONSES}, "neither an array 'responses' nor any 'responses_<pop.*>', but resp"),
    ({"responses": RESPONSES[0]}, r"responses is float32 of shape \(5, 4\); it must hold numbers"),
    ({"responses": RESPONSES[:0]}, r"responses is float32 of shape \(0, 5, 4\)"),
    ({"responses": RESPONSES + 1j}, "responses is complex64 of shape"),
    ({"responses": RESPONSES + np.inf}, "responses holds 60 infinite numbers; write NaN"),
    ({"responses": RESPONSES * np.nan}, "responses holds no response, only NaN"),
    ({"responses": RESPONSES, "images": GREY[1:]}, "images has 4 entries for 5 stimuli"),
    ({"responses": RESPONSES, "image_ids": np.arange(6)}, "image_ids has 6 entries for 5 stimuli"),
    ({"responses": RESPONSES, "image_ids": np.ones(5)}, "image_ids is float64"),
    ({"responses": RESPONSES, "image_ids": GREY}, r"image_ids is uint8 of shape \(5, 6, 7\)"),
    ({"responses": RESPONSES, "images": GREY.astype(np.int32)}, "images is int32 from 0 to"),
    ({"responses": RESPONSES, "images": GREY * 1.0}, "images is float64 from 0.0 to .*8-bit"),
    ({"responses": RESPONSES, "images": GREY[:, None, None]}, r"images has shape \(5, 1, 1, 6, 7"),
    ({"responses": RESPONSES, "images": np.zeros((5, 2, 4, 4))}, "with 1 or 3 channels"),
    ({"responses": RESPONSES, "images": np.full((5, 2, 2), np.nan)}, "images is float64 from nan"),
    ({"responses_a": RESPONSES, "responses_b": RESPONSES[:, 1:]}, "no stimuli in common; choose"),
    ({"responses_a": RESPONSES, "responses_b": RESPONSES[0]}, "no stimuli in common; choose"),
])  # fmt: skip
def test_arrays_of_another_kind_are_refused(content, message, path):
    write(path, **content)
    with pytest.raises(ValueError, match=message) as caught:
        recording(path)
    assert str(path) in str(caught.value)


def test_an_array_of_objects_is_not_unpickled(tmp_path):
    path = write(tmp_path / "x.npz", responses=np.array([1, "a", None], object))
    with pytest.raises(ValueError, match=r"array 'responses' cannot be read: Object arrays"):
        recording(path)


def test_a_damaged_npz_is_refused_by_name(tmp_path):
    path = write(tmp_path / "x.npz", responses=RESPONSES)
    content = bytearray(path.read_bytes())
    content[300] ^= 255
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.npz: array 'responses' cannot be read"):
        recording(path)


@pytest.mark.parametrize("part", [0.1, 0.5])
def test_a_truncated_file_is_refused_by_name(part, path):
    write(path, responses=RNG.random((3, 50, 40)))
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    reason = "is a damaged HDF5 file" if path.suffix == ".h5" else "neither an npz nor an HDF5"
    for reader in (recording, arrays, populations):
        with pytest.raises(ValueError, match=reason) as caught:
            reader(path)
        assert str(path) in str(caught.value)


def test_what_is_no_recording_is_answered_with_what_is(tmp_path):
    np.save(tmp_path / "x.npy", RESPONSES)
    with pytest.raises(ValueError, match=r"no format that is understood; these are: npz and HDF5 .*"
                                         r"Hénaff .* Stringer .* Cadena .* NWB"):  # fmt: skip
        recording(tmp_path / "x.npy")
    with pytest.raises(ValueError, match=r"neither an npz nor an HDF5 file; write one with numpy"):
        arrays(tmp_path / "x.npy")
    with pytest.raises(ValueError, match=r"path='nowhere\.npz' does not exist; name the file"):
        recording(Path("nowhere.npz"))
    with pytest.raises(ValueError, match="is a folder; name the file"):
        recording(tmp_path)


def test_options_of_another_format_are_refused_and_absent_ones_asked_for(path):
    write(path, responses=RESPONSES)
    message = f"protocol='authors' is no option for {path}, read by arrays; there are population"
    with pytest.raises(ValueError, match=re.escape(message)):
        recording(path, protocol="authors")
    with h5py.File(path.with_suffix(".nwb"), "w") as file:
        file.attrs["nwb_version"] = "2.7.0"
    with pytest.raises(ValueError, match=r"read by nwb, needs start_s and length_s"):
        recording(path.with_suffix(".nwb"))


def test_a_file_is_known_by_its_content(tmp_path):
    with h5py.File(tmp_path / "session.h5", "w") as file:
        file.attrs["nwb_version"] = "2.7.0"
    with pytest.raises(ValueError, match="has 0 tables of intervals"):
        recording(tmp_path / "session.h5", start_s=0.0, length_s=0.1)
    with (tmp_path / "data").open("wb") as file:
        np.savez(file, responses=RESPONSES)
    assert recording(tmp_path / "data").responses.tensor.shape == (3, 5, 4)
    (tmp_path / "data.mat").write_bytes(b"not MATLAB" * 20)
    with pytest.raises(ValueError, match=r"data\.mat cannot be read: it does not begin as"):
        recording(tmp_path / "data.mat")
    for name, content in (("data.pkl", b"I1\n."), ("no_suffix", b"\x80\x04K\x01.")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name} is not the file of Cadena et al. 2019"):
            recording(tmp_path / name)


def test_a_name_that_is_no_text_is_refused(tmp_path):
    """As where a bit of a file has flipped: h5py gives such a name as bytes."""
    path = tmp_path / "v1.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(b"\x80esponses_a", data=RESPONSES)
    with pytest.raises(
        ValueError, match=r"v1\.h5 is damaged: something in it is b'.x80esponses_a'"
    ):
        arrays(path)
