"""A network as the study sees it: which layers are looked at, and which of the 40 it stands for."""

from collections.abc import Sequence
from typing import NamedTuple

from striate.models import ZOO, Entry, Network, entry_of, layers_for
from striate.studies.spectra.chosen import chosen_layers, notes_of


class Subject(NamedTuple):
    """A network, and what the study has to know of it.

    Attributes
    ----------
    network
        As `striate.models.load` gives it.
    layers
        Names, shallow ones first.
    entry
        Which of the paper's 40 it is; None for a network of one's own.
    robust
        Whether it was trained to withstand attacks; None if that is not known.
    notes
        Which layers were asked for by a glob and cannot be read.
    """

    network: Network
    layers: tuple[str, ...]
    entry: Entry | None
    robust: bool | None
    notes: tuple[str, ...] = ()


def subject(
    network: Network,
    *,
    stands_for: str | None = None,
    robust: bool | None = None,
    layers: Sequence[str] | None = None,
    most: int | None = None,
) -> Subject:
    """Find the layers of a network, and its place among the 40.

    Parameters
    ----------
    network
        As `striate.models.load` gives it. One called ``kong2021/NAME`` stands for that row.
    stands_for
        The name of a row of the paper's table, where the network is the same by another way.
    robust
        What is known of its training; a row of the table says it itself.
    layers
        Names or globs; `striate.models.layers_for` this network, if None.
    most
        At most so many layers, spread evenly from the first to the last.

    Raises
    ------
    ValueError
        If there is no such row, it contradicts `robust`, or there is no such layer.
    """
    entry = _entry(network, stands_for)
    if entry is not None and robust is not None and robust != entry.robust:
        raise ValueError(
            f"{entry.name} is {'' if entry.robust else 'not '}one of the robust networks of the "
            "paper; leave out what you say of it"
        )
    usual = layers_for(f"kong2021/{entry.name}" if entry else network.name, network.model)
    found = chosen_layers(network, usual if layers is None else layers)
    chosen = tuple(found.places)
    if most is not None and len(chosen) > most:
        step = (len(chosen) - 1) / max(most - 1, 1)
        chosen = tuple(chosen[round(step * number)] for number in range(most))
    known = robust if entry is None else entry.robust
    return Subject(network, chosen, entry, known, notes_of(network, found.left_out))


def _entry(network: Network, stands_for: str | None) -> Entry | None:
    if stands_for is None:
        return entry_of(network.name)
    if stands_for not in ZOO:
        raise ValueError(
            f"stands_for={stands_for!r} is none of the 40 networks; see `striate models list`"
        )
    return ZOO[stands_for]
