import numpy as np
import pytest
import torch

from striate.datasets import henaff2021, populations, recording

RNG = np.random.default_rng(1)
# Zoom, category, movie, frame.
TABLE = np.array(
    [[0, 0, 1, 0], [0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 1], [1, 0, 0, 0], [0, 2, 1, 3]], np.int16
)
A, B = RNG.random((3, 6, 2), np.float32), RNG.random((2, 6, 4), np.float32)
IMAGES = RNG.integers(0, 256, (6, 5, 5), dtype=np.uint8)
CONTENT = {
    "images": IMAGES,
    "zoom_category_movie_frame": TABLE,
    "movies": np.array(["bees", "smile"]),
    "categories": np.array(["natural", "synthetic", "contrast"]),
    "responses_a": A,
    "responses_b": B,
}


@pytest.fixture
def path(tmp_path):
    np.savez(tmp_path / "x.npz", **CONTENT)
    return tmp_path / "x.npz"


def test_one_population_and_its_movies(path):
    found = recording(path, population="a")
    assert torch.equal(found.responses.tensor, torch.from_numpy(A))
    assert found.image_ids == ("smile", "smile", "bees", "smile", "bees", "smile")
    assert found.notes == ("every trial recorded",)


def test_all_populations_are_a_pseudo_population(path):
    found = recording(path)
    assert found.responses.tensor.shape == (3, 6, 6)
    assert torch.equal(found.responses.tensor[:2, :, 2:], torch.from_numpy(B))
    assert found.responses.tensor[2, :, 2:].isnan().all()
    assert found.notes[0].startswith("a pseudo-population: the units of 2 populations")


def test_categories_are_chosen_with_their_images(path):
    found = recording(path, population="a", categories=["contrast", "natural"])
    assert found.kept.tolist() == [0, 1, 4, 5]
    assert torch.equal(found.responses.tensor, torch.from_numpy(A[:, [0, 1, 4, 5]]))
    assert (found.images[:, 0].numpy() == (IMAGES[[0, 1, 4, 5]] / 255).astype(np.float32)).all()
    assert found.image_ids == ("smile", "smile", "bees", "smile")
    assert found.notes[0] == "only frames of the categories contrast, natural: 4 of 6"
    assert recording(path, categories=["synthetic"]).image_ids == ("bees", "smile")


@pytest.mark.parametrize("categories", ["natural", ["nature"], []])
def test_categories_that_are_none_are_refused(categories, path):
    with pytest.raises(ValueError, match="choose from natural, synthetic, contrast, as a list"):
        recording(path, categories=categories)


def test_another_file_is_refused(tmp_path):
    np.savez(tmp_path / "y.npz", **{key: CONTENT[key] for key in ("responses_a", "images")})
    with pytest.raises(ValueError, match="it has no 'zoom_category_movie_frame'"):
        henaff2021(tmp_path / "y.npz")
    np.savez(tmp_path / "z.npz", **{**CONTENT, "zoom_category_movie_frame": TABLE[1:]})
    with pytest.raises(
        ValueError, match=r"zoom_category_movie_frame is int16 of shape \(5, 4\), and resp"
    ):
        henaff2021(tmp_path / "z.npz")


@pytest.mark.data
def test_the_real_file(real_data):
    path = real_data / "henaff2021" / "henaff2021_macaque_v1.npz"
    assert len(populations(path)) == 6
    pooled = recording(path)
    assert pooled.responses.tensor.shape == (60, 440, 214)
    assert pooled.images.shape == (440, 1, 256, 256)
    assert all(f"({size})" in pooled.notes[0] for size in (13, 16, 39, 46, 47, 53))
    # README of the data: over the whole study, the median correlation of halves is 0.66. Halves
    # in the order of presentation drift apart (0.64), random ones do not (0.68 to 0.70).
    first, second = pooled.responses.halves().double()
    first, second = (half - half.mean(0) for half in (first, second))
    r = (first * second).sum(0) / (first.norm(dim=0) * second.norm(dim=0))
    assert float(r.median()) == pytest.approx(0.66, abs=0.03)
    natural = recording(path, population="ay4_u001", categories=["natural"])
    assert len(natural.kept) == 220
    assert len(set(natural.image_ids)) == 10
