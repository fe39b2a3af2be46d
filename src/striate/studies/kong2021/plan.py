"""How much of each measurement is done."""

from typing import NamedTuple

from striate._checks import check_whole
from striate.results import Setting
from striate.studies.predictivity.networks import SPLITS
from striate.study.predictivity import COMPONENTS, LAMBDAS, Regression, check_minimum
from striate.study.spectra import SET_SIZE, SETS
from striate.study.tuning import DRAWS, EXPERIMENTS

MAPS = ("pls", "ridge")  # the steps that predict a recording
STEPS = ("spectra", "tuning", "pls", "ridge", "robustness")

LEAST = {
    "photographs": 50,
    "layers": 1,
    "sets": 1,
    "set_size": 2,
    "experiments": 1,
    "draws": 1,
    "splits": 1,
    "components": 1,
    "attacked": 2,
}

USUAL = {"components": COMPONENTS, "minimum_reliability": 0.0}  # told where it is another


class Plan(NamedTuple):
    """Which measurements, by which protocol, and how much of each.

    Attributes
    ----------
    protocol
        ``paper`` or ``authors``, of all of them.
    without
        Names of `STEPS` that are left out.
    photographs
        At most so many; all there are if None.
    layers
        At most so many, spread evenly; all if None.
    sets, set_size
        Of photographs, for spectra.
    experiments, draws
        Of channels, for the score against V1.
    splits
        Of stimuli, for predictivity.
    lambdas, per_neuron
        Penalties that ridge chooses from, and whether each neuron has its own.
    components
        Of partial least squares.
    minimum_reliability
        That a neuron must exceed to be counted, from 0 on and below 1.
    attacked
        At most so many images are attacked; all if None.
    quick
        Whether this is the short form, which is said in the results.
    """

    protocol: str = "paper"
    without: tuple[str, ...] = ()
    photographs: int | None = None
    layers: int | None = None
    sets: int = SETS
    set_size: int = SET_SIZE
    experiments: int = EXPERIMENTS
    draws: int = DRAWS
    splits: int = SPLITS
    lambdas: tuple[float, ...] = LAMBDAS
    per_neuron: bool = False
    components: int = COMPONENTS
    minimum_reliability: float = 0.0
    attacked: int | None = 1000
    quick: bool = False

    def shortened(self) -> "Plan":
        """Return the short form: a first answer in minutes on a processor of two cores.

        It has numbers of its own, whatever this one says: others are put in their place afterwards.
        """
        return self._replace(
            without=tuple(dict.fromkeys((*self.without, "ridge"))),
            photographs=300,
            layers=6,
            experiments=100,
            splits=5,
            attacked=40,
            quick=True,
        )

    def check(self) -> None:
        """Refuse what is no plan.

        Raises
        ------
        ValueError
            If a name is unknown, a number out of range, or nothing is left to do.
        """
        if self.protocol not in ("paper", "authors"):
            raise ValueError(f"protocol={self.protocol!r}; choose paper or authors")
        unknown = [name for name in self.without if name not in STEPS]
        if unknown:
            raise ValueError(f"without={unknown[0]!r}; choose of {', '.join(STEPS)}")
        if set(STEPS) <= set(self.without):
            raise ValueError(f"without={','.join(self.without)!r} leaves nothing to measure")
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None or name not in ("photographs", "layers", "attacked"):
                check_whole(name, value, least=least)
        self.regression("ridge").check()
        check_minimum(self.minimum_reliability)

    def regression(self, step: str) -> Regression:
        """Return the map that a step of `MAPS` fits."""
        if step == "pls":
            return Regression("pls", self.components)
        select = "neuron" if self.per_neuron else "population"
        return Regression("ridge", lambdas=self.lambdas, select=select)

    def settings(self) -> dict[str, Setting]:
        """Say how much of each is done, as the row of a network has it."""
        numbers = ("sets", "set_size", "experiments", "draws", "splits", "per_neuron", "attacked")
        # Rows from before there was a choice keep their names.
        chosen = {
            name: getattr(self, name)
            for name, usual in USUAL.items()
            if getattr(self, name) != usual
        }
        return {
            **{name: getattr(self, name) for name in numbers},
            "lambdas": self.regression("ridge").settings()["lambdas"],
            **chosen,
        }
