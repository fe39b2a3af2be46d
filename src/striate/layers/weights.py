"""In what precision, and where, a network computes."""

from itertools import chain

from torch import Tensor, nn


def first_weight(model: nn.Module) -> Tensor | None:
    """Return the parameter whose type and place images are to have, else the buffer.

    A fixed front end may hold its filters as buffers alone.

    Returns
    -------
    weight
        The first of floating point; None if a model has none, and so takes what there is.
    """
    weights = chain(model.parameters(), model.buffers())
    return next((weight for weight in weights if weight.is_floating_point()), None)
