"""The directions of partial least squares, from the cross-products of several splits."""

from typing import NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor

from striate._threads import one_thread

EPS = torch.finfo(torch.float64).eps
# The squared cross-product is updated, not made anew, while its largest eigenvalue is more than
# this share of what it was when it was made: rounding stays at EPS over it.
FRESH = 1e-3
# Of the largest singular value: directions above it are so far from rounding that the response
# loadings need no product of their own.
CLEAR = 1e-3
# Symmetric matrices up to this size are tridiagonalised, larger ones iterated (both timed).
DIRECT = 256


class Direction(NamedTuple):
    """The next component of each split, before the train stimuli are projected on it.

    Attributes
    ----------
    features
        The direction in feature space: a column of the rotations to be. Zero for a split that has
        no more components, what is left of its cross-product being rounding.
    neurons
        The deflated cross-product's transpose times that.
    """

    features: Float64[Tensor, "splits features"]
    neurons: Float64[Tensor, "splits neurons"]


class Deflated:
    r"""Cross-products :math:`C = X^\top Y`, less the components found, without changing C.

    With rotations R, weights W, feature loadings P and response loadings Q so far, the deflated
    cross-product is :math:`C - P\,\mathrm{diag}(t^\top t)\,Q^\top`. Its largest singular direction
    comes from the smaller of the squares :math:`C^\top C` and :math:`CC^\top`, which each
    component changes by a matrix of rank two.

    Each component takes two steps: its `direction` is found, and once the train stimuli have been
    projected on it, it is taken off (`deflate`).
    """

    def __init__(self, cross: Tensor, components: int, *, rows: int) -> None:
        splits, features, neurons = cross.shape
        self._cross = cross
        self._by_neurons = neurons <= features
        self._norms = cross.new_zeros(splits, components)
        self._feature_loadings = cross.new_zeros(splits, features, components)
        self.rotations = cross.new_zeros(splits, features, components)
        self.loadings = cross.new_zeros(splits, neurons, components)
        self.found = torch.zeros(splits, dtype=torch.int64, device=cross.device)
        self._alive = torch.ones(splits, dtype=torch.bool, device=cross.device)
        self._noise = max(rows, features, neurons) * EPS
        self._square = self._squared(cross)
        self._made = self._square.diagonal(dim1=1, dim2=2).sum(1)  # at least the largest eigenvalue
        self._largest = cross.new_zeros(splits)

    def direction(self, component: int) -> Direction:
        """Find a component, counted from 0; all before it have been taken off."""
        weights, strength, images = self._leading()
        stale = self._alive & (strength.square() < FRESH * self._made)
        if component and stale.any():
            self._square[stale] = self._squared(self._rest(stale))
            weights, strength, images = self._leading()
            self._made[stale] = strength[stale].square()
        if not component:
            self._largest, self._made = strength, strength.square()
        self._alive &= strength > self._noise * self._largest
        for _ in range(2):  # once leaves what rounding makes of earlier components
            overlap = _each(self._feature_loadings.mT, weights)
            weights = weights - _each(self.rotations, overlap)
        rotation = weights * self._alive[:, None]
        clear = bool(((strength > CLEAR * self._largest) | ~self._alive).all())
        # In theory the same, as the deflated cross-products take rotations to zero.
        return Direction(rotation, images if clear else self._onto_neurons(rotation))

    def deflate(
        self, component: int, along: Direction, loadings: Tensor, norms: Tensor, energy: Tensor
    ) -> Tensor:
        r"""Take a component off; return the splits (0 or 1) that had one.

        `loadings` are :math:`X^\top t` for the scores t of the train stimuli, `norms`
        :math:`t^\top t`, of which less than rounding of `energy`, a bound on it, is none.
        """
        self._alive &= norms > self._noise**2 * energy
        alive = self._alive.to(norms)[:, None]
        norms = norms.where(self._alive, 1.0)
        p = loadings / norms[:, None] * alive
        q = along.neurons / norms[:, None] * alive
        self._lower_square(p, q, norms)
        self._feature_loadings[:, :, component] = p
        self.rotations[:, :, component] = along.features * alive
        self.loadings[:, :, component] = q
        self._norms[:, component] = norms * alive[:, 0]
        self.found += self._alive
        return alive[:, 0]

    def _leading(self) -> tuple[Tensor, Tensor, Tensor]:
        """Unit weights (splits × features) of the largest singular direction, its value, its image.

        The image (splits × neurons) is the deflated cross-products' transposes times the weights.
        """
        vectors = _top_eigenvectors(self._square)
        if self._by_neurons:
            weights = self._onto_features(vectors)
            strength = weights.norm(dim=1)
            length = strength.where(strength > 0, 1.0)[:, None]
            # Eigenvectors are less exact than a product: the square's stands for one with C.
            return weights / length, strength, _each(self._square, vectors) / length
        images = self._onto_neurons(vectors)
        return vectors, images.norm(dim=1), images

    def _lower_square(self, p: Tensor, q: Tensor, norms: Tensor) -> None:
        """Update the square by rank two, rather than multiplying the cross-products again."""
        norms = norms[:, None]
        if self._by_neurons:
            side, other, image = q, p, self._onto_neurons(p)
        else:
            side, other, image = p, q, self._onto_features(q)
        across = other.square().sum(1, keepdim=True)
        half = norms * image - norms.square() * across / 2 * side
        left, right = torch.stack([half, side], 2), torch.stack([side, half], 2)
        self._square.baddbmm_(left, right.mT, alpha=-1)

    def _onto_neurons(self, vectors: Tensor) -> Tensor:
        """Multiply the deflated cross-products' transposes with one vector each."""
        overlap = _each(self._feature_loadings.mT, vectors) * self._norms
        return _each(self._cross.mT, vectors) - _each(self.loadings, overlap)

    def _onto_features(self, vectors: Tensor) -> Tensor:
        """Multiply the deflated cross-products with one vector each."""
        overlap = _each(self.loadings.mT, vectors) * self._norms
        return _each(self._cross, vectors) - _each(self._feature_loadings, overlap)

    def _rest(self, chosen: Tensor) -> Tensor:
        taken = self._feature_loadings[chosen] * self._norms[chosen][:, None]
        return self._cross[chosen] - taken @ self.loadings[chosen].mT

    def _squared(self, cross: Tensor) -> Tensor:
        return cross.mT @ cross if self._by_neurons else cross @ cross.mT


