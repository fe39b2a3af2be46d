"""The command ``striate``: studies, reports and data from the shell.

Each command says what it will do in one function of the library; a mistake costs one line on
standard error and exit status 2, ctrl-C status 130.
"""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from striate import __version__

if TYPE_CHECKING:  # the command line starts without torch
    from striate.datasets import Recording
    from striate.spectra import Algorithm as SpectralAlgorithm
    from striate.study import Task
    from striate.study.spectra import Window

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Measure how a network represents images, compare it with V1, and shape it.",
)
data_app = typer.Typer(no_args_is_help=True, help="The data sets: where they are, and get them.")
app.add_typer(data_app, name="data")
models_app = typer.Typer(no_args_is_help=True, help="Networks, and what their layers are called.")
app.add_typer(models_app, name="models")
measure_app = typer.Typer(no_args_is_help=True, help="Measure a network of yours.")
app.add_typer(measure_app, name="measure")

ResultsFolder = Annotated[Path, typer.Option("--results", help="The results folder.")]


def main() -> None:
    """Run the command line, turning errors of the user into one line each."""
    try:
        app()
    except (ValueError, OSError) as error:
        sys.exit(_refuse(str(error)))
    except BrokenExecutor:
        hint = "a worker was killed, perhaps for memory; what is finished is kept, try fewer --jobs"
        sys.exit(_refuse(hint))
    except SystemExit as leaving:
        if leaving.code == 130:  # what typer makes of ctrl-C
            print("stopped; the same command goes on from here", file=sys.stderr)
        raise


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.")
    ] = False,
) -> None:
    if version:
        print(f"striate {__version__}")
        raise typer.Exit


@app.command()
def run(
    study: Annotated[str, typer.Argument(help="gerum2022")],
    results: ResultsFolder = Path("results"),
    preset: Annotated[str, typer.Option(help="quick | paper | 2023 | 2023-long")] = "quick",
    protocol: Annotated[str, typer.Option(help="paper | authors")] = "paper",
    data: Annotated[str, typer.Option(help="digits | mnist | cifar10")] = "digits",
    network: Annotated[
        str, typer.Option(help="shallow_mlp | deep_mlp | cnn | cnn_no_head | deep_cnn")
    ] = "shallow_mlp",
    alphas: Annotated[str | None, typer.Option(help="targets, e.g. 1,2,3")] = None,
    betas: Annotated[str | None, typer.Option(help="strengths, e.g. 0,0.1,1")] = None,
    seeds: Annotated[int | None, typer.Option(help="networks per cell of the grid")] = None,
    form: Annotated[str | None, typer.Option(help="slope | line | ratio")] = None,
    ranks: Annotated[str | None, typer.Option(help="fit window, e.g. 6-50")] = None,
    epochs: Annotated[int | None, typer.Option()] = None,
    attack_epochs: Annotated[str | None, typer.Option(help="e.g. 50,200")] = None,
    epsilons: Annotated[str | None, typer.Option(help="e.g. 0,0.01,0.05")] = None,
    batch_size: Annotated[int | None, typer.Option()] = None,
    learning_rate: Annotated[float | None, typer.Option()] = None,
    train_images: Annotated[int | None, typer.Option(help="the first so many")] = None,
    attack_images: Annotated[int | None, typer.Option(help="the first so many")] = None,
    solver: Annotated[
        str | None, typer.Option(help="auto | exact | subspace: how the penalty is computed")
    ] = None,
    layers: Annotated[
        str | None, typer.Option(help="last | all: which hidden layers are penalised")
    ] = None,
    width: Annotated[
        int | None, typer.Option(help="units of dense hidden layers; default: the paper's")
    ] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Adam's L2 penalty")] = None,
    jobs: Annotated[int, typer.Option(help="networks trained at a time")] = 1,
    device: Annotated[str, typer.Option(help="cpu | cuda | cuda:1")] = "cpu",
    dry_run: Annotated[bool, typer.Option(help="say what would be done, and leave")] = False,
) -> None:
    """Train, measure and attack the networks of a study; what is done already is skipped."""
    from striate.studies import gerum2022
    from striate.study import path_of

    if study != gerum2022.NAME:
        raise ValueError(f"study={study!r}; there is {gerum2022.NAME}")
    given = {
        "alphas": _numbers("alphas", alphas, float),
        "betas": _numbers("betas", betas, float),
        "seeds": seeds,
        "form": form,
        "ranks": _ranks(ranks),
        "epochs": epochs,
        # Training for fewer epochs than the preset moves its attack to the new end.
        "attack_epochs": _numbers("attack-epochs", attack_epochs, int) or (epochs and (epochs,)),
        "epsilons": _numbers("epsilons", epsilons, float),
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "train_images": train_images,
        "attack_images": attack_images,
        "solver": solver,
        "layers": layers,
        "width": width,
        "weight_decay": weight_decay,
    }
    overrides = {name: value for name, value in given.items() if value is not None}
    _check_device(device)
    if jobs < 1:
        raise ValueError(f"jobs={jobs}; at least one network is trained at a time")
    if results.exists() and not results.is_dir():
        raise ValueError(f"--results {results} is a file; name a folder")
    tasks = gerum2022.tasks(
        preset=preset, protocol=protocol, data=data, network=network, overrides=overrides
    )
    if dry_run:
        for task in tasks:
            done = path_of(task, results).exists()
            print(f"{'done' if done else 'to do'}\t{task['label']}")
    else:
        _do(tasks, results, jobs=jobs, device=device)


