"""One cell of the grid: a network trained, measured and attacked."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from striate import datasets
from striate.models import NETWORKS, hidden_layers, keras_adam
from striate.results import Curve, Result, Score, Setting, digest
from striate.robustness import epsilon_at, fgsm, pgd, robust_accuracy
from striate.spectra import Form, Solver, SpectralPenalty
from striate.studies.gerum2022.presets import JUDGED
from striate.study import Task, accuracy, attack_curve, layer_alpha, layer_spectrum
from striate.study.epochs import over_epochs
from striate.study.progress import note
from striate.study.robustness import Attacks, Judge, in_batches, network_robustness
from striate.training import checkpoint as checkpoints
from striate.training import spectral, standard, train

Kind = TypeVar("Kind", Score, Curve)

LAYER = "hidden"  # what models.gerum2022 calls the regularised layer
# Strengths at which the paper shows its networks, where not .05.
SHOWN_EPS = {("cnn", "mnist"): 0.1, ("cnn", "cifar10"): 0.01}
# Networks without a penalty that this process has trained to judge others by, of the last few
# seeds: the same settings give the same network.
_UNDEFENDED: dict[str, nn.Module] = {}
KEPT = 8


def measure(task: Task, checkpoint: Path, *, device: str = "cpu") -> list[Result]:
    """Train, measure and attack one network of the grid.

    Parameters
    ----------
    task
        A cell, from `tasks`.
    checkpoint
        Where its training may be frozen, a ``.json`` path.
    device
        Where torch computes.

    Returns
    -------
    results
        α, accuracy and loss by epoch and at the end, on training and test images, and on training
        images the α of other layers that are penalised, as ``alpha_LAYER``; at each
        attacked epoch, accuracy against ε under FGSM and PGD, the ε that halves it, and the
        spectrum of the hidden layer over the test images; and the seconds each part took. With the
        setting ``verdict``, also what `striate.study.robustness` judges of it at the end; where
        there is a penalty, against a network trained in the same way without one.
    """
    load = datasets.DATASETS[str(task["data"])]
    train_set, test_set = load("train"), load("test")
    images, labels = (
        tensor[: _int(task, "train_images")].to(device)
        for tensor in (train_set.images, train_set.labels)
    )
    test_images, test_labels = test_set.images.to(device), test_set.labels.to(device)
    channels, height, width = images.shape[1:]
    classes = int(train_set.labels.max()) + 1
    model = build(task, (channels, height, width), classes, seed=_int(task, "seed")).to(device)
    penalties = _penalties(task, model)
    epochs, history = _int(task, "epochs"), []
    for found in train(
        model,
        images,
        labels,
        objective=partial(spectral, penalties=penalties),
        optimizer=_adam(task, model),
        epochs=epochs,
        batch_size=_int(task, "batch_size"),
        seed=_int(task, "seed"),
        evaluate=partial(
            _evaluate,
            task,
            test_images,
            test_labels,
            undefended=lambda: _undefended(task, images, labels, classes, checkpoint),
        ),
        checkpoint=checkpoint,
        task=task,
        alongside=nn.ModuleList(penalties.values()),
    ):
        history += found
        note(checkpoint, _epoch(found[0]), epochs, _progress(found))
    return _stamped(over_epochs(history, epochs), task)


def build(
    settings: Mapping[str, Any], image_shape: tuple[int, int, int], classes: int, *, seed: int
) -> nn.Sequential:
    """Build the network of a task, or of a plan's settings, in the width that they ask for."""
    width = {} if settings["width"] is None else {"width": settings["width"]}
    return NETWORKS[settings["network"]](image_shape, classes, seed=seed, **width)


def _adam(task: Task, model: nn.Module) -> torch.optim.Optimizer:
    return keras_adam(
        model.parameters(),
        learning_rate=_float(task, "learning_rate"),
        weight_decay=_float(task, "weight_decay"),
    )


def penalised(model: nn.Sequential, which: Setting) -> tuple[str, ...]:
    """Name the layers that are penalised, the one whose α is reported last."""
    return hidden_layers(model) if which == "all" else (LAYER,)


def _penalties(task: Task, model: nn.Sequential) -> dict[str, SpectralPenalty]:
    """Ask the same of each penalised layer; each has a penalty that may remember its spectrum."""
    return {
        layer: SpectralPenalty(
            alpha=_float(task, "target"),  # 0 where there is none, at β = 0
            beta=_float(task, "beta"),
            ranks=_ranks(task),
            form=cast(Form, task["form"]),
            solver=cast(Solver, task["solver"]),
            every=int(task.get("every") or 1),
        )
        for layer in penalised(model, task["layers"])
    }


