"""Layers by name or glob, whatever wraps the network."""

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

import torch
from torch import nn

from striate.layers.module import check_hooks, check_module

# What `torch.compile`, FSDP and activation checkpointing call the module they wrap.
WRAPPED = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")


def find(model: nn.Module, name: str) -> nn.Module:
    """Return the layer of `model` called `name` in ``model.named_modules()``.

    Raises
    ------
    ValueError
        If there is no such layer; close names are suggested, and of a module that lies in several
        places the one name it has.
    """
    check_module(model)
    _check_texts("layer", [name])
    layers = {known: layer for known, layer in model.named_modules() if known}
    if name not in layers:
        _check_shared(model, name, "layer")
        close = difflib.get_close_matches(name, layers, n=3) or list(layers)[:8]
        raise ValueError(
            f"layer={name!r} is not a layer of this {type(model).__name__}; "
            f"did you mean {', '.join(map(repr, close)) or 'a model with named layers'}?"
        )
    check_hooks(layers[name], f"layer {name!r}")
    return layers[name]


def match(model: nn.Module, names: str | Sequence[str]) -> dict[str, nn.Module]:
    """Return the layers of `model` that `names` fit, in the order of ``model.named_modules()``.

    Parameters
    ----------
    model
        Any module. What `DataParallel`, `DistributedDataParallel`, `torch.compile`, FSDP and
        activation checkpointing put before the names of its layers may be given or left out.
    names
        A name, a glob, or a list of them. As in paths of files, ``*``, ``?`` and ``[…]`` stay
        between two dots, and ``**`` stands for any number of steps: ``"layer*"`` is the four stages
        of a ResNet, ``"layer*.*.conv2"`` is in them, ``"**.conv2"`` is anywhere.

    Returns
    -------
    layers
        By name, without what wrappers add to it.

    Raises
    ------
    ValueError
        If one of `names` fits no layer; close names are suggested.
    """
    known, patterns = unwrapped(model), patterns_of(names)
    chosen: set[str] = set()
    for pattern in patterns:
        found = fitting(pattern, known)
        if not found:
            _check_shared(model, pattern, "layers")
            close = difflib.get_close_matches(pattern, known, n=3) or list(known)[:8]
            raise ValueError(
                f"layers={pattern!r} fits no layer of this {type(model).__name__}; "
                f"did you mean {', '.join(map(repr, close)) or 'a model with named layers'}?"
            )
        chosen |= found
    return {short: layer for short, (_, layer) in known.items() if short in chosen}


def patterns_of(names: str | Sequence[str]) -> list[str]:
    """List names and globs, at least one."""
    patterns = (
        list(names) if isinstance(names, Iterable) and not isinstance(names, str) else [names]
    )
    if not patterns:
        raise ValueError('layers=[]: name at least one layer, or "**" for all of them')
    _check_texts("layers", patterns)
    return patterns


def unwrapped(model: nn.Module) -> dict[str, tuple[str, nn.Module]]:
    """Layers by their names less the steps that wrappers add; with each, its whole name."""
    check_module(model)
    parallel = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    short = {"": ""}
    found: dict[str, tuple[str, nn.Module]] = {}
    for name, layer in model.named_modules():
        owner, _, step = name.rpartition(".")
        if name:
            wraps = step in WRAPPED or isinstance(model.get_submodule(owner), parallel)
            short[name] = short[owner] if wraps else f"{short[owner]}.{step}".lstrip(".")
        if short[name] and not isinstance(layer, torch.jit.ScriptModule):  # which takes no hook
            found.setdefault(short[name], (name, layer))  # of a wrapper and its content, the first
    return found


def fitting(pattern: str, known: dict[str, tuple[str, nn.Module]]) -> set[str]:
    """Return which of the `unwrapped` layers a name or glob fits."""
    return _names_of(pattern, known) or _names_of(pattern.removeprefix("module."), known)


def is_name(pattern: str, known: dict[str, tuple[str, nn.Module]]) -> bool:
    """Tell whether a pattern is one layer's name, with or without wrappers, and so no glob."""
    whole = any(pattern in (short, full) for short, (full, _) in known.items())
    return whole or not any(sign in pattern for sign in "*?[")


def _names_of(pattern: str, known: dict[str, tuple[str, nn.Module]]) -> set[str]:
    steps = pattern.split(".")
    bare = [step for step in steps if step not in WRAPPED]
    return {
        short
        for short, (full, _) in known.items()
        if pattern in (short, full)  # a name may hold a bracket
        or _fits(bare, short.split("."))
        or _fits(steps, full.split("."))
    }


def _fits(pattern: list[str], steps: list[str]) -> bool:
    if not pattern:
        return not steps
    if pattern[0] == "**":
        return _fits(pattern[1:], steps) or (bool(steps) and _fits(pattern, steps[1:]))
    return bool(steps) and fnmatchcase(steps[0], pattern[0]) and _fits(pattern[1:], steps[1:])


def _check_shared(model: nn.Module, name: str, argument: str) -> None:
    """Refuse a further name of a module that lies in several places, and say which one it has."""
    places = dict(model.named_modules(remove_duplicate=False))
    named = {id(layer): known for known, layer in model.named_modules()}
    known = named[id(places[name])] if name in places else ""
    if known:
        raise ValueError(
            f"{argument}={name!r} is the module that is named {known!r}, which runs in each "
            f"of its places; ask for {known!r}, or give each place a module of its own"
        )


def _check_texts(argument: str, names: Sequence[object]) -> None:
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"{argument}={name!r}: layers are named by text, e.g. 'layer1'")
