"""Measure one thing from the shell: how far it is, and what came out."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:  # the command line starts without torch
    from striate.study import Task


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show on standard error how far something is, where there is a screen."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns, console = (TextColumn(what), BarColumn(), MofNCompleteColumn()), Console(stderr=True)
    hidden = not console.is_terminal  # without a screen its end would be an empty line
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        shown = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(shown, completed=done, total=of)


def done_once(task: "Task", results: Path, measure: Callable[..., Any], **explained: str) -> Path:
    """Measure one thing, unless it is there; return its file."""
    from striate.study import run as run_tasks

    (finished,) = run_tasks(measure, [task], directory=results, explained=explained)
    return finished.path


def measure_once(
    task: "Task", results: Path, measure: Callable[..., Any], **explained: str
) -> None:
    """Measure one thing, unless it is there, and print its scores."""
    from striate.results import Score, load

    path = done_once(task, results, measure, **explained)
    for score in load(path):
        if isinstance(score, Score):
            error = "" if score.error is None else f"± {score.error:.3f}"
            about = score.settings
            window = f"ranks {about['ranks']}" if "ranks" in about else ""
            which = about.get("method", about.get("layer", ""))
            print(score.name, which, f"{score.value:.3f} {error}", window, sep="\t")
    print(path, file=sys.stderr)
