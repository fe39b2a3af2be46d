"""Spectrum meets frequency: which frequency each principal component of a layer prefers."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from striate.activations import Progress
from striate.responses import Kernel
from striate.results import Result, Score, Setting
from striate.spectra import gram_eigenspectrum, principal_scores
from striate.study.tuning.stimuli import Shown
from striate.study.tuning.written import curve

BANK = "bank"  # what the stimuli are called in a kernel
MOST_RANKS = 1000
# Of the mean variance: below it a component may be the rounding of float32 activations.
ROUNDING = 1e-5
JACKKNIFE = "jackknife over images, half the 95 % interval"


class Components(NamedTuple):
    """The frequency that each principal component prefers.

    Attributes
    ----------
    frequency
        By rank, in the unit of the stimuli.
    rho
        Spearman's correlation between rank and frequency; None if all prefer one.
    error
        Half of its 95 % interval over images: delete-d jackknife. None if there is no `rho`, or
        none in some part of it.
    """

    frequency: Float[Tensor, " ranks"]
    rho: float | None
    error: float | None


def frequency_by_rank(
    kernel: Kernel,
    shown: Shown,
    *,
    seed: int,
    groups: int = 10,
    progress: Progress | None = None,
) -> Components | None:
    """Find the preferred frequency of each principal component, and whether it rises with rank.

    Components are those of the responses to natural images; how the stimuli score on them is what
    `kernel` has as ``cross["bank"]``. The tuning of a component is the variance of its scores over
    orientations and phases at each frequency. Scores have signs, and which is a matter of
    convention; the mean of scores would depend on it, the variance does not. Nor does it count what
    all stimuli share, such as the grey around a patch, which photographs do not have and which a
    mean square would count at every frequency. A component that responds alike to all orientations
    and phases of a frequency has no variance there: it is blind to that kind of tuning.

    Ranks end where half as many components as images are reached: beyond, they depend on which
    images were shown more than on the network.

    Parameters
    ----------
    kernel
        Of a layer.
    shown
        The stimuli.
    seed
        Deals the images into groups.
    groups
        Of images, each left out in turn. The ranks stay the same. Components are no sample, and
        neighbours among them not independent; the images are, so the interval is over them.
    progress
        Called with how many decompositions are done, of ``1 + groups``.

    Returns
    -------
    components
        None if fewer than 3 components vary.
    """
    images = len(kernel.gram)
    spectrum = gram_eigenspectrum(kernel.gram)
    vary = min(int((spectrum > ROUNDING * spectrum.mean()).sum()), kernel.varying)
    left = images - -(-images // groups)
    count = min(vary, images // 2, left - 1, MOST_RANKS)
    if count < 3:
        return None
    tell = progress or (lambda done, of: None)
    frequency = _preferred(kernel.gram, kernel.cross[BANK], shown, count)
    tell(1, 1 + groups)
    order = torch.randperm(images, generator=torch.Generator().manual_seed(seed))
    parts = []
    for group in range(groups):
        kept = torch.ones(images, dtype=torch.bool)
        kept[order[group::groups]] = False
        gram, cross = kernel.gram[kept][:, kept], kernel.cross[BANK][:, kept]
        parts.append(_rho(_preferred(gram, cross, shown, count)))
        tell(2 + group, 1 + groups)
    return Components(frequency, _rho(frequency), _half_interval(parts))


def component_results(
    kernel: Kernel,
    shown: Shown,
    *,
    seed: int,
    source: str,
    settings: Mapping[str, Setting],
    progress: Progress | None = None,
) -> list[Result]:
    """Write the frequency of each component over its rank, and their correlation."""
    found = frequency_by_rank(kernel, shown, seed=seed, progress=progress)
    if found is None:
        return []
    count = len(found.frequency)
    about: dict[str, Setting] = {
        **settings,
        "z_scored": kernel.z_scored,
        "images": len(kernel.gram),
        "units": kernel.units,
        "ranks": f"1-{count}",
        "seed": seed,
    }
    results: list[Result] = [
        curve("frequency_by_rank", torch.arange(1, count + 1), found.frequency, source, about)
    ]
    if found.rho is not None:
        kind = {} if found.error is None else {"error": JACKKNIFE}
        results.append(
            Score("frequency_by_rank", found.rho, found.error, source, {**about, **kind})
        )
    return results


def _preferred(gram: Tensor, cross: Tensor, shown: Shown, count: int) -> Float[Tensor, " ranks"]:
    scores = principal_scores(gram, cross, count=count).new.reshape(*shown.bank.shape, count)
    tuning = scores.var((0, 2), correction=0)
    return shown.bank.frequencies_cpd[tuning.argmax(0).cpu()]


def _rho(frequency: Tensor) -> float | None:
    from scipy.stats import spearmanr

    if len(frequency.unique()) == 1:
        return None
    return float(np.asarray(spearmanr(range(len(frequency)), frequency.numpy()))[0])


def _half_interval(parts: list[float | None]) -> float | None:
    """Half of the 95 % interval, by Student's t, from values without one group each."""
    from scipy.stats import t

    known = torch.tensor([part for part in parts if part is not None], dtype=torch.float64)
    groups = len(parts)
    if len(known) < groups:
        return None
    sd = ((groups - 1) * known.var(correction=0)).sqrt().item()
    return float(t.ppf(0.975, groups - 1)) * sd
