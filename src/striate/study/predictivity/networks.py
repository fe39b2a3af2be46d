"""How well each of a network's layers predicts a population, and the layer that is most like V1."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from striate.predictivity import (
    LayerScore,
    best_layer,
    choose_layer_nested,
    layer_score,
    noise_ceiling,
    noise_corrected,
)
from striate.results import Curve, Result, Score, Setting
from striate.study.predictivity.mapping import Predicted, Regression, Splits, predict
from striate.study.predictivity.population import Population
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
        (medians over neurons). And as arrays, with NaN for neurons that are not kept, what each
        neuron has in each split.

    Raises
    ------
    ValueError
        If features and population are not of the same stimuli, or no neuron is kept.
    """
    regression.check()
    found = {
        layer: predict(values, population, splits, regression) for layer, values in features.items()
    }
    reliability = population.reliability_used()
    corrected = noise_corrected(torch.stack([each.test for each in found.values()]), reliability)
    scored = _Scored(list(found), *corrected)
    about: dict[str, Setting] = {
        **settings,
        **regression.settings(),
        "neurons": int(scored.kept.sum()),
        "dropped": len(population.used) - int(scored.kept.sum()),
        "stimuli": len(population.mean),
        "splits": len(splits.outer),
    }
    results: list[Result] = []
    for number, (layer, each) in enumerate(found.items()):
        results += _of_layer(each, scored, number, reliability, source, {**about, "layer": layer})
    results += _of_network(found, scored, population, source, about)
    return Measured(results, _arrays(found, scored, population))


def _of_layer(
    each: Predicted,
    scored: _Scored,
    number: int,
    reliability: Tensor,
    source: str,
    about: Mapping[str, Setting],
) -> list[Result]:
    settings = {**about, "pca": each.features, "error": OVER_SPLITS}
    train = noise_corrected(each.train, reliability).correlation
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
        mean, sd = medians.mean().item(), medians.std(correction=0).item()
        results.append(Score("feve", mean, sd, source, settings))
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
    settings = {**about, "error": OVER_SPLITS}
    reliability = population.reliability_used()[scored.kept]
    return [
        Curve(
            "predictivity_by_layer",
            tuple(float(number) for number in range(1, len(scores) + 1)),
            tuple(means.tolist()),
            tuple(score.sd.item() for score in scores),
            source,
            {**settings, "layers": " ".join(scored.layers)},
        ),
        _score(
            "v1_layer",
            scores[best],
            source,
            {**settings, "layer": scored.layers[best], "pca": list(found.values())[best].features},
        ),
        _nested(found, scored, population, source, settings),
        Score("reliability", _median(reliability), source=source, settings=about),
        Score("ceiling", _median(noise_ceiling(reliability)), source=source, settings=about),
    ]


def _nested(
    found: Mapping[str, Predicted],
    scored: _Scored,
    population: Population,
    source: str,
    settings: Mapping[str, Setting],
) -> Score:
    selection = noise_corrected(
        torch.stack([each.selection for each in found.values()]), population.reliability_used()
    )
    kept = scored.kept & selection.kept
    choice = choose_layer_nested(selection.correlation, scored.corrected, kept)
    often = int(choice.layers.mode().values)
    share = (choice.layers == often).double().mean().item()
    about = {
        **settings,
        "layer": scored.layers[often],
        "pca": list(found.values())[often].features,
        "chosen": round(share, 6),
        "neurons": choice.score.neurons,
    }
    return _score("v1_layer_nested", choice.score, source, about)


def _score(name: str, score: LayerScore, source: str, settings: Mapping[str, Setting]) -> Score:
    return Score(name, score.mean.item(), score.sd.item(), source, settings)


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
