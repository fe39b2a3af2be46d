"""What the channels of one layer are tuned to, and how that compares with V1."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from striate.results import Result, Score, Setting
from striate.study.tuning.stimuli import Shown, Unit, v1_cells
from striate.study.tuning.written import curve, median_score
from striate.tuning import (
    Bank,
    TuningCurves,
    bandwidth_octaves,
    frequency_experiments,
    frequency_experiments_by_field,
    open_ended,
    orientation_selectivity,
    phase_modulation,
    preferred_frequency,
    rounding_noise,
    tuning_curves,
)

FIELDS_DEG = tuple(2 + step / 2 for step in range(21))
OVER_EXPERIMENTS = "sd over experiments"
PREFERRED: dict[Unit, str] = {
    "cycles/degree": "preferred_cpd",
    "cycles/image": "preferred_cycles_per_image",
}


class Sampling(NamedTuple):
    """How channels are drawn: so many experiments of so many draws."""

    experiments: int
    draws: int
    seed: int

    def generator(self) -> torch.Generator:
        """Start anew: each layer is drawn from as if it were the only one."""
        return torch.Generator().manual_seed(self.seed)


class ChannelTuning(NamedTuple):
    """Tuning of the channels of one layer, one number or curve of each.

    Attributes
    ----------
    curves
        Mean responses as they are.
    frequency
        Preferred, in the unit of the stimuli.
    selected
        Whether the channel prefers one: its curve is not flat, but for rounding.
    circular_variance, orientation_deg, modulation, bandwidth
        Of rectified responses. NaN, or infinite, where not defined.
    rectified
        Whether that changed any response.
    """

    curves: TuningCurves
    frequency: Float[Tensor, " channels"]
    selected: Bool[Tensor, " channels"]
    circular_variance: Float[Tensor, " channels"]
    orientation_deg: Float[Tensor, " channels"]
    modulation: Float[Tensor, " channels"]
    bandwidth: Float[Tensor, " channels"]
    rectified: bool

    def arrays(self, layer: str, *, unit: Unit) -> dict[str, np.ndarray]:
        """Return what is known of each channel, by names that begin with the layer's.

        `unit` is that of the stimuli. Results of before say ``preferred_cpd`` whatever it was.
        """
        tensors = {
            "frequency_tuning": self.curves.frequency,
            "orientation_tuning": self.curves.orientation,
            "phase_tuning": self.curves.phase,
            PREFERRED[unit]: self.frequency,
            "circular_variance": self.circular_variance,
            "preferred_orientation_deg": self.orientation_deg,
            "phase_modulation": self.modulation,
            "bandwidth_octaves": self.bandwidth,
        }
        arrays = {name: values.float().cpu().numpy() for name, values in tensors.items()}
        arrays["selected"] = self.selected.cpu().numpy()
        return {f"{layer}/{name}": values for name, values in arrays.items()}


def channel_tuning(responses: Float[Tensor, "stimuli channels"], bank: Bank) -> ChannelTuning:
    """Find what each channel is tuned to.

    Selectivity is defined of responses that are not negative, as firing rates are; so negative
    ones, of layers before their rectification, count as none there. Preferred frequencies are
    those of the responses as they are (Kong et al. 2021).
    """
    curves = tuning_curves(responses, bank.shape)
    noise = rounding_noise(
        responses,
        images=bank.images.drawing.dtype,
        averaged=len(responses) // len(bank.frequencies_cpd),
    )
    frequency, selected = preferred_frequency(curves.frequency, bank.frequencies_cpd, noise=noise)
    rates = responses.clamp_min(0)
    of_rates = tuning_curves(rates, bank.shape)
    orientation = orientation_selectivity(of_rates.orientation, bank.orientations_deg)
    return ChannelTuning(
        curves,
        frequency,
        selected,
        orientation.circular_variance,
        orientation.preferred_deg,
        phase_modulation(rates, bank.shape, bank.phases_deg).ratio,
        bandwidth_octaves(of_rates.frequency, bank.frequencies_cpd).octaves,
        bool((responses < 0).any()),
    )


def layer_results(
    tuning: ChannelTuning,
    shown: Shown,
    sampling: Sampling,
    source: str,
    settings: Mapping[str, Setting],
) -> list[Result]:
    """Say what the channels of a layer prefer; of a layer that does not respond, that only."""
    channels, selected = len(tuning.selected), int(tuning.selected.sum())
    about: dict[str, Setting] = {
        **settings,
        "channels": channels,
        "selected": selected,
        "rectified": tuning.rectified,
        "seed": sampling.seed,
    }
    results: list[Result] = [
        Score("responsive", selected / channels, source=source, settings=about)
    ]
    if not selected:
        return results
    frequency = tuning.frequency[tuning.selected].cpu()
    drawn: dict[str, Setting] = {
        **about,
        "experiments": sampling.experiments,
        "draws": sampling.draws,
    }
    if shown.unit == "cycles/degree":
        results += _like_v1(frequency, shown, sampling, source, drawn)
    results += median_score(
        "median_log2_frequency",
        (frequency * shown.per_image).log2(),
        source,
        about,
        seed=sampling.seed,
    )
    for name, values in (
        ("median_circular_variance", tuning.circular_variance),
        ("median_phase_modulation", tuning.modulation),
        ("median_bandwidth_octaves", tuning.bandwidth),
    ):
        results += median_score(name, values[tuning.selected], source, about, seed=sampling.seed)
    return [*results, *_histograms(tuning, frequency, shown.bank, sampling, source, about, drawn)]


def _like_v1(
    frequency: Tensor,
    shown: Shown,
    sampling: Sampling,
    source: str,
    settings: Mapping[str, Setting],
) -> list[Result]:
    """Score how alike V1 the preferred frequencies are, at the field shown and at others."""
    edges, reference = v1_cells()
    given = {
        "edges": edges,
        "reference": reference,
        "draws": sampling.draws,
        "experiments": sampling.experiments,
    }
    several = sampling.experiments > 1  # a single one has no standard deviation
    about = {**settings, **({"error": OVER_EXPERIMENTS} if several else {})}
    # Where degrees are assumed, gratings may be slower or faster than any bin of the recordings.
    opened = open_ended(edges, reference)._asdict()
    scores = frequency_experiments(frequency, generator=sampling.generator(), **given | opened)
    fields = sorted({*FIELDS_DEG, shown.per_image})  # where the line meets the score
    by_field = frequency_experiments_by_field(
        frequency * shown.per_image,
        fields_deg=fields,
        generator=sampling.generator(),
        **given,
    )
    spread = scores.std(correction=0).item() if several else None
    return [
        Score("frequency_score", scores.mean().item(), spread, source, about),
        curve(
            "frequency_score_by_field",
            fields,
            by_field.mean(1),
            source,
            {**about, "field_deg": None},
            by_field.std(1, correction=0) if several else None,
        ),
    ]


def _histograms(
    tuning: ChannelTuning,
    frequency: Tensor,
    bank: Bank,
    sampling: Sampling,
    source: str,
    about: Mapping[str, Setting],
    drawn: Mapping[str, Setting],
) -> list[Result]:
    given = bank.frequencies_cpd
    one = torch.randint(len(frequency), (sampling.draws,), generator=sampling.generator())
    results: list[Result] = [
        curve("preferred_frequency", given, _shares(frequency, given), source, about),
        curve(
            "preferred_frequency_experiment", given, _shares(frequency[one], given), source, drawn
        ),
    ]
    turned = tuning.orientation_deg[tuning.selected].cpu().double()
    turned = turned[turned.isfinite()]
    if len(turned):
        apart = (turned[:, None] - bank.orientations_deg).remainder(180)
        nearest = bank.orientations_deg[torch.minimum(apart, 180 - apart).argmin(1)]
        shares = _shares(nearest, bank.orientations_deg)
        settings = {**about, "measured": len(turned)}
        results.append(
            curve("preferred_orientation", bank.orientations_deg, shares, source, settings)
        )
    return results


def _shares(values: Tensor, among: Tensor) -> Float[Tensor, " values"]:
    """Which part of `values` is which of those in `among`."""
    return (values.double()[:, None] == among).double().mean(0)
