"""Partial least squares and ridge for all splits of a layer against scikit-learn and ikpls.

Named baselines: scikit-learn's ``PLSRegression`` with its default tolerance and ``RidgeCV`` with
``cv=5`` (which is ``GridSearchCV(Ridge())``), as the released code of Kong et al. 2021 has them,
and both algorithms of ikpls. Each way fits and then predicts all stimuli, in float64, in one
process and in turn. scikit-learn runs one split and counts as many times as there are splits.

Seconds are of CPU time, which a busy machine changes less than others, above all with
``OMP_NUM_THREADS=1``. ``python -m benchmarks.predictivity 2000 400`` takes fewer stimuli and
features.
"""

import os
import platform
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from ikpls.numpy import PLS
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import GridSearchCV

from benchmarks.timing import medians
from striate.predictivity import fit_pls, fit_ridge, pls, ridge, split_indices

STIMULI, FEATURES, NEURONS, SPLITS, COMPONENTS = 6250, 1000, 166, 20, 25
LAMBDAS = (0.01, 0.1, 1.0, 10.0)  # Kong et al. 2021
ROUNDS = 3


def main(stimuli: int = STIMULI, features: int = FEATURES) -> None:
    """Print both tables."""
    print(
        f"\n{SPLITS} splits, {stimuli} stimuli × {features} features -> {NEURONS} neurons, float64,"
        f" CPU seconds; {platform.machine()}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} threads"
    )
    x, y = _recording(stimuli, features)
    splits = [split_indices(stimuli, seed=seed) for seed in range(SPLITS)]
    trains = [split.train.numpy() for split in splits]
    tx, ty = torch.from_numpy(x), torch.from_numpy(y)
    # One of each warms the memory and libraries up, and is compared.
    train = trains[0]
    fitted = fit_pls(tx[train], ty[train], z_scored=False, components=COMPONENTS)
    reference = fitted.predict(tx).numpy()

    def ours_pls() -> None:
        fits = pls(tx, ty, splits=splits, z_scored=False, components=COMPONENTS)
        for split in range(SPLITS):
            fits.predictions(split)

    ways: dict[str, Callable[[], object]] = {
        "striate": ours_pls,
        "ikpls algorithm 1": lambda: [_ikpls(x, y, rows, 1) for rows in trains],
        "ikpls algorithm 2": lambda: [_ikpls(x, y, rows, 2) for rows in trains],
    }
    seconds = medians(ways, rounds=ROUNDS, warm_up=1, clock=time.process_time)
    seconds["scikit-learn"], nipals = _one_split(lambda: _nipals(x, y, train))
    apart = {
        "ikpls algorithm 1": _apart(_ikpls(x, y, train, 1), reference),
        "ikpls algorithm 2": _apart(_ikpls(x, y, train, 2), reference),
        "scikit-learn": _apart(nipals, reference),
    }
    _table(f"partial least squares, {COMPONENTS} components", seconds, apart)

    penalised = fit_ridge(tx[train], ty[train], lambdas=LAMBDAS, select="population")
    reference = penalised.predict(tx).numpy()

    def ours_ridge() -> None:
        fits = ridge(tx, ty, splits=splits, lambdas=LAMBDAS, select="population")
        for split in range(SPLITS):
            fits.predictions(split)

    seconds = medians({"striate": ours_ridge}, rounds=1, warm_up=1, clock=time.process_time)
    seconds["GridSearchCV(Ridge)"], grid = _one_split(lambda: _grid_search(x, y, train))
    seconds["RidgeCV, leave one out"], left_out = _one_split(lambda: _leave_one_out(x, y, train))
    apart = {
        "GridSearchCV(Ridge)": _apart(grid, reference),
        "RidgeCV, leave one out": _apart(left_out, reference),
    }
    _table(f"ridge, 5 folds × {len(LAMBDAS)} penalties", seconds, apart)
    print("scikit-learn: one split, counted as all of them")
    print("apart: the largest difference of a prediction, in deviations of all predictions")


def _recording(stimuli: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    """Features as PCA gives them, with a power law of 1, and neurons of which half is noise."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((stimuli, features)) * np.arange(1, features + 1) ** -0.5
    signal = x @ rng.standard_normal((features, NEURONS))
    return x, signal / signal.std(0) + rng.standard_normal((stimuli, NEURONS))


def _ikpls(x: np.ndarray, y: np.ndarray, rows: np.ndarray, algorithm: int) -> np.ndarray:
    fit = PLS(algorithm=algorithm, center_X=True, center_Y=True, scale_X=False, scale_Y=False)
    fit.fit(x[rows], y[rows], COMPONENTS)
    return np.asarray(fit.predict(x, COMPONENTS))


def _nipals(x: np.ndarray, y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return PLSRegression(COMPONENTS, scale=False).fit(x[rows], y[rows]).predict(x)


def _grid_search(x: np.ndarray, y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return GridSearchCV(Ridge(), {"alpha": LAMBDAS}, cv=5).fit(x[rows], y[rows]).predict(x)


def _leave_one_out(x: np.ndarray, y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return RidgeCV(alphas=LAMBDAS).fit(x[rows], y[rows]).predict(x)


def _one_split(way: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Time one split, for all."""
    started = time.process_time()
    predicted = way()
    return SPLITS * (time.process_time() - started), predicted


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max() / other.std())


def _table(title: str, seconds: dict[str, float], apart: dict[str, float]) -> None:
    print(f"  {title:<40}{'seconds':>9}{'ratio':>8}{'apart':>10}")
    for name, taken in seconds.items():
        off = f"{apart[name]:.1e}" if name in apart else ""
        print(f"  {name:<40}{taken:>9.2f}{taken / seconds['striate']:>8.1f}{off:>10}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
