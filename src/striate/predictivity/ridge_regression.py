"""Ridge regression: for one set of stimuli, or for several splits of it."""

from collections.abc import Sequence
from numbers import Integral
from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from striate.predictivity.centring import centred, constant_columns
from striate.predictivity.checks import (
    check_finite,
    check_floats,
    check_lambdas,
    check_pair,
    check_real,
    check_splits,
)
from striate.predictivity.linear_map import LinearMap
from striate.predictivity.ridge_problems import Problems, solutions
from striate.predictivity.splits import Split

Select = Literal["population", "neuron"]

# Of features and responses: sums of their squares stay finite, and are not zero.
LARGEST = 1e140


class RidgeFits(NamedTuple):
    """Ridge regressions of several splits.

    They take splits × features × neurons of memory. Splits share little work, so where that is
    too much give `ridge` a few at a time.

    Attributes
    ----------
    coefficients, intercepts
        Of each split's map.
    lambdas
        The penalty each neuron got, in float64.
    features
        What the maps were fitted to.
    """

    coefficients: Float[Tensor, "splits features neurons"]
    intercepts: Float[Tensor, "splits neurons"]
    lambdas: Float64[Tensor, "splits neurons"]
    features: Float[Tensor, "stimuli features"]

    def predictions(self, split: int) -> Float[Tensor, "stimuli neurons"]:
        """Predict every stimulus, train and test, from one split's train stimuli."""
        return self.linear_map(split).predict(self.features)

    def linear_map(self, split: int) -> LinearMap:
        """Return one split's map."""
        return LinearMap(self.coefficients[split], self.intercepts[split])


def ridge(
    features: Float[Tensor, "stimuli features"],
    responses: Float[Tensor, "stimuli neurons"],
    *,
    splits: Sequence[Split],
    lambdas: Sequence[float],
    select: Select,
    folds: int = 5,
) -> RidgeFits:
    r"""Fit ridge regressions, the penalty of each chosen by cross-validation in the train part.

    They minimise :math:`\lVert Y - XB - 1b^\top\rVert^2 + \lambda\lVert B\rVert^2`; the intercept
    is not penalised and nothing is scaled. The train stimuli, in the order the split gives them,
    are cut into contiguous folds; a penalty's score is its R² averaged over the held-out folds,
    and the first of equal ones wins. Each fold's cross-products are computed once: those of a
    fold's train part are the whole less its own. Fewer stimuli than features are solved on the
    stimuli's side.

    Parameters
    ----------
    features
        E.g. the PCA scores of a layer (`striate.spectra.principal_scores`).
    responses
        Averaged over repeats; finite.
    splits
        From `split_indices`, or your own.
    lambdas
        Penalties to choose from, ``(0.01, 0.1, 1.0, 10.0)`` in Kong et al. 2021. They compare with
        eigenvalues of :math:`X^\top X`: next to those of PCA scores these four may be tiny;
        `lambda_grid` gives some that are not. One alone needs no cross-validation.
    select
        ``"population"``: one penalty for all neurons, by their mean R² (Kong et al. 2021);
        ``"neuron"``: each neuron its own.
    folds
        Of the cross-validation; none of it where there is one penalty.

    Returns
    -------
    fits
        See `RidgeFits`. Computed in float64, returned in the precision of `responses`: give
        float64 where penalties may leave predictions that vary by no more than float32 can tell
        from the neuron's mean.

    Raises
    ------
    ValueError
        If `features` and `responses` are not of the same stimuli or not finite, a split does not
        divide them, a penalty is not positive, `select` is unknown, a train part cannot fill
        the folds with two stimuli each, or float64 does not hold the squares of the numbers.

    Examples
    --------
    >>> seeded = torch.Generator().manual_seed(0)
    >>> features = torch.randn(100, 5, generator=seeded)
    >>> responses = features @ torch.randn(5, 3, generator=seeded)
    >>> from striate.predictivity import split_indices
    >>> splits = [split_indices(100, seed=seed) for seed in range(20)]
    >>> fits = ridge(features, responses, splits=splits, lambdas=(1e-6, 1.0), select="population")
    >>> fits.lambdas.unique().tolist()
    [1e-06]
    """
    check_pair(features, responses)
    check_splits(splits, len(features))
    for split in splits:
        _check_choice(lambdas, select, folds, len(split.train))
    (x, x_means), (y, y_means) = centred(features), centred(responses)
    _check_scale(features=x, responses=y)
    problems = Problems(x, y, least=min(len(split.train) for split in splits))
    fits = [_fit(problems, split.train, lambdas, select, int(folds)) for split in splits]
    coefficients, offsets, chosen = (torch.stack(field) for field in zip(*fits, strict=True))
    intercepts = y_means + offsets - x_means @ coefficients
    dtype = responses.dtype
    return RidgeFits(coefficients.to(dtype), intercepts.to(dtype), chosen, features)


