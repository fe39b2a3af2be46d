"""How much of each measurement is done."""

from typing import NamedTuple

from striate.studies.predictivity.networks import SPLITS
from striate.study.predictivity import LAMBDAS
from striate.study.spectra import SET_SIZE, SETS
from striate.study.tuning import DRAWS, EXPERIMENTS

STEPS = ("spectra", "tuning", "pls", "ridge", "robustness")


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
    attacked: int | None = 1000
    quick: bool = False

    def shortened(self) -> "Plan":
        """Return the short form: a first answer in minutes on a processor of two cores."""
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
            If a name is unknown or a number too small.
        """
        if self.protocol not in ("paper", "authors"):
            raise ValueError(f"protocol={self.protocol!r}; choose paper or authors")
        unknown = [name for name in self.without if name not in STEPS]
        if unknown:
            raise ValueError(f"without={unknown[0]!r}; choose of {', '.join(STEPS)}")
        for name, least in (("photographs", 50), ("layers", 1), ("attacked", 2)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name}={value}: give a whole number from {least} on")
