import json
import shutil

import numpy as np
import pytest

from striate.results import Score, load, load_arrays, merge, paths, read_record, save
from striate.results.files import digest


def write(folder, name, value=1.0, seconds=1.0, arrays=None):
    path = folder / "study" / f"{name}.json"
    scores = [Score("alpha", value), Score("seconds", seconds)]
    save(path, scores, task={"label": name}, provenance={"seconds": seconds}, arrays=arrays)
    return path


@pytest.fixture
def machines(tmp_path):
    """Two folders that share one cell, and one that is to hold all."""
    one, two, all_ = (tmp_path / name for name in ("one", "two", "all"))
    write(one, "a")
    write(one, "b", arrays={"units": np.arange(3)})
    write(two, "b", seconds=9.0, arrays={"units": np.arange(3)})
    write(two, "c")
    return one, two, all_


def content(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.*")}


def test_every_result_arrives_with_its_arrays_byte_for_byte(machines):
    one, two, all_ = machines
    merged = merge([one, two], all_)
    assert [path.name for path in merged.copied] == ["a.json", "b.json", "c.json"]
    assert (merged.present, merged.differing, merged.damaged, merged.aside) == (1, [], {}, [])
    assert content(all_) == content(two) | content(one)
    assert load_arrays(all_ / "study" / "b.json")["units"].tolist() == [0, 1, 2]


def test_a_second_time_nothing_changes(machines):
    one, two, all_ = machines
    merge([one, two], all_)
    before = {path: path.stat().st_mtime_ns for path in all_.rglob("*")}
    merged = merge([one, two], all_)
    assert (merged.copied, merged.present) == ([], 4)
    assert {path: path.stat().st_mtime_ns for path in all_.rglob("*")} == before


@pytest.mark.parametrize("other", [
    {"value": 2.0}, {"arrays": {"units": np.arange(4)}}, {"arrays": None},
], ids=["score", "arrays", "no arrays"])  # fmt: skip
def test_other_numbers_are_told_and_those_that_are_there_kept(machines, other):
    one, two, all_ = machines
    shutil.rmtree(two)
    path = write(two, "b", **{"arrays": {"units": np.arange(3)}} | other)
    merge([one], all_)
    merged = merge([two], all_)
    assert merged.differing == [path]
    assert content(all_) == content(one)


def test_a_damaged_source_is_left_out_and_a_damaged_result_replaced(machines):
    one, two, all_ = machines
    merge([one], all_)
    (one / "study" / "a.json").write_text("{")
    (all_ / "study" / "b.json").write_text("{")
    merged = merge([one, two], all_)
    assert [path.name for path in merged.damaged] == ["a.json"]
    assert [path.name for path in merged.aside] == ["b.json.damaged-1"]
    assert [load(path)[0].value for path in paths(all_)] == [1.0, 1.0, 1.0]
    assert load_arrays(all_ / "study" / "b.json")["units"].tolist() == [0, 1, 2]


def test_weights_and_plans_come_along_and_nothing_unfinished(machines):
    one, _, all_ = machines
    (one / "study" / "a.safetensors").write_bytes(b"weights")
    for folder, name in ((".plans", "p.json"), (".partial", "x.json"), (".failed", "y.json")):
        (one / folder).mkdir()
        (one / folder / name).write_text("{}")
    merge([one], all_)
    assert (all_ / "study" / "a.safetensors").read_bytes() == b"weights"
    assert sorted(path.name for path in all_.iterdir()) == [".plans", "study"]


def test_a_copy_that_fails_leaves_nothing(machines, monkeypatch):
    one, _, all_ = machines

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="no space left"):
        merge([one], all_)
    assert [path for path in all_.rglob("*") if path.is_file()] == []


