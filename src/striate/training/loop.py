"""One training loop, whatever is minimised: epochs of shuffled batches, measured and resumable."""

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from striate.results import Result
from striate.results.given import as_path
from striate.training import checkpoint as checkpoints
from striate.training.averages import measured_in, summary
from striate.training.batches import shuffled
from striate.training.chance import chance_of_network
from striate.training.checks import check, check_material
from striate.training.inputs import Inputs
from striate.training.objectives import Objective, Step, bare
from striate.training.processes import Team, team_of, weighted
from striate.training.schedules import RateSchedule
from striate.training.sources import Source

Images = Float[Tensor, "images channels height width"]
Labels = Int[Tensor, " images"]
Evaluate = Callable[[nn.Module, int], list[Result]]


def train(
    model: nn.Module,
    images: Images | Source,
    labels: Labels,
    *,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    batch_size: int,
    seed: int,
    evaluate: Evaluate | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_seconds: float = 10.0,
    task: checkpoints.Task | None = None,
    alongside: nn.Module | None = None,
    inputs: Inputs | None = None,
    schedule: RateSchedule | None = None,
    replays: int = 1,
    precision: torch.dtype | None = None,
) -> Iterator[list[Result]]:
    """Train `model` in place, an epoch each time the next results are asked for.

    What is given is checked, and the checkpoint read, before this returns.

    The order of images, and what the network itself draws (dropout), depend on `seed` and the epoch
    alone, and what is random about images on the number of the batch too, so a run that was stopped
    and resumed from its checkpoint ends, on a CPU, with the same bits as one that was not. An epoch
    that was interrupted starts anew.

    Parameters
    ----------
    model
        Images to logits; trained in place, on the device of `labels`. Of several processes
        (``torchrun``), each gives its `DistributedDataParallel`: see the notes.
    images, labels
        The training set: a tensor, or a `Source` of images. The last, smaller batch of an epoch is
        used too.
    objective
        ``(model, images, labels) -> Step``.
    optimizer
        Over the parameters of `model`.
    epochs
        How many passes, those of the checkpoint included.
    batch_size
        Images per step, of all processes together.
    seed
        Decides the order of images, and what `inputs`, a `Source` and the network do at random.
    evaluate
        ``(model, epoch) -> results``: what else to measure after each epoch, e.g. on test images.
        Their setting ``epoch`` is this one.
    checkpoint
        A ``.json`` path. If it exists, training goes on from it, and the epochs in it are yielded
        first, as they were.
    checkpoint_seconds
        A checkpoint is written after an epoch that ends this long after the last one.
    task
        Settings that a checkpoint must agree with to be resumed.
    alongside
        Whatever else remembers something from step to step, e.g. the objective's penalties; its
        state goes into the checkpoint too.
    inputs
        ``(images, epoch, generator) -> images``: what is done to each batch first, e.g.
        ``composed(cropped(4), flipped())`` or a `curriculum` of blur.
    schedule
        ``schedule(epoch)``, counted from 1, multiplies the learning rate that each group of
        `optimizer` began with, e.g. ``dropped((25, 45, 65))``.
    replays
        How many steps are taken on each batch, with the very same pixels, before the next (`Free`).
    precision
        `torch.bfloat16` or `torch.float16`: passes run under autocast, the latter with a scaled
        loss. Weights stay as they are.

    Returns
    -------
    results
        Goes through the epochs, and gives one list each: ``loss``, ``accuracy`` and the means of
        what the objective measures, ``on="train"``, averaged over its steps; ``seconds``; and what
        `evaluate` gave.

    Raises
    ------
    ValueError
        If a size is out of range, labels are not one class for each image, the checkpoint is
        damaged or of another run or could not hold the model's state (`checkpoint.check_state`),
        the loss stops being finite or has no gradient, or several processes train a model that is
        not wrapped.

    Notes
    -----
    Several processes share each batch, in parts that differ by one image at most, whose losses are
    weighted so that the mean gradient is that of the whole batch. Process 0 evaluates and writes
    checkpoints, all read them, and all yield the same. What is random about images is not the same
    as in one process.
    """
    team = team_of(model)
    checkpoint = None if checkpoint is None else as_path("checkpoint", checkpoint)
    check_material(images, labels)
    check(
        len(images),
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        replays=replays,
        precision=precision,
        processes=team.size,
    )
    scaler = torch.amp.GradScaler(labels.device.type, enabled=precision == torch.float16)
    run = _Run(
        model, images, labels, objective, optimizer, batch_size, seed,
        inputs, replays, precision, scaler, team,
    )  # fmt: skip
    if checkpoint is not None:
        checkpoints.check_state(bare(model))
    state, task = checkpoints.State(bare(model), optimizer, alongside, scaler, team), task or {}
    done, history = checkpoints.read(checkpoint, state, task=task) if checkpoint else (0, [])
    if done > epochs:
        raise ValueError(f"{checkpoint} is at epoch {done} already, beyond epochs={epochs}")

    def trained() -> Iterator[list[Result]]:
        for epoch in range(1, done + 1):
            yield [result for result in history if result.settings["epoch"] == epoch]
        saved = time.monotonic()
        for epoch in range(done + 1, epochs + 1):
            if schedule is not None:
                _set_rates(optimizer, schedule(epoch))
            found = summary(team.averaged(_train_epoch(run, epoch), labels.device), epoch)
            if evaluate is not None:
                more = team.agreed(evaluate(bare(model), epoch) if team.rank == 0 else [])
                found += [
                    replace(result, settings={**result.settings, "epoch": epoch}) for result in more
                ]
            history.extend(found)
            due = team.agreed(time.monotonic() - saved >= checkpoint_seconds)
            if checkpoint is not None and due and epoch < epochs:
                checkpoints.write(checkpoint, state, history, epoch=epoch, task=task)
                saved = time.monotonic()
            yield found

    return trained()


