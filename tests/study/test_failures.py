"""A task that fails costs itself: the rest goes on, what went wrong is kept, and it can be told."""

import errno
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from striate import results
from striate.results import Score
from striate.study import failures, path_of, run
from striate.study.run import failure_of


def task(number, **more):
    return {"study": "roots", "label": f"root-of-{number}", "number": number, **more}


def root(task, checkpoint):
    if task["number"] < 0:
        raise ArithmeticError(f"{task['number']} has\nno root")
    return [Score("root", task["number"] ** 0.5)]


EXECUTORS = {"here": lambda: None, "threads": lambda: ThreadPoolExecutor(2)}
everywhere = pytest.mark.parametrize("executor", EXECUTORS.values(), ids=EXECUTORS)


def swept(folder, numbers, measure=root, **words):
    """Run over `numbers`; return what was finished now, and what failed."""
    failed = []
    tasks = [task(number) for number in numbers]
    finished = run(measure, tasks, directory=folder, failed=failed.append, **words)
    return [one.task["number"] for one in finished if one.seconds is not None], failed


@everywhere
def test_the_rest_goes_on_and_the_error_is_kept_with_its_settings(tmp_path, executor):
    done, failed = swept(tmp_path, (4, -1, 9, -2), executor=executor())
    assert sorted(done) == [4, 9]
    assert sorted(one.task["number"] for one in failed) == [-2, -1]
    kept = list(failures.recorded(tmp_path))
    assert sorted(kept, key=str) == sorted(failed, key=str)
    (first,) = (one for one in kept if one.task["number"] == -1)
    assert first.task == task(-1)
    assert first.error == "ArithmeticError: -1 has no root"
    assert "in root" in first.details
    assert first.attempts == 1
    assert not list((tmp_path / ".partial").iterdir())


@everywhere
def test_what_failed_is_told_again_and_done_again_only_if_asked(tmp_path, executor):
    swept(tmp_path, (-1,))
    asked = []

    def mended(task, checkpoint):
        asked.append(task["number"])
        return []

    done, failed = swept(tmp_path, (-1, 4), mended, executor=executor())
    assert (done, asked) == ([4], [4])
    assert [one.error for one in failed] == ["ArithmeticError: -1 has no root"]
    done, failed = swept(tmp_path, (-1, 4), mended, executor=executor(), retry_failed=True)
    assert (done, failed) == ([-1], [])
    assert list(failures.recorded(tmp_path)) == []


def test_attempts_are_counted(tmp_path):
    for _ in range(3):
        _, (failed,) = swept(tmp_path, (-1,), retry_failed=True)
    assert failed.attempts == 3
    assert failures.read(failure_of(task(-1), tmp_path)) == failed


def test_who_does_not_listen_to_failures_has_the_error_itself_and_no_record(tmp_path):
    with pytest.raises(ArithmeticError, match="no root"):
        list(run(root, [task(-1)], directory=tmp_path))
    assert list(failures.recorded(tmp_path)) == []


def test_a_record_that_cannot_be_read_is_no_record(tmp_path):
    swept(tmp_path, (-1,))
    file = failure_of(task(-1), tmp_path)
    file.write_bytes(file.read_bytes()[:50])
    assert list(failures.recorded(tmp_path)) == []
    _, (failed,) = swept(tmp_path, (-1,))  # so it is tried again
    assert failed.attempts == 1


@everywhere
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_a_full_disk_is_no_failure_of_a_task_and_stops_the_run(tmp_path, executor, code):
    def full(task, checkpoint):
        raise OSError(code, "the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        swept(tmp_path, (4, 9), full, executor=executor())
    assert list(failures.recorded(tmp_path)) == []


def test_ctrl_c_is_no_failure(tmp_path):
    def interrupted(task, checkpoint):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(tmp_path, (4,), interrupted)
    assert list(failures.recorded(tmp_path)) == []


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
def test_a_result_that_cannot_be_written_stops_the_run_and_the_next_goes_on(
    tmp_path, monkeypatch, call
):
    def refused(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", "there")

    where = {
        "open": "striate.results.files.unnamed",
        "fsync": "os.fsync",
        "replace": "pathlib.Path.replace",
    }
    with monkeypatch.context() as patch:
        patch.setattr(where[call], refused)
        with pytest.raises(PermissionError, match="Permission denied: 'there'"):
            swept(tmp_path, (4, 9))
    assert not list(tmp_path.rglob("*.json"))
    assert swept(tmp_path, (4, 9)) == ([4, 9], [])


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(NotADirectoryError, match="file"):
        swept(tmp_path / "file" / "results", (4,))


# --- damaged results


def garbage(content):
    return b"\x00\xff garbage"


def half(content):
    return content[: len(content) // 2]


def altered(content):
    return content.replace(b"2.0", b"3.0")


def empty(content):
    return b""


@everywhere
@pytest.mark.parametrize("damage", [garbage, half, altered, empty])
def test_a_damaged_result_is_moved_aside_and_measured_again(tmp_path, executor, damage):
    swept(tmp_path, (4, 9))
    path = path_of(task(4), tmp_path)
    good = results.load(path)
    for number in (1, 2):
        path.write_bytes(damage(path.read_bytes()))
        bad = path.read_bytes()
        tasks = [task(9), task(4)]
        sound, again = run(root, tasks, directory=tmp_path, executor=executor())
        assert (sound.task, sound.seconds, sound.aside) == (task(9), None, None)
        assert again.aside == path.with_name(f"{path.name}.damaged-{number}")
        assert again.aside.read_bytes() == bad
        assert results.load(path) == good
    assert {one.value for one in results.load_all(tmp_path)} == {2.0, 3.0}
    assert len(list(results.paths(tmp_path))) == 2


def test_a_result_of_a_newer_format_is_not_damaged(tmp_path):
    swept(tmp_path, (4,))
    path = path_of(task(4), tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(ValueError, match="format 2, this version reads 1; upgrade striate"):
        swept(tmp_path, (4,))
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def frozen(task, checkpoint):
    """Go on from a checkpoint, or leave one and stop."""
    if not checkpoint.exists():
        results.save(checkpoint, [], task=task, provenance={})
        raise InterruptedError
    return results.load(checkpoint)


def test_a_damaged_checkpoint_is_moved_aside_and_its_task_begins_afresh(tmp_path):
    calls = []

    def measure(task, checkpoint):
        calls.append(checkpoint.exists())
        if len(calls) > 2:
            return [Score("root", 2.0)]
        return frozen(task, checkpoint)

    swept(tmp_path, (4,), measure)
    checkpoint = tmp_path / ".partial" / path_of(task(4), tmp_path).name
    checkpoint.write_bytes(half(checkpoint.read_bytes()))
    (finished,) = run(measure, [task(4)], directory=tmp_path)
    assert calls == [False, True, False]
    assert finished.aside == checkpoint.with_name(f"{checkpoint.name}.damaged-1")
    assert finished.aside.exists()
    assert results.load(finished.path) == [Score("root", 2.0)]


def test_damage_of_another_file_is_a_failure_and_costs_no_checkpoint(tmp_path):
    other = tmp_path / "rival.json"
    other.write_text("{}")

    def measure(task, checkpoint):
        results.save(checkpoint, [], task=task, provenance={})
        return results.load(other)

    _, (failed,) = swept(tmp_path, (4,), measure)
    assert "rival.json is not a result file" in failed.error
    assert (tmp_path / ".partial" / path_of(task(4), tmp_path).name).exists()
