r"""Pull a layer's eigenspectrum towards :math:`n^{-\alpha}` while a network trains."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from numbers import Real
from typing import NamedTuple, TypeVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate._checks import check_whole
from striate.spectra.attached import attach
from striate.spectra.distances import DISTANCES, Form, slope
from striate.spectra.power_law import check_ranks
from striate.spectra.processes import Group, together
from striate.spectra.relative import relative_spectrum
from striate.spectra.schedules import Schedule, at, check_setting
from striate.spectra.tracker import Solver, Tracker
from striate.spectra.units import Units, arrange, check_units

# Of the sum of magnitudes; two passes in half precision differ by less.
ALIKE = 0.01
Method = TypeVar("Method", bound=Callable[..., object])


def not_compiled(method: Method) -> Method:
    """Keep the compiler out, for what is done depends on how hard a batch turns out to be."""
    return cast(Method, torch.compiler.disable(method))


class Penalised(NamedTuple):
    """A penalty, and the exponent measured on the way."""

    penalty: Float[Tensor, ""]
    alpha: Float[Tensor, ""]


class SpectralPenalty(nn.Module):
    r"""β times the distance of a layer's eigenspectrum from :math:`n^{-\alpha}`.

    Parameters
    ----------
    alpha
        The exponent wanted: a number, or a function of the training step, e.g. `ramp`.
    beta
        Strength, likewise. At 0 a call computes nothing.
    ranks
        First and last rank looked at, counted from 1, both included. Gerum et al. 2022 used 6–50
        in their figures; the rest of the spectrum is left free.
    form
        ``"slope"``: :math:`|\hat\alpha-\alpha|`, Gerum et al. 2022 eq. 6 (`slope_distance`).
        ``"line"``: squared distance from the best line of that slope (`line_distance`).
        ``"ratio"``: Nassar et al. 2020 as ported by Gerum et al. (`ratio_distance`).
    units
        What is a unit of a layer with more axes than one: ``"flat"``, ``"channels"``,
        ``"features"`` or ``"centre"`` (`arrange`).
    solver, tolerance
        How eigenvalues are found, and how wrong they may make α and the gradient (`Tracker`). The
        estimate is for the slope; the gradients of the other forms may be a few times less close.
    every
        Steps from one that is penalised to the next, each with `every` times the strength; in
        between nothing is computed. The loss stays the same in the mean over steps, and what the
        penalty costs is divided (lazy regularisation, Karras et al. 2020, arXiv:1912.04958).
    group
        Processes that share a batch, ``"world"`` being all: the penalty is then that of the global
        batch, and its gradient, *averaged* over processes as
        `DistributedDataParallel` does, that of one process holding all of it. By default each
        process minds its own rows.

    Raises
    ------
    ValueError
        If an argument is out of range; and, when called, if the batch cannot fill `ranks`.

    Notes
    -----
    Whatever the network is trained in, the spectrum is computed in at least float32, with autocast
    off: at rank 50 a standard deviation is a hundredth of the first one, and at rank 1000 a
    thousandth, below the rounding of bfloat16.

    Examples
    --------
    >>> penalty = SpectralPenalty(alpha=1.0, beta=0.1, ranks=(6, 50))
    >>> hidden = torch.randn(100, 60, requires_grad=True)
    >>> penalty(hidden).backward()
    """

    step: Tensor

    def __init__(
        self,
        *,
        alpha: float | Schedule,
        beta: float | Schedule,
        ranks: tuple[int, int],
        form: Form = "slope",
        units: Units = "flat",
        solver: Solver = "auto",
        tolerance: float = 1e-3,
        every: int = 1,
        group: Group = None,
    ) -> None:
        super().__init__()
        if form not in DISTANCES:
            raise ValueError(f"form={form!r}; choose one of {', '.join(map(repr, DISTANCES))}")
        check_whole("every", every)
        check_units(units)
        check_ranks(ranks)
        check_setting("alpha", alpha)
        check_setting("beta", beta)
        self.alpha, self.beta, self.ranks, self.form = alpha, beta, ranks, form
        self.units: Units = units
        self.every = int(every)
        self._check(at(alpha, 0), at(beta, 0))
        self.tracker = Tracker(ranks, solver, tolerance)
        self.group: Group = group
        together(group)  # which refuses what is no group
        self.register_buffer("step", torch.tensor(0))

    @not_compiled
    def forward(self, activations: Float[Tensor, "batch *axes"]) -> Float[Tensor, ""]:
        """Return the penalty of one mini-batch."""
        _checked(activations)
        if at(self.beta, int(self.step)) == 0:
            self._advance()
            return _nothing(activations)
        return self.measure(activations).penalty

    @not_compiled
    def measure(self, activations: Float[Tensor, "batch *axes"]) -> Penalised:
        """Return the penalty together with the α of the mini-batch.

        In training mode, each call is a step of the schedules, and between steps that are penalised
        (`every`) the penalty is 0 and α, which nobody measured, NaN. At a strength of 0 α is
        measured all the same, which `forward` does not. A compiled graph breaks here.
        """
        _checked(activations)
        step = int(self.step)
        if self._is_between(step):
            self._advance()
            return Penalised(_nothing(activations), activations.new_full((), torch.nan))
        processes = together(self.group)
        alpha, beta = at(self.alpha, step), at(self.beta, step)
        self._check(alpha, beta)
        # Without strength α is still measured, but no gradient is.
        graph = torch.set_grad_enabled(torch.is_grad_enabled() and beta > 0)
        with graph, torch.autocast(activations.device.type, enabled=False):
            spectrum = relative_spectrum(
                arrange(activations, self.units),
                ranks=self.ranks,
                find=lambda batch: self.tracker(batch, processes),
                processes=processes,
            )
            distance = DISTANCES[self.form](spectrum, alpha, self.ranks)
            found = Penalised(self.every * beta * distance, slope(spectrum.detach(), self.ranks))
        self._advance()
        return found

    def over(
        self, batches: Iterable[Float[Tensor, "batch *axes"]]
    ) -> tuple[Penalised, Callable[[Tensor], Tensor]]:
        r"""Penalise several mini-batches as if they were one: for gradient accumulation.

        The spectrum of a batch is not the mean of those of its parts, so they are gone through
        twice: here without gradient, then one by one with.

        Parameters
        ----------
        batches
            The layer's activations on each mini-batch, without gradient. Kept until this
            returns: as much memory as the layer's output on the whole batch. Between steps that
            are penalised (`every`) they are not asked for.

        Returns
        -------
        whole
            Penalty and α of all mini-batches together.
        share
            Called with the activations of one of them, now with gradient, gives its share: over
            all mini-batches the shares sum to the penalty, and so do their gradients. The network
            must give the same activations in both passes (no dropout in between), or it is an
            error.

        Examples
        --------
        >>> model = nn.Sequential(nn.Linear(20, 60), nn.Tanh())
        >>> penalty = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(1, 20))
        >>> parts = torch.randn(100, 20).split(25)
        >>> with torch.no_grad():
        ...     whole, share = penalty.over(model(part) for part in parts)
        >>> for part in parts:
        ...     share(model(part)).backward()
        """
        if self._is_between(int(self.step)):
            self._advance()
            return Penalised(torch.tensor(0.0), torch.tensor(torch.nan)), _nothing
        parts = [_checked(batch).detach() for batch in batches]
        if not parts:
            raise ValueError("batches is empty; give the activations of at least one mini-batch")
        # The gradient is kept between two passes, before any scaling: half precision would lose it.
        hidden = torch.cat(parts)
        hidden = hidden.to(torch.promote_types(hidden.dtype, torch.float32)).requires_grad_()
        with torch.enable_grad():
            penalty, alpha = self.measure(hidden)
        gradient = torch.zeros_like(hidden)
        if penalty.requires_grad:
            (gradient,) = torch.autograd.grad(penalty, hidden)
        whole, count = Penalised(penalty.detach(), alpha), len(hidden)
        ahead = [gradient, _sums(hidden)]

        def share(part: Tensor) -> Tensor:
            given, sums = (rows[: len(part)] for rows in ahead)
            ahead[:] = (rows[len(part) :] for rows in ahead)
            if given.shape != part.shape:
                raise ValueError(
                    f"activations of shape {tuple(part.shape)}, but {tuple(given.shape)} are left "
                    "of those penalised; give the same mini-batches in the same order, each once"
                )
            sizes = part.detach().flatten(1).abs().sum(1, dtype=torch.float64)
            if ((_sums(part) - sums).abs() > ALIKE * sizes).any():
                raise ValueError(
                    "these activations are not those penalised; give the same mini-batches in the "
                    "same order, and leave out what is random (dropout) while accumulating"
                )
            term = (part.to(given.dtype) * given).sum()
            return term - term.detach() + whole.penalty * (len(part) / count)

        return whole, share

    @contextmanager
    def attach(self, model: nn.Module, layer: str) -> Iterator[Callable[[], Tensor]]:
        """Apply the penalty to one layer of `model` while the block runs.

        Parameters
        ----------
        model
            Any module.
        layer
            Name of the layer in ``model.named_modules()``. For several layers, each with a penalty
            of its own, see `attach`.

        Yields
        ------
        term
            A function that returns the penalty of the forward pass just made, to add to a loss;
            passes without gradient, as for validation, do not count, nor do those of an attack
            (`striate.robustness`).

        Raises
        ------
        ValueError
            If `layer` is not one name or there is no such layer; from ``term()``, if the model has
            not been run once since.

        Examples
        --------
        >>> model = nn.Sequential(nn.Linear(20, 60), nn.Tanh(), nn.Linear(60, 2))
        >>> with SpectralPenalty(alpha=1.0, beta=1.0, ranks=(1, 20)).attach(model, "1") as term:
        ...     loss = model(torch.randn(50, 20)).square().mean() + term()
        """
        if not isinstance(layer, str):
            raise ValueError(
                f"layer={layer!r}: name one layer, e.g. 'layer1'; several get a penalty each, in "
                "striate.spectra.attach(model, {'layer': penalty})"
            )
        with attach(model, {layer: self}) as term:
            yield term

    def extra_repr(self) -> str:
        """Show the settings when printed."""
        return (
            f"alpha={self.alpha}, beta={self.beta}, ranks={self.ranks}, form={self.form!r}, "
            f"units={self.units!r}, solver={self.tracker.solver!r}, every={self.every}"
        )

    def _is_between(self, step: int) -> bool:
        """Say whether nothing is asked at `step`; outside of training something always is."""
        return self.training and step % self.every > 0

    def _advance(self) -> None:
        if self.training:
            self.step += 1

    @staticmethod
    def _check(alpha: float, beta: float) -> None:
        for name, value in (("alpha", alpha), ("beta", beta)):
            if not isinstance(value, Real) or isinstance(value, bool):
                raise ValueError(f"{name}={value!r} is no number; give one, or a schedule of them")
        if not 0 <= beta < float("inf"):
            raise ValueError(f"beta={beta}: the strength of a penalty is finite and not negative")
        if not 0 <= alpha < float("inf"):
            raise ValueError(
                f"alpha={alpha}: the exponent wanted is finite and, as variances fall with their "
                "rank, not negative"
            )


def _nothing(part: Float[Tensor, "batch *axes"]) -> Float[Tensor, ""]:
    """Return a penalty that is not asked for: 0, which may be all there is to go back from."""
    return part.new_zeros((), requires_grad=torch.is_grad_enabled() and part.requires_grad)


def _checked(activations: Tensor) -> Tensor:
    """Return `activations`, or refuse what no spectrum, or none that can be moved, is of."""
    if not isinstance(activations, Tensor):
        raise ValueError(
            f"activations are a {type(activations).__name__}; give what a layer puts out, a "
            "torch.Tensor"
        )
    if activations.is_complex():
        raise ValueError(
            f"activations are {activations.dtype}; a spectrum is of real ones, e.g. "
            "torch.view_as_real(activations)"
        )
    if not activations.is_floating_point():
        raise ValueError(
            f"activations are {activations.dtype}, which has no gradient; give floating point, "
            "e.g. activations.float()"
        )
    return activations


def _sums(activations: Tensor) -> Tensor:
    """Return a number by which each stimulus is known again."""
    return activations.detach().flatten(1).sum(1, dtype=torch.float64)
