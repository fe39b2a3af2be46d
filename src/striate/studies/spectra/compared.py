"""A network and a recording compared, as a task and its measurement."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from striate.activations import collect
from striate.datasets import Recording
from striate.layers import match
from striate.models import Network
from striate.responses import Responses
from striate.results import Result
from striate.spectra import Algorithm
from striate.studies.spectra.about import about_network, file_stem, with_settings
from striate.studies.spectra.recordings import clusters_of, groups_of, recording_task
from striate.study import Task
from striate.study.spectra import Window, fair_comparison


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
        **about_network(network),
        "kind": "comparison",
        "label": f"comparison-{file_stem(network.name)}-{file_stem(recording.responses.source)}",
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

    Raises
    ------
    ValueError
        If a layer has fewer units than the recording, or as `fair_comparison`.
    """
    shown = as_seen(recording, network.size)
    chosen = str(task["layers"]).split()
    _check_widths(collect(network.model, shown[:1], chosen), recording.responses)
    results: list[Result] = []
    for layer in chosen:
        # One layer at a time is held.
        responses = collect(
            network.model, shown, layer, batch_size=batch_size, source=network.name
        )[layer]
        results += [
            with_settings(result, task, ("model", "model_sha256", "recording"), layer=layer)
            for result in fair_comparison(
                responses,
                recording.responses,
                window=window,
                algorithm=algorithm,
                seed=int(task["seed"] or 0),
                shuffles=int(task["shuffles"] or 0),
                clusters=clusters_of(recording),
                groups=groups_of(recording),
            )
        ]
    return results


def _check_widths(layers: Mapping[str, Responses], recording: Responses) -> None:
    wanted = recording.tensor.shape[2]
    narrow = [name for name, layer in layers.items() if layer.tensor.shape[2] < wanted]
    if narrow:
        raise ValueError(
            f"the recording has {wanted} units and there are fewer in {', '.join(narrow)}; leave "
            "these layers out"
        )


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
