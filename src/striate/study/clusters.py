"""Workers that dask.distributed watches over: here, at an address, or in jobs of SLURM.

A worker that dies costs the task it was doing, which another one takes up from its checkpoint.
Tasks go out as names and settings and come back as a path, so all machines must see the results
folder, and the data.
"""

import importlib.util
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.results import write_atomically
from striate.study.claims import PARTIAL
from striate.study.slurm import slurm_jobs, slurm_settings
from striate.study.workers import THREADS, cores

if TYPE_CHECKING:  # the extra `cluster`
    from distributed import Client, Scheduler

# How many workers may die during a task before it is the task that is blamed. Dask's 3 is for
# workers that die of their tasks; ours are also preempted, or meet the end of their time.
ALLOWED_FAILURES = 10


@contextmanager
def cluster(
    which: str,
    *,
    jobs: int,
    tasks: int,
    folder: Path,
    tell: Callable[[str], None],
    gpus: Sequence[str] = (),
) -> Iterator[Executor]:
    """Yield an executor whose workers are elsewhere, and let go of them at the end.

    Parameters
    ----------
    which
        ``local``: `jobs` processes here. ``slurm:FILE``: jobs of SLURM, as `slurm_settings` reads
        FILE; the first worker is waited for. Anything else is the address of a scheduler of Dask,
        whose workers stay.
    jobs
        Processes of ``local``; those of the others are not ours to choose.
    tasks
        How many there are: no more workers are asked for.
    folder
        The results folder, which every worker must see.
    tell
        Hears where the dashboard is.
    gpus
        Of this machine, for ``local``: each worker sees one, in turn. Elsewhere what a worker sees
        is for whoever started it.

    Raises
    ------
    ValueError
        If a package is missing, `which` or its file cannot be, nobody answers at the address,
        workers there do not see `folder`, or SLURM takes no job or ends all before they are
        workers.
    """
    check_cluster(which, jobs=jobs)
    from dask import config
    from distributed import LocalCluster

    threads = max(1, cores() // jobs)
    settings = {
        "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
        "distributed.scheduler.worker-saturation": 1.0,  # whoever waits for its turn is no suspect
        # Dask gives up a worker that is not back after 15 s; importing torch may take longer.
        "distributed.deploy.lost-worker-timeout": "5 minutes",
        "distributed.nanny.pre-spawn-environ": dict.fromkeys(THREADS, threads),
    }
    with config.set(settings):
        if which == "local":
            count = min(jobs, tasks)
            here: Any = LocalCluster  # its types say that it is to be awaited
            with here(
                n_workers=count,
                threads_per_worker=1,
                env={name: str(threads) for name in THREADS},  # whatever is set here
                memory_limit=None,  # Dask would stop a worker at its share of the machine
                dashboard_address=":0",
                silence_logs=logging.ERROR,
            ) as made:
                made.adapt(minimum=count, maximum=count)  # replaces those that cannot be restarted
                yield from _connected(made, folder, tell, gpus)
        elif which.startswith("slurm:"):
            with slurm_jobs(Path(which.removeprefix("slurm:")), tasks=tasks, tell=tell) as made:
                yield from _connected(made, folder, tell)
        else:
            yield from _connected(which, folder, tell)


def check_cluster(which: str, *, jobs: int, submits: bool = True) -> None:
    """Refuse what `cluster` cannot be asked for, before anything is started.

    Parameters
    ----------
    which, jobs
        As in `cluster`.
    submits
        Whether jobs of SLURM are to be submitted from this machine, not only shown.

    Raises
    ------
    ValueError
        As `cluster`, but for what only an answer from elsewhere can tell.
    """
    for package in ("distributed", "dask_jobqueue"):
        if importlib.util.find_spec(package) is None:
            raise ValueError(f"a cluster needs {package}; type: pip install 'striate[cluster]'")
    if which == "local":
        return
    if jobs != 1:
        where = "its file says how many" if which.startswith("slurm:") else "its workers are there"
        raise ValueError(f"jobs={jobs} is for this machine; of the cluster {which!r}, {where}")
    if which.startswith("slurm:"):
        slurm_settings(Path(which.removeprefix("slurm:")))
        if submits and shutil.which("sbatch") is None:
            raise ValueError(
                f"cluster={which!r}: there is no sbatch on this machine; type the command where "
                "jobs of SLURM are submitted, or add --dry-run to see the script"
            )
    elif ":" not in which:
        raise ValueError(
            f"cluster={which!r}; choose local, slurm:FILE, or an address like tcp://node1:8786"
        )


def was_killed(error: BaseException) -> bool:
    """Say whether Dask blames a task for the deaths of its workers."""
    distributed = sys.modules.get("distributed")
    return distributed is not None and isinstance(error, distributed.KilledWorker)


def _connected(
    where: Any,  # noqa: ANN401  an address, or a cluster of one of several packages
    folder: Path,
    tell: Callable[[str], None],
    gpus: Sequence[str] = (),
) -> Iterator[Executor]:
    from distributed import Client

    try:
        client = Client(where, timeout="30s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"cluster={where!r}: no scheduler of Dask answers there ({error})"
        ) from error
    with client:
        client.run_on_scheduler(_forgiving)
        if gpus:
            from striate.study.one_gpu import OneGPU

            client.register_plugin(OneGPU(gpus))  # also in workers that replace others
        _check_seen(client, folder)
        tell(f"dashboard: {client.dashboard_link}")
        executor = client.get_executor(pure=False)
        try:
            yield executor
        finally:
            executor.shutdown(wait=False)


def _forgiving(dask_scheduler: "Scheduler") -> None:
    allowed = max(dask_scheduler.allowed_failures or 0, ALLOWED_FAILURES)
    dask_scheduler.allowed_failures = allowed


def _check_seen(client: "Client", folder: Path) -> None:
    """Refuse workers to whom the results folder is another one, or none."""
    probe = folder / PARTIAL / f".seen-{os.getpid()}"
    write_atomically(probe, b"")
    try:
        sight: Any = client.run(partial(_sees, probe))
        blind = [where for where, sees in sight.items() if not sees]
    finally:
        probe.unlink()
    if blind:
        raise ValueError(
            f"the workers {', '.join(blind)} do not see {folder}; it must lie where all see it"
        )


def _sees(probe: Path) -> bool:
    return probe.exists()
