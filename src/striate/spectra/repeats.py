"""Cross-validated PCA of recordings as they are: several trials per stimulus, some of them lost."""

from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from striate._checks import check_whole
from striate.spectra.checks import check_floats, generator_of
from striate.spectra.cross_validated import coin_flips
from striate.spectra.shared_variance import (
    Algorithm,
    Spectrum,
    check_settings,
    one_run,
    shuffled_runs,
)

Missing = Literal["response", "trial"]

# How often a split that leaves a unit without a trial in one half is drawn anew.
TRIES = 100


class RepeatedSpectra(NamedTuple):
    """Cross-validated spectra over random halvings of the trials, and what went into them.

    Attributes
    ----------
    eigenspectra
        One row per halving; their mean is the estimate.
    kept
        Which stimuli could be halved; the others were left out.
    used
        Share of all recorded responses that went into the halves.
    """

    eigenspectra: Float[Tensor, "shuffles ranks"]
    kept: Bool[Tensor, " stimuli"]
    used: float


class Halvings(NamedTuple):
    """As `RepeatedSpectra`, before the spectra are computed: of any of the stimuli kept."""

    runs: Iterator[Spectrum]
    kept: Tensor
    used: float


def repeated_eigenspectra(
    responses: Float[Tensor, "repeats stimuli units"],
    *,
    algorithm: Algorithm,
    shuffles: int = 20,
    seed: int,
    missing: Missing = "response",
    count: int | None = None,
) -> RepeatedSpectra:
    r"""Cross-validated spectra of a recording, its trials halved at random again and again.

    In each run and for each stimulus the trials there are fall at random into two halves, whose
    sizes differ by one at most, and each half is averaged. A trial goes into one half with all its
    units, so that noise that units share cannot pass for signal.

    Parameters
    ----------
    responses
        NaN where nothing was recorded. Stimuli may have different numbers of trials.
    algorithm, count
        As in `cross_validated_eigenspectrum`.
    shuffles
        How many runs.
    seed
        Of the halvings.
    missing
        ``"response"``, which loses least: each unit is averaged over the trials of a half in which
        it was recorded; a split that leaves a unit without any is drawn anew. ``"trial"``: a trial
        that lacks one of the units is set aside (Kong et al. 2021). Where each of 50 units lacks
        7 % of its trials, that leaves an eighth of them (Hénaff et al. 2021, one population).

    Returns
    -------
    spectra
        See `RepeatedSpectra`. Left out are stimuli with fewer than two trials of some unit, or with
        trials so scattered that no split (of 100) gave each unit one in both halves.

    Raises
    ------
    ValueError
        If a setting is unknown or out of range, a response is infinite, or fewer than two stimuli
        can be halved: then the unit with fewest trials is named.

    Examples
    --------
    >>> from striate.spectra import simulate_recording
    >>> recording = simulate_recording(
    ...     alpha=1.0, stimuli=200, units=40, repeats=4, signal_to_noise=1.0, seed=0
    ... )
    >>> found = repeated_eigenspectra(recording, algorithm="text", shuffles=5, seed=0)
    >>> found.eigenspectra.shape, int(found.kept.sum()), found.used
    (torch.Size([5, 40]), 200, 1.0)
    """
    check_settings(algorithm, count)
    runs, kept, used = halvings(
        responses, algorithm=algorithm, shuffles=shuffles, seed=seed, missing=missing
    )
    everything = torch.arange(int(kept.sum()), device=responses.device)
    return RepeatedSpectra(torch.stack([run(everything, count) for run in runs]), kept, used)


def halvings(
    responses: Tensor, *, algorithm: Algorithm, shuffles: int, seed: int, missing: str
) -> Halvings:
    """Halve the trials of a recording at random, `shuffles` times.

    Raises
    ------
    ValueError
        As `repeated_eigenspectra`.
    """
    _check(responses, shuffles, missing)
    recorded = ~responses.isnan().transpose(0, 1)
    there = int(recorded.sum())
    if missing == "trial":
        recorded = recorded.all(2, keepdim=True).expand_as(recorded)
    generator = generator_of(seed)
    first, kept = _halvable(recorded, generator)
    if kept.sum() < 2:
        raise ValueError(_too_few(recorded, kept, missing))
    recorded, values = recorded[kept], responses.transpose(0, 1)[kept]
    used = int(recorded.sum()) / there
    if (pairs := _pairs(values, recorded)) is not None:
        swaps = coin_flips(len(values), shuffles=shuffles, seed=seed)
        return Halvings(shuffled_runs(*pairs, swaps, algorithm=algorithm), kept, used)
    values = torch.where(recorded, values, 0)
    runs = _runs(values, recorded, first[kept], algorithm, shuffles, generator)
    return Halvings(runs, kept, used)


