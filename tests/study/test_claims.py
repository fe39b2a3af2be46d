"""Of several runs in one folder, one at a time works on a task; the dead hold nothing."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from striate.results import Score, load
from striate.study import path_of, progress, run
from striate.study import run as run_tasks
from striate.study.claims import claim, holder
from striate.study.run import lock_of

TASK = {"study": "s", "label": "one", "seed": 0}

HOLD = """
import sys, time
from pathlib import Path
from striate.study.claims import claim
with claim(Path(sys.argv[1])) as ours:
    print(ours, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def elsewhere(tmp_path):
    """Another process that holds the lock of the task."""
    lock = lock_of(TASK, tmp_path)
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_one_holds_the_lock_and_it_is_gone_afterwards(tmp_path):
    lock = tmp_path / "deep" / "x.lock"
    assert holder(lock) is None
    with claim(lock) as ours:
        assert ours
        with claim(lock) as too:
            assert not too
        found = holder(lock)
        assert (found.pid, found.host) == (os.getpid(), os.uname().nodename)
        assert abs(found.since - time.time()) < 60
    assert holder(lock) is None
    assert list(lock.parent.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error_and_not_waited_for(tmp_path):
    (tmp_path / ".partial").symlink_to(tmp_path / "gone")
    with pytest.raises(FileExistsError, match="partial"), claim(tmp_path / ".partial" / "x.lock"):
        pass


def test_an_error_lets_go_of_the_lock(tmp_path):
    with pytest.raises(ArithmeticError), claim(tmp_path / "x.lock"):
        raise ArithmeticError
    with claim(tmp_path / "x.lock") as ours:
        assert ours


def test_a_killed_process_holds_nothing(tmp_path, elsewhere):
    lock = lock_of(TASK, tmp_path)
    assert holder(lock).pid == elsewhere.pid
    with claim(lock) as ours:
        assert not ours
    os.kill(elsewhere.pid, signal.SIGKILL)
    elsewhere.wait()
    assert lock.exists()  # what it left behind
    assert holder(lock) is None
    with claim(lock) as ours:
        assert ours


def test_a_file_system_without_locks_stops_nobody(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with claim(tmp_path / "x.lock") as ours:
        assert ours
        assert holder(tmp_path / "x.lock") is None
    assert list(tmp_path.iterdir()) == []


def test_other_errors_of_locks_are_raised_and_leave_nothing_open(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(fcntl, "flock", broken)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH208, PTH112
    with pytest.raises(OSError, match=r"broken: '.*x\.lock'"), claim(tmp_path / "x.lock"):
        pass
    after = len(os.listdir("/proc/self/fd")) if before else 0  # noqa: PTH208
    assert after == before


def test_of_many_threads_one_at_a_time_is_inside(tmp_path):
    inside, most, times = 0, 0, 0
    guard = threading.Lock()

    def enter():
        nonlocal inside, most, times
        for _ in range(50):
            with claim(tmp_path / "x.lock") as ours:
                if ours:
                    with guard:
                        inside += 1
                        times += 1
                        most = max(most, inside)
                    with guard:
                        inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert times >= 8


GROUP, ALICE, BOB = 2000, 1001, 1002


@pytest.fixture
def shared():
    """A folder that a group shares; that of pytest is its owner's alone."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, 0, GROUP)
        os.chmod(name, 0o2775)  # noqa: PTH101
        yield Path(name)


@contextmanager
def user(number, umask):
    """Do something as another member of the group."""
    before = os.umask(umask), os.getegid()
    os.setegid(GROUP)
    os.seteuid(number)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(before[1])
        os.umask(before[0])


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")


@as_root
@pytest.mark.parametrize("mode", [0o644, 0o664])  # of earlier versions, and as the umask has it
def test_a_lock_that_another_user_left_stops_nobody_and_one_that_is_held_does(shared, mode):
    lock = shared / ".partial" / "x.lock"
    with user(ALICE, 0o002):
        lock.parent.mkdir()
        lock.touch()
        lock.chmod(mode)
        with claim(lock) as ours:  # held
            assert ours
            os.seteuid(0)
            with user(BOB, 0o002), claim(lock) as too:
                assert not too
            os.setegid(GROUP)
            os.seteuid(ALICE)
        lock.touch()  # as a killed process leaves it
        lock.chmod(mode)
    with user(BOB, 0o002):
        with claim(lock) as ours:
            assert ours
            assert holder(lock).pid == os.getpid()
            assert lock.stat().st_mode & 0o777 == 0o664
        assert not lock.exists()


@as_root
def test_a_lock_that_another_user_hides_is_a_failure_of_its_task_alone(shared):
    with user(ALICE, 0o002):
        (shared / ".partial").mkdir()
        (shared / ".partial").chmod(0o2775)
        lock_of(TASK, shared).touch()
        lock_of(TASK, shared).chmod(0o600)
    failed = []
    with user(BOB, 0o002):
        tasks = [TASK, {**TASK, "label": "two"}]
        (done,) = run(lambda *_: [Score("x", 1.0)], tasks, directory=shared, failed=failed.append)
    assert done.task["label"] == "two"
    assert "PermissionError" in failed[0].error
    assert lock_of(TASK, shared).name in failed[0].error


@as_root
def test_word_of_how_far_another_user_got_is_replaced(shared):
    checkpoint = shared / ".partial" / "x.json"
    with user(ALICE, 0o022):
        checkpoint.parent.mkdir()
        checkpoint.parent.chmod(0o2775)
        progress.note(checkpoint, 1, 9, "")
    with user(BOB, 0o022):
        progress.note(checkpoint, 2, 9, "")
    assert str(progress.told(checkpoint)) == "epoch 2/9"


def test_a_lock_that_may_only_be_read_is_taken_and_replaced(tmp_path, monkeypatch):
    """As above, pretended, for whoever is not root."""
    lock, opened = tmp_path / "x.lock", os.open
    lock.touch()
    (tmp_path / "kept").hardlink_to(lock)  # its number goes to no other file
    left = lock.stat().st_ino

    def refused(path, flags, *mode):
        if path == lock and flags & os.O_RDWR and lock.exists() and lock.stat().st_ino == left:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, flags, *mode)

    monkeypatch.setattr(os, "open", refused)
    other = opened(lock, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with claim(lock) as ours:
        assert not ours
    os.close(other)
    with claim(lock) as ours:
        assert ours
        assert holder(lock).pid == os.getpid()
        assert lock.stat().st_ino != left


@pytest.fixture
def hasty(monkeypatch):
    # The module is hidden by the function of its name.
    monkeypatch.setattr(sys.modules["striate.study.run"], "PAUSE_SECONDS", 0.05)


@pytest.mark.usefixtures("hasty")
def test_what_another_run_works_on_is_done_last_and_once_it_has_stopped(tmp_path, elsewhere):
    asked = []

    def measure(task, checkpoint):
        asked.append(task["label"])
        return [Score("x", 1.0)]

    finished = run(measure, [TASK, {**TASK, "label": "two"}], directory=tmp_path)
    assert next(finished).task["label"] == "two"
    elsewhere.kill()
    elsewhere.wait()
    assert next(finished).task == TASK
    assert asked == ["two", "one"]


@pytest.mark.usefixtures("hasty")
def test_what_another_run_finishes_is_not_done_again(tmp_path):
    started, go_on = threading.Event(), threading.Event()

    def slow(task, checkpoint):
        started.set()
        assert go_on.wait(20)
        return [Score("by", 1.0)]

    other = threading.Thread(target=lambda: list(run_tasks(slow, [TASK], directory=tmp_path)))
    other.start()
    assert started.wait(20)
    threading.Timer(0.2, go_on.set).start()

    def never(task, checkpoint):
        raise AssertionError("it was done elsewhere")

    (finished,) = run(never, [TASK], directory=tmp_path)
    other.join()
    assert finished.seconds is None
    assert load(path_of(TASK, tmp_path)) == [Score("by", 1.0)]


def test_who_takes_the_lock_from_one_that_fails_keeps_it(tmp_path, monkeypatch):
    """The folder is cleared up when the lock is gone, and another one may have it already."""
    lock = tmp_path / "new" / "x.lock"
    with ExitStack() as another:
        monkeypatch.setattr(Path, "rmdir", lambda folder: another.enter_context(claim(lock)))
        with pytest.raises(ArithmeticError), claim(lock):
            raise ArithmeticError
        assert holder(lock) is not None
        with claim(lock) as too:
            assert not too


def test_a_lock_that_was_deleted_while_it_was_waited_for_is_no_lock(tmp_path, monkeypatch):
    """Its holder deletes it between our opening and our locking: somebody else makes a new one."""
    lock, real, calls = tmp_path / "x.lock", fcntl.flock, []

    def late(handle, how):
        calls.append(how)
        if len(calls) == 1:
            lock.unlink()
            lock.touch()
        return real(handle, how)

    monkeypatch.setattr("striate.study.claims.fcntl.flock", late)
    with claim(lock) as ours:
        assert ours
        assert len(calls) == 2
        monkeypatch.undo()
        assert holder(lock).pid == os.getpid()
        with claim(lock) as too:
            assert not too


def test_a_lock_that_another_takes_as_soon_as_it_is_free_stays_theirs(tmp_path, monkeypatch):
    lock, real, theirs = tmp_path / "x.lock", os.close, []

    def taken(handle):
        real(handle)
        if not theirs:
            theirs.append(claim(lock))
            assert theirs[0].__enter__()

    with claim(lock) as ours:
        assert ours
        monkeypatch.setattr("striate.study.claims.os.close", taken)
    monkeypatch.undo()
    assert holder(lock) is not None
    theirs[0].__exit__(None, None, None)
    assert not lock.exists()
