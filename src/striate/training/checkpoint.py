"""Freeze an unfinished training run on disk, and thaw it to the same bits.

Two files: ``NAME-EPOCH.safetensors`` holds the weights and the optimiser's moments, ``NAME.json``
holds what was measured so far and names the weights that belong to it. The JSON is replaced last,
so a kill at any moment leaves the previous pair or the new one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from striate import results
from striate.results import Result, Setting

Task = Mapping[str, Setting]


def write(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    history: Sequence[Result],
    *,
    epoch: int,
    task: Task,
    alongside: nn.Module | None = None,
) -> None:
    """Replace the checkpoint at `path` (ending in ``.json``) by the state after `epoch`."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    if alongside is not None:
        tensors |= {f"alongside.{name}": value for name, value in alongside.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    weights = path.with_name(f"{path.stem}-{epoch}.safetensors")
    results.write_atomically(weights, save(_plain(tensors)))
    results.save(path, history, task=task, provenance={"epoch": epoch, "weights": weights.name})
    remove(path, keep=weights)


def read(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    task: Task,
    alongside: nn.Module | None = None,
) -> tuple[int, list[Result]]:
    """Put `model`, `optimizer` and `alongside` in the state at `path`; return epoch and history.

    Without a checkpoint nothing is touched, and the epoch is 0.

    Raises
    ------
    ValueError
        If the checkpoint is damaged or belongs to another task.
    """
    if not path.exists():
        return 0, []
    record = results.read_record(path)
    if record["task"] != dict(task):
        raise ValueError(f"{path} belongs to a run with other settings; delete it to start afresh")
    epoch, weights = record["provenance"]["epoch"], record["provenance"]["weights"]
    try:
        tensors = load_file(path.with_name(weights))
    except (OSError, SafetensorError) as error:
        raise ValueError(
            f"{path} has lost its weights, {weights} ({error}); delete it to start afresh"
        ) from error
    model.load_state_dict(_under("model.", tensors))
    if alongside is not None:
        alongside.load_state_dict(_under("alongside.", tensors))
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in _under("optimizer.", tensors).items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    return epoch, results.load(path)


def remove(path: Path, *, keep: Path | None = None) -> None:
    """Delete the checkpoint at `path`, or, with `keep`, the weights of earlier epochs."""
    for weights in path.parent.glob(f"{path.stem}-*.safetensors"):
        if weights != keep:
            weights.unlink()
    if keep is None:
        path.unlink(missing_ok=True)


def _plain(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """On the CPU and laid out in order, as the file format wants them."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _under(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
