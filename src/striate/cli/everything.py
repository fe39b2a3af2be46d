"""``striate measure all``, and what it shares with ``striate run kong2021``."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from striate.cli.jobs import Course, Job, measure, of_one
from striate.cli.measuring import value_of
from striate.cli.options import (
    Classes,
    CropPx,
    Execution,
    Models,
    PerNeuron,
    Population,
    Protocol,
    Reader,
    ResultsFolder,
    Weights,
    check_device,
    check_folder,
    names_of,
    numbers,
    recorded,
)
from striate.cli.spread import spread
from striate.cli.sweeping import Many

if TYPE_CHECKING:  # the command line starts without torch
    from striate.studies.kong2021 import Plan, Shown

# Options of one map, which another has no use for.
OF_MAPS = {"ridge": ("lambdas", "per_neuron"), "pls": ("components",)}


class ShownOptions(NamedTuple):
    """What networks are shown.

    Attributes
    ----------
    images
        Photographs, with their `classes` where they are to be attacked.
    recording
        What is to be predicted; all others are of its stimuli.
    field_deg
        Of what the network sees, of Gabors as well.
    """

    images: Annotated[
        str,
        typer.Option(
            help="photographs: a folder | digits | mnist | cifar10; attacks need <class>/<file>"
        ),
    ]
    recording: Annotated[
        Path | None,
        typer.Option(help="npz | h5 | mat | pkl, with its images and repeats, to predict"),
    ] = None
    stimulus_deg: Annotated[
        float | None, typer.Option(help="degrees that a stimulus of the recording is wide")
    ] = None
    field_deg: Annotated[
        float | None,
        typer.Option(
            help="degrees that the network sees; default: 6.4 for recordings, 35 pixels each for "
            "Gabors"
        ),
    ] = None
    crop_px: CropPx = None
    population: Population = None
    reader: Reader = None
    grouped: Annotated[
        str | None,
        typer.Option(help="movie: stimuli that stem from one stay together | none, the default"),
    ] = None
    classes: Classes = None

    def check(self) -> None:
        """Refuse what is of a recording where there is none, and a recording of unknown width."""
        self.refuse_of_recording(
            stimulus_deg=self.stimulus_deg,
            population=self.population,
            read=self.reader,
            crop_px=self.crop_px,
            grouped=self.grouped,
        )
        if self.recording is not None and self.stimulus_deg is None:
            raise ValueError(
                "--recording without --stimulus-deg: say how many degrees its images are wide"
            )

    def refuse_of_recording(self, **given: object) -> None:
        """Refuse options that are of a recording, where there is none.

        Raises
        ------
        ValueError
            If one was given.
        """
        for name, value in given.items():
            if self.recording is None and value is not None:
                raise ValueError(f"--{name.replace('_', '-')} is of a recording; give --recording")

    def read(self) -> "Shown":
        """Read the recording, if there is one."""
        from striate.studies.kong2021 import Cortex, Shown

        if self.recording is None:
            return Shown(self.images, self.classes, None, self.field_deg)
        cortex = Cortex(
            recorded(self.recording, self.population, self.reader),
            self.stimulus_deg or 0.0,
            self.population,
            self.crop_px,
            self.grouped or "none",
        )
        return Shown(self.images, self.classes, cortex, self.field_deg)


class Effort(NamedTuple):
    """How much of each measurement is done.

    Attributes
    ----------
    quick
        Whether it is the short form; what else is given goes before it.
    without, protocol, attacked
        As in `Plan`, as typed.
    splits, lambdas, per_neuron, components, minimum_reliability
        Of the maps from layers to neurons; None and False say nothing, for no number is the default
        here: that of ``--quick`` is another.
    """

    quick: Annotated[
        bool,
        typer.Option("--quick", help="a first answer in minutes: less of everything, no ridge"),
    ] = False
    without: Annotated[
        str | None, typer.Option(help="to leave out: spectra,tuning,pls,ridge,robustness")
    ] = None
    protocol: Protocol = "paper"
    attacked: Annotated[
        int | None, typer.Option(help="images attacked; 0: all; default: 1000, quick: 40")
    ] = None
    splits: Annotated[
        int | None, typer.Option(help="of stimuli into train and test; default: 20, quick: 5")
    ] = None
    lambdas: Annotated[
        str | None,
        typer.Option(help="penalties of ridge to choose from; default: 0.01,0.1,1,10"),
    ] = None
    per_neuron: PerNeuron = False
    components: Annotated[
        int | None, typer.Option(help="of partial least squares; default: 25")
    ] = None
    minimum_reliability: Annotated[
        float | None,
        typer.Option(help="that a neuron must exceed to be counted, 0 to 1; default: 0"),
    ] = None

    def of_maps(self) -> dict[str, object]:
        """Return what was said of the maps, by the name of the option."""
        options = ("splits", "lambdas", "per_neuron", "components", "minimum_reliability")
        said = {name: getattr(self, name) for name in options}
        # 0 is said, and equal to False.
        return {name: it for name, it in said.items() if it is not None and it is not False}

    def plan(self) -> "Plan":
        """Return the plan, or say what is wrong with it."""
        from striate.studies.kong2021 import Plan

        left_out = () if self.without is None else tuple(names_of(self.without))
        plan = Plan(protocol=self.protocol, without=left_out)
        plan = plan.shortened() if self.quick else plan
        given = self.of_maps()
        for step, options in OF_MAPS.items():
            typed = [name for name in options if name in given]
            if typed and step in plan.without:
                by = "--without" if step in left_out else "--quick"
                raise ValueError(
                    f"--{typed[0].replace('_', '-')} is of {step}, which {by} leaves out; leave "
                    "out one of the two"
                )
        if self.attacked is not None:
            plan = plan._replace(attacked=self.attacked or None)
        if self.lambdas is not None:
            given["lambdas"] = numbers("--lambdas", self.lambdas, float) or ()
        plan = plan._replace(**given)
        plan.check()
        return plan


@spread
def measure_all(
    model: Models,
    *,
    shown: ShownOptions,
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
    effort: Effort,
    execution: Execution,
    many: Many,
) -> None:
    """Measure networks in every way, and put each in one row beside the paper's 40."""
    many.check()
    shown.refuse_of_recording(**effort.of_maps())
    plan = effort.plan()
    chosen = of_one(model, weights=weights, stands_for=stands_for)
    check_device(execution.device)
    check_folder(results)
    shown.check()
    prepare = partial(
        everything_of,
        shown=shown,
        plan=plan,
        stands_for=stands_for,
        robust=robust,
        layers=None if layers is None else names_of(layers),
        execution=execution,
    )
    asked = {name: partial(prepare, name, weights) for name in chosen}
    measure(asked, results, device=execution.device, many=many, tell=tell_row)


