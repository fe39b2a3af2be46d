"""Find a module's layers by name, and look at what they put out.

Every hook set here is removed when its ``with`` block ends, whatever happened inside it.
"""

import difflib
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor, nn

# What `torch.compile`, FSDP and activation checkpointing call the module they wrap.
WRAPPED = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")


def find(model: nn.Module, name: str) -> nn.Module:
    """Return the layer of `model` called `name` in ``model.named_modules()``.

    Raises
    ------
    ValueError
        If there is no such layer; close names are suggested.
    """
    check_module(model)
    _check_texts("layer", [name])
    layers = {known: layer for known, layer in model.named_modules() if known}
    if name not in layers:
        close = difflib.get_close_matches(name, layers, n=3) or list(layers)[:8]
        raise ValueError(
            f"layer={name!r} is not a layer of this {type(model).__name__}; "
            f"did you mean {', '.join(map(repr, close)) or 'a model with named layers'}?"
        )
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
    known, patterns = _unwrapped(model), _patterns(names)
    fitting: set[str] = set()
    for pattern in patterns:
        found = _found(pattern, known)
        if not found:
            close = difflib.get_close_matches(pattern, known, n=3) or list(known)[:8]
            raise ValueError(
                f"layers={pattern!r} fits no layer of this {type(model).__name__}; "
                f"did you mean {', '.join(map(repr, close)) or 'a model with named layers'}?"
            )
        fitting |= found
    return {short: layer for short, (_, layer) in known.items() if short in fitting}


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
    """

    name: str
    layer: nn.Module
    call: int | None = None
    keys: tuple[str, ...] = ()


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
    known, patterns = _unwrapped(model), _patterns(names)
    fitting: dict[str, Place] = {}
    for pattern in patterns:
        plain = pattern if _found(pattern, known) else ""
        found = re.fullmatch(r"(.+?)(@\d+)?((?:\[[^\[\]]+\])*)", pattern, re.DOTALL)
        bare, at, inwards = (plain or pattern, "", "") if plain or not found else found.groups("")
        if at and int(at[1:]) < 1:
            raise ValueError(f"layers={pattern!r}: calls are counted from 1, so {bare}@1 is first")
        call, keys = int(at[1:]) if at else None, tuple(re.findall(r"\[([^\[\]]+)\]", inwards))
        for name, layer in match(model, bare).items():
            place = Place(f"{name}{f'@{call}' if call else ''}{inwards}", layer, call, keys)
            fitting[place.name] = place
    order = {id(layer): index for index, (_, layer) in enumerate(known.values())}
    ordered = sorted(fitting.values(), key=lambda place: (order[id(place.layer)], place.call or 0))
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


def _entries(output: object) -> dict[str, object]:
    if isinstance(output, Mapping):
        return {str(key): entry for key, entry in output.items()}
    if isinstance(output, (tuple, list)):
        return {str(index): entry for index, entry in enumerate(output)}
    return {}


def check_module(model: object) -> None:
    """Refuse what is not a network of PyTorch.

    Raises
    ------
    ValueError
        If `model` is none.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is a {type(model).__name__}; give a torch.nn.Module")


def run(model: nn.Module, images: Tensor, *, name: str = "images") -> object:
    """Show `images`, called `name`, to a model, in whose own words it says what it cannot take.

    Raises
    ------
    ValueError
        If it stops at them.
    """
    try:
        return model(images)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ValueError(
            f"{name} of shape {tuple(images.shape[1:])} do not pass through this "
            f"{type(model).__name__}: {reason}"
        ) from error


def _patterns(names: str | Sequence[str]) -> list[str]:
    patterns = (
        list(names) if isinstance(names, Iterable) and not isinstance(names, str) else [names]
    )
    if not patterns:
        raise ValueError('layers=[]: name at least one layer, or "**" for all of them')
    _check_texts("layers", patterns)
    return patterns


def _check_texts(argument: str, names: Sequence[object]) -> None:
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"{argument}={name!r}: layers are named by text, e.g. 'layer1'")


def _found(pattern: str, known: dict[str, tuple[str, nn.Module]]) -> set[str]:
    return _fitting(pattern, known) or _fitting(pattern.removeprefix("module."), known)


def _unwrapped(model: nn.Module) -> dict[str, tuple[str, nn.Module]]:
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
        if short[name]:
            found.setdefault(short[name], (name, layer))  # of a wrapper and its content, the first
    return found


def _fitting(pattern: str, known: dict[str, tuple[str, nn.Module]]) -> set[str]:
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


def fingerprint(model: nn.Module) -> str:
    """SHA-256 of what a model consists of, and of its weights and buffers, by name.

    What its code does with them is not in it.
    """
    proof = hashlib.sha256(repr(model).encode())
    for name, part in chain(model.named_parameters(), model.named_buffers()):
        proof.update(f"{name} {part.dtype} {tuple(part.shape)}".encode())
        proof.update(part.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return proof.hexdigest()


@contextmanager
def capture(
    model: nn.Module, name: str, *, with_gradient: bool = False
) -> Iterator[Callable[[], Tensor]]:
    """Keep the output of one layer while the block runs, gradient graph included.

    Parameters
    ----------
    model
        Any module.
    name
        The layer, as ``model.named_modules()`` spells it.
    with_gradient
        Whether to overlook passes made without gradient, as for validation.

    Yields
    ------
    output
        A function that returns the layer's output in the forward pass made since it was last
        called. It raises ``ValueError`` if the layer ran not once but never or several times, or
        put out something else than one tensor.

    Raises
    ------
    ValueError
        If `model` has no layer `name`.

    Examples
    --------
    >>> import torch
    >>> model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
    >>> with capture(model, "1") as hidden:
    ...     logits = model(torch.zeros(4, 3))
    ...     hidden().shape
    torch.Size([4, 5])
    """
    outputs: list[object] = []

    def take() -> Tensor:
        taken = outputs.copy()
        outputs.clear()
        if len(taken) != 1:
            raise ValueError(
                f"layer {name!r} ran {len(taken)} times since its output was last taken; "
                "run the model once, then take it (a model compiled and run before this block "
                "does not see it)"
            )
        if not isinstance(taken[0], Tensor):
            raise ValueError(
                f"layer {name!r} put out a {type(taken[0]).__name__}; choose one that puts out "
                "one tensor, perhaps a layer inside it"
            )
        return taken[0]

    def keep(_layer: nn.Module, _inputs: tuple[object, ...], output: object) -> None:
        if torch.is_grad_enabled() or not with_gradient:
            outputs.append(output)

    handle = find(model, name).register_forward_hook(keep)
    try:
        yield take
    finally:
        handle.remove()
        outputs.clear()
