"""Freeze an unfinished training run on disk, and thaw it to the same bits.

Two files: ``NAME-EPOCH.safetensors`` holds the weights and the optimiser's moments, ``NAME.json``
holds what was measured so far and names the weights that belong to it. The JSON is replaced last,
so a kill at any moment leaves the previous pair or the new one.

Of several processes the first writes, and all read: each finds what it alone remembered, such as
the perturbation of its part of the batch, under its rank.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load, save
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from striate import results
from striate.results import Result, Setting
from striate.training.processes import Team

Task = Mapping[str, Setting]
Tensors = dict[str, torch.Tensor]


class State(NamedTuple):
    """All that later steps depend on.

    Attributes
    ----------
    model, optimizer
        What is trained, and with what.
    alongside
        Whatever else remembers something from step to step.
    scaler
        Of the loss, in half precision.
    team
        The processes that train together.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    alongside: nn.Module | None = None
    scaler: torch.amp.GradScaler | None = None
    team: Team = Team(0, 1)


def write(path: Path, state: State, history: Sequence[Result], *, epoch: int, task: Task) -> None:
    """Replace the checkpoint at `path` (ending in ``.json``) by the state after `epoch`.

    All processes of a team call this together.
    """
    beside = state.team.collected(_remembered(state))
    if state.team.rank > 0:
        return
    tensors = {f"model.{name}": value for name, value in state.model.state_dict().items()}
    tensors |= {f"unsaved.{name}": value for name, value in unsaved(state.model).items()}
    for rank, remembered in enumerate(beside):
        tensors |= {_beside(rank) + name: value for name, value in remembered.items()}
    for index, moments in state.optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            number = isinstance(value, bool | int | float)
            tensors[f"{'number' if number else 'optimizer'}.{index}.{name}"] = (
                _tensor(value) if number else value
            )
    tensors |= _scales(state)
    weights = path.with_name(f"{path.stem}-{epoch}.safetensors")
    content = save(plain(tensors))
    results.write_atomically(weights, content)
    provenance = {
        "epoch": epoch,
        "weights": weights.name,
        "weights_sha256": hashlib.sha256(content).hexdigest(),
        "processes": state.team.size,
    }
    results.save(path, history, task=task, provenance=provenance)
    remove(path, keep=weights)


def read(path: Path, state: State, *, task: Task) -> tuple[int, list[Result]]:
    """Bring what is in `state` to where it was at `path`; return epoch and history.

    Without a checkpoint nothing is touched, and the epoch is 0.

    Raises
    ------
    ValueError
        If the checkpoint is damaged (then a `striate.results.DamagedError`), belongs to another
        task or another number of processes, or processes do not see the same one.
    """
    damaged: results.DamagedError | None = None
    done, history = 0, list[Result]()
    try:
        done, history = _read(path, state, task) if path.exists() else (0, [])
    except results.DamagedError as error:
        damaged = error
    # Of several processes all stop if one does, before the first sets the file aside.
    problems = state.team.collected(None if damaged is None else str(damaged))
    problem = next(filter(None, problems), None)
    if problem is not None:
        raise damaged or results.DamagedError(problem, path)
    seen = state.team.collected(done)
    if len(set(seen)) > 1:
        raise ValueError(
            f"processes found {path} after epochs {seen}; it must lie where all of them see it"
        )
    return done, history


def _read(path: Path, state: State, task: Task) -> tuple[int, list[Result]]:
    record = results.read_record(path)
    if record["task"] != dict(task):
        raise ValueError(f"{path} belongs to a run with other settings; delete it to start afresh")
    provenance, size = record["provenance"], state.team.size
    if provenance.get("processes", 1) != size:
        raise ValueError(
            f"{path} belongs to a run of {provenance.get('processes', 1)} processes, this has "
            f"{size}; go on with as many, or delete it to start afresh"
        )
    _restore(state, _weights(path, provenance))
    return provenance["epoch"], results.load(path)


def _weights(path: Path, provenance: Mapping[str, Setting]) -> Tensors:
    """Read the tensors beside a checkpoint, if they are those that were written with it."""
    name = str(provenance["weights"])
    try:
        content = path.with_name(name).read_bytes()
    except FileNotFoundError as error:
        raise results.DamagedError(
            f"{path} has lost its weights, {name}; delete it to start afresh", path
        ) from error
    if hashlib.sha256(content).hexdigest() != provenance.get("weights_sha256"):
        raise results.DamagedError(
            f"{path}: its weights, {name}, are damaged; delete it to start afresh", path
        )
    return load(content)


