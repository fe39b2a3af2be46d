"""``striate measure all``, and what it shares with ``striate run kong2021``."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from striate.cli.jobs import Course, Job, measure, of_one
from striate.cli.options import (
    BatchSize,
    Classes,
    CropPx,
    Device,
    Memory,
    Models,
    PerNeuron,
    Population,
    Protocol,
    ResultsFolder,
    Seed,
    Weights,
    check_device,
    check_folder,
    numbers,
)
from striate.cli.sweeping import Cluster, DryRun, Jobs, Many, RetryFailed

if TYPE_CHECKING:  # the command line starts without torch
    from striate.studies.kong2021 import Plan, Shown

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
    str | None,
    typer.Option(help="movie: stimuli that stem from one stay together | none, the default"),
]
Quick = Annotated[
    bool, typer.Option("--quick", help="a first answer in minutes: less of everything, no ridge")
]
Without = Annotated[
    str | None, typer.Option(help="to leave out: spectra,tuning,pls,ridge,robustness")
]
# No number is the default here, for that of --quick is another.
Attacked = Annotated[
    int | None, typer.Option(help="images attacked; 0: all; default: 1000, quick: 40")
]
Splits = Annotated[
    int | None, typer.Option(help="of stimuli into train and test; default: 20, quick: 5")
]
Lambdas = Annotated[
    str | None, typer.Option(help="penalties of ridge to choose from; default: 0.01,0.1,1,10")
]
Components = Annotated[int | None, typer.Option(help="of partial least squares; default: 25")]
MinimumReliability = Annotated[
    float | None,
    typer.Option(help="that a neuron must exceed to be counted, 0 to 1; default: 0"),
]


class Maps(NamedTuple):
    """What was said of the maps from layers to neurons; None and False say nothing."""

    splits: int | None
    lambdas: str | None
    per_neuron: bool
    components: int | None
    minimum_reliability: float | None

    def given(self) -> dict[str, object]:
        """Return what was said, by the name of the option."""
        said = {name: value for name, value in self._asdict().items() if value is not None}
        return {name: value for name, value in said.items() if value is not False}  # 0 is said


# Options of one map, which another has no use for.
OF_MAPS = {"ridge": ("lambdas", "per_neuron"), "pls": ("components",)}


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
    grouped: Grouped = None,
    classes: Classes = None,
    attacked: Attacked = None,
    splits: Splits = None,
    lambdas: Lambdas = None,
    per_neuron: PerNeuron = False,
    components: Components = None,
    minimum_reliability: MinimumReliability = None,
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
    maps = Maps(splits, lambdas, per_neuron, components, minimum_reliability)
    refuse_of_recording(recording, **maps.given())
    plan = plan_of(quick, without, protocol, attacked, maps)
    chosen = of_one(model, weights=weights, stands_for=stands_for)
    check_device(device)
    check_folder(results)
    show = show_of(
        images, recording, stimulus_deg, field_deg, crop_px, population, grouped, classes
    )
    prepare = partial(
        everything_of,
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
    measure(asked, results, device=device, many=many, tell=tell_row)


def plan_of(
    quick: bool,
    without: str | None,
    protocol: str,
    attacked: int | None,
    maps: Maps,
) -> "Plan":
    """Read how much of each measurement is done; what is asked for goes before ``--quick``."""
    from striate.studies.kong2021 import Plan

    left_out = () if without is None else tuple(without.split(","))
    plan = Plan(protocol=protocol, without=left_out)
    plan = plan.shortened() if quick else plan
    given = maps.given()
    for step, options in OF_MAPS.items():
        typed = [name for name in options if name in given]
        if typed and step in plan.without:
            by = "--without" if step in left_out else "--quick"
            raise ValueError(
                f"--{typed[0].replace('_', '-')} is of {step}, which {by} leaves out; leave out "
                "one of the two"
            )
    if attacked is not None:
        plan = plan._replace(attacked=attacked or None)
    if maps.lambdas is not None:
        given["lambdas"] = numbers("lambdas", maps.lambdas, float) or ()
    plan = plan._replace(**given)
    plan.check()
    return plan


def refuse_of_recording(recording: Path | None, **given: object) -> None:
    """Refuse options that are of a recording, where there is none.

    Raises
    ------
    ValueError
        If one was given.
    """
    for name, value in given.items():
        if recording is None and value is not None:
            raise ValueError(f"--{name.replace('_', '-')} is of a recording; give --recording")


def show_of(
    images: str,
    recording: Path | None,
    stimulus_deg: float | None,
    field_deg: float | None,
    crop_px: int | None,
    population: str | None,
    grouped: str | None,
    classes: Path | None,
) -> "Callable[[], Shown]":
    """Check that all that a recording needs was given, and return what gets what is shown."""
    refuse_of_recording(
        recording, stimulus_deg=stimulus_deg, population=population, crop_px=crop_px,
        grouped=grouped,
    )  # fmt: skip
    if recording is not None and stimulus_deg is None:
        raise ValueError(
            "--recording without --stimulus-deg: say how many degrees its images are wide"
        )
    return partial(
        _shown, images, recording, stimulus_deg or 0.0, field_deg, crop_px, population,
        grouped or "none", classes,
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


def everything_of(
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
    """Ask for all measurements of a network."""
    from striate.models import load
    from striate.studies import kong2021

    shown = show()
    kong2021.check(shown, plan, memory=memory, batch_size=batch_size, seed=seed)
    network = load(model, weights=weights)
    network.model.to(device)
    subject = kong2021.subject(
        network, stands_for=stands_for, robust=robust, layers=layers, most=plan.layers
    )
    asked = kong2021.planned(subject, shown, plan, batch_size=batch_size, seed=seed)

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
            finished=course.finished,
        )
        return [row]

    read = None if shown.cortex is None else shown.cortex.recording
    notes = () if read is None else (read.responses.source, *read.notes)
    return Job(list(asked.tasks.values()), do, (*notes, *subject.notes), [asked.row])


def tell_row(path: Path, start: str) -> None:
    """Print the cells of a row, on lines that begin with `start`, and where it lies."""
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
