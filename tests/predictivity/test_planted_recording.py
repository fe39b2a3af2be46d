"""The whole way, from trials to a score, on recordings whose answers are known."""

import numpy as np
import pytest
import torch
from planted_recording import bound_of_score, expected_score, plant

from striate.predictivity import (
    fold_indices,
    lambda_grid,
    layer_score,
    noise_corrected,
    pls,
    ridge,
    split_correlations,
    split_half_reliability,
    split_indices,
)
from truths import gaussian

SEEDS = range(20)


def score(fits, response, splits, reliability):
    correlations = split_correlations(fits, response, splits=splits).test
    corrected = noise_corrected(correlations, reliability.corrected)
    return layer_score(corrected.correlation, corrected.kept).mean.item()


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_the_ceiling_is_found_in_every_neuron(noise):
    for seed in SEEDS:
        planted = plant(seed, stimuli=800, noise=noise)
        found = split_half_reliability(planted.trials)
        # Fisher: atanh of a correlation has a standard deviation of 1/√(n - 3); averaged over
        # halvings, it is no more. 4.5 of them, for the largest of 20 × 60.
        off = (found.half.atanh() - np.arctanh(planted.half)).abs().max().item()
        assert off < 4.5 / (800 - 3) ** 0.5
        assert found.corrected.median().item() == pytest.approx(
            planted.corrected, abs=4.5 * 2 * (np.pi / (2 * 60 * 800)) ** 0.5
        )


@pytest.mark.parametrize("unpredictable", [0.0, 0.3])
@pytest.mark.parametrize("way", ["pls", "ridge"])
def test_the_predictivity_is_found(way, unpredictable):
    errors = []
    for seed in SEEDS:
        planted = plant(seed, unpredictable=unpredictable)
        response = planted.trials.mean(0)
        splits = [split_indices(len(response), seed=split) for split in range(20)]
        if way == "pls":  # all components: least squares
            fits = pls(planted.features, response, splits=splits, z_scored=False, components=10)
        else:
            fits = ridge(
                planted.features, response, splits=splits, lambdas=(1e-6,), select="population"
            )
        found = score(fits, response, splits, split_half_reliability(planted.trials))
        expected = expected_score(planted, train=len(splits[0].train))
        bound = bound_of_score(planted, expected, deviations=4)
        assert abs(found - expected) < bound
        assert bound < 0.06  # tight enough to tell 0.84 from 1 and 1 from an uncorrected 0.89
        errors.append(found - expected)
    # Over 20 recordings the errors average out, but for the bias of order 1/n.
    assert abs(np.mean(errors)) < bound / 20**0.5 + 2 / 400


def test_a_useful_penalty_does_better_than_tiny_ones_where_features_are_many():
    better = []
    for seed in SEEDS:
        planted = plant(seed, stimuli=200, features=120, neurons=20, noise=4.0)
        response = planted.trials.mean(0)
        splits = [split_indices(200, seed=split) for split in range(3)]
        reliability = split_half_reliability(planted.trials)
        grid = lambda_grid(planted.features, decades=(-4.0, 2.0), count=13)
        tiny, useful = (
            score(
                ridge(planted.features, response, splits=splits, lambdas=lambdas, select=select),
                response, splits, reliability,
            )
            for lambdas, select in (((0.01, 0.1, 1.0, 10.0), "population"), (grid, "neuron"))
        )  # fmt: skip
        better.append(useful - tiny)
    # If neither were better, each sign would be a coin's: 17 of 20 have a probability of 0.0013.
    assert sum(value > 0 for value in better) >= 17


def test_siblings_on_both_sides_pass_for_prediction():
    """Five images of each source, with features much alike and responses of their source alone."""
    sources, each, neurons = 60, 5, 40
    groups = torch.arange(sources).repeat_interleave(each)
    stimuli = sources * each
    for seed in SEEDS:
        features = gaussian(sources, 100, seed=4 * seed)[groups]
        features = features + 0.1 * gaussian(stimuli, 100, seed=4 * seed + 1)
        response = gaussian(sources, neurons, seed=4 * seed + 2)[groups]  # none of the features
        means = {}
        for kind, labels in (("loose", None), ("together", groups)):
            splits = list(fold_indices(stimuli, folds=5, seed=seed, groups=labels))
            fits = pls(features, response, splits=splits, z_scored=False, components=25)
            correlations = split_correlations(fits, response, splits=splits).test
            kept = torch.ones(neurons, dtype=torch.bool)
            means[kind] = layer_score(correlations, kept).mean.item()
        assert means["loose"] > 0.6
        # Of 60 independent sources a correlation of nothing has a deviation of 1/√60, the median of
        # 40 neurons √(π/80) of it; they share their features, which at worst undoes that.
        assert abs(means["together"]) < 3 / sources**0.5
