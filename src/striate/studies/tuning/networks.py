"""The tuning of a network's layers, as a task and its measurement."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import torch

from striate.activations import Images, Progress, centre
from striate.models import Network
from striate.results import Setting, layers_of, spelled_layers
from striate.studies.spectra.about import about_network, file_stem, with_settings
from striate.studies.spectra.chosen import chosen_layers
from striate.studies.spectra.pictures import Pictures, planes_of
from striate.study import Measured, Task
from striate.study.spectra import SET_SIZE
from striate.study.tuning import (
    DRAWS,
    EXPERIMENTS,
    STEPS,
    Shown,
    check_numbers,
    network_tuning,
    stimuli_for,
)

NAME = "tuning"
VERSION = 1  # rises when numbers change, not when code does


def network_task(
    network: Network,
    layers: Sequence[str],
    *,
    protocol: str = "paper",
    field_deg: float | None = None,
    pictures: Pictures | None = None,
    experiments: int = EXPERIMENTS,
    draws: int = DRAWS,
    optimal: int = 0,
    temperature: float = 1.0,
    seed: int = 0,
) -> Task:
    """Return the settings that determine the tuning of a network's layers.

    Parameters
    ----------
    network
        As `striate.models.load` gives it.
    layers
        Names or globs.
    protocol, field_deg
        As in `striate.study.tuning.stimuli_for`.
    pictures
        As `striate.studies.spectra.pictures` finds them for this network; to compare the
        frequencies that principal components prefer with their ranks.
    experiments, draws, optimal, temperature, seed
        As in `striate.study.tuning.network_tuning`.

    Raises
    ------
    ValueError
        If the stimuli cannot be drawn for this network, a layer does not exist, or a number is too
        small; or if the network is shown photographs of another size than the patches.
    """
    check_numbers(
        experiments=experiments, draws=draws, optimal=optimal, temperature=temperature, seed=seed
    )
    shown = stimuli_for(network.size, protocol=protocol, field_deg=field_deg)
    side = shown.bank.images.shape[-1]
    if pictures is not None and side != network.size:
        raise ValueError(
            f"protocol={protocol!r} shows patches of {side} pixels to {network.name}, which takes "
            f"photographs of {network.size}; choose protocol paper, or leave the images out"
        )
    seen: dict[str, Setting] = {"pictures": None}
    if pictures is not None:
        seen = {
            "pictures": pictures.name,
            "available": pictures.available,
            **pictures.told(),
            "set_size": min(SET_SIZE, pictures.available),
            "z_scored": True,
        }
    return {
        **about_network(network),
        "study": NAME,
        "version": VERSION,
        "kind": "network",
        "label": f"tuning-{file_stem(network.name)}",
        "layers": spelled_layers(chosen_layers(network, layers, reduce=centre).places),
        **shown.settings(),
        **_rounding(network),
        **seen,
        "experiments": experiments,
        "draws": draws,
        "optimal": optimal,
        **({"steps": STEPS, "temperature": temperature} if optimal else {}),
        "seed": seed,
    }


def measure_network(
    task: Task,
    partial_file: Path,
    *,
    network: Network,
    field_deg: float | None = None,
    pictures: Pictures | None = None,
    memory: str = "4GB",
    batch_size: int = 32,
    progress: Progress | None = None,
) -> Measured:
    """Measure what `network_task` described.

    Parameters
    ----------
    task
        From `network_task`.
    partial_file
        Where unfinished sums may lie; they stay until the result is written (`striate.study.run`).
    network, field_deg, pictures
        The same as the task was made of.
    memory, batch_size, progress
        As in `striate.study.tuning.network_tuning`.
    """
    sums = partial_file.with_suffix("")
    found = network_tuning(
        network.model,
        _stimuli(task, network, field_deg),
        layers_of(task),
        experiments=int(task["experiments"] or 0),
        draws=int(task["draws"] or 0),
        seed=int(task["seed"] or 0),
        optimal=int(task["optimal"] or 0),
        steps=STEPS,
        temperature=float(task.get("temperature") or 1),
        photographs=None if pictures is None else _drawn(pictures, task),
        z_scored=bool(task.get("z_scored")),
        memory=memory,
        batch_size=batch_size,
        source=network.name,
        progress=progress,
        partial=sums,
    )
    kept = ("model", "model_sha256", "pictures")
    return Measured([with_settings(result, task, kept) for result in found.results], found.arrays)


def _rounding(network: Network) -> dict[str, Setting]:
    """Tell results by the bound on rounding; in float32 it is what it always was.

    2: in float64 that of the pixels counts, which are float32; in half precision that of a mean.
    """
    parts = chain(network.model.parameters(), network.model.buffers())
    types = {part.dtype for part in parts if part.is_floating_point()}
    return {"rounding": 2} if types - {torch.float32} else {}


def _stimuli(task: Task, network: Network, field_deg: float | None) -> Shown:
    return stimuli_for(
        network.size,
        protocol=str(task["protocol"]),
        field_deg=field_deg,
        channels=planes_of(network),
    )


def _drawn(pictures: Pictures, task: Task) -> Images:
    """Draw one set, or all there are if they are no more."""
    if pictures.available <= SET_SIZE:
        return pictures.draw(None, None)
    return pictures.draw(SET_SIZE, int(task["seed"] or 0))
