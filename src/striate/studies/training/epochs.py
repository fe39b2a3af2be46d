"""From what each epoch measured to what the study keeps."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor, nn

from striate.results import Curve, Result, Score


def summary(history: Sequence[Result], epochs: int, *, last: str | None = None) -> list[Result]:
    """Turn the scores of each epoch into curves over epochs, and keep those of the last one.

    `last` is the penalised layer whose α the loop calls ``alpha``; here it gets its name.
    """
    by_name: dict[str, list[Score]] = {}
    for result in history:
        if isinstance(result, Score):
            name = f"alpha_{last}" if result.name == "alpha" else result.name
            by_name.setdefault(name, []).append(replace(result, name=name))
    spent = sum(score.value for score in by_name.pop("seconds"))
    found: list[Result] = []
    for name, scores in by_name.items():
        at = tuple(float(score.settings["epoch"] or 0) for score in scores)
        values = tuple(score.value for score in scores)
        found += [Curve(name, at, values, settings={"on": "train", "epoch": epochs}), scores[-1]]
    return [*found, Score("seconds", spent, settings={"part": "training", "epoch": epochs})]


@torch.no_grad()
def tested(
    model: nn.Module, batches: Iterable[Tensor], labels: Int[Tensor, " images"]
) -> list[Result]:
    """Return which part of the test images the model names, and with what loss."""
    logits = torch.cat([model(batch.to(labels.device)) for batch in batches])
    settings = {"on": "test", "images": len(labels)}
    right = (logits.argmax(1) == labels).double().mean().item()
    loss = nn.functional.cross_entropy(logits, labels).item()
    return [Score("accuracy", right, settings=settings), Score("loss", loss, settings=settings)]


def progress(found: Sequence[Result]) -> str:
    """Say in a few words how an epoch went."""
    values = {one.name: one.value for one in found if isinstance(one, Score)}
    words = [f"loss {values['loss']:.3f}", f"accuracy {values['accuracy']:.3f}"]
    return "  ".join([*words, f"α {values['alpha']:.2f}"] if "alpha" in values else words)
