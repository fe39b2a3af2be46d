"""How well each of a network's layers predicts a population, and the layer that is most like V1."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from striate.predictivity import (
    Corrected,
    LayerScore,
    best_layer,
    choose_layer_nested,
    layer_score,
    noise_ceiling,
    noise_corrected,
)
from striate.results import Curve, Result, Score, Setting
from striate.study.predictivity.mapping import Predicted, Regression, Splits, predict
from striate.study.predictivity.population import COVARIANCE, Population
from striate.study.run import Measured

OVER_SPLITS = "sd over splits"


class _Scored(NamedTuple):
    """Noise-corrected correlations of each layer, and which neurons count."""

    layers: list[str]
    corrected: Float[Tensor, "layers splits neurons"]
    kept: Bool[Tensor, " neurons"]

    def score(self, number: int) -> LayerScore:
        return layer_score(self.corrected[number], self.kept)


def network_predictivity(
    features: Mapping[str, Float[Tensor, "stimuli components"]],
    population: Population,
    *,
    splits: Splits,
    regression: Regression,
    source: str,
    settings: Mapping[str, Setting],
) -> Measured:
    """Map each layer to the neurons, and say how well that predicts stimuli it was not fitted to.

    Parameters
    ----------
    features
        By layer, in the order of the network: of `layer_features`.
    population
        Of `population_of`.
    splits
        Of `splits_of`.
    regression
        Which map.
    source
        What to call the network.
    settings
        What else is to stand with each result.

    Returns
    -------
    measured
        Of each layer the scores ``predictivity`` (over splits, the mean and standard deviation of
        the median over neurons of the noise-corrected correlation), ``predictivity_raw`` (without
        that correction), ``predictivity_train`` (noise-corrected, on train stimuli) and ``feve``
        (the same statistic of the fraction of explainable variance explained, over neurons that
        have any in that split; none if in a split no neuron has).
        Of the network the curve ``predictivity_by_layer`` and the scores ``v1_layer`` (the best
        layer on the test stimuli), ``v1_layer_nested`` (chosen anew in each split within its train
        part; the layer named is the one chosen most often), ``reliability`` and ``ceiling``
        (medians over neurons). All say how many ``neurons`` count, how many are ``dropped``, and
        for which causes (``dropped_lacking`` and the others of `Population.left_out`). Of one
        split there is no standard deviation. And as arrays what each neuron of the recording has:
        ``kept``, whether it counts; ``reliability``; and in each split, by layer,
        ``noise_corrected``, NaN for neurons that are not kept, ``correlation``, NaN for those that
        no map could be fitted to, and ``feve``, NaN for those without explainable variance there,
        too.

    Raises
    ------
    ValueError
        If features and population are not of the same stimuli, or no neuron is kept.
    """
    regression.check()
    found = {
        layer: predict(values, population, splits, regression) for layer, values in features.items()
    }
    corrected = _noise_corrected(torch.stack([each.test for each in found.values()]), population)
    scored = _Scored(list(found), *corrected)
    about: dict[str, Setting] = {
        **settings,
        **regression.settings(),
        "neurons": int(scored.kept.sum()),
        "dropped": len(population.used) - int(scored.kept.sum()),
        **{f"dropped_{cause}": n for cause, n in population.left_out(scored.kept).items()},
        "stimuli": len(population.mean),
        "splits": len(splits.outer),
    }
    if population.minimum:
        about["minimum_reliability"] = population.minimum
    if population.reliability.uneven[population.used].any():
        about["reliability"] = COVARIANCE
    results: list[Result] = []
    for number, (layer, each) in enumerate(found.items()):
        results += _of_layer(each, scored, number, population, source, {**about, "layer": layer})
    results += _of_network(found, scored, population, source, about)
    return Measured(results, _arrays(found, scored, population))


def _of_layer(
    each: Predicted,
    scored: _Scored,
    number: int,
    population: Population,
    source: str,
    about: Mapping[str, Setting],
) -> list[Result]:
    settings = {**about, "pca": each.features}
    train = _noise_corrected(each.train, population).correlation
    kept = scored.kept & train.isfinite().all(0)
    results: list[Result] = [
        _score("predictivity", scored.score(number), source, settings),
        _score("predictivity_raw", layer_score(each.test, scored.kept), source, settings),
        _score("predictivity_train", layer_score(train, kept), source, settings),
    ]
    explained = each.explained[:, scored.kept]
    if explained.isfinite().any(1).all():
        # nanquantile averages the middle two of an even number, nanmedian does not.
        medians = torch.nanquantile(explained, 0.5, dim=1)
        spread = medians.std(correction=0)
        results.append(
            _score("feve", LayerScore(medians.mean(), spread, medians, 0), source, settings)
        )
    return results


def _of_network(
    found: Mapping[str, Predicted],
    scored: _Scored,
    population: Population,
    source: str,
    about: Mapping[str, Setting],
) -> list[Result]:
    scores = [scored.score(number) for number in range(len(scored.layers))]
    means = torch.stack([score.mean for score in scores])
    best = best_layer(means)
    several = len(scores[0].medians) > 1
    reliability = population.reliability_used()[scored.kept]
    return [
        Curve(
            "predictivity_by_layer",
            tuple(float(number) for number in range(1, len(scores) + 1)),
            tuple(means.tolist()),
            tuple(score.sd.item() for score in scores) if several else None,
            source,
            {**about, "layers": " ".join(scored.layers)}
            | ({"error": OVER_SPLITS} if several else {}),
        ),
        _score(
            "v1_layer",
            scores[best],
            source,
            {**about, "layer": scored.layers[best], "pca": list(found.values())[best].features},
        ),
        _nested(found, scored, population, source, about),
        Score("reliability", _median(reliability), source=source, settings=about),
        Score("ceiling", _median(noise_ceiling(reliability)), source=source, settings=about),
    ]


def _nested(
    found: Mapping[str, Predicted],
    scored: _Scored,
    population: Population,
    source: str,
    about: Mapping[str, Setting],
) -> Score:
    selection = _noise_corrected(
        torch.stack([each.selection for each in found.values()]), population
    )
    kept = scored.kept & selection.kept
    choice = choose_layer_nested(selection.correlation, scored.corrected, kept)
    often = int(choice.layers.mode().values)
    share = (choice.layers == often).double().mean().item()
    settings = {
        **about,
        "layer": scored.layers[often],
        "pca": list(found.values())[often].features,
        "chosen": round(share, 6),
        "neurons": choice.score.neurons,
    }
    return _score("v1_layer_nested", choice.score, source, settings)


def _noise_corrected(correlations: Tensor, population: Population) -> Corrected:
    return noise_corrected(correlations, population.reliability_used(), minimum=population.minimum)


def _score(name: str, score: LayerScore, source: str, settings: Mapping[str, Setting]) -> Score:
    if len(score.medians) == 1:
        return Score(name, score.mean.item(), source=source, settings=settings)
    about = {**settings, "error": OVER_SPLITS}
    return Score(name, score.mean.item(), score.sd.item(), source, about)


def _median(values: Tensor) -> float:
    return float(np.median(values.numpy()))


def _arrays(
    found: Mapping[str, Predicted], scored: _Scored, population: Population
) -> dict[str, np.ndarray]:
    kept = torch.zeros_like(population.used)
    kept[population.used] = scored.kept
    arrays = {
        "reliability": population.reliability.corrected.float().numpy(),
        "kept": kept.numpy(),
    }
    for corrected, (layer, each) in zip(scored.corrected, found.items(), strict=True):
        named = {"noise_corrected": corrected, "correlation": each.test, "feve": each.explained}
        arrays |= {
            f"{layer}/{name}": population.everyone(values).float().numpy()
            for name, values in named.items()
        }
    return arrays
