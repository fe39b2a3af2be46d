"""``striate measure robustness``."""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.attacks import AttackOptions, PassbandOptions, VerdictOptions
from striate.cli.jobs import Job, job_of, measure, of_one
from striate.cli.measuring import value_of
from striate.cli.options import (
    Classes,
    Device,
    Models,
    ResultsFolder,
    Seed,
    Weights,
    check_device,
    check_folder,
)
from striate.cli.spread import spread
from striate.cli.sweeping import Many

if TYPE_CHECKING:  # the command line starts without torch
    from striate.results import Result
    from striate.robustness import Norm
    from striate.study.robustness import Attacks


@spread
def measure_robustness(
    model: Models,
    images: Annotated[
        str,
        typer.Option(help="a folder of <class>/<file> | digits | mnist | cifar10 (test images)"),
    ],
    n: Annotated[int | None, typer.Option(help="images drawn; default: all")] = None,
    results: ResultsFolder = Path("results"),
    weights: Weights = None,
    classes: Classes = None,
    batch_size: Annotated[int, typer.Option(help="images attacked and kept at a time")] = 250,
    seed: Seed = 0,
    device: Device = "cpu",
    *,
    attacked: AttackOptions,
    judged: VerdictOptions,
    passed: PassbandOptions,
    many: Many,
) -> None:
    """Measure how often networks are right when their images are attacked."""
    many.check()
    attacks = attacked.read()
    at = judged.at(attacks, attacked.norm)
    judged.check()
    passed.check()
    check_device(device)
    check_folder(results)
    prepare = partial(
        _robustness_of,
        images=images,
        n=n,
        weights=weights,
        classes=classes,
        batch_size=batch_size,
        seed=seed,
        device=device,
        protocol=attacked.protocol,
        attacks=attacks,
        judged=judged,
        at=at,
        passed=passed,
    )
    asked = {name: partial(prepare, name) for name in of_one(model, weights=weights)}
    measure(asked, results, device=device, many=many, tell=_tell)


def _robustness_of(
    model: str,
    *,
    images: str,
    n: int | None,
    weights: Path | None,
    classes: Path | None,
    batch_size: int,
    seed: int,
    device: str,
    protocol: str,
    attacks: "Attacks",
    judged: VerdictOptions,
    at: "Mapping[Norm, float]",
    passed: PassbandOptions,
) -> Job:
    from striate.models import load
    from striate.studies import robustness
    from striate.study.robustness import QUERIES, RESTARTS, Judge

    network = load(model, weights=weights)
    network.model.to(device)
    other = None
    if judged.surrogate is not None:
        other = load(judged.surrogate, weights=judged.surrogate_weights)
    pictures = robustness.labelled(
        images, network, count=n, seed=seed, batch_size=batch_size, classes=classes
    )
    passbands = passed.read(network.size)
    rival, judge = None, None
    if judged.verdict:
        count = judged.verdict_n
        if judged.baseline is not None:
            rival = robustness.read_baseline(judged.baseline, at, pictures=pictures.name)
        judge = Judge(
            at,
            min(robustness.JUDGED, len(pictures.order)) if count is None else count,
            pictures.classes,
            RESTARTS if judged.restarts is None else judged.restarts,
            QUERIES if judged.queries is None else judged.queries,
            {} if rival is None else rival.accuracy,
            None if other is None else other.model.to(device),
        )
    task = robustness.network_task(
        network,
        pictures,
        attacks,
        protocol=protocol,
        passbands=passbands,
        judge=judge,
        baseline=rival,
        surrogate=other,
        seed=seed,
    )
    way = partial(
        robustness.measure_network,
        network=network,
        pictures=pictures,
        attacks=attacks,
        passbands=passbands,
        judge=judge,
    )
    return job_of("batches", [task], way, (pictures.left_out,))


def _tell(path: Path, start: str) -> None:
    from striate.results import load

    for one in load(path):
        for line in _lines(one):
            print(f"{start}{line}")
    print(path, file=sys.stderr)


def _lines(one: "Result") -> list[str]:
    from striate.results import Score

    about = one.settings
    which = f"{about['norm']} {about['eps']:.4g}" if "eps" in about else ""
    if not isinstance(one, Score):
        if "pass" not in one.name:
            return []  # its points are scores as well
        points = zip(one.x, one.y, strict=True)
        return [f"{one.name}\t{at:g} cycles per image\t{reached:.3f}" for at, reached in points]
    if one.name == "verdict":
        alone = "; no baseline was given" if about["baseline"] is None else ""
        return [f"verdict\t{which}\t{about['verdict']}: {about['reason']}{alone}"]
    if one.name == "sign":
        raised = "raised" if one.value else "not raised"
        return [f"sign\t{which}\t{about['sign']}: {raised}, {about['measured']:.3g}"]
    if one.name == "probe":
        which = f"{which} {about['probe']}"
    return [f"{one.name}\t{which}\t{value_of(one)}"]
