"""Macaque V1 in response to natural and texture-matched images, 166 neurons.

S. A. Cadena, G. H. Denfield, E. Y. Walker, L. A. Gatys, A. S. Tolias, M. Bethge, A. S. Ecker 2019,
"Deep convolutional models improve predictions of macaque V1 responses to natural images", PLOS
Comput Biol 15:e1006897. The data are CC BY-NC-ND and come with the wish to be asked before new
analyses; nothing of them is in this toolkit.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from striate.datasets._recording import Recording, assemble, existing, listed, span
from striate.datasets._unpickle import unpickle

Protocol = Literal["paper", "authors"]
# In the order in which Kong et al. put them one after the other.
TYPES = ("conv1", "conv2", "conv3", "conv4", "original")


class _Data(NamedTuple):
    images: np.ndarray
    responses: np.ndarray
    types: np.ndarray
    ids: list[str] | None


def cadena2019(
    path: str | Path, *, protocol: Protocol = "paper", types: Sequence[str] = TYPES
) -> Recording:
    """Read spike counts of macaque V1, 40 to 100 ms after the onset of an image.

    Parameters
    ----------
    path
        ``cadena_ploscb_data.pkl``, a pickle, of which nothing is run.
    protocol
        Which repeats, after Kong et al. 2021. ``"paper"``: images that each neuron was shown at
        least twice; all repeats. ``"authors"``: a repeat counts if all neurons were recorded in
        it; images with at least two such repeats; as repeats 1 and 2 the means of the first
        floor(k/2) of them and of the rest; pixels cut to 8 bits. As neurons that were recorded
        with two repeats are NaN in the other two, this leaves single trials.
    types
        Which images, one type after the other: ``"original"`` photographs, and the textures that
        match them up to layers ``"conv1"`` to ``"conv4"`` of VGG-19. Each once.

    Returns
    -------
    Recording
        `image_ids` are the photographs from which the textures were made, if the file has them.

    Raises
    ------
    ValueError
        If the file has another layout or asks for code to be run, an option does not exist, or
        no image is left.
    """
    if protocol not in get_args(Protocol):
        raise ValueError(f"protocol={protocol!r}; choose 'paper' or 'authors'")
    path = existing(path)
    data = _read(path)
    wanted = _of_types(data.types, types)
    recorded = ~np.isnan(data.responses[:, wanted])
    if protocol == "paper":
        enough = (recorded.sum(0) >= 2).all(-1)
        rule = "each neuron at least twice"
    else:
        enough = recorded.all(-1).sum(0) >= 2
        rule = "all neurons together at least twice"
    kept = wanted[enough]
    if not len(kept):
        raise ValueError(f"{path} has no image of types {listed(types)} that was shown to {rule}")
    notes = [
        f"images of types {', '.join(types)}, one type after the other",
        f"dropped {len(wanted) - len(kept)} of {len(wanted)} images, not shown to {rule}",
    ]
    values, how = _repeats(data.responses[:, kept], protocol)
    return assemble(
        path,
        values,
        kept=kept,
        images=_unit_range(path, data.images[kept], protocol),
        image_ids=None if data.ids is None else [data.ids[index] for index in kept],
        notes=[*notes, how],
    )


def _repeats(responses: np.ndarray, protocol: Protocol) -> tuple[np.ndarray, str]:
    if protocol == "paper":
        return responses, "all repeats of each neuron"
    complete = ~np.isnan(responses).any(-1)
    counts = complete.sum(0)
    # The place of each complete repeat among those of its image, from 1.
    place = complete.cumsum(0)
    first = complete & (place <= counts // 2)
    numbers = span(counts.tolist())
    averaged = np.stack([_mean(responses, half) for half in (first, complete & ~first)])
    return averaged, (
        f"repeats 1 and 2 are the means of the first half and of the rest of {numbers} "
        f"repeats in which all neurons were recorded; {int((~complete).sum())} other repeats "
        "of an image dropped"
    )


def _mean(responses: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    weights = chosen[:, :, None]
    return np.where(weights, responses, 0).sum(0) / weights.sum(0)


def _read(path: Path) -> _Data:
    held = unpickle(path)
    needed = ("images", "responses", "image_types")
    absent = [key for key in needed if not isinstance(held, dict) or key not in held]
    if absent:
        raise ValueError(f"{path} is not the file of Cadena et al. 2019: it has no {absent[0]!r}")
    images, responses = (np.asarray(held[key]) for key in ("images", "responses"))
    if images.ndim != 3 or responses.ndim != 3 or responses.dtype.kind != "f":
        raise ValueError(
            f"{path}: images has shape {images.shape} and responses {responses.dtype} of shape "
            f"{responses.shape}; they must be (images, height, width) and floats of shape "
            "(repeats, images, neurons)"
        )
    types = list(_flat(held["image_types"]))
    ids = list(_flat(held["image_ids"])) if "image_ids" in held else None
    counts = {"images": len(images), "responses": responses.shape[1], "image_types": len(types)}
    if ids is not None:
        counts["image_ids"] = len(ids)
    if len(set(counts.values())) > 1:
        raise ValueError(f"{path} does not hold one entry per image: {counts}")
    return _Data(images, responses, np.array(types), ids)


def _flat(nested: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield the text, or numbers as text, of arrays within arrays."""
    if isinstance(nested, np.ndarray | list | tuple):
        for part in nested:
            yield from _flat(part)
    else:
        yield nested.decode() if isinstance(nested, bytes) else str(nested)


def _of_types(known: np.ndarray, wanted: Sequence[str]) -> np.ndarray:
    there = sorted(set(known.tolist()))
    listing = isinstance(wanted, Sequence) and not isinstance(wanted, str)
    if not listing or not wanted or not all(one in there for one in wanted):
        raise ValueError(f"types={wanted!r}; choose from {listed(there)}, as a list")
    if len(set(wanted)) < len(wanted):
        raise ValueError(
            f"types={wanted!r} names one twice, which would double its stimuli; name each once"
        )
    return np.concatenate([np.flatnonzero(known == one) for one in wanted])


def _unit_range(path: Path, images: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Return grey levels of 0 to 255, which may be fractions, as pixels in [0, 1]."""
    if images.min() < 0 or images.max() > 255:
        raise ValueError(f"{path}: images runs from {images.min()} to {images.max()}, not 0 to 255")
    if protocol == "authors":
        images = images.astype(np.uint8)
    return images.astype(np.float32) / 255
