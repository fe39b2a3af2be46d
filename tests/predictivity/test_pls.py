import inspect

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ikpls.numpy import PLS
from scipy.sparse.linalg import ArpackNoConvergence
from sklearn.cross_decomposition import PLSRegression
from torch.testing import assert_close

from striate.predictivity import Split, fit_pls, pls, split_indices
from striate.predictivity import partial_least_squares as module
from striate.predictivity.checks import check_floats
from truths import degenerate, gaussian

# Sides of the square, features and neurons: which of them decides is one of the ways it is solved.
SHAPES = [(90, 30, 12), (90, 12, 30), (40, 60, 7), (90, 20, 1), (90, 1, 9), (60, 25, 25)]
scaling = pytest.mark.parametrize("z_scored", [False, True])


def problem(stimuli, features, neurons, seed=0):
    """Features with a power law and means, and noisy responses to them."""
    x = gaussian(stimuli, features, seed=seed) * torch.arange(1, features + 1) ** -0.7 + 3
    y = x @ gaussian(features, neurons, seed=seed + 1) + gaussian(stimuli, neurons, seed=seed + 2)
    return x, y - 5


def slow_pls(x, y, components, z_scored):
    """Coefficients and intercept with each number of components: whole SVDs, X and Y deflated."""
    x, y = np.asarray(x), np.asarray(y)
    sx, sy = (v.std(0, ddof=1) if z_scored else np.ones(v.shape[1]) for v in (x, y))
    a, b = (x - x.mean(0)) / sx, (y - y.mean(0)) / sy
    weights, p, q, maps = [], [], [], []
    for _ in range(components):
        w = np.linalg.svd(a.T @ b)[0][:, 0]
        t = a @ w
        weights, p, q = [*weights, w], [*p, a.T @ t / (t @ t)], [*q, b.T @ t / (t @ t)]
        a, b = a - np.outer(t, p[-1]), b - np.outer(t, q[-1])
        m = np.array(weights).T
        coefficients = m @ np.linalg.solve(np.array(p) @ m, np.array(q)) / sx[:, None] * sy
        maps.append((coefficients, y.mean(0) - x.mean(0) @ coefficients))
    return maps


@scaling
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_number_of_components_is_that_of_the_slow_way(shape, z_scored):
    x, y = problem(*shape)
    components = min(8, shape[1])
    splits = [split_indices(shape[0], seed=seed) for seed in range(3)]
    # Few train stimuli: the split's products come from them, not from the others.
    splits.append(Split(*reversed(splits[0])))
    fits = pls(x, y, splits=splits, z_scored=z_scored, components=components)
    assert fits.found.tolist() == [components] * 4
    for number, split in enumerate(splits):
        expected = slow_pls(x[split.train], y[split.train], components, z_scored)
        for count, (coefficients, intercept) in enumerate(expected, start=1):
            predicted = x.numpy() @ coefficients + intercept
            found = fits.predictions(number, components=count).numpy()
            assert found == pytest.approx(predicted, abs=1e-8 * np.abs(predicted).max())
            fitted = fits.linear_map(number, components=count)
            assert fitted.coefficients.numpy() == pytest.approx(
                coefficients, abs=1e-8 * np.abs(coefficients).max()
            )
            assert_close(fitted.predict(x), fits.predictions(number, components=count))


@scaling
def test_it_is_ikpls_and_scikit_learn_where_that_converges(z_scored):
    x, y = problem(300, 60, 20)
    splits = [split_indices(300, seed=seed) for seed in range(2)]
    fits = pls(x, y, splits=splits, z_scored=z_scored)
    train = splits[1].train.numpy()
    other = PLS(algorithm=1, center_X=True, center_Y=True, scale_X=z_scored, scale_Y=z_scored)
    other.fit(x[train].numpy(), y[train].numpy(), 25)
    for count in (1, 7, 25):
        found = fits.predictions(1, components=count).numpy()
        assert found == pytest.approx(other.predict(x.numpy(), count), abs=1e-8)
    nipals = PLSRegression(25, scale=z_scored, tol=1e-16, max_iter=50_000)
    nipals.fit(x[train].numpy(), y[train].numpy())
    assert fits.predictions(1).numpy() == pytest.approx(nipals.predict(x.numpy()), abs=1e-5)


def test_a_spectrum_that_falls_steeply_is_followed_to_its_end():
    """Updating the square of the cross-product alone would lose a component below 1e-8 here."""
    rank = 8
    left, right = (torch.linalg.qr(gaussian(80, rank + 1, seed=seed))[0] for seed in (0, 1))
    left = torch.linalg.qr(torch.cat([torch.ones(80, 1, dtype=torch.float64), left], 1))[0][:, 1:]
    x = left[:, :rank] @ right[:40, :rank].T
    scale = 10.0 ** -torch.arange(rank, dtype=torch.float64)
    y = (left[:, :rank] * scale) @ torch.linalg.qr(gaussian(12, rank, seed=3))[0].T
    expected = slow_pls(x, y, rank, False)[-1][0]
    fitted = fit_pls(x, y, z_scored=False, components=rank)
    assert_close(fitted.coefficients, torch.from_numpy(expected), atol=1e-12, rtol=0)
    assert_close(fitted.predict(x), y, atol=1e-12, rtol=0)


