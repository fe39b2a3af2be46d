"""Tuning as scores and curves, written down the same way everywhere."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from striate.results import Curve, Score, Setting

RESAMPLES = 1000


def median_score(
    name: str, values: Tensor, source: str, settings: Mapping[str, Setting], *, seed: int
) -> list[Score]:
    """Median over the channels of which the value is known, and how sure it is.

    There is none if it is known of no channel. How many are ``measured`` stands in the settings,
    and with the kind of error if it is not all of them; of a single one there is no error. The
    interval need not be symmetric: ``low`` and ``high`` are its ends, the error half of it.
    """
    from scipy.stats import bootstrap

    known = values[values.isfinite()].double().cpu().numpy()
    if not len(known):
        return []
    about = {**settings, "measured": len(known)}
    part = "" if len(known) == len(values) else f"{len(known)} of {len(values)} "
    if len(known) == 1:
        about |= {"error": f"none: it is of {part}channels"} if part else {}
        return [Score(name, float(known[0]), source=source, settings=about)]
    # Percentile: of medians, which take few values, the corrected intervals are not to be had.
    found = bootstrap(
        (known,),
        np.median,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    low, high = float(found.low), float(found.high)
    kind = f"bootstrap over {part}channels, half the 95 % interval"
    about |= {"low": low, "high": high, "error": kind}
    return [Score(name, float(np.median(known)), (high - low) / 2, source, about)]


def curve(
    name: str,
    x: Tensor | Sequence[float],
    y: Tensor,
    source: str,
    settings: Mapping[str, Setting],
    error: Tensor | None = None,
) -> Curve:
    """Write one line of a figure."""
    errors = None if error is None else tuple(error.tolist())
    return Curve(name, tuple(float(at) for at in x), tuple(y.tolist()), errors, source, settings)
