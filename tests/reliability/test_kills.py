"""Kill -9 at any moment: what was finished stays, and the rest ends with the same bits."""

import fnmatch
import os
import random
import time
from functools import partial

import pytest
from tiny_cells import (
    forked,
    grid,
    killed_after,
    killed_once,
    measure,
    measured,
    stamps,
    sweep,
    with_arrays,
)

from striate import results

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
KILLS = 20


def straight(tasks, folder, how=measure):
    """Do all tasks without a kill; return what they measured, and how long it took."""
    started = time.monotonic()
    assert not killed_after(600, forked(lambda: sweep(tasks, folder, how)))
    return measured(folder), time.monotonic() - started


def at_random(kills, seconds):
    """Killers at moments drawn from `seconds`."""
    chance = random.Random(1)
    return [partial(killed_after, chance.uniform(*seconds)) for _ in range(kills)]


def killed_with(folder, pattern):
    """A killer that waits for a file in `folder`, finished or not, however busy the machine is."""

    def is_there():  # while folders come and go
        return any(fnmatch.filter(files, pattern) for _, _, files in os.walk(folder))

    return partial(killed_once, is_there)


def kill_and_resume(tasks, folder, killers, how=measure):
    """Let each of `killers` kill a run, then let it finish.

    Returns how many kills hit, how often a finished cell was written again, and how often
    something on disk was damaged.
    """
    hits = rewritten = damaged = 0
    for kill in killers:
        before = stamps(folder)
        hits += kill(forked(lambda: sweep(tasks, folder, how)))
        after = stamps(folder)
        rewritten += sum(after.get(name) != stamp for name, stamp in before.items())
        damaged += len(results.verify(folder).damaged) if folder.exists() else 0
    before = stamps(folder)
    assert not killed_after(600, forked(lambda: sweep(tasks, folder, how)))
    after = stamps(folder)
    rewritten += sum(after.get(name) != stamp for name, stamp in before.items())
    return hits, rewritten, damaged


def test_a_training_run_that_is_killed_twice_ends_with_the_same_bits(tmp_path):
    tasks = grid(epochs=12)
    expected, _ = straight(tasks, tmp_path / "straight")
    folder = tmp_path / "killed"
    killers = [killed_with(folder, f"*-{epoch}.safetensors") for epoch in (4, 8)]
    hits, _, damaged = kill_and_resume(tasks, folder, killers)
    assert (hits, damaged) == (2, 0)
    assert measured(folder) == expected
    assert list((folder / ".partial").iterdir()) == []


def test_a_sweep_that_is_killed_twice_loses_and_repeats_nothing(tmp_path):
    tasks = grid(alphas=(1.0, 2.0, 3.0), epochs=4)
    expected, _ = straight(tasks, tmp_path / "straight", with_arrays)
    folder = tmp_path / "killed"
    killers = [killed_with(folder, f"*-alpha{target}-*.json") for target in (1, 2)]
    hits, rewritten, damaged = kill_and_resume(tasks, folder, killers, with_arrays)
    assert (hits, rewritten, damaged) == (2, 0, 0)
    assert measured(folder) == expected


@pytest.mark.reliability
def test_a_training_run_that_is_killed_at_20_random_moments(tmp_path):
    tasks = grid(epochs=300)
    expected, took = straight(tasks, tmp_path / "straight")
    folder = tmp_path / "killed"
    seconds = (0.01, 1.8 * took / KILLS)
    hits, rewritten, damaged = kill_and_resume(tasks, folder, at_random(KILLS, seconds))
    print(f"\ntraining: {took:.1f} s, {hits} kills, {rewritten} rewritten, {damaged} damaged")
    assert hits == KILLS
    assert (rewritten, damaged) == (0, 0)
    assert measured(folder) == expected


@pytest.mark.reliability
def test_a_sweep_that_is_killed_at_20_random_moments(tmp_path):
    tasks = grid(alphas=tuple(1 + n / 10 for n in range(20)), epochs=8)
    expected, took = straight(tasks, tmp_path / "straight", with_arrays)
    folder = tmp_path / "killed"
    seconds = (0.01, 1.6 * took / KILLS)
    killers = at_random(KILLS, seconds)
    hits, rewritten, damaged = kill_and_resume(tasks, folder, killers, with_arrays)
    print(
        f"\nsweep of {len(tasks)}: {took:.1f} s, {hits} kills, {rewritten} rewritten, "
        f"{damaged} damaged"
    )
    assert hits >= KILLS - 3  # the last may come after the end
    assert (rewritten, damaged) == (0, 0)
    assert measured(folder) == expected
