"""Macaque V1 in response to movie frames, six populations.

O. J. Hénaff, Y. Bai, J. A. Charlton, I. Nauhaus, E. P. Simoncelli, R. L. T. Goris 2021, "Primary
visual cortex straightens natural video trajectories", Nature Communications 12:5982.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from striate.datasets._arrays import names, read, responses_of, side_by_side, text_of
from striate.datasets._recording import Recording, assemble, existing, listed

TABLE = "zoom_category_movie_frame"


def henaff2021(
    path: str | Path, *, population: str | None = None, categories: Sequence[str] | None = None
) -> Recording:
    """Read spike counts of macaque V1 to frames of movies.

    Parameters
    ----------
    path
        The npz file: ``responses_<population>`` (repeats, stimuli, units), ``images`` (stimuli,
        height, width), ``zoom_category_movie_frame`` (stimuli, 4), which indexes ``categories``
        and ``movies``.
    population
        One of `populations`; None puts the units of all side by side, a pseudo-population.
    categories
        Which kinds of frames: ``"natural"``, ``"synthetic"``, ``"contrast"``. All if None.

    Returns
    -------
    Recording
        `image_ids` are the movies: frames of one movie resemble each other.

    Raises
    ------
    ValueError
        If there is no such population or category, or the file is another one.
    """
    path = existing(path)
    there = names(path)
    absent = [key for key in ("images", TABLE, "categories", "movies") if key not in there]
    if absent:
        raise ValueError(f"{path} is not the file of Hénaff et al. 2021: it has no {absent[0]!r}")
    keys = responses_of(path, there, population)
    held = read(path, [*keys, "images", TABLE, "categories", "movies"])
    values, notes = side_by_side(path, {key: held[key] for key in keys})
    table = held[TABLE]
    _check(path, values, held)
    kept = _chosen(table[:, 1], text_of(held["categories"]), categories)
    if categories is not None:
        notes.append(
            f"only frames of the categories {', '.join(categories)}: {len(kept)} of {len(table)}"
        )
    movies = text_of(held["movies"])
    return assemble(
        path,
        values[:, kept],
        name=" and ".join(keys),
        kept=kept,
        images=held["images"][kept],
        image_ids=[movies[movie] for movie in table[kept, 2]],
        notes=notes,
    )


def _check(path: Path, values: np.ndarray, held: dict[str, np.ndarray]) -> None:
    table, stimuli = held[TABLE], values.shape[1] if values.ndim == 3 else None
    if table.shape != (stimuli, 4) or table.dtype.kind not in "iu":
        raise ValueError(
            f"{path}: {TABLE} is {table.dtype} of shape {table.shape}, and responses have shape "
            f"{values.shape}; there must be four whole numbers for each stimulus"
        )
    if len(held["images"]) != stimuli:
        raise ValueError(f"{path}: images has {len(held['images'])} entries for {stimuli} stimuli")
    for column, name in ((1, "categories"), (2, "movies")):
        index, there = table[:, column], len(held[name])
        if index.min() < 0 or index.max() >= there:
            raise ValueError(
                f"{path}: {TABLE} refers to {name} {index.min()} to {index.max()}, counted from 0, "
                f"and there are {there}"
            )


def _chosen(index: np.ndarray, known: list[str], wanted: Sequence[str] | None) -> np.ndarray:
    unknown = [name for name in wanted or () if name not in known]
    if unknown or (wanted is not None and not wanted) or isinstance(wanted, str):
        raise ValueError(f"categories={wanted!r}; choose from {listed(known)}, as a list")
    chosen = known if wanted is None else wanted
    return np.flatnonzero(np.isin(index, [known.index(name) for name in chosen]))
