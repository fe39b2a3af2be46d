"""Gram matrices of layers of any width, in as few forward passes as a memory budget allows."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from striate.activations import _partial
from striate.activations._collect import Progress
from striate.activations._forward import Outputs, check_kept, observed, probe
from striate.activations._images import Images, survey
from striate.activations._passes import Work, summed
from striate.activations._planning import parse_memory
from striate.activations._sums import finish
from striate.layers import places
from striate.responses import Kernel


def kernels(
    model: nn.Module,
    images: Images,
    layers: str | Sequence[str],
    *,
    z_scored: bool,
    memory: str | int = "4GB",
    batch_size: int = 32,
    others: Mapping[str, Images] | None = None,
    raw: Collection[str] = (),
    dtype: torch.dtype | None = None,
    source: str | None = None,
    stimuli: str | None = None,
    progress: Progress | None = None,
    partial: Path | None = None,
) -> dict[str, Kernel]:
    r"""Show images to a model and sum up, for each layer, which of them it takes to be alike.

    Each image crosses the model as few times as `memory` allows. A pass keeps as many units as fit
    (`plan`), less than a layer or several of them, and stops at the deepest of these. Units are
    centred and, if `z_scored`, divided by their standard deviation (``ddof=0``) over the images,
    with moments in float64; products of at most 8192 units, in the precision of the layer but
    float32 at least, are added to a Gram matrix in float64, which is double-centred at the end. Its
    eigenvalues over ``images - 1`` are those of ``StandardScaler`` and ``PCA``. They are the same,
    bit for bit, whatever the budget.

    Parameters
    ----------
    model, images, layers, batch_size, source, stimuli
        As in `collect`. Images that do not fit in memory can be read anew for each pass.
    z_scored
        Whether to divide each unit by its standard deviation. It moves the spectrum, so there is no
        default: Kong et al. 2021 do.
    memory
        For all activations and Gram matrices and for the work on them, e.g. ``"4GB"``, ``"512MB"``
        or bytes; on the device of the model. The model, its forward pass of one batch and the
        images come on top, and about 0.4 GB for Python and torch.
    others
        Other stimuli by name, such as those shown to cortex: of them and `images`, cross-kernels
        are made, with the means and standard deviations over `images`.
    raw
        Names of those of `others` whose responses are taken as they are, neither centred nor
        z-scored: cross-kernels are then :math:`X_\mathrm{new} Z^\top`, as where PCA is fitted to
        z-scored responses and applied to raw ones (the code of Kong et al. 2021).
    dtype
        In what to keep activations between the forward pass and the products; as they are put out,
        if None. ``torch.bfloat16`` halves the passes of a float32 model; it adds rounding noise of
        about 1e-6 of the mean eigenvalue.
    progress
        Called after each batch with the number of images shown, and to be shown in all passes.
    partial
        A folder for the sums of an unfinished plan. What a run of the same model, images and
        settings left there is taken up, within any budget, and deleted in the end.

    Returns
    -------
    kernels
        By layer.

    Raises
    ------
    ValueError
        As `collect`; if `memory` is not enough, which says what is; if `others` are not images that
        the layers answer with as many units, or `raw` names none of them; if `z_scored` is neither
        True nor False; or if `partial` is no folder, or a file in it is damaged.

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    >>> found = kernels(model, torch.rand(5, 3, 8, 8), ["0", "1"], z_scored=True, memory="50MB")
    >>> found["0"].gram.shape, found["1"].units
    (torch.Size([5, 5]), 144)
    """
    parse_memory(memory)
    chosen = places(model, layers)
    _check(z_scored, others, dtype, partial)
    _check_raw(raw, others or {})
    with observed(model) as core:
        shown = survey(images, batch_size=batch_size)
        new = {
            name: survey(some, batch_size=batch_size, name=f"others[{name!r}]")
            for name, some in (others or {}).items()
        }
        if shown.count < 2:
            raise ValueError("images holds 1 image; a kernel needs at least 2")
        outputs = probe(core, shown.first, chosen)
        for some in new.values():
            _check_units(outputs, probe(core, some.first, chosen, some.name), some.name)
        work = Work(core, shown, new, chosen, outputs, z_scored, dtype, frozenset(raw))
        store = None if partial is None else _store(work, partial)
        totals = summed(work, memory, progress, store)
    for total in totals.values():
        finish(total)
    source, stimuli = source or type(core).__name__, stimuli or shown.fingerprint
    found = {
        name: Kernel(
            totals[name].gram,
            outputs[name].units,
            totals[name].varying,
            z_scored,
            f"{source}:{name}",
            stimuli,
            totals[name].cross,
        )
        for name in chosen
    }
    if store is not None:
        store.remove()
    return found


def _check(
    z_scored: bool,
    others: Mapping[str, Images] | None,
    dtype: torch.dtype | None,
    partial: Path | None,
) -> None:
    # Any text would count as True, and the spectrum would be another one.
    if not isinstance(z_scored, bool):
        raise ValueError(f"z_scored={z_scored!r}: say True or False")
    if others is not None and not isinstance(others, Mapping):
        raise ValueError(
            f"others is a {type(others).__name__}; give sets of images by name, {{'new': images}}"
        )
    check_kept(dtype)
    if partial is not None and not isinstance(partial, Path):
        raise ValueError(f"partial={partial!r} is a {type(partial).__name__}; give a pathlib.Path")
    if partial is not None and partial.exists() and not partial.is_dir():
        raise ValueError(f"partial={str(partial)!r} is a file; name a folder")


def _check_raw(raw: Collection[str], others: Mapping[str, Images]) -> None:
    if isinstance(raw, str) or not set(raw) <= set(others):
        there = ", ".join(map(repr, others)) or "none"
        raise ValueError(f"raw={raw!r}: list names of others; there are {there}")


def _check_units(outputs: Mapping[str, Outputs], found: Mapping[str, Outputs], name: str) -> None:
    for layer, expected in outputs.items():
        if found[layer].units != expected.units:
            raise ValueError(
                f"{name} make layer {layer!r} put out {found[layer].units} units, images "
                f"{expected.units}; give both sets the same size in pixels"
            )


def _store(work: Work, folder: Path) -> _partial.Store:
    settings = {
        "images": work.shown.fingerprint,
        "others": {name: some.fingerprint for name, some in work.others.items()},
        "z_scored": work.z_scored,
        "dtype": str(work.dtype),
        **({"raw": sorted(work.raw)} if work.raw else {}),
    }
    return _partial.Store(folder, _partial.key(work.model, settings))
