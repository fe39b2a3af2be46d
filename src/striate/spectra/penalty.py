r"""Pull a layer's eigenspectrum towards :math:`n^{-\alpha}` while a network trains.

Three ways to say how far a spectrum is from its target, each a function of the leading
eigenvalues relative to their total; `SpectralPenalty` applies one of them to activations.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate import layers
from striate.spectra.eigenvalues import leading_eigenvalues
from striate.spectra.power_law import check_ranks, fit_power_law

Form = Literal["slope", "line", "ratio"]

# Added to each eigenvalue after division by their sum, so that log stays finite; the value is
# the authors' (spectral-representations, May-Sept 2022), and lies at float32's noise.
FLOOR = 1e-8


class Penalised(NamedTuple):
    """A penalty, and the exponent measured on the way."""

    penalty: Float[Tensor, ""]
    alpha: Float[Tensor, ""]


class SpectralPenalty(nn.Module):
    r"""β times the distance of a layer's eigenspectrum from :math:`n^{-\alpha}`.

    Parameters
    ----------
    alpha
        The exponent wanted.
    beta
        Strength. At 0 nothing is computed.
    ranks
        First and last rank looked at, counted from 1, both included. Gerum et al. 2022 used 6–50
        in their figures; the rest of the spectrum is left free.
    form
        ``"slope"``: :math:`|\hat\alpha-\alpha|`, Gerum et al. 2022 eq. 6 (`slope_distance`).
        ``"line"``: squared distance from the best line of that slope (`line_distance`).
        ``"ratio"``: Nassar et al. 2020 as ported by Gerum et al. (`ratio_distance`).

    Raises
    ------
    ValueError
        If an argument is out of range; and, when called, if the batch cannot fill `ranks`.

    Examples
    --------
    >>> penalty = SpectralPenalty(alpha=1.0, beta=0.1, ranks=(6, 50))
    >>> hidden = torch.randn(100, 60, requires_grad=True)
    >>> penalty(hidden).backward()
    """

    def __init__(
        self, *, alpha: float, beta: float, ranks: tuple[int, int], form: Form = "slope"
    ) -> None:
        super().__init__()
        if form not in DISTANCES:
            raise ValueError(f"form={form!r}; choose one of {', '.join(map(repr, DISTANCES))}")
        if not 0 <= beta < float("inf"):
            raise ValueError(f"beta={beta}: the strength of a penalty is finite and not negative")
        if not abs(alpha) < float("inf"):
            raise ValueError(f"alpha={alpha}: the exponent wanted is a finite number")
        check_ranks(ranks, available=ranks[1])
        self.alpha, self.beta, self.ranks, self.form = float(alpha), float(beta), ranks, form

    def forward(self, activations: Float[Tensor, "batch *axes"]) -> Float[Tensor, ""]:
        """Return the penalty of one mini-batch; axes behind the first are flattened into units."""
        if self.beta == 0:
            return activations.new_zeros(())
        return self.measure(activations).penalty

    def measure(self, activations: Float[Tensor, "batch *axes"]) -> Penalised:
        """Return the penalty together with the α of the mini-batch (`batch_alpha`)."""
        with torch.autocast(activations.device.type, enabled=False):
            spectrum = relative_spectrum(activations, ranks=self.ranks)
            distance = DISTANCES[self.form](spectrum, self.alpha, self.ranks)
            return Penalised(self.beta * distance, _slope(spectrum, self.ranks).detach())

    @contextmanager
    def attach(self, model: nn.Module, layer: str) -> Iterator[Callable[[], Tensor]]:
        """Apply the penalty to one layer of `model` while the block runs.

        Parameters
        ----------
        model
            Any module.
        layer
            Name of the layer in ``model.named_modules()``.

        Yields
        ------
        term
            A function that returns the penalty of the forward pass just made, to add to a loss.

        Raises
        ------
        ValueError
            If there is no such layer; from ``term()``, if the model has not been run once since.

        Examples
        --------
        >>> model = nn.Sequential(nn.Linear(20, 60), nn.Tanh(), nn.Linear(60, 2))
        >>> with SpectralPenalty(alpha=1.0, beta=1.0, ranks=(1, 20)).attach(model, "1") as term:
        ...     loss = model(torch.randn(50, 20)).square().mean() + term()
        """
        with layers.capture(model, layer) as output:
            yield lambda: self(output())

    def extra_repr(self) -> str:
        """Show the settings when printed."""
        return f"alpha={self.alpha}, beta={self.beta}, ranks={self.ranks}, form={self.form!r}"


def batch_alpha(
    activations: Float[Tensor, "batch *axes"], *, ranks: tuple[int, int]
) -> Float[Tensor, ""]:
    """Measure α as Gerum et al. 2022 did: plain least squares on the floored relative spectrum.

    Raises
    ------
    ValueError
        If the batch cannot fill `ranks`.
    """
    with torch.no_grad(), torch.autocast(activations.device.type, enabled=False):
        return _slope(relative_spectrum(activations, ranks=ranks), ranks)


def relative_spectrum(
    activations: Float[Tensor, "batch *axes"], *, ranks: tuple[int, int]
) -> Float[Tensor, " ranks"]:
    """Eigenvalues 1 … last of `ranks`, as parts of the total variance.

    Runs in at least float32 whatever autocast says: half precision destroys the tail.

    Raises
    ------
    ValueError
        If the batch cannot fill `ranks`.
    """
    responses = activations.flatten(1)
    available = min(responses.shape[0] - 1, responses.shape[1])
    if ranks[1] > available:
        raise ValueError(
            f"ranks={ranks} need {ranks[1]} eigenvalues, but a batch of {responses.shape[0]} "
            f"with {responses.shape[1]} units has {available}; use a larger batch or fewer ranks"
        )
    with torch.autocast(responses.device.type, enabled=False):
        if responses.dtype not in (torch.float32, torch.float64):
            responses = responses.float()
        total = responses.var(0).sum()
        leading = leading_eigenvalues(responses, ranks[1])
        # The root, so that a gradient of 1 / FLOOR divided by it does not overflow.
        return leading / total.clamp_min(torch.finfo(total.dtype).tiny ** 0.5)


def slope_distance(
    spectrum: Float[Tensor, " ranks"], alpha: float, ranks: tuple[int, int]
) -> Float[Tensor, ""]:
    r"""Return :math:`|\hat\alpha-\alpha|`, :math:`\hat\alpha` by plain least squares.

    Gerum et al. 2022, eq. 6. The size of its gradient does not shrink near the target.
    """
    return (_slope(spectrum, ranks) - alpha).abs()


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

    :math:`\frac{1}{N+1}\sum_n (\lambda_n/g_n-1)^2 + \max(\lambda_n/g_n-1, 0)` with :math:`g_n`
    the law through rank `first` and N the `last` rank: values above the target cost more. Nassar
    et al. 2020 as ported by Gerum et al., who let the gradient flow through :math:`g_n` too.
    """
    first, last = ranks
    n = torch.arange(first, last + 1, dtype=spectrum.dtype, device=spectrum.device)
    window = spectrum[first - 1 :]
    # The port has no floor here and divides zero by zero on a dead layer.
    excess = window / (window[0] + FLOOR) * (n / first) ** alpha - 1
    return (excess.square() + excess.relu()).sum() / (last + 1)


def _slope(spectrum: Tensor, ranks: tuple[int, int]) -> Tensor:
    return fit_power_law(spectrum + FLOOR, ranks=ranks, weights="none").alpha


DISTANCES: dict[str, Callable[[Tensor, float, tuple[int, int]], Tensor]] = {
    "slope": slope_distance,
    "line": line_distance,
    "ratio": ratio_distance,
}
