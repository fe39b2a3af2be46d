"""Two and three processes that share a batch train as one that holds all of it."""

import datetime
import inspect
import os
import sys
import traceback
from pathlib import Path

import pytest
import torch
import torch.distributed as distributed
import torch.multiprocessing as multiprocessing
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from striate.spectra import SpectralPenalty
from striate.spectra.processes import ALONE, together
from truths import gaussian

STEPS = 3
# rows held by each process, units of the layer, last rank, solver, form, what is a unit
CASES = {
    "fewer units than images": ([20, 20, 20], 14, 12, "exact", "slope", "flat"),
    "more units than images": ([10, 10, 10], 40, 12, "exact", "slope", "flat"),
    "uneven, fewer units": ([25, 4, 31], 14, 12, "exact", "line", "flat"),
    "uneven, more units": ([3, 17, 10], 40, 12, "exact", "ratio", "flat"),
    "fewer images each than ranks": ([8, 7, 9], 40, 12, "exact", "slope", "flat"),
    "subspace": ([40, 40, 40], 80, 12, "subspace", "slope", "flat"),
    "subspace, uneven": ([70, 9, 41], 80, 12, "subspace", "line", "flat"),
    "two processes": ([20, 30], 40, 12, "exact", "slope", "flat"),
    "two processes, subspace": ([90, 30], 80, 12, "subspace", "slope", "flat"),
    "two processes, channels": ([10, 15], 72, 8, "exact", "slope", "channels"),
}


