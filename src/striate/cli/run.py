"""``striate run gerum2022``: the networks of that study."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from striate.cli.options import ResultsFolder, check_device, check_folder, numbers, ranks_of

if TYPE_CHECKING:  # the command line starts without torch
    from striate.study import Task


def run(
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
    verdict: Annotated[
        bool, typer.Option("--verdict", help="judge whether the robustness of each is real")
    ] = False,
    jobs: Annotated[int, typer.Option(help="networks trained at a time")] = 1,
    device: Annotated[str, typer.Option(help="cpu | cuda | cuda:1")] = "cpu",
    dry_run: Annotated[bool, typer.Option(help="say what would be done, and leave")] = False,
) -> None:
    """Train, measure and attack the networks of a study; what is done already is skipped."""
    from striate.studies import gerum2022
    from striate.study import path_of

    given = {
        "alphas": numbers("alphas", alphas, float),
        "betas": numbers("betas", betas, float),
        "seeds": seeds,
        "form": form,
        "ranks": ranks_of(ranks),
        "epochs": epochs,
        # Training for fewer epochs than the preset moves its attack to the new end.
        "attack_epochs": numbers("attack-epochs", attack_epochs, int) or (epochs and (epochs,)),
        "epsilons": numbers("epsilons", epsilons, float),
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "train_images": train_images,
        "attack_images": attack_images,
        "solver": solver,
        "layers": layers,
        "width": width,
        "weight_decay": weight_decay,
        "verdict": verdict or None,
    }
    overrides = {name: value for name, value in given.items() if value is not None}
    check_device(device)
    if jobs < 1:
        raise ValueError(f"jobs={jobs}; at least one network is trained at a time")
    check_folder(results)
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
