"""Read a pickle of numpy arrays and builtin containers without running what it asks for.

A pickle is a program: it names functions and calls them. Here every name is looked up in a table
of a few, none of which is numpy's own: what they make of their arguments is checked first, so
that not even a data type with made-up flags gets through.
"""

import collections
import math
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import numpy as np

_PLAIN = re.compile(r"[biufcSUO]\d*")


def unpickle(path: Path) -> Any:  # noqa: ANN401  whatever the file holds
    """Return what a pickle file holds: numpy arrays and scalars, builtin types and containers.

    Parameters
    ----------
    path
        The file. Files of Python 2 are understood.

    Raises
    ------
    ValueError
        If it asks for anything else, which is then named and not run, or is not a pickle.
    """
    try:
        with path.open("rb") as file:
            return _resolved(_Reader(file, encoding="latin1").load(), {})
    except _Refused as refusal:
        raise ValueError(f"{path} {refusal}") from None
    except RecursionError as error:
        raise ValueError(f"{path} is not a pickle of arrays: it is nested too deeply") from error
    except EOFError as error:
        raise ValueError(f"{path} is not a pickle of arrays: it ends too early") from error
    # A damaged file can make the reader raise nearly anything.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{path} is not a pickle of arrays: {type(error).__name__}: {reason}"
        ) from error


class _Refused(Exception):
    """What the file asks for is not admitted."""


class _Reader(pickle._Unpickler):
    """The reader that is written in Python: it remembers parts by number in a dict.

    The one in C makes room for as many as the highest number, which is up to the file: nine bytes
    make it take gigabytes.
    """

    def find_class(self, module: str, name: str) -> "_Admitted":
        admitted = _ADMITTED.get((module, name))
        if admitted is None:
            raise _Refused(
                f"asks for {module}.{name}, which is not run: only numpy arrays and builtin "
                "containers are read"
            )
        return admitted

    def load_bytearray8(self: Any) -> None:
        # Inherited, it fills as many bytes as the file says before it reads any.
        (size,) = struct.unpack("<Q", self.read(8))
        self.append(bytearray(self.read(size)))

    dispatch: ClassVar = {
        **pickle._Unpickler.dispatch,
        pickle.BYTEARRAY8[0]: load_bytearray8,
    }


class _Admitted:
    """One of the functions that a pickle may call. It has no attributes that it could set."""

    __slots__ = ("_run",)
    _run: Callable[..., Any]

    def __init__(self, run: Callable[..., Any]) -> None:
        object.__setattr__(self, "_run", run)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise _Refused(f"sets {name} of a function, which is not done")

    def __call__(self, *arguments: object) -> object:
        return self._run(*arguments)


