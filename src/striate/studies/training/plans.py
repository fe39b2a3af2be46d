"""How a network is trained, apart from what it is and what it sees."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, NamedTuple

import torch

from striate._checks import check_whole
from striate.spectra import SpectralPenalty, Units
from striate.training import (
    PRESETS,
    Inputs,
    RateSchedule,
    complete_settings,
    composed,
    cosine,
    curriculum,
    dropped,
    make_objective,
    noisy,
)
from striate.training.inputs import check_blur

Setting = float | int | str

# As typed, and as `striate.training.curriculum` calls them.
BLURS = {
    "coarse-to-fine": "coarse to fine",
    "fine-to-coarse": "fine to coarse",
    "constant": "constant",
}
OPTIMIZERS = ("sgd", "adam")
SCHEDULES = ("constant", "cosine")
PRECISIONS: Mapping[str, torch.dtype | None] = {
    "float32": None,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
RATES = {"sgd": 0.05, "adam": 1e-3}
LARGEST_RATE = 1e6  # what is far beyond it overflows in the optimiser, in words of torch


class Asked(NamedTuple):
    """What is asked of the spectra of layers.

    Attributes
    ----------
    alpha, beta, ranks, units, every
        As in `SpectralPenalty`.
    layers
        Names or globs; each layer they fit has a penalty of its own.
    """

    alpha: float
    beta: float
    layers: tuple[str, ...]
    ranks: tuple[int, int]
    units: Units = "flat"
    every: int = 1

    def penalty(self) -> SpectralPenalty:
        """Make the penalty of one layer, on the whole batch of all processes."""
        return SpectralPenalty(
            alpha=self.alpha,
            beta=self.beta,
            ranks=self.ranks,
            units=self.units,
            every=self.every,
            group="world",
        )


class Plan(NamedTuple):
    """How a network is trained; made and checked by `plan`.

    Attributes
    ----------
    objective, settings
        As in `make_objective`, the settings complete.
    epochs, batch_size, replays, precision
        As in `train`; the precision by name.
    optimizer
        ``"sgd"`` or ``"adam"``, whose weight decay is added to the gradient.
    momentum
        Of ``"sgd"``.
    schedule
        ``"constant"``, ``"cosine"``, or ``"drops"`` after the epochs of `drops`.
    augment
        Whether images are shifted or cropped at random; None: photographs only.
    blur, blur_sigma
        A kind of `curriculum`, and its largest standard deviation in pixels.
    noise
        Standard deviation, in pixel units.
    spectral
        What is asked of layers' spectra.
    """

    objective: str = "standard"
    settings: Mapping[str, Setting] = {}
    epochs: int = 10
    batch_size: int = 100
    learning_rate: float = RATES["sgd"]
    momentum: float = 0.9
    weight_decay: float = 5e-4
    optimizer: str = "sgd"
    schedule: str = "constant"
    drops: tuple[int, ...] = ()
    replays: int = 1
    precision: str = "float32"
    augment: bool | None = None
    blur: str | None = None
    blur_sigma: float = 0.0
    noise: float = 0.0
    spectral: Asked | None = None

    def rates(self) -> RateSchedule | None:
        """Return what multiplies the learning rate in each epoch."""
        if self.schedule == "cosine":
            return cosine(self.epochs)
        return dropped(self.drops) if self.drops else None

    def changes(self) -> tuple[Inputs, ...]:
        """Return what happens to images, besides what augments them."""
        blur = [] if self.blur is None else [_blur(self)]
        return (*blur, *([noisy(self.noise)] if self.noise else []))


def plan(preset: str | None = None, **given: Any) -> Plan:  # noqa: ANN401  fields of Plan
    """Complete and check how a network is to be trained.

    Parameters
    ----------
    preset
        A key of `PRESETS`, which gives what is not given.
    **given
        Fields of `Plan`; None is not given. Without a preset, ``learning_rate`` is 0.05 for "sgd"
        and 0.001 for "adam", ``weight_decay`` 5e-4 for "sgd" and 0 for "adam".

    Raises
    ------
    ValueError
        If a name is unknown, a setting is missing or unknown, or a number is out of range.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    usual = {} if preset is None else _preset(preset, chosen)
    settings = {**usual.pop("settings", {}), **chosen.pop("settings", {})}
    optimizer = chosen.get("optimizer", "sgd")
    _choose("optimizer", optimizer, OPTIMIZERS)
    if optimizer == "adam":
        if preset is not None:
            raise ValueError(f"optimizer='adam', but preset={preset!r} is of 'sgd'; leave one out")
        if "momentum" in chosen:
            raise ValueError(f"momentum={chosen['momentum']} is of optimizer 'sgd', not of 'adam'")
        usual |= {"momentum": 0.0}
    if preset is None:
        usual |= {"learning_rate": RATES[optimizer]}
        usual |= {"weight_decay": 0.0} if optimizer == "adam" else {}
    if chosen.get("drops"):
        if "schedule" in chosen:
            raise ValueError(
                f"schedule={chosen['schedule']!r} and drops={chosen['drops']}: give one of them"
            )
        chosen["schedule"] = "drops"
    elif "schedule" in chosen:
        _choose("schedule", chosen["schedule"], SCHEDULES)
        usual.pop("drops", None)
    made = Plan(**{**usual, **chosen})
    complete = complete_settings(made.objective, settings)
    _check(made := made._replace(settings=complete))
    return made


