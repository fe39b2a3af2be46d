"""``striate measure all`` and ``striate run kong2021``."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.measuring import bar, done_once
from striate.cli.options import (
    BatchSize,
    Classes,
    CropPx,
    Device,
    Lambdas,
    Memory,
    Model,
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

if TYPE_CHECKING:  # the command line starts without torch
    from striate.models import Network
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
    model: Model,
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
) -> None:
    """Measure a network in every way, and put it in one row beside the paper's 40."""
    from striate.models import load

    plan = _plan(quick, without, protocol, attacked, splits, lambdas, per_neuron)
    check_device(device)
    check_folder(results)
    shown = _shown(
        images, recording, stimulus_deg, field_deg, crop_px, population, grouped, classes
    )
    network = load(model, weights=weights)
    _measure(
        network, plan, shown, results, memory=memory, batch_size=batch_size, seed=seed,
        device=device, stands_for=stands_for, robust=robust,
        layers=None if layers is None else layers.split(","),
    )  # fmt: skip


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
    dry_run: Annotated[bool, typer.Option(help="say what would be measured, and leave")] = False,
) -> None:
    """Measure networks of Kong et al. 2021 in every way; what is done already is skipped."""
    from striate.models import ZOO
    from striate.studies import kong2021

    plan = _plan(quick, without, protocol, attacked, splits, lambdas, per_neuron)
    check_device(device)
    check_folder(results)
    chosen = _chosen(model)
    if dry_run:
        for name, source in chosen.items():
            print(f"{name}\t{source}\t{len(ZOO[name].layers)} layers")
        return
    shown = _shown(
        images, recording, stimulus_deg, field_deg, crop_px, population, grouped, classes
    )
    failed = []
    for number, (name, source) in enumerate(chosen.items(), 1):
        print(f"{number}/{len(chosen)}  {name}", file=sys.stderr)
        try:
            network = _loaded(name, source, weights_folder)
            _measure(
                network, plan, shown, results, memory=memory, batch_size=batch_size, seed=seed,
                device=device, stands_for=name,
            )  # fmt: skip
        except ValueError as error:  # of this network; the others go on
            print(f"{name}: {error}", file=sys.stderr)
            failed.append(name)
            done_once(kong2021.absent_task(name, source, str(error)), results, kong2021.absent)
    print(f"next: striate report --results {results}", file=sys.stderr)
    if failed:
        print(f"not measured: {', '.join(failed)}", file=sys.stderr)
        raise typer.Exit(1)


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


def _loaded(name: str, source: str, folder: Path | None) -> "Network":
    from striate.models import load

    file = None if folder is None else folder / f"{name}.safetensors"
    return load(source, weights=file if file is not None and file.is_file() else None)


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


def _shown(
    images: str,
    recording: Path | None,
    stimulus_deg: float | None,
    field_deg: float | None,
    crop_px: int | None,
    population: str | None,
    grouped: str,
    classes: Path | None,
) -> "Shown":
    from striate import datasets
    from striate.studies.kong2021 import Cortex, Shown

    if recording is None:
        for option, value in (("stimulus-deg", stimulus_deg), ("population", population)):
            if value is not None:
                raise ValueError(f"--{option} is of a recording; give --recording")
        return Shown(images, classes, None, field_deg)
    if stimulus_deg is None:
        raise ValueError(
            "--recording without --stimulus-deg: say how many degrees its images are wide"
        )
    read = datasets.recording(
        recording, **({} if population is None else {"population": population})
    )
    for note in (read.responses.source, *read.notes):
        print(note, file=sys.stderr)
    cortex = Cortex(read, stimulus_deg, population, crop_px, grouped)
    return Shown(images, classes, cortex, field_deg)


def _measure(
    network: "Network",
    plan: "Plan",
    shown: "Shown",
    results: Path,
    *,
    memory: str,
    batch_size: int,
    seed: int,
    device: str,
    stands_for: str | None = None,
    robust: bool | None = None,
    layers: Sequence[str] | None = None,
) -> None:
    from striate.studies import kong2021

    network.model.to(device)
    subject = kong2021.subject(
        network, stands_for=stands_for, robust=robust, layers=layers, most=plan.layers
    )
    path = kong2021.measure_all(
        subject, shown, plan, results, watch=bar, memory=memory, batch_size=batch_size, seed=seed,
        device=device,
    )  # fmt: skip
    _tell(path)


def _tell(path: Path) -> None:
    from striate.results import Score, load

    for score in load(path):
        if not isinstance(score, Score):
            continue
        about = score.settings
        which = " ".join(str(about[key]) for key in ("regression", "layer") if about.get(key))
        if score.name == "missing":
            print(about["quantity"], which, "–", about["reason"], sep="\t")
        else:
            error = "" if score.error is None else f"± {score.error:.3f}"
            print(score.name, which, f"{score.value:.3f} {error}", sep="\t")
    print(path, file=sys.stderr)