def fit_ridge(
    features: Float[Tensor, "stimuli features"],
    responses: Float[Tensor, "stimuli neurons"],
    *,
    lambdas: Sequence[float],
    select: Select,
    folds: int = 5,
) -> LinearMap:
    """Fit ridge regression to all these stimuli, to predict others.

    Parameters
    ----------
    features, responses, lambdas, select, folds
        As in `ridge`; the folds are contiguous, so give stimuli in random order.

    Returns
    -------
    fitted
        ``fitted.predict(others)`` gives predictions. Computed in float64, returned in the precision
        of `responses`.

    Raises
    ------
    ValueError
        As `ridge`.

    Examples
    --------
    >>> seeded = torch.Generator().manual_seed(0)
    >>> features = torch.randn(100, 5, generator=seeded)
    >>> fitted = fit_ridge(features, 2 * features, lambdas=(1e-6,), select="population")
    >>> torch.allclose(fitted.predict(features[:7]), 2 * features[:7], atol=1e-5)
    True
    """
    check_pair(features, responses)
    _check_choice(lambdas, select, folds, len(features))
    (x, x_means), (y, y_means) = centred(features), centred(responses)
    _check_scale(features=x, responses=y)
    everything = torch.arange(len(x), device=x.device)
    problems = Problems(x, y, least=len(x))
    coefficients, offset, _ = _fit(problems, everything, lambdas, select, int(folds))
    intercept = y_means + offset - x_means @ coefficients
    return LinearMap(coefficients.to(responses.dtype), intercept.to(responses.dtype))


def lambda_grid(
    features: Float[Tensor, "stimuli features"], *, decades: tuple[float, float], count: int
) -> tuple[float, ...]:
    r"""Penalties spaced evenly in logarithm around the mean eigenvalue of the features.

    A penalty acts by comparison with the eigenvalues of the centred :math:`X^\top X`, which grow
    with the number of stimuli and the scale of the features. Their mean is over the directions in
    which the features can vary, the fewer of features and stimuli less one.

    Parameters
    ----------
    features
        As `ridge` gets them.
    decades
        Powers of ten of the first and last penalty, in units of the mean eigenvalue, e.g.
        ``(-4, 3)``.
    count
        How many, at least 2.

    Returns
    -------
    lambdas
        Smallest first.

    Raises
    ------
    ValueError
        If the features are not finite or do not vary, or the grid is empty.
    """
    check_floats("features", features, "stimuli × features")
    check_finite("features", features)
    pair = decades if isinstance(decades, Sequence) and len(decades) == 2 else (0.0, 0.0)
    first, last = (float(check_real("decades", one)) for one in pair)
    if not isinstance(count, Integral) or count < 2 or not -300 < first < last < 300:
        raise ValueError(
            f"decades={decades}, count={count!r}: give two powers of ten, the lower first, and at "
            "least 2 penalties, e.g. decades=(-4, 3), count=15"
        )
    x, _ = centred(features)
    mean = x.square().sum().item() / max(1, min(len(x) - 1, x.shape[1]))
    if not mean > 0:
        raise ValueError("features do not vary from stimulus to stimulus; there is nothing to fit")
    powers = torch.linspace(first, last, int(count), dtype=torch.float64)
    return tuple((mean * 10**powers).tolist())


def _fit(
    problems: Problems, train: Tensor, lambdas: Sequence[float], select: str, folds: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return coefficients, the offset they leave, and the penalty of each neuron."""
    whole, held_out = problems.divided(train, folds if len(lambdas) > 1 else 0)
    scores = problems.responses.new_zeros(len(lambdas), problems.responses.shape[1])
    for problem, rows in held_out:
        held, truth = problems.seen_from(problem, rows), problems.responses[rows]
        for score, solution in zip(
            scores, solutions(problem.square, problem.right, lambdas), strict=True
        ):
            score += _r_squared(held @ solution + problem.response_means, truth)
    if select == "population":
        scores = scores.mean(1, keepdim=True).expand_as(scores)
    choice = scores.argmax(0)
    wanted = sorted(set(choice.tolist()))
    chosen = scores.new_tensor(lambdas)[choice]
    solution = torch.zeros_like(whole.right)
    for index, candidate in zip(
        wanted, solutions(whole.square, whole.right, [lambdas[i] for i in wanted]), strict=True
    ):
        solution = torch.where(choice == index, candidate, solution)
    coefficients = problems.coefficients(whole, solution)
    return coefficients, whole.response_means - whole.feature_means @ coefficients, chosen


def _r_squared(prediction: Tensor, truth: Tensor) -> Tensor:
    """R² of each neuron; of one that does not vary 1 if it is met exactly, else 0.

    A neuron silent throughout a fold has, less its mean over all stimuli, one number there, and
    less the mean of these the rounding of it: which is no variance.
    """
    unexplained = (truth - prediction).square().sum(0)
    mean = truth.mean(0)
    total, constant = (truth - mean).square().sum(0), constant_columns(truth, mean)
    flat = torch.where(unexplained > 0, 0.0, 1.0).to(total)
    return torch.where(constant, flat, 1 - unexplained / total.masked_fill(constant, 1.0))


def _check_scale(**centred: Tensor) -> None:
    """Refuse numbers whose sums of squares overflow or vanish: the fit would be 0, or NaN."""
    for name, values in centred.items():
        largest = values.abs().max().item()
        if largest and not 1 / LARGEST <= largest <= LARGEST:
            raise ValueError(
                f"{name} reach {largest:.3g} from their means; their squares are beyond float64, "
                "so give them in other units"
            )


def _check_choice(lambdas: Sequence[float], select: str, folds: object, train: int) -> None:
    check_lambdas(lambdas)
    if select not in get_args(Select):
        raise ValueError(
            f"select={select!r}; choose 'population' (one penalty for all neurons) or 'neuron'"
        )
    if not isinstance(folds, Integral) or (len(lambdas) > 1 and not 2 <= int(folds) <= train // 2):
        raise ValueError(
            f"folds={folds!r} of {train} train stimuli: give 2 to {train // 2}, so that each holds "
            "two stimuli"
        )
