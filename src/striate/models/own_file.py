"""Networks that a function in a file of the user's makes."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from traceback import extract_tb
from typing import get_args

from torch import nn

from striate.models.network import Interpolation, Network, with_code
from striate.models.own_code import code_digest, is_installed
from striate.results import digest
from striate.results.given import as_path

IN_USE = ("striate", "__main__")  # which stay, wherever they lie
# Folders of files that networks came from, and what files there held when they were imported.
_FOLDERS: set[Path] = set()
_IMPORTED: dict[Path, bytes] = {}
_ONE_AT_A_TIME = RLock()  # or a thread would take away what another is importing


def of_file(name: str) -> bool:
    """Tell whether a name is one of a function in a file."""
    return name.rpartition(":")[0].endswith(".py")


def from_file(name: str) -> Network:
    """Call the function of ``"path/to/file.py:function"`` and return the network it makes.

    What of the file it is made of becomes part of its fingerprint. Files beside it that it imports
    are imported again if they have changed, or are called like those beside another network.

    Raises
    ------
    ValueError
        If there is no such file or function, one of them fails, or it makes something else.
    """
    path, function = _parts(name)
    if not path.is_file():
        raise ValueError(f"model={name!r}: there is no file {path}")
    # Under a name of its own, by which dataclasses look for the module of a class.
    whole = path.resolve()
    spec = importlib.util.spec_from_file_location(f"{path.stem}_{digest(str(whole))[:12]}", whole)
    if spec is None or spec.loader is None:
        raise ValueError(f"model={name!r}: {path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    with _read_anew(whole.parent):
        sys.modules[spec.name] = module
        try:
            with _its_own_errors(name, path), _beside(whole):
                spec.loader.exec_module(module)
        except ValueError:
            del sys.modules[spec.name]
            raise
        make = getattr(module, function, None)
        if not callable(make):
            known = [each for each, value in vars(module).items() if callable(value)]
            there = ", ".join(known) or "none"
            raise ValueError(f"model={name!r}: {path} has no function {function!r}; it has {there}")
        with _its_own_errors(name, path), _beside(whole):
            made = make()
    network = _checked(made, name, function)
    with_code(network.model, code_digest(whole, function))
    return network


def known_as(name: str) -> str:
    """Return the one name of a network of a file below the working directory, however typed."""
    path, function = _parts(name)
    whole, here = path.resolve(), Path.cwd().resolve()
    shown = whole.relative_to(here) if whole.is_relative_to(here) else path
    return f"{shown.as_posix()}:{function}"


def _parts(name: str) -> tuple[Path, str]:
    path, _, function = name.rpartition(":")
    return as_path("model", path), function


@contextmanager
def _beside(path: Path) -> Iterator[None]:
    """Let a file import those beside it, as a script does."""
    sys.path.insert(0, str(path.parent))
    try:
        yield
    finally:
        if str(path.parent) in sys.path:  # the file may have changed it
            sys.path.remove(str(path.parent))


@contextmanager
def _read_anew(folder: Path) -> Iterator[None]:
    """Have what lies beside a file imported again if it has changed, or is of another folder.

    A package and its parts go together. What is not asked for stays as it was, and so does what the
    caller has imported and nobody has changed since.
    """
    with _ONE_AT_A_TIME:
        _FOLDERS.add(folder)
        importlib.invalidate_caches()
        there = _imported()
        ours = [file for where, file in there.values() if where == folder]
        changed = any(_IMPORTED.setdefault(file, _content(file)) != _content(file) for file in ours)
        stale = {
            name.partition(".")[0]
            for name, (where, _) in there.items()
            if (changed if where == folder else _lies_in(folder, name.partition(".")[0]))
        }
        before = {name: m for name, m in [*sys.modules.items()] if name.partition(".")[0] in stale}
        for name in before:
            del sys.modules[name]
        try:
            yield
        finally:
            new = (file for where, file in _imported().values() if where == folder)
            _IMPORTED.update((file, _content(file)) for file in new)
            again = {name.partition(".")[0] for name in [*sys.modules]}
            left = {name: m for name, m in before.items() if name.partition(".")[0] not in again}
            sys.modules.update(left)


def _lies_in(folder: Path, name: str) -> bool:
    return (folder / name).is_dir() or (folder / f"{name}.py").is_file()


def _imported() -> dict[str, tuple[Path, Path]]:
    """Say which modules were imported from files below one of the folders, and from which."""
    found = {}
    for name, module in [*sys.modules.items()]:
        # Not what it may make on request: some import themselves when looked at.
        about = getattr(module, "__dict__", {})
        # A package without a file of its own is a folder.
        place = str(about.get("__file__") or next(iter(about.get("__path__", [])), ""))
        for folder in _FOLDERS if place and name.partition(".")[0] not in IN_USE else ():
            if place.startswith(str(folder) + os.sep):
                below = folder.joinpath(*name.split("."))
                ours = (below, below.with_name(f"{below.name}.py"), below / "__init__.py")
                if Path(place) in ours and not is_installed(below):
                    found[name] = folder, Path(place)
    return found


def _content(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() else b""


def _checked(made: object, name: str, function: str) -> Network:
    if isinstance(made, nn.Module):
        return Network(name, made, 256, 224)
    if not isinstance(made, Network) or not isinstance(made.model, nn.Module):
        raise ValueError(
            f"model={name!r}: {function}() returned a {type(made).__name__}; return a module, "
            "or a striate.models.Network of one"
        )
    if not all(isinstance(side, int) and side > 0 for side in (made.resize, made.size)):
        raise ValueError(
            f"model={name!r}: {function}() wants images of resize={made.resize!r}, "
            f"size={made.size!r}; both are whole numbers of pixels"
        )
    if made.interpolation not in get_args(Interpolation):
        raise ValueError(
            f"model={name!r}: {function}() wants images of interpolation={made.interpolation!r}; "
            "choose 'bilinear' or 'bicubic'"
        )
    return made


@contextmanager
def _its_own_errors(name: str, path: Path) -> Iterator[None]:
    """Say where a file of the user went wrong: a shell shows no more than one line."""
    try:
        yield
    except Exception as error:
        frames, file = extract_tb(error.__traceback__), path.resolve()
        lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == file]
        line = f"line {lines[-1]}: " if lines else ""
        raise ValueError(
            f"model={name!r}: {path} fails: {line}{type(error).__name__}: {error}"
        ) from error
