"""How sure one may be of an exponent that was measured on a sample of stimuli."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from striate.spectra.checks import check_floats, check_groups, check_level
from striate.spectra.eigenvalues import eigenspectrum
from striate.spectra.gram import ROUNDING, check_square, gram_eigenspectrum
from striate.spectra.power_law import Weights, check_ranks, check_weights, fit_power_law


class AlphaInterval(NamedTuple):
    """The exponent of a sample of stimuli, and two intervals that answer different questions.

    Attributes
    ----------
    alpha
        The exponent measured on all stimuli.
    interval
        Where the α of *this number* of stimuli lies on average over other samples of them: for
        comparing populations shown equally many stimuli.
    corrected
        The exponent less the part of its bias that falls as 1/n: nearer to that of infinitely many
        stimuli where the spectrum is steep.
    corrected_interval
        Where that of infinitely many stimuli lies, for comparing with theory, if α is 0.8 or more
        and the window ends at a tenth of the stimuli. Elsewhere it often misses it.
    standard_error
        Standard deviation of `alpha` over samples of stimuli.
    level
        Confidence of both intervals.
    """

    alpha: float
    interval: tuple[float, float]
    corrected: float
    corrected_interval: tuple[float, float]
    standard_error: float
    level: float


def alpha_interval(
    x: Float[Tensor, "stimuli units"],
    *,
    ranks: tuple[int, int],
    weights: Weights,
    generator: torch.Generator,
    level: float = 0.95,
    groups: int = 20,
    clusters: Int[Tensor, " stimuli"] | None = None,
) -> AlphaInterval:
    r"""Bound the exponent of `x` by leaving out a part of the stimuli at a time.

    The delete-d jackknife (Shao & Wu 1989): stimuli fall at random into `groups`, and the exponent
    is measured without each. No stimulus is ever used twice, as a bootstrap would: duplicates
    flatten the rank of the sample and ruin the tail (α 0.94 becomes 4.8).

    A sample of n stimuli has too steep or too flat a spectrum where the window nears n or the
    number of units. The jackknife removes the part of that bias which falls as 1/n; for the rest,
    which it cannot see, `corrected_interval` allows twice what was removed. Of planted exponents it
    then covers 88 to 100 % at level 0.95, where the measured α is 0.8 or more and the window ends
    at a tenth of the stimuli. It is not to be trusted elsewhere: where the spectrum is shallow and
    units outnumber stimuli, biases of both signs cancel in what the jackknife sees, and in some
    windows it covers none (docs/alpha-interval.md). `interval`, which claims nothing about
    infinitely many stimuli, holds in all these cases.

    Parameters
    ----------
    x
        Responses, one row per stimulus; float64 where the window reaches the tail.
    ranks, weights
        As in `fit_power_law`.
    generator
        Decides who falls into which group.
    level
        Confidence, in (0, 1).
    groups
        At least 2; the cost is that many eigenspectra.
    clusters
        Stimuli with the same number leave together: frames of one film, versions of one image.
        Needs at least as many different numbers as groups. Without it stimuli must be
        exchangeable.

    Returns
    -------
    interval
        See `AlphaInterval`.

    Raises
    ------
    ValueError
        If a setting is out of range, or `ranks` end beyond what is left without a group of the
        stimuli, or in variances so small that they may be rounding (stimuli shown twice, units
        that then do not vary).
    """
    check_floats("x", x, "stimuli × units")
    _check(ranks, weights, generator, level)
    group = deal(len(x), clusters, groups, generator)
    eps = torch.finfo(x.dtype).eps

    def spectrum_of(some: Tensor) -> Tensor:
        spectrum = eigenspectrum(x[some])
        _check_window(ranks, spectrum, eps * spectrum.norm().item(), len(some), x.shape[1], x.dtype)
        return spectrum

    spectra = left_out(spectrum_of, group, groups)
    return interval_of_spectra(spectra, ranks=ranks, weights=weights, level=level)


def gram_alpha_interval(
    gram: Float[Tensor, "stimuli stimuli"],
    *,
    ranks: tuple[int, int],
    weights: Weights,
    generator: torch.Generator,
    level: float = 0.95,
    groups: int = 20,
    clusters: Int[Tensor, " stimuli"] | None = None,
) -> AlphaInterval:
    """Bound the exponent of a population of which only the Gram matrix is held.

    As `alpha_interval`, stimuli leaving with their rows and columns. Where units were z-scored
    before they were summed, they stay divided by their standard deviation over all stimuli.

    Parameters
    ----------
    gram
        As in `gram_eigenspectrum`.
    ranks, weights, generator, level, groups, clusters
        As in `alpha_interval`.

    Raises
    ------
    ValueError
        As `alpha_interval` and `gram_eigenspectrum`.
    """
    check_square(gram)
    _check(ranks, weights, generator, level)
    group = deal(len(gram), clusters, groups, generator)
    # In units of a variance, as the spectrum.
    noise = torch.finfo(gram.dtype).eps * gram.detach().double().norm().item() / (len(gram) - 1)

    def spectrum_of(some: Tensor) -> Tensor:
        spectrum = gram_eigenspectrum(gram[some][:, some])
        _check_window(ranks, spectrum, noise, len(some), None, gram.dtype)
        return spectrum

    spectra = left_out(spectrum_of, group, groups)
    return interval_of_spectra(spectra, ranks=ranks, weights=weights, level=level)


def deal(
    stimuli: int, clusters: Tensor | None, groups: int, generator: torch.Generator
) -> Int[Tensor, " stimuli"]:
    """Number the group of each stimulus, from 0, clusters falling into one together.

    Raises
    ------
    ValueError
        If `clusters` do not match the stimuli, or there are fewer of them than groups.
    """
    check_clusters(clusters, stimuli)
    each = torch.arange(stimuli) if clusters is None else clusters.cpu()
    names, place = each.unique(return_inverse=True)
    check_groups(groups, len(names), clusters=clusters is not None)
    return (torch.randperm(len(names), generator=generator) % groups)[place]


def check_clusters(clusters: Tensor | None, stimuli: int) -> None:
    """Refuse what does not say which of so many stimuli stay together.

    Raises
    ------
    ValueError
        If it is not one number for each.
    """
    if clusters is not None and not isinstance(clusters, Tensor):
        raise ValueError(f"clusters is a {type(clusters).__name__}; give a torch.Tensor")
    if clusters is not None and clusters.shape != (stimuli,):
        raise ValueError(
            f"clusters has shape {tuple(clusters.shape)}; need a number for each of {stimuli} "
            "stimuli"
        )


def left_out(
    spectrum_of: Callable[[Tensor], Tensor], group: Int[Tensor, " stimuli"], groups: int
) -> list[Tensor]:
    """Measure the spectrum of all stimuli, then of those outside each group.

    Parameters
    ----------
    spectrum_of
        Of the stimuli with such numbers.
    group
        Of each stimulus, as `deal` gives it.
    """
    everything = torch.arange(len(group))
    samples = [everything, *(everything[group != number] for number in range(groups))]
    with torch.no_grad():
        return [spectrum_of(sample) for sample in samples]


def interval_of_spectra(
    spectra: Sequence[Tensor],
    *,
    ranks: tuple[int, int],
    weights: Weights,
    level: float = 0.95,
) -> AlphaInterval:
    """Bound the exponent of the first spectrum by those of the others, each without a group.

    Parameters
    ----------
    spectra
        As `left_out` gives them.
    ranks, weights
        As in `fit_power_law`.
    level
        Confidence, in (0, 1).

    Raises
    ------
    ValueError
        As `fit_power_law`.
    """
    alpha, *others = [
        fit_power_law(each, ranks=ranks, weights=weights).alpha.item() for each in spectra
    ]
    return jackknifed(alpha, others, level)


def jackknifed(alpha: float, left_out: Sequence[float], level: float) -> AlphaInterval:
    """Bound an exponent by those without each group of stimuli."""
    without, groups = torch.tensor(left_out, dtype=torch.float64), len(left_out)
    mean = without.mean().item()
    variance = (groups - 1) / groups * (without - mean).square().sum().item()
    return intervals_of(alpha, (groups - 1) * (mean - alpha), variance**0.5, level, groups)


def _check(
    ranks: tuple[int, int], weights: Weights, generator: torch.Generator, level: float
) -> None:
    check_ranks(ranks)
    check_weights(weights)
    check_level(level)
    if not isinstance(generator, torch.Generator):
        raise ValueError(f"generator={generator!r}: give torch.Generator().manual_seed(…)")


def intervals_of(
    alpha: float, bias: float, standard_error: float, level: float, groups: int
) -> AlphaInterval:
    """Make both intervals of what a jackknife of so many groups found.

    Parameters
    ----------
    alpha
        The exponent of all stimuli.
    bias
        Estimate of how much larger it is than that of infinitely many.
    standard_error
        Of `alpha`.
    level
        Confidence.
    groups
        Whose number less one is the degrees of freedom.
    """
    from scipy.stats import t

    half = float(t.ppf((1 + level) / 2, groups - 1)) * standard_error
    corrected, slack = alpha - bias, half + 2 * abs(bias)
    return AlphaInterval(
        alpha,
        (alpha - half, alpha + half),
        corrected,
        (corrected - slack, corrected + slack),
        standard_error,
        level,
    )


def _check_window(
    ranks: tuple[int, int],
    spectrum: Tensor,
    noise: float,
    stimuli: int,
    units: int | None,
    dtype: torch.dtype,
) -> None:
    """Refuse a window that ends beyond a spectrum, or in variances that may be rounding."""
    of_units = "" if units is None else f" × {units} units"
    if ranks[1] > len(spectrum):
        raise ValueError(
            f"ranks={ranks} need {ranks[1]} eigenvalues, but {stimuli} stimuli (all but one "
            f"group){of_units} have {len(spectrum)}; fit fewer ranks or use more groups"
        )
    there = int((spectrum > ROUNDING * noise).sum())
    if ranks[1] > there:
        ways = [f"end at rank {there} at most" if there > ranks[0] else "show stimuli that differ"]
        ways += [] if dtype == torch.float64 else ["give float64"]
        raise ValueError(
            f"ranks={ranks} end in variances that may be rounding: {stimuli} stimuli{of_units} "
            f"vary in {there} directions; {', or '.join(ways)}"
        )
