"""Time several ways of doing one thing in turn, so that a drifting machine is fair to all."""

import statistics
import time
from collections.abc import Callable, Mapping


def medians(
    ways: Mapping[str, Callable[[], object]], *, rounds: int = 9, warm_up: int = 2
) -> dict[str, float]:
    """Seconds each way takes: the median over `rounds` in which every way has one turn."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(warm_up + rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if turn >= warm_up:
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(times) for name, times in seconds.items()}
