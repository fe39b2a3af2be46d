"""Which stimuli of a recording cross-validation leaves out, and which unit that is due to."""

import torch
from torch import Tensor

from striate.spectra.repeats import halvings


def lost_stimuli(trials: Tensor, *, seed: int, units: Tensor | None = None) -> tuple[str, ...]:
    """Say of how many stimuli not every unit has trials for two halves, a line for each cause.

    Parameters
    ----------
    trials
        Repeats × stimuli × units, NaN where nothing was recorded.
    seed
        Of the halvings.
    units
        The numbers of the units in their recording, where `trials` are of some only.

    Raises
    ------
    ValueError
        As `striate.spectra.repeated_eigenspectra`: if fewer than two stimuli are left.
    """
    kept = kept_stimuli(trials, seed=seed)
    if kept.all():
        return ()
    pairs = (~trials.isnan()).sum(0) >= 2  # stimuli × units
    never, every = ~pairs.any(1), pairs.all(1)
    lacking = pairs[~never & ~every].logical_not().sum(0)
    numbers = torch.arange(len(lacking)) if units is None else units
    causes = (
        (int(never.sum()), "no unit was recorded in two trials of them"),
        (int((~never & ~every).sum()), _worst(lacking, numbers)),
        (int((every & ~kept).sum()), "no halving of their trials gave each unit one in both"),
    )
    whole = len(kept)
    return tuple(
        f"{count} of {whole} stimuli {'is' if count == 1 else 'are'} left out: {why}"
        for count, why in causes
        if count
    )


def kept_stimuli(trials: Tensor, *, seed: int) -> Tensor:
    """Tell of which stimuli each unit has trials for two halves, so that they are kept.

    Parameters
    ----------
    trials, seed
        As in `lost_stimuli`.

    Raises
    ------
    ValueError
        As `lost_stimuli`.
    """
    if not trials.isnan().any():
        return torch.ones(trials.shape[1], dtype=torch.bool, device=trials.device)
    return halvings(trials, algorithm="text", shuffles=1, seed=seed, missing="response").kept


def _worst(lacking: Tensor, numbers: Tensor) -> str:
    """Name the unit that lacks most stimuli, which others have."""
    worst, count = int(lacking.argmax()), int((lacking > 0).sum())
    instead = "that unit" if count <= 1 else f"units like it, of {count} that lack some,"
    return (
        f"unit {int(numbers[worst])} (counted from 0) has no two trials of {int(lacking[worst])}; "
        f"leave out {instead} instead"
    )
