"""What an exponent owes to the window it was fitted on, and how straight the spectrum is there."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from striate._checks import check_whole
from striate.spectra.checks import check_floats
from striate.spectra.power_law import Weights, check_weights, fit_power_law

# Where Stringer et al.'s code looks at the spectrum to say how straight it is.
POINTS = 100


class Goodness(NamedTuple):
    """How near a spectrum is to a power law within a window.

    Attributes
    ----------
    r_squared
        Squared correlation of log variance with log rank at 100 ranks, equally far apart in log
        rank. 1 for a flat spectrum, which the law of exponent 0 fits.
    residual_sd
        Weighted standard deviation of log variance (natural) about the fitted line: 0.05 means
        that a variance is typically 5 % off. Unlike `r_squared` it does not grow with the exponent.
    """

    r_squared: Float[Tensor, ""]
    residual_sd: Float[Tensor, ""]


def alpha_by_window(
    eigenvalues: Float[Tensor, " ranks"],
    *,
    firsts: Sequence[int],
    lasts: Sequence[int],
    weights: Weights,
) -> Float[Tensor, "firsts lasts"]:
    """Fit the exponent on every window from one of `firsts` to one of `lasts`.

    Parameters
    ----------
    eigenvalues
        Variances by rank.
    firsts, lasts
        Ranks, counted from 1, both included.
    weights
        As in `fit_power_law`.

    Returns
    -------
    alpha
        NaN where a window is none (fewer than two ranks), ends beyond the spectrum, or holds a
        variance that is not positive and finite.

    Raises
    ------
    ValueError
        If there are no firsts or no lasts, one of them is not a whole number from 1 on,
        `eigenvalues` are not one axis of floating point, or `weights` is unknown.
    """
    check_floats("eigenvalues", eigenvalues, "ranks")
    check_weights(weights)
    for name, given in (("firsts", firsts), ("lasts", lasts)):
        if not isinstance(given, Sequence) or not given:
            raise ValueError(f"{name}={given!r} name no window; give a list of ranks")
        for rank in given:
            check_whole(f"a rank of {name}", rank)
    variances = eigenvalues.detach().cpu()
    # How many variances up to each rank cannot be fitted.
    bad = (~((variances > 0) & variances.isfinite())).cumsum(0)
    bad = torch.cat([torch.zeros(1, dtype=torch.int64), bad])
    alphas = eigenvalues.new_full((len(firsts), len(lasts)), float("nan"))
    for row, first in enumerate(firsts):
        for column, last in enumerate(lasts):
            if first < last <= len(eigenvalues) and bad[last] == bad[first - 1]:
                law = fit_power_law(eigenvalues, ranks=(first, last), weights=weights)
                alphas[row, column] = law.alpha
    return alphas


def goodness_of_fit(
    eigenvalues: Float[Tensor, " ranks"], *, ranks: tuple[int, int], weights: Weights
) -> Goodness:
    r"""Tell how straight a spectrum is in log-log axes.

    Parameters
    ----------
    eigenvalues
        Variances by rank.
    ranks, weights
        As in `fit_power_law`. The correlation is not weighted: its points, equally far apart in
        :math:`\ln n` and rounded to whole ranks (some are then counted twice), already give each
        octave the same say.

    Returns
    -------
    goodness
        See `Goodness`.

    Raises
    ------
    ValueError
        As `fit_power_law`.
    """
    law = fit_power_law(eigenvalues, ranks=ranks, weights=weights)
    first, last = ranks
    n = torch.arange(first, last + 1, dtype=torch.float64, device=eigenvalues.device)
    log_variance = eigenvalues[first - 1 : last].double().log()
    weight = 1 / n if weights == "rank" else torch.ones_like(n)
    residual = log_variance - law.predict(n).log()
    spread = (weight @ residual.square() / weight.sum()).sqrt()
    log_n = torch.linspace(n[0].log(), n[-1].log(), POINTS, dtype=torch.float64)
    points = log_n.exp().round().long().to(n.device)
    dtype = eigenvalues.dtype
    correlation = _correlation_squared(points.double().log(), log_variance[points - first])
    return Goodness(correlation.to(dtype), spread.to(dtype))


def _correlation_squared(x: Tensor, y: Tensor) -> Tensor:
    noise = len(y) * torch.finfo(y.dtype).eps * y.abs().max().clamp_min(1)
    x, y = x - x.mean(), y - y.mean()
    if y.abs().max() <= noise:
        return torch.ones_like(x[0])
    return (x @ y).square() / (x.square().sum() * y.square().sum())
