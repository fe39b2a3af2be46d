"""Paths may be text wherever a user gives one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from striate import datasets, models, results
from striate.results.given import as_path


def test_a_path_is_text_or_a_path_and_the_home_is_spelt_out(monkeypatch):
    monkeypatch.setenv("HOME", "/home/mira")
    assert as_path("folder", "a/b") == as_path("folder", Path("a/b")) == Path("a/b")
    assert as_path("folder", "~/a") == as_path("folder", Path("~/a")) == Path("/home/mira/a")
    assert as_path("folder", "~nobody/a") == Path("~nobody/a")


@pytest.mark.parametrize("value", [None, 3, b"a", ["a"]])
def test_anything_else_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"^folder=.* give a path$"):
        as_path("folder", value)


def test_empty_text_is_not_the_folder_one_is_in():
    with pytest.raises(ValueError, match=r"^folder is empty text; give a path$"):
        as_path("folder", "")


def test_images_recordings_weights_and_results_are_found_by_text(tmp_path):
    (tmp_path / "photos").mkdir()
    Image.fromarray(np.full((8, 8, 3), 51, np.uint8)).save(tmp_path / "photos" / "a.png")
    found = datasets.images(f"{tmp_path}/photos", resize=None, crop=8)
    assert found.folder == tmp_path / "photos"
    assert found[0].unique().tolist() == [torch.tensor(0.2).item()]

    values = np.arange(24.0).reshape(2, 4, 3)
    np.savez(tmp_path / "v1.npz", responses=values)
    recording = datasets.recording(f"{tmp_path}/v1.npz")
    assert np.array_equal(recording.responses.tensor.numpy(), values)

    model = models.load("small/cnn-1x8", seed=1).model
    torch.save(model.state_dict(), tmp_path / "one.pt")
    loaded = models.load("small/cnn-1x8", weights=f"{tmp_path}/one.pt").model
    pairs = zip(model.state_dict().values(), loaded.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)

    results.save(
        f"{tmp_path}/study/one.json", [results.Score("alpha", 1.5)], task={}, provenance={}
    )
    results.merge([str(tmp_path / "study")], f"{tmp_path}/all")
    assert results.load(f"{tmp_path}/all/one.json") == [results.Score("alpha", 1.5)]
    results.export(f"{tmp_path}/all", f"{tmp_path}/all.csv")
    assert results.long_table(f"{tmp_path}/all")["value"].tolist() == [1.5]
    assert results.verify(f"{tmp_path}/all").sound == 1


def test_one_folder_of_sources_is_no_list_of_them(tmp_path):
    with pytest.raises(ValueError, match="sources='one' is one path; give a list of folders"):
        results.merge("one", tmp_path)