def everything_of(
    model: str,
    weights: Path | None,
    *,
    shown: ShownOptions,
    plan: "Plan",
    stands_for: str | None,
    robust: bool | None,
    layers: Sequence[str] | None,
    execution: Execution,
) -> Job:
    """Ask for all measurements of a network."""
    from striate.models import load
    from striate.studies import kong2021
    from striate.studies.kong2021.plan import MAPS
    from striate.study.predictivity import population_of

    memory, batch_size, seed, device = execution
    stimuli = shown.read()
    kong2021.check(stimuli, plan, memory=memory, batch_size=batch_size, seed=seed)
    network = load(model, weights=weights)
    network.model.to(device)
    subject = kong2021.subject(
        network, stands_for=stands_for, robust=robust, layers=layers, most=plan.layers
    )
    asked = kong2021.planned(subject, stimuli, plan, batch_size=batch_size, seed=seed)

    def do(course: Course) -> list[Path]:
        row = kong2021.measure_all(
            subject,
            stimuli,
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

    read = None if stimuli.cortex is None else stimuli.cortex.recording
    notes = () if read is None else (read.responses.source, *read.notes)
    if read is not None and {*MAPS} & {*asked.tasks}:
        counted = population_of(read.responses, minimum=plan.minimum_reliability)
        notes = (*notes, *counted.notes())
    notes = (*notes, asked.pictures.left_out, *subject.notes)
    return Job(list(asked.tasks.values()), do, notes, [asked.row])


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
            print(f"{start}{score.name}", which, value_of(score), sep="\t")
    print(path, file=sys.stderr)
