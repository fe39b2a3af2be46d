"""What is damaged is found, whatever was done to it, and only ever refused by ValueError."""

import errno
import hashlib
import io
import json
import multiprocessing
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.results import (
    Curve,
    DamagedError,
    Score,
    check,
    digest,
    export,
    load,
    load_all,
    load_arrays,
    merge,
    paths,
    save,
    set_aside,
    verify,
)

RESULTS = [Score("alpha", 1.25, settings={"seed": 3}), Curve("spectrum", (1.0, 2.0), (3.0, 0.5))]
ARRAYS = {"per unit": np.arange(5.0)}


def write(path, results=RESULTS, arrays=ARRAYS, **task):
    save(path, results, task={"study": "s", **task}, provenance={}, arrays=arrays)
    return path


def forged(path, content):
    """Write what is no result, under a checksum that fits."""
    record = {"format": 1, "sha256": digest(content), **content}
    path.write_text(json.dumps(record))
    return path


def about(entry):
    return {"task": {}, "provenance": {}, "results": [entry]}


SCORE = {"kind": "Score", "name": "a", "value": 1.0, "error": None, "source": "", "settings": {}}


@pytest.mark.parametrize("entry", [
    None, 3, "text", [], {}, {"kind": "Score"}, {"kind": "Other", "name": "x"},
    SCORE | {"value": "high"}, SCORE | {"value": [1.0]}, SCORE | {"value": 10**400},
    SCORE | {"value": None}, SCORE | {"error": 0.1}, SCORE | {"name": 3}, SCORE | {"source": None},
    SCORE | {"settings": None}, SCORE | {"settings": [1]}, SCORE | {"more": 1},
    {"kind": "Curve", "name": "c", "x": [1.0], "y": [1.0, 2.0]},
    {"kind": "Curve", "name": "c", "x": 3, "y": [1.0]},
    {"kind": "Curve", "name": "c", "x": [None], "y": [1.0]},
], ids=str)  # fmt: skip
def test_what_is_neither_a_score_nor_a_curve_is_refused_by_name(tmp_path, entry):
    path = forged(tmp_path / "task.json", about(entry))
    with pytest.raises(DamagedError, match=r"task\.json holds what is neither a score nor a curve"):
        load(path)


@pytest.mark.parametrize(("part", "value"), [
    ("task", []), ("task", None), ("provenance", "text"), ("results", {}), ("arrays", [1]),
], ids=str)  # fmt: skip
def test_parts_of_another_kind_are_refused_by_name(tmp_path, part, value):
    path = forged(tmp_path / "task.json", about(SCORE) | {part: value})
    with pytest.raises(DamagedError, match=rf"not a result file \(its {part} is a "):
        load(path)


