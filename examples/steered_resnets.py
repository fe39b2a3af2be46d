"""A ResNet on CIFAR-10 whose convolutional layers are steered to an exponent: is it more robust?

Both papers ask what α of 1 would do to a network like those in use; Gerum et al. 2022 steer one
dense layer of small networks. Here the output of each of the four stages of a ResNet-18 is steered
at once, its channels being units and positions stimuli, and the network is attacked: 20 steps
without chance, 100 steps from five random starts, and a search without gradients.

Run it: ``python examples/steered_resnets.py`` (about half a minute: a small network on digits, and
checks of what is measured); with ``--full RESULTS`` on CIFAR-10, twelve networks of 30 epochs, made
for a GPU: ``--full results --device cuda --jobs 12``.
"""

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from striate.datasets import LabelledImages, cifar10, digits
from striate.layers import capture
from striate.models import load
from striate.results import Curve, Result, Score, read_record
from striate.results import load as load_results
from striate.robustness import (
    Attack,
    LinfBall,
    correct,
    pgd,
    random_search,
    robust_accuracy,
    robust_curve,
)
from striate.spectra import SpectralPenalty, Units, arrange, batch_alpha
from striate.study import Task, run
from striate.study.tuning import Shown, network_tuning, stimuli_for
from striate.training import (
    composed,
    cosine,
    cropped,
    flipped,
    penalised,
    standard,
    train,
)

ALPHAS = (None, 0.8, 1.0, 1.5, 2.0, 3.0)
EPSILONS = tuple(step / 255 for step in (0.0, 0.25, 0.5, 1.0, 2.0, 4.0))
UNITS: Units = "channels"


class Plan(NamedTuple):
    """How each network is trained and attacked."""

    network: str
    layers: tuple[str, ...]
    ranks: tuple[int, int]
    beta: float
    images: int
    epochs: int
    batch_size: int
    learning_rate: float
    attacked: int  # test images under the weak attack; a third of them under the strong ones
    queries: int
    strong_eps: float


FULL = Plan(
    network="small/resnet18-3x32",
    layers=("layer1.1", "layer2.1", "layer3.1", "layer4.1"),
    ranks=(6, 50),
    beta=1.0,
    images=20_000,
    epochs=30,
    batch_size=250,
    learning_rate=0.1,
    attacked=900,
    queries=1000,
    strong_eps=1 / 255,
)
ASKED = 1.0  # of the small network
SMALL = FULL._replace(
    network="small/cnn-1x28",
    layers=("relu1", "relu2"),
    ranks=(2, 12),
    images=1200,
    epochs=8,
    batch_size=60,
    learning_rate=0.03,
    attacked=60,
    queries=20,
)


def task_of(plan: Plan, alpha: float | None, seed: int) -> Task:
    asked = "none" if alpha is None else f"{alpha:g}"
    told = plan._asdict() | {"layers": " ".join(plan.layers), "ranks": "{}-{}".format(*plan.ranks)}
    label = f"{plan.network.rpartition('/')[2]}-{asked}-{seed}"
    return {"study": "steered", "label": label, "alpha": alpha, "seed": seed, **told}


def photographs(plan: Plan, device: str) -> tuple[LabelledImages, LabelledImages]:
    """CIFAR-10; where the network is small, digits in its place."""
    if plan.network != SMALL.network:
        train_set, test_set = cifar10("train"), cifar10("test")
    else:
        train_set, test_set = (upsampled(digits(split)) for split in ("train", "test"))
    return shortened(train_set, plan.images, device), shortened(test_set, 10_000, device)


def upsampled(data: LabelledImages) -> LabelledImages:
    return data._replace(images=interpolate(data.images, size=(28, 28), mode="bilinear"))


def shortened(data: LabelledImages, count: int, device: str) -> LabelledImages:
    images, labels = (part[:count].to(device, copy=True) for part in (data.images, data.labels))
    return data._replace(images=images, labels=labels)


