"""Gram matrices of layers of any width, in as few forward passes as a memory budget allows."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from striate.activations import _partial
from striate.activations._checking import (
    check_folder,
    check_others,
    check_rows,
    check_units,
    check_views,
)
from striate.activations._choosing import readable_places
from striate.activations._collect import Progress
from striate.activations._forward import check_kept, check_progress, observed, probe
from striate.activations._images import Images, glimpse, survey
from striate.activations._passes import View, Work, planned, summed
from striate.activations._planning import parse_memory
from striate.activations._sums import Sum, finish
from striate.layers import places
from striate.responses import Kernel
from striate.results.given import as_path


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
    partial: str | Path | None = None,
    keep_partial: bool = False,
) -> dict[str, Kernel]:
    r"""Show images to a model and sum up, for each layer, which of them it takes to be alike.

    Each image crosses the model as few times as `memory` allows. A pass keeps as many units as fit
    (`plan`), less than a layer or several of them, and stops at the deepest of these. Units are
    centred and, if `z_scored`, divided by their standard deviation (``ddof=0``) over the images,
    with moments in float64; products of at most 8192 units, in the precision of the layer but
    float32 at least, are added to a Gram matrix in float64, which is double-centred at the end. Its
    eigenvalues over ``images - 1`` are those of ``StandardScaler`` and ``PCA``. They are the same,
    bit for bit, whatever the budget, if the network is the same in each pass: one that draws random
    numbers in evaluation mode too is not, nor is one that normalises by the batch (`collect`).

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
        settings left there of these layers is taken up, within any budget, and deleted in the end,
        but with `keep_partial`.
        By what a network consists of, its weights, attributes and hooks, and by some of its
        responses to two images, it is known again; a layer that does not tell these two images
        apart is summed anew.
    keep_partial
        Whether the sums stay in `partial` after that, until what becomes of the kernels is written
        down and `remove_partial` is called.

    Returns
    -------
    kernels
        By layer.

    Raises
    ------
    ValueError
        As `collect`; if `memory` is not enough, which says what is; if `others` are not images by
        name that the layers answer with as many units, or `raw` names none of them; if `z_scored`
        is neither True nor False; if responses are too large or small for float64 to hold their
        squares; or if `partial` is no folder, or a file in it is damaged.

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    >>> found = kernels(model, torch.rand(5, 3, 8, 8), ["0", "1"], z_scored=True, memory="50MB")
    >>> found["0"].gram.shape, found["1"].units
    (torch.Size([5, 5]), 144)
    """
    # Any text would count as True, and the spectrum would be another one.
    if not isinstance(z_scored, bool):
        raise ValueError(f"z_scored={z_scored!r}: say True or False")
    found = kernels_of_views(
        model, images, layers, {"": View(z_scored)}, memory=memory, batch_size=batch_size,
        others=others, raw=raw, dtype=dtype, source=source, stimuli=stimuli, progress=progress,
        partial=partial, keep_partial=keep_partial,
    )  # fmt: skip
    return {layer: views[""] for layer, views in found.items()}


def kernels_of_views(
    model: nn.Module,
    images: Images,
    layers: str | Sequence[str],
    views: Mapping[str, View],
    *,
    memory: str | int = "4GB",
    batch_size: int = 32,
    others: Mapping[str, Images] | None = None,
    raw: Collection[str] = (),
    dtype: torch.dtype | None = None,
    source: str | None = None,
    stimuli: str | None = None,
    progress: Progress | None = None,
    partial: str | Path | None = None,
    keep_partial: bool = False,
) -> dict[str, dict[str, Kernel]]:
    """Make several kernels of each layer in the same passes.

    What `kernels` does, but for several views of the images: some of them, standardised in their
    own way. Each image crosses the model as often as for one view. The three random sets that a
    spectrum is measured on and the photographs whose principal components predict a recording can
    so be had for the price of showing all of them once.

    Parameters
    ----------
    model, images, layers, memory, batch_size, raw, dtype, source, progress
        As in `kernels`.
    views
        By name.
    others
        As in `kernels`; multiplied with the last view.
    stimuli
        What to call the images; the name of a view is added. A fingerprint, if None.
    partial, keep_partial
        As in `kernels`.

    Returns
    -------
    kernels
        By layer, then by view.

    Raises
    ------
    ValueError
        As `kernels`; if there are no views by name, or the rows of one are no int64 tensor, not
        images of these, or twice.

    Examples
    --------
    >>> model, images = nn.Sequential(nn.Flatten(), nn.Linear(12, 4)), torch.rand(6, 3, 2, 2)
    >>> views = {"first half": View(True, torch.arange(3)), "all": View(False)}
    >>> found = kernels_of_views(model, images, "1", views, memory="50MB")
    >>> found["1"]["first half"].gram.shape, found["1"]["all"].z_scored
    (torch.Size([3, 3]), False)
    """
    parse_memory(memory)
    chosen = places(model, layers)
    check_others(others, raw)
    check_views(views)
    check_kept(dtype)
    check_progress(progress)
    if partial is not None:
        partial = as_path("partial", partial)
        check_folder(partial)
    with observed(model) as core:
        shown = glimpse(images, batch_size=batch_size)
        new = {
            name: glimpse(some, batch_size=batch_size, name=f"others[{name!r}]")
            for name, some in (others or {}).items()
        }
        chosen = readable_places(core, shown.first, chosen).places
        outputs = probe(core, shown.first, chosen)
        for some in new.values():
            check_units(outputs, probe(core, some.first, chosen, some.name), some.name)
        work = Work(core, shown, new, chosen, outputs, views, dtype, frozenset(raw))
        if partial is None or not _partial.any_in(partial):  # else there may be little left to do
            planned(work, memory, {}, saved=partial is not None)
        work = _surveyed(work)
        check_rows(views, work.shown.count)
        store = None if partial is None else _store(work, partial)
        totals = summed(work, memory, progress, store)
    source, stimuli = source or type(core).__name__, stimuli or work.shown.fingerprint
    made = {
        layer: {
            name: _finished(total, work, layer, name, source, stimuli)
            for name, total in totals[layer].items()
        }
        for layer in chosen
    }
    if store is not None and not keep_partial:
        store.remove(chosen)
    return made


def remove_partial(folder: str | Path) -> None:
    """Delete the sums that `kernels` left in a folder, and the folder if nothing else lies in it.

    Parameters
    ----------
    folder
        A `partial` of `kernels`; it need not exist.
    """
    folder = as_path("folder", folder)
    _partial.remove_all(folder)
    with suppress(OSError):
        folder.rmdir()


def _surveyed(work: Work) -> Work:
    """Go through all images, of which only the first were seen."""
    shown, *others = (
        survey(some.images, batch_size=some.batch_size, name=some.name)
        for some in (work.shown, *work.others.values())
    )
    if shown.count < 2:
        raise ValueError("images holds 1 image; a kernel needs at least 2")
    return replace(work, shown=shown, others=dict(zip(work.others, others, strict=True)))


def _finished(total: Sum, work: Work, layer: str, view: str, source: str, stimuli: str) -> Kernel:
    finish(total)
    try:
        return Kernel(
            total.gram,
            work.outputs[layer].units,
            total.varying,
            work.views[view].z_scored,
            f"{source}:{layer}",
            f"{stimuli}, {view}" if view else stimuli,
            total.cross,
        )
    except ValueError as error:
        raise ValueError(f"layer {layer!r}: {error}") from error


def _store(work: Work, folder: Path) -> _partial.Store:
    settings = {
        "images": work.shown.fingerprint,
        "others": {name: some.fingerprint for name, some in work.others.items()},
        "views": [  # in their order: others are multiplied with the last
            [name, view.z_scored, None if view.rows is None else view.rows.tolist()]
            for name, view in work.views.items()
        ],
        "dtype": str(work.dtype),
        **({"raw": sorted(work.raw)} if work.raw else {}),
    }
    return _partial.Store(folder, _partial.key(work.model, settings))
