"""The recordings may not be passed on: these are made up, in the same layout."""

import pickle

import numpy as np
import pytest
import torch

from striate.datasets import cadena2019, recording

RNG = np.random.default_rng(0)
TYPES = np.array(["original", "conv1", "conv2", "conv3", "conv4"] * 4)
STIMULI, UNITS = len(TYPES), 6


def dataset():
    """Four repeats; half of the neurons have NaN in the last two, some images too few."""
    responses = RNG.poisson(4, (4, STIMULI, UNITS)).astype(float)
    responses[2:, :, 3:] = np.nan
    responses[0, 1] = np.nan  # one repeat of image 1 is missing in all: neurons 3 to 5 have one
    responses[1, 7, 2] = np.nan  # neuron 2 has three, but only one repeat is complete
    responses[:, 10] = np.nan
    return {
        "images": RNG.integers(0, 256, (STIMULI, 14, 14)).astype(np.uint8),
        "responses": responses,
        "image_types": TYPES,
        "image_ids": np.repeat(np.arange(4), 5),
        "repetitions": np.array([4, 4, 4, 2, 2, 2]),
        "subject_id": np.array([1, 1, 2, 2, 2, 2]),
    }


def write(path, content):
    path.write_bytes(pickle.dumps(content))
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cadena_ploscb_data.pkl"


ORDER = [index for kind in ("conv1", "conv2", "conv3", "conv4", "original")
         for index in range(STIMULI) if TYPES[index] == kind]  # fmt: skip


def test_the_authors_keep_images_with_two_complete_repeats_and_average_halves(path):
    data = dataset()
    data["responses"][2, 4] = data["responses"][3, 4] = 9.0  # all neurons, four repeats
    data["responses"][3, 6] = 5.0  # three complete repeats
    data["responses"][2, 6] = np.nan
    kept, halves = [], []
    for image in ORDER:
        rows = [row for row in data["responses"][:, image] if not np.isnan(row).any()]
        k = len(rows) // 2
        if len(rows) >= 2:
            kept.append(image)
            halves.append([np.mean(rows[:k], 0), np.mean(rows[k:], 0)])
    assert {1, 7, 10}.isdisjoint(kept)
    assert len(kept) == 17
    found = recording(write(path, data), protocol="authors")
    assert found.kept.tolist() == kept
    np.testing.assert_allclose(
        found.responses.tensor.numpy(), np.array(halves).transpose(1, 0, 2), rtol=1e-12
    )
    assert (found.images[:, 0].numpy() == (data["images"][kept] / 255).astype(np.float32)).all()
    assert found.image_ids == tuple(str(data["image_ids"][image]) for image in kept)
    assert found.notes == (
        "images of types conv1, conv2, conv3, conv4, original, one type after the other",
        "dropped 3 of 20 images, not shown to all neurons together at least twice",
        "repeats 1 and 2 are the means of the first half and of the rest of 2 to 4 repeats in "
        "which all neurons were recorded; 31 other repeats of an image dropped",
        "every trial recorded",
    )


def test_the_paper_keeps_all_repeats_of_images_with_two_trials_per_neuron(path):
    data = dataset()
    kept = [image for image in ORDER
            if ((~np.isnan(data["responses"][:, image])).sum(0) >= 2).all()]  # fmt: skip
    found = recording(write(path, data))
    assert found.kept.tolist() == kept
    assert {1, 10}.isdisjoint(kept)
    assert 7 in kept, "neuron 2 was recorded three times, though not with all others"
    np.testing.assert_array_equal(found.responses.tensor.numpy(), data["responses"][:, kept])
    # The mean is that of the trials, not of halves (D11 of the protocol).
    np.testing.assert_allclose(
        found.responses.mean(), np.nanmean(data["responses"][:, kept], 0), rtol=1e-12
    )


def test_one_type_alone_is_the_natural_images(path):
    write(path, dataset())
    found = recording(path, types=["original"], protocol="authors")
    assert found.kept.tolist() == [0, 5, 15]
    assert "dropped 1 of 4 images" in found.notes[1]


def test_types_may_be_nested_and_names_absent(path):
    data = dataset()
    nested = np.empty((STIMULI, 1), object)
    for index, kind in enumerate(TYPES):
        nested[index, 0] = np.array([kind], object)
    plain = recording(write(path, data))
    del data["image_ids"]
    found = recording(write(path, {**data, "image_types": nested}))
    assert found.image_ids is None
    assert torch.equal(found.kept, plain.kept)


def test_the_authors_cut_pixels_to_8_bits(path):
    data = dataset()
    data["images"] = data["images"] * 0.9961
    write(path, data)
    kept = recording(path, protocol="authors").kept
    authors = recording(path, protocol="authors").images[:, 0]
    paper = recording(path).images[:, 0]
    whole = np.floor(data["images"][kept])
    np.testing.assert_allclose(authors, whole / 255, rtol=1e-6)
    kept = recording(path).kept
    np.testing.assert_allclose(paper, data["images"][kept] / 255, rtol=1e-6)


def test_a_file_that_asks_for_code_is_not_run(path, tmp_path):
    class Payload:
        def __reduce__(self):
            return open, (str(tmp_path / "trace"), "w")

    data = dataset()
    data["image_types"] = np.array([*TYPES[:-1], Payload()], object)
    with pytest.raises(ValueError, match=r"asks for \w*io.open, which is not run: only numpy"):
        recording(write(path, data))
    assert not (tmp_path / "trace").exists()


def without(key):
    return {name: value for name, value in dataset().items() if name != key}


@pytest.mark.parametrize(("content", "options", "message"), [
    (without("responses"), {}, "is not the file of Cadena et al. 2019: it has no 'responses'"),
    ([1, 2], {}, "it has no 'images'"),
    ({**dataset(), "images": dataset()["images"][1:]}, {}, "one entry per image: {'images': 19"),
    ({**dataset(), "image_types": TYPES[1:]}, {}, "'image_types': 19"),
    ({**dataset(), "image_ids": TYPES[1:]}, {}, "'image_ids': 19"),
    ({**dataset(), "images": TYPES}, {}, r"images has shape \(20,\) and responses float64"),
    ({**dataset(), "responses": np.ones((4, 20, 6), int)}, {}, "responses int64 of shape"),
    ({**dataset(), "images": dataset()["images"] * 2.0}, {}, "images runs from 0.0 to .* not 0"),
    ({**dataset(), "responses": np.full((4, 20, 6), np.nan)}, {}, "has no image of types conv1"),
    (dataset(), {"types": ["conv5"]}, r"types=\['conv5'\]; choose from conv1, conv2, conv3"),
    (dataset(), {"types": "original"}, "types='original'; choose from .*, as a list"),
    (dataset(), {"types": []}, r"types=\[\]; choose from"),
    # The same images would lie on both sides of a split.
    (dataset(), {"types": ["conv1", "conv2", "conv1"]}, r"types=\[.*\] names one twice, which"),
])  # fmt: skip
def test_another_layout_is_refused(content, options, message, path):
    with pytest.raises(ValueError, match=message):
        cadena2019(write(path, content), **options)


def test_a_protocol_that_is_none_is_refused(path):
    with pytest.raises(ValueError, match="protocol='text'; choose 'paper' or 'authors'"):
        cadena2019.__wrapped__(write(path, dataset()), protocol="text")
