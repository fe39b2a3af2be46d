"""What does not determine a result but explains it: versions, machine, time and memory."""

import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import torch

from striate.results import Setting

LIBRARIES = ("numpy", "scipy", "scikit-learn")


class Meter:
    """Time and memory of one task, from when it is made.

    Parameters
    ----------
    device
        Where the task computes, as torch calls it: of several GPUs the one to describe. Without a
        number it is the current one.
    """

    def __init__(self, device: Setting = None) -> None:
        named = str(device)
        self.gpu = named if named.startswith("cuda:") else None
        self.began = datetime.now(UTC)
        self.started = time.perf_counter()
        self.whole_process = not _forget_peak()
        if torch.cuda.is_initialized():
            torch.cuda.reset_peak_memory_stats(self.gpu)

    def provenance(self, task: Mapping[str, Setting]) -> dict[str, Any]:
        """Return what explains the result of `task`, which ends now."""
        found: dict[str, Any] = {
            "started": self.began.isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - self.started, 3),
            "peak_memory_mb": _peak_mb(whole_process=self.whole_process),
            "striate": importlib.metadata.version("striate"),
            "torch": torch.__version__,
            **{name: importlib.metadata.version(name) for name in LIBRARIES},
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            "threads": torch.get_num_threads(),
            "revision": revision(),
            "seed": task.get("seed"),
        }
        if torch.cuda.is_initialized():
            found["gpu"] = torch.cuda.get_device_name(self.gpu)
            found["cuda"] = torch.version.cuda
            peak = torch.cuda.max_memory_allocated(self.gpu)
            found["peak_gpu_memory_mb"] = round(peak / 2**20)
        return found


def _forget_peak() -> bool:
    """Let the kernel count the peak of memory anew, so that each task has its own; Linux can."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _peak_mb(*, whole_process: bool) -> int:
    if not whole_process:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024)
    per_mb = 2**20 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mb)


@cache
def revision() -> str | None:
    """Return the commit this package runs from, if it runs from a checkout.

    It ends in ``+`` where files of the package have been changed since.
    """
    commit = _git("rev-parse", "--short", "HEAD")
    if not commit:
        return None
    return f"{commit}+" if _git("status", "--porcelain", "--", ".") else commit


def _git(*words: str) -> str | None:
    folder = Path(__file__).parents[1]
    try:
        asked = subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None