def _preset(name: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    _choose("preset", name, tuple(PRESETS))
    recipe = PRESETS[name]._asdict()
    recipe.pop("source")
    wanted = chosen.get("objective", recipe["objective"])
    if wanted != recipe["objective"]:
        raise ValueError(
            f"objective={wanted!r}, but preset={name!r} is of {recipe['objective']!r}; leave one "
            "of them out"
        )
    return {**recipe, "schedule": "drops"}


def _check(made: Plan) -> None:
    """Try out every part, so that what is wrong is said before any work starts."""
    for name in ("epochs", "batch_size", "replays"):
        check_whole(name, getattr(made, name))
    if not 0 < made.learning_rate <= LARGEST_RATE:
        raise ValueError(
            f"learning_rate={made.learning_rate}: give a number above 0 and up to {LARGEST_RATE:g}"
        )
    if not 0 <= made.momentum < 1:
        raise ValueError(f"momentum={made.momentum}: give a number from 0 to less than 1")
    if not (made.weight_decay >= 0 and isfinite(made.weight_decay)):
        raise ValueError(f"weight_decay={made.weight_decay}: give a finite number, 0 or more")
    _choose("precision", made.precision, tuple(PRECISIONS))
    late = [epoch for epoch in made.drops if epoch >= made.epochs]
    if late:
        raise ValueError(
            f"drops={made.drops}: after epoch {late[0]} of {made.epochs} no epoch is left; with a "
            "preset of more epochs, give drops or a schedule too"
        )
    if made.blur is not None:
        _choose("blur", made.blur, tuple(BLURS))
    if (made.blur is None) != (made.blur_sigma == 0):
        raise ValueError(
            f"blur={made.blur!r}, blur_sigma={made.blur_sigma}: a kind of blur and its standard "
            "deviation in pixels go together"
        )
    check_blur(made.blur_sigma, "blur_sigma")
    for attempt in (made.rates, made.changes, lambda: noisy(made.noise)):
        attempt()
    make_objective(made.objective, made.settings, seed=0)
    if made.spectral is not None:
        made.spectral.penalty()


def _blur(made: Plan) -> Inputs:
    kind: Any = BLURS[str(made.blur)]
    return curriculum(kind, sigma=made.blur_sigma, epochs=made.epochs)


def _choose(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name}={value!r}; choose one of {', '.join(choices)}")


def every(changes: tuple[Inputs, ...]) -> Inputs | None:
    """Do one change after the other; with none there is nothing to do."""
    return composed(*changes) if changes else None
