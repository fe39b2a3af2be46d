"""Find a module's layers by name, and look at what they put out.

Every hook set here is removed when its ``with`` block ends, whatever happened inside it.
"""

import difflib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase

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
    known = _unwrapped(model)
    patterns = [names] if isinstance(names, str) else list(names)
    if not patterns:
        raise ValueError('layers=[]: name at least one layer, or "**" for all of them')
    fitting: set[str] = set()
    for pattern in patterns:
        found = _fitting(pattern, known) or _fitting(pattern.removeprefix("module."), known)
        if not found:
            close = difflib.get_close_matches(pattern, known, n=3) or list(known)[:8]
            raise ValueError(
                f"layers={pattern!r} fits no layer of this {type(model).__name__}; "
                f"did you mean {', '.join(map(repr, close)) or 'a model with named layers'}?"
            )
        fitting |= found
    return {short: layer for short, (_, layer) in known.items() if short in fitting}


def _unwrapped(model: nn.Module) -> dict[str, tuple[str, nn.Module]]:
    """Layers by their names less the steps that wrappers add; with each, its whole name."""
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
