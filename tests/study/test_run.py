import errno
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from striate import results
from striate.results import Score
from striate.study import path_of, progress, run
from striate.study.claims import claim
from striate.study.run import checkpoint_of, lock_of

SETTINGS = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)


def task(number, **more):
    return {"study": "roots", "label": f"root-of-{number}", "number": number, **more}


def root(task, checkpoint):
    if task["number"] < 0:
        raise ArithmeticError(f"{task['number']} has no root")
    return [Score("root", task["number"] ** 0.5)]


def counted(measure):
    """`measure`, and the list of tasks it will have been asked to do."""
    asked = []

    def counting(task, checkpoint):
        asked.append(task["number"])
        return measure(task, checkpoint)

    return counting, asked


EXECUTORS = {"here": lambda: None, "threads": lambda: ThreadPoolExecutor(2)}
everywhere = pytest.mark.parametrize("executor", EXECUTORS.values(), ids=EXECUTORS)


@everywhere
def test_each_task_leaves_one_file_and_what_explains_it(tmp_path, executor):
    tasks = [task(number) for number in (4, 9, 2)]
    finished = list(run(root, tasks, directory=tmp_path, executor=executor()))
    assert {done.task["number"] for done in finished} == {4, 9, 2}
    assert sorted(tmp_path.rglob("*.json")) == sorted(path_of(one, tmp_path) for one in tasks)
    for done in finished:
        assert done.path == path_of(done.task, tmp_path)
        assert done.path.parent == tmp_path / "roots"
        assert done.path.name.startswith(f"root-of-{done.task['number']}-")
        record = results.read_record(done.path)
        assert record["task"] == done.task
        assert results.load(done.path) == [Score("root", done.task["number"] ** 0.5)]
        assert {"seconds", "peak_memory_mb", "striate", "torch", "python", "machine"} <= record[
            "provenance"
        ].keys()
        assert record["provenance"]["seconds"] == pytest.approx(done.seconds, abs=1e-3)


@everywhere
def test_what_exists_is_skipped_untouched_and_told_first(tmp_path, executor):
    list(run(root, [task(9)], directory=tmp_path))
    path = path_of(task(9), tmp_path)
    before = path.stat().st_mtime_ns, path.read_bytes()
    counting, asked = counted(root)
    tasks = [task(4), task(9)]
    first, second = run(counting, tasks, directory=tmp_path, executor=executor())
    assert (first.task, first.path, first.seconds) == (task(9), path, None)
    assert second.task == task(4)
    assert second.seconds >= 0
    assert asked == [4]
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before


@everywhere
def test_one_failure_surfaces_and_what_was_finished_stays(tmp_path, executor):
    tasks, pool = [task(number) for number in (4, -1)], executor()
    with pytest.raises(ArithmeticError, match="-1 has no root"):
        list(run(root, tasks, directory=tmp_path, executor=pool))
    if pool:
        pool.shutdown()
    assert results.load(path_of(task(4), tmp_path)) == [Score("root", 2.0)]
    assert not path_of(task(-1), tmp_path).exists()
    counting, asked = counted(lambda task, checkpoint: [])
    list(run(counting, tasks, directory=tmp_path))
    assert asked == [-1]


def test_tasks_are_done_when_they_are_asked_for(tmp_path):
    counting, asked = counted(root)
    finished = run(counting, [task(4), task(9)], directory=tmp_path)
    assert asked == []
    next(finished)
    assert asked == [4]


def test_whoever_stops_listening_stops_the_work(tmp_path):
    def slow(task, checkpoint):
        time.sleep(0.05)
        return []

    counting, asked = counted(slow)
    with ThreadPoolExecutor(1) as executor:
        finished = run(
            counting, [task(n) for n in range(20)], directory=tmp_path, executor=executor
        )
        next(finished)
        finished.close()
    assert len(asked) < 5


def test_a_checkpoint_goes_when_its_result_is_there_and_stays_while_it_is_not(tmp_path):
    def interrupted(task, checkpoint):
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.write_text("half")
        checkpoint.with_name(f"{checkpoint.stem}-3.safetensors").write_text("half")
        if len(asked) == 1:
            raise InterruptedError
        return []

    counting, asked = counted(interrupted)
    with pytest.raises(InterruptedError):
        list(run(counting, [task(4)], directory=tmp_path))
    partial = tmp_path / ".partial"
    assert len(list(partial.iterdir())) == 2
    assert list(results.paths(tmp_path)) == []
    neighbour = partial / "root-of-5.json"
    neighbour.write_text("someone else's")
    list(run(counting, [task(4)], directory=tmp_path))
    assert list(partial.iterdir()) == [neighbour]
    assert list(results.paths(tmp_path)) == [path_of(task(4), tmp_path)]


def test_a_result_that_cannot_be_written_leaves_its_checkpoint(tmp_path, monkeypatch):
    def unfinished(task, checkpoint):
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.write_text("all but the last step")
        sums = checkpoint.with_suffix("")
        sums.mkdir(exist_ok=True)
        (sums / "kernel-0.safetensors").write_text("sums")
        return []

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("striate.results.save", full)
        with pytest.raises(OSError, match="No space left"):
            list(run(unfinished, [task(4)], directory=tmp_path))
    partial = tmp_path / ".partial"
    assert len([path for path in partial.rglob("*") if path.suffix != ".lock"]) == 3
    list(run(unfinished, [task(4)], directory=tmp_path))
    assert list(partial.iterdir()) == []


