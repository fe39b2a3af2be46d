"""Which layers of a network a study looks at, and what is said of those it cannot."""

from collections.abc import Mapping, Sequence

import torch

from striate.activations import Readable, Reduce, readable
from striate.layers import places
from striate.models import Network
from striate.studies.spectra.pictures import planes_of

NAMED = 2  # layers that a note names
REASONS = 3  # that are told one by one


def chosen_layers(
    network: Network, layers: Sequence[str], *, reduce: Reduce | None = None
) -> Readable:
    """Find what of the layers that `layers` fit can be read of a network.

    Where there is a glob, two grey images are shown to it.

    Parameters
    ----------
    network
        As `striate.models.load` gives it.
    layers, reduce
        As in `striate.activations.readable`.

    Raises
    ------
    ValueError
        As `readable`, or if the network takes no images of its size.
    """
    found = places(network.model, list(layers))
    if not any(place.by_glob for place in found.values()):
        return Readable(found, {})
    side = network.size
    grey = torch.full((2, planes_of(network), side, side), 0.5)
    return readable(network.model, grey, list(layers), reduce=reduce)


def notes_of(network: Network, left_out: Mapping[str, str]) -> tuple[str, ...]:
    """Say which layers of a network are not read though a glob fits, and why: a line a reason."""
    reasons: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        known = reason in reasons or len(reasons) < REASONS
        reasons.setdefault(reason if known else "cannot be read either", []).append(name)
    return tuple(
        f"{network.name}: not read: {', '.join(names[:NAMED])}"
        f"{f' and {len(names) - NAMED} more' if len(names) > NAMED else ''}; "
        f"{'each' if len(names) > 1 else 'it'} {reason}"
        for reason, names in reasons.items()
    )
