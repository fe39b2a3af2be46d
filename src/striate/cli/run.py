"""``striate run gerum2022``: the networks of that study."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.console import Console

from striate.cli.options import Device, ResultsFolder, check_device, check_folder, numbers, ranks_of
from striate.cli.spread import spread
from striate.cli.sweeping import Many, sweep, tell_plan

if TYPE_CHECKING:  # the command line starts without torch
    from striate.study import Task


class Overrides(NamedTuple):
    """Instead of what the preset says.

    Attributes
    ----------
    alphas, betas, seeds
        The grid.
    form, ranks, solver, layers, every
        Of the penalty.
    epochs, attack_epochs, epsilons, verdict, verdict_n
        When networks are attacked, how strongly, and whether that is judged, by how many images.
    batch_size, learning_rate, train_images, attack_images, width, weight_decay
        Of the training.
    """

    alphas: Annotated[str | None, typer.Option(help="targets, e.g. 1,2,3")] = None
    betas: Annotated[str | None, typer.Option(help="strengths, e.g. 0,0.1,1")] = None
    seeds: Annotated[int | None, typer.Option(help="networks per cell of the grid")] = None
    form: Annotated[str | None, typer.Option(help="slope | line | ratio")] = None
    ranks: Annotated[str | None, typer.Option(help="fit window, e.g. 6-50")] = None
    epochs: Annotated[int | None, typer.Option(help="of training")] = None
    attack_epochs: Annotated[str | None, typer.Option(help="e.g. 50,200")] = None
    epsilons: Annotated[str | None, typer.Option(help="e.g. 0,0.01,0.05")] = None
    batch_size: Annotated[int | None, typer.Option(help="images in a step of training")] = None
    learning_rate: Annotated[float | None, typer.Option(help="of Adam")] = None
    train_images: Annotated[int | None, typer.Option(help="the first so many")] = None
    attack_images: Annotated[int | None, typer.Option(help="the first so many")] = None
    solver: Annotated[
        str | None, typer.Option(help="auto | exact | subspace: how the penalty is computed")
    ] = None
    layers: Annotated[
        str | None, typer.Option(help="last | all: which hidden layers are penalised")
    ] = None
    width: Annotated[
        int | None, typer.Option(help="units of dense hidden layers; default: the paper's")
    ] = None
    weight_decay: Annotated[float | None, typer.Option(help="Adam's L2 penalty")] = None
    every: Annotated[
        int | None, typer.Option(help="steps from one penalised to the next; default: 1")
    ] = None
    verdict: Annotated[
        bool, typer.Option("--verdict", help="judge whether the robustness of each is real")
    ] = False
    verdict_n: Annotated[
        int | None, typer.Option(help="images to judge by; default: 500, or all attacked")
    ] = None

    def read(self) -> dict[str, object]:
        """Return what was given, in the preset's terms."""
        given = self._asdict() | {
            "alphas": numbers("--alphas", self.alphas, float),
            "betas": numbers("--betas", self.betas, float),
            "ranks": ranks_of(self.ranks),
            "attack_epochs": numbers("--attack-epochs", self.attack_epochs, int),
            "epsilons": numbers("--epsilons", self.epsilons, float),
            "verdict": self.verdict or None,
        }
        given["verdict_images"] = given.pop("verdict_n")
        return {name: value for name, value in given.items() if value is not None}


@spread
def run(
    results: ResultsFolder = Path("results"),
    preset: Annotated[str, typer.Option(help="quick | paper | 2023 | 2023-long")] = "quick",
    protocol: Annotated[str, typer.Option(help="paper | authors")] = "paper",
    data: Annotated[str, typer.Option(help="digits | mnist | cifar10")] = "digits",
    network: Annotated[
        str, typer.Option(help="shallow_mlp | deep_mlp | cnn | cnn_no_head | deep_cnn")
    ] = "shallow_mlp",
    device: Device = "cpu",
    *,
    instead: Overrides,
    many: Many,
) -> None:
    """Train, measure and attack the networks of a study; what is done already is skipped."""
    from striate.studies import gerum2022

    overrides = instead.read()
    usual = gerum2022.plan(preset=preset, protocol=protocol, data=data, network=network)
    if overrides.get("epochs", usual.epochs) != usual.epochs:
        # Then the epochs in which the preset attacks are not reached, or not the last.
        overrides.setdefault("attack_epochs", (overrides["epochs"],))
    check_device(device)
    many.check()
    check_folder(results)
    tasks = gerum2022.tasks(
        preset=preset, protocol=protocol, data=data, network=network, overrides=overrides
    )
    if many.dry_run:
        tell_plan(tasks, results, many.cluster)
        return
    _say(tasks, results)
    sweep(partial(gerum2022.measure, device=device), tasks, results, many=many, device=device)
    Console(stderr=True, highlight=False).print(f"next: striate report --results {results}")


def _say(tasks: list["Task"], results: Path) -> None:
    """Say on standard error what the tasks of a study work on."""
    from striate import datasets

    console = Console(stderr=True, highlight=False)
    for split in ("train", "test"):
        console.print(datasets.DATASETS[str(tasks[0]["data"])](split).source)
    console.print(f"{len(tasks)} network{'s' * (len(tasks) != 1)}, results in {results}")
