"""How far each unfinished task is, told between processes through one small file per task."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TaskID, TextColumn

from striate.study.run import Task, path_of


def note(checkpoint: Path, epoch: int, epochs: int, text: str) -> None:
    """Leave word beside `checkpoint` that its run has finished `epoch` of `epochs`."""
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    _beside(checkpoint).write_text(f"{epoch} {epochs} {text}", encoding="utf-8")
    if epoch == epochs:
        _beside(checkpoint).unlink()


@contextmanager
def shown(tasks: Sequence[Task], directory: Path, console: Console) -> Iterator[None]:
    """Show one line per running task while the block runs; plain lines where there is no screen."""
    stop = Event()
    follow = _draw if console.is_terminal else _log
    thread = Thread(target=follow, args=(tasks, directory, console, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _draw(tasks: Sequence[Task], directory: Path, console: Console, stop: Event) -> None:
    # A label and these two fill the 80 characters of a narrow window; a bar would push them out.
    columns = (
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bars: dict[str, TaskID] = {}
        while not stop.wait(0.5):
            now = _running(tasks, directory)
            for label, (epoch, epochs, text) in now.items():
                if label not in bars:
                    bars[label] = progress.add_task(label, total=epochs, text=text)
                progress.update(bars[label], completed=epoch, text=text)
            for label in bars.keys() - now.keys():
                progress.remove_task(bars.pop(label))


def _log(tasks: Sequence[Task], directory: Path, console: Console, stop: Event) -> None:
    told = time.monotonic()
    while not stop.wait(1.0):
        if time.monotonic() - told < 30:
            continue
        told = time.monotonic()
        for label, (epoch, epochs, text) in _running(tasks, directory).items():
            line = f"  {label}: epoch {epoch}/{epochs}  {text}"
            console.print(line, highlight=False, soft_wrap=True)


def _running(tasks: Sequence[Task], directory: Path) -> dict[str, tuple[int, int, str]]:
    found = {}
    for task in tasks:
        file = _beside(directory / ".partial" / path_of(task, directory).name)
        try:
            epoch, epochs, text = file.read_text(encoding="utf-8").split(" ", 2)
            found[str(task["label"])] = int(epoch), int(epochs), text
        except (FileNotFoundError, ValueError):  # not started, finished, or half written
            continue
    return found


def _beside(checkpoint: Path) -> Path:
    return checkpoint.with_suffix(".progress")
