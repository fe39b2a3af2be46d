"""Short names for networks, recordings and layers, as long as it takes to tell them apart."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import TypeVar

from striate.report.labels import brief
from striate.results import Setting

# How the names of recordings end.
RECORDED = ("npz", "h5", "hdf5", "mat", "pkl", "pickle", "nwb")
# Settings whose names are no words of a sentence.
SAID: Mapping[tuple[str, Setting], str] = {
    ("attack_wrong", True): "images already wrong attacked too",
    ("attack_wrong", False): "images already wrong left as they are",
}
WHOLE = 16  # characters of a layer's name that fit wherever one stands
Key = tuple[Setting, ...]
Value = TypeVar("Value")


def models(tasks: Iterable[Mapping[str, Setting]]) -> dict[Key, str]:
    """Name networks, given as tasks with ``model`` and ``model_sha256``, by these two."""
    there = dict.fromkeys((task.get("model"), task.get("model_sha256")) for task in tasks)
    candidates = {key: [_short_model(str(key[0])), str(key[0])] for key in there}
    chosen = _shortest(candidates)
    clash = Counter(chosen.values())
    return {
        key: f"{name} ({str(key[1])[:6]})" if clash[name] > 1 else name
        for key, name in chosen.items()
    }


def recordings(sources: Iterable[str]) -> dict[str, str]:
    """Name recordings, given as ``"file population: size, sha256 …"``."""
    candidates = {}
    for source in dict.fromkeys(sources):
        file, population = _file_of(source.partition(": ")[0])
        stem = PurePath(file).stem
        candidates[source] = [population or f"{stem}, all units", f"{stem} {population}", source]
    return _shortest(candidates)


def files_of(sources: Iterable[str]) -> list[str]:
    """Name the files of recordings, with the checksums that `sources` end in."""
    files = {}
    for source in sources:
        name, _, rest = source.partition(": ")
        checksum = rest.rpartition(", ")[2]
        files[f"{_file_of(name)[0]} ({checksum})" if rest else source] = None
    return list(files)


def layers(names: Sequence[str]) -> dict[str, str]:
    """Shorten long names of layers for figures to the leading parts that no other has, and “…”.

    Without it a part would be the name of another module: ``blocks.3`` is not ``blocks.3.attn``.
    """
    parts = {name: name.split(".") for name in names}
    short = {}
    for name, mine in parts.items():
        others = [other for other in parts.values() if other != mine]
        counts = range(1, len(mine))
        enough = [k for k in counts if not any(other[:k] == mine[:k] for other in others)]
        is_long = len(name) > WHOLE and len(parts) > 1  # alone, a part of it says nothing
        short[name] = f"{'.'.join(mine[: enough[0]])}…" if enough and is_long else name
    return short


def called(layer: str) -> str:
    """Call a layer so that a sentence reads well: of ``Sequential`` they are numbers."""
    return f"layer {layer}" if layer[:1].isdecimal() else layer


def in_order(name: str) -> list[tuple[int, str]]:
    """Return what to sort names by so that 2 comes before 10."""
    pieces = re.findall(r"\d+|\D+", name)
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces]


def distinct(labels: Mapping[Key, str], names: Sequence[str]) -> dict[Key, str]:
    """Add to labels that are the same the settings, called `names`, that tell them apart."""
    made = {}
    for key, label in labels.items():
        rivals = [other for other, text in labels.items() if text == label]
        shown = [i for i in range(len(names)) if len({other[i] for other in rivals}) > 1]
        # A label that is the name of a file says its network already.
        already = {label, *label.split(", ")}
        extra = [told(names[i], key[i]) for i in shown if key[i] not in already]
        made[key] = ", ".join([label, *extra])
    return made


def told(name: str, value: Setting) -> str:
    """Say a setting in a few words."""
    if (name, value) in SAID:
        return SAID[name, value]
    words = name.replace("_", " ")
    return f"{words} not given" if value is None else f"{words} {brief(value)}"


def _file_of(name: str) -> tuple[str, str]:
    """Tell the file, whose name may have spaces in it, from the population that may follow."""
    found = re.match(rf"(.+?\.(?:{'|'.join(RECORDED)}))(?: (.+))?$", name, re.IGNORECASE)
    if found is None:
        file, _, population = name.partition(" ")
        return file, population
    return found[1], found[2] or ""


def _short_model(name: str) -> str:
    """``folder/file.py:function`` is called ``file:function``, ``torchvision/net`` is ``net``."""
    path, colon, function = name.rpartition(":")
    return f"{PurePath(path).stem}:{function}" if colon else name.rpartition("/")[2]


def _shortest(candidates: Mapping[Value, Sequence[str]]) -> dict[Value, str]:
    """Take of each thing the first name that no other thing could be called."""
    taken = Counter(name for names in candidates.values() for name in set(names))
    return {
        thing: next((name for name in names if taken[name] == 1), names[-1])
        for thing, names in candidates.items()
    }
