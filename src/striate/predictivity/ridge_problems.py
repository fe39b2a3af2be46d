"""The systems of equations of ridge regression, on the side of features or of stimuli."""

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor

# Up to so many penalties a factorisation for each is cheaper than eigenvectors for all.
FEW = 24
# Columns of a Gram matrix made at a time: what lies above the diagonal is copied, not computed.
BLOCK = 256


class Problem(NamedTuple):
    """Solve ``(square + λ I) solution = right``.

    On the features' side `square` is their centred cross-product and the solution is the map's
    coefficients; on the stimuli's it is their kernel, and each train stimulus has a weight.
    """

    square: Tensor
    right: Tensor
    rows: Tensor  # the train stimuli
    feature_means: Tensor
    response_means: Tensor


class _Moments(NamedTuple):
    """Sums over stimuli, of which those of one set less those of a part are the rest's."""

    stimuli: int
    features: Tensor
    responses: Tensor
    square: Tensor
    cross: Tensor

    def plus(self, other: "_Moments", times: int = 1) -> "_Moments":
        stimuli = self.stimuli + times * other.stimuli
        sums = (mine + times * its for mine, its in zip(self[1:], other[1:], strict=True))
        return _Moments(stimuli, *sums)


class Problems:
    """Make the problems of train sets and of their folds, sharing what they have in common.

    `features` and `responses` have mean zero over all stimuli, which keeps differences of sums
    from cancelling. `least` is the size of the smallest train set.
    """

    def __init__(self, features: Tensor, responses: Tensor, *, least: int) -> None:
        self.features, self.responses = features, responses
        self._kernel = gram(features.T) if features.shape[1] > least else None

    def divided(
        self, train: Tensor, folds: int
    ) -> tuple[Problem, Iterator[tuple[Problem, Tensor]]]:
        """Return the problem of all train stimuli, and those of all but each fold with the fold.

        Folds are contiguous, the first ones one larger if they cannot be equal.
        """
        train = train.to(self.features.device)
        parts = torch.tensor_split(train, folds) if folds else ()
        if self._kernel is not None:
            rests = (torch.cat(parts[:fold] + parts[fold + 1 :]) for fold in range(folds))
            problems = (self._on_stimuli(rest) for rest in rests)
            return self._on_stimuli(train), zip(problems, parts, strict=True)
        moments = [self._moments(part) for part in parts or (train,)]
        whole = reduce(_Moments.plus, moments)
        rests = (whole.plus(part, -1) for part in moments[:folds])
        problems = (_on_features(rest, train) for rest in rests)
        return _on_features(whole, train), zip(problems, parts, strict=True)

    def seen_from(self, problem: Problem, rows: Tensor) -> Tensor:
        """Return other stimuli in the coordinates in which `problem` has its solution."""
        if self._kernel is None:
            return self.features[rows] - problem.feature_means
        among = self._kernel[problem.rows][:, problem.rows].mean(0)
        across = self._kernel[rows][:, problem.rows]
        return across - across.mean(1, keepdim=True) - among + among.mean()

    def coefficients(self, problem: Problem, solution: Tensor) -> Tensor:
        """Turn a solution into coefficients of the features."""
        if self._kernel is None:
            return solution
        # Weights of stimuli sum to zero, so the features' mean drops out.
        return self.features[problem.rows].T @ solution

    def _moments(self, rows: Tensor) -> _Moments:
        x, y = self.features[rows], self.responses[rows]
        return _Moments(len(rows), x.sum(0), y.sum(0), gram(x), (y.T @ x).T)

    def _on_stimuli(self, rows: Tensor) -> Problem:
        assert self._kernel is not None
        square = self._kernel[rows][:, rows]
        mean = square.mean(0)
        square = square - mean - mean[:, None] + mean.mean()
        y_mean = self.responses[rows].mean(0)
        x_mean = self.features[rows].mean(0)
        return Problem(square, self.responses[rows] - y_mean, rows, x_mean, y_mean)


def _on_features(moments: _Moments, rows: Tensor) -> Problem:
    count = moments.stimuli
    x_mean, y_mean = moments.features / count, moments.responses / count
    square = torch.addr(moments.square, x_mean, x_mean, alpha=-count)
    right = torch.addr(moments.cross, x_mean, y_mean, alpha=-count)
    return Problem(square, right, rows, x_mean, y_mean)


def solutions(square: Tensor, right: Tensor, lambdas: Sequence[float]) -> Iterator[Tensor]:
    """Solve ``(square + λ I) solution = right`` for each penalty in turn."""
    if len(lambdas) > FEW:
        yield from _by_eigenvectors(square, right, lambdas)
        return
    for penalty in lambdas:
        raised = square.clone()
        raised.diagonal().add_(penalty)
        solution = _by_factor(raised, right)
        if solution is None:
            yield from _by_eigenvectors(square, right, [penalty])
        else:
            yield solution


def _by_factor(square: Tensor, right: Tensor) -> Tensor | None:
    """Solve by Cholesky, overwriting `square`; None if rounding has made it indefinite."""
    if square.device.type != "cpu":
        factor, failed = torch.linalg.cholesky_ex(square)
        return None if failed else torch.cholesky_solve(right, factor)
    from scipy.linalg.lapack import dposv  # pyright: ignore[reportAttributeAccessIssue]

    # LAPACK itself spares the copies that torch makes of both, a third of the time.
    columns = right.T.clone(memory_format=torch.contiguous_format).numpy().T  # overwritten
    _, solution, failed = dposv(square.numpy().T, columns, lower=1, overwrite_a=1, overwrite_b=1)
    return None if failed else torch.from_numpy(solution)


def _by_eigenvectors(square: Tensor, right: Tensor, lambdas: Sequence[float]) -> Iterator[Tensor]:
    eigenvalues, vectors = torch.linalg.eigh(square)
    rotated = vectors.T @ right
    for penalty in lambdas:
        yield vectors @ (rotated / (eigenvalues.relu() + penalty)[:, None])


def gram(x: Tensor) -> Tensor:
    """Return ``x.T @ x``, for little more than half the work."""
    size = x.shape[1]
    square = x.new_zeros(size, size)
    for begin in range(0, size, BLOCK):
        end = begin + BLOCK
        square[begin:, begin:end] = x[:, begin:].T @ x[:, begin:end]
        square[begin:end, end:] = square[end:, begin:end].T
    return square