def measure(task: Task, checkpoint: Path, *, plan: Plan, device: str) -> list[Result]:
    """Train one network, and measure it."""
    torch.set_num_threads(1)
    started = time.perf_counter()
    data, test = photographs(plan, device)
    seed = int(task["seed"] or 0)
    asked = None if task["alpha"] is None else float(task["alpha"])
    model = trained(plan, data, asked, seed, device, checkpoint, task)
    seconds = Score("seconds", time.perf_counter() - started, settings={"part": "training"})
    channels, _, side = test.images.shape[1:]
    shown = stimuli_for(side, protocol="paper", channels=channels)
    found = [
        seconds,
        *alphas(model, plan, test.images[:1000]),
        *attacked(model, plan, test, seed),
        *tuned(model, plan, shown),
    ]
    values = {one.name: one.value for one in found if isinstance(one, Score)}
    took = time.perf_counter() - started
    alpha = [one.value for one in found if isinstance(one, Score) and one.name == "alpha"]
    found_alpha = ", ".join(f"{value:.2f}" for value in alpha)
    print(
        f"{task['label']} ({took:.0f} s): accuracy {values['accuracy']:.3f}, α {found_alpha}",
        flush=True,
    )
    return found


def trained(
    plan: Plan,
    data: LabelledImages,
    alpha: float | None,
    seed: int,
    device: str,
    checkpoint: Path,
    task: Task,
) -> nn.Module:
    model = load(plan.network, pretrained=False, seed=seed).model.to(device)
    objective, alongside = standard, None
    if alpha is not None:
        penalties = {
            layer: SpectralPenalty(alpha=alpha, beta=plan.beta, ranks=plan.ranks, units=UNITS)
            for layer in plan.layers
        }
        objective = partial(penalised, objective=standard, penalties=penalties)
        alongside = nn.ModuleList(penalties.values()).to(device)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=plan.learning_rate, momentum=0.9, weight_decay=5e-4
    )
    for _ in train(
        model,
        data.images,
        data.labels,
        objective=objective,
        optimizer=optimizer,
        epochs=plan.epochs,
        batch_size=plan.batch_size,
        seed=seed,
        inputs=composed(cropped(4), flipped()),
        schedule=cosine(plan.epochs),
        # 8 bits of bfloat16 would drown the last ranks of a steep spectrum.
        precision=torch.float16 if device.startswith("cuda") else None,
        checkpoint=checkpoint,
        task=task,
        alongside=alongside,
    ):
        pass
    return model.eval()


@torch.no_grad()
def alphas(model: nn.Module, plan: Plan, images: Tensor) -> list[Score]:
    """α of each steered layer over test images."""
    found = []
    for layer in plan.layers:
        with capture(model, layer) as output:
            model(images)
            hidden = arrange(output(), UNITS)
        value = batch_alpha(hidden, ranks=plan.ranks).item()
        found.append(Score("alpha", value, settings={"layer": layer}))
    return found


def attacked(model: nn.Module, plan: Plan, test: LabelledImages, seed: int) -> list[Result]:
    """Accuracy without attack, against ε, and under what is stronger."""
    images, labels = test.images[: plan.attacked], test.labels[: plan.attacked]
    right = correct(model, test.images, test.labels).double()

    def weak(eps: float) -> Attack:
        ball = LinfBall(eps)
        return partial(pgd, ball=ball, steps=20, step_size=max(2 * eps / 20, 1e-9))

    ball, few = LinfBall(plan.strong_eps), plan.attacked // 3
    source = torch.Generator(images.device).manual_seed(seed)
    strong: dict[str, Attack] = {
        "pgd 100 × 5": partial(
            pgd,
            ball=ball,
            steps=100,
            step_size=2.5 * ball.eps / 100,
            random_start=True,
            restarts=5,
            generator=source,
        ),
        "random search": partial(random_search, ball=ball, queries=plan.queries, generator=source),
        "pgd 20, same images": weak(plan.strong_eps),
    }
    curve = robust_curve(model, images, labels, weak, EPSILONS, batch_size=500).double().mean(1)
    return [
        Score("accuracy", right.mean().item(), settings={"images": len(right)}),
        Curve("accuracy_pgd", EPSILONS, tuple(curve.tolist()), settings={"images": len(images)}),
        *(
            Score(
                f"accuracy under {name}",
                robust_accuracy(model, images[:few], labels[:few], attack, batch_size=500)
                .double()
                .mean()
                .item(),
                settings={"images": few, "eps": ball.eps},
            )
            for name, attack in strong.items()
        ),
    ]


