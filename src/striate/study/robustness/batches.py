"""Outcomes of finished batches on disk, so that a stopped measurement goes on."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from striate.results import write_atomically


class Kept(NamedTuple):
    """What was found out, and in which words.

    Attributes
    ----------
    tensors
        By name, on the CPU.
    words
        What tensors cannot hold, by name.
    """

    tensors: Mapping[str, Tensor]
    words: Mapping[str, str] = {}


class Store(NamedTuple):
    """Where batches are kept: files beside `path` that begin as it does, or nowhere.

    `striate.study.run` deletes them when the result is written, as it does with all that is named
    ``STEM-….safetensors``. So a kill at any moment loses the batch in flight and no more.
    """

    path: Path | None

    def once(self, name: str, make: Callable[[], Kept]) -> Kept:
        """Read what was kept under a name, or make it and keep it.

        Raises
        ------
        ValueError
            If what was kept is damaged.
        """
        if self.path is None:
            return make()
        file = self.path.with_name(f"{self.path.stem}-{name}.safetensors")
        if file.exists():
            return _read(file)
        made = make()
        tensors = {key: value.cpu().contiguous() for key, value in made.tensors.items()}
        write_atomically(file, save(tensors, {"words": json.dumps(dict(made.words))}))
        return made._replace(tensors=tensors)


def _read(file: Path) -> Kept:
    try:
        with safe_open(file, "pt") as opened:
            words = json.loads((opened.metadata() or {})["words"])
            names: list[str] = list(opened.keys())
            return Kept({name: opened.get_tensor(name) for name in names}, words)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"{file} is damaged ({error}); delete it to start afresh") from error
