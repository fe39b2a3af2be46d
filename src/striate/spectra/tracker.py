"""Choose how to find the components of each batch, and remember what helps with the next."""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.spectra.components import Components, exact_components
from striate.spectra.distances import FLOOR
from striate.spectra.processes import Processes
from striate.spectra.subspace import Tracked, tracked_components

Solver = Literal["exact", "subspace", "auto"]

# Measured on a CPU (benchmarks/penalty_step.py): below this many times the directions tracked, an
# eigendecomposition of the smaller side costs less.
PAYS = 8
# The estimate of the error is right within this factor where it matters.
SAFETY = 2
# Of the whole variance: far above the rounding of sums.
MISSED = 1e-4
# After so many batches with the same number of blocks, one fewer is tried.
PATIENCE = 25


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
        components, with a bound on the error; exact on the first batch and when the bound is
        exceeded in the end. ``"auto"``: subspace where layer and batch are so large that it pays.
    tolerance
        Largest error: of α; and of the gradient, as one minus its cosine with the exact one.

    Raises
    ------
    ValueError
        If `solver` is unknown or `tolerance` is not positive.
    """

    basis: Tensor | None
    blocks: Tensor
    since: Tensor
    weights: Tensor

    def __init__(self, ranks: tuple[int, int], solver: Solver, tolerance: float) -> None:
        super().__init__()
        if solver not in get_args(Solver):
            known = ", ".join(map(repr, get_args(Solver)))
            raise ValueError(f"solver={solver!r}; choose one of {known}")
        if not 0 < tolerance < 1:
            raise ValueError(f"tolerance={tolerance}: the largest error of α lies between 0 and 1")
        self.ranks, self.solver, self.tolerance = ranks, solver, tolerance
        n = torch.arange(ranks[0], ranks[1] + 1, dtype=torch.float64).log()
        self.register_buffer("weights", (n - n.mean()) / (n - n.mean()).square().sum(), False)
        self.register_buffer("basis", None)
        self.register_buffer("blocks", torch.tensor(1))
        self.register_buffer("since", torch.tensor(0))

    def forward(
        self,
        centred: Float[Tensor, "stimuli units"],
        squares: Float[Tensor, ""],
        processes: Processes,
    ) -> Components:
        """Find components 1 to the last rank of the window.

        Parameters
        ----------
        centred
            Activations less their mean; of several processes, the rows that are held here.
        squares
            Their sum of squares, over all processes.
        processes
            Who else holds rows.
        """
        count, tracked = self.ranks[1], _tracked(self.ranks[1])
        stimuli = processes.rows(centred)
        smaller = min(stimuli - 1, centred.shape[1])
        if self.solver == "exact" or tracked * (PAYS if self.solver == "auto" else 2) > smaller:
            return exact_components(centred, count, processes=processes)
        found, before = None, max(int(self.blocks) - (int(self.since) >= PATIENCE), 1)
        if (basis := self._start_for(centred)) is not None:
            found = tracked_components(
                centred,
                count,
                basis=basis,
                blocks=before,
                good_enough=lambda found: self.error(found, squares) <= self.tolerance,
                coarse=centred.dtype == torch.float32 and fast_bfloat16(centred.device),
                processes=processes,
            )
        if found is None or not self.error(found, squares) <= self.tolerance:
            components = exact_components(centred, tracked, processes=processes)
            # Where variance vanishes, so do the directions.
            basis = torch.linalg.qr(components.right)[0]
            self._remember(basis, before if found is None else found.blocks)
        else:
            components = found.components
            self._remember(found.basis, found.blocks)
        return Components(
            components.left[:, :count], components.right[:, :count], components.eigenvalues[:count]
        )

    def error(self, found: Tracked, squares: Tensor) -> float:
        """Bound the error of α, and estimate that of the gradient; return the larger.

        α is linear in the logarithms of the eigenvalues, so its error is at most the sum of theirs
        times the weights. In the gradient, component i counts with the square of its weight over
        its variance. Both look at what was found: that something else was missed altogether shows
        only in the variance that is left, if it is more than can lie behind the last component.
        """
        rest = squares - found.components.eigenvalues.sum()
        if rest > len(found.basis) * found.components.eigenvalues[-1] + MISSED * squares:
            return float("inf")
        window = slice(self.ranks[0] - 1, self.ranks[1])
        values = found.components.eigenvalues[window]
        floored = values + FLOOR * squares.clamp_min(torch.finfo(values.dtype).tiny)
        weights = self.weights.to(values.device)
        of_alpha = (weights.abs() * found.value_error[window] * values / floored).sum()
        share = weights.square() * values / floored.square()
        of_gradient = (share * found.vector_error[window]).sum() / share.sum().clamp_min(1e-300)
        return SAFETY * float(torch.maximum(of_alpha, of_gradient))

    def _remember(self, basis: Tensor, blocks: int) -> None:
        if self.training:
            tried = self.since >= PATIENCE  # one fewer, this time
            self.since.add_(1).mul_(int(blocks == self.blocks and not tried))
            self.blocks.fill_(blocks)
            self.basis = basis.contiguous()  # the same bits whether or not it went through a file

    def _start_for(self, centred: Tensor) -> Tensor | None:
        """Return what is remembered, if it is of this layer."""
        basis = self.basis
        if basis is None or len(basis) != centred.shape[1]:
            return None
        return basis if (basis.dtype, basis.device) == (centred.dtype, centred.device) else None

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *args: object, **kwargs: object
    ) -> None:
        # A buffer whose shape is known only to the first batch, and so to the checkpoint.
        basis = state_dict.get(f"{prefix}basis")
        self.basis = None if basis is None else torch.empty_like(basis, device=self.blocks.device)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)  # pyright: ignore[reportArgumentType]


def _tracked(count: int) -> int:
    """How many directions to remember: those just behind the window decide how fast it is found."""
    return 2 * max(count, 8) if count < 32 else 32 * round(2 * count / 32)


def fast_bfloat16(device: torch.device) -> bool:
    """Tell whether bfloat16 products are quicker than float32 ones on `device`."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return device.type == "cpu" and supported is not None and bool(supported())
