"""Learning rates by epoch: functions of the epoch alone, so that resuming needs no memory."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial
from math import cos, pi

# epoch, counted from 1 -> what the initial learning rate is multiplied by
RateSchedule = Callable[[int], float]


def dropped(drops: Sequence[int], *, factor: float = 0.1) -> RateSchedule:
    """Multiply the learning rate by `factor` after each of the epochs in `drops`.

    Parameters
    ----------
    drops
        Epochs, counted from 1, after which the rate falls: 25 means that epoch 26 is the first
        with the lower rate. None are allowed: the rate then stays.
    factor
        Of each fall.

    Returns
    -------
    schedule
        ``schedule(epoch)``, for `train`.

    Raises
    ------
    ValueError
        If `drops` do not rise from 1 on, or `factor` is not positive.

    Examples
    --------
    >>> [dropped((2, 3), factor=0.5)(epoch) for epoch in (1, 2, 3, 4)]
    [1.0, 1.0, 0.5, 0.25]
    """
    steps = list(drops)
    if steps != sorted(set(steps)) or any(step < 1 for step in steps):
        raise ValueError(f"drops={tuple(steps)}: give epochs from 1 on, each later than the last")
    if not 0 < factor < float("inf"):
        raise ValueError(f"factor={factor}: a learning rate falls to a positive part of itself")
    return partial(_dropped, tuple(steps), factor)  # unlike a closure, it can be pickled


def cosine(epochs: int) -> RateSchedule:
    r"""Lower the learning rate along half a cosine (Loshchilov & Hutter 2017, without restarts).

    :math:`(1+\cos(\pi (e-1)/E))/2` in epoch :math:`e` of :math:`E`: 1 in the first epoch, nearly 0
    in the last, and 0 in any later one.

    Parameters
    ----------
    epochs
        How many there are.

    Returns
    -------
    schedule
        ``schedule(epoch)``, for `train`.

    Raises
    ------
    ValueError
        If `epochs` is not at least 1.
    """
    if epochs < 1:
        raise ValueError(f"epochs={epochs}: need at least one")
    return partial(_cosine, epochs)


def _dropped(drops: tuple[int, ...], factor: float, epoch: int) -> float:
    return float(factor ** bisect_left(drops, epoch))


def _cosine(epochs: int, epoch: int) -> float:
    return (1 + cos(pi * min((epoch - 1) / epochs, 1))) / 2
