"""What a recorded population is once it is in memory, and what every reader does to get there."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from striate.datasets import _files
from striate.responses import Responses
from striate.results.given import as_path


class Recording(NamedTuple):
    """Responses of a population, the images that were shown, and what was dropped on the way.

    Attributes
    ----------
    responses
        Shape (repeats, stimuli, units); NaN is a trial that was not recorded.
    images
        Pixels in [0, 1], float32, one image per stimulus, or None if the file has none.
    kept
        Index of each stimulus among the images of the file, counted from 0: another array with
        one entry per image of the file is brought into line by ``array[recording.kept]``.
    notes
        Sentences that say which repeats these are, what was done to them and what was dropped.
    image_ids
        The name of each stimulus, or None. Stimuli that stem from one photograph or one movie
        have the same name; keep them on the same side of a split.
    images_from
        Name and SHA-256 of the file of the images, where it is not the one that `responses.source`
        names; else empty.
    units
        Index of each unit among those that were read, from 0: of several populations side by side
        among all of theirs. None where none was dropped, or that is not known.
    """

    responses: Responses
    images: Float[Tensor, "stimuli channels height width"] | None
    kept: Int64[Tensor, " stimuli"]
    notes: tuple[str, ...]
    image_ids: tuple[str, ...] | None = None
    images_from: str = ""
    units: Int64[Tensor, " units"] | None = None

    def told(self) -> dict[str, str]:
        """Give what a task that shows the images says of their file: nothing without another."""
        return {"images_from": self.images_from} if self.images_from else {}


def existing(path: str | Path, argument: str = "path", what: str = "file of a recording") -> Path:
    """Return `path` if it names a file, and refuse it otherwise."""
    path = as_path(argument, path)
    if not path.is_file():
        reason = "is a folder" if path.is_dir() else "does not exist"
        raise ValueError(f"{argument}={str(path)!r} {reason}; name the {what}")
    return path


def assemble(
    path: Path,
    values: np.ndarray,
    *,
    name: str = "responses",
    kept: np.ndarray | None = None,
    images: np.ndarray | None = None,
    image_ids: Sequence[str] | None = None,
    notes: Sequence[str] = (),
    images_file: Path | None = None,
) -> Recording:
    """Make a recording of an array (repeats, stimuli, units), without what was never recorded.

    Parameters
    ----------
    path
        The file; its name and content are in the source.
    values
        Responses, NaN where a trial was not recorded.
    name
        What `values` is called in the file, for errors.
    kept
        Index of each stimulus among the images of the file; all of them, in order, if None.
    images
        As in a file: see `pixels`.
    image_ids
        As in `Recording`.
    notes
        What was done so far.
    images_file
        Where `images` are from, if not from `path`. Its name, to which the index of each image is
        added, is that of the stimuli.

    Raises
    ------
    ValueError
        If `values` are not responses, or images or names are not one per stimulus.
    """
    values = _checked(path, name, values)
    stimuli = values.shape[1]
    for key, held in (("images", images), ("image_ids", image_ids)):
        entries = len(held) if held is not None and np.ndim(held) else 0
        if held is not None and entries != stimuli:
            raise ValueError(f"{path}: {key} has {entries} entries for {stimuli} stimuli")
    recorded = ~np.isnan(values)
    present = [np.asarray(recorded.any(axis)) for axis in ((1, 2), (0, 2), (0, 1))]
    dropped = [
        _dropped(what, there)
        for what, there in zip(("repeat", "stimulus", "unit"), present, strict=True)
        if not there.all()
    ]
    there = present[1]
    kept = np.arange(stimuli)[there] if kept is None else kept[there]
    tensor = torch.from_numpy(np.ascontiguousarray(values[np.ix_(*present)]))
    images = None if images is None else images[there]
    shown = path.stem if images_file is None else images_file.stem
    stimulus_names = tuple(f"{shown}:{index}" for index in kept.tolist())
    return Recording(
        Responses(tensor, source=_source(path, name, tensor), stimuli=stimulus_names),
        None if images is None else pixels(path, images),
        torch.from_numpy(kept.astype(np.int64)),
        (*notes, *dropped, _missing(tensor)),
        None
        if image_ids is None
        else tuple(str(name) for name, is_there in zip(image_ids, there, strict=True) if is_there),
        "" if images_file is None else f"{images_file.name}, {_sha256(images_file)}",
        torch.from_numpy(np.flatnonzero(present[2])),
    )


def _checked(path: Path, name: str, values: np.ndarray) -> np.ndarray:
    if values.ndim != 3 or 0 in values.shape or values.dtype.kind not in "biuf":
        raise ValueError(
            f"{path}: {name} is {values.dtype} of shape {values.shape}; "
            "it must hold numbers of shape (repeats, stimuli, units)"
        )
    values = floats(values)
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise ValueError(
            f"{path}: {name} holds {infinite} infinite numbers; write NaN for trials that were "
            "not recorded"
        )
    if np.isnan(values).all():
        raise ValueError(f"{path}: {name} holds no response, only NaN")
    return values


def floats(values: np.ndarray) -> np.ndarray:
    """Return numbers in the machine's byte order: float32, float64 where that would lose some."""
    if values.dtype.kind == "f":
        exact = values.dtype.itemsize <= 4
    else:  # up to 2^24 every whole number is one in single precision
        exact = values.max(initial=0) <= 2**24 and values.min(initial=0) >= -(2**24)
    return values.astype(np.float32 if exact else np.float64, copy=False)


