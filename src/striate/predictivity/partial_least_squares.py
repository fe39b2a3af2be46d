"""Partial least squares: for one set of stimuli, or for all splits of a set at once."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from striate.predictivity.centring import centred, constant_columns
from striate.predictivity.checks import check_components, check_pair, check_splits
from striate.predictivity.deflation import Deflated
from striate.predictivity.linear_map import LinearMap
from striate.predictivity.splits import Split

# Bytes of cross-products held at a time; with more splits than fit, some are done after others.
BUDGET = 2**30
# Of products of features and responses, so that sums of their squares stay within float64.
LARGEST = 1e150
ROWS = 256  # stimuli whose features stay in a processor's cache


class PLSFits(NamedTuple):
    """Partial least squares of several splits, with any number of components up to all.

    Memory stays far below splits × stimuli × neurons: predictions are made one split at a time.

    Attributes
    ----------
    rotations
        A stimulus's scores are its features, less `feature_means`, times these.
    loadings
        Its prediction is its scores times these, plus `response_means`.
    scores
        Of every stimulus, train and test.
    feature_means, response_means
        Over the train stimuli.
    found
        How many components there were in the train stimuli. Where that is less than what was asked
        for, e.g. of features that are copies of each other, the others are zero.
    """

    rotations: Float[Tensor, "splits features components"]
    loadings: Float[Tensor, "splits neurons components"]
    scores: Float[Tensor, "splits stimuli components"]
    feature_means: Float[Tensor, "splits features"]
    response_means: Float[Tensor, "splits neurons"]
    found: Int64[Tensor, " splits"]

    def predictions(
        self, split: int, *, components: int | None = None
    ) -> Float[Tensor, "stimuli neurons"]:
        """Predict every stimulus, train and test, from one split's train stimuli.

        Raises
        ------
        ValueError
            If so many `components` were not fitted.
        """
        first = self._first(components)
        scores, loadings = self.scores[split, :, :first], self.loadings[split, :, :first]
        return scores @ loadings.T + self.response_means[split]

    def linear_map(self, split: int, *, components: int | None = None) -> LinearMap:
        """Return one split's map, with the first `components` (all if None).

        Raises
        ------
        ValueError
            If so many `components` were not fitted.
        """
        first = self._first(components)
        coefficients = self.rotations[split, :, :first] @ self.loadings[split, :, :first].T
        offset = self.feature_means[split] @ coefficients
        return LinearMap(coefficients, self.response_means[split] - offset)

    def _first(self, components: int | None) -> int:
        fitted = self.rotations.shape[2]
        if components is not None:
            check_components(components, features=fitted, train=fitted + 1)
        return fitted if components is None else components


def pls(
    features: Float[Tensor, "stimuli features"],
    responses: Float[Tensor, "stimuli neurons"],
    *,
    splits: Sequence[Split],
    z_scored: bool,
    components: int = 25,
) -> PLSFits:
    r"""Fit partial least squares with all neurons as targets, for all splits at once.

    The kernel algorithm of Dayal & MacGregor 1997 on cross-products that the splits share: those
    of one split are the whole set's less its test part's, and one product of all features with the
    directions of all splits gives their scores. Features are never deflated and no split has a
    feature × feature matrix. It converges to rounding where NIPALS stops early: scikit-learn's
    default tolerance leaves predictions off by some 0.2 % of their standard deviation.

    Parameters
    ----------
    features
        E.g. the PCA scores of a layer (`striate.spectra.principal_scores`).
    responses
        Averaged over repeats; finite.
    splits
        From `split_indices`, or your own. The order within a split does not matter.
    z_scored
        Whether features and neurons are divided by their standard deviation over the train stimuli
        (ddof 1; a constant one by 1). Not so in Kong et al. 2021; scikit-learn's ``scale=True``.
    components
        25 in Kong et al. 2021.

    Returns
    -------
    fits
        See `PLSFits`. Computed in float64, returned in the precision of `responses`.

    Raises
    ------
    ValueError
        If `features` and `responses` are not of the same stimuli or not finite, a split does not
        divide them, or its train part cannot have so many components; if squares of their products
        are beyond float64; or `z_scored` is no truth value.

    Examples
    --------
    >>> seeded = torch.Generator().manual_seed(0)
    >>> features = torch.randn(100, 5, generator=seeded)
    >>> responses = features @ torch.randn(5, 3, generator=seeded)
    >>> from striate.predictivity import split_indices
    >>> splits = [split_indices(100, seed=seed) for seed in range(20)]
    >>> fits = pls(features, responses, splits=splits, z_scored=False, components=5)
    >>> torch.allclose(fits.predictions(7), responses, atol=1e-5)
    True
    """
    check_pair(features, responses)
    check_splits(splits, len(features))
    _check_z_scored(z_scored)
    for split in splits:
        check_components(components, features=features.shape[1], train=len(split.train))
    (x, x_means), (y, y_means) = centred(features), centred(responses)
    _check_scale(x, y)
    each = 8 * (x.shape[1] * y.shape[1] + min(x.shape[1], y.shape[1]) ** 2)
    some = max(1, BUDGET // each)
    product = x.T @ y
    parts = [
        _fit(x, y, product, [split.train for split in splits[first : first + some]], z_scored,
             components)
        for first in range(0, len(splits), some)
    ]  # fmt: skip
    joined = PLSFits(*(torch.cat(field) for field in zip(*parts, strict=True)))
    return _finished(joined, x_means, y_means, responses.dtype)


def fit_pls(
    features: Float[Tensor, "stimuli features"],
    responses: Float[Tensor, "stimuli neurons"],
    *,
    z_scored: bool,
    components: int = 25,
) -> LinearMap:
    """Fit partial least squares to all these stimuli, to predict others.

    Parameters
    ----------
    features, responses, z_scored, components
        As in `pls`.

    Returns
    -------
    fitted
        ``fitted.predict(others)`` gives predictions. Computed in float64, returned in the precision
        of `responses`.

    Raises
    ------
    ValueError
        As `pls`.

    Examples
    --------
    >>> seeded = torch.Generator().manual_seed(0)
    >>> features = torch.randn(100, 5, generator=seeded)
    >>> fitted = fit_pls(features, 2 * features, z_scored=False, components=5)
    >>> torch.allclose(fitted.predict(features[:7]), 2 * features[:7], atol=1e-5)
    True
    """
    check_pair(features, responses)
    _check_z_scored(z_scored)
    check_components(components, features=features.shape[1], train=len(features))
    (x, x_means), (y, y_means) = centred(features), centred(responses)
    _check_scale(x, y)
    everything = torch.arange(len(x), device=x.device)
    fits = _fit(x, y, x.T @ y, [everything], z_scored, components)
    whole = _finished(fits, x_means, y_means, torch.float64).linear_map(0)
    return LinearMap(*(field.to(responses.dtype) for field in whole))


def _finished(fits: PLSFits, x_means: Tensor, y_means: Tensor, dtype: torch.dtype) -> PLSFits:
    """Put back the means that were taken off before, and round."""
    return PLSFits(
        fits.rotations.to(dtype),
        fits.loadings.to(dtype),
        fits.scores.to(dtype),
        (fits.feature_means + x_means).to(dtype),
        (fits.response_means + y_means).to(dtype),
        fits.found,
    )


def _fit(
    x: Tensor, y: Tensor, product: Tensor, trains: list[Tensor], z_scored: bool, components: int
) -> PLSFits:
    """Fit to columns of mean zero over all stimuli, whose cross-product is `product`."""
    mask = x.new_zeros(len(trains), len(x))
    for row, train in zip(mask, trains, strict=True):
        row[train] = 1
    counts = mask.sum(1, keepdim=True)
    x_means, y_means = mask @ x / counts, mask @ y / counts
    cross = _products(x, y, product, mask)
    cross.baddbmm_(x_means[:, :, None], (counts * y_means)[:, None], alpha=-1)
    x_scale, y_scale = torch.ones_like(x_means), torch.ones_like(y_means)
    if z_scored:
        x_scale = torch.stack([_deviations(x, train) for train in trains])
        y_scale = torch.stack([_deviations(y, train) for train in trains])
        cross /= x_scale[:, :, None] * y_scale[:, None]
    deflated = Deflated(cross, components, rows=len(x))
    scores = x.new_zeros(len(trains), components, len(x))
    energy = mask @ torch.linalg.vector_norm(x, dim=1).square()
    for component in range(components):
        along = deflated.direction(component)
        directions = along.features / x_scale
        latent, seen, loadings = _seen_along(x, directions, x_means, mask)
        loadings = (loadings - seen.sum(1, keepdim=True) * x_means) / x_scale
        most = energy * directions.square().sum(1)
        kept = deflated.deflate(component, along, loadings, seen.square().sum(1), most)
        scores[:, component] = latent * kept[:, None]
    rotations = deflated.rotations / x_scale[:, :, None]
    loadings = deflated.loadings * y_scale[:, :, None]
    return PLSFits(rotations, loadings, scores.mT, x_means, y_means, deflated.found)


def _seen_along(
    x: Tensor, directions: Tensor, means: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Project stimuli on each split's direction; those it trains on, and their products with x.

    Up to rounding the train stimuli's have mean zero, so that the products need no mean of x. On a
    CPU a few stimuli at a time, which are fetched from memory once for both products.
    """
    latent, loadings = x.new_empty(mask.shape), torch.zeros_like(directions)
    offsets = (directions * means).sum(1, keepdim=True)
    seen = torch.empty_like(latent)
    some = ROWS if x.device.type == "cpu" else len(x)
    for first in range(0, len(x), some):
        part = slice(first, first + some)
        latent[:, part] = directions @ x[part].T - offsets
        torch.mul(latent[:, part], mask[:, part], out=seen[:, part])
        loadings.addmm_(seen[:, part], x[part])
    return latent, seen, loadings