def test_who_is_stopped_in_a_merge_leaves_no_result_without_its_arrays(machines, monkeypatch):
    one, _, all_ = machines
    (one / "study" / "a.json").unlink()
    copies, copied = shutil.copyfileobj, []

    def stopped(*files):
        if copied:
            raise KeyboardInterrupt
        copied.append(copies(*files))

    monkeypatch.setattr(shutil, "copyfileobj", stopped)
    with pytest.raises(KeyboardInterrupt):
        merge([one], all_)
    assert copied
    assert not list(all_.rglob("*.json"))


def test_a_folder_that_is_not_there_or_the_same_is_refused_before_anything_is_copied(machines):
    one, two, all_ = machines
    with pytest.raises(ValueError, match=r"no results folder at .*nowhere"):
        merge([one, one / "nowhere"], all_)
    with pytest.raises(ValueError, match="cannot be merged into itself"):
        merge([one, two], two)
    assert not all_.exists()
    assert read_record(two / "study" / "b.json")["provenance"] == {"seconds": 9.0}
    assert json.loads((one / "study" / "a.json").read_text())["task"] == {"label": "a"}


def test_arrays_of_no_result_do_not_stand_in_for_those_that_come(machines):
    """A run that was killed before its result left other arrays under the same name."""
    one, _, all_ = machines
    (all_ / "study").mkdir(parents=True)
    (all_ / "study" / "b.npz").write_bytes(b"left behind")
    merge([one], all_)
    assert load_arrays(all_ / "study" / "b.json")["units"].tolist() == [0, 1, 2]


def test_what_a_result_says_of_its_arrays_does_not_lead_out_of_its_folder(machines, tmp_path):
    one, _, all_ = machines
    secret = tmp_path / "secret"
    secret.mkdir()
    (named,) = one.glob("study/b*.npz")
    shutil.copy(named, secret / named.name)
    path = one / "study" / "b.json"
    record = json.loads(path.read_text())
    record["arrays"]["file"] = f"../../secret/{named.name}"
    content = {key: value for key, value in record.items() if key not in ("format", "sha256")}
    path.write_text(json.dumps(record | {"sha256": digest(content)}))
    merged = merge([one], all_)
    assert list(merged.damaged) == [path]
    assert "does not say where its arrays are" in merged.damaged[path]
    assert not list(all_.glob("**/*.npz"))


def test_a_result_lies_in_the_folder_of_its_study_wherever_it_lay(tmp_path):
    scores = [Score("alpha", 1.0)]
    for place in ("run/gerum2022", "run/copies/gerum2022", "run/copies"):
        save(
            tmp_path / place / "a.json",
            scores,
            task={"study": "gerum2022", "label": "a"},
            provenance={},
        )
    save(tmp_path / "run" / "deep" / "b.json", scores, task={"study": "../out"}, provenance={})
    merged = merge([tmp_path / "run" / "gerum2022", tmp_path / "run"], tmp_path / "all")
    there = sorted(path.relative_to(tmp_path).as_posix() for path in paths(tmp_path / "all"))
    assert there == ["all/deep/b.json", "all/gerum2022/a.json"]
    assert (len(merged.copied), merged.present) == (2, 3)


def test_a_result_of_a_newer_format_is_neither_replaced_nor_moved(machines):
    one, _, all_ = machines
    merge([one], all_)
    newer = all_ / "study" / "a.json"
    newer.write_text(newer.read_text().replace('"format": 1', '"format": 2', 1))
    before = newer.read_bytes()
    merged = merge([one], all_)
    assert list(merged.damaged) == [one / "study" / "a.json"]
    assert (
        "has format 2, this version reads 1; upgrade striate"
        in merged.damaged[one / "study" / "a.json"]
    )
    assert (merged.aside, newer.read_bytes()) == ([], before)


def test_a_copy_is_on_disk_before_it_is_named(machines, monkeypatch):
    one, _, all_ = machines
    synced = []
    monkeypatch.setattr("os.fsync", lambda handle: synced.append(handle))
    merged = merge([one], all_)
    assert len(merged.copied) == 2
    assert len(synced) >= 3  # two results and arrays
