"""From what each epoch measured to what the study keeps."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isfinite

import torch
from jaxtyping import Int
from torch import Tensor, nn

from striate.results import Result, Score
from striate.robustness.victim import as_logits, shown
from striate.study.epochs import over_epochs


def summary(history: Sequence[Result], epochs: int, *, last: str | None = None) -> list[Result]:
    """Turn the scores of each epoch into curves over epochs, and keep those of the last one.

    `last` is the penalised layer whose α the loop calls ``alpha``; here it gets its name.
    """
    named = (replace(one, name=f"alpha_{last}") if one.name == "alpha" else one for one in history)
    return over_epochs(list(named), epochs)


@torch.no_grad()
def tested(
    model: nn.Module, batches: Iterable[Tensor], labels: Int[Tensor, " images"]
) -> list[Result]:
    """Return which part of the test images the model names, and with what loss.

    Raises
    ------
    ValueError
        If the network answers with something else than logits, or the loss is not finite.
    """
    placed = (batch.to(labels.device) for batch in batches)
    logits = torch.cat([as_logits(shown(model, batch), batch) for batch in placed])
    settings = {"on": "test", "images": len(labels)}
    right = (logits.argmax(1) == labels).double().mean().item()
    loss = nn.functional.cross_entropy(logits, labels).item()
    if not isfinite(loss):
        raise ValueError(
            f"after its last step the network's loss on test images is {loss}: the training "
            "diverged; lower the learning rate"
        )
    return [Score("accuracy", right, settings=settings), Score("loss", loss, settings=settings)]


def progress(found: Sequence[Result]) -> str:
    """Say in a few words how an epoch went."""
    values = {one.name: one.value for one in found if isinstance(one, Score)}
    words = [f"loss {values['loss']:.3f}", f"accuracy {values['accuracy']:.3f}"]
    return "  ".join([*words, f"α {values['alpha']:.2f}"] if "alpha" in values else words)
