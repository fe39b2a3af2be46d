"""Cells of Gerum's grid on digits that take a fraction of a second, and what is done to runs."""

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from striate import results
from striate.studies import gerum2022
from striate.studies.gerum2022 import cell
from striate.study import Measured, run
from striate.training import train


def grid(*, alphas=(1.0,), seeds=1, epochs=2, **overrides):
    small = {
        "betas": (1.0,),
        "attack_epochs": (epochs,),
        "epsilons": (0.0, 0.1),
        "train_images": 200,
        "attack_images": 20,
        "batch_size": 100,
        "ranks": (3, 30),
        "width": 60,
    }
    return gerum2022.tasks(
        preset="quick",
        protocol="paper",
        data="digits",
        network="shallow_mlp",
        overrides={**small, "alphas": alphas, "seeds": seeds, "epochs": epochs, **overrides},
    )


def measure(task, checkpoint):
    """A cell as it is measured, but frozen after every epoch."""
    cell.train = partial(train, checkpoint_seconds=0.0)
    return gerum2022.measure(task, checkpoint)


def slow(task, checkpoint):
    """The same, but long enough to be killed while it is done."""
    found = measure(task, checkpoint)
    time.sleep(2)  # on a quiet machine too there are some kills before all is done
    return found


def with_arrays(task, checkpoint):
    """A result whose arrays lie beside it."""
    found = measure(task, checkpoint)
    curve = next(one for one in found if isinstance(one, results.Curve))
    return Measured(found, {"y": np.repeat(curve.y, 500)})


def sweep(tasks, folder, how=measure):
    """Do all tasks; the first error ends it."""
    return list(run(how, tasks, directory=folder))


def forked(work: Callable[[], object]) -> int:
    """Do `work` in a copy of this process, which has loaded all it needs; return its id."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return child


def killed_after(seconds: float, child: int) -> bool:
    """Kill -9 a copy after so long; False if it had finished, which is to be without an error."""
    give_up = time.monotonic() + seconds
    return killed_once(lambda: time.monotonic() >= give_up, child)


def killed_once(due: Callable[[], bool], child: int) -> bool:
    """Kill -9 a copy once it is `due`; False if it had finished, which is to be without error."""
    while not due():
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert status == 0
            return False
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def measured(folder: Path) -> dict[str, list[results.Result]]:
    """What each result says, but for how long it took, and that of its arrays."""
    found = {}
    for path in results.paths(folder):
        said = [one for one in results.load(path) if one.name != "seconds"]
        arrays = {name: array.tobytes() for name, array in results.load_arrays(path).items()}
        found[path.name] = [*said, arrays]
    return found


def stamps(folder: Path) -> dict[str, tuple[int, bytes]]:
    """When each result was written, and its bytes."""
    if not folder.exists():
        return {}
    return {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in results.paths(folder)}
