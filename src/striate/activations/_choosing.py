"""Of the layers that a glob fits, all outputs that can be read, and why the others cannot."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from torch import Tensor, nn

from striate.activations._forward import observed, prepared, rows_of
from striate.activations._reducing import Reduce
from striate.layers import Place, inwards, of_call, places, run

SHOWN = 4  # layers that a message names

UNRUN = "does not run in a forward pass"
TOO_FEW = "runs fewer times in a forward pass"
NO_TENSOR = "puts out no tensor"
NO_ROWS = "does not put out floating point with one row per image"

Seen = tuple[list[Place], str]  # what can be read, or why nothing can


class Readable(NamedTuple):
    """Outputs of layers that can be read.

    Attributes
    ----------
    places
        By their names, in the order of ``model.named_modules()``.
    left_out
        By the name of a layer that a glob fits as well, why it cannot be read.
    """

    places: dict[str, Place]
    left_out: dict[str, str]


def readable(
    model: nn.Module,
    images: Tensor,
    layers: str | Sequence[str],
    *,
    reduce: Reduce | None = None,
) -> Readable:
    """Find what of the layers that `layers` fit can be read when `model` is shown images.

    What is asked for by name is taken as it is. A glob stands for all that can be read of the
    layers it fits: of one that runs several times each call, of one that puts out a tuple or a
    dict each tensor with a row per image. Layers without any are left out.

    Parameters
    ----------
    model
        Any module. It is run in evaluation mode, unless there is no glob, and left as it was.
    images
        A few, (images, channels, height, width).
    layers
        A name, a glob or a list of them (`striate.layers.places`).
    reduce
        As in `collect`: what it does not take is left out, too.

    Raises
    ------
    ValueError
        If a name or glob fits no layer, `model` cannot take the images, or nothing of the layers
        can be read.

    Examples
    --------
    >>> relu = nn.ReLU()
    >>> model = nn.Sequential(nn.Linear(3, 3), relu, nn.Linear(3, 2), relu)
    >>> list(readable(model, torch.zeros(2, 3), "*").places)
    ['0', '1@1', '1@2', '2']
    """
    chosen = places(model, layers)
    with observed(model) as core:
        return readable_places(core, images, chosen, reduce)


def readable_places(
    model: nn.Module, batch: Tensor, chosen: Mapping[str, Place], reduce: Reduce | None = None
) -> Readable:
    """Do what `readable` says for places that are found, with a model as from `observed`."""
    globbed = [place for place in chosen.values() if place.by_glob]
    if not globbed:
        return Readable(dict(chosen), {})
    calls = dict.fromkeys((place.layer for place in globbed), 0)
    seen: dict[str, list[Seen]] = {place.name: [] for place in globbed}

    def look(layer: nn.Module, _inputs: object, output: object) -> None:
        calls[layer] += 1
        for place in globbed:
            if place.layer is layer and place.call in (None, calls[layer]):
                seen[place.name].append(_seen(place, output, len(batch), reduce))

    with ExitStack() as stack:
        for layer in calls:
            stack.callback(layer.register_forward_hook(look).remove)
        run(model, prepared(model, batch))
    found: dict[str, Place] = {}
    left_out: dict[str, str] = {}
    for place in chosen.values():
        if not place.by_glob:
            found[place.name] = place
            continue
        kept, reason = _kept(place, seen[place.name], calls[place.layer])
        found |= {each.name: each for each in kept}
        if not kept:
            left_out[place.name] = reason
    if not found:
        some = "; ".join(f"{name!r} {why}" for name, why in list(left_out.items())[:SHOWN])
        more = f" (and {len(left_out) - SHOWN} more)" if len(left_out) > SHOWN else ""
        raise ValueError(f"nothing of the layers asked for can be read: {some}{more}")
    return Readable(found, left_out)


def _seen(place: Place, output: object, images: int, reduce: Reduce | None) -> Seen:
    tensors, reason = inwards(place, output), NO_TENSOR
    kept: list[Place] = []
    for each in tensors:
        try:
            rows_of(each, output, images, None)
        except ValueError:
            reason = NO_ROWS
            continue
        try:
            rows_of(each, output, images, reduce)
        except ValueError as refused:
            reason = str(refused).removeprefix(f"layer {each.name!r} ")
            continue
        kept.append(each)
    return kept, reason


def _kept(place: Place, seen: Sequence[Seen], calls: int) -> Seen:
    """Return what can be read of all calls, by names that say which, or why nothing can."""
    if not seen:
        return [], TOO_FEW if calls else UNRUN
    several = place.call is None and calls > 1
    kept = [
        of_call(each, number) if several else each
        for number, (found, _) in enumerate(seen, 1)
        for each in found
    ]
    return kept, seen[0][1]
