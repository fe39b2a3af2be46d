"""What several commands ask for, and how it is read."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

if TYPE_CHECKING:  # the command line starts without torch
    from striate.datasets import Recording

LISTS = ("drop", "categories", "types")  # options of readers that take several

ResultsFolder = Annotated[Path, typer.Option("--results", help="The results folder.")]
Model = Annotated[
    str,
    typer.Argument(
        help="torchvision/NAME | timm/NAME | kong2021/NAME | small/NAME | path/to/file.py:function"
    ),
]
Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...",
        help="torchvision/NAME | timm/NAME | kong2021/NAME | small/NAME | path/to/file.py:function",
    ),
]
Weights = Annotated[Path | None, typer.Option(help="a file of weights to load instead")]
Layers = Annotated[str, typer.Option(help="names or globs with commas; ** is any number of steps")]
BatchSize = Annotated[int, typer.Option(help="images shown at a time")]
Device = Annotated[str, typer.Option(help="cpu | cuda | cuda:1")]
Seed = Annotated[int, typer.Option(help="of all that is drawn", max=2**63 - 1)]
Memory = Annotated[str, typer.Option(help="for activations and kernels, e.g. 4GB")]
Protocol = Annotated[str, typer.Option(help="paper | authors")]
Population = Annotated[
    str | None, typer.Option(help="of a file that holds several; default: all side by side")
]
Reader = Annotated[
    list[str] | None,
    typer.Option(
        "--read",
        help="how the file is read, as in striate.datasets, e.g. --read start_s=0.04 --read "
        "length_s=0.06 of NWB",
    ),
]
CropPx = Annotated[int | None, typer.Option(help="side of the square cut out of a stimulus first")]
STIMULUS_DEG = typer.Option(help="degrees that a stimulus is wide; several with commas")
FieldDeg = Annotated[
    float | None,
    typer.Option(help="degrees that the network sees; default: 6.4, authors: 35 pixels each"),
]
Classes = Annotated[
    Path | None, typer.Option(help="JSON: name of a class's folder to output, from 0")
]
Splits = Annotated[int, typer.Option(help="of stimuli into train and test")]
Lambdas = Annotated[str, typer.Option(help="penalties of ridge to choose from")]
Components = Annotated[int, typer.Option(help="of partial least squares")]
MinimumReliability = Annotated[
    float, typer.Option(help="that a neuron must exceed to be counted, 0 to 1")
]
PerNeuron = Annotated[bool, typer.Option("--per-neuron", help="ridge: each neuron its own penalty")]


class Execution(NamedTuple):
    """How a network is run.

    Attributes
    ----------
    memory
        For activations and kernels.
    batch_size
        Images shown at a time.
    seed
        Of all that is drawn.
    device
        Where the network is.
    """

    memory: Memory = "4GB"
    batch_size: BatchSize = 32
    seed: Seed = 0
    device: Device = "cpu"


def fraction(text: str) -> float:
    """Read ``0.03`` or ``8/255``."""
    try:
        return float(Fraction(text.strip()))
    except (ZeroDivisionError, OverflowError) as error:
        raise ValueError(str(error)) from error


def check_device(device: str) -> None:
    """Refuse a device on which nothing can be put."""
    import torch

    try:
        torch.ones(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device={device!r} cannot be used here: {reason}") from error


def numbers(name: str, text: str | None, kind: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """Read ``1,2,3``; nothing is nothing."""
    if text is None:
        return None
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"{name} {text!r}: give numbers with commas, e.g. 1,2,3") from error


def names_of(text: str) -> list[str]:
    """Read ``conv1, layer4.*``."""
    return [name.strip() for name in text.split(",")]


def ranks_of(text: str | None, option: str = "ranks") -> tuple[int, int] | None:
    """Read ``6-50``; nothing is nothing."""
    if text is None:
        return None
    try:
        first, last = map(int, text.split("-"))
    except ValueError as error:
        raise ValueError(
            f"--{option} {text!r}: give first-last, both included, e.g. 6-50"
        ) from error
    return first, last


def recorded(path: Path, population: str | None, reader: Sequence[str] | None) -> "Recording":
    """Read a recording as ``--population`` and ``--read`` ask."""
    from striate import datasets

    options: dict[str, Any] = {} if population is None else {"population": population}
    return datasets.recording(path, **options, **dict(map(_reading, reader or ())))


def _reading(text: str) -> tuple[str, Any]:
    """Read ``start_s=0.04``, ``red_cells=false`` or ``drop=grey,blank``."""
    name, equals, value = text.partition("=")
    if not (name and equals and value) or name == "population":
        raise ValueError(f"--read {text!r}: give a name and a value, e.g. start_s=0.04")
    if name in LISTS:
        return name, names_of(value)
    for kind in (int, float, {"true": True, "false": False}.__getitem__):
        with suppress(ValueError, KeyError):
            return name, kind(value)
    return name, value


def check_folder(folder: Path, option: str = "results") -> None:
    """Refuse a folder to write into that is a file, or behind a link that leads nowhere."""
    for part in (folder, *folder.parents):
        if part.is_symlink() and not part.exists():
            raise ValueError(
                f"--{option} {folder}: {part} is a link to {part.readlink()}, which does not exist"
            )
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--{option} {folder} is a file; name a folder")
