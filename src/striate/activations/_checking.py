"""What is asked of kernels, checked before any image is shown."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from striate.activations._forward import Outputs
from striate.activations._passes import View


def check_views(views: object) -> None:
    """Refuse what are no views by name.

    Raises
    ------
    ValueError
        If there are none, or one is no `View` with rows in int64, if any.
    """
    if not isinstance(views, Mapping) or not views:
        found = "empty" if isinstance(views, Mapping) else f"a {type(views).__name__}"
        raise ValueError(
            f"views is {found}; give at least one by name, e.g. {{'all': View(z_scored=True)}}"
        )
    for name, view in views.items():
        if not isinstance(name, str):
            raise ValueError(f"views has one named {name!r}; name views by text")
        if not isinstance(view, View):
            raise ValueError(f"views[{name!r}] is a {type(view).__name__}; give a View")
        if not isinstance(view.z_scored, bool):
            raise ValueError(f"views[{name!r}]: z_scored={view.z_scored!r}: say True or False")
        if view.rows is not None and not _numbers(view.rows):
            raise ValueError(
                f"views[{name!r}]: rows are {_described(view.rows)}; give a tensor of one axis in "
                "int64, e.g. torch.tensor([0, 3])"
            )


def _numbers(rows: object) -> bool:
    return isinstance(rows, Tensor) and rows.dtype == torch.int64 and rows.ndim == 1


def _described(rows: object) -> str:
    if isinstance(rows, Tensor):
        return f"{rows.dtype} of shape {tuple(rows.shape)}"
    return f"a {type(rows).__name__}"


def check_rows(views: Mapping[str, View], count: int) -> None:
    """Refuse views of images that are not there.

    Raises
    ------
    ValueError
        If rows are fewer than 2, not of `count` images, or there twice.
    """
    for name, view in views.items():
        rows = view.rows
        if rows is None:
            continue
        if len(rows) < 2 or rows.min() < 0 or rows.max() >= count or len(rows.unique()) < len(rows):
            raise ValueError(
                f"views[{name!r}]: rows are at least 2 of {count} images, counted from 0, each once"
            )


def check_others(others: object, raw: Collection[str]) -> None:
    """Refuse what are no sets of images by name, and names of none of them.

    Raises
    ------
    ValueError
        If they are.
    """
    others = {} if others is None else others
    if not isinstance(others, Mapping):
        raise ValueError(
            f"others is a {type(others).__name__}; give sets of images by name, {{'new': images}}"
        )
    for name in others:
        if not isinstance(name, str):
            raise ValueError(f"others has a set named {name!r}; name sets of images by text")
    names = None if isinstance(raw, str) or not isinstance(raw, Iterable) else list(raw)
    if names is None or not all(name in list(others) for name in names):
        there = ", ".join(map(repr, others)) or "none"
        raise ValueError(f"raw={raw!r}: list names of others; there are {there}")


def check_folder(partial: Path) -> None:
    """Refuse a path that is no folder and cannot become one.

    Raises
    ------
    ValueError
        If it, or what it would lie in, is a file.
    """
    there = next((path for path in (partial, *partial.parents) if path.exists()), partial)
    if there.exists() and not there.is_dir():
        inside = "" if there == partial else f"in {str(there)!r}, which is "
        raise ValueError(f"partial={str(partial)!r} is {inside}a file; name a folder")


def check_units(outputs: Mapping[str, Outputs], found: Mapping[str, Outputs], name: str) -> None:
    """Refuse other images, called `name`, that layers answer with other numbers of units.

    Raises
    ------
    ValueError
        If they do.
    """
    for layer, expected in outputs.items():
        if found[layer].units != expected.units:
            raise ValueError(
                f"{name} make layer {layer!r} put out {found[layer].units} units, images "
                f"{expected.units}; give both sets the same size in pixels"
            )
