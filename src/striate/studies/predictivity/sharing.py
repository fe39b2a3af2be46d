"""Features of a network's layers, made once for all ways in which stimuli are presented."""

from collections.abc import Callable, Sequence
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from striate.activations import Images, Progress
from striate.datasets import Presentation, Presented, Recording
from striate.models import Network
from striate.results import layers_of
from striate.studies.spectra.about import SHOWN
from striate.studies.spectra.pictures import Pictures
from striate.studies.spectra.recordings import images_of
from striate.studies.tuning import planes_of
from striate.study import Task
from striate.study.predictivity import PROTOCOLS, Protocol, layer_features

# (task, where unfinished sums may lie, what is told how far it is) -> features of each layer
Shared = Callable[[Task, Path, Progress | None], dict[str, Float[Tensor, "stimuli components"]]]


def shared_features(
    tasks: Sequence[Task],
    presented: Sequence[Presentation],
    *,
    network: Network,
    recording: Recording,
    pictures: Pictures,
    memory: str = "4GB",
    batch_size: int = 32,
) -> Shared:
    """Prepare the features of all tasks; they are made when the first asks for its own.

    The photographs, which cost most, then cross the network once for all ways in which stimuli are
    presented.

    Parameters
    ----------
    tasks
        Those that are to be measured. They differ in how stimuli are presented, split or mapped.
    presented
        How each of them shows its stimuli.
    network, recording, pictures
        The same as the tasks were made of.
    memory, batch_size
        As in `striate.activations.kernels`.
    """
    made: dict[str, dict[str, Tensor]] = {}

    def features(task: Task, sums: Path, progress: Progress | None) -> dict[str, Tensor]:
        if not made:
            size, planes = network.size, planes_of(network)
            ways = dict(zip(map(_key, tasks), presented, strict=True))
            shown = {
                key: Presented(images_of(recording), way, size, planes) for key, way in ways.items()
            }
            made.update(
                layer_features(
                    network.model,
                    _drawn(pictures, task),
                    shown,
                    layers_of(task),
                    protocol=protocol_of(str(task["protocol"])),
                    partial=sums,
                    memory=memory,
                    batch_size=batch_size,
                    progress=progress,
                )
            )
        return {layer: shown[_key(task)] for layer, shown in made.items()}

    return features


def _drawn(pictures: Pictures, task: Task) -> Images:
    """Draw so many photographs, or take all there are."""
    wanted = int(task["images"] or 0)
    if wanted == pictures.available:
        return pictures.draw(None, None)
    return pictures.draw(wanted, int(task["seed"] or 0))


def protocol_of(name: str) -> Protocol:
    """Return a protocol by its name.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"protocol={name!r}; choose one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def _key(task: Task) -> str:
    """Name a way of presenting stimuli."""
    return " ".join(f"{name}={task[name]}" for name in SHOWN)
