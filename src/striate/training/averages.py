"""From what each step measured to the results of an epoch."""

import numpy as np
from torch import Tensor

from striate.results import Result, Score
from striate.training.objectives import Step


def measured_in(step: Step, labels: Tensor, seconds: float) -> dict[str, float]:
    """Return the numbers of one step, with the images it saw; refuse a loss that is none."""
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


def summary(measured: list[dict[str, float]], epoch: int) -> list[Result]:
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
        elif name != "images" and (taken := values[~np.isnan(values)]).size:
            # Not each step measures α; the loss, which would be NaN before it, is checked above.
            settings["error"] = "sd over batches"
            found.append(Score(name, float(taken.mean()), float(taken.std()), settings=settings))
    return found
