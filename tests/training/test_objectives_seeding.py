import pytest
import torch
import torch.distributed as distributed

from striate.training import standard
from striate.training.objectives import Seeded
from truths import conv, images, labels


def drawn(steps=3, seed=7):
    """What an objective draws, step by step."""
    found = []

    def objective(model, shown, classes, *, generator):
        found.append(torch.rand((), generator=generator).item())
        return standard(model, shown, classes)

    seeded = Seeded(objective, seed=seed)
    for _ in range(steps):
        seeded(conv(), images(2), labels(2))
    return found


@pytest.fixture
def processes(monkeypatch):
    def be(rank):
        monkeypatch.setattr(distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(distributed, "get_rank", lambda: rank)

    return be


def test_each_step_and_each_seed_draw_anew_and_a_second_run_alike():
    assert drawn() == drawn()
    assert len({*drawn(), *drawn(seed=8)}) == 6


def test_each_of_several_processes_draws_its_own_and_the_first_what_one_alone_draws(processes):
    alone, found = drawn(), []
    for rank in range(3):
        processes(rank)
        found.append(drawn())
    assert found[0] == alone
    assert len({number for numbers in found for number in numbers}) == 9
