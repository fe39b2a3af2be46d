"""What the networks of a study are shown: photographs, and the images of a recording."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from striate.datasets import DATASETS, Presentation, Recording, present
from striate.models import Network
from striate.studies.predictivity import presentations
from striate.studies.predictivity.networks import GROUPED
from striate.studies.spectra import Pictures, pictures
from striate.studies.spectra.recordings import images_of

ANY_SIZE = 64  # pixels


class Cortex(NamedTuple):
    """A recording, and how its images are shown to a network.

    Attributes
    ----------
    recording
        With its images.
    stimulus_deg
        Degrees that what is shown of an image is wide.
    population
        What it was read for, of a file that holds several.
    crop_px
        Side of the square cut out of an image first; all of it if None.
    grouped
        As in `striate.studies.predictivity.network_task`.
    """

    recording: Recording
    stimulus_deg: float
    population: str | None = None
    crop_px: int | None = None
    grouped: str = "none"

    def groups(self) -> tuple[str, ...] | None:
        """Return what stays on one side of a split, by stimulus; None if all are split freely.

        Raises
        ------
        ValueError
            If `grouped` is unknown, or the recording does not say what its images stem from.
        """
        if self.grouped not in GROUPED:
            raise ValueError(f"grouped={self.grouped!r}; choose one of {', '.join(GROUPED)}")
        if self.grouped == "none":
            return None
        if self.recording.image_ids is None:
            raise ValueError(
                f"grouped={self.grouped!r}: {self.recording.responses.source} does not name what "
                "its images stem from; leave out grouped, or read it with 'image_ids'"
            )
        return self.recording.image_ids


class Shown(NamedTuple):
    """What every network of the study is shown.

    Attributes
    ----------
    images
        A folder of photographs or a data set, for spectra, principal components and attacks.
    classes
        A file that says which folder is which class; needed where they are not as many as a
        network's outputs.
    cortex
        What is to be predicted; None to leave that out.
    field_deg
        Degrees that a network sees; the protocol's if None.
    """

    images: str
    classes: Path | None = None
    cortex: Cortex | None = None
    field_deg: float | None = None

    def check(self) -> None:
        """Refuse what no network can be shown.

        Raises
        ------
        ValueError
            If there are no such images or classes, the recording has no images or none that can be
            cut so or grouped so, or a number of degrees is out of range.
        """
        if self.images not in DATASETS and not Path(self.images).is_dir():
            raise ValueError(f"folder={self.images!r} is not a folder; name one that holds images")
        if self.classes is not None and not self.classes.is_file():
            raise ValueError(f"classes={str(self.classes)!r} is no file")
        if self.classes is not None and self.images in DATASETS:
            raise ValueError(
                f"classes={str(self.classes)!r}: the classes of {self.images} are known"
            )
        field = self.field_deg
        if field is not None and not (isfinite(field) and field > 0):
            raise ValueError(f"field_deg={field!r}: give degrees of visual angle, above 0")
        if self.cortex is not None:
            self.cortex.groups()
            wide = self.cortex.stimulus_deg
            way = Presentation(wide, wide if field is None else field, self.cortex.crop_px)
            # Of any size: what can be wrong here is the recording, and what is cut out of it.
            present(images_of(self.cortex.recording)[:1], way, size=ANY_SIZE)

    def presentation(self, network: Network, protocol: str) -> Presentation | None:
        """Return how the recording's images are shown to a network; None without a recording.

        Raises
        ------
        ValueError
            If they are wider than the network's field.
        """
        if self.cortex is None:
            return None
        (way,) = presentations(
            (self.cortex.stimulus_deg,),
            size=network.size,
            protocol=protocol,
            field_deg=self.field_deg,
            crop_px=self.cortex.crop_px,
        )
        return way


def few(named: str, network: Network, most: int | None, *, seed: int) -> Pictures:
    """Find photographs for a network, at most so many of them.

    Parameters
    ----------
    named, network
        As in `striate.studies.spectra.pictures`.
    most
        All there are if None.
    seed
        Of the draw of so many.

    Raises
    ------
    ValueError
        As `pictures`.
    """
    found = pictures(named, network)
    if most is None or found.available <= most:
        return found
    kept = list(found.order(most, seed))

    def order(count: int | None, seed: int | None) -> Sequence[int]:
        if count is None or seed is None:
            return kept
        drawn = _shuffled(len(kept), seed)[:count]
        return [kept[place] for place in drawn]

    name = f"{most} of {found.name}, seed {seed}"
    return found._replace(name=name, available=most, order=order)


def _shuffled(count: int, seed: int) -> list[int]:
    import torch

    return torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()