def _each(matrices: Tensor, vectors: Tensor) -> Tensor:
    """Multiply each matrix with its vector; on a CPU one by one, which is twice as fast."""
    if matrices.device.type == "cpu":
        return torch.stack(
            [matrix @ vector for matrix, vector in zip(matrices, vectors, strict=True)]
        )
    return (matrices @ vectors[:, :, None])[:, :, 0]


def _top_eigenvectors(squares: Tensor) -> Tensor:
    """Eigenvector of the largest eigenvalue of each; its sign does not matter here."""
    if squares.device.type != "cpu":
        return torch.linalg.eigh(squares)[1][:, :, -1]
    with one_thread():
        return torch.stack([_top_eigenvector(square) for square in squares])


def _top_eigenvector(square: Tensor) -> Tensor:
    import numpy as np
    from scipy.linalg import eigh
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    matrix, size = square.numpy(), len(square)
    if size > DIRECT and matrix.any():
        start = np.linspace(1.0, 2.0, size)  # any that is not orthogonal; the same each time
        try:
            return torch.from_numpy(eigsh(matrix, k=1, which="LA", v0=start, tol=0)[1][:, 0].copy())
        except ArpackNoConvergence:
            pass  # several equal ones: the direct way tells them apart
    vectors = eigh(matrix, subset_by_index=(size - 1, size - 1), check_finite=False)[1]
    return torch.from_numpy(vectors[:, 0].copy())