def pixels(path: Path, images: np.ndarray) -> Float[Tensor, "stimuli channels height width"]:
    """Return images of a file as pixels in [0, 1] with one axis for channels.

    Parameters
    ----------
    path
        The file, for errors.
    images
        Shape (stimuli, height, width) or (stimuli, channels, height, width); 8-bit integers, or
        floating-point numbers in [0, 1].

    Raises
    ------
    ValueError
        If they are anything else.
    """
    if images.ndim == 3:
        images = images[:, None]
    if images.ndim != 4 or images.shape[1] not in (1, 3) or 0 in images.shape:
        raise ValueError(
            f"{path}: images has shape {images.shape}; it must be (stimuli, height, width), or "
            "(stimuli, channels, height, width) with 1 or 3 channels"
        )
    if images.dtype == np.uint8:
        return torch.from_numpy(np.ascontiguousarray(images)).to(torch.float32).div_(255)
    if images.dtype.kind != "f" or not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(
            f"{path}: images is {images.dtype} from {images.min()} to {images.max()}; give 8-bit "
            "integers, or floating-point numbers in [0, 1]"
        )
    return torch.from_numpy(images.astype(np.float32))


def in_presentation_order(stimulus: np.ndarray, stimuli: int) -> list[np.ndarray]:
    """Return, for each stimulus, the rows in which it was presented, first to last.

    Parameters
    ----------
    stimulus
        Index of the stimulus of each presentation, shape (presentations,).
    stimuli
        How many there are.
    """
    order = np.argsort(stimulus, kind="stable")
    return np.split(order, np.cumsum(np.bincount(stimulus, minlength=stimuli))[:-1])


def ragged(values: np.ndarray, rows: Sequence[np.ndarray]) -> np.ndarray:
    """Arrange presentations (presentations, units) as (repeats, stimuli, units), ends NaN.

    Parameters
    ----------
    values
        One row per presentation.
    rows
        The rows of each stimulus, from `in_presentation_order`.
    """
    repeats = max(len(some) for some in rows)
    arranged = np.full((repeats, len(rows), values.shape[1]), np.nan, values.dtype)
    for stimulus, some in enumerate(rows):
        arranged[: len(some), stimulus] = values[some]
    return arranged


def halves(values: np.ndarray, rows: Sequence[np.ndarray]) -> np.ndarray:
    """Average the first floor(k/2) of k presentations, and the rest: (2, stimuli, units).

    Parameters
    ----------
    values
        One row per presentation.
    rows
        The rows of each stimulus, at least two, from `in_presentation_order`.
    """
    averaged = np.empty((2, len(rows), values.shape[1]), values.dtype)
    for stimulus, some in enumerate(rows):
        middle = len(some) // 2
        averaged[0, stimulus] = values[some[:middle]].mean(0)
        averaged[1, stimulus] = values[some[middle:]].mean(0)
    return averaged


def span(counts: Sequence[int]) -> str:
    """Say ``"2"`` or ``"2 to 4"``."""
    first, last = min(counts), max(counts)
    return str(first) if first == last else f"{first} to {last}"


def listed(names: Sequence[object], most: int = 8) -> str:
    """Join names with commas, and say how many more there are."""
    shown = ", ".join(str(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _dropped(what: str, there: np.ndarray) -> str:
    missing = np.flatnonzero(~there).tolist()
    plural = what if len(missing) == 1 else {"stimulus": "stimuli"}.get(what, f"{what}s")
    return f"dropped {len(missing)} {plural} without any response: {listed(missing)} (from 0)"


def _missing(tensor: Tensor) -> str:
    share = float(tensor.isnan().double().mean())
    return f"{share:.1%} of trials not recorded" if share else "every trial recorded"


def _source(path: Path, name: str, tensor: Tensor) -> str:
    repeats, stimuli, units = tensor.shape
    # Of a file that holds several populations, which; of several side by side, their number.
    keys = name.split(" and ")
    which = keys[0].removeprefix("responses").removeprefix("_")
    which = f" {which}" if which and len(keys) == 1 else f" {len(keys)} populations" * bool(which)
    return (
        f"{path.name}{which}: {repeats} repeats x {stimuli} stimuli x {units} units, "
        f"{_sha256(path)}"
    )


def _sha256(path: Path) -> str:
    return f"sha256 {_files.remembered_sha256_of(path)[:12]}"
