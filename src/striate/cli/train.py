"""``striate train``: one network, for any objective."""

import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.console import Console

from striate.cli.measuring import tell_aside
from striate.cli.options import (
    Device,
    Model,
    ResultsFolder,
    Seed,
    check_device,
    check_folder,
    fraction,
    names_of,
    numbers,
    ranks_of,
)
from striate.cli.spread import spread

if TYPE_CHECKING:  # the command line starts without torch
    from striate.results import Result
    from striate.studies.training import Asked
    from striate.study import Task

Setting = float | int | str


class PenaltyOptions(NamedTuple):
    """A penalty on layers' spectra.

    Attributes
    ----------
    spectral_alpha, spectral_beta, spectral_layers, spectral_ranks, spectral_units, spectral_every
        As in `Asked`; the first four are given together, or nothing is.
    """

    spectral_alpha: Annotated[
        float | None, typer.Option(help="exponent asked of layers' spectra")
    ] = None
    spectral_beta: Annotated[float | None, typer.Option(help="how strongly")] = None
    spectral_layers: Annotated[
        str | None, typer.Option(help="names or globs with commas, e.g. 'layer*.*.conv2'")
    ] = None
    spectral_ranks: Annotated[str | None, typer.Option(help="fit window, e.g. 6-50")] = None
    spectral_units: Annotated[
        str | None, typer.Option(help="flat | channels | features | centre; default: flat")
    ] = None
    spectral_every: Annotated[
        int | None, typer.Option(help="steps from one penalised to the next; default: 1")
    ] = None

    def read(self) -> "Asked | None":
        """Read what is asked of layers' spectra: all of it, or nothing."""
        from striate.studies.training import Asked

        alpha, beta, layers = self.spectral_alpha, self.spectral_beta, self.spectral_layers
        window = ranks_of(self.spectral_ranks, "spectral-ranks")
        needed = {"alpha": alpha, "beta": beta, "layers": layers, "ranks": window}
        others = {"units": self.spectral_units, "every": self.spectral_every}
        missing = [name for name, value in needed.items() if value is None]
        chosen = {name: value for name, value in others.items() if value is not None}
        if len(missing) == len(needed) and not chosen:
            return None
        if alpha is None or beta is None or layers is None or window is None:
            raise ValueError(
                f"--spectral-{missing[0]} is missing: a penalty on spectra needs --spectral-alpha, "
                "--spectral-beta, --spectral-layers and --spectral-ranks"
            )
        return Asked(alpha, beta, tuple(names_of(layers)), window, **chosen)  # pyright: ignore[reportArgumentType]


class InputOptions(NamedTuple):
    """What happens to images.

    Attributes
    ----------
    blur, blur_sigma, noise, augment
        As in `Plan`.
    """

    blur: Annotated[str | None, typer.Option(help="coarse-to-fine | fine-to-coarse | constant")] = (
        None
    )
    blur_sigma: Annotated[
        float | None, typer.Option(help="its largest standard deviation, in pixels")
    ] = None
    noise: Annotated[
        float | None, typer.Option(help="standard deviation of noise added, pixels being in [0, 1]")
    ] = None
    augment: Annotated[
        bool | None,
        typer.Option(
            "--augment/--no-augment",
            help="random parts of images; default: of photographs and in presets",
        ),
    ] = None


class StepOptions(NamedTuple):
    """How weights are learned; a preset gives what is not given here.

    Attributes
    ----------
    epochs, batch_size, learning_rate, drops, schedule, weight_decay, momentum, optimizer, replays
        As in `Plan`; `drops` as typed.
    precision
        As in `Plan`.
    """

    epochs: Annotated[int | None, typer.Option(help="default: 10")] = None
    batch_size: Annotated[
        int | None, typer.Option(help="of all processes together; default: 100")
    ] = None
    learning_rate: Annotated[
        float | None, typer.Option(help="default: 0.05 (sgd), 0.001 (adam)")
    ] = None
    drops: Annotated[
        str | None, typer.Option(help="epochs after which the rate is a tenth, e.g. 25,45,65")
    ] = None
    schedule: Annotated[
        str | None, typer.Option(help="of the rate: constant | cosine; default: constant")
    ] = None
    weight_decay: Annotated[float | None, typer.Option(help="default: 5e-4 (sgd), 0")] = None
    momentum: Annotated[float | None, typer.Option(help="of sgd; default: 0.9")] = None
    optimizer: Annotated[str | None, typer.Option(help="sgd | adam; default: sgd")] = None
    replays: Annotated[
        int | None, typer.Option(help="of each batch in a row, for the objective free; default: 1")
    ] = None
    precision: Annotated[str | None, typer.Option(help="float32 | bfloat16 | float16")] = None

    def read(self) -> dict[str, Any]:
        """Return them as `Plan` has them."""
        return self._asdict() | {"drops": numbers("--drops", self.drops, int)}


