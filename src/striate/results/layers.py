"""Names of layers in one setting of a result."""

import re
from collections.abc import Iterable, Mapping

from striate.results.nouns import Setting


def spelled_layers(names: Iterable[str]) -> str:
    """Write names of layers in one setting, for `layers_of`: spaces in a name are escaped."""
    return " ".join(name.replace(" ", "\\ ") for name in names)


def layers_of(settings: Mapping[str, Setting], setting: str = "layers") -> list[str]:
    """Return the names of layers in a setting, as `spelled_layers` wrote them; [] without it."""
    spelled = str(settings.get(setting) or "")
    return [name.replace("\\ ", " ") for name in re.split(r"(?<!\\) ", spelled) if name]
