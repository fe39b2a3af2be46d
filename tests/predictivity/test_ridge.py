import inspect

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from torch.testing import assert_close

from striate.predictivity import Split, fit_ridge, lambda_grid, ridge, split_indices
from striate.predictivity import ridge_problems as module
from truths import degenerate, gaussian

KONG = (0.01, 0.1, 1.0, 10.0)
# More stimuli than features, more features than stimuli, as many, and folds that are not equal.
SHAPES = [(100, 30, 8), (60, 200, 8), (40, 30, 5), (97, 20, 1)]


def problem(stimuli, features, neurons, seed=0, noise=3.0):
    """Some neurons follow the features closely, others hardly at all."""
    x = gaussian(stimuli, features, seed=seed) * torch.arange(1, features + 1) ** -0.5 + 2
    each = torch.linspace(0.1, 2, neurons, dtype=torch.float64) * noise
    y = x @ gaussian(features, neurons, seed=seed + 1)
    return x, y + each * gaussian(stimuli, neurons, seed=seed + 2) - 5


def slow_scores(x, y, lambdas, folds=5):
    """R² of each penalty and neuron, over contiguous folds: normal equations, one after another."""
    scores = np.zeros((len(lambdas), y.shape[1]))
    for train, test in KFold(folds).split(x):
        mean_x, mean_y = x[train].mean(0), y[train].mean(0)
        a, b = x[train] - mean_x, y[train] - mean_y
        for row, penalty in zip(scores, lambdas, strict=True):
            w = np.linalg.solve(a.T @ a + penalty * np.eye(a.shape[1]), a.T @ b)
            left = y[test] - (x[test] - mean_x) @ w - mean_y
            row += 1 - (left**2).sum(0) / ((y[test] - y[test].mean(0)) ** 2).sum(0)
    return scores / folds


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("lambdas", [KONG, (1e-3, 30.0, 2.0, 300.0)], ids=str)
def test_one_penalty_for_all_is_that_of_grid_search(shape, lambdas):
    x, y = problem(*shape)
    splits = [split_indices(shape[0], seed=seed) for seed in range(3)]
    fits = ridge(x, y, splits=splits, lambdas=lambdas, select="population")
    for number, split in enumerate(splits):
        train = split.train.numpy()
        search = GridSearchCV(Ridge(), {"alpha": lambdas}, cv=5).fit(
            x[train].numpy(), y[train].numpy()
        )
        assert fits.lambdas[number].unique().tolist() == [search.best_params_["alpha"]]
        expected = search.predict(x.numpy()).reshape(y.shape)
        assert fits.predictions(number).numpy() == pytest.approx(expected, abs=1e-8)
        fitted = fits.linear_map(number)
        best = search.best_estimator_
        assert fitted.coefficients.T.numpy() == pytest.approx(np.atleast_2d(best.coef_), abs=1e-8)
        assert fitted.intercept.numpy() == pytest.approx(np.atleast_1d(best.intercept_), abs=1e-8)


@pytest.mark.parametrize("shape", [(40, 30, 5), (60, 200, 8)], ids=str)
@pytest.mark.parametrize("folds", [2, 3])
def test_penalties_are_chosen_over_as_many_folds_as_asked(folds, shape):
    """One penalty per neuron, of many: over other folds some neuron has another."""
    x, y = problem(*shape)
    lambdas = lambda_grid(x, decades=(-3.0, 3.0), count=25)
    split = split_indices(shape[0], seed=1)
    fits = ridge(x, y, splits=[split], lambdas=lambdas, select="neuron", folds=folds)
    scores = slow_scores(x[split.train].numpy(), y[split.train].numpy(), lambdas, folds)
    assert fits.lambdas[0].tolist() == [lambdas[index] for index in scores.argmax(0)]
    usual = ridge(x, y, splits=[split], lambdas=lambdas, select="neuron")
    assert not torch.equal(fits.lambdas, usual.lambdas)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("many", [False, True])
def test_each_neuron_gets_the_penalty_that_serves_it(shape, many):
    x, y = problem(*shape)
    lambdas = lambda_grid(x, decades=(-3.0, 3.0), count=2 * module.FEW if many else 7)
    split = split_indices(shape[0], seed=1)
    fits = ridge(x, y, splits=[split], lambdas=lambdas, select="neuron")
    a, b = x[split.train].numpy(), y[split.train].numpy()
    best = slow_scores(a, b, lambdas).argmax(0)
    assert fits.lambdas[0].tolist() == [lambdas[index] for index in best]
    if shape[2] > 1:
        assert len(set(best)) > 1
    for neuron, index in enumerate(best):
        one = Ridge(lambdas[index]).fit(a, b[:, neuron])
        found = fits.predictions(0)[:, neuron].numpy()
        assert found == pytest.approx(one.predict(x.numpy()), abs=1e-8)


