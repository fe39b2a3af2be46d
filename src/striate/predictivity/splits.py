"""Which stimuli a map is fitted on and which it is tested on."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

Groups = Sequence[str] | Sequence[int] | Tensor


class Split(NamedTuple):
    """Stimuli by their number, counted from 0; the order of `train` decides the folds of `ridge`.

    Attributes
    ----------
    train, test
        Disjoint; together they need not be all stimuli.
    """

    train: Int64[Tensor, " train"]
    test: Int64[Tensor, " test"]


def split_indices(
    stimuli: int, *, seed: int, train_share: float = 0.75, groups: Groups | None = None
) -> Split:
    """Draw the train and test stimuli of one split.

    Without `groups` these are the splits of Kong et al. 2021, seeds 0 to 19: numpy's legacy
    generator started at the seed permutes the stimuli, of which the first ``int(0.75 * n)`` are
    for training.

    Images made from one source, or frames of one movie, resemble each other: on both sides of a
    split they let a map that memorises pass for one that predicts. With `groups` they stay
    together. Then the groups are permuted, and cut where the number of *images* comes nearest to
    the wanted share. In `train` siblings follow each other, so that of the contiguous folds of
    `ridge` all but the edges are free of them, too.

    Parameters
    ----------
    stimuli
        How many there are.
    seed
        From 0 to 2³² - 1.
    train_share
        Between 0 and 1.
    groups
        A label for each stimulus, e.g. Cadena's ``image_ids``.

    Returns
    -------
    split
        Every stimulus is in one of the two.

    Raises
    ------
    ValueError
        If a number is out of range, there is not one label per stimulus, or a side would be empty.

    Examples
    --------
    >>> split = split_indices(6250, seed=0)
    >>> split.train[:5].tolist(), len(split.test)
    ([2600, 5998, 3147, 144, 1525], 1563)
    """
    _check(stimuli, seed)
    if not isinstance(train_share, Real) or not 0 < train_share < 1:
        raise ValueError(f"train_share={train_share!r}: give a share between 0 and 1, e.g. 0.75")
    order, cut = _permutation(stimuli, seed), int(train_share * stimuli)
    if groups is not None:
        shuffled = _shuffled(groups, stimuli, seed)
        if len(shuffled) < 2:
            raise ValueError("groups holds one label only; a split keeps each group on one side")
        ends = torch.tensor([len(rows) for rows in shuffled[:-1]]).cumsum(0)
        order, cut = torch.cat(shuffled), int(ends[(ends - cut).abs().argmin()])
    if not cut:
        raise ValueError(f"train_share={train_share} of {stimuli} stimuli leaves none to train on")
    return Split(order[:cut].clone(), order[cut:].clone())


def fold_indices(
    stimuli: int, *, folds: int, seed: int, groups: Groups | None = None
) -> tuple[Split, ...]:
    """Divide the stimuli into folds, each of which is the test part of one split.

    Every stimulus is tested once. Groups stay together and the folds come out as equal in images
    as they allow: in random order, the largest first, each goes to the fold that has fewest.

    Parameters
    ----------
    stimuli, groups
        As in `split_indices`.
    folds
        How many.
    seed
        Of the random order.

    Returns
    -------
    splits
        One for each fold.

    Raises
    ------
    ValueError
        If there are not as many stimuli, or groups of them, as folds.
    """
    _check(stimuli, seed)
    shuffled = _shuffled(range(stimuli) if groups is None else groups, stimuli, seed)
    if not isinstance(folds, Integral) or not 2 <= folds <= len(shuffled):
        what = "stimuli" if groups is None else "groups of stimuli"
        raise ValueError(f"folds={folds!r} of {len(shuffled)} {what}: give 2 to {len(shuffled)}")
    dealt: list[list[Tensor]] = [[] for _ in range(folds)]
    sizes = [0] * folds
    for rows in sorted(shuffled, key=len, reverse=True):  # stable: among equals at random
        fold = sizes.index(min(sizes))
        dealt[fold].append(rows)
        sizes[fold] += len(rows)
    tests = [torch.cat(rows) for rows in dealt]
    return tuple(
        Split(torch.cat(tests[:fold] + tests[fold + 1 :]), test) for fold, test in enumerate(tests)
    )


def inner_split(
    split: Split, *, seed: int, train_share: float = 0.75, groups: Groups | None = None
) -> Split:
    """Split the train part of a split again, to choose something without seeing the test part.

    Fit on the new `train`, choose the layer by the new `test`, then report that layer's score on
    ``split.test``: see `choose_layer_nested`.

    Parameters
    ----------
    split
        Whose test part stays untouched.
    seed, train_share
        As in `split_indices`.
    groups
        A label for each of *all* stimuli, not only those of the train part.

    Returns
    -------
    inner
        Both parts are of ``split.train``.

    Raises
    ------
    ValueError
        As `split_indices`, or if `groups` has no label for a stimulus.
    """
    labels = None
    if groups is not None:
        everyone = _labels(groups)
        if len(everyone) <= int(split.train.max()):
            raise ValueError(
                f"groups holds {len(everyone)} labels and the split names stimulus "
                f"{int(split.train.max())}; give one label per stimulus, of all of them"
            )
        labels = [everyone[index] for index in split.train.tolist()]
    chosen = split_indices(len(split.train), seed=seed, train_share=train_share, groups=labels)
    return Split(*(split.train[rows.to(split.train.device)] for rows in chosen))


def _permutation(count: int, seed: int) -> Tensor:
    """Permute as the published code did, whose generator numpy keeps for such cases."""
    import numpy as np

    return torch.from_numpy(np.random.RandomState(seed).permutation(count)).long()


def _labels(groups: Groups) -> Sequence[str | int]:
    return groups.tolist() if isinstance(groups, Tensor) else list(groups)


def _shuffled(groups: Groups, stimuli: int, seed: int) -> list[Tensor]:
    """Stimuli of each group, the groups (in the order of their labels) permuted."""
    labels = _labels(groups)
    if len(labels) != stimuli:
        raise ValueError(f"groups holds {len(labels)} labels for {stimuli} stimuli")
    if any(label != label for label in labels):
        raise ValueError("groups holds NaN, which is no label; give strings or whole numbers")
    members: dict[str | int, list[int]] = {}
    for stimulus, label in enumerate(labels):
        members.setdefault(label, []).append(stimulus)
    try:
        ordered = sorted(members)  # pyright: ignore[reportArgumentType]  strings or numbers
    except TypeError as error:
        raise ValueError("groups mixes kinds of labels; give strings or whole numbers") from error
    return [torch.tensor(members[ordered[index]]) for index in _permutation(len(ordered), seed)]


def _check(stimuli: int, seed: int) -> None:
    if not isinstance(stimuli, Integral) or stimuli < 2:
        raise ValueError(f"stimuli={stimuli!r}: a split needs a whole number from 2 on")
    if not isinstance(seed, Integral) or not 0 <= seed < 2**32:
        raise ValueError(f"seed={seed!r}: give a whole number from 0 to 4294967295")
