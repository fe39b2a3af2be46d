"""Networks that a function in a file of the user's makes."""

import importlib.util
import tokenize
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb

from torch import nn

from striate.models.network import Network, with_code
from striate.models.own_code import code_digest


def of_file(name: str) -> bool:
    """Tell whether a name is one of a function in a file."""
    return name.rpartition(":")[0].endswith(".py")


def from_file(name: str) -> Network:
    """Call the function of ``"path/to/file.py:function"`` and return the network it makes.

    What of the file it is made of becomes part of its fingerprint.

    Raises
    ------
    ValueError
        If there is no such file or function, one of them fails, or it makes something else.
    """
    path, _, function = name.rpartition(":")
    if not Path(path).is_file():
        raise ValueError(f"model={name!r}: there is no file {path}")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"model={name!r}: {path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    with _its_own_errors(name, path):
        spec.loader.exec_module(module)
    make = getattr(module, function, None)
    if not callable(make):
        known = [each for each, value in vars(module).items() if callable(value)]
        there = ", ".join(known) or "none"
        raise ValueError(f"model={name!r}: {path} has no function {function!r}; it has {there}")
    with _its_own_errors(name, path):
        made = make()
    network = _checked(made, name, function)
    with tokenize.open(path) as file:
        with_code(network.model, code_digest(file.read(), function))
    return network


def known_as(name: str) -> str:
    """Return the one name of a network of a file below the working directory, however typed."""
    path, _, function = name.rpartition(":")
    whole = Path(path).resolve()
    here = Path.cwd().resolve()
    path = whole.relative_to(here) if whole.is_relative_to(here) else Path(path)
    return f"{path.as_posix()}:{function}"


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
    return made


@contextmanager
def _its_own_errors(name: str, path: str) -> Iterator[None]:
    """Say where a file of the user went wrong: a shell shows no more than one line."""
    try:
        yield
    except Exception as error:
        frames, file = extract_tb(error.__traceback__), Path(path).resolve()
        lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == file]
        line = f"line {lines[-1]}: " if lines else ""
        raise ValueError(
            f"model={name!r}: {path} fails: {line}{type(error).__name__}: {error}"
        ) from error
