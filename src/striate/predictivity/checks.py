"""What several functions ask of their arguments, asked in one way."""

from collections.abc import Sequence
from numbers import Integral, Real

import torch
from torch import Tensor

from striate.predictivity.splits import Split


def check_floats(name: str, value: object, axes: str) -> None:
    """Refuse what is not a tensor of floating point with `axes`, e.g. ``"stimuli × neurons"``.

    ``"... × neurons"`` allows any axes before the last.

    Raises
    ------
    ValueError
        If `value` is none, or has an axis of length zero.
    """
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} is a {type(value).__name__}; give a torch.Tensor: {axes}")
    count = axes.count("×") + 1
    right = value.ndim >= count - 1 if axes.startswith("...") else value.ndim == count
    if not right or value.ndim == 0 or 0 in value.shape:
        raise ValueError(f"{name} has shape {tuple(value.shape)}; need {axes}, none of them empty")
    if not value.is_floating_point():
        raise ValueError(f"{name} holds {value.dtype}; give floating point, e.g. {name}.double()")


def check_finite(name: str, value: Tensor) -> None:
    """Refuse numbers that are NaN or infinite.

    Raises
    ------
    ValueError
        If there are such.
    """
    if not value.isfinite().all():
        raise ValueError(
            f"{name} holds numbers that are not finite; average over the repeats that were "
            "recorded and leave out stimuli or neurons without any"
        )


def check_pair(features: Tensor, responses: Tensor) -> None:
    """Refuse features and responses that are not of the same stimuli.

    Raises
    ------
    ValueError
        If they are not, are not finite, lie on different devices, or are of a single stimulus.
    """
    check_floats("features", features, "stimuli × features")
    check_floats("responses", responses, "stimuli × neurons")
    check_finite("features", features)
    check_finite("responses", responses)
    if len(features) != len(responses) or len(features) < 2:
        raise ValueError(
            f"features has {len(features)} stimuli and responses {len(responses)}; need one row "
            "per stimulus in both, and at least 2"
        )
    if features.device != responses.device:
        raise ValueError(
            f"features lie on {features.device} and responses on {responses.device}; move one"
        )


def check_splits(splits: object, stimuli: int) -> None:
    """Refuse splits that do not divide (some of) so many stimuli into train and test.

    Raises
    ------
    ValueError
        If there are none, or one has fewer than two stimuli on a side, names a stimulus twice or
        one that there is not.
    """
    if isinstance(splits, Split) or not isinstance(splits, Sequence) or not len(splits):
        raise ValueError("splits holds no split; give a list, e.g. [split_indices(n, seed=0)]")
    for number, split in enumerate(splits):
        if not isinstance(split, Split):
            raise ValueError(
                f"splits[{number}] is a {type(split).__name__}; give Split(train, test), as "
                "split_indices makes it"
            )
        _check_split(number, split, stimuli)


def _check_split(number: int, split: Split, stimuli: int) -> None:
    for side, rows in zip(("train", "test"), split, strict=True):
        name = f"splits[{number}].{side}"
        if not isinstance(rows, Tensor) or rows.dtype != torch.int64 or rows.ndim != 1:
            raise ValueError(f"{name} must be one axis of int64, as split_indices makes them")
        if len(rows) < 2:
            raise ValueError(f"{name} holds {len(rows)} stimuli; need at least 2")
        if rows.min() < 0 or rows.max() >= stimuli:
            raise ValueError(
                f"{name} names stimuli {int(rows.min())} to {int(rows.max())}; there are "
                f"{stimuli}, counted from 0"
            )
    both = torch.cat([rows.cpu() for rows in split])
    if len(both.unique()) != len(both):
        raise ValueError(
            f"splits[{number}] names a stimulus twice; one in both train and test is no test"
        )


def check_components(components: object, *, features: int, train: int) -> None:
    """Refuse a number of components that so many features and train stimuli cannot have.

    Raises
    ------
    ValueError
        If it is not a whole number from 1 to ``min(features, train - 1)``.
    """
    most = min(features, train - 1)
    if not isinstance(components, Integral) or not 1 <= int(components) <= most:
        raise ValueError(
            f"components={components!r} of {features} features and {train} train stimuli: give a "
            f"whole number from 1 to {most}"
        )


def check_real(name: str, value: object) -> float:
    """Return a number, and refuse what is none.

    Raises
    ------
    ValueError
        If `value` is none.
    """
    if not isinstance(value, Real):
        raise ValueError(f"{name}={value!r}: give a number")
    return float(value)


def check_share(name: str, value: object, what: str) -> None:
    """Refuse what is not a number from 0 on and below 1; `what` says of what it is one.

    Raises
    ------
    ValueError
        If `value` is none.
    """
    if not isinstance(value, Real) or not 0 <= float(value) < 1:
        raise ValueError(f"{name}={value!r}: {what}, from 0 on and below 1")


def check_lambdas(lambdas: Sequence[float]) -> None:
    """Refuse ridge penalties that are not positive and finite.

    Raises
    ------
    ValueError
        If there is none, or one that is not.
    """
    if not isinstance(lambdas, Sequence) or not len(lambdas):
        raise ValueError(f"lambdas={lambdas!r}: give positive numbers, e.g. (0.01, 0.1, 1.0, 10.0)")
    for value in lambdas:
        if not isinstance(value, Real) or not 0 < value < float("inf"):
            raise ValueError(f"lambdas={lambdas!r} holds {value!r}; each must be positive, finite")