class _DataType:
    """A data type that its pickle describes in two steps."""

    __slots__ = ("_type",)

    def __init__(self, code: object, *_: object) -> None:
        if not (isinstance(code, str) and _PLAIN.fullmatch(code)):
            raise _Refused(f"asks for a numpy data type {code!r}; plain ones are read")
        self._type = np.dtype("O" if code[0] == "O" else code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order, parts, size = state[1], state[2:5], state[5]
        if order not in ("<", ">", "|", "=") or parts != (None, None, None):
            raise _Refused("asks for a numpy data type made of others; plain ones are read")
        if size not in (-1, self._type.itemsize):
            raise _Refused(f"gives {self._type} {size} bytes, which is not its size")
        self._type = self._type.newbyteorder(order)

    def type(self) -> np.dtype[Any]:
        return self._type


class _Array:
    """An array whose content its pickle gives later; `_resolved` puts the array in its place."""

    __slots__ = ("content", "fortran", "shape", "type")

    def __init__(self) -> None:
        self.content: Any = b""
        self.shape, self.fortran, self.type = (0,), False, np.dtype(np.int8)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        shape, data_type, fortran, content = state[-4:]
        self.type = _type_of(data_type)
        self.shape, self.fortran, self.content = _shape_of(shape), bool(fortran), content
        if isinstance(content, str):  # bytes of Python 2
            self.content = content.encode("latin1")
        wanted = list if self.type.kind == "O" else bytes
        count = math.prod(self.shape) * (1 if wanted is list else self.type.itemsize)
        if not isinstance(self.content, wanted) or len(self.content) != count:
            raise _Refused(f"gives an array of shape {shape} the wrong amount of data")


def _type_of(data_type: object) -> np.dtype[Any]:
    if not isinstance(data_type, _DataType):
        raise _Refused("makes an array of something that is no data type")
    return data_type.type()


def _shape_of(shape: object) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise _Refused(f"asks for an array of shape {shape!r}")
    return shape


def _scalar(data_type: object, content: object) -> object:
    kind = _type_of(data_type)
    content = content.encode("latin1") if isinstance(content, str) else content
    if kind.kind == "O" or not isinstance(content, bytes) or len(content) != kind.itemsize:
        raise _Refused("gives a numpy scalar something that is not its bytes")
    return np.frombuffer(content, kind)[0]


def _from_buffer(content: object, data_type: object, shape: object, order: object) -> _Array:
    if not isinstance(content, bytes | bytearray):
        raise _Refused("gives an array something that is not its bytes")
    array = _Array()
    array.__setstate__((shape, data_type, order == "F", bytes(content)))
    return array


def _latin1(text: object, encoding: object = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _Refused(f"asks for text in the encoding {encoding!r}")
    return text.encode("latin1")


def _empty_bytes(*arguments: object) -> bytes:
    """As older protocols write ``b""``; of a number, bytes would take as much memory."""
    if arguments:
        raise _Refused("makes bytes of something else; they are read as they are")
    return b""


def _uncallable(*_: object) -> NoReturn:
    raise _Refused("calls numpy.ndarray itself; arrays are read as numpy pickles them")


def _table() -> dict[tuple[str, str], _Admitted]:
    """Return what may be asked for, under the names that numpy 1 and 2, Python 2 and 3 use."""
    table: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "ndarray"): _uncallable,
        ("numpy", "dtype"): _DataType,
        ("_codecs", "encode"): _latin1,
        ("collections", "OrderedDict"): collections.OrderedDict,
    }
    for core in ("numpy.core", "numpy._core"):
        table[f"{core}.multiarray", "_reconstruct"] = lambda *_: _Array()
        table[f"{core}.multiarray", "scalar"] = _scalar
        table[f"{core}.numeric", "_frombuffer"] = _from_buffer
    for builtins in ("builtins", "__builtin__"):
        table[builtins, "bytes"] = _empty_bytes
        for container in (set, frozenset, complex):
            table[builtins, container.__name__] = container
    return {name: _Admitted(function) for name, function in table.items()}


_ADMITTED = _table()


def _resolved(item: Any, done: dict[int, Any]) -> Any:  # noqa: ANN401
    """Put arrays in the place of their descriptions; `done` keeps shared parts shared."""
    if id(item) in done:
        return done[id(item)][0]
    if isinstance(item, _Admitted | _DataType):
        raise _Refused("holds a function or a data type; only arrays and containers are read")
    if isinstance(item, dict):
        new = {key: _resolved(value, done) for key, value in item.items()}
    elif isinstance(item, list | tuple | set | frozenset):
        new = type(item)(_resolved(value, done) for value in item)
    elif isinstance(item, _Array):
        new = _array(item, done)
    else:
        new = item
    # The item is kept too: while it is, no other can have its id.
    done[id(item)] = (new, item)
    return new


def _array(item: _Array, done: dict[int, Any]) -> np.ndarray:
    order = "F" if item.fortran else "C"
    if item.type.kind != "O":
        return np.ndarray(item.shape, item.type, item.content, order=order)
    array = np.empty(len(item.content), object)
    for index, value in enumerate(item.content):
        array[index] = _resolved(value, done)
    return array.reshape(item.shape, order=order)
