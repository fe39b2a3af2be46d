"""Intervals of accuracies of 0 and 100 %, where resampling gives none."""

from dataclasses import replace

from striate.results import Curve, Result, Score
from striate.statistics import EXACT, ONE_SIDED, exact_interval


def widened(result: Result) -> Result:
    """Return an accuracy with the exact interval where what was written has no width.

    Of images that are all right, or all wrong, each resample is the same, so results of before
    have an interval of no width, however few the images were.
    """
    images = result.settings.get("images")
    if not isinstance(images, int | float) or images < 1:
        return result
    if isinstance(result, Score):
        if result.error != 0 or result.value not in (0, 1):
            return result
        low, high = exact_interval(round(result.value) * int(images), int(images))
        about = {**result.settings, "low": low, "high": high, "error": EXACT}
        return replace(result, error=(high - low) / 2, settings=about)
    return _widened_curve(result, int(images))


def _widened_curve(curve: Curve, images: int) -> Curve:
    if curve.error is None:
        return curve
    ends = [
        exact_interval(round(y) * images, images) if error == 0 and y in (0, 1) else None
        for y, error in zip(curve.y, curve.error, strict=True)
    ]
    if not any(ends):
        return curve
    errors = tuple(
        error if end is None else end[1] - end[0]
        for end, error in zip(ends, curve.error, strict=True)
    )
    kind = curve.settings.get("error")
    words = ONE_SIDED if all(ends) else f"{kind}; at 0 and 100 % {ONE_SIDED}"
    return replace(curve, error=errors, settings={**curve.settings, "error": words})
