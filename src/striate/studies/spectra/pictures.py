"""The natural images a network is shown: a folder of photographs, or a data set by name."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from striate import datasets
from striate.activations import Images
from striate.models import Network
from striate.study.spectra import Draw


class Pictures(NamedTuple):
    """Images as one network takes them.

    Attributes
    ----------
    name
        For people, with twelve hexadecimal digits that stand for content and preparation.
    available
        How many there are.
    draw
        Gives so many of them, drawn with a seed; all of them for ``draw(None, None)``.
    """

    name: str
    available: int
    draw: Draw


def pictures(named: str, network: Network) -> Pictures:
    """Find the images of a folder, or of a data set, for a network.

    Parameters
    ----------
    named
        A key of `striate.datasets.DATASETS`, whose test images are meant, or else a folder.
    network
        It says to what size photographs are brought. Images of a data set are shown as they are.

    Raises
    ------
    ValueError
        If there is no such folder, no image in it can be read, or the images of a data set are
        not of the size that the network takes.
    """
    if named not in datasets.DATASETS:
        return _photographs(Path(named), network)
    images = datasets.DATASETS[named]("test").images
    side = images.shape[-1]
    if side != network.size:
        raise ValueError(
            f"images={named!r} are of {side}×{side} pixels and {network.name} takes "
            f"{network.size}×{network.size}; give a folder of photographs"
        )
    name = f"{named} test {datasets.fingerprint(named)}"
    return Pictures(name, len(images), partial(_drawn, images))


def _photographs(folder: Path, network: Network) -> Pictures:
    size = {"resize": network.resize, "crop": network.size}
    found = datasets.images(folder, **size)

    def draw(count: int | None, seed: int | None) -> Images:
        return datasets.images(folder, n=count, seed=seed, **size)

    return Pictures(f"{folder.name} {found.fingerprint}", len(found.names), draw)


def _drawn(images: torch.Tensor, count: int | None, seed: int | None) -> torch.Tensor:
    """Draw without replacement; fewer are the beginning of more."""
    if count is None or seed is None:
        return images
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    return images[order[:count]]
