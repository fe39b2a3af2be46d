"""How sure one may be of an exponent that was cross-validated."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from striate.spectra.checks import check_level, generator_of
from striate.spectra.interval import AlphaInterval, check_clusters, deal, jackknifed
from striate.spectra.power_law import Weights, check_ranks, check_weights, fit_power_law
from striate.spectra.repeats import Missing, halvings
from striate.spectra.shared_variance import Algorithm, check_settings


def cross_validated_alpha(
    responses: Float[Tensor, "repeats stimuli units"],
    *,
    ranks: tuple[int, int],
    weights: Weights,
    algorithm: Algorithm,
    seed: int,
    shuffles: int = 20,
    missing: Missing = "response",
    level: float = 0.95,
    groups: int = 20,
    clusters: Int[Tensor, " stimuli"] | None = None,
) -> AlphaInterval:
    r"""Exponent of the mean cross-validated spectrum over halvings, with its intervals.

    The delete-d jackknife over stimuli, as `alpha_interval`: no stimulus is used twice, for
    duplicates lower the rank of the sample. A stimulus leaves with its trials and with all its
    halvings, which stay what they were for the others; so the spread contains that of stimuli, of
    trials and of halvings, and nothing need be added for the finite number of `shuffles`.

    `interval` does not contain the bias of cvPCA itself: components found in noisy trials are not
    those of the signal, which moves the exponent the more, the noisier they are; and
    `corrected_interval` contains what the jackknife sees of it (docs/cvpca.md gives bias and
    coverage). To compare recordings, match their reliability.

    Parameters
    ----------
    responses
        As in `repeated_eigenspectra`. Of two halves, ``torch.stack([half1, half2])``.
    ranks, weights
        As in `fit_power_law`.
    algorithm, shuffles, missing
        As in `repeated_eigenspectra`. The cost is ``shuffles * (groups + 1)`` eigendecompositions
        of the smaller side.
    seed
        Of the halvings and of who falls into which group.
    level
        Confidence, in (0, 1).
    groups
        At least 2.
    clusters
        Stimuli with the same number leave together: frames of one film, versions of one image.
        Needs at least as many different numbers as groups.

    Returns
    -------
    interval
        See `AlphaInterval`.

    Raises
    ------
    ValueError
        If a setting is out of range, or a mean spectrum (of all stimuli, or without a group) has a
        variance within `ranks` that is not positive: its rank is named.
    """
    check_settings(algorithm, None)
    check_ranks(ranks)
    check_weights(weights)
    check_level(level)
    runs, kept, _ = halvings(
        responses, algorithm=algorithm, shuffles=shuffles, seed=seed, missing=missing
    )
    group = deal_groups(kept, clusters, groups, seed).to(responses.device)
    everything = torch.arange(len(group), device=responses.device)
    samples = [everything, *(everything[group != number] for number in range(groups))]
    _check_window(ranks, min(map(len, samples)), responses.shape[2], algorithm)
    sums = torch.zeros(len(samples), ranks[1], dtype=torch.float64, device=responses.device)
    for run in runs:
        for sample, total in zip(samples, sums, strict=True):
            total += run(sample, ranks[1])
    alpha, *left_out = [
        _alpha(total / shuffles, ranks, weights, number) for number, total in enumerate(sums)
    ]
    return jackknifed(alpha, left_out, level)


def deal_groups(kept: Tensor, clusters: Tensor | None, groups: int, seed: int) -> Tensor:
    """Number the group of each stimulus kept, clusters falling into one together.

    Raises
    ------
    ValueError
        If `clusters` do not match the stimuli, or there are fewer of them than groups.
    """
    check_clusters(clusters, len(kept))
    ours = None if clusters is None else clusters.cpu()[kept.cpu()]
    return deal(int(kept.sum()), ours, groups, generator_of(seed))


def _check_window(ranks: tuple[int, int], stimuli: int, units: int, algorithm: Algorithm) -> None:
    available = min(stimuli - 1, units - (algorithm == "released"))
    if ranks[1] > available:
        raise ValueError(
            f"ranks={ranks} need {ranks[1]} eigenvalues, but {stimuli} stimuli (all but one group) "
            f"× {units} units have {available}; fit fewer ranks or use more groups"
        )


def _alpha(spectrum: Tensor, ranks: tuple[int, int], weights: Weights, sample: int) -> float:
    try:
        return fit_power_law(spectrum, ranks=ranks, weights=weights).alpha.item()
    except ValueError as error:
        which = f"without group {sample} of the stimuli" if sample else "of all stimuli"
        raise ValueError(f"mean cross-validated spectrum {which}: {error}") from None