@pytest.mark.parametrize("text", [
    "[" * 100_000, '{"a":' * 100_000, "1" * 10_000, "NaN", "\ud800".encode("utf-8", "replace"),
    b"\x80", "\x00" * 100, '{"format": 1, "sha256": 1, "task": NaN, "provenance": 1, "results": 1}',
], ids=["lists", "dicts", "long number", "nan", "?", "byte", "zeros", "nan inside"])  # fmt: skip
def test_hostile_json_is_refused_by_name(tmp_path, text):
    (tmp_path / "task.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DamagedError, match=r"task\.json is not a result file"):
        load(tmp_path / "task.json")


@pytest.mark.parametrize("file", [None, 3, "", "..", "x.txt", "/etc/passwd"], ids=str)
def test_arrays_that_are_nowhere_are_refused_by_name(tmp_path, file):
    path = forged(tmp_path / "task.json", about(SCORE) | {"arrays": {"file": file, "sha256": ""}})
    with pytest.raises(DamagedError, match=r"task\.json does not say where its arrays are"):
        load_arrays(path)


def zipped(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


HUGE = (
    b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
)


@pytest.mark.parametrize("archive", [
    b"", b"not a zip", zipped("a.npy", b""), zipped("a.npy", b"\x93NUMPY\x01\x00"),
    zipped("a.npy", HUGE.ljust(127) + b"\n"),
], ids=["nothing", "text", "empty", "cut", "huge"])  # fmt: skip
def test_archives_that_hold_no_arrays_are_refused_by_name(tmp_path, archive):
    (tmp_path / "task.npz").write_bytes(archive)
    where = {"file": "task.npz", "sha256": hashlib.sha256(archive).hexdigest()}
    path = forged(tmp_path / "task.json", about(SCORE) | {"arrays": where})
    with pytest.raises(DamagedError, match=r"task\.npz holds no arrays that can be read"):
        load_arrays(path)


def test_objects_in_an_archive_are_not_revived(tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, bad=np.array([{}], dtype=object))
    (tmp_path / "task.npz").write_bytes(buffer.getvalue())
    where = {"file": "task.npz", "sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}
    path = forged(tmp_path / "task.json", about(SCORE) | {"arrays": where})
    with pytest.raises(DamagedError, match="Object arrays cannot be loaded"):
        load_arrays(path)


@given(data=st.data())
def test_any_change_of_the_bytes_is_found(tmp_path_factory, data):
    """A byte changed, a part cut out, something put in: in the result or in its arrays."""
    folder = tmp_path_factory.mktemp("changed")
    path = write(folder / "task.json")
    file = data.draw(st.sampled_from([path, path.with_suffix(".npz")]))
    whole = file.read_bytes()
    first = data.draw(st.integers(0, len(whole) - 1))
    last = data.draw(st.integers(first, len(whole)))
    changed = whole[:first] + data.draw(st.binary(max_size=20)) + whole[last:]
    same = changed == whole or (file == path and _equal(changed, whole))
    file.write_bytes(changed)
    if same:
        check(path)
    else:
        with pytest.raises(ValueError, match="task"):
            check(path)


def _equal(one, other):
    """JSON may be laid out in several ways, which all say the same."""
    try:
        return json.loads(one) == json.loads(other)
    except ValueError:
        return False


def test_what_is_set_aside_is_kept_and_is_no_result(tmp_path):
    bad = []
    for number in (1, 2, 3):
        path = write(tmp_path / "a.b-1.json")
        path.write_bytes(b"bad %d" % number)
        aside = set_aside(path)
        assert aside.name == f"a.b-1.json.damaged-{number}"
        bad.append(aside.read_bytes())
        assert list(paths(tmp_path)) == []
        assert not path.with_suffix(".npz").exists()
    assert bad == [b"bad 1", b"bad 2", b"bad 3"]
    assert len(list(tmp_path.iterdir())) == 6
    assert set_aside(path).name == "a.b-1.json.damaged-4"  # somebody was faster
    assert len(list(tmp_path.iterdir())) == 6


@pytest.mark.parametrize("taken", ["one.npz.damaged-1", "one.json.damaged-1"])
def test_nothing_that_was_set_aside_is_overwritten(tmp_path, taken):
    """Of a pair that was set aside, one may have been taken away."""
    (tmp_path / taken).write_bytes(b"earlier")
    path = write(tmp_path / "one.json")
    arrays = path.with_suffix(".npz").read_bytes()
    assert set_aside(path).name == "one.json.damaged-2"
    assert (tmp_path / taken).read_bytes() == b"earlier"
    assert (tmp_path / "one.npz.damaged-2").read_bytes() == arrays
    assert len(list(tmp_path.iterdir())) == 3


def test_who_is_killed_in_between_leaves_the_result_in_its_place(tmp_path, monkeypatch):
    """Then the next run finds the damage again; arrays alone would be nobody's."""
    path = write(tmp_path / "one.json")
    rename, moved = Path.rename, []

    def once(file, target):
        if moved:
            raise KeyboardInterrupt
        moved.append(file)
        return rename(file, target)

    monkeypatch.setattr(Path, "rename", once)
    with pytest.raises(KeyboardInterrupt):
        set_aside(path)
    assert {file.name for file in tmp_path.iterdir()} == {"one.json", "one.npz.damaged-1"}
    monkeypatch.undo()
    assert set_aside(path).name == "one.json.damaged-2"


def test_a_folder_is_verified_from_end_to_end(tmp_path):
    write(tmp_path / "s" / "good.json")
    write(tmp_path / "s" / "cut.json").write_text("{")
    write(tmp_path / "s" / "lost.json").with_suffix(".npz").unlink()
    write(tmp_path / "s" / "aside.json").write_text("{")
    set_aside(tmp_path / "s" / "aside.json")
    (tmp_path / "s" / ".cut.json.abc").write_text("half")
    for name in ("stray.npz", "cut-2.npz", f"cut-{'0a' * 6}.npz"):
        (tmp_path / "s" / name).write_bytes(b"")
    newer = write(tmp_path / "s" / "newer.json")
    newer.write_text(json.dumps(json.loads(newer.read_text()) | {"format": 2}))
    foreign = tmp_path / "s" / "package.json"
    foreign.write_text('{"name": "somebody else"}')
    (tmp_path / "s" / "folder.json").mkdir()
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / "x.json").write_text("not finished")
    found = verify(tmp_path)
    assert found.sound == 1
    assert {path.name for path in found.damaged} == {"cut.json", "lost.json"}
    assert "is not a result file" in found.damaged[tmp_path / "s" / "cut.json"]
    assert "which is missing" in found.damaged[tmp_path / "s" / "lost.json"]
    assert list(found.unread) == [newer, foreign]  # nothing says that they are damaged
    assert "it has no task, provenance, results, format, sha256)" in found.unread[foreign]
    assert "has format 2, this version reads 1; upgrade striate" in found.unread[newer]
    names = ["aside.json.damaged-1", "aside.npz.damaged-1"]
    assert [file.name for file in found.aside] == names
    assert [file.name for file in found.leftovers] == [".cut.json.abc"]
    # Those of a damaged result are its own: whoever mends or deletes it finds them there.
    assert [file.name for file in found.strays] == ["cut-2.npz", "stray.npz"]


@pytest.mark.parametrize("lost", ["task", "results", "format", "sha256"])
def test_a_result_that_lost_a_part_is_damaged_and_not_of_somebody_else(tmp_path, lost):
    path = write(tmp_path / "task.json")
    record = json.loads(path.read_text())
    del record[lost]
    path.write_text(json.dumps(record))
    with pytest.raises(DamagedError, match=rf"is not a result file \(it has no {lost}\)"):
        load(path)
    assert list(verify(tmp_path).damaged) == [path]


@pytest.mark.parametrize("content", ["[]", "3", "null", '"task"', '["task", "format"]'])
def test_json_that_is_no_record_is_of_somebody_else(tmp_path, content):
    (tmp_path / "list.json").write_text(content)
    with pytest.raises(DamagedError, match=r"not a result file \(it holds no record of a task\)"):
        load(tmp_path / "list.json")
    found = verify(tmp_path)
    assert (list(found.unread), found.damaged) == ([tmp_path / "list.json"], {})


def test_a_folder_whose_name_ends_in_json_is_no_result(tmp_path):
    inside = write(tmp_path / "x.json" / "cell.json")
    assert list(paths(tmp_path)) == [inside]
    assert load_all(tmp_path) == RESULTS
    (tmp_path / "gone.json").symlink_to("nowhere")  # which is not overlooked
    with pytest.raises(FileNotFoundError):
        load_all(tmp_path)


# --- two writers


def test_arrays_never_replace_those_of_another_result(tmp_path):
    one = write(tmp_path / "task.json")
    record = one.read_bytes()
    write(one, arrays={"per unit": np.ones(3)})
    assert load_arrays(one)["per unit"].tolist() == [1, 1, 1]
    assert len(list(tmp_path.glob("task*.npz"))) == 2
    one.write_bytes(record)  # the slower writer of the two comes last, and finds its own
    assert load_arrays(one)["per unit"].tolist() == [0, 1, 2, 3, 4]


def test_without_hard_links_arrays_are_written_as_well(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", unsupported)
    path = write(tmp_path / "task.json")
    assert load_arrays(path)["per unit"].tolist() == [0, 1, 2, 3, 4]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["task.json", "task.npz"]


def _write_many(folder, number, barrier):
    barrier.wait()
    for cell in range(50):
        arrays = {"of": np.full(200, number)}
        write(folder / f"{cell}.json", [Score("of", float(number))], arrays=arrays, cell=cell)


def test_two_writers_of_the_same_names_leave_whole_results(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    writers = [context.Process(target=_write_many, args=(tmp_path, n, barrier)) for n in (1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = verify(tmp_path)
    assert (found.sound, found.damaged, found.leftovers) == (50, {}, [])
    for path in paths(tmp_path):
        (score,) = load(path)
        assert set(load_arrays(path)["of"].tolist()) == {score.value}


def test_whether_a_cell_is_finished_takes_milliseconds(tmp_path):
    """A cell of 50 kB, like those of a grid: 5 ms of this process's time, on a slow machine 20."""
    y = tuple(np.random.default_rng(0).random(1000).tolist())
    curve = Curve("spectrum", tuple(map(float, range(1000))), y)
    files = [write(tmp_path / f"{n}.json", [curve], ARRAYS) for n in range(20)]
    started = time.process_time()
    for file in files:
        check(file)
    assert (time.process_time() - started) / len(files) < 0.02


@pytest.mark.parametrize(("umask", "mode"), [(0o002, 0o664), (0o027, 0o640), (0o077, 0o600)])
def test_who_may_read_what_is_written_is_for_the_umask_to_say(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        path = write(tmp_path / "r" / "s" / "one.json")
        merge([tmp_path / "r"], tmp_path / "all")
        export(tmp_path / "r", tmp_path / "all.csv")
    finally:
        os.umask(before)
    merged = tmp_path / "all" / "s" / "one.json"
    written = [path, path.with_suffix(".npz"), merged, tmp_path / "all.csv"]
    assert {file.stat().st_mode & 0o777 for file in written} == {mode}


def test_an_error_of_the_system_names_the_file_that_was_written(tmp_path, monkeypatch):
    def too_large(_):
        raise OSError(errno.EFBIG, "File too large")

    write(tmp_path / "r" / "one.json")
    monkeypatch.setattr(os, "fsync", too_large)
    with pytest.raises(OSError, match=r"File too large: '.*two\.json'"):
        write(tmp_path / "two.json", arrays=None)
    with pytest.raises(OSError, match=r"File too large: '.*one\.npz'"):
        merge([tmp_path / "r"], tmp_path / "all")
    assert not list(tmp_path.glob("**/.*"))
