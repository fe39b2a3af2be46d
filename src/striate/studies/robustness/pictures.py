"""The images a network is attacked on, each with its class: a folder, or a data set by name."""

import json
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from striate import datasets
from striate.layers import run
from striate.models import Network
from striate.results import digest
from striate.study.robustness import Shown, in_batches


class Labelled(NamedTuple):
    """Images with classes, as one network takes them, in a drawn order.

    Attributes
    ----------
    name
        For people, with twelve hexadecimal digits that stand for content and preparation.
    available
        How many there are.
    order
        Which of them are shown, in the order in which they are.
    classes
        How many the network chooses among.
    classes_sha256
        Of the file that says which folder is which class; None without.
    shown
        They themselves.
    left_out
        Says which files cannot be read; empty if all can.
    """

    name: str
    available: int
    order: Tensor
    classes: int
    classes_sha256: str | None
    shown: Shown
    left_out: str = ""


def labelled(
    named: str,
    network: Network,
    *,
    count: int | None = None,
    seed: int = 0,
    batch_size: int = 256,
    classes: Path | None = None,
) -> Labelled:
    """Draw images of a folder or a data set, with their classes.

    Parameters
    ----------
    named
        A key of `striate.datasets.DATASETS`, whose test images are meant, or else a folder with
        ``<class>/<file>``, of whose folders, sorted, the first is class 0.
    network
        It says to what size photographs are brought. Images of a data set are shown as they are.
    count
        How many, drawn without replacement: fewer are the beginning of more. All if None, in a
        drawn order as well, so that the first of them are a fair sample.
    seed
        Of the draw.
    batch_size
        Images per batch.
    classes
        A JSON file that maps the names of a folder's classes to outputs of the network, counted
        from 0; needed where they are not as many as its outputs.

    Raises
    ------
    ValueError
        If there is no such folder, no image in it can be read or they have no classes; the images
        do not pass through the network; the classes are not those of its outputs; there are
        fewer than `count`, or `count` is less than two.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}; show at least one image at a time")
    if named in datasets.DATASETS:
        if classes is not None:
            raise ValueError(f"classes={str(classes)!r}: the classes of {named} are known")
        return _data_set(named, network, count, seed, batch_size)
    return _photographs(Path(named), network, count, seed, batch_size, classes)


def _data_set(
    named: str, network: Network, count: int | None, seed: int, batch_size: int
) -> Labelled:
    data = datasets.DATASETS[named]("test")
    side = data.images.shape[-1]
    if side != network.size:
        raise ValueError(
            f"images={named!r} are of {side}×{side} pixels and {network.takes()}; give a folder of "
            "photographs"
        )
    order = _drawn(len(data.images), count, seed)
    outputs = _outputs(network, data.images[:1])
    there = int(data.labels.max()) + 1
    if outputs != there:
        raise ValueError(
            f"{named} has {there} classes and {network.name} {outputs} outputs; give a network "
            "that was trained on it"
        )
    shown = in_batches(data.images[order], data.labels[order], batch_size=batch_size)
    name = f"{named} test {datasets.fingerprint(named)}"
    return Labelled(name, len(data.images), order, outputs, None, shown)


def _photographs(
    folder: Path,
    network: Network,
    count: int | None,
    seed: int,
    batch_size: int,
    classes: Path | None,
) -> Labelled:
    found = datasets.images(folder, **network.preparation(), batch_size=batch_size)
    if found.labels is None:
        raise ValueError(
            f"{folder} has no classes: its images must lie at {folder.name}/<class>/<file>, all of "
            f"them{_deeper(folder, found.names)}"
        )
    found.check_classes()
    order = _drawn(len(found.names), count, seed)
    names = tuple(found.names[index] for index in order.tolist())
    drawn = replace(found, names=names, labels=found.labels[order])
    outputs = _outputs(network, replace(drawn, names=names[:1])[0])
    places = _places(found.classes, outputs, folder, classes)
    labels = torch.tensor(places)[found.labels[order]]
    sha = None if classes is None else _digest(classes)
    name = f"{folder.resolve().name} {found.fingerprint}"
    shown = Shown(drawn, labels, batch_size)
    return Labelled(name, len(found.names), order, outputs, sha, shown, found.left_out)


def _deeper(folder: Path, names: tuple[str, ...]) -> str:
    """Name the folder below that has classes, if all images lie in one that does."""
    first = {name.partition("/")[0] for name in names}
    if len(first) > 1 or any(name.count("/") != 2 for name in names):
        return ""
    return f"; they do below {folder / first.pop()}"


def _places(names: tuple[str, ...], outputs: int, folder: Path, classes: Path | None) -> list[int]:
    """Return the output of each class."""
    if classes is None:
        if len(names) != outputs:
            raise ValueError(
                f"{folder} has {len(names)} classes and the network {outputs} outputs; give "
                "classes, a JSON file that maps each folder's name to an output"
            )
        return list(range(outputs))
    read = _read(classes)
    missing = [name for name in names if name not in read]
    if missing:
        raise ValueError(
            f"classes={str(classes)!r} says nothing of {', '.join(missing[:3])}"
            f"{f' and {len(missing) - 3} more' * (len(missing) > 3)}; give each folder an output"
        )
    wrong = [name for name in names if not 0 <= read[name] < outputs]
    if wrong:
        raise ValueError(
            f"classes={str(classes)!r} maps {wrong[0]} to {read[wrong[0]]}; the network has "
            f"outputs 0 to {outputs - 1}"
        )
    return [read[name] for name in names]


def _read(classes: Path) -> dict[str, int]:
    try:
        read = json.loads(classes.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"classes={str(classes)!r} cannot be read: {error}") from error
    if not isinstance(read, dict) or not all(type(place) is int for place in read.values()):
        raise ValueError(
            f"classes={str(classes)!r}: give a JSON object of folder names and whole numbers"
        )
    return read


def _digest(classes: Path) -> str:
    return digest(_read(classes))[:12]


def _drawn(available: int, count: int | None, seed: int) -> Tensor:
    wanted = available if count is None else count
    if not 2 <= wanted <= available:
        raise ValueError(
            f"n={wanted} of {available} images; draw at least 2 and no more than there are"
        )
    order = torch.randperm(available, generator=torch.Generator().manual_seed(seed))
    return order[:wanted]


def _outputs(network: Network, image: Tensor) -> int:
    """Show one image, and count the numbers that come out."""
    place = next((one.device for one in network.model.parameters()), torch.device("cpu"))
    with torch.no_grad():
        logits = run(network.model, image.to(place))
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(
            f"{network.name} answers an image with {shape}; a network that can be attacked gives "
            "(images, classes)"
        )
    return logits.shape[1]
