"""Where readings go: a function, a file of JSON lines, TensorBoard."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Protocol, runtime_checkable

from striate.training.reading import Reading


@runtime_checkable
class ScalarWriter(Protocol):
    """What TensorBoard's ``SummaryWriter`` and its likes can do."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> object:
        """Write one number."""
        ...


Sink = Callable[[Reading], object] | str | Path | ScalarWriter


@contextmanager
def opened(to: Sink | None) -> Iterator[Callable[[Reading], object]]:
    """Open `to`; give the function that takes a reading there."""
    if to is None:
        yield unheard
    elif isinstance(to, (str, Path)):
        path = Path(to)
        if path.suffix != ".jsonl":
            raise ValueError(f"to={str(to)!r}: readings are lines of JSON; end the path in .jsonl")
        with _appended(path) as file:
            yield partial(_write_line, file)
    elif isinstance(to, ScalarWriter):
        yield partial(_write_scalars, to)
    elif callable(to):
        yield to
    else:
        raise ValueError(
            f"to={to!r}: give a function, a path ending in .jsonl or a TensorBoard SummaryWriter"
        )


def _appended(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise ValueError(f"to={str(path)!r} cannot be written: {error}") from error


def _write_line(file: IO[str], reading: Reading) -> None:
    """Whole lines only: whoever stops the training leaves a file that can be read."""
    file.write(json.dumps(reading._asdict(), allow_nan=False, ensure_ascii=False) + "\n")
    file.flush()


def _write_scalars(writer: ScalarWriter, reading: Reading) -> None:
    for name in ("alpha", "alpha_error", "participation_ratio", "effective_rank"):
        value = getattr(reading, name)
        if value is not None:
            writer.add_scalar(f"{name}/{reading.layer}", value, reading.step)


def unheard(_reading: Reading) -> None:
    """Take a reading nowhere."""
