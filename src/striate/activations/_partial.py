"""Sums of an unfinished plan on disk, so that an interrupted run goes on after its last pass."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from striate import results
from striate.activations._forward import Outputs
from striate.activations._sums import Sum
from striate.layers import fingerprint

FORMAT = 2  # to be raised when the same settings give other numbers


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
        metadata = {"layer": layer, "numbers": json.dumps(numbers)}
        content = save({name: tensor.cpu() for name, tensor in tensors.items()}, metadata)
        results.write_atomically(self.path(layer), content)

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
                numbers = json.loads((file.metadata() or {})["numbers"])
                names: list[str] = list(file.keys())
                tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in names}
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise ValueError(f"{path} is damaged ({error}); delete it to start afresh") from error
        # The weights are the same, but what is done with them is in the model's code.
        witness = tensors.pop("witness")
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

    def remove(self) -> None:
        """Delete the files of this plan."""
        results.remove(self.folder, f"kernel-{self.key[:24]}-*.safetensors")


def key(model: nn.Module, settings: Mapping[str, object]) -> str:
    """Return a hash of everything that determines the sums of a plan."""
    return results.digest({"format": FORMAT, "model": fingerprint(model), **settings})


def _alike(one: Tensor, other: Tensor) -> bool:
    """Equal but for what another batch size or number of threads may change."""
    size = other.abs().max().item()
    return one.shape == other.shape and torch.allclose(one, other, rtol=0, atol=1e-2 * size)
