"""How well a network's layers predict the neurons of a recording, as scores, curves and arrays.

Kong et al. 2021. Each result has in its settings what moves it: how the images were shown, how the
features were made and mapped, which neurons counted.
"""

from striate.study.predictivity.against import Rival, check_same, difference, rival_of
from striate.study.predictivity.features import (
    LEAST_IMAGES,
    MOST_COMPONENTS,
    PROTOCOLS,
    Protocol,
    layer_features,
    scores_of,
)
from striate.study.predictivity.mapping import (
    COMPONENTS,
    LAMBDAS,
    Predicted,
    Regression,
    Splits,
    splits_of,
)
from striate.study.predictivity.networks import network_predictivity
from striate.study.predictivity.population import (
    COVARIANCE,
    MOST_NEURONS,
    Population,
    check_minimum,
    is_uneven,
    population_of,
)

__all__ = [
    "COMPONENTS",
    "COVARIANCE",
    "LAMBDAS",
    "LEAST_IMAGES",
    "MOST_COMPONENTS",
    "MOST_NEURONS",
    "PROTOCOLS",
    "Population",
    "Predicted",
    "Protocol",
    "Regression",
    "Rival",
    "Splits",
    "check_minimum",
    "check_same",
    "difference",
    "is_uneven",
    "layer_features",
    "network_predictivity",
    "population_of",
    "rival_of",
    "scores_of",
    "splits_of",
]
