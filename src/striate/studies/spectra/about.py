"""What the tasks of this study say of themselves, and add to their results."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from striate.datasets import Presentation
from striate.models import Network, fingerprint
from striate.results import Result, Setting

NAME = "spectra"
# Rises when numbers change, not when code does. 2: windows end where only rounding is left.
VERSION = 2
# Of recordings, alone and compared. 2: R² of their fits, and what the network was shown. 3: stimuli
# of one movie leave together also without cross-validation, and stand-ins vary as their neurons.
RECORDED = 3
SHOWN = ("stimulus_deg", "field_deg", "crop_px", "surround")


def about_network(network: Network) -> dict[str, Setting]:
    """Say which network it is: by name, and by its weights and modules."""
    return {
        "study": NAME,
        "version": VERSION,
        "model": network.name,
        "model_sha256": fingerprint(network.model)[:12],
        "size": network.size,
    }


def spelled_presentation(way: Presentation | None) -> dict[str, Setting]:
    """Spell how large images were shown; None is resized to all that the network takes."""
    if way is None:
        return dict.fromkeys(SHOWN)
    crop = way.crop_px
    cut = " ".join(map(str, crop)) if isinstance(crop, tuple) else crop
    values = (way.stimulus_deg, way.field_deg, cut, way.surround)
    return dict(zip(SHOWN, values, strict=True))


def file_stem(name: str) -> str:
    """Make a file name of a source: what follows the last slash."""
    named = Path(name.split(": ")[0]).name
    return "".join(sign if sign.isalnum() or sign in "._-" else "-" for sign in named)


def with_settings(
    result: Result, task: Mapping[str, Setting], names: Sequence[str], **more: Setting
) -> Result:
    """Add settings of the task to those of a result."""
    added = {name: task[name] for name in names}
    return replace(result, settings={**added, **result.settings, **more})
