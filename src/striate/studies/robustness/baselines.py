"""Another network's accuracy under attack, as what a defence must exceed."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from striate import results
from striate.robustness import Norm
from striate.study.robustness import STEPS, accuracy_at


class Baseline(NamedTuple):
    """A network without a defence.

    Attributes
    ----------
    name
        Which, with twelve digits of its result.
    accuracy
        Under attack, by norm.
    """

    name: str
    accuracy: Mapping[Norm, float]


def read_baseline(path: Path, at: Mapping[Norm, float], *, pictures: str) -> Baseline:
    """Read from a result file how accurate a network is at the strengths that are judged.

    Raises
    ------
    ValueError
        If there is no such file, it holds something else or other strengths, or the images were
        others.
    """
    if not path.is_file():
        raise ValueError(f"baseline={str(path)!r} is no file; name a result of this study")
    record = results.read_record(path)
    found = results.load(path)
    task = record["task"]
    if task.get("study") != "robustness":
        raise ValueError(
            f"baseline={str(path)!r} is of study {task.get('study')!r}; name a file that `measure "
            "robustness` wrote"
        )
    if task.get("pictures") != pictures:
        raise ValueError(
            f"baseline={str(path)!r} was measured on {task.get('pictures')}, and this is on "
            f"{pictures}; measure both alike"
        )
    accuracy: dict[Norm, float] = {}
    for norm, eps in at.items():
        value = accuracy_at(found, norm, eps, STEPS)
        if value is None:
            raise ValueError(
                f"baseline={str(path)!r} holds no accuracy at {norm} {eps:g}; measure that network "
                "with the same strengths"
            )
        accuracy[norm] = value
    return Baseline(f"{task['model']} {record['sha256'][:12]}", accuracy)
