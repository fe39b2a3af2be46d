"""A network and a recording compared, as a task and its measurement."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from striate.activations import collect
from striate.datasets import Presentation, Presented, Recording, present
from striate.models import Network
from striate.responses import Responses
from striate.results import Result, layers_of, spelled_layers
from striate.spectra import Algorithm, Gains
from striate.spectra.conditions import units_compared
from striate.studies.spectra.about import (
    RECORDED,
    SHOWN,
    about_network,
    file_stem,
    spelled_presentation,
    with_settings,
)
from striate.studies.spectra.chosen import chosen_layers
from striate.studies.spectra.pictures import planes_of
from striate.studies.spectra.recordings import (
    clusters_of,
    dimensions_of,
    few_clusters,
    groups_of,
    images_of,
    recording_task,
)
from striate.study import Task
from striate.study.spectra import Window, fair_comparison
from striate.study.spectra.stimuli import lost_stimuli
from striate.study.spectra.written import spelled_gains

KEPT = ("model", "model_sha256", "recording", *SHOWN)


def comparison_task(
    network: Network,
    recording: Recording,
    layers: Sequence[str],
    *,
    window: Window,
    algorithm: Algorithm = "text",
    seed: int = 0,
    dimensions: float | None = None,
    presentation: Presentation | None = None,
    gains: Gains = "equal",
) -> Task:
    """Return the settings that determine the comparison of a network with a recording.

    Parameters
    ----------
    network, recording, layers, window, algorithm, seed, dimensions
        As in `network_task` and `recording_task`.
    presentation
        How large the network sees the images. None: resized to all that it takes.
    gains
        As in `compare_spectra`.

    Raises
    ------
    ValueError
        If the recording has no images, or they cannot be shown like this; a layer does not exist;
        or as `recording_task` and `units_compared`.
    """
    images = images_of(recording)
    if presentation is not None:
        present(images[:1], presentation, size=network.size)
    about = recording_task(
        recording,
        window=window,
        algorithm=algorithm,
        shuffles=10,
        seed=seed,
        dimensions=dimensions,
    )
    compared = units_compared(recording.responses.tensor, gains, window.ranks)
    groups_of(recording, seed=seed, units=compared)  # as of all, if they are to be dealt out
    return {
        **about,
        **about_network(network),
        "version": RECORDED,
        **recording.told(),
        **spelled_presentation(presentation),
        **spelled_gains(gains),
        "kind": "comparison",
        "label": f"comparison-{file_stem(network.name)}-{file_stem(recording.responses.source)}",
        "layers": spelled_layers(chosen_layers(network, layers).places),
    }


def measure_comparison(
    task: Task,
    _: Path,
    *,
    network: Network,
    recording: Recording,
    window: Window,
    algorithm: Algorithm,
    presentation: Presentation | None = None,
    gains: Gains = "equal",
    batch_size: int = 32,
) -> list[Result]:
    """Measure what `comparison_task` described.

    Parameters
    ----------
    task
        From `comparison_task`.
    network, recording, window, algorithm, presentation, gains
        The same as the task was made of.
    batch_size
        Images shown at a time.

    Raises
    ------
    ValueError
        If a layer has fewer units than the recording, or as `fair_comparison`; the layer is named.
    """
    planes = planes_of(network)
    shown = (
        as_seen(recording, network.size, planes)
        if presentation is None
        else Presented(images_of(recording), presentation, network.size, planes)
    )
    chosen, kept = layers_of(task), (*KEPT, *recording.told())
    squeezed = presentation is None and squeezed_from(recording)
    told = {"squeezed_from": squeezed} if squeezed else {}
    seed = int(task["seed"] or 0)
    compared = units_compared(recording.responses.tensor, gains, window.ranks)
    groups = groups_of(recording, seed=seed, units=compared)
    _check_widths(collect(network.model, shown[:1], chosen), int(compared.sum()))
    results: list[Result] = []
    for layer in chosen:
        # One layer at a time is held.
        responses = collect(
            network.model, shown, layer, batch_size=batch_size, source=network.name
        )[layer]
        try:
            found = fair_comparison(
                responses,
                recording.responses,
                window=window,
                algorithm=algorithm,
                seed=seed,
                shuffles=int(task["shuffles"] or 0),
                clusters=clusters_of(recording),
                groups=groups,
                dimensions=dimensions_of(task),
                gains=gains,
            )
        except ValueError as error:
            small = "" if presentation is None else _width_told(presentation, network.size)
            raise ValueError(f"layer {layer}: {error}{small}") from error
        results += [with_settings(result, task, kept, layer=layer, **told) for result in found]
    return results


def comparison_notes(
    network: Network,
    recording: Recording,
    *,
    window: Window,
    gains: Gains,
    seed: int = 0,
    presentation: Presentation | None = None,
) -> tuple[str, ...]:
    """Say what a comparison leaves out, if its error is of few groups, and if images are squeezed.

    Parameters
    ----------
    network, recording, window, gains, seed, presentation
        As in `comparison_task`.

    Raises
    ------
    ValueError
        If fewer than two stimuli are left, or as `units_compared`.
    """
    there = recording.responses.tensor
    compared = units_compared(there, gains, window.ranks)
    numbers = torch.arange(len(compared)) if recording.units is None else recording.units
    squeezed = presentation is None and squeezed_from(recording)
    told = (
        f"images of {squeezed} pixels are squeezed to {network.size}×{network.size}, all that the "
        "network takes; --stimulus-deg shows them in their proportions"
    )
    return (
        *_kept_of(compared),
        *lost_stimuli(there[:, :, compared], seed=seed, units=numbers[compared]),
        *few_clusters(recording, seed=seed, units=compared),
        *((told,) if squeezed else ()),
    )


def squeezed_from(recording: Recording) -> str:
    """Give height and width of images that are not square; nothing of others."""
    height, width = images_of(recording).shape[-2:]
    return "" if height == width else f"{height}×{width}"


def _width_told(presentation: Presentation, size: int) -> str:
    wide = presentation.width_px(size)
    return f" (images are {wide} of the network's {size} pixels wide)"


def _kept_of(compared: Tensor) -> tuple[str, ...]:
    """Say how many neurons are compared, if not all are."""
    if compared.all():
        return ()
    return (
        f"{int(compared.sum())} of {len(compared)} units are compared: of the others, signal is "
        "less than a tenth of a trial's variance (--gains own takes all, as they are)",
    )


def _check_widths(layers: Mapping[str, Responses], wanted: int) -> None:
    narrow = [name for name, layer in layers.items() if layer.tensor.shape[2] < wanted]
    if narrow:
        raise ValueError(
            f"the recording has {wanted} units and there are fewer in {', '.join(narrow)}; leave "
            "these layers out"
        )


def as_seen(recording: Recording, size: int, channels: int = 3) -> Tensor:
    """Bring a recording's images to the size a network takes: resized, grey in each channel.

    Parameters
    ----------
    recording
        With images.
    size
        Side in pixels.
    channels
        That the network takes.

    Returns
    -------
    images
        Pixels in [0, 1], (stimuli, channels, size, size).

    Raises
    ------
    ValueError
        If there are no images, or they are in colour and the network takes grey.
    """
    from torch.nn.functional import interpolate

    images = images_of(recording)
    if images.shape[1] not in (1, channels):
        raise ValueError(f"images has {images.shape[1]} channels, the network takes {channels}")
    if images.shape[-2:] != (size, size):
        images = interpolate(
            images, (size, size), mode="bilinear", antialias=True, align_corners=False
        ).clamp(0, 1)
    return images.expand(-1, channels, -1, -1)
