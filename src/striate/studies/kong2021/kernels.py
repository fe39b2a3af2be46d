"""One plan of passes for all measurements of a network that look at photographs."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from striate.activations import Images, Progress
from striate.datasets import Presented
from striate.models import Network
from striate.responses import Kernel
from striate.results import layers_of
from striate.studies import spectra
from striate.studies.kong2021.shown import Shown
from striate.studies.predictivity.sharing import protocol_of
from striate.studies.spectra.recordings import images_of
from striate.studies.tuning import planes_of
from striate.study import Task
from striate.study.photographs import Drawn, kernels_of_draws

PHOTOGRAPHS = "photographs"  # whose principal components predict a recording
STIMULI = "stimuli"  # of the recording


def shared_kernels(
    tasks: Mapping[str, Task],
    *,
    network: Network,
    pictures: spectra.Pictures,
    shown: Shown,
    memory: str = "4GB",
    batch_size: int = 32,
    progress: Progress | None = None,
    partial: Path | None = None,
) -> Iterator[tuple[str, str, Kernel]]:
    """Show photographs, and the images of a recording, once for spectra and predictivity.

    Parameters
    ----------
    tasks
        Those of the steps spectra, pls and ridge that are to be done.
    network, pictures, shown
        The same as they were made of.
    memory, batch_size, progress, partial
        As in `kernels_of_draws`.

    Yields
    ------
    layer, draw, kernel
        As `kernels_of_draws`; none if there are no such tasks.
    """
    draws: dict[str, Drawn] = {}
    others: dict[str, Images] = {}
    raw: list[str] = []
    if "spectra" in tasks:
        draws |= spectra.draws_of(tasks["spectra"], pictures)
    mapped = tasks.get("pls") or tasks.get("ridge")
    way = shown.presentation(network, str(mapped["protocol"])) if mapped else None
    if mapped is not None and shown.cortex is not None and way is not None:
        protocol = protocol_of(str(mapped["protocol"]))
        wanted = int(mapped["images"] or 0)
        whole = wanted == pictures.available
        rows = pictures.order(*((None, None) if whole else (wanted, int(mapped["seed"] or 0))))
        draws[PHOTOGRAPHS] = Drawn(rows, protocol.z_scored)
        stimuli = images_of(shown.cortex.recording)
        seen = Presented(stimuli, way, network.size, planes_of(network))
        others, raw = {STIMULI: seen}, [STIMULI] if protocol.raw else []
    if not draws:
        return
    layers = layers_of(tasks.get("spectra") or mapped or {})
    yield from kernels_of_draws(
        network.model,
        pictures.pick,
        draws,
        layers,
        crossed=PHOTOGRAPHS if others else None,
        others=others,
        raw=raw,
        memory=memory,
        batch_size=batch_size,
        source=network.name,
        progress=progress,
        partial=partial,
    )
