import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.results import (
    Curve,
    Score,
    digest,
    load,
    load_all,
    paths,
    read_record,
    save,
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


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no results folder at .*nowhere; `striate run .* makes"):
        load_all(tmp_path / "nowhere")


def test_one_bad_file_is_named(tmp_path):
    write(tmp_path / "a.json")
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(ValueError, match=r"b\.json is not a result file"):
        load_all(tmp_path)
