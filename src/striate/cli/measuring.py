"""What a measurement from the shell shows: how far it is, and what came out."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:  # the command line starts without torch
    from striate.activations import Progress
    from striate.results import Result, Score
    from striate.study import Finished, Task

# Shows what is being done, by its name, and gives what is told how far it is.
Watch = Callable[[str], AbstractContextManager["Progress"]]


@contextmanager
def bar(what: str) -> Iterator["Progress"]:
    """Show on standard error how far something is, where there is a screen."""
    from rich import progress

    columns = progress.TextColumn(what), progress.BarColumn(), progress.MofNCompleteColumn()
    console = Console(stderr=True)
    hidden = not console.is_terminal  # without a screen its end would be an empty line
    with progress.Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        shown = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(shown, completed=done, total=of)


@contextmanager
def silent(_: str) -> Iterator["Progress"]:
    """Show nothing: how far workers are is shown by the process that sent them."""
    yield lambda done, of: None


def measure_once(
    task: "Task", results: Path, measure: Callable[..., Any], **explained: str
) -> None:
    """Measure one thing, unless it is there, and print its scores."""
    from striate.study import run as run_tasks

    (finished,) = run_tasks(measure, [task], directory=results, explained=explained)
    tell_aside(finished, Console(stderr=True, highlight=False))
    tell_scores(finished.path)


def tell_aside(finished: "Finished", console: Console) -> None:
    """Say if a file was damaged, and where it is now."""
    if finished.aside is not None:
        told = f"{finished.path.name} was damaged, and is now {finished.aside}"
        console.print(told, markup=False, soft_wrap=True)


def value_of(score: "Score") -> str:
    """Write a number and its error, both ends of it if they are not equally far."""
    from striate.results.nouns import uneven

    if ends := uneven(score, 3):
        return f"{score.value:.3f} ({ends[0]:.3f} to {ends[1]:.3f})"
    return f"{score.value:.3f}" + ("" if score.error is None else f" ± {score.error:.3f}")


def tell_scores(path: Path, start: str = "") -> None:
    """Print the scores of a result, on lines that begin with `start`, and where it lies.

    Columns: name, layer or method, value ± error, window and how stimuli were shown and split, what
    kind of error, whose it is. What is the recording's own is the same for every layer that is
    compared with it, and said once.
    """
    from striate.results import Score, load, read_record

    found = load(path)
    rows = [_row(score) for score in found if isinstance(score, Score)]
    for row in dict.fromkeys(rows):
        print(f"{start}{row[0]}", *row[1:], sep="\t")
    if narrow := _lacking(found, "eigenspectrum", "alpha"):
        told = f"{start}no α of layer {narrow}: too few directions vary for a window"
        print(told, file=sys.stderr)
    if negative := _lacking(found, "median_log2_frequency", "median_circular_variance"):
        told = (
            f"{start}no circular variance, F1/F0 or bandwidth of layer {negative}: no channel has "
            "a response above 0"
        )
        print(told, file=sys.stderr)
    for one in found:
        if one.name == "responsive" and (why := one.settings.get("optimal_missing")):
            told = f"{start}no optimal stimuli of layer {one.settings.get('layer')}: {why}"
            print(told, file=sys.stderr)
    asked = read_record(path)["task"].get("ranks")
    used = {one.settings.get("ranks") for one in found if one.name == "alpha"} - {asked, None}
    if asked is not None and used:
        ranks = ", ".join(sorted(map(str, used)))
        told = f"{start}fitted to ranks {ranks}: there are too few stimuli or units for {asked}"
        print(told, file=sys.stderr)
    print(path, file=sys.stderr)


def _lacking(found: "Sequence[Result]", one: str, other: str) -> str:
    """List the layers that have one result and lack another."""
    there = {result.settings.get("layer"): None for result in found if result.name == one}
    with_it = {result.settings.get("layer") for result in found if result.name == other}
    return ", ".join(str(layer) for layer in there if layer not in with_it)


def _row(score: "Score") -> tuple[str, ...]:
    about = score.settings
    of_recording = score.source == about.get("recording")
    which = about.get("method", "" if of_recording else about.get("layer", ""))
    cells = score.name, which, value_of(score), _shown(about), _error_of(score), score.source
    return tuple(map(str, cells))


def _error_of(score: "Score") -> str:
    """Say what kind of error it is; of an interval that is written whole, not that it is half."""
    from striate.results.nouns import uneven

    kind = str(score.settings.get("error", ""))
    return kind.replace("half the ", "the ") if uneven(score, 3) else kind


def _shown(about: Mapping[str, object]) -> str:
    """Say the window, and how large stimuli were and what stayed together: runs differ in these."""
    degrees, grouped = about.get("stimulus_deg"), about.get("grouped")
    parts = [f"ranks {about['ranks']}"] if "ranks" in about else []
    parts += [f"{degrees:g}°"] if isinstance(degrees, int | float) else []
    parts += ["movies together"] if grouped == "movie" else []
    return ", ".join(parts)
