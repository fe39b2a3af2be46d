r"""How far a spectrum is from a power law: three answers from two papers.

Each takes the leading eigenvalues relative to the sum of all, the exponent wanted and the window
of ranks, and returns a number that is zero on that law.
"""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from striate.spectra.power_law import fit_power_law

Form = Literal["slope", "line", "ratio"]

# Added to each eigenvalue after division by their sum, so that log stays finite; the value is
# the authors' (spectral-representations, May-Sept 2022), and lies at float32's noise.
FLOOR = 1e-8


def slope_distance(
    spectrum: Float[Tensor, " ranks"], alpha: float, ranks: tuple[int, int]
) -> Float[Tensor, ""]:
    r"""Return :math:`|\hat\alpha-\alpha|`, :math:`\hat\alpha` by plain least squares.

    Gerum et al. 2022, eq. 6. The size of its gradient does not shrink near the target.
    """
    return (slope(spectrum, ranks) - alpha).abs()


def line_distance(
    spectrum: Float[Tensor, " ranks"], alpha: float, ranks: tuple[int, int]
) -> Float[Tensor, ""]:
    r"""Return the mean squared distance from the best line of slope :math:`-\alpha`.

    In decades (log10), rank n weighted by :math:`\log_{10}\frac{n+1}{n}`; the offset of the line
    is the best one for the spectrum at hand. Gerum et al.'s code from September 2022 on.
    """
    first, last = ranks
    n = torch.arange(first, last + 1, dtype=spectrum.dtype, device=spectrum.device)
    weight = ((n + 1) / n).log10()
    weight = weight / weight.sum()
    deviation = (spectrum[first - 1 :] + FLOOR).log10() + alpha * n.log10()
    return weight @ (deviation - weight @ deviation) ** 2


def ratio_distance(
    spectrum: Float[Tensor, " ranks"], alpha: float, ranks: tuple[int, int]
) -> Float[Tensor, ""]:
    r"""Return how far eigenvalues stray from the power law through the window's first one.

    :math:`\frac{1}{N+1}\sum_n \left[(\lambda_n/g_n-1)^2 + \max(\lambda_n/g_n-1, 0)\right]` with
    :math:`g_n` the law through rank `first` and N the `last` rank: values above the target cost
    more. Nassar et al. 2020 as ported by Gerum et al., who let the gradient flow through
    :math:`g_n` too.
    """
    first, last = ranks
    n = torch.arange(first, last + 1, dtype=spectrum.dtype, device=spectrum.device)
    window = spectrum[first - 1 :]
    # The port has no floor here and divides zero by zero on a dead layer.
    excess = window / (window[0] + FLOOR) * (n / first) ** alpha - 1
    return (excess.square() + excess.relu()).sum() / (last + 1)


def slope(spectrum: Float[Tensor, " ranks"], ranks: tuple[int, int]) -> Float[Tensor, ""]:
    """α as Gerum et al. 2022 measured it: plain least squares on the floored spectrum."""
    return fit_power_law(spectrum + FLOOR, ranks=ranks, weights="none").alpha


DISTANCES: dict[str, Callable[[Tensor, float, tuple[int, int]], Tensor]] = {
    "slope": slope_distance,
    "line": line_distance,
    "ratio": ratio_distance,
}
