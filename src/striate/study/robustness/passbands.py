r"""Images that keep their low or their high spatial frequencies only.

The radius of a frequency is :math:`r = \sqrt{f_x^2 + f_y^2}` in cycles per image, by the discrete
Fourier transform of each colour. What passes is, below a cut-off c, all of :math:`r \le c`
(``ideal``) or :math:`e^{-r^2 / 2c^2}` (``gaussian``); above it, the rest. The mean of each colour
is always kept, so that high-passed images stay grey rather than black, and what then lies outside
[0, 1] is clamped.
"""

from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from striate.robustness import correct

Filter = Literal["ideal", "gaussian"]
Side = Literal["low", "high"]
SIDES: tuple[Side, ...] = get_args(Side)

Images = Float[Tensor, "images channels height width"]


class Passbands(NamedTuple):
    """At which frequencies images are cut, and how sharply.

    Attributes
    ----------
    cutoffs
        Cycles per image, ascending.
    filter
        ``"ideal"`` or ``"gaussian"``.
    """

    cutoffs: tuple[float, ...]
    filter: Filter

    def check(self) -> None:
        """Refuse what cuts nothing.

        Raises
        ------
        ValueError
            If the filter is unknown, or cut-offs do not ascend from above 0.
        """
        _check_one_of("filter", self.filter, get_args(Filter))
        below = (0.0, *self.cutoffs)
        ascend = all(low < high for low, high in zip(below, self.cutoffs, strict=False))
        if not self.cutoffs or not ascend or not self.cutoffs[-1] < float("inf"):
            listed = ", ".join(f"{one:g}" for one in self.cutoffs) or "none"
            raise ValueError(f"cutoffs are {listed}; give cycles per image, ascending from above 0")


def _check_one_of(name: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise ValueError(f"{name}={given!r}; choose {' or '.join(known)}")


def octaves(size: int) -> tuple[float, ...]:
    """Return cut-offs an octave apart, from 1 cycle per image to what `size` pixels can show."""
    return tuple(float(2**power) for power in range((size // 2).bit_length()))


def passed(images: Images, *, cutoff: float, side: Side, filter: Filter) -> Images:
    """Keep the frequencies on one side of a cut-off, and the mean; clamp to [0, 1].

    Parameters
    ----------
    images
        Pixels in [0, 1].
    cutoff
        Cycles per image, above 0.
    side
        ``"low"`` keeps what is below it, ``"high"`` what is above.
    filter
        As said above.

    Raises
    ------
    ValueError
        If the side or the filter is unknown, or the cut-off is not above 0.
    """
    _check_one_of("side", side, SIDES)
    _check_one_of("filter", filter, get_args(Filter))
    if not cutoff > 0:
        raise ValueError(f"cutoff={cutoff:g}; give cycles per image, above 0")
    height, width = images.shape[-2:]
    # Cycles per image: `fftfreq` of n samples that are 1/n of the image apart.
    down = torch.fft.fftfreq(height, 1 / height, dtype=torch.float64, device=images.device)
    across = torch.fft.rfftfreq(width, 1 / width, dtype=torch.float64, device=images.device)
    radius = torch.hypot(down[:, None], across[None])
    low = (
        (radius <= cutoff).double()
        if filter == "ideal"
        else torch.exp(-radius.square() / (2 * cutoff**2))
    )
    gain = low if side == "low" else 1 - low
    gain[0, 0] = 1
    spectrum = torch.fft.rfft2(images.double()) * gain
    return torch.fft.irfft2(spectrum, s=(height, width)).to(images.dtype).clamp(0, 1)


def passband_outcomes(
    model: torch.nn.Module, images: Images, labels: Tensor, passbands: Passbands
) -> dict[str, Tensor]:
    """Tell of each cut-off and image whether the class is named, by side."""
    return {
        f"{side}_pass": torch.stack(
            [
                correct(
                    model,
                    passed(images, cutoff=cutoff, side=side, filter=passbands.filter),
                    labels,
                )
                for cutoff in passbands.cutoffs
            ]
        )
        for side in SIDES
    }
