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
        Under attack, by norm, images that are wrong already left alone.
    task
        The settings with which it was measured.
    """

    name: str
    accuracy: Mapping[Norm, float]
    task: Task

    def check(self, judge: Judge, attacks: Attacks, *, seed: int) -> None:
        """Refuse to be set beside a network that is attacked in another way, or on other images.

        What it is set beside is the plain attack of the probes, which is in float32 whatever the
        other attacks on that network are.

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
        plain = attacks.plain()
        wanted = {"steps": plain.steps, "precision": plain.precision}
        if "L1" in judge.at:
            wanted["geometry"] = plain.geometry
        if self.task.get("images") != self.task.get("available"):
            wanted["seed"] = seed
        for name, ours in wanted.items():
            theirs = self.task.get(name)
            if theirs != ours:
                here, wish = (
                    ("a verdict always is", "measure it so")
                    if name == "precision"
                    else ("this is", "measure both alike")
                )
                raise ValueError(
                    f"baseline={self.name!r} was measured with {name}={theirs!r}, and {here} with "
                    f"{ours!r}; {wish}"
                )
        count = int(self.task.get("images") or 0)
        if count < judge.images:
            raise ValueError(
                f"baseline={self.name!r} was measured on {count} images, and {judge.images} are "
                "judged; measure it on as many"
            )


def read_baseline(path: Path, at: Mapping[Norm, float], *, pictures: str) -> Baseline:
    """Read from a result file how accurate a network is at the strengths that are judged.

    A verdict leaves images alone that are wrong without an attack. Where the baseline was measured
    with those attacked as well, its accuracy is taken from the outcomes beside its result: what an
    attack does to an image does not depend on the others. `network_task` then asks whether the rest
    was measured as the network that it is set beside.

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
        accuracy[norm] = _left_alone(path, task, norm, eps) if task["attack_wrong"] else value
    name = f"{task['model']} {record['sha256'][:12]}"
    # Said where it makes a difference: a verdict of before was given without.
    alone = ", wrong images left alone" if task["attack_wrong"] else ""
    return Baseline(f"{name}{alone}", accuracy, task)


def _left_alone(path: Path, task: Task, norm: Norm, eps: float) -> float:
    """Return the accuracy of images that are right with and without the attack."""
    outcomes = results.load_arrays(path)
    strengths = [float(one) for one in str(task[f"epsilons_{norm}"]).split()]
    place = min(range(len(strengths)), key=lambda one: abs(strengths[one] - eps))
    return float((outcomes["clean"] & outcomes[f"pgd/{norm}"][place]).mean())
