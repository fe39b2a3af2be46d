"""How well a layer predicts neurons: linear maps, reliability, noise-corrected correlation."""

from striate.predictivity.aggregation import (
    LayerScore,
    NestedChoice,
    best_layer,
    choose_layer_nested,
    layer_score,
)
from striate.predictivity.bootstrap import ModelComparison, compare_models
from striate.predictivity.correlation import (
    Correlations,
    Fits,
    correlation,
    split_correlations,
)
from striate.predictivity.explained import ExplainedVariance, explained_variance
from striate.predictivity.linear_map import LinearMap
from striate.predictivity.partial_least_squares import PLSFits, fit_pls, pls
from striate.predictivity.reliability import (
    Corrected,
    Reliability,
    noise_ceiling,
    noise_corrected,
    noise_corrected_correlation,
    spearman_brown,
    split_half_reliability,
    uneven_repeats,
)
from striate.predictivity.ridge_regression import (
    RidgeFits,
    Select,
    fit_ridge,
    lambda_grid,
    ridge,
)
from striate.predictivity.splits import (
    Groups,
    Split,
    fold_indices,
    inner_split,
    split_indices,
)

__all__ = [
    "Corrected",
    "Correlations",
    "ExplainedVariance",
    "Fits",
    "Groups",
    "LayerScore",
    "LinearMap",
    "ModelComparison",
    "NestedChoice",
    "PLSFits",
    "Reliability",
    "RidgeFits",
    "Select",
    "Split",
    "best_layer",
    "choose_layer_nested",
    "compare_models",
    "correlation",
    "explained_variance",
    "fit_pls",
    "fit_ridge",
    "fold_indices",
    "inner_split",
    "lambda_grid",
    "layer_score",
    "noise_ceiling",
    "noise_corrected",
    "noise_corrected_correlation",
    "pls",
    "ridge",
    "spearman_brown",
    "split_correlations",
    "split_half_reliability",
    "split_indices",
    "uneven_repeats",
]
