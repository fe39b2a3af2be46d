"""What one look at a layer tells: α with its error, and two counts of its dimensions.

Everything is computed in float64, whatever the network runs in, and from at most a few hundred
stimuli: their Gram matrix, once made, serves the exponent and all parts of its jackknife.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from striate.spectra import (
    Units,
    Weights,
    check_ranks,
    check_units,
    check_weights,
    eigenspectrum,
    fit_power_law,
)
from striate.spectra.units import check_axis

GROUPS = 10  # parts of the jackknife: the cost is that many eigenspectra of nine tenths of the rows
CHUNK = 2**22  # numbers in float64 at a time, 32 MB: a wide layer is never copied whole


class Reading(NamedTuple):
    r"""One layer at one moment of a training.

    Attributes
    ----------
    step
        Training passes of the model before the one measured.
    layer
        Its name, without what wrappers of the model add.
    alpha, alpha_error
        Exponent of the eigenspectrum on `ranks`, and its standard error over samples of stimuli.
        ``None`` if there is none; `note` says why.
    participation_ratio
        :math:`(\sum\lambda)^2 / \sum\lambda^2`: in how many dimensions most variance lies.
    effective_rank
        Exponential of the entropy of the eigenvalues' shares (Roy & Vetterli 2007): the same with
        more ear for the tail.
    stimuli, width
        How many samples and units were used. All numbers above depend on both.
    units, ranks, weights
        What was asked.
    seconds
        Time the measurement took; on a GPU, waiting for the forward pass included.
    note
        Why a number is missing, or what else to know; usually empty.
    """

    step: int
    layer: str
    alpha: float | None
    alpha_error: float | None
    participation_ratio: float | None
    effective_rank: float | None
    stimuli: int
    width: int
    units: Units
    ranks: tuple[int, int]
    weights: Weights
    seconds: float
    note: str

    def __str__(self) -> str:
        """One line for a terminal."""
        error = "" if self.alpha_error is None else f" ± {self.alpha_error:.3f}"
        numbers = "  ".join(
            f"{name} {value:.3g}" if value is not None else f"{name} none"
            for name, value in (
                ("participation ratio", self.participation_ratio),
                ("effective rank", self.effective_rank),
            )
        )
        alpha = "none" if self.alpha is None else f"{self.alpha:.3f}{error}"
        note = f"  ({self.note})" if self.note else ""
        return (
            f"step {self.step}  {self.layer}  α {alpha}  {numbers}  "
            f"{self.stimuli} stimuli × {self.width}{note}"
        )


class Measured(NamedTuple):
    """The numbers of a `Reading`."""

    alpha: float | None = None
    alpha_error: float | None = None
    participation_ratio: float | None = None
    effective_rank: float | None = None
    stimuli: int = 0
    width: int = 0
    note: str = ""


class Settings(NamedTuple):
    """What was asked of `watch`."""

    ranks: tuple[int, int]
    weights: Weights
    every: int
    gather: int
    stimuli: int
    units: Units


class Condensed(NamedTuple):
    """Responses as far as their spectrum needs them, on the device they came from.

    `square` is the Gram matrix of the centred responses, or, where units are fewer than stimuli,
    these responses; `floor` the variance that rounding alone gives a rank.
    """

    square: Float[Tensor, "stimuli columns"]
    floor: Float[Tensor, ""]
    width: int


def check(asked: Settings) -> None:
    """Refuse settings under which nothing could be measured.

    Raises
    ------
    ValueError
        If one is out of range.
    """
    check_ranks(asked.ranks)
    check_weights(asked.weights)
    check_units(asked.units)
    for name in ("every", "gather", "stimuli"):
        if not isinstance(getattr(asked, name), int):
            raise ValueError(f"{name}={getattr(asked, name)!r}: give a whole number")
    if not 1 <= asked.gather <= asked.every:
        raise ValueError(
            f"gather={asked.gather}, every={asked.every}: gather at least one pass, and no more "
            "than there are from one measurement to the next"
        )
    if asked.stimuli // asked.gather * asked.gather <= asked.ranks[1]:
        raise ValueError(
            f"stimuli={asked.stimuli} in gather={asked.gather} parts cannot fill "
            f"ranks={asked.ranks}, which need {asked.ranks[1] + 1}; use more stimuli"
        )


def sample(output: Tensor, *, units: Units, most: int) -> Shaped[Tensor, "stimuli units"]:
    """Copy at most `most` rows of a layer's output, evenly spaced, always the same ones.

    Raises
    ------
    ValueError
        If `output` has no axis of units, or has it elsewhere, or has no order.
    """
    if output.ndim < 2 or output.numel() == 0 or output.is_complex():
        raise ValueError(
            f"it put out {str(output.dtype).removeprefix('torch.')} of shape "
            f"{tuple(output.shape)}; a spectrum needs real numbers, (batch, units, …)"
        )
    check_axis(output.shape, units)
    images = _even(len(output), most, output.device)
    output = output.detach()[images]
    if units == "centre":
        output = output[(..., *(size // 2 for size in output.shape[2:]))]
    if units in ("flat", "centre") or output.ndim == 2:
        return output.flatten(1)
    maps = output.flatten(2) if units == "channels" else output.flatten(1, -2).transpose(1, 2)
    positions = maps.shape[2]
    each = max(1, min(positions, most // len(images)))
    # Each image gives other positions, spread by Fibonacci hashing: no number is drawn.
    first = (images * 40503 % 65536 * positions) >> 16
    position = (_even(positions, each, output.device) + first[:, None]) % positions
    rows = torch.arange(len(images), device=output.device)[:, None]
    return maps[rows, :, position].flatten(0, 1)


def condense(responses: Shaped[Tensor, "stimuli units"]) -> Condensed:
    """Centre `responses` and multiply them by themselves, a slice of units at a time.

    Nothing waits for the device. In float64: TF32 and half precision would drown the tail.
    """
    rounding = torch.finfo(responses.dtype).eps if responses.is_floating_point() else 0.0
    if responses.device.type == "mps":  # which has no float64
        responses = responses.cpu()
    stimuli, width = responses.shape
    side = min(stimuli, width)
    square = torch.zeros(stimuli, side, dtype=torch.float64, device=responses.device)
    power = torch.zeros((), dtype=torch.float64, device=responses.device)
    for units in torch.arange(width).split(max(1, CHUNK // stimuli)):
        part = responses[:, units[0] : units[-1] + 1].double()
        power += part.square().mean(0).sum()
        centred = part - part.mean(0)
        if width < stimuli:
            square[:, units[0] : units[-1] + 1] = centred
        else:
            square += centred @ centred.T
    # Rounding is noise of variance ε²/12 of the power, shared by all ranks; the largest eigenvalue
    # of such noise is at most 4 times the mean one (Marchenko & Pastur 1967).
    floor = power * (rounding**2 / 3 / max(1, min(stimuli - 1, width)))
    return Condensed(square, floor, width)


def measure(condensed: Condensed, *, ranks: tuple[int, int], weights: Weights) -> Measured:
    """Describe a spectrum; what it cannot tell is ``None``, and the note says why."""
    square, width = condensed.square.cpu(), condensed.width  # where a device is waited for
    stimuli = len(square)
    found = Measured(stimuli=stimuli, width=width)
    if stimuli < 2:
        return found._replace(note="one stimulus has no variance")
    if not square.isfinite().all():
        return found._replace(note="responses are not finite")
    spectrum = _spectrum(square, width)
    floor = max(condensed.floor.item(), stimuli * 2**-52 * spectrum[0].item())
    if spectrum[0] <= floor:
        return found._replace(note="all stimuli give the same responses")
    share = spectrum[spectrum > 0] / spectrum.sum()
    found = found._replace(
        participation_ratio=1 / share.square().sum().item(),
        effective_rank=math.exp(-(share * share.log()).sum().item()),
    )
    problem = _unfit(spectrum, floor, stimuli, width, ranks)
    if problem:
        return found._replace(note=problem)

    def exponent(spectrum: Tensor) -> float:
        return fit_power_law(spectrum, ranks=ranks, weights=weights).alpha.item()

    found = found._replace(alpha=exponent(spectrum))
    fewest = stimuli - math.ceil(stimuli / GROUPS)
    if stimuli < GROUPS or ranks[1] > fewest - 1:
        note = (
            f"no error of alpha: without a tenth of {stimuli} stimuli, ranks={ranks} are not full"
        )
        return found._replace(note=note)
    return found._replace(alpha_error=_standard_error(square, width, exponent))


def reading(step: int, name: str, asked: Settings, found: Measured, seconds: float) -> Reading:
    """Put what was asked beside what was found."""
    alpha, error, participation, effective, stimuli, width, note = found
    return Reading(
        step=step,
        layer=name,
        alpha=alpha,
        alpha_error=error,
        participation_ratio=participation,
        effective_rank=effective,
        stimuli=stimuli,
        width=width,
        units=asked.units,
        ranks=asked.ranks,
        weights=asked.weights,
        seconds=seconds,
        note=note,
    )


def _unfit(spectrum: Tensor, floor: float, stimuli: int, width: int, ranks: tuple[int, int]) -> str:
    """Say why `ranks` cannot be fitted; nothing if they can."""
    last = ranks[1]
    if last > width:
        return f"ranks={ranks} need {last} units, there are {width}; fit fewer ranks"
    if last > len(spectrum):
        return (
            f"ranks={ranks} need {last + 1} stimuli, there were {stimuli}; "
            f"gather={math.ceil((last + 1) / stimuli)} passes, or fit fewer ranks"
        )
    if spectrum[last - 1] <= floor:
        real = int((spectrum > floor).sum())
        return f"only {real} ranks stand out of rounding; fit ranks that end there"
    return ""


def _standard_error(square: Tensor, width: int, exponent: Callable[[Tensor], float]) -> float:
    """Delete-a-group jackknife (Shao & Wu 1989) over blocks of neighbouring rows.

    Blocks, because the rows of one image, where there are several, depend on each other.
    """
    group = torch.arange(len(square)) * GROUPS // len(square)
    left_out = torch.tensor(
        [exponent(_spectrum(square, width, group != i)) for i in range(GROUPS)], dtype=torch.float64
    )
    return ((GROUPS - 1) * left_out.var(correction=0)).sqrt().item()


def _spectrum(square: Tensor, width: int, kept: Tensor | None = None) -> Tensor:
    """Eigenspectrum of the stimuli that are `kept`, centred anew."""
    if width < len(square):
        return eigenspectrum(square if kept is None else square[kept])
    if kept is not None:
        square = square[kept][:, kept]
        square = square - square.mean(0) - square.mean(1, keepdim=True) + square.mean()
    count = len(square) - 1
    return torch.linalg.eigvalsh(square).flip(0)[: min(count, width)].relu() / count


def _even(count: int, most: int, device: torch.device) -> Tensor:
    used = min(count, most)
    return torch.arange(used, device=device) * count // used
