"""Old checkpoints: what torch.save wrote of whole training states, read without running it.

A checkpoint of 2020 is a pickle, which names classes and functions and calls them. PyTorch's own
reader for weights refuses names that it does not know; here it is given, for every such name, a
class that takes any arguments and does nothing. Tensors and plain containers come out whole, and
whatever else there was is an empty object.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import torch

LIMIT = 50  # names that one file may ask for


class Checkpoint(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    content
        Containers, tensors, numbers and text; empty objects in the place of anything else.
    asked
        Names of classes and functions that the file asks for and did not get.
    """

    content: Any
    asked: tuple[str, ...]


class _Inert:
    """In the place of a class or a function: takes anything, keeps nothing, does nothing.

    dill writes functions and classes as calls of what other calls return. The reader calls what
    equals something that it admits; so what a stand-in returns equals the stand-in, and is as
    inert: called, or made an object of, it gives itself.
    """

    __slots__ = ()

    @staticmethod
    def __new__(cls: Any, *_: object) -> Any:  # noqa: ANN401  one of them is a dictionary
        return object.__new__(cls) if isinstance(cls, type) else cls

    def __init__(self, *_: object) -> None:
        pass

    def __call__(self, *_: object) -> Any:  # noqa: ANN401
        return self

    def __setstate__(self, _: object) -> None:
        pass

    def __eq__(self, other: object) -> bool:
        return other is self or other is type(self)

    def __hash__(self) -> int:
        return id(self)


class _EmptyDictionary(_Inert):
    """In the place of a dictionary with default values, which are not needed to read it."""

    def __new__(cls, *_: object) -> Any:  # noqa: ANN401
        return {}


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a file that torch.save wrote, of any version, and run nothing that it asks for.

    Parameters
    ----------
    path
        The file; written with pickle or dill, zipped or, as before PyTorch 1.6, not.

    Raises
    ------
    ValueError
        If it cannot be read so, or asks for something of the operating system.
    """
    stand_ins: dict[str, type] = {}
    while True:
        try:
            with torch.serialization.safe_globals(list(stand_ins.values())):
                content = torch.load(path, map_location="cpu", weights_only=True)
            return Checkpoint(content, tuple(stand_ins))
        # A damaged file can make the reader raise nearly anything.
        except Exception as error:
            name = _asked_for(error)
            if name is None or name in stand_ins or len(stand_ins) == LIMIT:
                raise ValueError(_refusal(path, error, name, len(stand_ins))) from error
            stand_ins[name] = _stand_in(name)


def _asked_for(error: Exception) -> str | None:
    """Return the name that the reader refused, if that is what was wrong."""
    asked = re.search(r"GLOBAL (\S+)", str(error))
    if asked is None:
        return None
    return asked[1] if "." in asked[1] else f"builtins.{asked[1]}"


def _stand_in(name: str) -> type:
    module, _, own = name.rpartition(".")
    kind = _EmptyDictionary if name == "collections.defaultdict" else _Inert
    return type(own, (kind,), {"__slots__": (), "__module__": module, "__qualname__": own})


def _refusal(path: Path, error: Exception, name: str | None, count: int) -> str:
    """Say in one line what the reader says in ten."""
    if name is None:
        said = re.sub(r"^.*WeightsUnpickler error: ?", "", " ".join(str(error).split()))
        reason = re.sub(r"( Check the documentation|\. ).*", "", said)[:200]
        what = f"cannot be read as what torch.save writes: {type(error).__name__}: {reason}"
    elif count == LIMIT:
        what = f"asks for more than {LIMIT} classes and functions, {name} among them; this is no "
        what += "checkpoint of a network"
    else:
        what = f"asks for {name}, which is never read; do not trust this file"
    return f"path={str(path)!r} {what}"