def tuned(model: nn.Module, plan: Plan, shown: Shown) -> list[Result]:
    """Preferred frequencies of the steered layers."""
    study = network_tuning(
        model, shown, plan.layers, seed=0, z_scored=False, batch_size=250, source=plan.network
    )
    wanted = ("v1_frequency_score", "frequency_score", "median_log2_frequency")
    return [one for one in study.results if isinstance(one, Score) and one.name in wanted]


Row = dict[str, float]


def row_of(path: Path) -> tuple[str, Row]:
    """Read one network's numbers back: those of layers get the layer's name."""
    record = read_record(path)
    numbers: Row = {}
    for one in load_results(path):
        if isinstance(one, Score):
            numbers[f"{one.name} {one.settings.get('layer', '')}".strip()] = one.value
        else:
            numbers |= {
                f"pgd 20, {255 * x:g}/255": y for x, y in zip(one.x, one.y, strict=True) if x
            }
    alpha = record["task"]["alpha"]
    return "none" if alpha is None else f"{alpha:g}", numbers


def table(paths: Sequence[Path]) -> str:
    """A row for each α asked for: the mean over seeds, and half the range where there are two."""
    found = [row_of(path) for path in paths]
    names = [name for name in found[0][1] if not name.startswith("seconds")]
    asked = list(dict.fromkeys(alpha for alpha, _ in found))
    lines = ["| | " + " | ".join(f"α* {alpha}" for alpha in asked) + " |"]
    lines.append("|---" * (len(asked) + 1) + "|")
    for name in names:
        cells = []
        for alpha in asked:
            values = [row[name] for which, row in found if which == alpha]
            spread = f" ± {(max(values) - min(values)) / 2:.3f}" if len(values) > 1 else ""
            cells.append(f"{sum(values) / len(values):.3f}{spread}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def study(
    plan: Plan,
    folder: Path,
    *,
    alphas: Sequence[float | None] = ALPHAS,
    seeds: int = 1,
    device: str = "cpu",
    jobs: int = 1,
) -> list[Path]:
    """Every network that is not there yet; the files of all."""
    tasks = [task_of(plan, alpha, seed) for seed in range(1, seeds + 1) for alpha in alphas]
    each = partial(measure, plan=plan, device=device)
    if jobs == 1:
        return [done.path for done in run(each, tasks, directory=folder)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return [done.path for done in run(each, tasks, directory=folder, executor=pool)]


def small() -> None:
    """Two small networks: the steered one is nearer to what was asked, and what is there stays."""
    with TemporaryDirectory() as folder:
        paths = study(SMALL, Path(folder), alphas=(None, ASKED))
        print(table(paths))
        again = study(SMALL, Path(folder), alphas=(None, ASKED))
        assert sorted(again) == sorted(paths)
        (_, plain), (_, steered) = (row_of(path) for path in sorted(paths, reverse=True))
        for layer in SMALL.layers:
            apart = [abs(row[f"alpha {layer}"] - ASKED) for row in (plain, steered)]
            assert apart[1] < apart[0]
        assert min(plain["accuracy"], steered["accuracy"]) > 0.6
        for row in (plain, steered):
            assert row["accuracy under pgd 100 × 5"] <= row["accuracy under pgd 20, same images"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", type=Path, metavar="RESULTS", help="CIFAR-10, every α")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--jobs", type=int, default=1, help="networks at a time")
    for name in ("images", "epochs", "attacked"):
        parser.add_argument(f"--{name}", type=int, default=getattr(FULL, name))
    parser.add_argument("--beta", type=float, default=FULL.beta)
    chosen = parser.parse_args()
    if chosen.full is None:
        small()
        return
    changed = ("images", "epochs", "attacked", "beta")
    plan = FULL._replace(**{name: getattr(chosen, name) for name in changed})
    print(
        table(
            study(
                plan,
                chosen.full,
                seeds=chosen.seeds,
                device=chosen.device,
                jobs=chosen.jobs,
            )
        )
    )


if __name__ == "__main__":
    main()
