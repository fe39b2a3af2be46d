"""What ``striate measure robustness`` asks of attacks, of the verdict on them and of passbands."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from striate.cli.options import Protocol, fraction, numbers

if TYPE_CHECKING:  # the command line starts without torch
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
        chosen = octaves(size) if typed is None else numbers("--cutoffs", typed, float) or ()
        kind = "ideal" if self.passband_filter is None else self.passband_filter
        bands = Passbands(chosen, kind)  # pyright: ignore[reportArgumentType]
        bands.check()
        return bands


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
