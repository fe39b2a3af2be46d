"""Small networks trained in thirteen ways: how robust are they, is it real, and what went with it?

Kong et al. 2021 compare trained networks as they find them; here the same small CNN is trained with
each objective, with blurred and noisy images, and with its spectrum steered, alone and together.
Each is then attacked in L∞, judged beside the undefended one of its seed, and measured: exponents
of its layers, V1 frequency score. *Robust* says that what an attack leaves is real.

Run it: ``python examples/robust_nets.py`` (about a minute: two networks on digits); with ``--full
RESULTS`` on MNIST and CIFAR-10, two seeds, 52 networks (two and a half minutes of a GPU with
``--device cuda --jobs 16``, hours of a CPU); ``striate report --results RESULTS`` draws them all.
"""

import argparse
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch

from striate.models import Network, load
from striate.results import Result, Score
from striate.results import load as load_results
from striate.studies import robustness, spectra, training, tuning
from striate.study import Task, path_of, run
from striate.study.robustness import Judge

PLAIN = "standard"
MAPS = ("relu1", "relu2")


class Data(NamedTuple):
    """What is trained on, and how strongly it is attacked."""

    name: str
    network: str
    eps: float  # in training, and where the verdict is given
    epsilons: tuple[float, ...]
    train_images: int
    epochs: int
    attacked: int
    judged: int
    sigma: float  # of the blur, in pixels
    layers: tuple[str, ...]  # that are described


MNIST = Data(
    "mnist",
    "small/cnn-1x28",
    eps=0.1,
    epsilons=(0.05, 0.1, 0.2),
    train_images=10_000,
    epochs=10,
    attacked=1000,
    judged=500,
    sigma=2.0,
    layers=(*MAPS, "hidden"),
)
CIFAR10 = MNIST._replace(
    name="cifar10",
    network="small/cnn-3x32",
    eps=4 / 255,
    epsilons=(1 / 255, 2 / 255, 4 / 255, 8 / 255),
)
DIGITS = MNIST._replace(
    name="digits",
    network="small/cnn-1x8",
    epsilons=(0.05, 0.1),
    train_images=1000,
    epochs=40,
    attacked=200,
    judged=200,
    layers=(),
)


def ways(data: Data) -> dict[str, dict[str, Any]]:
    """Name each way of training, with what it changes of the plan."""
    eps = data.eps
    ball = {"eps": eps, "steps": 5, "step_size": eps / 3}
    attacked = {"objective": "adversarial", "settings": ball}

    def steered(alpha: float, beta: float = 1.0) -> dict[str, training.Asked]:
        return {"spectral": training.Asked(alpha, beta, ("hidden",), (6, 50))}

    def blurred(kind: str, sigma: float = data.sigma) -> dict[str, Any]:
        return {"blur": kind, "blur_sigma": sigma}

    return {
        PLAIN: {},
        "adversarial": attacked,
        "TRADES": {"objective": "trades", "settings": {**ball, "beta": 4.0, "order": "paper"}},
        "input gradient": {"objective": "igr", "settings": {"strength": 1.0, "h": 0.01}},
        "free": {"objective": "free", "settings": {"eps": eps, "step_size": eps}, "replays": 4},
        "coarse to fine": blurred("coarse-to-fine"),
        "fine to coarse": blurred("fine-to-coarse"),
        "constant blur": blurred("constant", data.sigma / 2),
        "noise": {"noise": 2 * eps},
        "α* 1": steered(1.0),
        "α* 2": steered(2.0),
        "adversarial, α* 1": attacked | steered(1.0),  # learns nothing
        "adversarial, α* 1, β 0.1": attacked | steered(1.0, 0.1),
    }


class Asked(NamedTuple):
    """One network."""

    data: Data
    way: str
    seed: int


def trained(asked: Asked, folder: Path, device: str) -> Network:
    """Train a network unless it is there, and load it."""
    data = asked.data
    network = load(data.network, pretrained=False, seed=asked.seed)
    images = training.material(data.name, network, train_images=data.train_images)
    given = ways(data)[asked.way]
    plan = training.plan(optimizer="adam", schedule="cosine", epochs=data.epochs, **given)
    task = training.network_task(network, images, plan, seed=asked.seed)
    measure = partial(
        training.train_network,
        network=network,
        material=images,
        plan=plan,
        folder=folder,
        device=device,
    )
    found = load(data.network, weights=once(measure, task, folder).with_suffix(".safetensors"))
    found.model.to(device)
    return found


def once(measure: Any, task: Task, folder: Path) -> Path:
    (finished,) = run(measure, [task], directory=folder)
    return finished.path


def attacked(network: Network, data: Data, folder: Path, plain: Network | None) -> Path:
    """Attack a network and judge it, beside the undefended one of the same seed."""
    attacks = robustness.attacks_of("paper", epsilons={"Linf": data.epsilons})
    images = robustness.labelled(data.name, network, count=data.attacked, batch_size=250)
    judge = Judge({"Linf": data.eps}, data.judged, images.classes)
    rival = None
    if plain is not None:
        undefended = robustness.network_task(plain, images, attacks, judge=judge)
        path = path_of(undefended, folder)
        rival = robustness.read_baseline(path, judge.at, pictures=images.name)
        judge = judge._replace(baseline=rival.accuracy, surrogate=plain.model)
    task = robustness.network_task(
        network, images, attacks, judge=judge, baseline=rival, surrogate=plain
    )
    measure = partial(
        robustness.measure_network, network=network, pictures=images, attacks=attacks, judge=judge
    )
    return once(measure, task, folder)