@scaling
def test_one_set_is_a_split_that_trains_on_it_all(z_scored):
    x, y = problem(90, 30, 12)
    split = split_indices(90, seed=0)
    fits = pls(x, y, splits=[split], z_scored=z_scored, components=9)
    fitted = fit_pls(x[split.train], y[split.train], z_scored=z_scored, components=9)
    assert_close(fitted.predict(x), fits.predictions(0), atol=1e-10, rtol=1e-10)


def test_scores_are_in_standard_deviations_of_a_sample():
    """Divided by n - 1, which no prediction tells from n."""
    x, y = problem(12, 5, 3)
    split = split_indices(12, seed=0)
    fits = pls(x, y, splits=[split], z_scored=True, components=1)
    seen, answers = x[split.train], y[split.train]
    n = len(seen)
    sx, sy = (((v - v.sum(0) / n).square().sum(0) / (n - 1)).sqrt() for v in (seen, answers))
    mx, my = seen.sum(0) / n, answers.sum(0) / n
    direction = torch.linalg.svd(((seen - mx) / sx).T @ ((answers - my) / sy))[0][:, 0]
    expected = ((x - mx) / sx) @ direction
    sign = (fits.scores[0, :, 0] @ expected).sign()
    assert_close(fits.scores[0, :, 0], sign * expected)


def test_all_components_are_least_squares():
    x, y = problem(90, 8, 5)
    design = torch.cat([x, torch.ones(90, 1, dtype=x.dtype)], 1)
    solution = torch.linalg.lstsq(design, y).solution
    fitted = fit_pls(x, y, z_scored=False, components=8)
    assert_close(fitted.coefficients, solution[:-1], atol=1e-9, rtol=0)
    assert_close(fitted.intercept, solution[-1], atol=1e-8, rtol=0)