@dataclass(frozen=True)
class _Run:
    """What every step needs, as `train` was given it."""

    model: nn.Module
    images: Tensor | Source
    labels: Tensor
    objective: Objective
    optimizer: torch.optim.Optimizer
    batch_size: int
    seed: int
    inputs: Inputs | None
    replays: int
    precision: torch.dtype | None
    scaler: torch.amp.GradScaler
    team: Team


def _train_epoch(run: _Run, epoch: int) -> list[dict[str, float]]:
    """Take the steps of each batch; return per step what was measured, with the images it saw."""
    run.model.train()
    measured: list[dict[str, float]] = []
    started = time.perf_counter()
    chance = chance_of_network(
        seed=run.seed, epoch=epoch, rank=run.team.rank, device=run.labels.device
    )
    batches = shuffled(
        run.images, run.labels, run.inputs, run.team,
        batch_size=run.batch_size, seed=run.seed, epoch=epoch,
    )  # fmt: skip
    with chance:
        for images, labels, weight in batches:
            for _ in range(run.replays):
                step = _descend(run, images, labels, weight)
                measured.append(measured_in(step, labels, time.perf_counter() - started))
                started = time.perf_counter()
    return measured


def _descend(run: _Run, images: Tensor, labels: Tensor, weight: float) -> Step:
    # Without the cache: a weight that an attack's passes cast has no gradient for the next pass.
    half = torch.autocast(labels.device.type, run.precision, cache_enabled=False)
    with half if run.precision is not None else nullcontext():
        step = run.objective(run.model, images, labels)
    if not step.loss.requires_grad:
        raise ValueError(
            "the loss has no gradient: the model detaches its logits or has no parameter that is "
            "trained, or the objective detaches its loss"
        )
    run.optimizer.zero_grad()
    run.scaler.scale(weighted(step, weight)).backward()
    run.scaler.step(run.optimizer)
    run.scaler.update()
    return step


def _set_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Multiply the learning rates that the groups began with, noted where torch notes them."""
    for group in optimizer.param_groups:
        group["lr"] = factor * group.setdefault("initial_lr", group["lr"])
