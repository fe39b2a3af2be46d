"""``striate run kong2021``: networks by the names of the paper's table."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.everything import (
    Attacked,
    FieldDeg,
    Grouped,
    Images,
    Quick,
    Recording,
    StimulusDeg,
    Without,
    everything_of,
    plan_of,
    show_of,
    tell_row,
)
from striate.cli.jobs import Prepare, measure_each, tell_notes
from striate.cli.options import (
    BatchSize,
    Classes,
    CropPx,
    Device,
    Lambdas,
    Memory,
    PerNeuron,
    Population,
    Protocol,
    ResultsFolder,
    Seed,
    Splits,
    check_device,
    check_folder,
)
from striate.cli.sweeping import Cluster, DryRun, Jobs, Many, RetryFailed, leave, tell_script

if TYPE_CHECKING:  # the command line starts without torch
    from striate.study import Task


def run_kong2021(
    model: Annotated[
        list[str],
        typer.Option(
            help="NAME of the paper's table, or NAME=MODEL with another way to load it; all: the "
            "25 that torchvision brings; may be repeated"
        ),
    ],
    images: Images,
    recording: Recording = None,
    stimulus_deg: StimulusDeg = None,
    results: ResultsFolder = Path("results"),
    weights_folder: Annotated[
        Path | None, typer.Option(help="where NAME.safetensors lie, of networks that need them")
    ] = None,
    quick: Quick = False,
    without: Without = None,
    protocol: Protocol = "paper",
    field_deg: FieldDeg = None,
    crop_px: CropPx = None,
    population: Population = None,
    grouped: Grouped = "none",
    classes: Classes = None,
    attacked: Attacked = 1000,
    splits: Splits = 20,
    lambdas: Lambdas = "0.01,0.1,1,10",
    per_neuron: PerNeuron = False,
    memory: Memory = "4GB",
    batch_size: BatchSize = 32,
    seed: Seed = 0,
    device: Device = "cpu",
    jobs: Jobs = 1,
    cluster: Cluster = None,
    retry_failed: RetryFailed = False,
    dry_run: DryRun = False,
) -> None:
    """Measure networks of Kong et al. 2021 in every way; what is done already is skipped."""
    from striate.models import ZOO

    many = Many(jobs, cluster, retry_failed, dry_run)
    many.check()
    plan = plan_of(quick, without, protocol, attacked, splits, lambdas, per_neuron)
    check_device(device)
    check_folder(results)
    chosen = _chosen(model)
    show = show_of(
        images, recording, stimulus_deg, field_deg, crop_px, population, grouped, classes
    )
    if dry_run:
        for name, source in chosen.items():
            print(f"{name}\t{source}\t{len(ZOO[name].layers)} layers")
        tell_script(cluster)
        return
    asked = {
        name: partial(
            everything_of,
            source,
            _weights_of(name, weights_folder),
            show=show,
            plan=plan,
            stands_for=name,
            robust=None,
            layers=None,
            memory=memory,
            batch_size=batch_size,
            seed=seed,
            device=device,
        )
        for name, source in chosen.items()
    }
    tasks, absent = _tasks_of(asked, chosen, results)
    there = {name: asked[name] for name in tasks}
    failures = measure_each(there, tasks, results, device=device, many=many, tell=tell_row)
    print(f"next: striate report --results {results}", file=sys.stderr)
    if absent:
        print(f"not measured: {', '.join(absent)}", file=sys.stderr)
    if failures:
        leave(failures, sum(map(len, tasks.values())), results)
    if absent:
        raise typer.Exit(1)


def _tasks_of(
    asked: "Mapping[str, Prepare]", chosen: Mapping[str, str], results: Path
) -> "tuple[dict[str, Sequence[Task]], list[str]]":
    """Find the tasks of each network; one that cannot be had is recorded, the others go on."""
    from striate.studies import kong2021
    from striate.study import run

    tasks: dict[str, Sequence[Task]] = {}
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
            notes.append(job.notes)
    tell_notes(notes)
    return tasks, absent


def _chosen(models: Sequence[str]) -> dict[str, str]:
    """Read NAME, NAME=MODEL and all, as rows of the table with what loads them."""
    from striate.models import ZOO

    chosen: dict[str, str] = {}
    for text in models:
        name, _, source = text.partition("=")
        names = [entry.name for entry in ZOO.values() if not entry.weights]
        for one in names if name == "all" else [name]:
            if one not in ZOO:
                raise ValueError(
                    f"--model {text!r}: {one!r} is none of the 40; see `striate models list`, or "
                    "measure a network of your own by `striate measure all`"
                )
            chosen[one] = source or f"kong2021/{one}"
    return chosen


def _weights_of(name: str, folder: Path | None) -> Path | None:
    file = None if folder is None else folder / f"{name}.safetensors"
    return file if file is not None and file.is_file() else None
