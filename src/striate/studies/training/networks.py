"""A network's training, as a task and what comes of it."""

import hashlib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from striate._checks import check_whole
from striate.models import Network, fingerprint
from striate.results import Result, Setting, layers_of, spelled_layers, write_atomically
from striate.results import load as load_results
from striate.spectra import SpectralPenalty
from striate.studies.spectra.about import file_stem, with_settings
from striate.studies.training.epochs import progress, summary, tested
from striate.studies.training.material import Material
from striate.studies.training.plans import PRECISIONS, Plan, every
from striate.studies.training.together import first, wrapped
from striate.studies.training.trying import try_out
from striate.study import Task, path_of
from striate.study.progress import note
from striate.training import Source, make_objective, train
from striate.training.checkpoint import plain

NAME = "training"
VERSION = 1  # rises when numbers change, not when code does
KEPT = ("model", "data", "objective", "seed")


def network_task(
    network: Network, material: Material, plan: Plan, *, seed: int, processes: int = 1
) -> Task:
    """Return the settings that determine a trained network.

    Parameters
    ----------
    network
        As `striate.models.load` gives it, with the weights to start from, e.g. those of
        ``load(name, pretrained=False, seed=seed)``.
    material
        As `material` finds it for this network.
    plan
        Of `plan`.
    seed
        Decides the order of images and all that is random about them and the objective.
    processes
        How many train together, each on its part of a batch: as `processes` counts them.

    Raises
    ------
    ValueError
        If images do not pass through the network, it does not have an output for each class, a
        layer to penalise does not exist, a batch is too small or its spectrum too short, the
        network answers otherwise in training mode, a file of weights could not hold what it
        learns, or, of several processes, it has parameters that take no part in its answer.
    """
    check_whole("seed", seed, least=0)
    tried, spectral = try_out(network, material, plan, processes=processes), plan.spectral
    chosen = {**plan._asdict(), "drops": " ".join(map(str, plan.drops)) or None}
    for name in ("objective", "settings", "spectral", "augment"):
        del chosen[name]
    return {
        "study": NAME,
        "version": VERSION,
        "kind": "network",
        "label": _label(network, material, plan, seed),
        "model": network.name,
        "initial_sha256": fingerprint(network.model)[:12],
        "size": network.size,
        "data": material.name,
        "images": len(material.labels),
        **({"left_out": material.left_out} if material.left_out else {}),
        "classes": material.classes,
        "objective": plan.objective,
        **plan.settings,
        **chosen,
        "augment": material.augmented,
        "spectral_alpha": None if spectral is None else spectral.alpha,
        "spectral_beta": None if spectral is None else spectral.beta,
        "spectral_layers": spelled_layers(tried.layers) or None,
        "spectral_ranks": None if spectral is None else "{}-{}".format(*spectral.ranks),
        "spectral_units": None if spectral is None else spectral.units,
        # Left out where it is 1: results of before there was a choice keep their names.
        **({} if spectral is None or spectral.every == 1 else {"spectral_every": spectral.every}),
        # Where there is a choice: that of before rounded the slopes away.
        **(
            {"slopes": "without autocast"}
            if plan.objective == "igr" and PRECISIONS[plan.precision] is not None
            else {}
        ),
        # Before, the difference of two draws was taken for a slope.
        **({"draws": "alike in both passes"} if plan.objective == "igr" and tried.draws else {}),
        # Each normalises its part of a batch by itself, and has random numbers of its own.
        **({} if processes == 1 else {"processes": processes}),
        "seed": seed,
    }


