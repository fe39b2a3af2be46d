"""A network and a recording compared under the recording's conditions.

Published exponents of networks come from up to 800 000 units that never err, those of V1 from a few
hundred neurons that do. Both numbers move the exponent. Here the network is made to respond like
the recording: as many units, as many trials, as unreliable.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from striate._checks import check_whole
from striate.spectra.checks import check_floats, check_level, generator_of
from striate.spectra.conditions import Gains, measured, noisy, share, with_gains
from striate.spectra.cross_validated_interval import deal_groups
from striate.spectra.power_law import Weights, check_ranks, check_weights, fit_power_law
from striate.spectra.repeats import Missing, check_trials, halvings
from striate.spectra.shared_variance import Algorithm, Spectrum, check_settings
from striate.spectra.windows import Goodness, goodness_of_fit

# Times the precision of a response: a unit that varies by less says nothing but rounding.
ROUNDING = 8


class SpectralComparison(NamedTuple):
    """The exponents of a network and a recording, measured alike.

    Attributes
    ----------
    network, recording
        Exponents of the mean cross-validated spectra; of the network, averaged over draws.
    difference
        Network less recording.
    interval
        Where the difference lies over other stimuli and other samples of units.
    by_draw
        The network's exponent in each draw of units and noise.
    network_spectrum, recording_spectrum
        Mean cross-validated spectra, each divided by its sum.
    network_reliability, recording_reliability
        Median over units of the signal's share of a trial's variance: equal if the noise was
        matched well.
    kept
        Which stimuli both were measured on.
    ranks
        The window.
    level
        Confidence of `interval`.
    network_fit, recording_fit
        How near to power laws the spectra are within `ranks`; of the network, the mean over draws.
    varying
        How many of the network's units vary over the stimuli: those that were drawn from.
    units
        How many neurons were compared with as many units.
    """

    network: float
    recording: float
    difference: float
    interval: tuple[float, float]
    by_draw: Float[Tensor, " draws"]
    network_spectrum: Float[Tensor, " ranks"]
    recording_spectrum: Float[Tensor, " ranks"]
    network_reliability: float
    recording_reliability: float
    kept: Tensor
    ranks: tuple[int, int]
    level: float
    network_fit: Goodness
    recording_fit: Goodness
    varying: int
    units: int


def smoothness_bound(dimensions: float | None) -> float:
    r"""Return :math:`1 + 2/d`, which α must exceed for a smooth code of d-dimensional stimuli.

    Stringer et al. 2019 (Nature 571, 361): where variances fall more slowly, responses cannot be a
    differentiable function of the stimulus. Gratings of all directions have one dimension, and the
    bound 3; photographs reduced to 8 dimensions 1.25. Natural images have so many that it is 1.

    Parameters
    ----------
    dimensions
        Of the set of stimuli, d; None for many.

    Returns
    -------
    bound
        1 for many.

    Raises
    ------
    ValueError
        If `dimensions` is not positive.
    """
    if dimensions is None:
        return 1.0
    if not (isinstance(dimensions, int | float) and dimensions > 0):
        raise ValueError(
            f"dimensions={dimensions!r}: give how many dimensions the stimuli have, above 0, or "
            "None for many"
        )
    return 1 + 2 / dimensions


def compare_spectra(
    network: Float[Tensor, "shown some"],
    recording: Float[Tensor, "repeats stimuli units"],
    *,
    ranks: tuple[int, int],
    weights: Weights,
    algorithm: Algorithm,
    seed: int,
    draws: int = 10,
    shuffles: int = 10,
    groups: int = 20,
    clusters: Int[Tensor, " stimuli"] | None = None,
    missing: Missing = "response",
    gains: Gains = "equal",
    level: float = 0.95,
) -> SpectralComparison:
    r"""Compare exponents after giving the network the recording's units, trials and noise.

    Per draw, as many units of the network as the recording has are taken at random, each stands in
    for one neuron, and responds in the trials that neuron was recorded in with
    :math:`\sigma_s z + \sigma_n\varepsilon`: z is its z-scored response, :math:`\sigma_s^2` and
    :math:`\sigma_n^2` are the neuron's variances of signal and of a trial's noise, and
    :math:`\varepsilon` is Gaussian. So the unit in which responses are given, counts or z-scores,
    weighs neurons and their stand-ins alike. Then both go through the same `repeated_eigenspectra`
    and fit.

    Which unit stands in for which neuron is chance. Where neurons that respond strongly code for
    other things than those that respond weakly, as in different sessions, chance takes that apart,
    and the spectrum of a network that *is* the neurons' signal comes out different: of 214 macaque
    neurons, the mean over trials standing for their signal, α by -0.31 to -0.08 (ranks 5-40, 10 to
    50 simulated trials). So all signals are given one variance (`gains`): then it was -0.01 to 0.06
    (``benchmarks/comparison_null.py``).

    The interval is Student's t, with Satterthwaite's degrees of freedom, of two variances: of the
    difference over stimuli (delete-d jackknife; both lose the same stimuli), and of the network
    over draws, once for the network's mean and once for the recording, whose neurons are one draw
    from theirs; noise of trials, which is in both, is taken off the second. Between halves of one
    simulated population (spike counts, sparse ones, each neuron's times a gain, z-scores), their
    own gains, the difference was 0 within 0.03 and the interval of 95 % held 0 in 93 to 100 %: it
    is 1.2 to 1.8 times as wide as it need be. With equal gains it held 0 in 40 of 40 such pairs and
    in 36 of 40 of those times a gain, where the difference was -0.05 ± 0.02. A network with hardly
    more units than the recording is drawn nearly alike each time, and the interval then too narrow
    (91 % with twice the units and little noise).

    Parameters
    ----------
    network
        Responses to the recording's stimuli, in its order, without noise; of all units, or of a
        random part of them much larger than the recording.
    recording
        NaN where nothing was recorded.
    ranks, weights
        As in `fit_power_law`.
    algorithm, shuffles, missing
        As in `repeated_eigenspectra`.
    gains
        ``"equal"``: each neuron's signal is scaled to variance 1, and so is its stand-in's; neurons
        whose signal is less than a tenth of a trial's variance are left out. ``"own"``: neurons and
        stand-ins vary as much as is recorded.
    seed
        Of draws, noise, halvings and groups.
    draws
        Of units and noise, at least 2.
    groups, clusters, level
        As in `cross_validated_alpha`.

    Returns
    -------
    comparison
        See `SpectralComparison`.

    Raises
    ------
    ValueError
        If stimuli differ in number, the network has too few units that vary, a setting is out of
        range, `gains` are equal and fewer neurons than ranks have a signal, or a variance within
        `ranks` is not positive (of the recording or of a draw, with all stimuli or without a
        group).
    """
    check_settings(algorithm, None)
    check_ranks(ranks)
    check_weights(weights)
    check_level(level)
    _check(network, recording, draws)
    recording = with_gains(recording, gains, ranks)
    generator = generator_of(seed)
    noise = measured(recording)
    varying = _varying(network)
    units = recording.shape[2]
    if varying.shape[1] < units:
        raise ValueError(
            f"network has {varying.shape[1]} units that vary over the stimuli, the recording "
            f"{units}; give a wider layer"
        )
    halve = partial(halvings, algorithm=algorithm, shuffles=shuffles, missing=missing, seed=seed)
    halved = halve(recording)
    kept = halved.kept
    samples = _samples(deal_groups(kept, clusters, groups, seed).to(recording.device), groups)
    available = min(min(map(len, samples)) - 1, units - (algorithm == "released"))
    check_ranks(ranks, available=available)
    theirs = _mean_spectra(halved.runs, samples, available)
    ours, reliability = [], []
    for _ in range(draws):
        chosen = torch.randperm(varying.shape[1], generator=generator)[:units].to(network.device)
        trials = noisy(varying[:, chosen], recording, noise, generator)
        reliability.append(share(measured(trials)))
        ours.append(_mean_spectra(halve(trials).runs, samples, available))
    mean = torch.stack(ours).mean(0)
    fit = {"ranks": ranks, "weights": weights}
    alphas = torch.stack([_alphas(spectra, **fit) for spectra in ours])
    by_draw, of_recording = alphas[:, 0], _alphas(theirs, **fit)
    half = _half_width(_alphas(mean, **fit) - of_recording, alphas, level)
    found, recorded = by_draw.mean().item(), of_recording[0].item()
    straight = [goodness_of_fit(spectra[0], **fit) for spectra in ours]
    return SpectralComparison(
        network=found,
        recording=recorded,
        difference=found - recorded,
        interval=(found - recorded - half, found - recorded + half),
        by_draw=by_draw,
        network_spectrum=mean[0] / mean[0].sum(),
        recording_spectrum=theirs[0] / theirs[0].sum(),
        network_reliability=sum(reliability) / draws,
        recording_reliability=share(noise),
        kept=kept,
        ranks=ranks,
        level=level,
        network_fit=Goodness(
            *(torch.stack(values).mean() for values in zip(*straight, strict=True))
        ),
        recording_fit=goodness_of_fit(theirs[0], **fit),
        varying=varying.shape[1],
        units=units,
    )


def _varying(network: Tensor) -> Tensor:
    """Leave out units that no stimulus moves, as those that see nothing but the surround."""
    # Not abs(), which would copy the widest layers whole.
    largest = torch.maximum(network.amax(0), -network.amin(0))
    rounding = ROUNDING * torch.finfo(network.dtype).eps * largest
    return network[:, network.std(0) > rounding]


def _samples(group: Tensor, groups: int) -> list[Tensor]:
    """All stimuli, and all but those of each group; `group` has that of each stimulus."""
    everything = torch.arange(len(group), device=group.device)
    return [everything, *(everything[group != number] for number in range(groups))]


def _mean_spectra(runs: Iterable[Spectrum], samples: Sequence[Tensor], available: int) -> Tensor:
    """Average the cross-validated spectra of each sample of stimuli over halvings."""
    by_run = [torch.stack([run(one, available).double().cpu() for one in samples]) for run in runs]
    return torch.stack(by_run).mean(0)


def _alphas(spectra: Tensor, *, ranks: tuple[int, int], weights: Weights) -> Tensor:
    fits = [fit_power_law(spectrum, ranks=ranks, weights=weights) for spectrum in spectra]
    return torch.stack([fit.alpha for fit in fits])


def _half_width(differences: Tensor, alphas: Tensor, level: float) -> float:
    """Half the interval of a difference, from exponents with all stimuli and without each group.

    `differences` are of the mean over draws; `alphas` have axes draws, samples.
    """
    from scipy.stats import t

    draws, groups = len(alphas), alphas.shape[1] - 1
    apart = alphas - alphas.mean(0)
    # What trials and stimuli do to one draw and not to another is part of the first variance.
    noise = _jackknife(apart).sum() / (draws - 1)
    of_units = (apart[:, 0].square().sum() / (draws - 1) - noise).relu()
    parts = torch.stack([_jackknife(differences), of_units * (1 + 1 / draws)])
    freedom = parts.sum().square() / (parts.square() / torch.tensor([groups - 1, draws - 1])).sum()
    return float(t.ppf((1 + level) / 2, freedom.item())) * parts.sum().sqrt().item()


def _jackknife(alphas: Tensor) -> Tensor:
    """Variance over stimuli, from the exponents without each group, which follow that of all."""
    without, groups = alphas[..., 1:], alphas.shape[-1] - 1
    apart = without - without.mean(-1, keepdim=True)
    return (groups - 1) / groups * apart.square().sum(-1)


def _check(network: Tensor, recording: Tensor, draws: int) -> None:
    check_trials("recording", recording)
    check_floats("network", network, "stimuli × units")
    if len(network) != recording.shape[1]:
        raise ValueError(
            f"network has shape {tuple(network.shape)}; need the recording's "
            f"{recording.shape[1]} stimuli × units, in the recording's order"
        )
    if not network.isfinite().all():
        raise ValueError("network holds responses that are not finite")
    check_whole("draws", draws, least=2, otherwise=", or nothing is known of their spread")
