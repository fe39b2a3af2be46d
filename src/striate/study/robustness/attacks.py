"""Which attacks are made: norms, strengths, steps and precision."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from striate._checks import check_whole
from striate.results import Setting
from striate.robustness import (
    Attack,
    Geometry,
    Gradient,
    Norm,
    ball,
    bfloat16_gradient,
    float16_gradient,
    pgd,
    plain_gradient,
)

STEPS = 20  # Kong et al. 2021
NORMS: tuple[Norm, ...] = get_args(Norm)
# Their mean is the adversarial accuracy of Kong et al. 2021.
PAPER: Mapping[Norm, float] = MappingProxyType({"Linf": 1 / 1020, "L2": 0.15, "L1": 40.0})

Precision = Literal["float32", "bfloat16", "float16"]
GRADIENTS: Mapping[Precision, Gradient] = MappingProxyType(
    {"float32": plain_gradient, "bfloat16": bfloat16_gradient, "float16": float16_gradient}
)


class Protocol(NamedTuple):
    """What is attacked, and how strongly, unless said otherwise.

    Attributes
    ----------
    epsilons
        Strengths above 0 in each norm, in pixel units.
    attack_wrong
        Whether images that are wrong without an attack are attacked as well, and may turn right.
    """

    epsilons: Mapping[Norm, tuple[float, ...]]
    attack_wrong: bool


PROTOCOLS = {
    "paper": Protocol({norm: (eps,) for norm, eps in PAPER.items()}, attack_wrong=False),
    "authors": Protocol(
        {
            "Linf": (1 / 1020, 1 / 255, 4 / 255),
            "L2": (0.15, 0.6, 2.4),
            "L1": (40.0, 160.0, 640.0),
        },
        attack_wrong=True,
    ),
}


class Attacks(NamedTuple):
    """Projected gradient ascent from the image, in steps of ``2 * eps / steps``.

    Attributes
    ----------
    epsilons
        Strengths above 0 in each norm, ascending, in pixel units.
    attack_wrong
        As in `Protocol`.
    geometry
        How an L1 ball is searched: as in `striate.robustness.L1Ball`.
    steps
        Of each attack.
    precision
        In which the gradients are computed. Answers are always those of the model as it is.
    """

    epsilons: Mapping[Norm, tuple[float, ...]]
    attack_wrong: bool
    geometry: Geometry = "paper"
    steps: int = STEPS
    precision: Precision = "float32"

    def at(self, norm: Norm, eps: float) -> Attack:
        """Return the attack of one strength."""
        return partial(
            pgd,
            ball=ball(norm, eps, geometry=self.geometry),
            steps=self.steps,
            step_size=2 * eps / self.steps,
            gradient=GRADIENTS[self.precision],
        )

    def check(self) -> None:
        """Refuse what is no attack.

        Raises
        ------
        ValueError
            If a norm, the geometry or the precision is unknown, a strength is no radius above 0 or
            there twice, or there is no step.
        """
        if not self.epsilons or not all(self.epsilons.values()):
            raise ValueError("epsilons are none; give at least one strength above 0")
        for norm, strengths in self.epsilons.items():
            for eps in strengths:
                ball(norm, eps, geometry=self.geometry)
            rising = all(low < high for low, high in zip((0, *strengths), strengths, strict=False))
            if not rising:
                listed = ", ".join(f"{eps:g}" for eps in strengths)
                raise ValueError(
                    f"epsilons of {norm} are {listed}; give each once, ascending, above 0"
                )
        check_whole("steps", self.steps)
        if self.precision not in get_args(Precision):
            choices = ", ".join(get_args(Precision))
            raise ValueError(f"precision={self.precision!r}; choose one of {choices}")

    def plain(self) -> "Attacks":
        """Return them as signs and probes make them, and as a verdict's baseline must have been.

        Whatever is measured besides, what judges takes the gradients of the model as it is, and
        images that are wrong already are wrong under attack.
        """
        return self._replace(attack_wrong=False, precision="float32")

    def about(self, norm: Norm) -> dict[str, Setting]:
        """Say how one norm is attacked."""
        return {
            "attack": "pgd",
            "norm": norm,
            "steps": self.steps,
            "attack_wrong": self.attack_wrong,
            "precision": self.precision,
            **({"geometry": self.geometry} if norm == "L1" else {}),
        }
