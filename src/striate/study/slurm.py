"""Jobs of SLURM that are workers of dask.distributed: asked for, waited for, and let go."""

import importlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from striate.study.workers import THREADS

if TYPE_CHECKING:  # the extra `cluster`
    from dask_jobqueue.slurm import SLURMCluster

# What the file of a SLURM cluster may say, and what it must be.
SLURM: Mapping[str, type] = {
    "jobs": int,  # of SLURM, each with one worker that does one task at a time
    "cpus": int,  # for each
    "memory": str,  # e.g. "16GB"
    "walltime": str,  # e.g. "08:00:00"
    "queue": str,
    "account": str,
    "directives": list,  # e.g. ["--gres=gpu:1"]
    "prologue": list,  # lines of shell, e.g. ["source ~/striate/bin/activate"]
    "interface": str,  # of the network, e.g. "ib0"
    "log_directory": str,  # where what a job prints goes
    "local_directory": str,  # of a worker, on its machine; $VARIABLES are those of the job
    "python": str,  # path of the interpreter, likewise
}
REQUIRED = ("jobs", "cpus", "memory", "walltime")
KINDS = {int: "a whole number", str: "a text", list: "a list of texts"}
# What else a text must be: one that SLURM would misread costs a job, or all that is after it.
FORMS: Mapping[str, tuple[str, str]] = {
    "memory": (r"\d+(\.\d+)? ?[kKMGT](i?B)?", 'a number with its unit, e.g. "16GB"'),
    "walltime": (
        r"\d+(:\d\d?){0,2}|\d+-\d\d?(:\d\d?){0,2}",
        'minutes, hours:minutes:seconds or days-hours, e.g. "08:00:00"',
    ),
    "queue": (r"\S+", "a name without spaces"),
    "account": (r"\S+", "a name without spaces"),
    "interface": (r"\S+", "a name without spaces"),
    "directives": (r"-[^\n]*", 'options of sbatch, each on one line, e.g. "--gres=gpu:1"'),
}
ASK_SECONDS = 10.0  # from one look into the queue of SLURM to the next
LOST_LOOKS = 3  # so many in a row find no job of ours: a new one may not be listed yet


@contextmanager
def slurm_jobs(file: Path, *, tasks: int, tell: Callable[[str], None]) -> Iterator["SLURMCluster"]:
    """Submit jobs that are workers of one scheduler here, and cancel what is left at the end.

    Parameters
    ----------
    file
        What to ask for, as `slurm_settings` reads it.
    tasks
        How many there are: no more jobs are asked for.
    tell
        Hears what is waited for.

    Raises
    ------
    ValueError
        As `slurm_settings`; if SLURM takes no job or ends all before one is a worker.
    """
    asked = slurm_settings(file)
    if "log_directory" in asked:
        _log_directory(asked).mkdir(parents=True, exist_ok=True)
    count, refusals = min(asked["jobs"], tasks), list[str]()
    with _jobqueue().SLURMCluster(
        **_words(asked),
        job_cls=_heard(refusals),
        scheduler_options={"dashboard_address": ":0"},
    ) as made:
        made.scale(count)
        _wait_for_one(made, count, refusals, tell)
        made.adapt(minimum=count, maximum=count)  # replaces those whose time is up
        yield made


def slurm_settings(file: Path) -> dict[str, Any]:
    """Read what to ask SLURM for from a TOML file; `SLURM` lists what it may say.

    Raises
    ------
    ValueError
        If there is no such file, or it says what is unknown, of the wrong kind or form, or too
        little.
    """
    try:
        asked = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"cluster='slurm:{file}': there is no such file") from error
    except OSError as error:
        raise ValueError(
            f"cluster='slurm:{file}' cannot be read ({error.strerror}); name a TOML file"
        ) from error
    except ValueError as error:
        raise ValueError(f"{file} is not TOML: {error}") from error
    unknown, lacking = asked.keys() - SLURM.keys(), [key for key in REQUIRED if key not in asked]
    if unknown or lacking:
        problem = f"has {sorted(unknown)}" if unknown else f"lacks {lacking}"
        raise ValueError(f"{file} {problem}; it needs {REQUIRED} and may say {tuple(SLURM)}")
    for key, value in asked.items():
        texts = not isinstance(value, list) or all(isinstance(line, str) for line in value)
        if type(value) is not SLURM[key] or not texts:
            raise ValueError(f"{file}: {key} = {value!r}; give {KINDS[SLURM[key]]}")
        if isinstance(value, int) and value < 1:
            raise ValueError(f"{file}: {key} = {value}; give 1 or more")
        form, wanted = FORMS.get(key, (r"[^\n]*\S[^\n]*", "a text of one line that is not empty"))
        lines = value if isinstance(value, list) and key in FORMS else [value]
        if not all(re.fullmatch(form, line) for line in lines if isinstance(line, str)):
            raise ValueError(f"{file}: {key} = {value!r}; give {wanted}")
    return asked