def _products(x: Tensor, y: Tensor, product: Tensor, masks: Tensor) -> Tensor:
    """Cross-products over the train stimuli, by way of whichever stimuli are fewer."""
    fewer = [row.bool() if 2 * int(row.sum()) <= len(row) else ~row.bool() for row in masks]
    most = max(int(part.sum()) for part in fewer)
    # New memory for each split would take as long as the products.
    x_rows, y_rows = x.new_empty(most, x.shape[1]), y.new_empty(most, y.shape[1])
    cross = x.new_empty(len(masks), y.shape[1], x.shape[1])
    for made, part, row in zip(cross, fewer, masks, strict=True):
        chosen = part.nonzero()[:, 0]
        x_part, y_part = x_rows[: len(chosen)], y_rows[: len(chosen)]
        torch.index_select(x, 0, chosen, out=x_part)
        torch.index_select(y, 0, chosen, out=y_part)
        if 2 * int(row.sum()) <= len(row):
            torch.mm(y_part.T, x_part, out=made)
        else:
            torch.addmm(product.T, y_part.T, x_part, alpha=-1, out=made)
    return cross.mT


def _check_z_scored(z_scored: object) -> None:
    if not isinstance(z_scored, bool):
        raise ValueError(f"z_scored={z_scored!r}: give True or False")


def _check_scale(x: Tensor, y: Tensor) -> None:
    """Directions come from squares of cross-products, which must neither overflow nor vanish."""
    largest = [values.abs().max().item() for values in (x, y)]
    product = largest[0] * largest[1]
    if all(largest) and not 1 / LARGEST <= product <= LARGEST:
        raise ValueError(
            f"features reach {largest[0]:.3g} from their means and responses {largest[1]:.3g}; "
            "squares of their products are beyond float64, so give them in other units"
        )


def _deviations(values: Tensor, train: Tensor) -> Tensor:
    seen = values[train]
    deviation = seen.std(0)
    return deviation.masked_fill(constant_columns(seen, seen.mean(0)), 1.0)
