"""Which call of a layer, and which entry of what it puts out."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from striate.layers.names import fitting, is_name, match, patterns_of, unwrapped


class Place(NamedTuple):
    """One output of one call of a layer.

    Attributes
    ----------
    name
        The layer's, without what wrappers add to it, and what is chosen of its outputs:
        ``"block.attention@2[0]"``.
    layer
        The module.
    call
        Which of its calls in a forward pass, counted from 1; None if it is called once.
    keys
        The steps into a tuple, list or dict that it puts out.
    by_glob
        Whether no name, only a glob asked for it: then it need not be one that can be read.
    """

    name: str
    layer: nn.Module
    call: int | None = None
    keys: tuple[str, ...] = ()
    by_glob: bool = False


def places(model: nn.Module, names: str | Sequence[str]) -> dict[str, Place]:
    """Return the outputs of `model` that `names` fit, in the order of ``model.named_modules()``.

    Parameters
    ----------
    model
        Any module.
    names
        As in `match`. A name or glob may be followed by ``@2`` for the second call of a layer that
        is called several times in a forward pass, then by ``[0]`` or ``[key]`` for one entry of
        what it puts out, and so on inwards: ``"relu@2"``, ``"blocks.*.attention[0]"``. A bracket
        that, read as a glob, fits a layer is a glob.

    Returns
    -------
    places
        By their names.

    Raises
    ------
    ValueError
        If one of `names` fits no layer; close names are suggested.
    """
    known, patterns = unwrapped(model), patterns_of(names)
    chosen: dict[str, Place] = {}
    for pattern in patterns:
        plain = pattern if fitting(pattern, known) else ""
        found = re.fullmatch(r"(.+?)(@\d+)?((?:\[[^\[\]]+\])*)", pattern, re.DOTALL)
        bare, at, inwards = (plain or pattern, "", "") if plain or not found else found.groups("")
        if at and int(at[1:]) < 1:
            raise ValueError(f"layers={pattern!r}: calls are counted from 1, so {bare}@1 is first")
        call, keys = int(at[1:]) if at else None, tuple(re.findall(r"\[([^\[\]]+)\]", inwards))
        for name, layer in match(model, bare).items():
            full = f"{name}{f'@{call}' if call else ''}{inwards}"
            named = is_name(bare, known) or (full in chosen and not chosen[full].by_glob)
            chosen[full] = Place(full, layer, call, keys, by_glob=not named)
    order = {id(layer): index for index, (_, layer) in enumerate(known.values())}
    ordered = sorted(chosen.values(), key=lambda place: (order[id(place.layer)], place.call or 0))
    return {place.name: place for place in ordered}


def select(place: Place, output: object) -> Tensor:
    """Return the tensor at `place` in what its layer put out.

    Raises
    ------
    ValueError
        If there is none, or more than one: how to choose one is said.
    """
    for depth, key in enumerate(place.keys):
        entries = _entries(output)
        if key not in entries:
            steps = "".join(f"[{step}]" for step in place.keys[: depth + 1])
            raise ValueError(
                f"layer {place.name!r} puts out nothing at {steps}, but a "
                f"{type(output).__name__} with {', '.join(list(entries)[:8]) or 'no entries'}"
            )
        output = entries[key]
    if isinstance(output, Tensor):
        return output
    ways = [
        f"'{place.name}[{key}]'"
        for key, entry in _entries(output).items()
        if isinstance(entry, Tensor) or _entries(entry)
    ]
    advice = " or ".join(ways[:8]) or "a layer that puts out a tensor, perhaps one inside it"
    raise ValueError(
        f"layer {place.name!r} puts out a {type(output).__name__}, not one tensor; choose {advice}"
    )


def of_call(place: Place, call: int) -> Place:
    """Return the same output of one call of the layer."""
    inner = "".join(f"[{key}]" for key in place.keys)
    bare = place.name.removesuffix(inner)
    bare = bare.rpartition("@")[0] if place.call else bare
    return place._replace(name=f"{bare}@{call}{inner}", call=call)


def wrong_call(place: Place, calls: int) -> str:
    """Say that a layer runs `calls` times, and how to choose one of them."""
    ways = (repr(of_call(place, call).name) for call in range(1, min(calls, 8) + 1))
    return (
        f"layer {place.name!r} runs {calls} time(s) in one forward pass; choose {' or '.join(ways)}"
    )


def inwards(place: Place, output: object) -> list[Place]:
    """List the tensors at or below `place` in what its layer put out, each as a place."""
    for key in place.keys:
        output = _entries(output).get(key)
    return _below(place, output)


def _below(place: Place, output: object) -> list[Place]:
    if isinstance(output, Tensor):
        return [place]
    return [
        found
        for key, entry in _entries(output).items()
        if re.fullmatch(r"[^\[\]\s,]+", key)  # or it cannot be named in a list of layers
        for found in _below(
            place._replace(name=f"{place.name}[{key}]", keys=(*place.keys, key)), entry
        )
    ]


def _entries(output: object) -> dict[str, object]:
    if isinstance(output, Mapping):
        return {str(key): entry for key, entry in output.items()}
    if isinstance(output, (tuple, list)):
        return {str(index): entry for index, entry in enumerate(output)}
    return {}