@spread
def train(
    model: Model,
    data: Annotated[
        str,
        typer.Option(
            help="digits | mnist | cifar10 | a folder with train/<class>/<file> and val/<class>/…"
        ),
    ],
    results: ResultsFolder = Path("results"),
    objective: Annotated[
        str | None, typer.Option(help="standard | adversarial | trades | igr | free")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="resnet50-trades | -igr | -free | -adversarial: what is not given here"),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="of the objective, e.g. --set eps=8/255 --set steps=7"),
    ] = None,
    train_images: Annotated[
        int | None, typer.Option(help="the first so many, or so many drawn of a folder")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="a file of weights to start from, instead of random ones")
    ] = None,
    threads: Annotated[int, typer.Option(help="photographs decoded at a time")] = 1,
    seed: Seed = 0,
    device: Device = "cpu",
    *,
    penalty: PenaltyOptions,
    inputs: InputOptions,
    steps: StepOptions,
) -> None:
    """Train a network; its weights lie beside the result, ready for `striate measure`."""
    from striate.models import load
    from striate.studies import training

    plan = training.plan(
        preset,
        objective=objective,
        settings=_settings(setting or ()),
        spectral=penalty.read(),
        **inputs._asdict(),
        **steps.read(),
    )
    check_folder(results)
    network = load(model, weights=weights, pretrained=False, seed=seed)
    material = training.material(
        data, network, train_images=train_images, augment=plan.augment, seed=seed, threads=threads
    )
    together = training.processes()
    task = training.network_task(network, material, plan, seed=seed, processes=together)
    with training.joined(device) as here:
        check_device(here.device)
        if here.rank == 0 and material.left_out:
            print(material.left_out, file=sys.stderr)
        measure = partial(
            training.train_network,
            network=network,
            material=material,
            plan=plan,
            folder=results,
            device=here.device,
        )
        _do(task, measure, results, here.rank, device)


def _do(task: "Task", measure: partial, results: Path, rank: int, device: str) -> None:
    """Train unless it is done; of several processes, the first tells and writes."""
    from striate.results import set_aside
    from striate.studies.training import follow, led
    from striate.study import path_of
    from striate.study import run as run_tasks
    from striate.study.progress import shown
    from striate.study.run import checkpoint_of

    if rank > 0:
        follow(measure, task, checkpoint_of(task, results))
        return
    path = path_of(task, results)
    console = Console(stderr=True, highlight=False)
    with led(measure) as together, shown([task], results, console):
        if lost := _lost(path):
            told = f"{lost}; trained again, the result is now {set_aside(path)}"
            console.print(told, markup=False, soft_wrap=True)
        (done,) = run_tasks(together, [task], directory=results, explained={"device": device})
    tell_aside(done, console)
    _tell(path)


def _lost(path: Path) -> str | None:
    """Say which weights of a training that is done are lost; None if none are, or it is not."""
    from striate.results import DamagedError, check
    from striate.studies.training import weights_problem

    try:
        check(path)
    except (FileNotFoundError, DamagedError):
        return None
    return weights_problem(path)


def _tell(path: Path) -> None:
    """Print what came out, and where the weights are."""
    from striate.results import Score, load

    found: list[Result] = load(path)
    for one in found:
        if isinstance(one, Score) and one.name != "seconds":
            print(f"{one.name}\t{one.settings['on']}\t{one.value:.3f}")
    print(path.with_suffix(".safetensors"))
    print(path, file=sys.stderr)


def _settings(texts: Sequence[str]) -> dict[str, Setting]:
    """Read all of ``--set``, each of another setting."""
    read = list(map(_setting, texts))
    twice = [name for name, many in Counter(name for name, _ in read).items() if many > 1]
    if twice:
        raise ValueError(f"--set gives {twice[0]} more than once; say which of them is meant")
    return dict(read)


def _setting(text: str) -> tuple[str, Setting]:
    """Read ``eps=8/255``, ``steps=7`` or ``order=paper``."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError(f"--set {text!r}: give a name and a value, e.g. eps=8/255")
    try:
        return name, int(value) if value.lstrip("+-").isdigit() else fraction(value)
    except ValueError:
        return name, value
