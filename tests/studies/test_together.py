"""Who joins whom, and where: without several GPUs, by what torch is asked for."""

import socket
import warnings

import pytest
import torch
import torch.distributed as distributed
from torch import nn
from torch.torch_version import TorchVersion

from striate.studies.training.together import joined, wrapped


@pytest.fixture
def asked(monkeypatch):
    """What torch was asked for, by process 7, the third of its machine."""
    asked = []
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: asked.append(device))
    monkeypatch.setattr(distributed, "init_process_group", lambda backend: asked.append(backend))
    monkeypatch.setattr(distributed, "get_rank", lambda: 7)
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: asked.append("left"))
    return asked


def test_each_process_takes_its_own_gpu_before_it_joins(asked):
    with joined("cuda") as here:
        assert here == (7, "cuda:3")
    assert asked == ["cuda:3", "nccl", "left"]


@pytest.mark.parametrize(("version", "device", "steps"), [
    ("2.6.0+cpu", "cpu", ["gloo"]),
    ("2.6.0+cu124", "cuda", ["cuda:3", "nccl", "left"]),
    ("2.7.0", "cpu", ["gloo", "left"]),
    ("2.13.0+cpu", "cpu", ["gloo", "left"]),
])  # fmt: skip
def test_only_where_it_may_not_return_a_process_does_not_leave(
    asked, monkeypatch, version, device, steps
):
    monkeypatch.setattr(torch, "__version__", TorchVersion(version))
    with pytest.raises(ZeroDivisionError), joined(device):
        raise ZeroDivisionError
    assert asked == steps


def test_without_torchrun_nobody_joins(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with joined("cuda") as here:
        assert here == (0, "cuda")
    assert not distributed.is_initialized()


def test_several_processes_leave_the_averages_of_batch_norm_alone_without_a_warning(monkeypatch):
    """Of any torch: what the setting is called changed with 2.13, and the old name warns."""
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MASTER_PORT", str(free.getsockname()[1]))
    distributed.init_process_group("gloo", rank=0, world_size=1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            made = wrapped(nn.BatchNorm2d(3), "cpu")
        name = "forward_sync_buffers" if hasattr(made, "forward_sync_buffers") else None
        assert getattr(made, name or "broadcast_buffers") is False
    finally:
        distributed.destroy_process_group()