@given(st.integers(0, 99), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_shifts_and_scales_pass_through_it(seed, shift, scale):
    x, y = problem(50, 12, 6, seed=seed)
    split = [split_indices(50, seed=seed)]
    plain = pls(x, y, splits=split, z_scored=False, components=4).predictions(0)
    moved = pls(scale * x + shift, scale * y - shift, splits=split, z_scored=False, components=4)
    # Shifts of 1000 leave 1e-13 of each number; the fit may amplify that a hundredfold.
    tolerance = 1e-10 * (abs(shift) + scale) * (1 + abs(shift) / scale)
    assert_close(moved.predictions(0), scale * plain - shift, atol=tolerance, rtol=0)


def test_a_rotation_of_the_features_changes_no_prediction():
    x, y = problem(80, 20, 6)
    turn = torch.linalg.qr(gaussian(20, 20, seed=9))[0]
    plain = fit_pls(x, y, z_scored=False, components=5).predict(x)
    assert_close(fit_pls(x @ turn, y, z_scored=False, components=5).predict(x @ turn), plain)


@scaling
@pytest.mark.parametrize("name", degenerate(60, 30))
@pytest.mark.parametrize("swapped", [False, True])
def test_nothing_degenerate_makes_it_infinite(name, swapped, z_scored):
    x, y = degenerate(60, 30)[name].double(), gaussian(60, 12)
    x, y = (y.repeat(1, 2), x) if swapped else (x, y)
    splits = [split_indices(60, seed=seed) for seed in range(3)]
    fits = pls(x, y, splits=splits, z_scored=z_scored, components=20)
    unpredictable = y.square().sum(0)
    for number, split in enumerate(splits):
        rank = int(torch.linalg.matrix_rank(x[split.train] - x[split.train].mean(0)))
        assert fits.found[number] <= min(rank, 20)
        for count in range(1, 21):
            predicted = fits.predictions(number, components=count)
            assert predicted.isfinite().all()
            # Least squares never does worse on its train stimuli than their mean.
            error = (predicted - y)[split.train].square().sum(0)
            spread = (y - y[split.train].mean(0))[split.train].square().sum(0)
            assert (error <= spread + 1e-9 * unpredictable).all()


def test_copies_of_features_end_where_the_features_do():
    x, y = problem(70, 6, 4)
    fits = pls(x.repeat(1, 5), y, splits=[split_indices(70, seed=0)], z_scored=False, components=25)
    assert fits.found.tolist() == [6]
    alone = pls(x, y, splits=[split_indices(70, seed=0)], z_scored=False, components=6)
    assert_close(fits.predictions(0), alone.predictions(0), atol=1e-9, rtol=0)
    assert_close(fits.predictions(0, components=6), fits.predictions(0))


def test_a_feature_constant_in_the_train_part_has_no_say():
    x, y = problem(60, 10, 5)
    split = split_indices(60, seed=0)
    x[split.train, 3] = 0.1
    for z_scored in (False, True):
        fits = pls(x, y, splits=[split], z_scored=z_scored, components=9)
        without = x[:, torch.arange(10) != 3]
        alone = pls(without, y, splits=[split], z_scored=z_scored, components=9)
        assert_close(fits.predictions(0), alone.predictions(0), atol=1e-9, rtol=0)


def test_large_squares_are_iterated_and_small_budgets_take_turns(monkeypatch):
    x, y = problem(900, 300, 290)
    splits = [split_indices(900, seed=seed) for seed in range(2)]
    whole = pls(x, y, splits=splits, z_scored=False, components=5)
    monkeypatch.setattr(module, "BUDGET", 1)
    monkeypatch.setattr("striate.predictivity.deflation.DIRECT", 10_000)
    turns = pls(x, y, splits=splits, z_scored=False, components=5)
    for number in range(2):
        assert_close(turns.predictions(number), whole.predictions(number), atol=1e-9, rtol=0)


def test_a_large_square_that_is_zero_has_no_direction():
    x, y = torch.zeros(20, 300, dtype=torch.float64), gaussian(20, 300)
    split = split_indices(20, seed=0)
    fits = pls(x, y, splits=[split], z_scored=False, components=2)
    assert fits.found.tolist() == [0]
    assert_close(fits.predictions(0), y[split.train].mean(0).expand(20, -1))


def test_what_does_not_converge_is_found_without_iterating(monkeypatch):
    x, y = problem(60, 10, 5)
    splits = [split_indices(60, seed=0)]
    direct = pls(x, y, splits=splits, z_scored=False, components=3)
    asked = []

    def never(matrix, **_):
        asked.append(len(matrix))
        raise ArpackNoConvergence("", [], [])

    monkeypatch.setattr("scipy.sparse.linalg.eigsh", never)
    monkeypatch.setattr("striate.predictivity.deflation.DIRECT", 2)
    found = pls(x, y, splits=splits, z_scored=False, components=3)
    assert asked
    assert torch.equal(found.predictions(0), direct.predictions(0))


def test_precision_follows_the_responses_and_nothing_is_changed():
    x, y = (value.float() for value in problem(60, 10, 5))
    before = x.clone(), y.clone()
    fits = pls(x, y, splits=[split_indices(60, seed=0)], z_scored=True, components=3)
    double = pls(
        x.double(), y.double(), splits=[split_indices(60, seed=0)], z_scored=True, components=3
    )
    assert {field.dtype for field in fits[:-1]} == {torch.float32}
    assert_close(fits.predictions(0).double(), double.predictions(0), atol=1e-4, rtol=0)
    assert torch.equal(x, before[0])
    assert torch.equal(y, before[1])


X, Y = problem(20, 6, 3)
GOOD = [split_indices(20, seed=0)]
WRONG = [
    (dict(features=X[:, 0]), "features has shape .* need stimuli × features"),
    (dict(features=X.long()), "features holds torch.int64; give floating point"),
    (dict(responses=Y[:9]), "features has 20 stimuli and responses 9"),
    (dict(responses=Y * torch.nan), "responses holds numbers that are not finite; average over"),
    (dict(splits=[]), "splits holds no split; give a list"),
    (dict(splits=GOOD[0]), "splits holds no split; give a list"),
    (dict(splits=[Split(torch.arange(19), torch.arange(19, 20))]), r"splits\[0\].test holds 1 st"),
    (dict(splits=[Split(torch.arange(12), torch.arange(10, 20))]), r"splits\[0\] names a stimulus"),
    (dict(splits=[Split(torch.arange(12), torch.arange(12, 21))]), r"stimuli 12 to 20; there are"),
    (dict(splits=[Split(torch.ones(12), torch.arange(12, 20))]), r"train must be one axis of int"),
    (dict(components=7), "components=7 of 6 features and 15 train stimuli: .* from 1 to 6"),
    (dict(components=0), "components=0 of 6 features"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_what_cannot_be_fitted_is_refused(wrong, message):
    arguments = dict(features=X, responses=Y, splits=GOOD, z_scored=False, components=3)
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(pls)(**{**arguments, **wrong})
    if "splits" not in wrong and "components" not in wrong:
        arguments.pop("splits")
        with pytest.raises(ValueError, match=message):
            inspect.unwrap(fit_pls)(**{**arguments, **wrong})


def test_what_is_no_tensor_is_refused():
    with pytest.raises(ValueError, match="features is a str; give a torch"):
        check_floats("features", "x", "stimuli × features")


def test_components_that_were_not_fitted_are_refused():
    fits = pls(X, Y, splits=GOOD, z_scored=False, components=3)
    with pytest.raises(ValueError, match="components=4 of 3"):
        fits.predictions(0, components=4)
    with pytest.raises(ValueError, match="features has 5 of them, the map was fitted to 6"):
        fits.linear_map(0).predict(X[:, :5])
