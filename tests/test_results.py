import hashlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.report import section
from striate.results import (
    Curve,
    Score,
    digest,
    layers_of,
    load,
    load_all,
    load_arrays,
    paths,
    read_record,
    save,
    spelled_layers,
    write_atomically,
)

RESULTS = [
    Score("alpha", 1.25, source="digits test", settings={"ranks": "6-50", "seed": 3}),
    Score("accuracy", 0.1 + 0.2, error=1e-300, settings={"error": "sd over batches"}),
    Curve("spectrum", (1.0, 2.0), (3.0, 1 / 3), settings={"normalised": True, "note": None}),
    Curve("band", (0.0,), (1.0,), (0.5,), "réseau α→β", {"error": "sem over seeds"}),
    Curve("nothing", (), ()),
]
TASK = {"measurement": "spectrum", "seed": 3}


def write(path, results=RESULTS, **task):
    save(path, results, task=TASK | task, provenance={"seconds": 1.5})
    return path


def test_reading_results_needs_no_torch():
    code = "import sys, striate.results; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_results_come_back_as_they_were(tmp_path):
    path = write(tmp_path / "deep" / "er" / "task.json")
    assert load(path) == RESULTS
    record = read_record(path)
    assert record["task"] == TASK
    assert record["provenance"] == {"seconds": 1.5}


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite, finite, st.lists(st.tuples(finite, finite)), st.text())
def test_every_finite_number_comes_back_bit_for_bit(tmp_path_factory, value, error, points, name):
    x, y = zip(*points, strict=True) if points else ((), ())
    results = [Score(name, value, error, settings={"error": "sd"}), Curve(name, x, y)]
    path = write(tmp_path_factory.mktemp("numbers") / "task.json", results)
    assert load(path) == results


def test_a_curve_holds_plain_floats():
    curve = Curve("c", tuple(np.arange(2.0)), tuple(np.ones(2)))
    assert [type(value) for value in curve.x + curve.y] == [float] * 4


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_is_refused(bad):
    kind = {"error": "sd over batches"}
    makers = [
        lambda: Score("alpha", bad),
        lambda: Score("alpha", 1.0, error=bad, settings=kind),
        lambda: Curve("alpha", (bad,), (1.0,)),
        lambda: Curve("alpha", (1.0,), (bad,)),
        lambda: Curve("alpha", (1.0,), (1.0,), error=(bad,), settings=kind),
    ]
    for make in makers:
        with pytest.raises(ValueError, match="'alpha' holds a number that is not finite"):
            make()


def test_an_error_says_which():
    message = r"'alpha' has an error but settings\['error'\] does not say which: write e.g. 'sd"
    with pytest.raises(ValueError, match=message):
        Score("alpha", 1.0, error=0.1)
    with pytest.raises(ValueError, match=message):
        Curve("alpha", (1.0,), (1.0,), error=(0.1,), settings={"ranks": "6-50"})


@pytest.mark.parametrize(("x", "y", "error"), [
    ((1.0, 2.0), (1.0,), None), ((1.0,), (1.0,), (0.1, 0.2)), ((), (1.0,), None),
])  # fmt: skip
def test_a_curve_has_one_length(x, y, error):
    with pytest.raises(ValueError, match=f"curve 'c': .* one length, got {len(x)}, {len(y)} and"):
        Curve("c", x, y, error, settings={"error": "sd"})


def test_the_digest_knows_content_not_order():
    assert digest({"a": 1, "b": [2, 3]}) == digest({"b": [2, 3], "a": 1})
    assert digest({"a": 1, "b": [2, 3]}) != digest({"a": 1, "b": [3, 2]})
    # The SHA-256 of {"a":1}, by sha256sum.
    expected = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    assert digest({"a": 1}) == expected


def damage_number(text):
    return text.replace("1.25", "1.26")


def damage_settings(text):
    return text.replace('"seed": 3', '"seed": 4')


def damage_provenance(text):
    return text.replace('"seconds": 1.5', '"seconds": 0.5')


@pytest.mark.parametrize("damage", [damage_number, damage_settings, damage_provenance])
def test_a_damaged_file_is_refused_by_name(tmp_path, damage):
    path = write(tmp_path / "task.json")
    text = path.read_text()
    path.write_text(damage(text))
    assert path.read_text() != text
    with pytest.raises(ValueError, match=r"task\.json is damaged: its checksum does not match"):
        load(path)


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b"3", b"null", b"{}", b"\xff\xfe", b'{"task": {}, "results": []}',
])  # fmt: skip
def test_another_file_is_refused_by_name(tmp_path, content):
    (tmp_path / "other.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"other\.json is not a result file .*; move it away"):
        load(tmp_path / "other.json")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_half_a_file_is_refused_by_name(tmp_path, part):
    path = write(tmp_path / "task.json")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(ValueError, match=r"task\.json is not a result file"):
        load(path)


@pytest.mark.parametrize("version", [0, 2, "1"])
def test_another_format_is_refused_by_name(tmp_path, version):
    path = write(tmp_path / "task.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": version}))
    message = rf"task\.json has format {version}, this version reads 1; upgrade striate"
    with pytest.raises(ValueError, match=message):
        load(path)