def network(units, what):
    generator = torch.Generator().manual_seed(0)
    shape = nn.Unflatten(1, (9, units // 9)) if what == "channels" else nn.Identity()
    net = nn.Sequential(nn.Linear(20, units), nn.Tanh(), shape, nn.Flatten(), nn.Linear(units, 3))
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.3, generator=generator)
    return net.double()


def train(net, parallel, law, batches, loss, layer="2"):
    """A few steps of descent; what each step gave, and the gradients it left."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    found = []
    with SpectralPenalty.attach(law, net, layer) as term:
        for x in batches:
            outputs = parallel(x)
            penalty = term()
            optimizer.zero_grad()
            (loss(outputs) + penalty).backward()
            optimizer.step()
            gradients = {name: p.grad.clone() for name, p in net.named_parameters()}
            found.append({"penalty": penalty.detach()} | gradients)
    return found


def penalty(case, group=None):
    _, _, last, solver, form, units = CASES[case]
    return SpectralPenalty(
        alpha=2.5, beta=1.0, ranks=(2, last), form=form, units=units, solver=solver, group=group
    )


def batches(case):
    rows = CASES[case][0]
    return [gaussian(sum(rows), 20, seed=step).split(rows) for step in range(STEPS)]


def mean_square(outputs):
    return outputs.square().mean()


def run(case, rank, group):
    _, units, _, _, _, what = CASES[case]
    net, law = network(units, what), penalty(case, group)
    parallel = DistributedDataParallel(net, process_group=None if group == "world" else group)
    mine = [parts[rank] for parts in batches(case)]
    steps = train(net, parallel, law, mine, mean_square)
    measured = law.eval().measure(net[:3](mine[0]))
    return {"steps": steps, "alpha": measured.alpha, "basis": law.tracker.basis}


def local(rank):
    """Without a group, a process knows of nobody else's rows."""
    x = gaussian(60, 20).split(20)[rank]
    return SpectralPenalty(alpha=1.0, beta=1.0, ranks=(1, 10))(x)


def accumulated(rank, group):
    """Parts of a batch that is itself one of three: averaged as data-parallel training does."""
    net, law = network(40, "flat"), penalty("more units than images", group)
    parts = gaussian(60, 20).split(20)[rank].split([15, 5])
    with torch.no_grad():
        whole, share = law.over(net[:2](part) for part in parts)
    for part in parts:
        share(net[:2](part)).backward()
    gradient = net[0].weight.grad
    distributed.all_reduce(gradient, group=group)
    return whole, gradient / 3


def sums(rank, group):
    rows = gaussian(6, 2, seed=rank)[: rank + 2]
    processes = together(group)
    held, mine = processes.gather(rows.T.contiguous().T)  # laid out the other way round
    total = processes.add(rows.sum(0))
    return processes.size, processes.rows(rows), total, held, (mine.start, mine.stop), rows


def work(rank, folder):
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder}/rendezvous",
        world_size=3,
        rank=rank,
        timeout=datetime.timedelta(seconds=60),
    )
    try:
        world, pair = distributed.group.WORLD, distributed.new_group([0, 1])
        single = distributed.new_group([0])
        found = {"local": local(rank), "sums": sums(rank, world)}
        found["accumulated"] = accumulated(rank, world)
        for case, (rows, *_) in CASES.items():
            if rank < len(rows):
                found[case] = run(case, rank, "world" if len(rows) == 3 else pair)
        found["alone"] = rank > 0 or together(single) is ALONE
        torch.save(found, Path(folder) / f"{rank}.pt")
        distributed.barrier()
    except BaseException:
        (Path(folder) / f"{rank}.error").write_text(traceback.format_exc())
        raise
    finally:
        distributed.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What each of three processes found; they all start once, for all tests."""
    folder = tmp_path_factory.mktemp("processes")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        workers = [
            multiprocessing.get_context("spawn").Process(target=work, args=(rank, str(folder)))
            for rank in range(3)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(150)
            if worker.is_alive():
                worker.kill()
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
    errors = [path.read_text() for path in sorted(folder.glob("*.error"))]
    assert not errors, "\n".join(errors)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(3)]


def alone(case):
    """One process with the whole batch; the mean over processes of their means, as DDP has it."""
    rows, units, _, _, _, what = CASES[case]
    net, law = network(units, what), penalty(case)
    whole = [torch.cat(parts) for parts in batches(case)]

    def loss(outputs):
        return torch.stack([part.square().mean() for part in outputs.split(rows)]).mean()

    steps = train(net, net, law, whole, loss)
    return steps, law.eval().measure(net[:3](whole[0])).alpha, law.tracker.basis


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_one_process_with_the_whole_batch(case, found):
    """In double precision, over steps that build on each other."""
    expected, alpha, basis = alone(case)
    for rank in range(len(CASES[case][0])):
        of_rank = found[rank][case]
        for step, wanted in zip(of_rank["steps"], expected, strict=True):
            assert step.keys() == wanted.keys()
            for name, value in wanted.items():
                assert (step[name] - value).norm() <= 1e-9 * value.norm(), name
        assert of_rank["alpha"].item() == pytest.approx(alpha.item(), rel=1e-9)
        assert (of_rank["basis"] is None) == (basis is None)
        assert (basis is not None) == (CASES[case][3] == "subspace")


@pytest.mark.parametrize("case", CASES)
def test_all_processes_find_the_same_bits(case, found):
    """So none goes another way than the others, and waits for them."""
    first = found[0][case]
    for rank in range(1, len(CASES[case][0])):
        other = found[rank][case]
        assert torch.equal(other["alpha"], first["alpha"])
        for one, two in zip(first["steps"], other["steps"], strict=True):
            assert all(torch.equal(one[name], two[name]) for name in one)
        if first["basis"] is not None:
            assert torch.equal(other["basis"], first["basis"])


def test_without_a_group_each_minds_its_own_rows(found):
    for rank in range(3):
        x = gaussian(60, 20).split(20)[rank]
        expected = SpectralPenalty(alpha=1.0, beta=1.0, ranks=(1, 10))(x)
        assert torch.equal(found[rank]["local"], expected)
    assert len({each["local"].item() for each in found}) == 3
    assert together(None) is ALONE
    assert all(each["alone"] for each in found)  # a group of one


def test_the_world_is_whoever_is_there():
    """In a program that is not distributed, one."""
    assert together("world") is ALONE
    with pytest.raises(ValueError, match="group='everybody'; give a process group, 'world', or"):
        inspect.unwrap(together)("everybody")  # past the tests' type checks


def test_parts_of_a_shared_batch_have_the_gradient_of_all_of_it(found):
    net = network(40, "flat")
    expected = penalty("more units than images").measure(net[:2](gaussian(60, 20)))
    expected.penalty.backward()
    wanted = net[0].weight.grad
    for each in found:
        whole, gradient = each["accumulated"]
        assert whole[0].item() == pytest.approx(expected.penalty.item(), rel=1e-10)
        assert whole[1].item() == pytest.approx(expected.alpha.item(), rel=1e-10)
        assert (gradient - wanted).norm() < 1e-10 * wanted.norm()


def test_sums_and_rows_of_all_processes(found):
    rows = [each["sums"][5] for each in found]
    assert [len(held) for held in rows] == [2, 3, 4]
    for size, count, total, held, mine, own in (each["sums"] for each in found):
        assert (size, count) == (3, 9)
        torch.testing.assert_close(total, torch.cat(rows).sum(0), rtol=1e-14, atol=0)
        assert torch.equal(held, torch.cat(rows))
        assert torch.equal(held[slice(*mine)], own)
        assert torch.equal(total, found[0]["sums"][2])
