"""The spectra of a network's layers, as a task and its measurement."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from striate.activations import Progress
from striate.models import Network
from striate.results import Result, layers_of, spelled_layers
from striate.studies.spectra.about import about_network, file_stem, with_settings
from striate.studies.spectra.chosen import chosen_layers
from striate.studies.spectra.pictures import Pictures
from striate.study import Task
from striate.study.photographs import Drawn, kernels_of_draws
from striate.study.spectra import (
    PROTOCOLS,
    SET_SIZE,
    SETS,
    Take,
    Taken,
    network_spectra,
    spectra_of,
    spectrum_draws,
    taking,
)
from striate.study.spectra.window import Components


def network_task(
    network: Network,
    shown: Pictures,
    layers: Sequence[str],
    *,
    protocol: str,
    sets: int = SETS,
    set_size: int = SET_SIZE,
    seed: int = 0,
) -> Task:
    """Return the settings that determine the spectra of a network's layers.

    Parameters
    ----------
    network
        As `striate.models.load` gives it.
    shown
        As `pictures` finds them for this network.
    layers
        Names or globs.
    protocol
        ``paper`` or ``authors``, as said above.
    sets, set_size, seed
        As in `network_spectra`.

    Raises
    ------
    ValueError
        If the protocol is unknown, or a layer does not exist or cannot be read.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol={protocol!r}; choose one of {', '.join(PROTOCOLS)}")
    return {
        **about_network(network),
        "kind": "network",
        "label": f"spectrum-{file_stem(network.name)}",
        "layers": spelled_layers(chosen_layers(network, layers).places),
        "pictures": shown.name,
        "available": shown.available,
        **shown.told(),
        "protocol": protocol,
        "z_scored": True,
        "sets": sets,
        "set_size": set_size,
        "seed": seed,
    }


def draws_of(task: Task, shown: Pictures) -> dict[str, Drawn]:
    """Return what a task of `network_task` draws of its pictures."""
    return spectrum_draws(shown.order, shown.available, **_how(task))


def take_of(task: Task, shown: Pictures) -> Take:
    """Say how to take from kernels of `draws_of` what a task of `network_task` needs of them."""
    asked = ("set_size", "window", "seed")
    how = {name: value for name, value in _how(task).items() if name in asked}
    return taking(shown.available, components=_components(task), **how)


def measure_network(
    task: Task,
    partial_file: Path,
    *,
    network: Network,
    shown: Pictures,
    memory: str = "4GB",
    batch_size: int = 32,
    progress: Progress | None = None,
    taken: Callable[[], Mapping[str, Mapping[str, Taken]]] | None = None,
) -> list[Result]:
    """Measure what `network_task` described.

    Parameters
    ----------
    task
        From `network_task`.
    partial_file
        Where unfinished sums may lie; they stay until the result is written (`striate.study.run`).
    network, shown
        The same as the task was made of.
    memory, batch_size, progress
        As in `striate.activations.kernels`.
    taken
        Gives what `take_of` takes of the kernels of `draws_of`, where these are shared with other
        measurements.
    """
    about = {**_how(task), "components": _components(task), "source": network.name}
    if taken is None:
        show = partial(
            kernels_of_draws,
            network.model,
            shown.pick,
            layers=layers_of(task),
            memory=memory,
            batch_size=batch_size,
            source=network.name,
            progress=progress,
            partial=partial_file.with_suffix(""),
        )
        results = network_spectra(show, shown.order, shown.available, **about)
    else:
        del about["set_size"]  # which what was taken says
        results = spectra_of(taken(), shown.available, **about)
    kept = ("model", "model_sha256", "pictures", "protocol")
    return [with_settings(result, task, kept) for result in results]


def _components(task: Task) -> Components:
    return "authors" if task["protocol"] == "authors" else "all"


def _how(task: Task) -> dict[str, Any]:
    """Return the settings of a task in the words of `network_spectra`."""
    return {
        "window": PROTOCOLS[str(task["protocol"])],
        "z_scored": bool(task["z_scored"]),
        "sets": int(task["sets"] or 0),
        "set_size": int(task["set_size"] or 0),
        "seed": int(task["seed"] or 0),
    }