def _evaluate(
    task: Task,
    images: Tensor,
    labels: Tensor,
    model: nn.Module,
    epoch: int,
    *,
    undefended: Callable[[], nn.Module],
) -> list[Result]:
    """Measure the network after `epoch` on the test images, and attack it if that was asked."""
    found: list[Result] = [
        _on("test", epoch, accuracy(model, images, labels)),
        _on("test", epoch, layer_alpha(model, LAYER, images, ranks=_ranks(task))),
    ]
    if str(epoch) not in str(task["attack_epochs"]).split():
        return found
    found.append(_on("test", epoch, layer_spectrum(model, LAYER, images)))
    started = time.perf_counter()
    count, epsilons = _int(task, "attack_images"), _floats(task, "epsilons")
    step = {"steps": _int(task, "pgd_steps"), "step_size": _float(task, "pgd_step_size")}
    attacks = {
        "fgsm": lambda ball: partial(fgsm, ball=ball),
        "pgd": lambda ball: partial(pgd, ball=ball, **step),
    }
    for name, attack in attacks.items():
        curve = attack_curve(
            name, model, images[:count], labels[:count], attack=attack, epsilons=epsilons
        )
        found += [_on("test", epoch, curve), *_halving(name, curve, epoch)]
    if task.get("verdict") and epoch == _int(task, "epochs"):
        classes = int(labels.max()) + 1
        found += _judged(task, images[:count], labels[:count], model, epoch, classes, undefended)
    seconds = time.perf_counter() - started
    return [*found, Score("seconds", seconds, settings={"part": "attacking", "epoch": epoch})]


def _judged(
    task: Task,
    images: Tensor,
    labels: Tensor,
    model: nn.Module,
    epoch: int,
    classes: int,
    undefended: Callable[[], nn.Module],
) -> list[Result]:
    """Say whether what PGD leaves at the strength of the paper's figure is real.

    A network with a penalty has to leave more than one without does, and to withstand what fools
    that one; the one without can only be compared with guessing.
    """
    eps = SHOWN_EPS.get((str(task["network"]), str(task["data"])), 0.05)
    count = min(int(task.get("verdict_images") or JUDGED), len(images))
    attacks = Attacks({"Linf": (eps,)}, attack_wrong=False)
    judge = Judge({"Linf": eps}, count, classes)
    if task["target"] is not None:
        other = undefended()
        held = robust_accuracy(
            other, images[:count], labels[:count], attacks.at("Linf", eps), batch_size=count
        )
        judge = judge._replace(surrogate=other, baseline={"Linf": held.double().mean().item()})
    study = network_robustness(
        model,
        in_batches(images.cpu(), labels.cpu(), batch_size=JUDGED),
        attacks=attacks,
        judge=judge,
        seed=_int(task, "seed"),
        source="",
    )
    wanted = ("sign", "probe", "verdict")
    return [
        _on("test", epoch, one)
        for one in study.results
        if isinstance(one, Score) and one.name in wanted
    ]


def _undefended(
    task: Task, images: Tensor, labels: Tensor, classes: int, checkpoint: Path
) -> nn.Module:
    """Train the network of a task without its penalty, frozen beside `checkpoint` meanwhile."""
    without = {**task, "label": "undefended", "beta": 0.0, "target": None}
    name = digest([without, str(labels.device)])
    frozen = checkpoint.with_suffix(".undefended.json")
    if name not in _UNDEFENDED:
        channels, height, width = images.shape[1:]
        model = build(task, (channels, height, width), classes, seed=_int(task, "seed"))
        model = model.to(labels.device)
        epochs = _int(task, "epochs")
        for found in train(
            model,
            images,
            labels,
            objective=standard,
            optimizer=_adam(task, model),
            epochs=epochs,
            batch_size=_int(task, "batch_size"),
            seed=_int(task, "seed"),
            checkpoint=frozen,
            task=without,
        ):
            note(checkpoint, _epoch(found[0]), epochs, "without a penalty, to judge by")
        while len(_UNDEFENDED) >= KEPT:
            del _UNDEFENDED[next(iter(_UNDEFENDED))]
        _UNDEFENDED[name] = model
    checkpoints.remove(frozen)  # also that of a stopped run, which this process had no need of
    return _UNDEFENDED[name]


def _halving(name: str, curve: Curve, epoch: int) -> list[Score]:
    """The strength that halves accuracy, the paper's criterion, where the curve falls so far."""
    if min(curve.y) > curve.y[0] / 2:
        return []
    halved = epsilon_at(curve.x, curve.y, fraction=0.5)
    return [Score(f"epsilon_half_{name}", halved, settings={"on": "test", "epoch": epoch})]


def _stamped(results: Sequence[Result], task: Task) -> list[Result]:
    """Give each result the settings of its cell, and a sentence that names it."""
    penalty = (
        "β = 0" if task["target"] is None else f"β = {task['beta']:g}, α* = {task['target']:g}"
    )
    source = f"{task['network']} on {task['data']}, {penalty}, seed {task['seed']}"
    return [
        replace(result, source=source, settings={**task, **result.settings}) for result in results
    ]


def _on(split: str, epoch: int, result: Kind) -> Kind:
    return replace(result, settings={**result.settings, "on": split, "epoch": epoch})


def _progress(found: Sequence[Result]) -> str:
    values = {(r.name, r.settings.get("on")): r.value for r in found if isinstance(r, Score)}
    return f"α {values['alpha', 'train']:.2f}  accuracy {values['accuracy', 'test']:.3f}"


def _epoch(result: Result) -> int:
    return int(result.settings["epoch"] or 0)


def _int(task: Task, name: str) -> int:
    return int(task[name] or 0)


def _float(task: Task, name: str) -> float:
    return float(task[name] or 0)


def _floats(task: Task, name: str) -> tuple[float, ...]:
    return tuple(map(float, str(task[name]).split()))


def _ranks(task: Task) -> tuple[int, int]:
    first, last = str(task["ranks"]).split("-")
    return int(first), int(last)