def _do(tasks: list["Task"], results: Path, *, jobs: int, device: str) -> None:
    """Do the tasks of a study, saying on standard error what they work on and how far they are."""
    from striate import datasets
    from striate.studies import gerum2022
    from striate.study import run as run_tasks
    from striate.study.progress import shown
    from striate.study.workers import workers

    console = Console(stderr=True, highlight=False)
    for split in ("train", "test"):
        console.print(datasets.DATASETS[str(tasks[0]["data"])](split).source)
    console.print(f"{len(tasks)} networks, results in {results}")
    measure = partial(gerum2022.measure, device=device)
    with workers(min(jobs, len(tasks))) as executor, shown(tasks, results, console):
        finished = run_tasks(
            measure, tasks, directory=results, executor=executor, explained={"device": device}
        )
        for i, (task, _, seconds) in enumerate(finished, start=1):
            took = "was there" if seconds is None else f"{seconds:.0f} s"
            console.print(f"{i:4d}/{len(tasks)}  {task['label']}  {took}")
    console.print(f"next: striate report --results {results}")


Model = Annotated[
    str, typer.Argument(help="torchvision/NAME | timm/NAME | path/to/file.py:function")
]
Weights = Annotated[Path | None, typer.Option(help="a file of weights to load instead")]
Layers = Annotated[str, typer.Option(help="names or globs with commas; ** is any number of steps")]
BatchSize = Annotated[int, typer.Option(help="images shown at a time")]
Device = Annotated[str, typer.Option(help="cpu | cuda | cuda:1")]
Population = Annotated[
    str | None, typer.Option(help="of a file that holds several; default: all side by side")
]
Algorithm = Annotated[
    str, typer.Option(help="text | released: cvPCA as the papers write it, or as their code has it")
]
Seed = Annotated[int, typer.Option()]