def train_network(
    task: Task,
    checkpoint: Path,
    *,
    network: Network,
    material: Material,
    plan: Plan,
    folder: Path,
    device: str = "cpu",
) -> list[Result]:
    """Train what `network_task` described, and write its weights into the results folder.

    Parameters
    ----------
    task
        From `network_task`.
    checkpoint
        Where its training may be frozen, a ``.json`` path.
    network, material, plan
        The same as the task was made of. `network` itself stays as it is.
    folder
        The results folder: the weights lie beside the result, as ``.safetensors``.
    device
        Where torch computes.

    Returns
    -------
    results
        ``loss`` and ``accuracy`` on training images, and ``alpha_LAYER`` of each penalised layer,
        as curves over epochs and at the end; ``accuracy`` on test images at the end; and
        ``seconds``. With the settings ``model_sha256`` (`fingerprint` of the trained network),
        ``weights`` and ``weights_sha256`` (the file). Of several processes all train, and only the
        first tests and writes; the others return nothing.
    """
    seed = int(task["seed"] or 0)
    model = deepcopy(network.model).to(device)
    penalties = _penalties(model, task, plan)
    objective, memory = make_objective(
        plan.objective, plan.settings, seed=seed, penalties=penalties
    )
    history: list[Result] = []
    for found in train(
        wrapped(model, device),
        _placed(material.images, device),
        material.labels.to(device),
        objective=objective,
        optimizer=_optimizer(model, plan),
        epochs=plan.epochs,
        batch_size=plan.batch_size,
        seed=seed,
        checkpoint=checkpoint,
        task=task,
        alongside=None if memory is None else memory.to(device),
        inputs=every((*material.changes, *plan.changes())),
        schedule=plan.rates(),
        replays=plan.replays,
        precision=PRECISIONS[plan.precision],
    ):
        history += found
        if first():
            note(checkpoint, int(found[0].settings["epoch"] or 0), plan.epochs, progress(found))
    if not first():
        return []
    model.eval()
    scores = tested(model, material.test, material.test_labels.to(device))
    layers = layers_of(task, "spectral_layers")
    results = [*summary(history, plan.epochs, last=layers[-1] if layers else None), *scores]
    about = _write(model.cpu(), path_of(task, folder).with_suffix(".safetensors"))
    source = str(task["label"])
    return [
        with_settings(replace(result, source=source), task, KEPT, **about) for result in results
    ]


def weights_problem(path: Path) -> str | None:
    """Say what is wrong with the weights of the training whose result is `path`; None if nothing.

    Raises
    ------
    ValueError
        If the result itself is not there or damaged.
    """
    found = next(iter(load_results(path))).settings
    weights = path.with_name(str(found["weights"]))
    try:
        content = weights.read_bytes()
    except OSError as error:
        return f"{weights} cannot be read ({error.strerror})"
    if hashlib.sha256(content).hexdigest() != found["weights_sha256"]:
        return f"{weights} is damaged"
    return None


def _label(network: Network, material: Material, plan: Plan, seed: int) -> str:
    parts = [file_stem(network.name), file_stem(material.name.split(" ")[0]), plan.objective]
    if plan.spectral is not None:
        parts.append(f"alpha{plan.spectral.alpha:g}")
    if plan.blur is not None:
        parts.append(plan.blur)
    return "-".join([*parts, f"seed{seed}"])


def _write(model: nn.Module, path: Path) -> Mapping[str, Setting]:
    """Write weights as `striate.models.load` reads them; say which they are."""
    content = save(plain(model.state_dict()))
    write_atomically(path, content)
    return {
        "model_sha256": fingerprint(model)[:12],
        "weights": path.name,
        "weights_sha256": hashlib.sha256(content).hexdigest(),
    }


def _optimizer(model: nn.Module, plan: Plan) -> torch.optim.Optimizer:
    usual: dict[str, Any] = {"lr": plan.learning_rate, "weight_decay": plan.weight_decay}
    if plan.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), **usual)
    return torch.optim.SGD(model.parameters(), momentum=plan.momentum, **usual)


def _penalties(model: nn.Module, task: Task, plan: Plan) -> dict[str, SpectralPenalty] | None:
    if plan.spectral is None:
        return None
    return {layer: plan.spectral.penalty() for layer in layers_of(task, "spectral_layers")}


def _placed(images: Tensor | Source, device: str) -> Tensor | Source:
    return images.to(device) if isinstance(images, Tensor) else images
