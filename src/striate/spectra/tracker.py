"""Choose how to find the components of each batch, and remember what helps with the next."""

from math import ceil
from numbers import Real
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from striate._products import by_onednn
from striate.spectra.centred import Centred
from striate.spectra.components import Components, exact_components
from striate.spectra.distances import FLOOR
from striate.spectra.iterated import iterated_components
from striate.spectra.processes import Processes
from striate.spectra.subspace import SPARE, STEEP, Tracked, tracked_components

Solver = Literal["exact", "subspace", "auto"]

# Measured on a CPU (benchmarks/penalty_step.py): below this many times the directions tracked, an
# eigendecomposition of the smaller side costs less.
PAYS = 8
# The estimate is of components that are then made better. But where two at the end of the window
# have all but one eigenvalue, an error was 1.06 times its estimate: in one batch of 30. And where
# one look was not enough, variance hardly falls behind the window; what is missing is then nearer
# than the estimate has it, and the error of the gradient was 3.9 times as large, in one batch of
# 100 at least 4.7 times (with four times the learning rate, in one of 60, 5.8 times).
SAFETY, LATER = 1.25, 5.0
# Of the whole variance: far above the rounding of sums.
MISSED = 1e-4
# With errors below this part of the tolerance, fewer directions will do; above the other, more are
# needed. Sixteen of them change an error about fourfold.
COMFORTABLE, CLOSE = 0.1, 0.7
# Where variance hardly falls behind the window every search fails, at half the price of the
# decomposition that follows: after more and more failures in a row, 0, 2, 6 and at most so many
# batches are decomposed without one.
LONGEST_PAUSE = 14


