"""``striate run kong2021``: networks by the names of the paper's table."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.everything import Effort, ShownOptions, everything_of, tell_row
from striate.cli.jobs import Prepare, measure_each, tell_notes
from striate.cli.options import Execution, ResultsFolder, check_device, check_folder
from striate.cli.spread import spread
from striate.cli.sweeping import Many, leave, tell_script

if TYPE_CHECKING:  # the command line starts without torch
    from striate.study import Task


@spread
def run_kong2021(
    model: Annotated[
        list[str],
        typer.Option(
            help="NAME of the paper's table, or NAME=MODEL with another way to load it; all: the "
            "25 that torchvision brings; may be repeated"
        ),
    ],
    *,
    shown: ShownOptions,
    results: ResultsFolder = Path("results"),
    weights_folder: Annotated[
        Path | None, typer.Option(help="where NAME.safetensors lie, of networks that need them")
    ] = None,
    effort: Effort,
    execution: Execution,
    many: Many,
) -> None:
    """Measure networks of Kong et al. 2021 in every way; what is done already is skipped."""
    from striate.studies import kong2021

    memory, batch_size, seed, device = execution
    many.check()
    shown.refuse_of_recording(**effort.of_maps())
    plan = effort.plan()
    check_device(device)
    check_folder(results)
    chosen = _chosen(model)
    weights = _weights_of(chosen, weights_folder)
    shown.check()
    if many.dry_run:
        for name, source in chosen.items():
            print(name, source, _layers_told(name, source), sep="\t")
        tell_script(many.cluster)
        return
    # What is wrong for all is no reason why one of them could not be had.
    kong2021.check(shown.read(), plan, memory=memory, batch_size=batch_size, seed=seed)
    asked = {
        name: partial(
            everything_of,
            source,
            weights.get(name),
            shown=shown,
            plan=plan,
            stands_for=name,
            robust=None,
            layers=None,
            execution=execution,
        )
        for name, source in chosen.items()
    }
    tasks, rows, absent = _tasks_of(asked, chosen, results)
    there = {name: asked[name] for name in tasks}
    failures = measure_each(
        there, tasks, results, device=device, many=many, tell=tell_row, summaries=rows
    )
    print(f"next: striate report --results {results}", file=sys.stderr)
    if absent:
        print(f"not measured: {', '.join(absent)}", file=sys.stderr)
    if failures:
        leave(failures, sum(map(len, tasks.values())), results)
    if absent:
        raise typer.Exit(1)


def _layers_told(name: str, source: str) -> str:
    """Say how many layers would be measured; what loads a network is not run to tell that."""
    from striate.models import ZOO

    layers = f"{len(ZOO[name].layers)} layers"
    return (
        layers if source == f"kong2021/{name}" else f"{layers} of the table; {source} not looked at"
    )


def _tasks_of(
    asked: "Mapping[str, Prepare]", chosen: Mapping[str, str], results: Path
) -> "tuple[dict[str, Sequence[Task]], list[Task], list[str]]":
    """Find the tasks and the row of each network; one that cannot be had is recorded, and named."""
    from striate.studies import kong2021
    from striate.study import run

    tasks: dict[str, Sequence[Task]] = {}
    rows: list[Task] = []
    absent: list[str] = []
    notes: list[Sequence[str]] = []
    for name, prepare in asked.items():
        try:
            job = prepare()
        except ValueError as error:
            print(f"{name}: {error}", file=sys.stderr)
            absent.append(name)
            task = kong2021.absent_task(name, chosen[name], str(error))
            list(run(kong2021.absent, [task], directory=results))
        else:
            tasks[name] = job.tasks
            rows += job.summaries
            notes.append(job.notes)
    tell_notes(notes)
    return tasks, rows, absent


def _chosen(models: Sequence[str]) -> dict[str, str]:
    """Read NAME, NAME=MODEL and all, as rows of the table with what loads them.

    What is said of one row goes before ``all``.
    """
    from striate.models import ZOO

    usual, named = dict[str, str](), dict[str, str]()
    for text in models:
        name, given, source = text.partition("=")
        if name == "all" and not given:
            usual = {one.name: f"kong2021/{one.name}" for one in ZOO.values() if not one.weights}
            continue
        if name == "all":
            raise ValueError(
                f"--model {text!r}: one network is not all of them; give NAME=MODEL for each"
            )
        if name not in ZOO:
            raise ValueError(
                f"--model {text!r}: {name!r} is none of the 40; see `striate models list`, or "
                "measure a network of your own by `striate measure all`"
            )
        if given and not source:
            raise ValueError(f"--model {text!r}: say what loads it, as in {name}=nets.py:mine")
        source = source or f"kong2021/{name}"
        if named.setdefault(name, source) != source:
            raise ValueError(
                f"--model {text!r}: {name} is {named[name]} already; measure one of the two by "
                f"`striate measure all {source} --stands-for {name}`"
            )
    return usual | named


def _weights_of(chosen: Iterable[str], folder: Path | None) -> dict[str, Path]:
    """Find the files of weights of the rows that have one."""
    if folder is None:
        return {}
    if not folder.is_dir():
        raise ValueError(f"--weights-folder {folder} is not a folder")
    files = {name: folder / f"{name}.safetensors" for name in chosen}
    found = {name: file for name, file in files.items() if file.is_file()}
    if not found:
        raise ValueError(
            f"--weights-folder {folder} has no NAME.safetensors of a network that is asked for, "
            f"e.g. {next(iter(files.values())).name}"
        )
    return found