def slurm_script(file: Path) -> str:
    """Return the script that each job of SLURM would run.

    Raises
    ------
    ValueError
        As `slurm_settings`.
    """
    job = _jobqueue().SLURMJob(
        scheduler="<scheduler>", name="<worker>", **_words(slurm_settings(file))
    )
    return job.job_script()


def _jobqueue() -> ModuleType:
    """Import dask-jobqueue, which would have ctrl-C end this process as if all were well."""
    answer = signal.getsignal(signal.SIGINT)
    try:
        return importlib.import_module("dask_jobqueue.slurm")
    finally:
        signal.signal(signal.SIGINT, answer)


def _words(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Say in dask-jobqueue's words: one process a job, which does one task on all its cores."""
    kept = ("memory", "walltime", "queue", "account", "interface")
    words = {key: value for key, value in asked.items() if key in kept}
    directives = list(asked.get("directives", []))
    if "log_directory" in asked:
        logs = _log_directory(asked)
        directives += [f"-{end[0]} {_quoted(f'{logs}/striate-%J.{end}')}" for end in ("err", "out")]
    if "local_directory" in asked:
        words["local_directory"] = _of_shell(asked["local_directory"])
    python = asked.get("python")
    pinned = [f"export {name}={asked['cpus']}" for name in THREADS]
    # What Dask's nanny would set to 1 in the process that it starts.
    nanny = "DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON__"
    pinned += [f"export {nanny}{name}={asked['cpus']}" for name in THREADS]
    return words | {
        "python": shlex.quote(sys.executable) if python is None else _of_shell(python),
        "job_cpu": asked["cpus"],
        "job_extra_directives": directives,
        "cores": 1,
        "processes": 1,
        "job_name": "striate",
        "job_script_prologue": [*asked.get("prologue", []), *pinned],
    }


def _log_directory(asked: Mapping[str, Any]) -> Path:
    return Path(asked["log_directory"]).expanduser()


def _quoted(text: str, special: str = '"\\\\') -> str:
    """Quote a word for sbatch, or where more is `special`."""
    return '"' + re.sub(f"([{special}])", r"\\\1", text) + '"'


def _of_shell(path: str) -> str:
    """Quote a path for a shell, in which ``~/`` and variables are those of the job."""
    return _quoted(re.sub(r"^~(?=/|$)", "$HOME", path), '"\\\\`')


def _heard(refusals: list[str]) -> type:
    """Return the class of a job that tells why it was not submitted; Dask would only log it."""
    from distributed.deploy.spec import ProcessInterface

    class Job(_jobqueue().SLURMJob):
        async def start(self) -> None:
            try:
                await super().start()
            except (OSError, RuntimeError, ValueError) as error:
                refusals.append(" ".join(str(error).split()))
                await ProcessInterface.start(self)  # it goes when the cluster does

    return Job


def _wait_for_one(
    made: "SLURMCluster", count: int, refusals: list[str], tell: Callable[[str], None]
) -> None:
    """Wait for the first worker, for as long as there may be one: a queue may take days.

    Raises
    ------
    ValueError
        If SLURM refuses all jobs, or has none of them any more.
    """
    tell(f"waiting for the first of {count} jobs of SLURM")
    asked, lost = time.monotonic(), 0
    while not made.scheduler_info["workers"]:
        if len(refusals) == count:
            raise ValueError(f"SLURM takes no job: {refusals[0]}")
        if time.monotonic() - asked >= ASK_SECONDS:
            asked = time.monotonic()
            jobs = sorted(str(job.job_id) for job in list(made.workers.values()) if job.job_id)
            listed = _listed()
            lost = lost + 1 if jobs and listed is not None and listed.isdisjoint(jobs) else 0
            if lost == LOST_LOOKS:
                raise ValueError(
                    f"all jobs of SLURM ended before one became a worker: {', '.join(jobs)}; read "
                    "what they printed in log_directory, by default slurm-JOB.out here"
                )
        time.sleep(0.2)
    if refusals:
        tell(f"SLURM took {count - len(refusals)} of {count} jobs: {refusals[0]}")


def _listed() -> set[str] | None:
    """Return the numbers of this user's jobs that SLURM has; None if it cannot be told."""
    words = ["squeue", "--noheader", "--format=%A", f"--user={os.getuid()}"]
    try:
        asked = subprocess.run(words, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return set(asked.stdout.split()) if asked.returncode == 0 else None
