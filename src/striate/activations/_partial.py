"""Sums of an unfinished plan on disk, so that an interrupted run goes on after its last pass."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from striate import results
from striate.activations._forward import Outputs
from striate.activations._sums import Sum
from striate.layers import fingerprint

FORMAT = 3  # to be raised when the same settings give other numbers, or files hold other things
FILES = "kernel-*.safetensors"
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
PLAIN = (bool, int, float, str, type(None))  # spelled by Python alike in every process


@dataclass(frozen=True)
class Store:
    """A folder for the sums of one plan: one file per layer, named by what determines it."""

    folder: Path
    key: str

    def path(self, layer: str) -> Path:
        """Return the file of a layer."""
        return self.folder / f"kernel-{self.key[:24]}-{results.digest(layer)[:8]}.safetensors"

    def write(self, layer: str, sums: Mapping[str, Sum], outputs: Outputs) -> None:
        """Replace the file of a layer."""
        tensors = {"witness": outputs.witness}
        for number, total in enumerate(sums.values()):
            tensors[f"{number}.gram"] = total.gram
            tensors |= {f"{number}.cross.{name}": matrix for name, matrix in total.cross.items()}
        numbers = {
            "done": [total.done for total in sums.values()],
            "varying": [total.varying for total in sums.values()],
            "units": outputs.units,
            "views": list(sums),
        }
        tensors = {name: tensor.cpu() for name, tensor in tensors.items()}
        written = json.dumps(numbers)
        proof = self._proof(layer, written, tensors)
        content = save(tensors, {"layer": layer, "numbers": written, "sha256": proof})
        results.write_atomically(self.path(layer), content)

    def _proof(self, layer: str, numbers: str, tensors: Mapping[str, Tensor]) -> str:
        """SHA-256 of all that a file says, and of what plan and layer it says it."""
        proof = hashlib.sha256(results.digest([self.key, layer, numbers]).encode())
        for name in sorted(tensors):
            proof.update(f"{name} {tuple(tensors[name].shape)}".encode())
            proof.update(tensors[name].contiguous().numpy().data)
        return proof.hexdigest()

    def read(self, layer: str, outputs: Outputs, device: torch.device) -> dict[str, Sum] | None:
        """Return the sums of a layer by view, or None if there are none, or of another network.

        Raises
        ------
        ValueError
            If the file is damaged.
        """
        path = self.path(layer)
        if not path.exists():
            return None
        try:
            with safe_open(path, "pt") as file:
                said = file.metadata() or {}
                names: list[str] = list(file.keys())
                tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in names}
            numbers, witness = json.loads(said["numbers"]), tensors["witness"]
            if said["sha256"] != self._proof(layer, said["numbers"], tensors):
                raise ValueError("its numbers are not those of its checksum")
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise ValueError(f"{path} is damaged ({error}); delete it to start afresh") from error
        # The weights are the same, but what is done with them is in the model's code.
        if numbers["units"] != outputs.units or not _alike(witness, outputs.witness):
            return None
        sums = {}
        for number, view in enumerate(numbers["views"]):
            cross = {
                name.removeprefix(f"{number}.cross."): tensor.to(device)
                for name, tensor in tensors.items()
                if name.startswith(f"{number}.cross.")
            }
            gram = tensors[f"{number}.gram"].to(device)
            sums[view] = Sum(gram, cross, numbers["done"][number], numbers["varying"][number])
        return sums

    def remove(self, layers: Iterable[str]) -> None:
        """Delete the files of these layers; others may be of an unfinished plan of more."""
        for layer in layers:
            results.remove(self.folder, self.path(layer).name)


def any_in(folder: Path) -> bool:
    """Tell whether a folder holds sums of any plan."""
    return any(folder.glob(FILES))


def remove_all(folder: Path) -> None:
    """Delete the sums of all plans in a folder."""
    results.remove(folder, FILES)


def key(model: nn.Module, settings: Mapping[str, object]) -> str:
    """Return a hash of everything that determines the sums of a plan."""
    about = {"model": fingerprint(model), "beside": _beside_weights(model)}
    return results.digest({"format": FORMAT, **about, **settings})


def _beside_weights(model: nn.Module) -> list[str]:
    """Describe the attributes and hooks of all modules: they too decide what a model puts out."""
    usual = vars(nn.Module()).keys()
    told: list[str] = []
    for name, module in model.named_modules():
        own = {key: value for key, value in vars(module).items() if key not in usual}
        hooks = [*module._forward_pre_hooks.values(), *module._forward_hooks.values()]
        about = [(hook, getattr(hook, "__dict__", {})) for hook in hooks]
        told.append(f"{name} {_spelled(own)} {_spelled(about)}")
    return told


def _spelled(value: object, above: tuple[int, ...] = ()) -> str:
    """Spell a value alike in every process: the order of a set, as an address, is of this one."""
    if type(value) in PLAIN or (isinstance(value, list | tuple) and _are_plain(value)):
        return re.sub(ADDRESS, "", repr(value))
    if id(value) in above:  # it holds itself
        return "..."
    inside = partial(_spelled, above=(*above, id(value)))
    kind = "" if type(value) in (dict, list, tuple) else type(value).__name__
    if isinstance(value, set | frozenset):
        return f"{kind}({', '.join(sorted(map(inside, value)))})"
    # As Python itself writes these three, and sums of before there were sets are known again.
    if isinstance(value, dict):
        items = ", ".join(f"{inside(key)}: {inside(one)}" for key, one in value.items())
        return f"{kind}{{{items}}}"
    if isinstance(value, list):
        return f"{kind}[{', '.join(map(inside, value))}]"
    if isinstance(value, tuple):
        return f"{kind}({', '.join(map(inside, value))}{',' * (len(value) == 1)})"
    return re.sub(ADDRESS, "", repr(value))


def _are_plain(values: Iterable[object]) -> bool:
    return all(type(value) in PLAIN for value in values)


def _alike(one: Tensor, other: Tensor) -> bool:
    """Equal but for what another number of threads may change.

    That is little beside how one image differs from the other. Where they do not differ, two
    networks might well put out the same.
    """
    between = (other[0] - other[-1]).abs().max().item()
    return (
        between > 0
        and one.shape == other.shape
        and torch.allclose(one, other, rtol=0, atol=1e-2 * between)
    )
