"""The exponent of an eigenspectrum: a line in log-log axes, and how sure of it one may be."""

from collections.abc import Sequence
from numbers import Integral
from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from striate.spectra.checks import check_floats

Weights = Literal["rank", "none"]


class PowerLaw(NamedTuple):
    """The variance at rank n is ``exp(log_scale) * n ** -alpha`` for n in `ranks`."""

    alpha: Float[Tensor, ""]
    log_scale: Float[Tensor, ""]
    r_squared: Float[Tensor, ""]
    ranks: tuple[int, int]
    weights: Weights

    def predict(self, ranks: Float[Tensor, " ranks"]) -> Float[Tensor, " ranks"]:
        """Return the variance the law gives at `ranks`.

        Raises
        ------
        ValueError
            If they are no tensor.
        """
        if not isinstance(ranks, Tensor):
            raise ValueError(f"ranks is a {type(ranks).__name__}; give a torch.Tensor of ranks")
        return (self.log_scale - self.alpha * ranks.log()).exp()


def fit_power_law(
    eigenvalues: Float[Tensor, " ranks"], *, ranks: tuple[int, int], weights: Weights
) -> PowerLaw:
    r"""Fit :math:`\lambda_n = c\,n^{-\alpha}` by least squares in log-log axes.

    Neither choice has a default, because both move the exponent: of one unregularised spectrum in
    Gerum et al. 2022, α is 1.12, 1.57 and 1.62 on ranks 1–10, 6–50 and 6–100; and of ``1/(n+20)``
    on ranks 10–1000 it is 0.79 with and 0.88 without weights.

    Parameters
    ----------
    eigenvalues
        Variances by rank, in any unit: the scale moves the intercept, never the exponent.
    ranks
        First and last rank of the fit, counted from 1, both included.
    weights
        ``"rank"`` weighs rank n by 1/n, so that each octave counts the same (Stringer et al.
        2019, Kong et al. 2021); ``"none"`` is plain least squares (Gerum et al. 2022).

    Returns
    -------
    law
        `alpha`, `log_scale` (natural), the weighted `r_squared` of the line, and the choices.

    Raises
    ------
    ValueError
        If `eigenvalues` are not one axis of floating point, `weights` is unknown, or `ranks` leaves
        the spectrum or meets a variance that is not positive and finite (cross-validated spectra
        have negative ones: fit fewer ranks).

    Examples
    --------
    >>> n = torch.arange(1, 101, dtype=torch.float64)
    >>> law = fit_power_law(5 * n**-1.3, ranks=(6, 50), weights="none")
    >>> round(law.alpha.item(), 9), round(law.log_scale.exp().item(), 9)
    (1.3, 5.0)
    """
    check_floats("eigenvalues", eigenvalues, "ranks")
    check_ranks(ranks, available=len(eigenvalues))
    check_weights(weights)
    first, last = ranks
    # Half precision would round ranks above 256, and logarithms to a hundredth.
    eigenvalues = eigenvalues.to(torch.promote_types(eigenvalues.dtype, torch.float32))
    window = eigenvalues[first - 1 : last]
    usable = (window.detach() > 0) & window.detach().isfinite()
    if not usable.all():
        bad = first + int((~usable).nonzero()[0])
        advice = f"end below {bad}" if bad > first + 1 else f"start above {bad}"
        advice = f"fit ranks that {advice}"
        found = eigenvalues[bad - 1].item()
        if eigenvalues[:last].isinf().any():
            advice = "its precision does not hold such squares: give responses in other units"
        elif (eigenvalues <= 0).all():
            advice = "nothing varies, or by less than its precision holds"
        raise ValueError(
            f"the variance at rank {bad} is {found:.3g}, not positive"
            f"{' and finite' * (found > 0)}; {advice}"
        )
    n = torch.arange(first, last + 1, dtype=window.dtype, device=window.device)
    weight = 1 / n if weights == "rank" else torch.ones_like(n)
    weight = weight / weight.sum()
    log_n, log_variance = n.log(), window.log()
    x = log_n - weight @ log_n
    y = log_variance - weight @ log_variance
    slope = (weight * x) @ y / (weight @ x**2)
    residual = weight @ (y - slope * x) ** 2
    # A flat spectrum has no variance to explain; the line fits it exactly, so R² is 1.
    rounding = len(y) * torch.finfo(y.dtype).eps * log_variance.detach().abs().max().clamp_min(1)
    flat = y.detach().abs().max() <= rounding
    r_squared = 1 - residual / torch.where(flat, torch.ones_like(residual), weight @ y**2)
    return PowerLaw(
        -slope, weight @ log_variance - slope * (weight @ log_n), r_squared, ranks, weights
    )


def check_weights(weights: str) -> None:
    """Refuse a word that names no weights.

    Raises
    ------
    ValueError
        If it does not.
    """
    if weights not in get_args(Weights):
        raise ValueError(f"weights={weights!r}; choose 'rank' (1/n) or 'none'")


def check_ranks(ranks: tuple[int, int], *, available: int | None = None) -> None:
    """Refuse a window that is none, or that `available` ranks, where they are known, cannot fill.

    Raises
    ------
    ValueError
        If ``first, last = ranks`` are not whole numbers with ``1 <= first < last <= available``.
    """
    pair = isinstance(ranks, Sequence) and len(ranks) == 2
    if not pair or not all(isinstance(rank, Integral) for rank in ranks):
        raise ValueError(f"ranks={ranks!r}: give first and last, two whole numbers, e.g. (6, 50)")
    first, last = ranks
    if not 1 <= first < last:
        raise ValueError(f"ranks={ranks}: need 1 <= first < last, both counted from 1")
    if available is not None and last > available:
        raise ValueError(f"ranks={ranks} end beyond the {available} ranks there are")
