"""Another network's accuracy under attack, as what a defence must exceed."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from striate import results
from striate.robustness import Norm
from striate.study import Task
from striate.study.robustness import STEPS, Attacks, Judge, accuracy_at


class Baseline(NamedTuple):
    """A network without a defence.

    Attributes
    ----------
    name
        Which, with twelve digits of its result.
    accuracy
        Under attack, by norm.
    task
        The settings with which it was measured.
    """

    name: str
    accuracy: Mapping[Norm, float]
    task: Task

    def check(self, judge: Judge, attacks: Attacks, *, seed: int) -> None:
        """Refuse to be set beside a network that is attacked in another way, or on other images.

        Parameters
        ----------
        judge, attacks
            Of that network.
        seed
            Of the draw of its images. Of one seed, fewer are the beginning of more, and all images
            hold each draw.

        Raises
        ------
        ValueError
            If a setting is another, or the images that are judged are not all among those that
            were attacked.
        """
        wanted = {
            "steps": attacks.steps,
            "attack_wrong": attacks.attack_wrong,
            "precision": attacks.precision,
        }
        if "L1" in judge.at:
            wanted["geometry"] = attacks.geometry
        if self.task.get("images") != self.task.get("available"):
            wanted["seed"] = seed
        for name, ours in wanted.items():
            theirs = self.task.get(name)
            if theirs != ours:
                raise ValueError(
                    f"baseline={self.name!r} was measured with {name}={theirs!r}, and this is with "
                    f"{ours!r}; measure both alike"
                )
        count = int(self.task.get("images") or 0)
        if count < judge.images:
            raise ValueError(
                f"baseline={self.name!r} was measured on {count} images, and {judge.images} are "
                "judged; measure it on as many"
            )


def read_baseline(path: Path, at: Mapping[Norm, float], *, pictures: str) -> Baseline:
    """Read from a result file how accurate a network is at the strengths that are judged.

    `network_task` then asks whether it was measured as the network that it is set beside.

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
    return Baseline(f"{task['model']} {record['sha256'][:12]}", accuracy, task)