def test_writing_leaves_the_file_and_nothing_else(tmp_path):
    write(tmp_path / "task.json")
    write(tmp_path / "task.json", RESULTS[:1])
    assert [path.name for path in tmp_path.iterdir()] == ["task.json"]
    assert load(tmp_path / "task.json") == RESULTS[:1]


@pytest.mark.parametrize("call", ["fsync", "fdopen", "replace"])
def test_a_write_that_fails_midway_keeps_the_old_file(tmp_path, monkeypatch, call):
    path = write(tmp_path / "task.json")
    old = path.read_bytes()

    def fail(*_, **__):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace" if call == "replace" else f"os.{call}", fail)
        with pytest.raises(OSError, match="no space left"):
            write(path, RESULTS[:1])
    assert path.read_bytes() == old
    assert [path.name for path in tmp_path.iterdir()] == ["task.json"]


def test_a_write_that_is_interrupted_leaves_no_file(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "new.json", b"{}")
    assert list(tmp_path.iterdir()) == []


def test_the_content_is_on_disk_before_the_name(tmp_path, monkeypatch):
    """A crash between the two must not leave an empty file under the right name."""
    seen = []
    real = os.fsync

    def watch(handle):
        seen.append((os.fstat(handle).st_size, (tmp_path / "new.json").exists()))
        real(handle)

    monkeypatch.setattr(os, "fsync", watch)
    write_atomically(tmp_path / "new.json", b"12345")
    assert seen == [(5, False)]
    assert (tmp_path / "new.json").read_bytes() == b"12345"


def test_all_results_in_the_order_of_their_names(tmp_path):
    for name in ("b.json", "a/z.json", "c/a.json", "a/b.json"):
        write(tmp_path / name, [Score(name, 1.0)])
    assert [score.name for score in load_all(tmp_path)] == [
        "a/b.json", "a/z.json", "b.json", "c/a.json",
    ]  # fmt: skip


