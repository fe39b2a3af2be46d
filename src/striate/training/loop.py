"""One training loop, whatever is minimised: epochs of shuffled batches, measured and resumable."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from striate.results import Result, Score
from striate.training import checkpoint as checkpoints
from striate.training.objectives import Objective, Step

Images = Float[Tensor, "images channels height width"]
Labels = Int[Tensor, " images"]
Evaluate = Callable[[nn.Module, int], list[Result]]


def train(
    model: nn.Module,
    images: Images,
    labels: Labels,
    *,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    batch_size: int,
    seed: int,
    evaluate: Evaluate | None = None,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 10.0,
    task: checkpoints.Task | None = None,
    alongside: nn.Module | None = None,
) -> Iterator[list[Result]]:
    """Train `model` in place, yielding after each epoch what was measured in it.

    The order of images depends on `seed` and the epoch alone, so a run that was stopped and
    resumed from its checkpoint ends, on a CPU, with the same bits as one that was not.

    Parameters
    ----------
    model
        Images to logits; trained in place, on the device of `images`.
    images, labels
        The training set. The last, smaller batch of an epoch is used too.
    objective
        ``(model, images, labels) -> Step``.
    optimizer
        Over the parameters of `model`.
    epochs
        How many passes, those of the checkpoint included.
    batch_size
        Images per step.
    seed
        Decides the order of images.
    evaluate
        ``(model, epoch) -> results``: what else to measure after each epoch, e.g. on test images.
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

    Yields
    ------
    results
        One list an epoch: ``loss``, ``accuracy`` and the means of what the objective measures,
        ``on="train"``, averaged over the steps of the epoch; ``seconds``; and what `evaluate` gave.

    Raises
    ------
    ValueError
        If a size is out of range, the checkpoint is damaged or of another run, or the loss stops
        being finite.
    """
    if epochs < 1 or not 1 <= batch_size <= len(images):
        raise ValueError(
            f"epochs={epochs}, batch_size={batch_size} with {len(images)} images: need at least "
            "one epoch and a batch no larger than the training set"
        )
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images but {len(labels)} labels")
    task = task or {}
    done, history = 0, []
    if checkpoint is not None:
        done, history = checkpoints.read(
            checkpoint, model, optimizer, task=task, alongside=alongside
        )
    if done > epochs:
        raise ValueError(f"{checkpoint} is at epoch {done} already, beyond epochs={epochs}")
    for epoch in range(1, done + 1):
        yield [result for result in history if result.settings["epoch"] == epoch]
    saved = time.monotonic()
    for epoch in range(done + 1, epochs + 1):
        measured = _train_epoch(
            model,
            images,
            labels,
            objective,
            optimizer,
            batch_size,
            _order(len(images), seed, epoch),
        )
        found = [*_summary(measured, epoch), *(evaluate(model, epoch) if evaluate else [])]
        history += found
        due = time.monotonic() - saved >= checkpoint_seconds
        if checkpoint is not None and due and epoch < epochs:
            checkpoints.write(
                checkpoint,
                model,
                optimizer,
                history,
                epoch=epoch,
                task=task,
                alongside=alongside,
            )
            saved = time.monotonic()
        yield found


def _train_epoch(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    batch_size: int,
    order: Tensor,
) -> list[dict[str, float]]:
    """Take one step per batch; return per step what was measured, with the size of the batch."""
    model.train()
    measured: list[dict[str, float]] = []
    for batch in order.to(images.device).split(batch_size):
        started = time.perf_counter()
        step = objective(model, images[batch], labels[batch])
        optimizer.zero_grad()
        step.loss.backward()
        optimizer.step()
        measured.append(_measured(step, labels[batch], time.perf_counter() - started))
    return measured


def _measured(step: Step, labels: Tensor, seconds: float) -> dict[str, float]:
    loss = step.loss.item()
    if not np.isfinite(loss):
        raise ValueError(f"the loss became {loss}; lower the learning rate or beta")
    right = (step.logits.detach().argmax(1) == labels).float().mean().item()
    extra = {name: float(value) for name, value in step.measured.items()}
    apart = extra.pop("seconds_alpha", 0.0)
    return {
        "loss": loss,
        "accuracy": right,
        **extra,
        "seconds_training": seconds - apart,
        "seconds_measuring alpha": apart,
        "images": float(len(labels)),
    }


def _summary(measured: list[dict[str, float]], epoch: int) -> list[Result]:
    """Average over steps: loss and accuracy by images, α by batches as Gerum et al. logged it."""
    column = {name: np.array([step[name] for step in measured]) for name in measured[0]}
    found: list[Result] = []
    for name, values in column.items():
        settings = {"on": "train", "epoch": epoch}
        if name in ("loss", "accuracy"):
            mean = float(np.average(values, weights=column["images"]))
            found.append(Score(name, mean, settings=settings))
        elif name.startswith("seconds_"):
            part = {"epoch": epoch, "part": name.removeprefix("seconds_")}
            found.append(Score("seconds", float(values.sum()), settings=part))
        elif name != "images":
            settings["error"] = "sd over batches"
            found.append(Score(name, float(values.mean()), float(values.std()), settings=settings))
    return found


def _order(images: int, seed: int, epoch: int) -> Tensor:
    state = int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0])
    return torch.randperm(images, generator=torch.Generator().manual_seed(state))