def _restore(state: State, tensors: Tensors) -> None:
    state.model.load_state_dict(_under("model.", tensors))
    for name, value in _under("unsaved.", tensors).items():
        _set_buffer(state.model, name, value)
    if state.alongside is not None:
        state.alongside.load_state_dict(_under(_beside(state.team.rank), tensors))
    moments: dict[int, dict[str, Any]] = {}
    for name, value in _under("optimizer.", tensors).items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = value
    for name, value in _under("number.", tensors).items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = value.item()
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": moments, "param_groups": groups})
    scales = _under("scaler.", tensors)
    if state.scaler is not None and scales:
        state.scaler.load_state_dict({name: value.item() for name, value in scales.items()})


def _remembered(state: State) -> Tensors:
    return {} if state.alongside is None else plain(state.alongside.state_dict())


def _beside(rank: int) -> str:
    """Return what the names of a process's own tensors begin with."""
    return f"alongside-{rank}." if rank else "alongside."


def _scales(state: State) -> Tensors:
    """Return the scaler's numbers; a scaler that is off has none."""
    scales = {} if state.scaler is None else state.scaler.state_dict()
    return {f"scaler.{name}": _tensor(value) for name, value in scales.items()}


def _tensor(number: bool | int | float) -> torch.Tensor:
    return torch.tensor(number, dtype=torch.float64 if isinstance(number, float) else None)


def unsaved(model: nn.Module) -> Tensors:
    """Return the buffers that a model leaves out of its ``state_dict``."""
    saved = model.state_dict()
    # By another name, too, as where the state is that of a module within.
    memory = {one.data_ptr() for one in saved.values() if isinstance(one, torch.Tensor)} - {0}
    return {
        name: value
        for name, value in model.named_buffers()
        if name not in saved and value.data_ptr() not in memory
    }


def _set_buffer(model: nn.Module, name: str, value: torch.Tensor) -> None:
    """Give a buffer its value, whatever size it has now; one that is no more stays away."""
    path, _, leaf = name.rpartition(".")
    module = dict(model.named_modules()).get(path)
    if module is not None and leaf in module._buffers:
        place = next((one.device for one in model.parameters()), value.device)
        module._buffers[leaf] = value.to(place)


def check_state(model: nn.Module) -> None:
    """Refuse a model whose state is more than tensors, which a file of weights cannot hold.

    Raises
    ------
    ValueError
        If there is something else in its ``state_dict``, or parameters have no shape yet.
    """
    for name, value in model.state_dict().items():
        if isinstance(value, UninitializedParameter | UninitializedBuffer):
            raise ValueError(
                f"{name} of {type(model).__name__} has no shape yet (a lazy layer); show the model "
                "an image before it is trained"
            )
        if not isinstance(value, torch.Tensor):
            raise ValueError(
                f"the state_dict of {type(model).__name__} holds {name}, a {type(value).__name__}; "
                "files of weights hold tensors, so keep it in a buffer, or out of the state"
            )


def remove(path: Path, *, keep: Path | None = None) -> None:
    """Delete the checkpoint at `path`, or, with `keep`, the weights of earlier epochs."""
    if keep is None:
        results.remove(path.parent, f"{path.stem}-*.safetensors")
        results.remove(path.parent, path.name)
        return
    for weights in path.parent.glob(f"{path.stem}-*.safetensors"):
        if weights != keep:
            weights.unlink()


def plain(tensors: Mapping[str, torch.Tensor | None]) -> Tensors:
    """Return tensors as the file format wants them; without what is not yet.

    On the CPU, laid out in order, and each with memory of its own: weights may be tied.
    """
    found: Tensors = {}
    memory: set[int] = set()
    for name, tensor in tensors.items():
        if tensor is not None:
            laid = tensor.detach().cpu().contiguous()
            place = laid.untyped_storage().data_ptr()
            found[name] = laid.clone() if place in memory else laid
            memory.add(place)
    return found


def _under(prefix: str, tensors: Tensors) -> Tensors:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