def test_both_sides_are_one_answer():
    """The features' side and the stimuli's: a split of few stimuli changes which is taken."""
    x, y = problem(80, 30, 6)
    wide = Split(torch.arange(60), torch.arange(60, 80))
    narrow = Split(torch.arange(20), torch.arange(20, 80))
    for select in ("population", "neuron"):
        alone = ridge(x, y, splits=[wide], lambdas=KONG, select=select)
        beside = ridge(x, y, splits=[wide, narrow], lambdas=KONG, select=select)
        assert_close(alone.lambdas, beside.lambdas[:1])
        assert_close(alone.predictions(0), beside.predictions(0), atol=1e-9, rtol=0)


@pytest.mark.parametrize("seed", range(8))
def test_a_neuron_silent_in_a_fold_does_not_decide_the_penalty_of_all(seed):
    """Less its mean over all stimuli, silence is one number, whose variance is rounding."""
    stimuli = 150 + seed
    x = gaussian(stimuli, 30, seed=seed)
    y = 0.3 * x @ gaussian(30, 20, seed=seed + 50) + 3 * gaussian(stimuli, 20, seed=seed + 90)
    split = split_indices(stimuli, seed=0)
    spikes = torch.zeros(stimuli, 1, dtype=torch.float64)
    spikes[split.train[:12]] = 1.0 + torch.arange(12.0, dtype=torch.float64)[:, None] % 4
    y, lambdas = torch.cat([y, spikes], 1), (0.01, 1.0, 10.0, 100.0, 1000.0)
    a, b = x[split.train].numpy(), y[split.train].numpy()
    search = GridSearchCV(Ridge(), {"alpha": lambdas}, cv=5).fit(a, b)
    fits = ridge(x, y, splits=[split], lambdas=lambdas, select="population")
    assert fits.lambdas.unique().tolist() == [search.best_params_["alpha"]]
    alone = GridSearchCV(Ridge(), {"alpha": lambdas}, cv=5).fit(a, b[:, -1])
    each = ridge(x, y, splits=[split], lambdas=lambdas, select="neuron")
    assert each.lambdas[0, -1].item() == alone.best_params_["alpha"]


@pytest.mark.parametrize("lambdas", [(1.0,), KONG])
def test_one_set_is_a_split_that_trains_on_it_all(lambdas):
    x, y = problem(80, 30, 6)
    split = split_indices(80, seed=0)
    fits = ridge(x, y, splits=[split], lambdas=lambdas, select="population")
    fitted = fit_ridge(x[split.train], y[split.train], lambdas=lambdas, select="population")
    assert_close(fitted.predict(x), fits.predictions(0), atol=1e-9, rtol=0)


def test_the_first_of_equal_penalties_wins():
    x, y = problem(40, 5, 3)
    for lambdas in ((2.0, 2.0, 2.0), (5.0, 2.0, 2.0)):
        search = GridSearchCV(Ridge(), {"alpha": lambdas}, cv=5).fit(x.numpy(), y.numpy())
        fitted = fit_ridge(x, y, lambdas=lambdas, select="population")
        assert fitted.predict(x).numpy() == pytest.approx(search.predict(x.numpy()), abs=1e-9)


@pytest.mark.parametrize("name", degenerate(60, 30))
@pytest.mark.parametrize("select", ["population", "neuron"])
@pytest.mark.parametrize("swapped", [False, True])
def test_nothing_degenerate_makes_it_infinite(name, select, swapped):
    x, y = degenerate(60, 30)[name].double(), gaussian(60, 12)
    x, y = (y.repeat(1, 2), x) if swapped else (x, y)
    splits = [split_indices(60, seed=seed) for seed in range(2)]
    fits = ridge(x, y, splits=splits, lambdas=(1e-12, 1.0), select=select)
    for number, split in enumerate(splits):
        predicted = fits.predictions(number)
        assert predicted.isfinite().all()
        error = (predicted - y)[split.train].square().sum(0)
        spread = (y - y[split.train].mean(0))[split.train].square().sum(0)
        assert (error <= spread + 1e-9 * y.square().sum(0)).all()


