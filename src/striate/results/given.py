"""Paths as callers give them: text, or a `pathlib.Path`."""

from pathlib import Path


def as_path(argument: str, value: object) -> Path:
    """Return `value` as a path, ``~/`` spelt out.

    Raises
    ------
    ValueError
        If it is neither text nor a path, or is empty, which would be the folder one happens to be
        in.
    """
    if not isinstance(value, str | Path):
        raise ValueError(f"{argument}={value!r} is a {type(value).__name__}; give a path")
    if value == "":
        raise ValueError(f"{argument} is empty text; give a path")
    path = Path(value)
    return path.expanduser() if path.parts[:1] == ("~",) else path
