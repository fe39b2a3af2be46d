"""What a network is trained on and tested on: a data set by name, or folders of photographs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from striate import datasets
from striate._checks import check_whole
from striate.datasets import ImageFolder
from striate.models import Network
from striate.training import ImageSource, Inputs, Source, cropped, flipped

# How far images are shifted, and whether they are flipped: a mirrored 3 is none.
SHIFTS = {"digits": (1, False), "mnist": (2, False), "cifar10": (4, True)}
TESTED = 500  # images at a time


class Material(NamedTuple):
    """Images with their classes, for one network.

    Attributes
    ----------
    name
        For people, with twelve hexadecimal digits that stand for content and preparation.
    images, labels
        Of the training set, as `striate.training.train` takes them.
    classes
        How many there are.
    test, test_labels
        Of the test set, by batches, and of all of it.
    augmented
        What happens to training images at random, in words; None: nothing.
    changes
        What of that is not done where photographs are decoded.
    left_out
        Says which files cannot be read; empty if all can.
    """

    name: str
    images: Float[Tensor, "images channels height width"] | Source
    labels: Int[Tensor, " images"]
    classes: int
    test: "Sequence[Tensor] | ImageFolder"
    test_labels: Int[Tensor, " test_images"]
    augmented: str | None
    changes: tuple[Inputs, ...] = ()
    left_out: str = ""


@dataclass(frozen=True)
class Still:
    """Photographs of a folder, the same each time: a `Source`."""

    folder: ImageFolder

    def __len__(self) -> int:
        return len(self.folder.names)

    def take(
        self, indices: Int[Tensor, " batch"], generator: torch.Generator
    ) -> Float[Tensor, "batch 3 side side"]:
        """Decode these images; nothing about them is random."""
        names = tuple(self.folder.names[index] for index in indices.tolist())
        return replace(self.folder, names=names, labels=None, batch_size=len(names))[0]


def material(
    named: str,
    network: Network,
    *,
    train_images: int | None = None,
    augment: bool | None = None,
    seed: int = 0,
    threads: int = 1,
) -> Material:
    """Find what a network is to be trained and tested on.

    Parameters
    ----------
    named
        A key of `striate.datasets.DATASETS`, or else a folder that holds ``train/<class>/<file>``
        and ``val/<class>/<file>``. Photographs are tested on as `striate.datasets.images` prepares
        them: short side resized, centre cut out.
    network
        It says to what size photographs are brought. Images of a data set are shown as they are.
    train_images
        How many: the first of a data set, so many drawn of a folder. All if None.
    augment
        Whether training images are changed at random: of CIFAR-10 shifted by up to 4 pixels and
        flipped, of MNIST (digits) shifted by up to 2 (1) pixels; of photographs `ImageSource`,
        a random part, flipped. If None, photographs only.
    seed
        Of the draw from a folder.
    threads
        How many photographs are decoded at a time.

    Raises
    ------
    ValueError
        If there is no such folder, its classes are none or not the same in both, images are not of
        the size that the network takes, or there are fewer than `train_images`.
    """
    if train_images is not None:
        check_whole("train_images", train_images)
    if named in datasets.DATASETS:
        return _data_set(named, network, train_images, bool(augment))
    return _photographs(
        Path(named), network, train_images, augment is not False, seed=seed, threads=threads
    )


def _data_set(named: str, network: Network, count: int | None, augment: bool) -> Material:
    train, test = (datasets.DATASETS[named](split) for split in ("train", "test"))
    side = train.images.shape[-1]
    if side != network.size:
        raise ValueError(
            f"data={named!r} has images of {side}×{side} pixels and {network.takes()}; choose "
            "another network, or a folder of photographs"
        )
    if count is not None and count > len(train.images):
        raise ValueError(f"train_images={count}, but {named} has {len(train.images)}")
    shift, flip = SHIFTS[named]
    words = f"shift {shift}{', flip' * flip}"
    return Material(
        name=f"{named} {datasets.fingerprint(named)}",
        images=train.images[:count],
        labels=train.labels[:count],
        classes=int(train.labels.max()) + 1,
        test=test.images.split(TESTED),
        test_labels=test.labels,
        augmented=words if augment else None,
        changes=(cropped(shift), *([flipped()] if flip else [])) if augment else (),
    )


def _photographs(
    folder: Path, network: Network, count: int | None, augment: bool, *, seed: int, threads: int
) -> Material:
    missing = [part for part in ("train", "val") if not (folder / part).is_dir()]
    if missing:
        raise ValueError(
            f"data={str(folder)!r}: there is no folder {folder / missing[0]}; give "
            f"{', '.join(datasets.DATASETS)}, or a folder that holds train/<class>/<file> and "
            "val/<class>/<file>"
        )
    how = {**network.preparation(), "threads": threads}
    draw: dict[str, Any] = {} if count is None else {"n": count, "seed": seed}
    train = datasets.images(folder / "train", **how, **draw)
    test = datasets.images(folder / "val", **how, batch_size=TESTED)
    if train.labels is None or test.labels is None:
        raise ValueError(
            f"data={str(folder)!r} has no classes: all images must lie at train/<class>/<file> and "
            "val/<class>/<file>"
        )
    for part in (train, test) if count is None else (test,):  # a draw may miss a class
        part.check_classes()
    odd = sorted(set(train.classes) ^ set(test.classes))
    if odd:
        raise ValueError(
            f"data={str(folder)!r}: the class {odd[0]!r} is in one of train and val only"
        )
    return Material(
        name=f"{folder.resolve().name} {train.fingerprint} {test.fingerprint}",
        images=ImageSource(train) if augment else Still(train),
        labels=train.labels,
        classes=len(train.classes),
        test=test,
        test_labels=test.labels,
        augmented="random resized crop, flip" if augment else None,
        left_out="; ".join(part.left_out for part in (train, test) if part.left_out),
    )
