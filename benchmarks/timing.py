"""Time several ways of doing one thing in turn, so that a drifting machine is fair to all."""

import statistics
import time
from collections.abc import Callable, Mapping


def medians(
    ways: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 9,
    warm_up: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Seconds each way takes: the median over `rounds` in which every way has one turn.

    ``clock=time.process_time`` counts CPU time instead, of which a busy machine takes less away.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(warm_up + rounds):
        for name, way in ways.items():
            started = clock()
            way()
            if turn >= warm_up:
                seconds[name].append(clock() - started)
    return {name: statistics.median(times) for name, times in seconds.items()}