@measure_app.command("spectrum")
def measure_spectrum(
    model: Model,
    images: Annotated[Path, typer.Option(help="a folder of photographs")],
    layers: Layers = "**",
    results: ResultsFolder = Path("results"),
    weights: Weights = None,
    memory: Annotated[str, typer.Option(help="for activations and kernels, e.g. 4GB")] = "4GB",
    protocol: Annotated[str, typer.Option(help="paper | authors")] = "paper",
    sets: Annotated[int, typer.Option(help="random sets of images")] = 3,
    set_size: Annotated[int, typer.Option(help="images in each")] = 2816,
    batch_size: BatchSize = 32,
    seed: Seed = 0,
    device: Device = "cpu",
) -> None:
    """Measure the eigenspectrum and α of a network's layers on natural images."""
    from striate.models import load
    from striate.studies import spectra

    _check_device(device)
    network = load(model, weights=weights)
    network.model.to(device)
    task = spectra.network_task(
        network,
        images,
        layers.split(","),
        protocol=protocol,
        sets=sets,
        set_size=set_size,
        seed=seed,
    )
    with _bar("images shown") as progress:
        measure = partial(
            spectra.measure_network,
            network=network,
            images=images,
            memory=memory,
            batch_size=batch_size,
            progress=progress,
        )
        _measure(task, results, measure, device=device)


@app.command()
def spectrum(
    recording: Annotated[Path, typer.Argument(help="npz | h5 | mat | pkl | nwb")],
    ranks: Annotated[str, typer.Option(help="fit window, e.g. 9-100")],
    results: ResultsFolder = Path("results"),
    population: Population = None,
    weights: Annotated[str, typer.Option(help="rank | none: of the fit")] = "rank",
    algorithm: Algorithm = "text",
    shuffles: Annotated[int, typer.Option(help="halvings of the trials")] = 20,
    seed: Seed = 0,
) -> None:
    """Measure the cross-validated eigenspectrum and α of a recording."""
    from striate.studies import spectra

    read = _recording(recording, population)
    window, how = _window(ranks, weights), _algorithm(algorithm)
    task = spectra.recording_task(read, window=window, algorithm=how, shuffles=shuffles, seed=seed)
    measure = partial(spectra.measure_recording, recording=read, window=window, algorithm=how)
    _measure(task, results, measure)


@app.command()
def compare(
    model: Model,
    recording: Annotated[Path, typer.Argument(help="npz | h5 | mat | pkl | nwb, with its images")],
    ranks: Annotated[str, typer.Option(help="fit window, e.g. 5-12")],
    layers: Layers = "**",
    results: ResultsFolder = Path("results"),
    population: Population = None,
    model_weights: Weights = None,
    weights: Annotated[str, typer.Option(help="rank | none: of the fit")] = "rank",
    algorithm: Algorithm = "text",
    batch_size: BatchSize = 32,
    seed: Seed = 0,
    device: Device = "cpu",
) -> None:
    """Compare a network with a recording: same images, as many units, as much noise."""
    from striate.models import load
    from striate.studies import spectra

    _check_device(device)
    network, read = load(model, weights=model_weights), _recording(recording, population)
    network.model.to(device)
    given = {"window": _window(ranks, weights), "algorithm": _algorithm(algorithm)}
    task = spectra.comparison_task(network, read, layers.split(","), seed=seed, **given)
    measure = partial(
        spectra.measure_comparison,
        network=network,
        recording=read,
        batch_size=batch_size,
        **given,
    )
    _measure(task, results, measure, device=device)


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show on standard error how far something is, where there is a screen."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = TextColumn(what), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        shown = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(shown, completed=done, total=of)


def _recording(path: Path, population: str | None) -> "Recording":
    from striate import datasets

    options = {} if population is None else {"population": population}
    read = datasets.recording(path, **options)
    console = Console(stderr=True, highlight=False)
    for note in (read.responses.source, *read.notes):
        console.print(note, soft_wrap=True)
    return read


def _window(ranks: str, weights: str) -> "Window":
    from striate.study.spectra import Window

    if weights not in ("rank", "none"):
        raise ValueError(f"--weights {weights!r}; choose rank (1/n) or none")
    return Window(_ranks(ranks) or (1, 2), weights)


def _algorithm(name: str) -> "SpectralAlgorithm":
    if name not in ("text", "released"):
        raise ValueError(f"--algorithm {name!r}; choose text or released")
    return name


