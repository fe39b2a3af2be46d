"""Kill -9 at any moment: what was finished stays, and the rest ends with the same bits."""

import random
import time

import pytest
from tiny_cells import forked, grid, killed_after, measure, measured, stamps, sweep, with_arrays

from striate import results

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
KILLS = 20


def straight(tasks, folder, how=measure):
    """Do all tasks without a kill; return what they measured, and how long it took."""
    started = time.monotonic()
    assert not killed_after(600, forked(lambda: sweep(tasks, folder, how)))
    return measured(folder), time.monotonic() - started


def kill_and_resume(tasks, folder, kills, seconds, how=measure):
    """Kill a run `kills` times, at moments drawn from `seconds`, then let it finish.

    Returns how many kills hit, how often a finished cell was written again, and how often
    something on disk was damaged.
    """
    chance = random.Random(1)
    hits = rewritten = damaged = 0
    for _ in range(kills):
        before = stamps(folder)
        moment = chance.uniform(*seconds)
        hits += killed_after(moment, forked(lambda: sweep(tasks, folder, how)))
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
    expected, took = straight(tasks, tmp_path / "straight")
    folder = tmp_path / "killed"
    hits, _, damaged = kill_and_resume(tasks, folder, 2, (0.3 * took, 0.5 * took))
    assert (hits, damaged) == (2, 0)
    assert measured(folder) == expected
    assert list((folder / ".partial").iterdir()) == []


def test_a_sweep_that_is_killed_twice_loses_and_repeats_nothing(tmp_path):
    tasks = grid(alphas=(1.0, 2.0, 3.0), epochs=4)
    expected, took = straight(tasks, tmp_path / "straight", with_arrays)
    folder = tmp_path / "killed"
    hits, rewritten, damaged = kill_and_resume(
        tasks, folder, 2, (0.3 * took, 0.5 * took), with_arrays
    )
    assert (hits, rewritten, damaged) == (2, 0, 0)
    assert measured(folder) == expected


@pytest.mark.reliability
def test_a_training_run_that_is_killed_at_20_random_moments(tmp_path):
    tasks = grid(epochs=300)
    expected, took = straight(tasks, tmp_path / "straight")
    folder = tmp_path / "killed"
    seconds = (0.01, 1.8 * took / KILLS)
    hits, rewritten, damaged = kill_and_resume(tasks, folder, KILLS, seconds)
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
    hits, rewritten, damaged = kill_and_resume(tasks, folder, KILLS, seconds, with_arrays)
    print(
        f"\nsweep of {len(tasks)}: {took:.1f} s, {hits} kills, {rewritten} rewritten, "
        f"{damaged} damaged"
    )
    assert hits >= KILLS - 3  # the last may come after the end
    assert (rewritten, damaged) == (0, 0)
    assert measured(folder) == expected