def described(network: Network, data: Data, folder: Path) -> None:
    """Measure spectra of layers, and tuning of those that have maps."""
    pictures = spectra.pictures(data.name, network)
    few = min(1000, pictures.available // 3)
    task = spectra.network_task(
        network, pictures, data.layers, protocol="paper", sets=3, set_size=few
    )
    once(partial(spectra.measure_network, network=network, shown=pictures), task, folder)
    maps = [layer for layer in data.layers if layer in MAPS]
    task = tuning.network_task(network, maps, protocol="paper")
    once(partial(tuning.measure_network, network=network), task, folder)


def one(asked: Asked, folder: Path, device: str) -> list[Result]:
    """Train, attack and measure one network."""
    torch.set_num_threads(1)
    network = trained(asked, folder, device)
    plain = None
    if asked.way != PLAIN:
        plain = trained(asked._replace(way=PLAIN), folder, device)
    found = load_results(attacked(network, asked.data, folder, plain))
    row, name = row_of(found), f"{asked.data.name}, {asked.way}, seed {asked.seed}"
    if asked.data.layers:
        try:
            described(network, asked.data, folder)
        except ValueError as error:  # a spectrum may end early, where units are dead
            print(f"{name}: not described: {error}", flush=True)
    print(f"{name}: {row['clean']:.3f}, {row['attacked']:.3f}, {verdict_of(found)}", flush=True)
    return found


def row_of(found: Sequence[Result]) -> dict[str, float]:
    """Accuracy without attack, and at the strength of the verdict: by the study, and the least."""
    scores = [one for one in found if isinstance(one, Score)]
    (judged,) = (one for one in scores if one.name == "verdict")
    (under,) = (
        one.value
        for one in scores
        if one.name == "adversarial_accuracy" and one.settings["eps"] == judged.settings["eps"]
    )
    (clean,) = (one.value for one in scores if one.name == "clean_accuracy")
    return {"clean": clean, "attacked": under, "worst": float(judged.settings["worst"] or 0)}


def verdict_of(found: Sequence[Result]) -> str:
    return next(str(one.settings["verdict"]) for one in found if one.name == "verdict")


def table(found: Mapping[Asked, Sequence[Result]]) -> str:
    """A row for each way: mean over seeds and half their range, and the verdict of each."""
    lines = [
        "| | trained | clean | attacked | least of all searches | verdicts |",
        "|---" * 6 + "|",
    ]
    for data, way in dict.fromkeys((asked.data.name, asked.way) for asked in found):
        mine = [r for asked, r in found.items() if (asked.data.name, asked.way) == (data, way)]
        rows = [row_of(results) for results in mine]
        cells = []
        for name in rows[0]:
            values = [row[name] for row in rows]
            cells.append(f"{sum(values) / len(values):.3f} ± {(max(values) - min(values)) / 2:.3f}")
        verdicts = ", ".join(verdict_of(results) for results in mine)
        lines.append(f"| {data} | {way} | " + " | ".join(cells) + f" | {verdicts} |")
    return "\n".join(lines)


def study(
    asked: Sequence[Asked], folder: Path, *, device: str, jobs: int
) -> dict[Asked, list[Result]]:
    """Undefended networks first: the others are judged by them."""
    each = partial(one, folder=folder, device=device)
    first = [network for network in asked if network.way == PLAIN]
    then = [network for network in asked if network.way != PLAIN]
    if jobs == 1:
        return {network: each(network) for network in (*first, *then)}
    found: dict[Asked, list[Result]] = {}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for some in (first, then):
            found |= dict(zip(some, pool.map(each, some), strict=True))
    return found


def small() -> None:
    """Two networks on digits: attacks in training help, and that is real."""
    plain, defended = (Asked(DIGITS, way, 0) for way in (PLAIN, "adversarial"))
    with TemporaryDirectory() as folder:
        found = study([plain, defended], Path(folder), device="cpu", jobs=1)
    print(table(found))
    assert all(row_of(results)["clean"] > 0.8 for results in found.values())
    assert row_of(found[defended])["worst"] > row_of(found[plain])["worst"] + 0.1
    assert verdict_of(found[defended]) == "robust"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", type=Path, metavar="RESULTS", help="MNIST and CIFAR-10")
    parser.add_argument("--data", choices=("mnist", "cifar10"), nargs="*")
    parser.add_argument("--ways", nargs="*", help="by name, beside standard; default: all")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--jobs", type=int, default=1, help="networks at a time")
    chosen = parser.parse_args()
    if chosen.full is None:
        small()
        return
    asked = [
        Asked(data, way, seed)
        for seed in range(1, chosen.seeds + 1)
        for data in (CIFAR10, MNIST)
        if not chosen.data or data.name in chosen.data
        for way in ways(data)
        if not chosen.ways or way in (PLAIN, *chosen.ways)
    ]
    print(table(study(asked, chosen.full, device=chosen.device, jobs=chosen.jobs)))


if __name__ == "__main__":
    main()
