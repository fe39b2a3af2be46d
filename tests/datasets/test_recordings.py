"""Plain arrays in npz and HDF5 files, and the one door to all formats."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from striate.datasets import Recording, arrays, populations, recording
from striate.datasets._arrays import AXES
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
    assert found.units.tolist() == [0, 1, 2, 4]
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


def packed(path, stored, name="responses", **attributes):
    """As NetCDF-4 files are, which are HDF5: a data set whose attributes say what it means."""
    with h5py.File(path, "a") as file:
        file[name] = stored
        for key, value in attributes.items():
            file[name].attrs[key] = value
    return path


COUNTS = RNG.integers(-50, 50, (3, 5, 4)).astype("i2")


@pytest.mark.parametrize("scaled", [np.array([0.01]), np.float32(0.25)])
def test_packed_responses_are_unpacked(scaled, tmp_path):
    stored = COUNTS.copy()
    stored[2, 3:] = -32768
    stored[0, 0, 1] = 777
    path = packed(
        tmp_path / "v1.nc", stored, _FillValue=np.array([-32768], "i2"),
        missing_value=np.array([777, 778], "i2"), scale_factor=scaled, add_offset=np.array([3.0]),
    )  # fmt: skip
    found = recording(path)
    expected = COUNTS * float(np.ravel(scaled)[0]) + 3.0
    expected[2, 3:] = expected[0, 0, 1] = np.nan
    np.testing.assert_array_equal(found.responses.tensor.numpy(), expected)
    assert found.notes[0] == (
        "responses, as its attributes say: 9 numbers are NaN, for _FillValue -32768 or "
        f"missing_value 777, 778; scale_factor {float(np.ravel(scaled)[0])} and add_offset 3 "
        "were applied"
    )
    assert found.notes[1:] == ("15.0% of trials not recorded",)


@pytest.mark.parametrize("names", [
    ("unit", "stimulus", "repeat"), ("trial", "neuroid", "image"), ("repeat", "stimulus", "unit"),
], ids=" ".join)  # fmt: skip
def test_responses_are_put_in_the_order_that_their_dimensions_say(names, tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    values = RNG.normal(size=(3, 5, 4))
    places = [[name in axis for axis in AXES].index(True) for name in names]
    stored = xarray.Dataset({"responses": (names, values.transpose(places))})
    stored.to_netcdf(tmp_path / "v1.nc", engine="h5netcdf")
    found = recording(tmp_path / "v1.nc")
    np.testing.assert_array_equal(found.responses.tensor.numpy(), values)
    told = f"responses: its dimensions are {', '.join(names)}, and were put in order"
    assert (told in found.notes) == (places != [0, 1, 2])


def labelled(path, values, **attributes):
    with h5py.File(path, "w") as file:
        held = file.create_dataset("responses", data=values)
        for axis, name in enumerate(attributes.pop("scales", ())):
            if name:
                scale = file.create_dataset(name, data=np.arange(values.shape[axis]))
                scale.make_scale(name)
                held.dims[axis].attach_scale(scale)
        for name in attributes.pop("gone", ()):
            del file[name]
        for key, value in attributes.items():
            held.attrs[key] = value
    return path


TURNED = np.array([b"unit", b"stimulus", b"repeat"])


@pytest.mark.parametrize("attributes", [
    {"DIMENSION_LABELS": TURNED},  # of fixed length, which HDF5's own reader does not survive
    {"DIMENSION_LABELS": ["unit", "stimulus", "repeat"]},
    {"DIMENSION_LABELS": TURNED, "scales": ("depth", "", "")},  # which says less than the label
    {"scales": ("unit", "stimulus", "repeat")},
    {"DIMENSION_LABELS": ["unit", "stimulus", "repeat"], "scales": ("x",), "gone": ("x",)},
], ids=range(5))  # fmt: skip
def test_labels_of_axes_are_read_however_they_are_stored(attributes, tmp_path):
    values = RNG.normal(size=(3, 5, 4))
    found = recording(labelled(tmp_path / "v1.h5", values.T, **attributes))
    np.testing.assert_array_equal(found.responses.tensor.numpy(), values)


@pytest.mark.parametrize("attributes", [
    {"DIMENSION_LABELS": ["unit"]}, {"DIMENSION_LABELS": "unit stimulus repeat"},
    {"DIMENSION_LABELS": np.array([1, 2, 3])}, {"DIMENSION_LABELS": [""] * 5},
    {"scales": ("x", "y", "z"), "gone": ("x",)},
], ids=range(5))  # fmt: skip
def test_labels_that_say_nothing_are_left_alone(attributes, tmp_path):
    values = RNG.normal(size=(3, 5, 4))
    found = recording(labelled(tmp_path / "v1.h5", values, **attributes))
    np.testing.assert_array_equal(found.responses.tensor.numpy(), values)


@pytest.mark.parametrize(
    "names", [("a", "b", "c"), ("unit", "stimulus", "b"), ("unit", "neuron", "image")], ids=" ".join
)
def test_where_names_of_dimensions_do_not_say_order_counts(names, tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    values = RNG.normal(size=(3, 5, 4))
    xarray.Dataset({"responses": (names, values)}).to_netcdf(tmp_path / "v1.nc", engine="h5netcdf")
    found = recording(tmp_path / "v1.nc")
    np.testing.assert_array_equal(found.responses.tensor.numpy(), values)
    assert found.notes == ("every trial recorded",)


def test_packed_responses_are_what_xarray_reads(tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    values = RNG.normal(size=(3, 5, 4))
    values[2, 3:] = np.nan
    data = xarray.Dataset({"responses": (("repeat", "stimulus", "unit"), values)})
    packing = {"dtype": "int16", "_FillValue": -32768, "scale_factor": 1e-3, "add_offset": 0.5}
    for name, encoding in (("plain", {}), ("packed", packing)):
        path = tmp_path / f"{name}.nc"
        data.to_netcdf(path, engine="h5netcdf", encoding={"responses": encoding})
        with xarray.open_dataset(path, engine="h5netcdf") as opened:
            expected = opened.responses.values
        found = recording(path)
        # One rounding of double precision lies between two ways to scale; an older xarray
        # scales in single precision.
        single = 2 * np.finfo(np.float32).eps * np.nanmax(abs(expected))
        exact = {"rtol": 1e-15} if expected.dtype == np.float64 else {"rtol": 0, "atol": single}
        np.testing.assert_allclose(found.responses.tensor.numpy(), expected, **exact)
        assert len(found.notes) == (1 if name == "plain" else 2)


@pytest.mark.parametrize(("kind", "mark", "becomes"), [
    ("f4", np.float64(1e20), torch.float32),  # which is no number of single precision
    ("f8", np.float64(1e20), torch.float64), ("i4", np.int32(-(2**31) + 1), torch.float32),
    (">i2", np.float64(-999.0), torch.float32), ("u1", np.int64(255), torch.float32),
])  # fmt: skip
def test_what_marks_a_trial_that_was_not_recorded_is_nan(kind, mark, becomes, tmp_path):
    stored = RESPONSES.astype(kind)
    stored[1, 2] = np.array(mark).astype(kind)
    for attribute in ("_FillValue", "missing_value"):
        path = packed(tmp_path / f"{attribute}.h5", stored, **{attribute: mark})
        found = recording(path).responses.tensor
        expected = RESPONSES.copy()
        expected[1, 2] = np.nan
        assert found.dtype == becomes
        np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("attributes", [
    {}, {"_FillValue": np.nan}, {"_FillValue": 1e30, "missing_value": [-1.0, 99.0]},
    {"scale_factor": 1.0, "add_offset": np.array([0.0])}, {"units": "spikes", "other": "x"},
])  # fmt: skip
def test_attributes_that_mean_nothing_here_change_nothing(attributes, tmp_path):
    """So results keep their names."""
    values = RESPONSES.astype(np.float64) / 3
    values[2, 4] = np.nan
    found = recording(packed(tmp_path / "v1.h5", values, **attributes))
    np.testing.assert_array_equal(found.responses.tensor.numpy(), values)
    assert found.notes == ("6.7% of trials not recorded",)


@pytest.mark.parametrize("text", ["true", np.bytes_("true")])
@pytest.mark.parametrize("kind", ["i1", ">i2"])
def test_signed_integers_that_are_meant_unsigned_are(text, kind, tmp_path):
    unsigned = kind.replace("i", "u")
    counts = RNG.integers(0, np.iinfo(unsigned).max, (3, 5, 4)).astype(unsigned)
    counts[0, 0, 0], counts[1, 2, :] = np.iinfo(unsigned).max - 1, np.iinfo(unsigned).max
    path = packed(
        tmp_path / "v1.nc", counts.view(kind), _FillValue=np.array(-1, kind), _Unsigned=text,
        scale_factor=0.5,
    )  # fmt: skip
    found = recording(path)
    expected = counts / 2
    expected[1, 2] = np.nan
    np.testing.assert_array_equal(found.responses.tensor.numpy(), expected)
    assert "integers were read as unsigned, for _Unsigned" in found.notes[0]
    marked = recording(packed(tmp_path / "b.nc", np.abs(COUNTS), _Unsigned=text))
    assert marked.notes == ("every trial recorded",)
    signed = recording(packed(tmp_path / "c.nc", COUNTS, _Unsigned="false"))
    np.testing.assert_array_equal(signed.responses.tensor.numpy(), COUNTS)


def test_each_population_is_unpacked_by_its_own_attributes(tmp_path):
    path = tmp_path / "v1.h5"
    packed(path, COUNTS, "responses_a", scale_factor=0.5)
    packed(path, COUNTS, "responses_b")
    found = recording(path)
    both = np.concatenate([COUNTS * 0.5, COUNTS], axis=2)
    np.testing.assert_array_equal(found.responses.tensor.numpy(), both)
    assert found.notes[0].startswith("responses_a, as its attributes say: scale_factor 0.5 and add")
    assert not any(note.startswith("responses_b") for note in found.notes)
    assert recording(path, population="b").notes == ("every trial recorded",)


@pytest.mark.parametrize(("attributes", "message"), [
    ({"scale_factor": [1.0, 2.0]}, r"scale_factor of responses is float64 of shape \(2,\); it mus"),
    ({"missing_value": [[1, 2]]}, r"is int64 of shape \(1, 2\); it must be one number, or several"),
    ({"add_offset": np.nan}, "add_offset of responses is nan; it must be finite"),
    ({"scale_factor": 0.0}, "scale_factor of responses is 0, which makes all responses alike"),
    ({"_FillValue": 40000}, "_FillValue of responses is 40000, which no int16 is; store it"),
    ({"missing_value": 0.5}, "missing_value of responses is 0.5, which no int16 is"),
    ({"scale_factor": 1e308}, "responses holds .* infinite numbers"),
])  # fmt: skip
def test_attributes_that_cannot_be_meant_are_refused(attributes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        recording(packed(tmp_path / "v1.h5", COUNTS, **attributes))


def test_a_text_marks_no_number(tmp_path):
    """Such a file was always read, and none of its numbers is that text."""
    plain = recording(packed(tmp_path / "plain.h5", COUNTS))
    told = recording(packed(tmp_path / "told.h5", COUNTS, missing_value="NA", _FillValue="none"))
    assert torch.equal(plain.responses.tensor, told.responses.tensor)
    assert told.notes == plain.notes


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