def test_unfinished_and_foreign_files_are_left_out(tmp_path):
    write(tmp_path / "task.json")
    for name in (".hidden/x.json", "a/.cache/b/x.json", ".task.json", "notes.txt", "a/x.json.tmp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("not a result")
    assert list(paths(tmp_path)) == [tmp_path / "task.json"]
    assert load_all(tmp_path) == RESULTS


def test_a_results_folder_may_itself_be_hidden(tmp_path):
    path = write(tmp_path / ".results" / "task.json")
    assert list(paths(tmp_path / ".results")) == [path]


def test_folders_and_files_may_be_named_by_text(tmp_path):
    path = write(tmp_path / "task.json")
    assert load_all(str(tmp_path)) == load(str(path)) == RESULTS
    with pytest.raises(ValueError, match="no results folder at nowhere"):
        load_all("nowhere")


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no results folder at .*nowhere; `striate run .* makes"):
        load_all(tmp_path / "nowhere")


def test_one_bad_file_is_named(tmp_path):
    write(tmp_path / "a.json")
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(ValueError, match=r"b\.json is not a result file"):
        load_all(tmp_path)


# --- arrays

ARRAYS = {
    "layer/preferred": np.array([0.5, np.nan, np.inf], np.float32),
    "layer/selected": np.array([True, False, True]),
    "pixels": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "none": np.zeros((0, 5)),
}


def write_arrays(path, arrays=ARRAYS):
    save(path, RESULTS, task=TASK, provenance={"seconds": 1.5}, arrays=arrays)
    return path


def test_arrays_come_back_bit_for_bit_from_a_file_that_the_result_names(tmp_path):
    path = write_arrays(tmp_path / "a-task.b-1.json")
    found = load_arrays(path)
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    about = read_record(path)["arrays"]
    beside = tmp_path / "a-task.b-1.npz"
    assert about["file"] == beside.name
    assert about["sha256"] == hashlib.sha256(beside.read_bytes()).hexdigest()
    assert about["contents"]["pixels"] == {"shape": [2, 3, 4], "dtype": "uint8"}
    assert load(path) == RESULTS
    with np.load(beside, allow_pickle=False) as plain:  # as anybody would read it
        assert plain.files == list(ARRAYS)
        np.testing.assert_array_equal(plain["pixels"], ARRAYS["pixels"])
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.name, beside.name]


def test_a_result_without_arrays_is_what_it_always_was(tmp_path):
    plain = write(tmp_path / "plain.json")
    empty = write_arrays(tmp_path / "empty.json", {})
    # Of a file written before there were arrays.
    expected = "3b3e76df428780f3058bd4cb86d7615241c76df151bf425aa31592c119502da6"
    assert plain.read_bytes() == empty.read_bytes()
    assert "arrays" not in read_record(plain)
    assert load_arrays(plain) == {}
    assert read_record(plain)["sha256"] == expected
    assert [file.suffix for file in tmp_path.iterdir()] == [".json", ".json"]


def test_the_same_arrays_are_the_same_bytes_at_any_time(tmp_path, monkeypatch):
    one = write_arrays(tmp_path / "one.json")
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setattr("time.localtime", lambda *_: (2040, 1, 2, 3, 4, 5, 0, 1, 0))
    two = write_arrays(tmp_path / "two.json")
    assert one.with_suffix(".npz").read_bytes() == two.with_suffix(".npz").read_bytes()


def test_a_result_that_is_there_is_whole(tmp_path, monkeypatch):
    """The arrays are written first."""
    real = os.fsync
    calls = []

    def fail_second(handle):
        calls.append(handle)
        if len(calls) == 2:
            raise OSError("no space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", fail_second)
    with pytest.raises(OSError, match="no space left"):
        write_arrays(tmp_path / "task.json")
    assert [file.name for file in tmp_path.iterdir()] == ["task.npz"]


def test_missing_arrays_are_told(tmp_path):
    path = write_arrays(tmp_path / "task.json")
    path.with_suffix(".npz").unlink()
    assert load(path) == RESULTS
    with pytest.raises(ValueError, match=r"task\.json has arrays in task\.npz, which is missing"):
        load_arrays(path)


@pytest.mark.parametrize("damage", [
    lambda whole: whole[:100], lambda whole: whole + b" ",
    lambda whole: whole[:60] + bytes([whole[60] ^ 1]) + whole[61:], lambda whole: b"",
])  # fmt: skip
def test_damaged_arrays_are_refused_by_name(tmp_path, damage):
    path = write_arrays(tmp_path / "task.json")
    beside = path.with_suffix(".npz")
    beside.write_bytes(damage(beside.read_bytes()))
    with pytest.raises(ValueError, match=r"task\.npz is damaged, or of another result: its check"):
        load_arrays(path)


def test_what_a_result_says_of_its_arrays_is_checked_too(tmp_path):
    path = write_arrays(tmp_path / "task.json")
    path.write_text(path.read_text().replace('"file": "task.npz"', '"file": "other.npz"'))
    with pytest.raises(ValueError, match=r"task\.json is damaged"):
        load_arrays(path)


@pytest.mark.parametrize("array", [np.array([{}]), np.array(["high"])])
def test_only_numbers_are_arrays(tmp_path, array):
    with pytest.raises(ValueError, match=r"arrays\['bad'\] is of .*; give a numpy array of numb"):
        write_arrays(tmp_path / "task.json", {"bad": array})
    assert list(tmp_path.iterdir()) == []


def test_a_page_counts_a_result_that_lies_there_twice_once(tmp_path):
    write_arrays(tmp_path / "a" / "a.json")
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    (record,) = section.read(tmp_path)
    assert record.arrays


def test_a_page_reads_the_arrays_of_each_result(tmp_path):
    write_arrays(tmp_path / "a.json")
    write(tmp_path / "b.json")
    with_arrays, without = section.read(tmp_path)
    assert list(with_arrays.arrays) == list(ARRAYS)
    assert without.arrays == {}
    assert with_arrays.results == without.results == RESULTS


def test_names_of_layers_come_back_from_one_setting_whatever_they_hold():
    names = ["conv 1", "a\\b", "block.0@2[1]", " x "]
    assert layers_of({"layers": spelled_layers(names)}) == names
    assert layers_of({"spectral_layers": spelled_layers(names)}, "spectral_layers") == names
    assert layers_of({"layers": None}) == layers_of({}) == []


def test_whole_numbers_of_numpy_are_those_of_python(tmp_path):
    assert digest({"splits": np.int64(3)}) == digest({"splits": 3})
    path = write(tmp_path / "a.json", splits=np.int64(3))
    assert read_record(path)["task"]["splits"] == 3
    with pytest.raises(TypeError, match="is a complex, which JSON does not hold"):
        digest({"splits": 3j})
