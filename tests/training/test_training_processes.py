"""Two processes that share each batch train as one that holds all of it."""

import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from striate.results import Score
from striate.robustness import LinfBall, pgd
from striate.spectra import SpectralPenalty
from striate.training import Free, Step, adversarial, dropped, standard, train
from striate.training.batches import shuffled
from striate.training.checks import check
from striate.training.processes import Team, team_of, weighted

IMAGES, BATCH, EPOCHS = 57, 20, 3  # batches of 20, 20 and 17: the last cannot be halved
CASES = ("standard", "adversarial", "spectral", "spectral in even batches")


class Shared(Step):
    """A step that says which part of its loss is of the whole batch already."""

    shared = torch.tensor(0.0)

    @classmethod
    def of(cls, step, shared):
        made = cls(step.loss + shared, step.logits, {"penalty": shared.detach()})
        made.shared = shared
        return made


class Spectral(nn.Module):
    """Cross-entropy and a penalty that knows all rows of the batch; says which part that is."""

    def __init__(self):
        super().__init__()
        self.penalty = SpectralPenalty(alpha=2.0, beta=0.5, ranks=(1, 8), group="world")

    def forward(self, model, images, labels):
        net = getattr(model, "module", model)
        with self.penalty.attach(net, "hidden") as term:
            step = standard(model, images, labels)
            shared = term()
        return Shared.of(step, shared)


def network():
    net = nn.Sequential()
    net.add_module("conv", nn.Conv2d(1, 4, 3))
    net.add_module("flatten", nn.Flatten())
    net.add_module("dense", nn.Linear(4 * 6 * 6, 15))
    net.add_module("hidden", nn.Tanh())
    net.add_module("output", nn.Linear(15, 3))
    generator = torch.Generator().manual_seed(0)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.2, generator=generator)
    return net.double()


def data():
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(IMAGES, 1, 8, 8, dtype=torch.float64, generator=generator)
    return images, torch.randint(3, (IMAGES,), generator=generator)


def objective_of(case):
    if case.startswith("spectral"):
        return Spectral()
    attack = partial(pgd, ball=LinfBall(0.1), steps=3, step_size=0.05)
    return standard if case == "standard" else partial(adversarial, attack=attack)


def evaluated(model, epoch):
    assert not isinstance(model, nn.parallel.DistributedDataParallel)
    weight = model.output.weight.detach().sum().item()
    return [Score("weight", weight, settings={"epoch": epoch})]


def trained(case, wrap=lambda net: net, **settings):
    """The network and what was measured, after all epochs or those asked for."""
    images, labels = data()
    if case == "spectral in even batches":
        images, labels = images[:40], labels[:40]
    net = network()
    objective = objective_of(case)
    run = train(
        wrap(net), images, labels, objective=objective, epochs=EPOCHS, batch_size=BATCH, seed=3,
        optimizer=torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9), evaluate=evaluated,
        schedule=dropped((2,)), alongside=objective if isinstance(objective, nn.Module) else None,
        **settings,
    )  # fmt: skip
    return net, run


def measured(history):
    return [{r.name: r.value for r in found if r.name != "seconds"} for found in history]


def free_run(wrap, checkpoint, epochs):
    """Free training: each process climbs with a perturbation of its own, kept in the checkpoint."""
    images, labels = data()
    net, free = network(), Free(LinfBall(0.1), step_size=0.05)
    run = train(
        wrap(net), images, labels, objective=free, epochs=EPOCHS, batch_size=BATCH, seed=3,
        optimizer=torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9), alongside=free,
        replays=2, checkpoint=checkpoint, checkpoint_seconds=0.0 if checkpoint else 1e9,
    )  # fmt: skip
    history = [next(run) for _ in range(epochs)]
    run.close()
    return {
        "weights": net.state_dict(),
        "perturbation": free.perturbation,
        "history": measured(history),
    }