def test_sums_that_a_kill_left_beside_a_result_go_with_the_next_run(tmp_path):
    list(run(lambda *_: [], [task(4)], directory=tmp_path))
    sums = checkpoint_of(task(4), tmp_path).with_suffix("")
    sums.mkdir(parents=True)
    (sums / "kernel-0.safetensors").write_text("sums")
    assert [one.seconds for one in run(lambda *_: [], [task(4)], directory=tmp_path)] == [None]
    assert not sums.exists()


def test_two_tasks_never_share_a_checkpoint(tmp_path):
    used = []
    list(
        run(lambda task, path: used.append(path) or [], [task(4), task(4, x=1)], directory=tmp_path)
    )
    assert len(set(used)) == 2
    assert all(path.suffix == ".json" for path in used)


@given(
    more=st.dictionaries(st.text(min_size=1), SETTINGS, min_size=1),
    data=st.data(),
    value=SETTINGS,
)
def test_a_file_is_named_by_every_setting_and_by_nothing_else(tmp_path_factory, more, data, value):
    folder = tmp_path_factory.getbasetemp()
    whole = {**more, "study": "s", "label": "l"}
    shuffled = dict(data.draw(st.permutations(list(whole.items()))))
    assert path_of(shuffled, folder) == path_of(whole, folder)
    key = data.draw(st.sampled_from(sorted(more)))
    if key not in ("study", "label"):
        without = {name: value for name, value in whole.items() if name != key}
        assert path_of(without, folder) != path_of(whole, folder)
        # 1, 1.0 and True are equal in Python, and not in a file.
        changed = json.dumps(value) != json.dumps(whole[key])
        same = path_of({**whole, key: value}, folder) == path_of(whole, folder)
        assert same != changed


@pytest.mark.parametrize("lacking", [{"study": "s"}, {"label": "l"}, {}], ids=str)
def test_a_task_without_a_name_is_refused_before_any_is_done(tmp_path, lacking):
    counting, asked = counted(root)
    with pytest.raises(ValueError, match="a task needs settings 'study' and 'label', this has"):
        list(run(counting, [task(4), lacking], directory=tmp_path))
    assert asked == []


def test_word_of_the_progress_lies_beside_the_checkpoint_until_the_end(tmp_path):
    checkpoint = tmp_path / ".partial" / "x-beta0.1-abc.json"
    progress.note(checkpoint, 3, 10, "α 1.20")
    (file,) = checkpoint.parent.iterdir()
    assert file.name == "x-beta0.1-abc.progress"
    progress.note(checkpoint, 10, 10, "α 1.30")
    assert list(checkpoint.parent.iterdir()) == []


def test_a_terminal_shows_the_tasks_that_run_and_no_others(tmp_path):
    running, done, killed = task(4), task(9), task(16)
    for one in (running, killed):  # the second left its word behind, and nobody has its lock
        progress.note(checkpoint_of(one, tmp_path), 3, 10, f"α {one['number']}.20")
    text = io.StringIO()
    screen = Console(file=text, force_terminal=True, width=100)
    with (
        claim(lock_of(running, tmp_path)),
        progress.shown([running, done, killed], tmp_path, screen) as pace,
    ):
        pace.count(now=False)
        give_up = time.monotonic() + 20
        while "α 4.20" not in text.getvalue() and time.monotonic() < give_up:
            time.sleep(0.05)
    assert "root-of-4" in text.getvalue()
    assert "α 4.20" in text.getvalue()
    assert "1/3" in text.getvalue()
    assert "root-of-9" not in text.getvalue()
    assert "root-of-16" not in text.getvalue()


def test_a_log_is_not_flooded(tmp_path):
    text = io.StringIO()
    with progress.shown([task(4)], tmp_path, Console(file=text, force_terminal=False)):
        pass
    assert text.getvalue() == ""


def test_the_time_left_is_that_of_what_this_run_did_itself(monkeypatch):
    clock = iter([0.0, 60.0, 60.0, 60.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    pace = progress.Pace(10)
    assert pace.left() == ""
    for _ in range(4):
        pace.count(now=False)
    assert pace.left() == ""
    pace.count(now=True)
    pace.count(now=True)
    assert pace.left() == "2 min left"  # two took a minute, four are left
    for _ in range(4):
        pace.count(now=True)
    assert pace.left() == ""


@pytest.mark.parametrize(("seconds", "said"), [
    (0.4, "0 s"), (89.0, "89 s"), (90.0, "2 min"), (5e3, "83 min"), (7200.0, "2.0 h"),
])  # fmt: skip
def test_a_duration_is_said_as_a_reader_would(seconds, said):
    assert progress.duration(seconds) == said


def test_what_a_measurement_tells_is_left_and_gone_at_its_end(tmp_path):
    checkpoint, heard = tmp_path / ".partial" / "one.json", []
    with progress.noted(checkpoint, "batch", lambda *far: heard.append(far)) as tell:
        assert progress.told(checkpoint) is None
        tell(1, 9)
        tell(2, 9)  # too soon to be written again
        assert str(progress.told(checkpoint)) == "batch 1/9"
    assert heard == [(1, 9), (2, 9)]
    assert list(checkpoint.parent.iterdir()) == []
    with (
        pytest.raises(ZeroDivisionError),
        progress.noted(checkpoint, "batch", lambda *_: None) as tell,
    ):
        tell(0, 1 // 0)
    assert not list(checkpoint.parent.iterdir())
