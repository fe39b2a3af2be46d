"""What Dask adds to a sweep: 60 short cells through two local workers, and one by one.

Named baseline: the same cells in this process, in order, with the same number of threads. A cell
either computes for a while or does nothing; the second shows what a task costs by itself. Starting
the workers, which import torch, is told apart: it is paid once for a sweep.
"""

import os
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path

import torch

from striate.results import Result, Score, Setting
from striate.study import run
from striate.study.clusters import cluster
from striate.study.workers import workers

CELLS, JOBS = 60, 2


def cell(task: Mapping[str, Setting], checkpoint: Path) -> list[Result]:
    """Multiply matrices so many times."""
    made = torch.Generator().manual_seed(int(task["number"] or 0))
    factor = torch.randn(300, 300, generator=made) / 17
    product = factor
    for _ in range(int(task["products"] or 0)):
        product = factor @ product
    return [Score("norm", product.norm().item())]


def main() -> None:
    """Print the table."""
    print(f"{CELLS} cells; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print(f"{'':<22}{'start s':>9}{'nothing s':>11}{'ms a cell':>11}{'cells s':>9}{'× serial':>10}")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        serial = timed(None, Path(folder) / "serial")
        show("serial", 0.0, serial, serial)
        started = time.perf_counter()
        with workers(JOBS) as pool:
            warm(pool, Path(folder) / "warm-processes")
            start = time.perf_counter() - started
            show("2 processes (--jobs)", start, timed(pool, Path(folder) / "processes"), serial)
        started = time.perf_counter()
        with cluster(
            "local", jobs=JOBS, tasks=CELLS, folder=Path(folder), tell=lambda _: None
        ) as dask:
            warm(dask, Path(folder) / "warm-dask")
            start = time.perf_counter() - started
            show("2 workers of Dask", start, timed(dask, Path(folder) / "dask"), serial)


def warm(executor: Executor | None, folder: Path) -> None:
    """Let every worker load what it needs."""
    list(run(cell, tasks(products=300)[: 4 * JOBS], directory=folder, executor=executor))


def timed(executor: Executor | None, folder: Path) -> tuple[float, float]:
    """Seconds for cells that do nothing, and for cells that compute."""
    seconds = []
    for products in (0, 300):
        started = time.perf_counter()
        list(run(cell, tasks(products=products), directory=folder, executor=executor))
        seconds.append(time.perf_counter() - started)
    return seconds[0], seconds[1]


def tasks(*, products: int) -> list[dict[str, Setting]]:
    """Return the cells, which do so many products each."""
    return [
        {"study": "overhead", "label": f"cell{n}", "number": n, "products": products}
        for n in range(CELLS)
    ]


def show(name: str, start: float, took: tuple[float, float], serial: tuple[float, float]) -> None:
    """Print one row."""
    nothing, cells = took
    print(
        f"{name:<22}{start:>9.1f}{nothing:>11.2f}{1e3 * nothing / CELLS:>11.1f}{cells:>9.1f}"
        f"{cells / serial[1]:>10.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
