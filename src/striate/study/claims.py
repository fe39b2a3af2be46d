"""Who is at work on a task: a lock that its process holds, and that goes with it however it ends.

The lock is the kernel's (`flock`), so a killed process leaves none behind, and a file system shared
by machines lets one at a time have it. Where the file system has no locks, two runs may do the same
task twice; its result is still written whole.
"""

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PARTIAL = ".partial"  # the folder in that of results where locks and unfinished work lie
# How often other runs may remove the folder of a lock just before it is made.
TRIES = 100
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


class Holder(NamedTuple):
    """Who works on a task: its process, the machine, and since when (seconds since 1970).

    `study` is that of the task.
    """

    pid: int
    host: str
    since: float
    study: str = ""


@contextlib.contextmanager
def claim(file: Path, study: str = "") -> Iterator[bool]:
    """Hold the lock `file` while the block runs; False if another process or thread holds it.

    `study` is written into it, for `holder`.

    A block that raises leaves no empty folders behind that were not there before.
    """
    new = [folder for folder in (file.parent, file.parent.parent) if not folder.exists()]
    handle = _locked(file)
    if handle is None:
        yield False
        return
    finished = False
    try:
        about = Holder(os.getpid(), socket.gethostname(), time.time(), study)
        os.truncate(handle, 0)
        os.pwrite(handle, json.dumps(about._asdict()).encode(), 0)
        yield True
        finished = True
    finally:
        # Once, and while it is held: from then on a file of that name is somebody else's.
        file.unlink(missing_ok=True)
        os.close(handle)
        if not finished:
            with contextlib.suppress(OSError):  # where something lies in them
                for folder in new:
                    folder.rmdir()


def holder(file: Path) -> Holder | None:
    """Return who holds the lock `file`; None if nobody does, or it may not be read."""
    try:
        handle = os.open(file, os.O_RDONLY)
    except (FileNotFoundError, PermissionError):
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(handle) or Holder(0, "?", os.fstat(handle).st_mtime)
    except OSError:
        return None
    finally:
        os.close(handle)
    return None


def _locked(file: Path) -> int | None:
    """Open and lock `file`, or return None if it is held."""
    gone = 0
    while True:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handle, ours = _opened(file)
        except (FileNotFoundError, FileExistsError) as error:
            # Another run that failed has just removed the empty folder, or while it was being made.
            gone += 1
            if gone == TRIES or (isinstance(error, FileExistsError) and file.parent.exists()):
                raise
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                os.close(handle)
                raise OSError(error.errno, error.strerror, str(file)) from error
        # Who held it before may have deleted it since it was opened: then it is no longer the lock.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(file.stat(), os.fstat(handle)):
                if ours:
                    return handle
                _make_way(file, handle)
        os.close(handle)


def _opened(file: Path) -> tuple[int, bool]:
    """Open `file`, made if need be; say whether it may be written, which a lock does not need.

    In a folder that people share, it may be left over from another one's run.
    """
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT, 0o666), True
    except PermissionError:
        if not os.access(file.parent, os.W_OK):  # then there need not be such a file
            raise
        return os.open(file, os.O_RDONLY), False


def _make_way(file: Path, handle: int) -> None:
    """Remove the lock that another user left, once nobody holds it: who does is written in ours."""
    try:
        file.unlink(missing_ok=True)
    except OSError:
        os.close(handle)
        raise


def _read(handle: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(handle, 1000, 0)))
    except (ValueError, TypeError):  # held, and not yet written
        return None
