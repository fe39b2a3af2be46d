"""Which units of which layers each forward pass keeps, within a memory budget."""

import re
from collections.abc import Mapping
from typing import NamedTuple

# Units are standardised and multiplied so many at a time, whatever the budget: the sums, and so
# the numbers, do not depend on it. Wide enough for a matrix product to be efficient.
BLOCK = 8192
ALIGNED = 64  # bytes; where in the common buffer a block may begin and end
MOMENTS = 16  # bytes per unit: its mean and scale in float64
SIZES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
BINARY_SIZES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


class Slice(NamedTuple):
    """Units `start` to `stop` (not included) of a layer, in the order of the flattened output."""

    layer: str
    start: int
    stop: int


class Pass(NamedTuple):
    """What one forward pass over all stimuli keeps.

    Attributes
    ----------
    slices
        In the order in which the layers run.
    memory
        Bytes: these activations, the Gram matrices begun so far, and the overhead.
    """

    slices: tuple[Slice, ...]
    memory: int


def plan(
    units: Mapping[str, int],
    *,
    stimuli: int,
    memory: str | int,
    others: int = 0,
    itemsize: int | Mapping[str, int] = 4,
    overhead: int = 0,
    done: Mapping[str, int] | None = None,
    sums: int | None = None,
) -> list[Pass]:
    """Pack layers, cut into blocks of 8192 units, into passes that stay within `memory`.

    A pass takes blocks in the order in which they are put out until the next no longer fits, so
    that it can stop at a layer as shallow as may be. Only the activations of the reference stimuli
    are stored; other stimuli are multiplied with them as they come.

    Parameters
    ----------
    units
        Units of each layer, in the order in which the layers run.
    stimuli
        Number of reference stimuli.
    memory
        The budget, in bytes or e.g. ``"4GB"`` (10⁹ bytes) or ``"4GiB"`` (2³⁰).
    others
        Number of other stimuli, for the cross-kernels.
    itemsize
        Bytes per activation, of all layers or by layer.
    overhead
        Bytes of working memory.
    done
        Units of each layer that an earlier run has finished.
    sums
        Bytes of the matrices that are summed for each layer; those of one Gram matrix and one
        cross-kernel, if None.

    Returns
    -------
    passes
        In which each unit that is not done occurs once.

    Raises
    ------
    ValueError
        If there are no units or stimuli; if `memory` is not a size, or does not hold one block
        beside the Gram matrices; what does is said.
    """
    if stimuli < 1 or others < 0 or min(units.values(), default=0) < 1:
        raise ValueError(
            f"units={dict(units)}, stimuli={stimuli}, others={others}: need at least one stimulus, "
            "and one unit of each layer"
        )
    budget, done = parse_memory(memory), done or {}
    gram = 8 * stimuli * (stimuli + others) if sums is None else sums
    held = overhead + gram * sum(done.get(layer, 0) > 0 for layer in units)
    passes: list[Pass] = []
    slices: list[Slice] = []
    used, needed, tightest = 0, 0, ""
    for block in _blocks(units, done):
        size = itemsize if isinstance(itemsize, int) else itemsize[block.layer]
        begun = gram if block.start == 0 else 0
        cost = block_bytes(block, stimuli, size)
        if held + begun + cost > needed:
            needed, tightest = held + begun + cost, block.layer
        if slices and held + begun + used + cost > budget:
            passes.append(Pass(tuple(slices), held + used))
            slices, used = [], 0
        held, used = held + begun, used + cost
        slices = _joined(slices, block)
    if needed > budget:
        raise ValueError(_too_little(memory, needed, tightest, stimuli, gram, overhead))
    return [*passes, Pass(tuple(slices), held + used)] if slices else passes


def block_bytes(block: Slice, stimuli: int, itemsize: int) -> int:
    """Bytes that a block takes: its activations, and the mean and scale of its units."""
    width = block.stop - block.start
    size = stimuli * width * itemsize + MOMENTS * width
    return -(-size // ALIGNED) * ALIGNED


def cut(part: Slice) -> list[Slice]:
    """Cut a slice into blocks."""
    return [
        Slice(part.layer, start, min(start + BLOCK, part.stop))
        for start in range(part.start, part.stop, BLOCK)
    ]


def _blocks(units: Mapping[str, int], done: Mapping[str, int]) -> list[Slice]:
    return [
        block
        for layer, count in units.items()
        for block in cut(Slice(layer, done.get(layer, 0), count))
    ]


def _joined(slices: list[Slice], block: Slice) -> list[Slice]:
    if slices and slices[-1].layer == block.layer:
        return [*slices[:-1], slices[-1]._replace(stop=block.stop)]
    return [*slices, block]


def _too_little(
    memory: str | int, needed: int, layer: str, stimuli: int, gram: int, overhead: int
) -> str:
    megabytes = -(-needed // 10**6)
    return (
        f"memory={memory!r} does not hold one block of layer {layer!r} ({stimuli} stimuli × up "
        f"to {BLOCK} units) beside the Gram matrices ({gram / 1e6:.3g} MB per layer) and "
        f"{overhead / 1e6:.3g} MB to work in; give memory='{megabytes}MB' or more, or fewer layers "
        "or stimuli"
    )


def parse_memory(memory: str | int) -> int:
    """Return a memory budget, such as ``"4GB"``, in bytes.

    Parameters
    ----------
    memory
        Bytes; or a number with its unit: kB, MB, GB, TB in steps of 1000, KiB to TiB of 1024.

    Raises
    ------
    ValueError
        If `memory` is not a positive whole number, nor a number with a unit.
    """
    if isinstance(memory, str):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B", memory.strip(), re.IGNORECASE)
        sizes = BINARY_SIZES if found and found[3] else SIZES
        size = int(float(found[1]) * sizes[found[2].upper()]) if found else 0
    else:
        size = memory if isinstance(memory, int) and not isinstance(memory, bool) else 0
    if size <= 0:
        raise ValueError(f"memory={memory!r} is not a size; give e.g. '4GB', '512MB', '9000000B'")
    return size
