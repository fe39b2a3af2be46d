"""A linear map from a layer to neurons, fitted and tested split by split."""

from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from striate._checks import check_whole
from striate.predictivity import (
    Fits,
    Groups,
    Select,
    Split,
    explained_variance,
    inner_split,
    pls,
    ridge,
    split_correlations,
    split_indices,
)
from striate.results import Setting
from striate.study.predictivity.population import Population

LAMBDAS = (0.01, 0.1, 1.0, 10.0)  # Kong et al. 2021
FOLDS = 5  # of the train stimuli, to choose among penalties
COMPONENTS = 25  # of partial least squares (Kong et al. 2021)
How = Literal["pls", "ridge"]


class Regression(NamedTuple):
    """Which linear map.

    Attributes
    ----------
    how
        ``"pls"``: partial least squares, all neurons together, nothing scaled. ``"ridge"``: the
        penalty is chosen by five folds of the train stimuli.
    components
        Of partial least squares; fewer if a layer has fewer features.
    lambdas
        Penalties of ridge.
    select
        Of ridge: ``"population"``, one penalty for all neurons, as Kong et al. 2021 do;
        ``"neuron"``, each neuron its own.
    """

    how: How
    components: int = COMPONENTS
    lambdas: tuple[float, ...] = LAMBDAS
    select: Select = "population"

    def fit(self, features: Tensor, responses: Tensor, splits: list[Split]) -> Fits:
        """Fit to the train part of each split."""
        if self.how == "ridge":
            return ridge(
                features, responses, splits=splits, lambdas=self.lambdas, select=self.select,
                folds=FOLDS,
            )  # fmt: skip
        count = min(self.components, features.shape[1])
        return pls(features, responses, splits=splits, z_scored=False, components=count)

    def check_room(self, splits: "Splits", features: int) -> None:
        """Refuse a map for which the smallest part to train on has too few stimuli.

        `features` is how many a layer has at most.

        Raises
        ------
        ValueError
            If partial least squares cannot have its components, or ridge cannot fill its folds.
        """
        train = min(len(split.train) for split in splits.inner)
        if self.how == "pls" and min(self.components, features) >= train:
            raise ValueError(
                f"components={self.components}: the part to train on within a split's train part "
                f"has {train} stimuli; give "
                + (f"at most {train - 1}" if train > 1 else "more stimuli, there are too few")
            )
        if self.how == "ridge" and len(self.lambdas) > 1 and train < 2 * FOLDS:
            raise ValueError(
                f"lambdas={self.lambdas}: the part to train on within a split's train part has "
                f"{train} stimuli, and to choose from several takes {2 * FOLDS}; give one, or more "
                "stimuli"
            )

    def settings(self) -> dict[str, Setting]:
        """Say which map it is."""
        if self.how == "ridge":
            # Results of one penalty for all were named before there was a choice, and keep it.
            name = "ridge" if self.select == "population" else "ridge per neuron"
            return {"regression": name, "lambdas": " ".join(map(_spelled, self.lambdas))}
        return {"regression": "pls", "components": self.components}

    def check(self) -> None:
        """Refuse what is no regression.

        Raises
        ------
        ValueError
            If `how` is unknown, or a number out of range.
        """
        if self.how not in get_args(How):
            raise ValueError(f"regression={self.how!r}; choose one of {', '.join(get_args(How))}")
        check_whole("components", self.components)
        if not self.lambdas or not all(0 < one < float("inf") for one in self.lambdas):
            raise ValueError(f"lambdas={self.lambdas}: give positive numbers to choose from")
        if self.select not in get_args(Select):
            raise ValueError(
                f"select={self.select!r}; choose 'population' (one penalty for all neurons) or "
                "'neuron'"
            )
        if self.how == "pls" and self.select != "population":
            raise ValueError(
                "select='neuron' is for ridge; partial least squares has no penalty to choose"
            )


def _spelled(number: float) -> str:
    """Write a number in six digits where they are enough to tell it from any other."""
    short = f"{number:g}"
    return short if float(short) == number else repr(float(number))


class Splits(NamedTuple):
    """Stimuli to train on and to test on, and those within the train part.

    Attributes
    ----------
    outer
        What maps are scored by.
    inner
        Of the train part of each: what a layer is chosen by, without the test part.
    """

    outer: list[Split]
    inner: list[Split]


class Predicted(NamedTuple):
    """How well one layer predicts each neuron that is used, in each split.

    Attributes
    ----------
    test, train
        Correlations of predictions with mean responses.
    selection
        The same of maps fitted within the train part, on the rest of it.
    explained
        Fraction of explainable variance explained on the test part; NaN where none is.
    features
        So many did the map have.
    """

    test: Float[Tensor, "splits neurons"]
    train: Float[Tensor, "splits neurons"]
    selection: Float[Tensor, "splits neurons"]
    explained: Float[Tensor, "splits neurons"]
    features: int


def splits_of(stimuli: int, *, count: int, groups: Groups | None) -> Splits:
    """Draw the splits of Kong et al. 2021: 75 % for training, seeds from 0 on.

    Parameters
    ----------
    stimuli
        How many there are.
    count
        How many splits.
    groups
        A label for each stimulus: those of one stay together. None to split them as they are.

    Raises
    ------
    ValueError
        If there are too few stimuli or groups to train on, choose by and test.
    """
    check_whole("splits", count)
    try:
        outer = [split_indices(stimuli, seed=seed, groups=groups) for seed in range(count)]
        inner = [inner_split(split, seed=seed, groups=groups) for seed, split in enumerate(outer)]
    except ValueError as error:
        kind = "stimuli" if groups is None else f"stimuli of {len(set(groups))} groups"
        raise ValueError(
            f"{stimuli} {kind} cannot be split into train and test, and the train part again: "
            f"{error}"
        ) from error
    return Splits(outer, inner)


def predict(
    features: Tensor, population: Population, splits: Splits, regression: Regression
) -> Predicted:
    """Fit to the train part of each split and see how the test part is predicted."""
    mean = population.mean
    fits = regression.fit(features, mean, splits.outer)
    correlations = split_correlations(fits, mean, splits=splits.outer)
    within = split_correlations(
        regression.fit(features, mean, splits.inner), mean, splits=splits.inner
    )
    explained = [
        explained_variance(fits.predictions(number)[split.test], population.trials[:, split.test])
        for number, split in enumerate(splits.outer)
    ]
    return Predicted(
        correlations.test,
        correlations.train,
        within.test,
        torch.stack([one.fraction for one in explained]),
        features.shape[1],
    )
