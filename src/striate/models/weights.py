"""Weights from a file, into a model whose names and shapes they fit."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase


def load_weights(
    model: nn.Module, path: Path, *, spare: tuple[str, ...] = (), hint: str = ""
) -> None:
    """Put the weights of a file into `model`.

    Parameters
    ----------
    model
        Its parameters and buffers are overwritten.
    path
        Safetensors, or what `torch.save` wrote of a state dictionary: alone, or as ``state_dict``
        of a checkpoint; of the network alone, or within `DataParallel` (``module.`` before each).
    spare
        Names that begin so are passed over: parts of the file that the model does without.
    hint
        What to do about a file that cannot be used, for the message.

    Raises
    ------
    ValueError
        If the file cannot be read, or its names or shapes are not those of the model.
    """
    try:
        given = _bare(read_weights(path), model)
        state = OrderedDict(
            (name, part) for name, part in given.items() if not name.startswith(spare)
        )
        vars(state)["_metadata"] = getattr(given, "_metadata", None) or _versions(model)
        _fill(model, state, path)
    except ValueError as error:
        raise ValueError(f"{error}{hint}") from error


def _bare(given: Mapping[str, Any], model: nn.Module) -> Mapping[str, Any]:
    """Take a state dictionary out of a checkpoint, and off it what data-parallel training adds."""
    inner = given.get("state_dict")
    if isinstance(inner, Mapping) and all(isinstance(name, str) for name in inner):
        given = inner
    names = model.state_dict()  # which may begin so by themselves
    if not _is_parallel(given) or _is_parallel(names):
        return given
    bare = OrderedDict((name.removeprefix("module."), part) for name, part in given.items())
    versions = getattr(given, "_metadata", None)
    if versions:
        vars(bare)["_metadata"] = {
            name.removeprefix("module").removeprefix("."): version
            for name, version in versions.items()
        }
    return bare


def _is_parallel(state: Mapping[str, Any]) -> bool:
    return bool(state) and all(name.startswith("module.") for name in state)


def _versions(model: nn.Module) -> dict[str, Any]:
    """Return the versions of a model's layers, without which some of torchvision's take no weights.

    Not of normalisation, which takes what has none for old and does without the number of batches.
    """
    known = getattr(model.state_dict(), "_metadata", {})
    parts = dict(model.named_modules(remove_duplicate=False))
    return {
        name: version
        for name, version in known.items()
        if not isinstance(parts.get(name), _NormBase)
    }


def _fill(model: nn.Module, state: Mapping[str, Any], path: Path) -> None:
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        wrong = misfits(model.state_dict(), state) or " ".join(str(error).split())
        raise ValueError(
            f"weights={str(path)!r} do not fit this {type(model).__name__}: {wrong}"
        ) from error


def read_weights(path: Path, *, asked: str = "weights") -> Mapping[str, Any]:
    """Return what a file of weights holds, without running anything in it.

    Parameters
    ----------
    path
        Safetensors, or what `torch.save` wrote of a state dictionary.
    asked
        What the argument is called that named the file, for the message.

    Raises
    ------
    ValueError
        If it cannot be read, or is no mapping.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    # A damaged file can make a reader raise nearly anything, and PyTorch advises to trust it.
    except Exception as error:
        wanted = re.search(r"GLOBAL (\S+)", str(error))
        reason = f" it asks for {wanted[1]}, which is not run;" if wanted else ""
        raise ValueError(
            f"{asked}={str(path)!r} cannot be read:{reason} give safetensors, or what torch.save "
            "wrote of model.state_dict()"
        ) from error
    if not isinstance(state, Mapping):
        raise ValueError(
            f"{asked}={str(path)!r} holds a {type(state).__name__}; save model.state_dict()"
        )
    strange = [name for name in state if not isinstance(name, str)]
    if strange:
        raise ValueError(
            f"{asked}={str(path)!r} holds something called {strange[0]!r}, which is no text; save "
            "model.state_dict()"
        )
    return state


def misfits(wanted: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Name some of what is missing, too much, or of another shape; nothing if nothing is."""
    kinds = {
        "missing": [name for name in wanted if name not in given],
        "unknown": [name for name in given if name not in wanted],
        "other shapes": [
            f"{name} {tuple(given[name].shape)} instead of {tuple(part.shape)}"
            for name, part in wanted.items()
            if isinstance(given.get(name), Tensor) and given[name].shape != part.shape
        ],
    }
    return "; ".join(
        f"{kind}: {', '.join(names[:3])}{f' and {len(names) - 3} more' * (len(names) > 3)}"
        for kind, names in kinds.items()
        if names
    )
