"""``striate measure all`` and ``striate run kong2021``."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.jobs import Course, Job, Prepare, measure, measure_each, of_one, tell_notes
from striate.cli.options import (
    BatchSize,
    Classes,
    CropPx,
    Device,
    Lambdas,
    Memory,
    Models,
    PerNeuron,
    Population,
    Protocol,
    ResultsFolder,
    Seed,
    Splits,
    Weights,
    check_device,
    check_folder,
    numbers,
)
from striate.cli.sweeping import Cluster, DryRun, Jobs, Many, RetryFailed, leave, tell_script

if TYPE_CHECKING:  # the command line starts without torch
    from striate.studies.kong2021 import Plan, Shown
    from striate.study import Task

Images = Annotated[
    str,
    typer.Option(
        help="photographs: a folder | digits | mnist | cifar10; attacks need <class>/<file>"
    ),
]
Recording = Annotated[
    Path | None,
    typer.Option(help="npz | h5 | mat | pkl | nwb, with its images and repeats, to predict"),
]
StimulusDeg = Annotated[
    float | None, typer.Option(help="degrees that a stimulus of the recording is wide")
]
FieldDeg = Annotated[
    float | None,
    typer.Option(
        help="degrees that the network sees; default: 6.4 for recordings, 35 pixels each for Gabors"
    ),
]
Grouped = Annotated[
    str, typer.Option(help="movie: stimuli that stem from one stay together | none")
]
Quick = Annotated[
    bool, typer.Option("--quick", help="a first answer in minutes: less of everything, no ridge")
]
Without = Annotated[
    str | None, typer.Option(help="to leave out: spectra,tuning,pls,ridge,robustness")
]
Attacked = Annotated[int, typer.Option(help="images attacked; 0: all")]


def measure_all(
    model: Models,
    images: Images,
    recording: Recording = None,
    stimulus_deg: StimulusDeg = None,
    results: ResultsFolder = Path("results"),
    weights: Weights = None,
    layers: Annotated[
        str | None, typer.Option(help="names or globs with commas; default: the paper's, or blocks")
    ] = None,
    stands_for: Annotated[
        str | None, typer.Option(help="the row of the paper's table that this network is")
    ] = None,
    robust: Annotated[
        bool | None,
        typer.Option("--robust/--not-robust", help="whether it was trained against attacks"),
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
    """Measure networks in every way, and put each in one row beside the paper's 40."""
    many = Many(jobs, cluster, retry_failed, dry_run)
    many.check()
    plan = _plan(quick, without, protocol, attacked, splits, lambdas, per_neuron)
    chosen = of_one(model, weights=weights, stands_for=stands_for)
    check_device(device)
    check_folder(results)
    show = _show(images, recording, stimulus_deg, field_deg, crop_px, population, grouped, classes)
    prepare = partial(
        _everything_of,
        show=show,
        plan=plan,
        stands_for=stands_for,
        robust=robust,
        layers=None if layers is None else layers.split(","),
        memory=memory,
        batch_size=batch_size,
        seed=seed,
        device=device,
    )
    asked = {name: partial(prepare, name, weights) for name in chosen}
    measure(asked, results, device=device, many=many, tell=_tell)


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
    plan = _plan(quick, without, protocol, attacked, splits, lambdas, per_neuron)
    check_device(device)
    check_folder(results)
    chosen = _chosen(model)
    show = _show(images, recording, stimulus_deg, field_deg, crop_px, population, grouped, classes)
    if dry_run:
        for name, source in chosen.items():
            print(f"{name}\t{source}\t{len(ZOO[name].layers)} layers")
        tell_script(cluster)
        return
    asked = {
        name: partial(
            _everything_of,
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
    failures = measure_each(there, tasks, results, device=device, many=many, tell=_tell)
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


def _plan(
    quick: bool,
    without: str | None,
    protocol: str,
    attacked: int,
    splits: int,
    lambdas: str,
    per_neuron: bool,
) -> "Plan":
    from striate.studies.kong2021 import Plan

    plan = Plan(
        protocol=protocol,
        without=() if without is None else tuple(without.split(",")),
        splits=splits,
        lambdas=numbers("lambdas", lambdas, float) or (),
        per_neuron=per_neuron,
        attacked=attacked or None,
    )
    plan = plan.shortened() if quick else plan
    plan.check()
    return plan


def _show(
    images: str,
    recording: Path | None,
    stimulus_deg: float | None,
    field_deg: float | None,
    crop_px: int | None,
    population: str | None,
    grouped: str,
    classes: Path | None,
) -> "Callable[[], Shown]":
    """Check what networks are to be shown, and return what gets it."""
    if recording is None:
        for option, value in (("stimulus-deg", stimulus_deg), ("population", population)):
            if value is not None:
                raise ValueError(f"--{option} is of a recording; give --recording")
    elif stimulus_deg is None:
        raise ValueError(
            "--recording without --stimulus-deg: say how many degrees its images are wide"
        )
    return partial(
        _shown, images, recording, stimulus_deg or 0.0, field_deg, crop_px, population, grouped,
        classes,
    )  # fmt: skip


def _shown(
    images: str,
    recording: Path | None,
    stimulus_deg: float,
    field_deg: float | None,
    crop_px: int | None,
    population: str | None,
    grouped: str,
    classes: Path | None,
) -> "Shown":
    from striate import datasets
    from striate.studies.kong2021 import Cortex, Shown

    if recording is None:
        return Shown(images, classes, None, field_deg)
    read = datasets.recording(
        recording, **({} if population is None else {"population": population})
    )
    cortex = Cortex(read, stimulus_deg, population, crop_px, grouped)
    return Shown(images, classes, cortex, field_deg)


def _everything_of(
    model: str,
    weights: Path | None,
    *,
    show: "Callable[[], Shown]",
    plan: "Plan",
    stands_for: str | None,
    robust: bool | None,
    layers: Sequence[str] | None,
    memory: str,
    batch_size: int,
    seed: int,
    device: str,
) -> Job:
    from striate.models import load
    from striate.studies import kong2021

    shown = show()
    network = load(model, weights=weights)
    network.model.to(device)
    subject = kong2021.subject(
        network, stands_for=stands_for, robust=robust, layers=layers, most=plan.layers
    )
    tasks = kong2021.planned(subject, shown, plan, batch_size=batch_size, seed=seed).tasks

    def do(course: Course) -> list[Path]:
        row = kong2021.measure_all(
            subject,
            shown,
            plan,
            course.results,
            watch=course.watch,
            memory=memory,
            batch_size=batch_size,
            seed=seed,
            device=device,
            failed=course.failed,
            retry_failed=course.retry_failed,
        )
        return [row]

    read = None if shown.cortex is None else shown.cortex.recording
    notes = () if read is None else (read.responses.source, *read.notes)
    return Job(list(tasks.values()), do, notes)


def _tell(path: Path, start: str) -> None:
    from striate.results import Score, load

    for score in load(path):
        if not isinstance(score, Score):
            continue
        about = score.settings
        which = " ".join(str(about[key]) for key in ("regression", "layer") if about.get(key))
        if score.name == "missing":
            print(f"{start}{about['quantity']}", which, "–", about["reason"], sep="\t")
        else:
            error = "" if score.error is None else f"± {score.error:.3f}"
            print(f"{start}{score.name}", which, f"{score.value:.3f} {error}", sep="\t")
    print(path, file=sys.stderr)