def _measure(task: "Task", results: Path, measure: Callable[..., Any], **explained: str) -> None:
    """Measure one thing, unless it is there, and print its scores."""
    from striate.results import Score, load
    from striate.study import run as run_tasks

    if results.exists() and not results.is_dir():
        raise ValueError(f"--results {results} is a file; name a folder")
    (finished,) = run_tasks(measure, [task], directory=results, explained=explained)
    for score in load(finished.path):
        if isinstance(score, Score):
            error = "" if score.error is None else f"± {score.error:.3f}"
            about = score.settings
            window = f"ranks {about['ranks']}" if "ranks" in about else ""
            which = about.get("method", about.get("layer", ""))
            print(score.name, which, f"{score.value:.3f} {error}", window, sep="\t")
    print(finished.path, file=sys.stderr)


@app.command()
def report(
    results: ResultsFolder = Path("results"),
    out: Annotated[Path | None, typer.Option(help="default: RESULTS/report")] = None,
) -> None:
    """Draw every figure that the results allow, and one page that explains them."""
    from striate import report as reports

    print(reports.write(results, out))


@app.command()
def table(
    results: ResultsFolder = Path("results"),
    claims: Annotated[
        bool, typer.Option("--claims", help="judge the paper's claims instead, in Markdown")
    ] = False,
) -> None:
    """Print the table of the report: measured beside published."""
    from striate.report import gerum2022_claims, gerum2022_table, rich_table
    from striate.results import load_all

    if claims:
        print(gerum2022_claims(load_all(results)), end="")
        return
    drawn, console = rich_table(gerum2022_table(load_all(results))), Console()
    # A narrow window, or none, must not cost digits.
    console.width = max(console.width, Console(width=1000).measure(drawn).maximum)
    console.print(drawn)


@data_app.command("list")
def list_data() -> None:
    """Say where each data set would be read from."""
    from striate import datasets

    for name in datasets.DATASETS:
        found = datasets.locate(name)
        print(f"{name}\t{found or f'not here; striate data fetch {name}'}")


@data_app.command()
def fetch(name: Annotated[str, typer.Argument(help="mnist | cifar10")]) -> None:
    """Download a data set into the cache, checked by SHA-256."""
    from striate import datasets

    print(datasets.fetch(name))


@data_app.command()
def verify(name: Annotated[str, typer.Argument(help="digits | mnist | cifar10")]) -> None:
    """Read a data set from end to end and say what is there."""
    from striate import datasets

    print(datasets.verify(name))


@models_app.command("layers")
def list_layers(
    model: Annotated[
        str, typer.Argument(help="torchvision/NAME | timm/NAME | path/to/file.py:function")
    ],
    layers: Annotated[
        str, typer.Option(help="names or globs with commas: ** is any number of steps")
    ] = "**",
) -> None:
    """List a network's layers: name, kind, output for one image, and its number of units."""
    from math import prod

    from striate.layers import match
    from striate.models import load, outline

    network = load(model)
    chosen = match(network.model, layers.split(","))
    for layer in outline(network.model, network.size):
        if layer.name not in chosen:
            continue
        shape = "–" if layer.shape is None else "×".join(map(str, layer.shape))
        units = "–" if layer.shape is None else str(prod(layer.shape))
        calls = "" if layer.calls == 1 else f"ran {layer.calls} times"
        print(layer.name, layer.kind, shape, units, calls, sep="\t")


def _check_device(device: str) -> None:
    import torch

    try:
        torch.ones(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device={device!r} cannot be used here: {reason}") from error


def _numbers(option: str, text: str | None, kind: Callable[[str], Any]) -> tuple[Any, ...] | None:
    if text is None:
        return None
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"--{option} {text!r}: give numbers with commas, e.g. 1,2,3") from error


def _ranks(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        first, last = map(int, text.split("-"))
    except ValueError as error:
        raise ValueError(f"--ranks {text!r}: give first-last, both included, e.g. 6-50") from error
    return first, last


def _refuse(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
