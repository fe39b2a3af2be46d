"""What the tasks of this study say of themselves, and add to their results."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from striate.models import Network, fingerprint
from striate.results import Result, Setting

NAME = "spectra"
VERSION = 1  # rises when numbers change, not when code does


def about_network(network: Network) -> dict[str, Setting]:
    """Say which network it is: by name, and by its weights and modules."""
    return {
        "study": NAME,
        "version": VERSION,
        "model": network.name,
        "model_sha256": fingerprint(network.model)[:12],
        "size": network.size,
    }


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
