"""A full disk costs the task in flight and says so; the same command goes on when there is room."""

import errno
import os
import resource
import subprocess
from pathlib import Path

import pytest
from tiny_cells import forked, grid, killed_after, measured, sweep, with_arrays

from striate.results import verify
from striate.study import failures, run

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def limited(size, tasks, folder, errors):
    """Sweep where no file may be larger than `size` bytes; leave the number of the error."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    heard = []
    try:
        list(run(with_arrays, tasks, directory=folder, failed=heard.append))
    except OSError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        errors.write_text(f"{error.errno} {len(heard)} {error}")


@pytest.mark.parametrize("size", [0, 100, 5000, 20_000])
def test_a_file_that_may_not_grow_stops_the_sweep_and_leaves_nothing_half(tmp_path, size):
    tasks = grid(alphas=(1.0, 2.0))
    folder = tmp_path / "results"
    folder.mkdir()
    if size > 100:  # the first cell was done when there was room
        sweep(tasks[:1], folder, with_arrays)
    errors = tmp_path / "errors"
    assert not killed_after(60, forked(lambda: limited(size, tasks, folder, errors)))
    number, heard, said = errors.read_text().split(" ", 2)
    assert (int(number), int(heard)) == (errno.EFBIG, 0)
    assert "File too large" in said
    assert list(failures.recorded(folder)) == []
    found = verify(folder)
    assert (found.sound, found.damaged, found.leftovers) == (int(size > 100), {}, [])
    finished = sweep(tasks, folder, with_arrays)
    assert [one.seconds is None for one in finished] == [size > 100, False]
    sweep(tasks, tmp_path / "straight", with_arrays)
    assert measured(folder) == measured(tmp_path / "straight")


@pytest.mark.reliability
def test_a_file_system_that_is_full_stops_the_sweep_until_there_is_room(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        tasks = grid(alphas=tuple(1 + n / 10 for n in range(20)))
        with pytest.raises(OSError, match="No space left on device") as full:
            sweep(tasks, disk / "results", with_arrays)
        assert full.value.errno == errno.ENOSPC
        found = verify(disk / "results")
        assert 0 < found.sound < 20
        assert (found.damaged, found.leftovers) == ({}, [])
        print(f"\n256 kB: {found.sound} of 20 cells, then ENOSPC, nothing damaged")
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        finished = sweep(tasks, disk / "results", with_arrays)
        assert sum(one.seconds is None for one in finished) == found.sound
        sweep(tasks, tmp_path / "straight", with_arrays)
        assert measured(disk / "results") == measured(tmp_path / "straight")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("where", ["results", ".partial", "gerum2022"])
def test_a_file_where_a_folder_is_to_be_is_said_and_nothing_is_harmed(tmp_path, where):
    folder = tmp_path / "results"
    blocked = folder if where == "results" else folder / where
    blocked.parent.mkdir(exist_ok=True)
    blocked.write_text("somebody's")
    with pytest.raises(OSError, match=where):
        sweep(grid(), folder)
    assert blocked.read_text() == "somebody's"
    blocked.unlink()
    (finished,) = sweep(grid(), folder)
    assert finished.seconds is not None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_said(tmp_path):
    (tmp_path / "results").mkdir(mode=0o500)
    with pytest.raises(PermissionError, match="results"):
        sweep(grid(), Path(tmp_path / "results"))
