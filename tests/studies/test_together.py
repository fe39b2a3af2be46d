"""Who joins whom, and where: without several GPUs, by what torch is asked for."""

import torch
import torch.distributed as distributed

from striate.studies.training.together import joined


def test_each_process_takes_its_own_gpu_before_it_joins(monkeypatch):
    asked = []
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: asked.append(device))
    monkeypatch.setattr(distributed, "init_process_group", lambda backend: asked.append(backend))
    monkeypatch.setattr(distributed, "get_rank", lambda: 7)
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: asked.append("left"))
    with joined("cuda") as here:
        assert here == (7, "cuda:3")
    assert asked == ["cuda:3", "nccl", "left"]


def test_without_torchrun_nobody_joins(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with joined("cuda") as here:
        assert here == (0, "cuda")
    assert not distributed.is_initialized()