def work(folder):
    """What each process does; started by torchrun's variables."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    wrap = partial(nn.parallel.DistributedDataParallel)
    found = {}
    for case in CASES:
        net, run = trained(case, wrap)
        found[case] = {"history": measured(run), "weights": net.state_dict()}
    with pytest.raises(ValueError, match="2 processes would each train a Sequential of their own"):
        next(trained("standard")[1])
    found["straight"] = free_run(wrap, None, EPOCHS)
    free_run(wrap, folder / "free.json", 2)
    found["resumed"] = free_run(wrap, folder / "free.json", EPOCHS)
    with pytest.raises(ValueError, match=r"processes found .* after epochs \[2, 0\]; it must lie"):
        free_run(wrap, folder / ("free.json" if rank == 0 else "elsewhere.json"), 1)
    torch.save(found, folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("team")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    together = {
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2",
        "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)]),
    }  # fmt: skip
    command = [sys.executable, "-c", WORK, str(folder)]
    workers = [
        subprocess.Popen(
            command, env=os.environ | together | {"RANK": str(rank)}, text=True,
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        errors = [worker.communicate(timeout=150)[1] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(errors)
    results = [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2)]
    return results, folder


WORK = """
import sys
from pathlib import Path
from test_training_processes import work
work(Path(sys.argv[1]))
"""


def apart(one, other):
    return max((one[name] - other[name]).abs().max().item() for name in one)


@pytest.mark.parametrize("case", CASES)
def test_the_weights_are_those_of_one_process(case, found):
    net, run = trained(case)
    before, expected = network().state_dict(), measured(run)
    assert apart(net.state_dict(), before) > 0.05
    for rank in range(2):
        of_rank = found[0][rank][case]
        assert apart(of_rank["weights"], net.state_dict()) < 1e-6
        for epoch, wanted in zip(of_rank["history"], expected, strict=True):
            assert epoch == pytest.approx(wanted, rel=1e-6)
    first, second = (found[0][rank][case] for rank in range(2))
    assert first["history"] == second["history"]
    assert apart(first["weights"], second["weights"]) == 0


def test_cases_differ_so_that_agreeing_means_something():
    ends = [trained(case) for case in CASES[:3]]
    states = [[list(run), net.state_dict()][1] for net, run in ends]
    assert apart(states[0], states[1]) > 1e-3
    assert apart(states[0], states[2]) > 1e-3


def test_each_process_resumes_with_what_it_alone_remembered(found):
    for rank in range(2):
        straight, resumed = (found[0][rank][name] for name in ("straight", "resumed"))
        assert apart(straight["weights"], resumed["weights"]) == 0
        assert torch.equal(straight["perturbation"], resumed["perturbation"])
        assert straight["history"] == resumed["history"]
    one, other = (found[0][rank]["straight"]["perturbation"] for rank in range(2))
    assert len(one) == len(other) == BATCH // 2
    assert not torch.equal(one, other)


def test_a_checkpoint_of_two_processes_is_refused_by_one(found):
    with pytest.raises(ValueError, match=r"free\.json belongs to a run of 2 processes, this has 1"):
        free_run(lambda net: net, found[1] / "free.json", 1)


def test_parts_make_up_the_batches_and_their_weights_the_mean():
    images, labels = data()
    whole = list(shuffled(images, labels, None, Team(0, 1), batch_size=BATCH, seed=1, epoch=2))
    parts = [
        list(shuffled(images, labels, None, Team(rank, 3), batch_size=BATCH, seed=1, epoch=2))
        for rank in range(3)
    ]
    assert [weight for _, _, weight in whole] == [1, 1, 1]
    for number, (batch, classes, _) in enumerate(whole):
        held = [part[number] for part in parts]
        assert torch.equal(torch.cat([images for images, _, _ in held]), batch)
        assert torch.equal(torch.cat([labels for _, labels, _ in held]), classes)
        mean = sum(weight * images.mean(0) for images, _, weight in held) / 3
        torch.testing.assert_close(mean, batch.mean(0), rtol=0, atol=1e-14)


def test_what_all_share_is_not_weighted():
    loss = torch.tensor(5.0)
    assert weighted(Step(loss, loss, {}), 1.0) is loss
    assert weighted(Step(loss, loss, {}), 0.5) == 2.5
    assert weighted(Shared.of(Step(loss, loss, {}), torch.tensor(3.0)), 0.5) == 5.5


def test_one_process_is_a_team_and_a_batch_too_small_for_several_is_refused():
    assert team_of(network()) == Team(0, 1)
    settings = {"epochs": 1, "replays": 1, "precision": None, "seed": 0}
    check(41, batch_size=20, processes=1, **settings)
    message = "batch_size=20 with 41 images leaves 1 for a batch that 2 processes share"
    with pytest.raises(ValueError, match=message):
        check(41, batch_size=20, processes=2, **settings)
