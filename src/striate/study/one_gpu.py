"""Let each of Dask's workers see one GPU: a module of its own, as workers import it by name."""

import os
from collections.abc import Sequence

from distributed import Worker, WorkerPlugin

from striate.study.workers import GPUS


class OneGPU(WorkerPlugin):
    """Has a worker see one of `gpus`, by its number, before it asks CUDA for anything."""

    name = "striate-one-gpu"

    def __init__(self, gpus: Sequence[str]) -> None:
        self.gpus = tuple(gpus)

    def setup(self, worker: Worker) -> None:
        """Choose, as the worker starts."""
        os.environ[GPUS] = self.gpus[int(worker.name) % len(self.gpus)]