class Tracker(nn.Module):
    r"""Finds the components of batch after batch, within a tolerance.

    What it remembers of the last batch lies in buffers, and so goes into a checkpoint with the
    module that holds it. It learns in training mode only: in evaluation mode a batch leaves no
    trace.

    Parameters
    ----------
    ranks
        The window that has to be right.
    solver
        ``"exact"``: an eigendecomposition each time. ``"subspace"``: from the last batch's
        components, with an estimate of the error; exact on the first batch, when the estimate is
        too large in the end, and for a while where that goes on. ``"auto"``: subspace where layer
        and batch are so large that it pays.
    tolerance
        Largest error: of α; and of the gradient, as one minus its cosine with the exact one.

    Raises
    ------
    ValueError
        If `solver` is unknown or `tolerance` is not positive.
    """

    basis: Tensor | None
    steep: Tensor
    paused: Tensor
    pause: Tensor
    weights: Tensor

    def __init__(self, ranks: tuple[int, int], solver: Solver, tolerance: float) -> None:
        super().__init__()
        if solver not in get_args(Solver):
            known = ", ".join(map(repr, get_args(Solver)))
            raise ValueError(f"solver={solver!r}; choose one of {known}")
        if not isinstance(tolerance, Real) or not 0 < tolerance < 1:
            raise ValueError(
                f"tolerance={tolerance!r}: the largest error of α lies between 0 and 1"
            )
        self.ranks, self.solver, self.tolerance = ranks, solver, tolerance
        n = torch.arange(ranks[0], ranks[1] + 1, dtype=torch.float64).log()
        self.register_buffer("weights", (n - n.mean()) / (n - n.mean()).square().sum(), False)
        self.register_buffer("basis", None)
        self.register_buffer("steep", torch.tensor(False))
        # Batches to decompose without a search: still to come, and after the next failure.
        self.register_buffer("paused", torch.tensor(0))
        self.register_buffer("pause", torch.tensor(0))

    def forward(
        self,
        batch: Centred,
        processes: Processes,
    ) -> Components:
        """Find components 1 to the last rank of the window.

        Parameters
        ----------
        batch
            Of several processes, the rows that are held here.
        processes
            Who else holds rows.
        """
        count, (_, usual, most) = self.ranks[1], widths(self.ranks[1])
        smaller = min(processes.rows(batch.x) - 1, batch.x.shape[1])
        if self.solver == "exact" or smaller < usual * (PAYS if self.solver == "auto" else 2):
            return exact_components(batch, count, processes=processes)
        basis, width = self._start_for(batch.x), usual
        if basis is not None:
            found, width = self._follow(batch, basis, min(most, smaller // 2), processes)
            if found is not None:
                self._remember(found.basis[:, :width], found.components)
                return found.components
        components = exact_components(batch, width, processes=processes)
        # Where variance vanishes, so do the directions.
        self._remember(torch.linalg.qr(components.right)[0], components)
        left, right, eigenvalues, total = components
        return Components(left[:, :count], right[:, :count], eigenvalues[:count], total)

    def _follow(
        self, batch: Centred, basis: Tensor, most: int, processes: Processes
    ) -> tuple[Tracked | None, int]:
        """Search from `basis`, unless searches failed of late.

        Return what is good enough, or None, and how many directions to remember.
        """
        count, least = self.ranks[1], widths(self.ranks[1])[0]
        width = min(basis.shape[1], most)
        if self.paused:
            self._rest(self.paused - 1, self.pause)
            return None, width
        found, error = self._search(batch, count, basis, processes)
        if found is None:
            self._rest(self.pause, (2 * self.pause + 2).clamp(max=LONGEST_PAUSE))
            return None, most
        self._rest(0, 0)
        if error > CLOSE * self.tolerance:
            width = min(width + SPARE, most)
        elif error < COMFORTABLE * self.tolerance:
            width = max(width - SPARE, least)
        return found, width

    def _search(
        self, batch: Centred, count: int, basis: Tensor, processes: Processes
    ) -> tuple[Tracked | None, float]:
        """Go the way that is short where the batch lies.

        Return what is good enough, or None, and the error of the first look.
        """
        looks: list[tuple[float, bool]] = []

        def good_enough(found: Tracked) -> bool:
            error = self.error(found)
            looks.append((error, error <= self.tolerance and not found.undecided()))
            return looks[-1][1]

        if batch.x.is_cuda:
            found = iterated_components(
                batch, count, basis=basis, good_enough=good_enough, processes=processes
            )
        else:
            single = batch.x.dtype == torch.float32
            found = tracked_components(
                batch,
                count,
                basis=basis,
                good_enough=good_enough,
                coarse=single and not self.steep and bfloat16_pays(batch.x.device),
                processes=processes,
            )
        return found if looks[-1][1] else None, looks[0][0]

    def error(self, found: Tracked) -> float:
        """Bound the error of α, and estimate that of the gradient; return the larger.

        α is linear in the logarithms of the eigenvalues, so its error is at most the sum of theirs
        times the weights. In the gradient, component i counts with the square of its weight over
        its variance. Both look at what was found: that something else was missed altogether shows
        only in the variance that is left, if it is more than can lie behind the last component.
        """
        eigenvalues, total = found.components.eigenvalues, found.components.total
        rest = total - eigenvalues.sum()
        if rest > len(found.basis) * eigenvalues[-1] + MISSED * total:
            return float("inf")
        window = slice(self.ranks[0] - 1, self.ranks[1])
        values = eigenvalues[window]
        floored = values + FLOOR * total.clamp_min(torch.finfo(values.dtype).tiny)
        weights = self.weights.to(values.device)
        of_alpha = (weights.abs() * found.value_error[window] * values / floored).sum()
        share = weights.square() * values / floored.square()
        of_gradient = (share * found.vector_error[window]).sum() / share.sum().clamp_min(1e-300)
        if found.blocks > 1:
            of_gradient = of_gradient * (LATER / SAFETY)
        return SAFETY * float(torch.maximum(of_alpha, of_gradient))

    def _remember(self, basis: Tensor, components: Components) -> None:
        if self.training:
            self.basis = basis.contiguous()  # the same bits whether or not it went through a file
            eigenvalues = components.eigenvalues
            self.steep.copy_(eigenvalues[self.ranks[1] - 1] < STEEP * eigenvalues[0])

    def _rest(self, paused: Tensor | int, pause: Tensor | int) -> None:
        if self.training:
            self.paused.copy_(torch.as_tensor(paused))
            self.pause.copy_(torch.as_tensor(pause))

    def _start_for(self, x: Tensor) -> Tensor | None:
        """Return what is remembered, if it is of this layer and of a window no narrower."""
        basis = self.basis
        if basis is None or len(basis) != x.shape[1] or basis.shape[1] <= self.ranks[1]:
            return None
        return basis.to(x.device) if basis.dtype == x.dtype else None

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *args: object, **kwargs: object
    ) -> None:
        # A buffer whose shape is known only to the first batch, and so to the checkpoint.
        basis = state_dict.get(f"{prefix}basis")
        self.basis = None if basis is None else torch.empty_like(basis, device=self.steep.device)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)  # pyright: ignore[reportArgumentType]


def widths(count: int) -> tuple[int, int, int]:
    """Return how many directions to remember at least, at first, and at most.

    Those just behind the window decide how fast it is found.
    """
    least, most = (SPARE * ceil(times * count / SPARE) for times in (1.25, 3))
    usual = 2 * max(count, 8) if count < 32 else 32 * round(2 * count / 32)
    return least, usual, most


def bfloat16_pays(device: torch.device) -> bool:
    """Tell whether products in bfloat16 are so much quicker on `device` that rounding pays."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    if device.type != "cpu" or by_onednn() or supported is None:
        return False
    return bool(supported())
