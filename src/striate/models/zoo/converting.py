"""Weights of the study's networks out of old checkpoints, as files that are plain numbers."""

import re
from collections.abc import Iterable, Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from striate.models.packages import package
from striate.models.weights import misfits, read_weights
from striate.models.zoo.architectures import blueprint, spare_of
from striate.models.zoo.checkpoints import read_checkpoint
from striate.models.zoo.entries import Entry, known_entry
from striate.results import write_atomically
from striate.results.given import as_path

WRAPPERS = ("module.", "model.")  # what data-parallel training and attack libraries put around
ATTACK = {"normalizer", "attacker"}  # parts of a checkpoint that belong to the attack
COUNTER = "num_batches_tracked"
_DENSE = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d\.)")


class Converted(NamedTuple):
    """What became of a checkpoint.

    Attributes
    ----------
    kept
        Names of the weights written, as torchvision has them.
    dropped
        What the file had besides: entries of its dictionary, and names of weights.
    asked
        Classes and functions that the file asks for and did not get.
    checked
        Whether names and shapes were compared with the architecture; not where there is no
        torchvision. `load` compares them in any case.
    """

    kept: tuple[str, ...]
    dropped: tuple[str, ...]
    asked: tuple[str, ...]
    checked: bool


def convert(path: str | Path, out: str | Path, *, entry: str) -> Converted:
    """Write the weights in an old checkpoint as safetensors, for ``load("kong2021/…", weights=)``.

    Nothing in the file is run. Its weights are looked for under ``model`` or ``state_dict``, or
    are the file itself; the prefixes ``module.`` and ``model.`` are taken off their names, and
    what belongs to an attack or to auxiliary heads is dropped.

    Parameters
    ----------
    path
        What torch.save wrote with any version of PyTorch, with pickle or dill; or safetensors.
    out
        Ends in ``.safetensors``. It is written at once or not at all.
    entry
        Which of the 40 networks of Kong et al. 2021 it is, e.g. ``"robust_resnet50_l2_3"``.

    Raises
    ------
    ValueError
        If there is no such entry or file, the file cannot be read without running it, holds no
        weights, or other weights than those of the entry's architecture.
    """
    wanted = known_entry(entry.removeprefix("kong2021/"))
    path, out = as_path("path", path), as_path("out", out)
    _check_paths(path, out)
    content, asked = _content(path)
    state, dropped = _state_dictionary(content, path)
    weights, attack = _unwrapped(state, wanted)
    plan = _plan(wanted)
    _check(weights, plan, wanted, path)
    about = {"entry": f"kong2021/{wanted.name}", "sha256 of the checkpoint": _sha256(path)}
    _write(weights, out, about)
    return Converted(tuple(weights), (*dropped, *attack), asked, plan is not None)


def _check_paths(path: Path, out: Path) -> None:
    if not path.is_file():
        raise ValueError(f"path={str(path)!r}: there is no such file")
    if out.suffix != ".safetensors":
        raise ValueError(f"out={str(out)!r}: name a file that ends in .safetensors")
    if out.resolve() == path.resolve():
        raise ValueError(f"out={str(out)!r} is the file to convert; name another")


def _content(path: Path) -> tuple[object, tuple[str, ...]]:
    if path.suffix == ".safetensors":
        return read_weights(path, asked="path"), ()
    return read_checkpoint(path)


def _state_dictionary(content: object, path: Path) -> tuple[dict[str, Tensor], list[str]]:
    """Return the weights in a checkpoint by name, and the names of what else is there."""
    if not isinstance(content, dict):
        raise ValueError(
            f"path={str(path)!r} holds a {type(content).__name__}, and no state dictionary; a "
            "whole network cannot be read without running its code"
        )
    dropped: list[str] = []
    content = _plain(content)
    for key in ("model", "state_dict"):
        if isinstance(inner := content.get(key), dict):
            dropped += [str(other) for other in content if other != key]
            content = _plain(inner)
            break
    state = {name: part for name, part in content.items() if _is_weight(name, part)}
    if not state:
        keys = ", ".join(map(str, list(content)[:5])) or "nothing"
        raise ValueError(
            f"path={str(path)!r} holds no weights, alone or as 'model' or 'state_dict'; it has "
            f"{keys}"
        )
    return state, dropped + [str(name) for name in content if name not in state]


def _plain(content: dict[Any, Any]) -> dict[Any, Any]:
    """Copy a dictionary by its type's own means: a file can hang others on an ordered one."""
    return {key: dict.__getitem__(content, key) for key in dict.keys(content)}


def _is_weight(name: object, part: object) -> bool:
    """Tell plain tensors from all else, and from tensors that hold no numbers of their own."""
    if not isinstance(name, str) or not isinstance(part, Tensor):
        return False
    plain = type(part) in (Tensor, nn.Parameter) and part.layout is torch.strided
    return plain and not part.is_meta and not part.is_quantized


def _unwrapped(state: dict[str, Tensor], entry: Entry) -> tuple[dict[str, Tensor], list[str]]:
    """Call weights as torchvision does, and leave out those that it has no use for."""
    attack = [name for name in state if ATTACK & set(name.split("."))]
    kept = {name: part for name, part in state.items() if name not in attack}
    while kept and (wrapper := next((w for w in WRAPPERS if _all_in(w, kept)), None)):
        kept = {name.removeprefix(wrapper): part for name, part in kept.items()}
    spare = [name for name in kept if name.startswith(spare_of(entry.architecture))]
    names = {name: _DENSE.sub(r"\1\2", name) for name in kept if name not in spare}
    return {new: kept[old] for old, new in names.items()}, attack + spare


def _all_in(wrapper: str, names: Iterable[str]) -> bool:
    return all(name.startswith(wrapper) for name in names)


def _plan(entry: Entry) -> Mapping[str, Tensor] | None:
    """Return what the entry's weights are like, where torchvision can say."""
    try:
        models = package("torchvision.models", f"kong2021/{entry.name}")
    except ValueError:
        return None
    return blueprint(models, entry.architecture)


def _check(
    weights: dict[str, Tensor], plan: Mapping[str, Tensor] | None, entry: Entry, path: Path
) -> None:
    if plan is not None:
        # Files of before 2018 lack the counters, and loading goes without.
        counted = {n: part for n, part in plan.items() if n in weights or not n.endswith(COUNTER)}
        if wrong := misfits(counted, weights):
            raise ValueError(
                f"path={str(path)!r} does not hold a {entry.architecture}, which "
                f"kong2021/{entry.name} is: {wrong}"
            )
    if not weights:
        raise ValueError(f"path={str(path)!r} holds no weights but those of an attack")
    for name, part in weights.items():
        kind = "whole numbers" if name.endswith(COUNTER) else "floating-point numbers"
        if part.is_floating_point() == name.endswith(COUNTER) or part.is_complex():
            raise ValueError(f"path={str(path)!r}: {name} is of {part.dtype}, not of {kind}")
        if not part.isfinite().all():
            raise ValueError(f"path={str(path)!r}: {name} has numbers that are not finite")


def _write(weights: dict[str, Tensor], out: Path, about: dict[str, str]) -> None:
    from safetensors.torch import save

    # Clones: parts of a checkpoint may share memory, which the format does not have.
    whole = {name: part.detach().contiguous().clone() for name, part in weights.items()}
    write_atomically(out, save(whole, metadata=about))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
