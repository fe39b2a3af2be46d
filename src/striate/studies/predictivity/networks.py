"""How well a network predicts a recording, as a task and its measurement."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from torch import Tensor

from striate._checks import check_whole
from striate.activations import Progress
from striate.datasets import Presentation, Recording, present
from striate.models import Network
from striate.results import Setting, load, load_arrays, spelled_layers
from striate.studies.predictivity.sharing import Shared, protocol_of
from striate.studies.spectra.about import SHOWN, about_network, file_stem, spelled_presentation
from striate.studies.spectra.chosen import chosen_layers
from striate.studies.spectra.pictures import Pictures, planes_of
from striate.studies.spectra.recordings import images_of
from striate.study import Measured, Task, path_of
from striate.study.predictivity import (
    COVARIANCE,
    LEAST_IMAGES,
    MOST_COMPONENTS,
    Population,
    Regression,
    Rival,
    check_minimum,
    check_same,
    difference,
    is_uneven,
    network_predictivity,
    rival_of,
    splits_of,
)
from striate.study.run import is_done

NAME = "predictivity"
VERSION = 1  # rises when numbers change, not when code does
# Of ridge. 2: a neuron that is silent in one fold no longer decides the penalty of all.
RIDGE = 2
PHOTOGRAPHS = 1536  # Kong et al. 2021, in the code
SPLITS = 20
GROUPED = ("none", "movie")

KEPT = (
    "model", "model_sha256", "size", "recording", "population", "pictures", "images", "protocol",
    "grouped", *SHOWN, "seed",
)  # fmt: skip


def presentations(
    degrees: Sequence[float],
    *,
    size: int,
    protocol: str,
    field_deg: float | None = None,
    crop_px: int | None = None,
) -> list[Presentation]:
    """Return how images are shown, for each of several widths in degrees.

    Parameters
    ----------
    degrees
        Widths of what is shown of an image. A recording seldom says; so there is no default.
    size
        Side of the images that the network takes, in pixels.
    protocol
        A key of `striate.study.predictivity.PROTOCOLS`; it says what `field_deg` is if that is
        None.
    field_deg, crop_px
        As in `striate.datasets.Presentation`.

    Raises
    ------
    ValueError
        If the protocol is unknown, a width is given twice, or as `Presentation`.
    """
    field = protocol_of(protocol).field_deg(size) if field_deg is None else field_deg
    if not degrees or len(set(degrees)) < len(degrees):
        raise ValueError(f"stimulus_deg={tuple(degrees)}: give each width once")
    return [Presentation(width, field, crop_px) for width in degrees]


def network_task(
    network: Network,
    recording: Recording,
    pictures: Pictures,
    layers: Sequence[str],
    *,
    presentation: Presentation,
    population: str | None = None,
    protocol: str = "paper",
    regression: Regression,
    grouped: str = "none",
    splits: int = SPLITS,
    minimum_reliability: float = 0.0,
    against: Rival | None = None,
    seed: int = 0,
) -> Task:
    """Return the settings that determine how well a network predicts a recording.

    Parameters
    ----------
    network
        As `striate.models.load` gives it.
    recording
        As `striate.datasets.recording` reads it, with its images.
    pictures
        Natural images for the principal components, as `striate.studies.spectra.pictures` finds
        them for this network.
    layers
        Names or globs.
    presentation
        One of `presentations`.
    population
        What `recording` was read for, of a file that holds several.
    protocol
        ``paper``, ``authors`` or ``consistent``, as said above.
    regression
        Which map.
    grouped
        ``"movie"``: stimuli with one name, frames of one movie or textures of one photograph, stay
        on one side of a split. ``"none"``: they do not.
    splits
        How many.
    minimum_reliability
        That a neuron must exceed to be counted, from 0 on and below 1: as in
        `striate.study.predictivity.population_of`.
    against
        As `read_rival` reads it.
    seed
        From 0 on. Of the draw of photographs and of the bootstrap. Splits have seeds of their own.

    Raises
    ------
    ValueError
        If the recording has no images, or no names to group by; it cannot be split, or has too few
        stimuli for the regression;
        there are too few photographs; a layer does not exist; a setting is unknown or out of range;
        or `against` was measured in another way.
    """
    protocol_of(protocol)
    regression.check()
    check_minimum(minimum_reliability)
    check_whole("seed", seed, least=0)
    _check_shown(images_of(recording), presentation, network)
    if pictures.available < LEAST_IMAGES:
        raise ValueError(
            f"{pictures.available} photographs of {pictures.name}: give at least {LEAST_IMAGES}, "
            f"better {PHOTOGRAPHS}"
        )
    drawn = min(PHOTOGRAPHS, pictures.available)
    pca = min(MOST_COMPONENTS, drawn - 1)
    parts = splits_of(len(recording.kept), count=splits, groups=_groups(recording, grouped))
    regression.check_room(parts, pca)
    task: dict[str, Setting] = {
        **about_network(network),
        "study": NAME,
        "version": RIDGE if regression.how == "ridge" else VERSION,
        "kind": "network",
        "label": f"{NAME}-{file_stem(network.name)}-{file_stem(recording.responses.source)}",
        "layers": spelled_layers(chosen_layers(network, layers).places),
        "recording": recording.responses.source,
        "notes": "; ".join(recording.notes),
        **recording.told(),
        "population": population,
        "pictures": pictures.name,
        **pictures.told(),
        "images": drawn,
        "pca": pca,
        "protocol": protocol,
        **regression.settings(),
        "splits": splits,
        "grouped": grouped,
        **spelled_presentation(presentation),
        "against": None if against is None else against.name,
        "seed": seed,
    }
    # Only where they move a number: results from before there was a choice keep their names.
    if minimum_reliability:
        task["minimum_reliability"] = minimum_reliability
    if is_uneven(recording.responses):
        task["reliability"] = COVARIANCE
    if against is not None:
        check_same(task, against)
    return task


def measured_alone(task: Task, folder: Path) -> Path | None:
    """Return where a sound result of a task without a comparison lies; None if there is none."""
    alone = {**task, "against": None}
    return path_of(alone, folder) if is_done(alone, folder) else None


def measure_network(
    task: Task,
    partial_file: Path,
    *,
    folder: Path,
    network: Network,
    recording: Recording,
    features: Shared,
    neurons: Population,
    regression: Regression,
    against: Rival | None = None,
    progress: Progress | None = None,
) -> Measured:
    """Measure what `network_task` described.

    Parameters
    ----------
    task
        From `network_task`.
    partial_file
        Where unfinished sums may lie; they stay until the result is written (`striate.study.run`).
    folder
        Of results. What lies there already is not measured again to be compared.
    network, recording, regression, against
        The same as the task was made of.
    features
        Of `shared_features`, made with this task.
    neurons
        Of the recording: `striate.study.predictivity.population_of`, with the task's minimum of
        reliability.
    progress
        Told how many batches have been shown, of how many.
    """
    alone = None if against is None else measured_alone(task, folder)
    if alone is not None:
        found = Measured(load(alone), load_arrays(alone))
    else:
        sums = partial_file.with_suffix("")
        found = network_predictivity(
            features(task, sums, progress),
            neurons,
            splits=splits_of(
                len(recording.kept),
                count=int(task["splits"] or 0),
                groups=_groups(recording, str(task["grouped"])),
            ),
            regression=regression,
            source=network.name,
            settings={name: task[name] for name in (*KEPT, *recording.told())},
        )
    if against is None:
        return found
    ours = rival_of(found.results, found.arrays)
    # Results from before it was written say it in their task only.
    ours = ours._replace(settings={**ours.settings, "seed": task["seed"]})
    gap = difference(ours, against, seed=int(task["seed"] or 0))
    return Measured([*found.results, gap], found.arrays)


def _check_shown(images: Tensor, presentation: Presentation, network: Network) -> None:
    """Try out one image, which costs a pass only where colour may be too much for a network."""
    channels = planes_of(network) if images.shape[1] > 1 else 1
    present(images[:1], presentation, size=network.size, channels=channels)


def _groups(recording: Recording, grouped: str) -> tuple[str, ...] | None:
    if grouped not in GROUPED:
        raise ValueError(f"grouped={grouped!r}; choose one of {', '.join(GROUPED)}")
    if grouped == "none":
        return None
    if recording.image_ids is None:
        raise ValueError(
            f"{recording.responses.source} does not name what its images stem from; leave out "
            "grouped, or read it with 'image_ids'"
        )
    return recording.image_ids


def alike_across(recording: Recording, grouped: str) -> tuple[str, ...]:
    """Say how many pictures may be on both sides of a split, as two stimuli; nothing if none.

    A neuron's response to a picture can then be read off, whatever the network.

    Parameters
    ----------
    recording
        With its images.
    grouped
        As in `network_task`.
    """
    images = images_of(recording)
    groups = _groups(recording, grouped) or range(len(images))
    of: dict[bytes, list[object]] = {}
    for image, group in zip(images, groups, strict=True):
        of.setdefault(sha256(image.contiguous().numpy().tobytes()).digest(), []).append(group)
    again = [those for those in of.values() if len(set(those)) > 1]
    if not again:
        return ()
    each = "1 image stands" if len(again) == 1 else f"{len(again)} images stand"
    return (
        f"{each} for {sum(map(len, again))} stimuli: with --grouped {grouped} the same picture may "
        "be in training and test; file its trials as repeats of one stimulus, or give them one of "
        "image_ids and split by --grouped movie",
    )
