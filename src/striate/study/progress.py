"""How far each unfinished task is, told between processes through one small file per task."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TaskID, TextColumn

from striate.study.claims import PARTIAL, holder
from striate.study.run import Task, checkpoint_of, lock_of

NOTE_SECONDS = 0.5  # between two words about one measurement


class Far(NamedTuple):
    """How far a run said it is: so many of so many `unit`, and its words."""

    done: int
    of: int
    unit: str
    text: str

    def __str__(self) -> str:
        return f"{self.unit} {self.done}/{self.of}"


def note(checkpoint: Path, done: int, of: int, text: str, *, unit: str = "epoch") -> None:
    """Leave word beside `checkpoint` that its run has finished `done` of `of`; `unit` is a word."""
    file, words = _beside(checkpoint), f"{done} {of} {unit} {text}"
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.write_text(words, encoding="utf-8")
    except PermissionError:  # another user left it in a folder that people share
        file.unlink()
        file.write_text(words, encoding="utf-8")
    if done == of:
        file.unlink()


@contextmanager
def noted(
    checkpoint: Path, unit: str, also: Callable[[int, int], object]
) -> Iterator[Callable[[int, int], None]]:
    """Give what a measurement tells how far it is: it is left beside `checkpoint`, and told `also`.

    What was left is gone when the block ends, unless its process is killed.
    """
    spoke = -NOTE_SECONDS

    def tell(done: int, of: int) -> None:
        nonlocal spoke
        also(done, of)
        if time.monotonic() - spoke >= NOTE_SECONDS:
            spoke = time.monotonic()
            note(checkpoint, done, of, "", unit=unit)

    try:
        yield tell
    finally:
        _beside(checkpoint).unlink(missing_ok=True)


class Pace:
    """How fast a sweep goes: what is left, at the rate of what it has done itself."""

    def __init__(self, total: int) -> None:
        self.total, self.known, self.done = total, 0, 0
        self.started = time.monotonic()

    def count(self, *, now: bool) -> None:
        """Count a task that is finished or failed; not `now` if it was before."""
        self.known += 1
        self.done += now

    def left(self) -> str:
        """Say how long the rest will take; nothing before there is anything to go by."""
        rest = self.total - self.known
        if not self.done or not rest:
            return ""
        return f"{duration(rest * (time.monotonic() - self.started) / self.done)} left"


@contextmanager
def shown(
    tasks: Sequence[Task], directory: Path, console: Console, *, total: int | None = None
) -> Iterator[Pace]:
    """Show one line per running task while the block runs; plain lines where there is no screen.

    Parameters
    ----------
    tasks
        That may be running.
    directory
        The results folder.
    console
        Where it is shown.
    total
        How many things will be counted; the tasks if None.

    Yields
    ------
    pace
        To be told of each task that is finished; the time left is shown with them.
    """
    stop, pace = Event(), Pace(len(tasks) if total is None else total)
    follow = _draw if console.is_terminal else _log
    thread = Thread(target=follow, args=(tasks, directory, console, stop, pace), daemon=True)
    thread.start()
    try:
        yield pace
    finally:
        stop.set()
        thread.join()


def told(checkpoint: Path) -> Far | None:
    """Return how far the run with this checkpoint said it is."""
    try:
        done, of, unit, text = _beside(checkpoint).read_text(encoding="utf-8").split(" ", 3)
        return Far(int(done), int(of), unit, text)
    except (FileNotFoundError, ValueError):  # not started, finished, or half written
        return None


def duration(seconds: float) -> str:
    """Write seconds as a reader would say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _draw(
    tasks: Sequence[Task], directory: Path, console: Console, stop: Event, pace: Pace
) -> None:
    # A label and these two fill the 80 characters of a narrow window; a bar would push them out.
    columns = (
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        every = progress.add_task("all", total=pace.total, text="", visible=pace.total > 1)
        bars: dict[str, TaskID] = {}
        while not stop.wait(0.5):
            progress.update(every, completed=pace.known, text=pace.left())
            now = _running(tasks, directory)
            for label, far in now.items():
                if label not in bars:
                    bars[label] = progress.add_task(label, total=far.of, text=far.text)
                progress.update(bars[label], total=far.of, completed=far.done, text=far.text)
            for label in bars.keys() - now.keys():
                progress.remove_task(bars.pop(label))


def _log(tasks: Sequence[Task], directory: Path, console: Console, stop: Event, pace: Pace) -> None:
    spoke = time.monotonic()
    while not stop.wait(1.0):
        if time.monotonic() - spoke < 30:
            continue
        spoke = time.monotonic()
        for label, far in _running(tasks, directory).items():
            line = f"  {label}: {far}  {far.text}".rstrip()
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        if left := pace.left():
            line = f"  {pace.known}/{pace.total} done, {left}"
            console.print(line, highlight=False, soft_wrap=True)


def _running(tasks: Sequence[Task], directory: Path) -> dict[str, Far]:
    """Return how far those are that somebody works on; what was killed left its word behind."""
    notes = {file.stem for file in (directory / PARTIAL).glob("*.progress")}
    found = {}
    for task in tasks:
        checkpoint = checkpoint_of(task, directory)
        if checkpoint.stem in notes and holder(lock_of(task, directory)):
            far = told(checkpoint)
            if far is not None:
                found[str(task["label"])] = far
    return found


def _beside(checkpoint: Path) -> Path:
    return checkpoint.with_suffix(".progress")
