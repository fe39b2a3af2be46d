"""Read numbers, and structs whose fields are numbers, from a file of MATLAB 5 to 7.2.

scipy's reader believes a file: a type, a size or a flag that was altered makes it read beyond its
tables or ask for any amount of memory, which can end the process, not only the call. Here nothing
is made before its size has been compared with the bytes that are there. The layout is that of
"MAT-File Format", The MathWorks: elements of a type, a size and as many bytes; a matrix is an
element that holds elements: flags, dimensions, a name, then numbers or the matrices of its fields.
"""

import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from struct import unpack_from
from typing import BinaryIO, NamedTuple

import numpy as np

_HEADER = 128  # bytes before the first variable
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED, _UTF8 = 1, 5, 6, 14, 15, 16
_NUMBERS = {
    **{1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4"},
    **{7: "f4", 9: "f8", 12: "i8", 13: "u8"},
}
_STRUCT, _OPAQUE, _NUMERIC = 2, 17, range(6, 16)
_OTHERS = {1: "a cell array", 2: "a struct", 4: "text", 5: "a sparse array"}
# Flags, 32 dimensions and a name of 64 letters take less, and thrice as much when ill compressed.
_ENOUGH_FOR_A_NAME = 1024


class _Damaged(Exception):
    """The bytes contradict themselves, or are not what was asked for."""


class _Element(NamedTuple):
    type: int
    content: memoryview


class _Matrix(NamedTuple):
    kind: int
    is_complex: bool
    shape: tuple[int, ...]
    name: str
    rest: Iterator[_Element]


def numbers(path: Path, name: str) -> np.ndarray:
    """Return a variable that is an array of real numbers, as they are stored.

    Parameters
    ----------
    path
        The file, compressed (``save -v7``) or not (``-v6``), of either byte order.
    name
        The variable.

    Raises
    ------
    ValueError
        If the file is damaged, of another version, or the variable is absent or something else.
    """
    with _refusing(path), path.open("rb") as file:
        order = _byte_order(path, file)
        return _numbers(_variable(path, file, name, order), order, name)


def fields(path: Path, name: str, wanted: Sequence[str]) -> dict[str, list[np.ndarray]]:
    """Return fields of a variable that is a struct, or an array of structs.

    Parameters
    ----------
    path
        The file, as for `numbers`.
    name
        The variable.
    wanted
        The fields, which must hold arrays of real numbers; the others may hold anything.

    Returns
    -------
    dict
        Of each field that was wanted, its arrays, one for each struct.

    Raises
    ------
    ValueError
        As `numbers` does, and if the struct has no such field.
    """
    with _refusing(path), path.open("rb") as file:
        order = _byte_order(path, file)
        matrix = _opened(_variable(path, file, name, order), order)
        names = _field_names(matrix, order) if matrix.kind == _STRUCT else ()
        absent = [one for one in wanted if one not in names]
        if absent:
            raise ValueError(
                f"{path}: {name} is no struct with a field {absent[0]!r}; it has {names}"
            )
        values = list(matrix.rest)
        if len(values) != math.prod(matrix.shape) * len(names):
            raise _Damaged(
                f"{name} is {matrix.shape} structs of {len(names)} fields, and {len(values)} "
                "values are there"
            )
        return {
            one: [
                _numbers(value, order, f"{name}.{one}")
                for value in values[names.index(one) :: len(names)]
            ]
            for one in wanted
        }


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except (_Damaged, zlib.error) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _byte_order(path: Path, file: BinaryIO) -> str:
    header = file.read(_HEADER)
    mark = header[126:]
    if mark not in (b"IM", b"MI"):
        raise _Damaged("it does not begin as MATLAB 5 to 7.2 do (save -v6, save -v7)")
    order = "<" if mark == b"IM" else ">"
    (version,) = unpack_from(order + "H", header, 124)
    if version == 0x0200:
        raise ValueError(
            f"{path} is a MATLAB 7.3 file; save a file of Stringer et al. 2019 again with -v7, and "
            "a recording of your own as npz (docs/recordings.md)"
        )
    if version != 0x0100:
        raise _Damaged(f"its version is {version:#x}")
    return order


def _variable(path: Path, file: BinaryIO, name: str, order: str) -> _Element:
    """Find a variable; of those before it no more is read than their names."""
    end = path.stat().st_size
    seen = []
    while tag := file.read(8):
        kind, size = _tag(tag, order)
        start = file.tell()
        if kind not in (_MATRIX, _COMPRESSED) or not 0 < size <= end - start:
            raise _Damaged(
                f"{size} bytes of type {kind} are no variable, and {end - start} are left"
            )
        head = memoryview(file.read(min(size, _ENOUGH_FOR_A_NAME)))
        head = _start_of(head, order) if kind == _COMPRESSED else _Element(kind, head)
        seen.append(_opened(head, order).name)
        file.seek(start)
        if seen[-1] == name:
            whole = memoryview(file.read(size))
            return _inflated(whole, order) if kind == _COMPRESSED else _Element(kind, whole)
        file.seek(start + size)
    raise ValueError(
        f"{path} has no variable {name!r}, as the .mat of Stringer et al. 2019 has; it has "
        f"{', '.join(seen) or 'none'}. A recording of your own is read from npz or HDF5 "
        "(docs/recordings.md)"
    )


def _tag(content: bytes | memoryview, order: str) -> tuple[int, int]:
    if len(content) < 8:
        raise _Damaged("it ends within the 8 bytes of a type and a size")
    return unpack_from(order + "II", content)


def _start_of(compressed: memoryview, order: str) -> _Element:
    start = zlib.decompressobj().decompress(compressed, _ENOUGH_FOR_A_NAME)
    return _Element(_tag(start, order)[0], memoryview(start)[8:])


def _inflated(compressed: memoryview, order: str) -> _Element:
    stream = zlib.decompressobj()
    kind, size = _tag(stream.decompress(compressed, 8), order)
    # One byte more would be one too many; without it zlib does not come to its checksum.
    content = stream.decompress(stream.unconsumed_tail, size + 1)
    if len(content) != size or not stream.eof:
        raise _Damaged(f"what was compressed should be {size} bytes, and is not")
    return _Element(kind, memoryview(content))


def _elements(content: memoryview, order: str) -> Iterator[_Element]:
    """Yield the elements that lie one after the other, each no longer than what is there."""
    while content:
        kind, size = _tag(content, order)
        start = 8
        if kind >> 16:  # a size of up to 4 bytes beside the type, and the content in its place
            kind, size, start = kind & 0xFFFF, kind >> 16, 4
        room = len(content) - start if start == 8 else 4
        if size > room:
            raise _Damaged(f"an element has {size} bytes, and {room} are left")
        yield _Element(kind, content[start : start + size])
        content = content[start + size + -(start + size) % 8 :]


def _opened(element: _Element, order: str) -> _Matrix:
    if element.type != _MATRIX:
        raise _Damaged(f"type {element.type} is where a matrix should be")
    rest = _elements(element.content, order)
    flags = _integers(rest, order)[0]
    kind = flags & 0xFF
    # Objects of MATLAB have no dimensions; they are passed over.
    shape = () if kind == _OPAQUE else _integers(rest, order)
    if any(length < 0 for length in shape):
        raise _Damaged(f"its dimensions are {shape}")
    return _Matrix(kind, bool(flags & 0x0800), shape, _text(rest), rest)


def _next(elements: Iterator[_Element], types: Sequence[int]) -> _Element:
    found = next(elements, None)
    if found is None or found.type not in types:
        found_type = "none" if found is None else f"one of type {found.type}"
        raise _Damaged(f"an element of type {types[0]} is needed, and {found_type} is there")
    return found


def _integers(elements: Iterator[_Element], order: str) -> tuple[int, ...]:
    content = _next(elements, (_INT32, _UINT32)).content
    if not content or len(content) % 4:
        raise _Damaged(f"{len(content)} bytes are no numbers of 32 bits")
    return unpack_from(f"{order}{len(content) // 4}i", content)


def _text(elements: Iterator[_Element]) -> str:
    return bytes(_next(elements, (_INT8, _UTF8)).content).decode("latin1")


def _field_names(matrix: _Matrix, order: str) -> tuple[str, ...]:
    width = _integers(matrix.rest, order)[0]
    text = _text(matrix.rest)
    if width < 1 or len(text) % width:
        raise _Damaged(f"{len(text)} letters are no names of {width} each")
    places = range(0, len(text), width)
    return tuple(text[place : place + width].partition("\0")[0] for place in places)


def _numbers(element: _Element, order: str, name: str) -> np.ndarray:
    if element.type == _MATRIX and not element.content:
        return np.zeros((0, 0))
    matrix = _opened(element, order)
    if matrix.kind not in _NUMERIC or matrix.is_complex:
        what = "complex" if matrix.is_complex else _OTHERS.get(matrix.kind, "an object")
        raise _Damaged(f"{name} is {what}; it must hold real numbers")
    held = _next(matrix.rest, tuple(_NUMBERS))
    stored = np.dtype(_NUMBERS[held.type])
    if len(held.content) != math.prod(matrix.shape) * stored.itemsize:
        raise _Damaged(
            f"{name} has {len(held.content)} bytes, which are no {stored} of shape {matrix.shape}"
        )
    flat = np.frombuffer(held.content, f"{order}{_NUMBERS[held.type]}")
    try:
        return flat.reshape(matrix.shape, order="F").astype(stored, copy=False)
    except (
        ValueError
    ) as error:  # more axes than numpy has, or empty along one and vast along others
        raise _Damaged(f"{name} of shape {matrix.shape}: {error}") from error
