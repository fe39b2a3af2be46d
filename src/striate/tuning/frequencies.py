"""How the frequencies that units prefer are spread, compared with those that V1 prefers."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Num
from torch import Tensor

from striate._checks import check_positive, check_whole
from striate.tuning.checks import axis


class OpenEnded(NamedTuple):
    """A histogram with an empty bin on either side, for whatever lies outside."""

    edges: Float[Tensor, " edges"]
    reference: Float[Tensor, " bins"]


def frequency_histogram(
    frequency_cpd: Num[Tensor, " units"], edges: Num[Tensor, " edges"]
) -> Float[Tensor, " bins"]:
    """Count units by preferred frequency.

    Parameters
    ----------
    frequency_cpd
        Of each unit, in the unit of `edges`.
    edges
        Of the bins, ascending. A bin includes its left edge; the last also its right one.

    Returns
    -------
    counts
        In float64.

    Raises
    ------
    ValueError
        If `edges` are not at least 2 that ascend, or a frequency lies outside them: `open_ended`
        makes bins for those.
    """
    return _count(_bins(frequency_cpd, edges)[None], len(edges) - 1)[0]


def frequency_score(
    counts: Num[Tensor, "*experiments bins"], reference: Num[Tensor, " bins"]
) -> Float[Tensor, "*experiments"]:
    r"""Return 1 less the largest difference between two cumulative distributions.

    :math:`1 - \max_b |F(b) - F_\mathrm{ref}(b)|` (Kong et al. 2021): 1 for the same distribution, 0
    if one lies wholly below the other.

    Parameters
    ----------
    counts
        Units in each bin, of one histogram or of several.
    reference
        Of the same bins, such as the V1 cells of De Valois, Albrecht and Thorell 1982.

    Returns
    -------
    score
        In [0, 1], in float64.

    Raises
    ------
    ValueError
        If the bins do not match, a count is negative or not finite, or a histogram is empty.
    """
    known = _distribution("reference", reference)
    if not isinstance(counts, Tensor) or not counts.ndim or counts.shape[-1] != len(known):
        shape = tuple(getattr(counts, "shape", ()))
        raise ValueError(f"counts have shape {shape}; need {len(known)} bins, as reference")
    return _score(_distribution("counts", counts), known.to(counts.device))


def frequency_experiments(
    frequency_cpd: Num[Tensor, " units"],
    *,
    edges: Num[Tensor, " edges"],
    reference: Num[Tensor, " bins"],
    draws: int = 150,
    experiments: int = 1000,
    generator: torch.Generator,
) -> Float[Tensor, " experiments"]:
    """Score samples of units, as if each experiment had recorded from so many cells.

    Kong et al. 2021 report the mean of the scores, and their standard deviation (ddof 0) as error.

    Parameters
    ----------
    frequency_cpd
        Preferred frequencies of the units to draw from: those that `preferred_frequency` selected.
    edges
        Of the bins, as in `frequency_histogram`. A frequency outside is refused; where that is to
        count as a mismatch, give the edges and reference of `open_ended`.
    reference
        Counts to compare with, as in `frequency_score`.
    draws
        Units of one experiment, drawn with replacement.
    experiments
        How many.
    generator
        Where the draws come from.

    Returns
    -------
    scores
        One of each experiment, in float64.

    Raises
    ------
    ValueError
        If there is no unit, `draws` or `experiments` is not a whole number from 1 on, or as
        `frequency_histogram` and `frequency_score`.
    """
    known = _distribution("reference", reference)
    _check_bins(_check_edges(edges), known)
    bins = _bins(frequency_cpd, edges)
    drawn = _draws(len(bins), draws, experiments, generator).to(bins.device)
    return _score(_shares(bins[drawn], len(known)), known.to(bins.device))


def frequency_experiments_by_field(
    cycles_per_image: Num[Tensor, " units"],
    *,
    fields_deg: Num[Tensor, " fields"] | Sequence[float],
    edges: Num[Tensor, " edges"],
    reference: Num[Tensor, " bins"],
    draws: int = 150,
    experiments: int = 1000,
    generator: torch.Generator,
) -> Float[Tensor, "fields experiments"]:
    """Score samples of units at several widths that the image may be said to have.

    What a network prefers is known in cycles per image. How many degrees an image spans is an
    assumption (6.4 in Kong et al. 2021), and the score depends on it: cycles per degree are cycles
    per image over degrees. Units that fall outside the bins of the reference are counted in an
    empty bin below or above (`open_ended`), and so as a mismatch. Within them the score is that of
    `frequency_experiments`.

    Parameters
    ----------
    cycles_per_image
        Preferred frequencies of the units to draw from.
    fields_deg
        Widths of the image in degrees.
    edges, reference, draws, experiments, generator
        As in `frequency_experiments`, `edges` in cycles per degree. Every width gets the same
        draws, so that a difference between widths is none between samples.

    Returns
    -------
    scores
        In float64.

    Raises
    ------
    ValueError
        If a width is not positive and finite, or as `frequency_experiments`.
    """
    fields = axis("fields_deg", fields_deg)
    for field in fields.tolist():
        check_positive("a width of fields_deg", field, "degrees")
    edges, reference = open_ended(edges, reference)
    cycles = _frequencies("cycles_per_image", cycles_per_image)
    bins = [_bins(cycles / field, edges) for field in fields.tolist()]
    known = _distribution("reference", reference).to(cycles.device)
    drawn = _draws(len(cycles), draws, experiments, generator).to(cycles.device)
    return torch.stack([_score(_shares(of[drawn], len(known)), known) for of in bins])


def open_ended(edges: Num[Tensor, " edges"], reference: Num[Tensor, " bins"]) -> OpenEnded:
    """Add an empty bin below, from 0 on, and one above, to infinity.

    A unit in them raises, or holds back, the cumulative distribution where that of the reference is
    0, or 1, and so costs its share of the score. The last of the old bins still includes its right
    edge.

    Parameters
    ----------
    edges
        Of positive frequencies, ascending.
    reference
        Counts in their bins.

    Returns
    -------
    opened
        Edges and reference with two bins more, in float64.

    Raises
    ------
    ValueError
        If `edges` do not ascend from above 0 to a finite number, or do not match `reference`.
    """
    found, known = _check_edges(edges), axis("reference", reference)
    _check_bins(edges, known)
    if found[0] <= 0 or found[-1].isinf():
        raise ValueError(
            f"edges run from {found[0].item():g} to {found[-1].item():g}; they are open already, "
            "or hold frequencies that are not positive"
        )
    infinity = found.new_tensor([torch.inf])
    last = torch.nextafter(found[-1:], infinity)
    zero = known.new_zeros(1)
    return OpenEnded(
        torch.cat([torch.zeros_like(infinity), found[:-1], last, infinity]),
        torch.cat([zero, known, zero]),
    )


def _frequencies(name: str, values: Tensor) -> Float[Tensor, " units"]:
    if isinstance(values, Tensor) and values.ndim == 1 and not len(values):
        raise ValueError(f"{name} holds no unit; is none selected?")
    return axis(name, values)


def _check_edges(edges: Tensor) -> Float[Tensor, " edges"]:
    found = axis("edges", edges)
    if len(found) < 2 or not (found.diff() > 0).all():
        raise ValueError(f"edges={found.tolist()}: give at least 2, ascending")
    return found


def _check_bins(edges: Tensor, reference: Tensor) -> None:
    if len(edges) != len(reference) + 1:
        raise ValueError(
            f"{len(edges)} edges for {len(reference)} bins of reference; there is one edge more "
            "than bins"
        )


def _bins(frequency_cpd: Tensor, edges: Tensor) -> Tensor:
    """Which bin each unit is in."""
    found = _frequencies("frequency_cpd", frequency_cpd)
    limits = _check_edges(edges).to(found.device)
    outside = (found < limits[0]) | (found > limits[-1])
    if outside.any():
        raise ValueError(
            f"{int(outside.sum())} of {len(found)} frequencies lie outside the edges, "
            f"{limits[0].item():g} to {limits[-1].item():g} (the first is "
            f"{found[outside][0].item():g}); give them bins with open_ended(edges, reference)"
        )
    place = torch.bucketize(found, limits, right=True) - 1
    return place.clamp_max(len(limits) - 2)  # the last bin includes its right edge


def _draws(units: int, draws: int, experiments: int, generator: torch.Generator) -> Tensor:
    check_whole("draws", draws)
    check_whole("experiments", experiments)
    if not isinstance(generator, torch.Generator):
        raise ValueError(
            f"generator={generator!r}: give a torch.Generator, such as "
            "torch.Generator().manual_seed(0)"
        )
    return torch.randint(units, (experiments, draws), generator=generator, device=generator.device)


def _count(bins: Tensor, count: int) -> Float[Tensor, "experiments bins"]:
    """Histogram of each row of places: one count over all, with room for each row."""
    row = torch.arange(len(bins), device=bins.device)[:, None]
    return (
        torch.bincount((row * count + bins).flatten(), minlength=len(bins) * count)
        .reshape(len(bins), count)
        .double()
    )


def _shares(bins: Tensor, count: int) -> Float[Tensor, "experiments bins"]:
    return _count(bins, count).cumsum(-1) / bins.shape[1]


def _distribution(name: str, counts: Tensor) -> Float[Tensor, "*experiments bins"]:
    """Cumulative share of what was counted."""
    if not isinstance(counts, Tensor) or not counts.ndim or not counts.shape[-1]:
        raise ValueError(f"{name}={counts!r}: give a torch.Tensor of counts in bins")
    found = counts.detach().double()
    if not (found.isfinite() & (found >= 0)).all():
        raise ValueError(f"{name} holds a count that is negative or not finite")
    total = found.sum(-1, keepdim=True)
    if not (total > 0).all():
        raise ValueError(f"{name} holds a histogram without a unit; is none selected?")
    return found.cumsum(-1) / total


def _score(cumulative: Tensor, known: Tensor) -> Float[Tensor, "*experiments"]:
    return 1 - (cumulative - known).abs().amax(-1)
