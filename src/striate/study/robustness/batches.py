"""Outcomes of finished batches on disk, so that a stopped measurement goes on."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from striate.models import fingerprint
from striate.results import digest, write_atomically

FORMAT = 1  # to be raised when the same settings give other outcomes


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

    Attributes
    ----------
    path
        None is nowhere.
    model
        Fingerprint of the network that is measured.
    """

    path: Path | None
    model: str = ""

    def once(self, name: str, make: Callable[[], Kept], *, of: Sequence[object]) -> Kept:
        """Read what was kept under a name, or make it and keep it.

        Parameters
        ----------
        name
            Of the file, behind that of `path`.
        make
            Finds it out.
        of
            All that determines it beside the model: images, settings, seed. What was kept of
            something else is made anew, so that no run answers with another's outcomes.

        Raises
        ------
        ValueError
            If what was kept is damaged.
        """
        if self.path is None:
            return make()
        file = self.path.with_name(f"{self.path.stem}-{name}.safetensors")
        origin = digest([FORMAT, self.model, _spelled(of)])
        if file.exists():
            kept = _read(file, origin)
            if kept is not None:
                return kept
        made = make()
        tensors = {key: value.cpu().contiguous() for key, value in made.tensors.items()}
        about = {"words": json.dumps(dict(made.words)), "of": origin}
        write_atomically(file, save(tensors, about))
        return made._replace(tensors=tensors)


def _spelled(thing: object) -> object:
    """Put tensors and networks in words, so that what holds them can be hashed."""
    if isinstance(thing, Tensor):
        pixels = thing.detach().cpu().contiguous()
        content = hashlib.sha256(pixels.flatten().view(torch.uint8).numpy().data).hexdigest()
        return [str(thing.dtype), list(thing.shape), content]
    if isinstance(thing, nn.Module):
        return fingerprint(thing)
    if isinstance(thing, Mapping):
        return {str(name): _spelled(one) for name, one in thing.items()}
    if isinstance(thing, list | tuple | Iterator):
        return [_spelled(one) for one in thing]
    return thing


def _read(file: Path, origin: str) -> Kept | None:
    """Return what a file holds; None if it is of something else."""
    try:
        with safe_open(file, "pt") as opened:
            about = opened.metadata() or {}
            words = json.loads(about["words"])
            if about.get("of") != origin:
                return None
            names: list[str] = list(opened.keys())
            return Kept({name: opened.get_tensor(name) for name in names}, words)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"{file} is damaged ({error}); delete it to start afresh") from error
