"""Processes of this machine: which GPU each sees. What is killed there is in tests/reliability."""

import multiprocessing
import os
import time
from concurrent.futures.process import BrokenProcessPool

import cluster_cells
import pytest
import torch

from striate.study.workers import GPUS, gpus_for, workers


def test_cuda_is_every_gpu_that_is_seen_here_and_a_number_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.delenv(GPUS, raising=False)
    assert gpus_for("cuda") == ("0", "1", "2")
    monkeypatch.setenv(GPUS, "3, MIG-5")
    assert gpus_for("cuda") == ("3", "MIG-5")
    assert gpus_for("cuda:1") == gpus_for("cpu") == ()


def test_each_process_sees_one_gpu_in_turn():
    with workers(2, gpus=("3", "MIG-5")) as executor:
        assert executor is not None
        seen = set(executor.map(cluster_cells.gpu, range(6)))
    assert {gpu for _, gpu in seen} == {"3", "MIG-5"}
    assert len({process for process, _ in seen}) == len(seen) == 2  # each the same all along


def test_a_single_job_is_done_here():
    with workers(1, gpus=("3",)) as executor:
        assert executor is None


@pytest.mark.parametrize("gpus", [(), ("7",)])
def test_processes_without_a_choice_see_what_there_is(gpus, monkeypatch):
    monkeypatch.setenv(GPUS, "5")
    with workers(2, gpus=gpus) as executor:
        assert executor is not None
        assert executor.submit(cluster_cells.gpu, 0).result()[1] == (gpus or ("5",))[0]


def test_an_error_ends_the_workers_and_nobody_else():
    another = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    another.start()
    with pytest.raises(BrokenProcessPool), workers(2) as executor:
        executor.submit(os.abort).result()
    another.join(0.5)
    assert another.is_alive()
    another.kill()