def test_a_square_that_rounding_has_made_indefinite_is_solved_by_eigenvectors():
    turn = torch.linalg.qr(gaussian(4, 4))[0]
    values = torch.tensor([4.0, 2.0, 1.0, -1e-10], dtype=torch.float64)
    square, right = turn @ torch.diag(values) @ turn.T, gaussian(4, 3, seed=1)
    before = square.clone(), right.clone()
    assert torch.linalg.cholesky_ex(square + 1e-12 * torch.eye(4)).info != 0
    small, usual = module.solutions(square, right, [1e-12, 0.5])
    assert (turn[:, :3].T @ small).norm() < 2 * right.norm()
    # Of the direction without variance what is expected of a variance of zero.
    for found, penalty in ((small, 1e-12), (usual, 0.5)):
        expected = turn @ ((turn.T @ right) / (values.relu() + penalty)[:, None])
        assert_close(found, expected, rtol=1e-3, atol=1e-8)
    assert torch.equal(square, before[0])
    assert torch.equal(right, before[1])


def test_right_hand_sides_survive_in_whatever_layout():
    square, right = torch.eye(3, dtype=torch.float64), gaussian(3, 2)
    for given in (right.clone(), right.T.contiguous().T):
        for found, penalty in zip(
            module.solutions(square, given, [1.0, 3.0]), [1.0, 3.0], strict=True
        ):
            assert_close(found, right / (1 + penalty))
        assert torch.equal(given, right)


def test_the_grid_is_centred_on_the_mean_eigenvalue():
    for shape in ((50, 8), (8, 50)):
        x = gaussian(*shape) + 4
        values = torch.linalg.svdvals(x - x.mean(0)).square()
        mean = values.sum().item() / min(shape[0] - 1, shape[1])
        assert lambda_grid(x, decades=(-2.0, 1.0), count=4) == pytest.approx(
            [0.01 * mean, 0.1 * mean, mean, 10 * mean]
        )


def test_precision_follows_the_responses():
    x, y = problem(60, 10, 5)
    split = [split_indices(60, seed=0)]
    single = ridge(x.float(), y.float(), splits=split, lambdas=KONG, select="neuron")
    double = ridge(x, y, splits=split, lambdas=KONG, select="neuron")
    assert single.predictions(0).dtype == torch.float32
    assert torch.equal(single.lambdas, double.lambdas)
    assert_close(single.predictions(0).double(), double.predictions(0), atol=1e-4, rtol=0)


X, Y = problem(20, 6, 3)
GOOD = [split_indices(20, seed=0)]


@pytest.mark.parametrize(("wrong", "message"), [
    (dict(lambdas=()), r"lambdas=\(\): give positive numbers, e.g."),
    (dict(lambdas=(1.0, 0.0)), "holds 0.0; each must be positive, finite"),
    (dict(select="all"), "select='all'; choose 'population'"),
    (dict(folds=8), "folds=8 of 15 train stimuli: give 2 to 7"),
    (dict(folds=1), "folds=1 of 15 train stimuli: give 2 to 7"),
    (dict(responses=Y[:9]), "features has 20 stimuli and responses 9"),
    (dict(splits=[]), "splits holds no split"),
])  # fmt: skip
def test_what_cannot_be_fitted_is_refused(wrong, message):
    arguments = dict(features=X, responses=Y, splits=GOOD, lambdas=KONG, select="population")
    with pytest.raises(ValueError, match=message):
        unchecked(ridge)(**{**arguments, **wrong})


@pytest.mark.parametrize(("arguments", "message"), [
    (dict(features=X, decades=(1.0, -1.0), count=3), "count=3: give two powers"),
    (dict(features=X, decades=(-1.0, 1.0), count=1), "count=1: give two powers of ten"),
    (dict(features=torch.ones(4, 2), decades=(-1.0, 1.0), count=3), "features do not vary"),
    (dict(features=X * torch.inf, decades=(-1.0, 1.0), count=3), "features holds numbers"),
])  # fmt: skip
def test_a_grid_that_is_none_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        unchecked(lambda_grid)(**arguments)


def unchecked(function):
    return inspect.unwrap(function)


def test_whole_numbers_of_numpy_are_whole_numbers():
    folds, count = np.int64(4), np.int64(3)
    found = ridge(X, Y, splits=GOOD, lambdas=KONG, select="neuron", folds=int(folds))
    again = unchecked(ridge)(X, Y, splits=GOOD, lambdas=KONG, select="neuron", folds=folds)
    assert torch.equal(found.coefficients, again.coefficients)
    grid = unchecked(lambda_grid)(X, decades=(-1.0, 1.0), count=count)
    assert grid == lambda_grid(X, decades=(-1.0, 1.0), count=3)
