"""``striate measure robustness``."""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from striate.cli.jobs import Job, job_of, measure, of_one
from striate.cli.options import (
    Classes,
    Device,
    Models,
    Protocol,
    ResultsFolder,
    Seed,
    Weights,
    check_device,
    check_folder,
    fraction,
    numbers,
)
from striate.cli.spread import spread
from striate.cli.sweeping import Many

if TYPE_CHECKING:  # the command line starts without torch
    from striate.results import Result
    from striate.robustness import Norm
    from striate.study.robustness import Attacks, Passbands


class AttackOptions(NamedTuple):
    """Which attacks.

    Attributes
    ----------
    protocol, geometry, precision
        As in `striate.studies.robustness.attacks_of`.
    norm, epsilons
        As typed; `grids` reads them.
    """

    protocol: Protocol = "paper"
    norm: Annotated[
        list[str] | None, typer.Option(help="Linf | L2 | L1; may be repeated; default: all three")
    ] = None
    epsilons: Annotated[
        list[str] | None,
        typer.Option(help="of each --norm in turn, e.g. 0,1/255,8/255; default: the protocol's"),
    ] = None
    geometry: Annotated[
        str, typer.Option(help="of L1: paper (dense, scaled) | exact (sparse, projected)")
    ] = "paper"
    precision: Annotated[
        str,
        typer.Option(help="of the gradients: float32 | bfloat16 | float16; answers are float32"),
    ] = "float32"

    def read(self) -> "Attacks":
        """Return the attacks, or say what is wrong."""
        from striate.studies import robustness

        return robustness.attacks_of(
            self.protocol,
            epsilons=self.grids(),
            geometry=self.geometry,
            precision=self.precision,
        )

    def grids(self) -> dict[str, tuple[float, ...]] | None:
        """Read the strengths of each norm; none of a norm leaves them to the protocol."""
        norms, epsilons = self.norm, self.epsilons
        if not norms:
            if epsilons:
                raise ValueError("--epsilons of which norm? give --norm Linf, L2 or L1")
            return None
        if len(set(norms)) < len(norms):
            raise ValueError(f"--norm {' '.join(norms)}: give each once")
        if not epsilons:
            return {norm: () for norm in norms}
        if len(epsilons) != len(norms):
            raise ValueError(
                f"--norm is given {len(norms)} times and --epsilons {len(epsilons)}; give each "
                "norm its strengths, in the same order"
            )
        typed = zip(norms, epsilons, strict=True)
        return {norm: _strengths("epsilons", text) for norm, text in typed}


class VerdictOptions(NamedTuple):
    """Whether the accuracies are real.

    Attributes
    ----------
    verdict
        Whether that is judged; all others are of it.
    verdict_eps
        As typed; `at` reads it.
    verdict_n, restarts, queries
        As in `Judge`.
    baseline
        A result.
    surrogate, surrogate_weights
        Another network.
    """

    verdict: Annotated[
        bool, typer.Option("--verdict", help="judge whether the accuracies are real")
    ] = False
    verdict_eps: Annotated[
        list[str] | None,
        typer.Option(help="of each --norm in turn, the strength to judge; default: the smallest"),
    ] = None
    verdict_n: Annotated[
        int | None, typer.Option(help="images to judge by; default: 1000, or all")
    ] = None
    restarts: Annotated[int | None, typer.Option(help="random starts; default: 10")] = None
    queries: Annotated[int | None, typer.Option(help="of the random search; default: 500")] = None
    baseline: Annotated[Path | None, typer.Option(help="result of a network without a defence")] = (
        None
    )
    surrogate: Annotated[
        str | None, typer.Option(help="a model whose adversarial images are tried")
    ] = None
    surrogate_weights: Annotated[
        Path | None, typer.Option(help="a file of its weights to load instead")
    ] = None

    def check(self) -> None:
        """Refuse what belongs to a verdict where none is asked for."""
        given = {
            "baseline": self.baseline,
            "surrogate": self.surrogate,
            "verdict-eps": self.verdict_eps or None,
            "verdict-n": self.verdict_n,
            "restarts": self.restarts,
            "queries": self.queries,
        }
        _refuse_without("verdict", self.verdict, given, "a verdict")
        if self.surrogate_weights is not None and self.surrogate is None:
            raise ValueError("--surrogate-weights of which network? give --surrogate")

    def at(self, attacks: "Attacks", norms: list[str] | None) -> "Mapping[Norm, float]":
        """Read the strength of each norm to judge, of those attacked."""
        smallest: dict[Norm, float] = {
            norm: strengths[0] for norm, strengths in attacks.epsilons.items()
        }
        chosen = self.verdict_eps
        if not chosen:
            return smallest
        if len(chosen) != len(norms or ()):
            raise ValueError(
                f"--verdict-eps is given {len(chosen)} times and --norm {len(norms or ())}; give "
                "each norm the strength to judge, in the same order"
            )
        given = {norm: _one(text) for norm, text in zip(norms or (), chosen, strict=True)}
        return {norm: given[norm] for norm in smallest}


class PassbandOptions(NamedTuple):
    """Low- and high-passed images.

    Attributes
    ----------
    passbands
        Whether they are shown; the others are of them.
    passband_filter, cutoffs
        As in `Passbands`, as typed.
    """

    passbands: Annotated[
        bool, typer.Option("--passbands", help="accuracy on low- and high-passed images too")
    ] = False
    passband_filter: Annotated[
        str | None, typer.Option(help="ideal | gaussian; default: ideal")
    ] = None
    cutoffs: Annotated[
        str | None, typer.Option(help="cycles per image; default: octaves from 1")
    ] = None

    def check(self) -> None:
        """Refuse what belongs to passbands where none are asked for."""
        given = {"passband-filter": self.passband_filter, "cutoffs": self.cutoffs}
        _refuse_without("passbands", self.passbands, given, "passbands")

    def read(self, size: int) -> "Passbands | None":
        """Return the passbands of images of so many pixels, if any are asked for."""
        from striate.study.robustness import Passbands, octaves

        if not self.passbands:
            return None
        typed = self.cutoffs
        chosen = octaves(size) if typed is None else numbers("cutoffs", typed, float) or ()
        kind = "ideal" if self.passband_filter is None else self.passband_filter
        bands = Passbands(chosen, kind)  # pyright: ignore[reportArgumentType]
        bands.check()
        return bands


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
    error = "" if one.error is None else f" ± {one.error:.3f}"
    return [f"{one.name}\t{which}\t{one.value:.3f}{error}"]


def _strengths(option: str, text: str) -> tuple[float, ...]:
    try:
        return numbers(option, text, fraction) or ()
    except ValueError as error:
        raise ValueError(
            f"--{option} {text!r}: give numbers with commas, e.g. 0,1/255,8/255"
        ) from error


def _one(text: str) -> float:
    found = _strengths("verdict-eps", text)
    if len(found) != 1:
        raise ValueError(f"--verdict-eps {text!r}: give one strength for each --norm")
    return found[0]


def _refuse_without(option: str, on: bool, given: Mapping[str, object], what: str) -> None:
    """Refuse what belongs to an option that is not on."""
    alone = [name for name, value in given.items() if value is not None and not on]
    if alone:
        raise ValueError(f"--{alone[0]} is for {what}; give --{option} too")
