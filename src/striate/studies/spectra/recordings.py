"""The spectrum of a recording, as a task and its measurement."""

from pathlib import Path

from torch import Tensor

from striate.datasets import Recording
from striate.results import Result
from striate.spectra import Algorithm
from striate.studies.spectra.about import NAME, RECORDED, file_stem
from striate.study import Task
from striate.study.spectra import Window, recording_spectra
from striate.study.spectra.stimuli import kept_stimuli, lost_stimuli
from striate.study.spectra.window import check_octave
from striate.study.spectra.written import bounded, spelled

GROUPS = 20  # of the jackknife
FEW = 10  # fewer groups say little of how sure an exponent is


def recording_task(
    recording: Recording,
    *,
    window: Window,
    algorithm: Algorithm = "text",
    shuffles: int = 20,
    seed: int = 0,
    dimensions: float | None = None,
) -> Task:
    """Return the settings that determine the spectrum of a recording.

    Parameters
    ----------
    recording
        As `striate.datasets.recording` reads it.
    window
        The window wanted.
    algorithm, shuffles, seed, dimensions
        As in `recording_spectra`.

    Raises
    ------
    ValueError
        If the recording has one repeat, or one name for all its stimuli; `window` ends before twice
        its first rank; or `dimensions` is not positive and finite.
    """
    source = recording.responses.source
    if len(recording.responses.tensor) < 2:
        raise ValueError(
            f"{source} has one repeat; cross-validation needs two, to tell signal from noise"
        )
    check_octave(window)
    groups_of(recording, seed=seed)  # refuses what cannot be dealt out
    return {
        "study": NAME,
        "version": RECORDED,
        "kind": "recording",
        "label": f"spectrum-{file_stem(source)}",
        "recording": source,
        "notes": " ".join(recording.notes),
        **spelled(window),
        "algorithm": algorithm,
        "shuffles": shuffles,
        "seed": seed,
        "dimensions": bounded(dimensions)["dimensions"],
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
        groups=groups_of(recording, seed=int(task["seed"] or 0)),
        dimensions=dimensions_of(task),
        notes=recording.notes,
    )


def recording_notes(recording: Recording, *, seed: int = 0) -> tuple[str, ...]:
    """Say what a spectrum of a recording leaves out, and if its error is of few groups.

    Parameters
    ----------
    recording, seed
        As in `recording_task`.

    Raises
    ------
    ValueError
        If fewer than two stimuli are left.
    """
    lost = lost_stimuli(recording.responses.tensor, seed=seed, units=recording.units)
    return (*lost, *few_clusters(recording, seed=seed))


def few_clusters(
    recording: Recording, *, seed: int, units: Tensor | None = None
) -> tuple[str, ...]:
    """Say if stimuli that are kept have so few names that an error over them says little.

    Parameters
    ----------
    recording, seed
        As in `recording_task`.
    units
        Which are looked at, if not all.
    """
    ids = _names_kept(recording, seed, units) or []
    count = len(set(ids))
    if not count < min(FEW, len(ids)):
        return ()
    return (
        f"image_ids has {count} names for {len(ids)} stimuli: those with one name leave the "
        f"jackknife together, and an error over {count} groups is itself little known",
    )


def dimensions_of(task: Task) -> float | None:
    """Return how many dimensions the stimuli of a task are said to have; None for many."""
    given = task["dimensions"]
    return None if given is None else float(given)


def images_of(recording: Recording) -> Tensor:
    """Return the images of a recording.

    Raises
    ------
    ValueError
        If it has none.
    """
    if recording.images is None:
        raise ValueError(
            f"{recording.responses.source} comes without its images, which the network must see"
        )
    return recording.images


def clusters_of(recording: Recording) -> Tensor | None:
    """Number the stimuli by the name of what they stem from; None without names."""
    if recording.image_ids is None:
        return None
    place = {name: number for number, name in enumerate(dict.fromkeys(recording.image_ids))}
    return Tensor([place[name] for name in recording.image_ids]).long()


def groups_of(recording: Recording, *, seed: int, units: Tensor | None = None) -> int:
    """Twenty groups of the jackknife, or as many as there are movies of stimuli that are kept.

    Parameters
    ----------
    recording, seed, units
        As in `few_clusters`.

    Raises
    ------
    ValueError
        If all these are of one movie, or fewer than two are left.
    """
    ids = _names_kept(recording, seed, units)
    count = GROUPS if ids is None else len(set(ids))
    if ids is not None and count == 1:
        raise ValueError(
            f"image_ids has one name, {ids[0]!r}, for all {len(ids)} stimuli, and those with one "
            "name leave the jackknife together; name what they stem from, or leave image_ids out"
        )
    return min(GROUPS, count)


def _names_kept(recording: Recording, seed: int, units: Tensor | None) -> list[str] | None:
    """Return what stimuli stem from, of those that cross-validation keeps; None without names."""
    if recording.image_ids is None:
        return None
    trials = recording.responses.tensor
    kept = kept_stimuli(trials if units is None else trials[:, :, units], seed=seed).tolist()
    return [name for name, there in zip(recording.image_ids, kept, strict=True) if there]
