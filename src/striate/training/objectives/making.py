"""Objectives by name, for a command line or a table of runs."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from inspect import Parameter, signature
from typing import Any, NamedTuple

import torch
from torch import nn

from striate.robustness import Geometry, Norm, ball, pgd
from striate.spectra import SpectralPenalty
from striate.training.objectives.attacked import adversarial
from striate.training.objectives.divergence import Order, check_trades, trades
from striate.training.objectives.free import Free
from striate.training.objectives.penalties import check_penalties, penalised
from striate.training.objectives.plain import standard
from striate.training.objectives.seeding import Seeded
from striate.training.objectives.slopes import Direction, check_slopes, gradient_penalty
from striate.training.objectives.steps import Images, Labels, Objective, Step, check_climb

Setting = float | int | str


class Made(NamedTuple):
    """An objective, and what of it remembers something from step to step."""

    objective: Objective
    memory: nn.Module | None


def make_objective(
    name: str,
    settings: Mapping[str, Setting],
    *,
    seed: int,
    penalties: Mapping[str, SpectralPenalty] | None = None,
) -> tuple[Objective, nn.Module | None]:
    """Make the objective called `name`.

    Parameters
    ----------
    name
        ``"standard"``, ``"adversarial"``, ``"trades"``, ``"igr"`` or ``"free"``.
    settings
        What it needs, under the names of the arguments of `adversarial` (with `pgd`), `trades`,
        `gradient_penalty` and `Free`. In place of a ball: `eps`, `norm` ("Linf" if not given) and,
        in L1, `geometry` ("paper" if not given). `complete_settings` tells what is taken.
    seed
        Decides the noise at the start of a climb.
    penalties
        By name of the layer: what is asked of its spectrum besides (`penalised`).

    Returns
    -------
    objective
        ``(model, images, labels) -> Step``.
    memory
        A module whose state belongs into the checkpoint (``train(…, alongside=memory)``), the
        penalties included; or None.

    Raises
    ------
    ValueError
        If the name or a setting is unknown, a setting is missing, or one is out of range.
    """
    objective, memory = MAKERS[_known(name)](seed=seed, **complete_settings(name, settings))
    if penalties is None:
        return objective, memory
    check_penalties(penalties)
    # Names of layers hold dots, those of modules must not.
    kept = [*([memory] if memory is not None else []), *penalties.values()]
    return partial(penalised, objective=objective, penalties=penalties), nn.ModuleList(kept)


def complete_settings(name: str, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Return all settings of the objective called `name`, those not given at their defaults.

    Raises
    ------
    ValueError
        If the name or a setting is unknown, a setting is missing, or not a number where one is due.
    """
    arguments = dict(signature(MAKERS[_known(name)]).parameters)
    arguments.pop("seed")
    takes = {key: argument.default for key, argument in arguments.items()}
    if unknown := sorted(set(settings) - set(takes)):
        there = f"takes {', '.join(takes)}" if takes else "takes no settings"
        raise ValueError(f"settings {', '.join(unknown)}: the objective {name!r} {there}")
    complete = takes | dict(settings)
    missing = [key for key, value in complete.items() if value is Parameter.empty]
    if missing:
        raise ValueError(f"the objective {name!r} needs {', '.join(missing)}; give each a value")
    return {key: _typed(key, value, arguments[key].annotation) for key, value in complete.items()}


def _typed(key: str, value: Setting, kind: object) -> Setting:
    """Return numbers in the type that is asked for: a command line may say 2 for 2.0."""
    for number in (float, int, bool):
        if kind is number:
            if isinstance(value, str) or not math.isfinite(value) or number(value) != value:
                what = {float: "a finite number", int: "a whole number", bool: "0 or 1"}[number]
                raise ValueError(f"{key}={value!r}: give {what}")
            return number(value)
    return value


def _known(name: str) -> str:
    if name not in MAKERS:
        raise ValueError(f"objective={name!r}; choose one of {', '.join(map(repr, MAKERS))}")
    return name


def _standard(*, seed: int) -> Made:
    return Made(standard, None)


def _adversarial(
    *,
    seed: int,
    eps: float,
    steps: int,
    step_size: float,
    norm: Norm = "Linf",
    geometry: Geometry = "paper",
    random_start: bool = False,
) -> Made:
    check_climb(steps=steps, step_size=step_size)
    where = ball(norm, eps, geometry=geometry)
    climb = partial(pgd, ball=where, steps=steps, step_size=step_size, random_start=random_start)
    if not random_start:
        return Made(partial(adversarial, attack=climb), None)

    def from_anywhere(
        model: nn.Module, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> Step:
        return adversarial(model, images, labels, attack=partial(climb, generator=generator))

    return _seeded(from_anywhere, seed)


def _trades(
    *,
    seed: int,
    beta: float,
    eps: float,
    steps: int,
    step_size: float,
    order: Order,
    norm: Norm = "Linf",
    geometry: Geometry = "paper",
    start_noise: float = 0.001,
) -> Made:
    check_trades(beta=beta, steps=steps, step_size=step_size, order=order, start_noise=start_noise)
    settings: dict[str, Any] = {
        "beta": beta,
        "ball": ball(norm, eps, geometry=geometry),
        "steps": steps,
        "step_size": step_size,
        "order": order,
        "start_noise": start_noise,
    }
    return _seeded(partial(trades, **settings), seed)


def _igr(*, seed: int, strength: float, h: float, direction: Direction = "L2") -> Made:
    check_slopes(strength=strength, h=h, direction=direction)
    return Made(partial(gradient_penalty, strength=strength, h=h, direction=direction), None)


def _free(
    *, seed: int, eps: float, step_size: float, norm: Norm = "Linf", geometry: Geometry = "paper"
) -> Made:
    free = Free(ball(norm, eps, geometry=geometry), step_size=step_size)
    return Made(free, free)


def _seeded(objective: Callable[..., Step], seed: int) -> Made:
    chance = Seeded(objective, seed=seed)
    return Made(chance, chance)


MAKERS: Mapping[str, Callable[..., Made]] = {
    "standard": _standard,
    "adversarial": _adversarial,
    "trades": _trades,
    "igr": _igr,
    "free": _free,
}
