"""The natural images a network is shown: a folder of photographs, or a data set by name."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from striate import datasets
from striate.activations import Images
from striate.models import Network, outline
from striate.results import digest


class Pictures(NamedTuple):
    """Images as one network takes them.

    Attributes
    ----------
    name
        For people, with twelve hexadecimal digits that stand for content and preparation.
    available
        How many there are.
    order
        Says which are drawn, of so many and with a seed; fewer are the beginning of more. All, for
        ``order(None, None)``.
    pick
        Gives those of such numbers.
    left_out
        Says which files cannot be read; empty if all can.
    content
        Twelve hexadecimal digits that stand for them, the same for each network.
    """

    name: str
    available: int
    order: Callable[[int | None, int | None], Sequence[int]]
    pick: Callable[[Sequence[int]], Images]
    left_out: str = ""
    content: str = ""

    def told(self) -> dict[str, str]:
        """Give what a task says of files that are left out: nothing if none are."""
        return {"left_out": self.left_out} if self.left_out else {}

    def draw(self, count: int | None, seed: int | None) -> Images:
        """Give so many of them, drawn with a seed; all of them for ``draw(None, None)``."""
        return self.pick(self.order(count, seed))


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
            f"images={named!r} are of {side}×{side} pixels and {network.takes()}; give a folder of "
            "photographs"
        )
    content = datasets.fingerprint(named)
    return Pictures(
        f"{named} test {content}",
        len(images),
        partial(_order, len(images)),
        lambda rows: images[torch.tensor(rows)],
        content=content,
    )


def planes_of(network: Network) -> int:
    """Return how many colours a network takes: three, or else one.

    Raises
    ------
    ValueError
        If it takes images of its size in neither.
    """
    try:
        outline(network.model, network.size)
    except ValueError as refused:
        try:
            outline(network.model, network.size, channels=1)
        except ValueError:
            raise refused from None
        return 1
    return 3


def _photographs(folder: Path, network: Network) -> Pictures:
    how = network.preparation()
    found = datasets.images(folder, **how)
    place = {name: index for index, name in enumerate(found.names)}

    def order(count: int | None, seed: int | None) -> Sequence[int]:
        if count is None:
            return range(len(found.names))
        # A draw that meets a file that cannot be read goes on with the next.
        return [place[name] for name in datasets.images(folder, n=count, seed=seed, **how).names]

    def pick(rows: Sequence[int]) -> Images:
        names = tuple(found.names[row] for row in rows)
        fingerprint = digest([found.fingerprint, names])[:12]
        return replace(found, names=names, labels=None, classes=(), fingerprint=fingerprint)

    name = f"{folder.resolve().name} {found.fingerprint}"
    return Pictures(name, len(found.names), order, pick, found.left_out, found.content)


def _order(available: int, count: int | None, seed: int | None) -> Sequence[int]:
    """Draw without replacement; fewer are the beginning of more."""
    if count is None or seed is None:
        return range(available)
    order = torch.randperm(available, generator=torch.Generator().manual_seed(seed))
    return order[:count].tolist()
