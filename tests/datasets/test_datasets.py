"""What holds for every data set, whichever it is."""

from pathlib import Path

import pooch
import pytest

from striate import datasets
from striate.datasets import _files


def test_every_data_set_has_its_helpers():
    assert datasets.DATASETS.keys() == datasets._SOURCES.keys()
    assert all(loader.__name__ == name for name, loader in datasets.DATASETS.items())


@pytest.mark.parametrize(
    "function", [datasets.locate, datasets.fetch, datasets.verify, datasets.fingerprint]
)
def test_an_unknown_name_is_answered_with_the_known_ones(function):
    with pytest.raises(ValueError, match=r"no data set 'MNITS'; did you mean 'mnist'\? .*cifar10"):
        function("MNITS")
    with pytest.raises(
        ValueError, match=r"no data set 'imagenet'; there are digits, mnist, cifar10"
    ):
        function("imagenet")


def test_striate_data_comes_before_the_cache_and_a_root_before_both(tmp_path, cache, monkeypatch):
    data, root = tmp_path / "data", tmp_path / "root"
    for place in (cache, data, root):
        (place / "x").mkdir(parents=True)
    there = Path.is_dir
    assert _files.locate("x", there, None) == cache / "x"
    monkeypatch.setenv("STRIATE_DATA", str(data))
    assert _files.locate("x", there, None) == data / "x"
    assert _files.locate("x", there, root) == root / "x"
    (data / "x").rmdir()
    (root / "x").rmdir()
    assert _files.locate("x", there, None) == cache / "x"
    assert _files.locate("x", there, root) is None


def test_an_empty_striate_data_is_no_striate_data(cache, monkeypatch):
    monkeypatch.setenv("STRIATE_DATA", "")
    assert list(_files.search_path(None)) == [cache]


def test_without_striate_cache_downloads_go_where_pooch_puts_them(monkeypatch):
    monkeypatch.delenv("STRIATE_CACHE")
    assert _files.cache_directory() == Path(pooch.os_cache("striate"))


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_a_folder_that_does_not_exist_is_not_replaced_by_another(name, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"root names .*nowhere, which is not a folder"):
        datasets.locate(name, tmp_path / "nowhere")
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"STRIATE_DATA names .*nowhere, which is not a folder"):
        datasets.locate(name)


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_absent_data_are_looked_for_and_the_places_named(name, tmp_path, cache):
    root = tmp_path / "root"
    root.mkdir()
    assert datasets.locate(name) is None
    for call in (datasets.verify, datasets.fingerprint):
        with pytest.raises(
            ValueError, match=f"{name} is not in {cache}; type `striate data fetch {name}`"
        ):
            call(name)
    with pytest.raises(ValueError, match=f"{name} is not in {root};.*set STRIATE_DATA"):
        datasets.DATASETS[name]("train", root=root)
    assert not cache.exists(), "an explicit root must not lead to a download"


def test_a_cache_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ValueError, match=r"cifar10 was not fetched: .*file.*set STRIATE_CACHE"):
        datasets.fetch("cifar10")


def test_a_hash_is_remembered_until_the_file_changes(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    # FIPS 180-4, example of SHA-256.
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert _files.remembered_sha256_of(path) == known
    with monkeypatch.context() as patch:
        patch.setattr(_files, "sha256_of", None)
        assert _files.remembered_sha256_of(path) == known
    path.write_bytes(b"abcd")
    assert _files.remembered_sha256_of(path) != known
