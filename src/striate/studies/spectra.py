r"""Eigenspectra of any network's layers, of any recording, and both compared (Kong et al. 2021).

Is the spectrum of a layer's responses to natural images a power law, with V1's exponent?

Commands
    ``striate measure spectrum MODEL --images DIR --layers '**' --memory 4GB --results DIR``
    ``striate spectrum RECORDING --ranks 5-40 --results DIR``
    ``striate compare spectrum MODEL RECORDING --layers … --ranks 5-12 --results DIR``
Cost
    As many forward passes over the images as the memory makes necessary, and per layer an
    eigendecomposition of images × images for each of 3 sets and 20 parts of the jackknife.
Expect
    Kong et al. 2021: macaque V1 has α near 1; the layers of networks trained on ImageNet mostly
    less. What we got stands in ``docs/spectra.md``.

Where paper and code differ
---------------------------
``paper``: ranks 10–1000. ``authors``: ranks 10–999, as their indices have it (D2). Both z-score
each unit (D1, the text is silent) and weigh rank n by 1/n (D3, the text is silent). Sets of images
are the same for all layers here; in their code each layer saw others. cvPCA: ``text`` is the
paper's algebra, ``released`` the code's, which differs where the mean over neurons follows the
stimulus (D5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from torch import Tensor

from striate import datasets
from striate.activations import Images, Progress, collect
from striate.datasets import Recording
from striate.layers import match
from striate.models import Network, fingerprint
from striate.results import Result, Setting
from striate.spectra import Algorithm
from striate.study import Task
from striate.study.spectra import (
    PROTOCOLS,
    SET_SIZE,
    SETS,
    Window,
    fair_comparison,
    network_spectra,
    recording_spectra,
)

NAME = "spectra"
VERSION = 1  # rises when numbers change, not when code does


def network_task(
    network: Network,
    images: Path,
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
    images
        A folder of photographs.
    layers
        Names or globs.
    protocol
        ``paper`` or ``authors``, as said above.
    sets, set_size, seed
        As in `network_spectra`.

    Raises
    ------
    ValueError
        If the protocol is unknown, a layer does not exist, or no image can be read.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol={protocol!r}; choose one of {', '.join(PROTOCOLS)}")
    found = datasets.images(images, resize=network.resize, crop=network.size)
    return {
        **_of_network(network),
        "kind": "network",
        "label": f"spectrum-{_short(network.name)}",
        "layers": " ".join(match(network.model, list(layers))),
        "images": found.fingerprint,
        "available": len(found.names),
        "protocol": protocol,
        "z_scored": True,
        "sets": sets,
        "set_size": set_size,
        "seed": seed,
    }


def measure_network(
    task: Task,
    partial_file: Path,
    *,
    network: Network,
    images: Path,
    memory: str = "4GB",
    batch_size: int = 32,
    progress: Progress | None = None,
) -> list[Result]:
    """Measure what `network_task` described.

    Parameters
    ----------
    task
        From `network_task`.
    partial_file
        Where unfinished sums may lie.
    network, images
        The same as the task was made of.
    memory, batch_size, progress
        As in `striate.activations.kernels`.
    """
    sums = partial_file.with_suffix("")
    results = network_spectra(
        network.model,
        partial(_drawn, network, images),
        int(task["available"] or 0),
        str(task["layers"]).split(),
        window=PROTOCOLS[str(task["protocol"])],
        z_scored=bool(task["z_scored"]),
        sets=int(task["sets"] or 0),
        set_size=int(task["set_size"] or 0),
        seed=int(task["seed"] or 0),
        memory=memory,
        batch_size=batch_size,
        source=network.name,
        progress=progress,
        partial=sums,
    )
    if sums.is_dir():
        sums.rmdir()  # what lay in it was deleted with the last set of images
    return [_with(result, task, ("model", "model_sha256", "images")) for result in results]


def recording_task(
    recording: Recording,
    *,
    window: Window,
    algorithm: Algorithm = "text",
    shuffles: int = 20,
    seed: int = 0,
) -> Task:
    """Return the settings that determine the spectrum of a recording.

    Parameters
    ----------
    recording
        As `striate.datasets.recording` reads it.
    window
        The window wanted.
    algorithm, shuffles, seed
        As in `recording_spectra`.
    """
    source = recording.responses.source
    return {
        "study": NAME,
        "version": VERSION,
        "kind": "recording",
        "label": f"spectrum-{_short(source)}",
        "recording": source,
        "notes": " ".join(recording.notes),
        **_spelled(window),
        "algorithm": algorithm,
        "shuffles": shuffles,
        "seed": seed,
    }


def measure_recording(
    task: Task, _: Path, *, recording: Recording, window: Window, algorithm: Algorithm
) -> list[Result]:
    """Measure what `recording_task` described.

    Parameters
    ----------
    task
        From `recording_task`.
    recording, window, algorithm
        The same as the task was made of. Stimuli with one name (frames of one movie) leave the
        jackknife together.
    """
    return recording_spectra(
        recording.responses,
        window=window,
        algorithm=algorithm,
        shuffles=int(task["shuffles"] or 0),
        seed=int(task["seed"] or 0),
        clusters=clusters_of(recording),
        groups=_groups(recording),
        notes=recording.notes,
    )


def comparison_task(
    network: Network,
    recording: Recording,
    layers: Sequence[str],
    *,
    window: Window,
    algorithm: Algorithm = "text",
    seed: int = 0,
) -> Task:
    """Return the settings that determine the comparison of a network with a recording.

    Parameters
    ----------
    network, recording, layers, window, algorithm, seed
        As in `network_task` and `recording_task`.

    Raises
    ------
    ValueError
        If the recording has no images, or a layer does not exist.
    """
    if recording.images is None:
        raise ValueError(
            f"{recording.responses.source} comes without its images, which the network must see"
        )
    return {
        **recording_task(recording, window=window, algorithm=algorithm, shuffles=10, seed=seed),
        **_of_network(network),
        "kind": "comparison",
        "label": f"comparison-{_short(network.name)}-{_short(recording.responses.source)}",
        "layers": " ".join(match(network.model, list(layers))),
    }


def measure_comparison(
    task: Task,
    _: Path,
    *,
    network: Network,
    recording: Recording,
    window: Window,
    algorithm: Algorithm,
    batch_size: int = 32,
) -> list[Result]:
    """Measure what `comparison_task` described.

    Parameters
    ----------
    task
        From `comparison_task`.
    network, recording, window, algorithm
        The same as the task was made of.
    batch_size
        Images shown at a time.
    """
    shown = as_seen(recording, network.size)
    results: list[Result] = []
    for layer in str(task["layers"]).split():
        # One layer at a time is held.
        responses = collect(
            network.model, shown, layer, batch_size=batch_size, source=network.name
        )[layer]
        results += [
            _with(result, task, ("model", "model_sha256", "recording"), layer=layer)
            for result in fair_comparison(
                responses,
                recording.responses,
                window=window,
                algorithm=algorithm,
                seed=int(task["seed"] or 0),
                shuffles=int(task["shuffles"] or 0),
                clusters=clusters_of(recording),
                groups=_groups(recording),
            )
        ]
    return results


def as_seen(recording: Recording, size: int) -> Tensor:
    """Bring a recording's images to the size a network takes: resized, grey as three channels.

    Parameters
    ----------
    recording
        With images.
    size
        Side in pixels.

    Returns
    -------
    images
        Pixels in [0, 1], (stimuli, 3, size, size).

    Raises
    ------
    ValueError
        If there are no images.
    """
    from torch.nn.functional import interpolate

    if recording.images is None:
        raise ValueError("the recording comes without its images")
    images = recording.images
    if images.shape[-2:] != (size, size):
        images = interpolate(
            images, (size, size), mode="bilinear", antialias=True, align_corners=False
        ).clamp(0, 1)
    return images.expand(-1, 3, -1, -1)


def clusters_of(recording: Recording) -> Tensor | None:
    """Number the stimuli by the name of what they stem from; None without names."""
    if recording.image_ids is None:
        return None
    place = {name: number for number, name in enumerate(dict.fromkeys(recording.image_ids))}
    return Tensor([place[name] for name in recording.image_ids]).long()


def _groups(recording: Recording) -> int:
    """Twenty groups of the jackknife, or as many as there are movies."""
    return min(20, len(set(recording.image_ids or range(20))))


def _drawn(network: Network, folder: Path, count: int | None, seed: int | None) -> Images:
    size = {"resize": network.resize, "crop": network.size}
    return datasets.images(folder, n=count, seed=seed, **size)


def _of_network(network: Network) -> dict[str, Setting]:
    return {
        "study": NAME,
        "version": VERSION,
        "model": network.name,
        "model_sha256": fingerprint(network.model)[:12],
        "size": network.size,
    }


def _spelled(window: Window) -> dict[str, Setting]:
    return {"ranks": f"{window.ranks[0]}-{window.ranks[1]}", "weights": window.weights}


def _short(name: str) -> str:
    """Make a file name of a source: what follows the last slash."""
    named = Path(name.split(": ")[0]).name
    return "".join(sign if sign.isalnum() or sign in "._-" else "-" for sign in named)


def _with(
    result: Result, task: Mapping[str, Setting], names: Sequence[str], **more: Setting
) -> Result:
    """Add settings of the task to those of a result."""
    added = {name: task[name] for name in names}
    return replace(result, settings={**added, **result.settings, **more})


__all__ = [
    "NAME",
    "as_seen",
    "clusters_of",
    "comparison_task",
    "measure_comparison",
    "measure_network",
    "measure_recording",
    "network_task",
    "recording_task",
]
