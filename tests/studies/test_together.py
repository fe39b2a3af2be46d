"""Who joins whom, and where: without several GPUs, by what torch is asked for."""

import pytest
import torch
import torch.distributed as distributed

from striate.studies.training.together import joined


@pytest.fixture
def asked(monkeypatch):
    """What torch was asked for, by process 7, the third of its machine."""
    asked = []
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: asked.append(device))
    monkeypatch.setattr(distributed, "init_process_group", lambda backend: asked.append(backend))
    monkeypatch.setattr(distributed, "get_rank", lambda: 7)
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: asked.append("left"))
    monkeypatch.setattr(distributed, "barrier", lambda: asked.append("waited"))
    return asked


def test_each_process_takes_its_own_gpu_before_it_joins_and_waits_for_all_before_it_leaves(asked):
    with joined("cuda") as here:
        assert here == (7, "cuda:3")
    assert asked == ["cuda:3", "nccl", "waited", "left"]


def test_who_fails_waits_for_nobody(asked):
    with pytest.raises(ZeroDivisionError), joined("cuda"):
        raise ZeroDivisionError
    assert asked == ["cuda:3", "nccl", "left"]


def test_without_torchrun_nobody_joins(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with joined("cuda") as here:
        assert here == (0, "cuda")
    assert not distributed.is_initialized()
