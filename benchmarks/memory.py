"""The peak memory of the process that asks."""

import resource
import sys
from pathlib import Path


def peak_memory() -> float:
    """Return the most memory that this process has held so far, in MB (2²⁰ bytes)."""
    status = Path("/proc/self/status")
    if status.exists():  # where the system's count for a process starts from that of its parent
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