def _runs(
    values: Tensor,
    recorded: Tensor,
    split: Tensor,
    algorithm: Algorithm,
    shuffles: int,
    generator: torch.Generator,
) -> Iterator[Spectrum]:
    for turn in range(shuffles):
        if turn:
            # Where no other is found the one before does again.
            drawn, found = _split(recorded, generator)
            split = torch.where(found[:, None], drawn, split)
        half1, half2 = (_mean(values, recorded, split == half) for half in (0, 1))
        yield one_run(half1, half2, algorithm=algorithm)


def _mean(values: Tensor, recorded: Tensor, chosen: Tensor) -> Tensor:
    """Mean over the chosen trials (stimuli × repeats) in which each unit was recorded."""
    weights = chosen[:, None].to(values)
    trials = (weights @ recorded.to(values))[:, 0]
    return (weights @ values)[:, 0] / trials


def _pairs(values: Tensor, recorded: Tensor) -> tuple[Tensor, Tensor] | None:
    """Both trials of each stimulus, if all have two complete ones: halving them is to swap them."""
    trials = recorded.any(2)
    if not (trials.sum(1) == 2).all() or not torch.equal(recorded.all(2), trials):
        return None
    pairs = values[trials].unflatten(0, (len(values), 2))
    return pairs[:, 0], pairs[:, 1]


def _halvable(recorded: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Give a split of each stimulus, and which of them have one."""
    enough = (recorded.sum(1) >= 2).all(1)
    split, found = _split(recorded[enough], generator)
    every = torch.full(recorded.shape[:2], -1, dtype=split.dtype, device=split.device)
    every[enough], kept = split, enough.clone()
    kept[enough] = found
    return every, kept


def _split(recorded: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Deal out the trials: 0 or 1 is the half, -1 a trial in which nothing was recorded.

    `recorded` has axes stimuli, repeats, units. Drawn anew, up to `TRIES` times, for stimuli of
    which a unit has no trial in one half; the second answer tells which stimuli are right.
    """
    trials = recorded.any(2)
    split = _deal(trials, generator)
    ragged = (recorded.any(2) & ~recorded.all(2)).any(1)
    wrong = ragged.nonzero()[:, 0]
    wrong = wrong[_lacking(recorded[wrong], split[wrong])]
    for _ in range(TRIES):
        if not len(wrong):
            break
        split[wrong] = _deal(trials[wrong], generator)
        wrong = wrong[_lacking(recorded[wrong], split[wrong])]
    found = torch.ones_like(ragged)
    found[wrong] = False
    return split, found


def _deal(trials: Tensor, generator: torch.Generator) -> Tensor:
    """Half of each stimulus's trials to 0, half to 1; of an odd number, either has one more."""
    keys = torch.rand(trials.shape, generator=generator).to(trials.device)
    order = keys.masked_fill(~trials, 2.0).argsort(1).argsort(1)
    coin = (torch.rand(len(trials), 1, generator=generator) > 0.5).to(trials.device)
    second = (order >= trials.sum(1, keepdim=True) // 2) ^ coin
    return second.long().masked_fill(~trials, -1)


def _lacking(recorded: Tensor, split: Tensor) -> Tensor:
    """Whether some unit of a stimulus was recorded in no trial of one half."""
    counted = recorded.float()
    halves = torch.stack([split == 0, split == 1], 1).float()
    return (halves @ counted == 0).any(2).any(1)


def check_trials(name: str, responses: Tensor) -> None:
    """Refuse what is not responses to at least two trials of each stimulus.

    Raises
    ------
    ValueError
        If `responses` are none.
    """
    check_floats(name, responses, "repeats × stimuli × units")
    if len(responses) < 2:
        raise ValueError(
            f"{name} has shape {tuple(responses.shape)}; need repeats × stimuli × units, with "
            "at least 2 repeats"
        )


def _check(responses: Tensor, shuffles: int, missing: str) -> None:
    check_trials("responses", responses)
    if missing not in get_args(Missing):
        raise ValueError(
            f"missing={missing!r}; choose 'response' (average each unit over what was recorded) or "
            "'trial' (set aside trials that lack a unit)"
        )
    check_whole("shuffles", shuffles)
    if responses.shape[2] < 2:
        raise ValueError(f"cvPCA needs at least 2 units, responses has {responses.shape[2]}")
    if responses.isinf().any():
        raise ValueError("responses holds infinite numbers; mark what was not recorded with NaN")


def _too_few(recorded: Tensor, kept: Tensor, missing: str) -> str:
    stimuli, _, units = recorded.shape
    if missing == "trial":
        return (
            f"{int(kept.sum())} of {stimuli} stimuli have two trials with all {units} units, cvPCA "
            "needs 2 such stimuli; leave out units that are often missing, or use "
            "missing='response'"
        )
    pairs = (recorded.sum(1) >= 2).sum(0)
    worst = int(pairs.argmin())
    return (
        f"{int(kept.sum())} of {stimuli} stimuli have trials of every unit for two halves, cvPCA "
        f"needs 2 such stimuli; unit {worst} (counted from 0) has two trials of "
        f"{int(pairs[worst])}: leave out units like it"
    )
