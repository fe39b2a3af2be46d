"""All responses of layers that are small enough to be held."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from striate.activations._choosing import readable_places
from striate.activations._forward import (
    check_kept,
    check_progress,
    forward,
    not_finite,
    observed,
    probe,
)
from striate.activations._images import Images, glimpse, survey
from striate.activations._reducing import Reduce, centre, position_mean
from striate.layers import places
from striate.responses import Responses

Progress = Callable[[int, int], None]


def collect(
    model: nn.Module,
    images: Images,
    layers: str | Sequence[str],
    *,
    batch_size: int = 32,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    source: str | None = None,
    stimuli: str | None = None,
    reduce: Reduce | None = None,
    progress: Progress | None = None,
) -> dict[str, Responses]:
    """Show images to a model and keep what some of its layers put out.

    All responses are held at once. For layers too wide for that, `reduce` can keep a part of each
    output, and `kernels` keeps what eigenspectra, principal components and ridge regression need.
    The model is run in evaluation mode, without
    gradients and uncompiled, and is left as it was. Each image is taken to have its own responses:
    a network that draws random numbers in evaluation mode too, or normalises by the batch that it
    is shown (`BatchNorm2d` without running statistics), has others each time or in other batches,
    and nothing here notices.

    Parameters
    ----------
    model
        Any module. `DataParallel` and its like are run on their first device.
    images
        Pixels in [0, 1], (images, channels, height, width): a tensor or array, something that gives
        them by slices, or something that can be gone through several times and gives batches, or
        pairs of batches and labels. They are put on the device and in the precision of the model.
    layers
        A name, a glob or a list of them; ``@2`` and ``[0]`` choose a call and an entry
        (`striate.layers.places`). A glob stands for all that can be read of the layers it fits
        (`readable`).
    batch_size
        At most so many images are shown at a time.
    device
        Where to keep the responses. Where the layer puts them out, if None.
    dtype
        How to keep them. As they are put out, if None.
    source
        What to call the model. Its class, if None.
    stimuli
        What to call the images. A fingerprint of their pixels, if None.
    reduce
        What to keep of the output of each layer, as soon as it is there: `centre`, `position_mean`
        or a function of your own, which takes an output (batch first) and gives one row per image.
        It need not copy. Everything, if None. Of images that are no squares, `centre` and
        `position_mean` have to be told where a layer has its channels.
    progress
        Called after each batch with the number of images shown and of all.

    Returns
    -------
    responses
        By layer, of one repeat and (in the order of channels, height, width for maps; of tokens,
        features for transformers) flattened, after `reduce`.

    Raises
    ------
    ValueError
        If a layer named does not exist, runs not once, or puts out something else than one finite
        row per image, as many numbers for all, or something that `reduce` does not take; images
        cannot be used, or the model cannot take them; or nothing can be kept in `dtype` or on
        `device`. What to do instead is said.

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    >>> found = collect(model, torch.rand(5, 3, 8, 8), ["0", "3"])
    >>> found["0"].tensor.shape, found["3"].source
    (torch.Size([1, 5, 144]), 'Sequential:3')
    """
    chosen = places(model, layers)
    check_kept(dtype, device)
    check_progress(progress)
    if reduce is not None and not callable(reduce):
        raise ValueError(f"reduce={reduce!r}: give a function of a layer's output, e.g. centre")
    with observed(model) as core:
        seen = glimpse(images, batch_size=batch_size)
        _check_square(seen.first, reduce)
        chosen = readable_places(core, seen.first, chosen, reduce).places
        outputs = probe(core, seen.first, chosen, reduce=reduce)
        units = {name: found.units for name, found in outputs.items()}
        shown = survey(images, batch_size=batch_size)
        kept = {
            name: torch.empty(
                (shown.count, found.units),
                dtype=dtype or found.dtype,
                device=device or found.device,
            )
            for name, found in outputs.items()
        }
        first = 0
        for batch in shown.batches():
            last = first + len(batch)
            takes = {
                name: (place, partial(_keep, name, kept[name][first:last]))
                for name, place in chosen.items()
            }
            forward(core, batch, takes, units, reduce)
            first = last
            if progress is not None:
                progress(first, shown.count)
    source = source or type(core).__name__
    return {
        name: Responses(kept[name][None], f"{source}:{name}", stimuli or shown.fingerprint)
        for name in chosen
    }


def _check_square(first: Tensor, reduce: Reduce | None) -> None:
    """Refuse to find the axis of channels by looking for square maps where there are none."""
    if reduce in (centre, position_mean) and first.ndim == 4 and first.shape[2] != first.shape[3]:
        raise ValueError(
            f"images of shape {tuple(first.shape[1:])} are no squares, so that the shape of maps "
            "does not tell which axis holds the channels; say so, as in "
            'reduce=partial(centre, channels="first")'
        )


def _keep(name: str, kept: Tensor, rows: Tensor) -> None:
    """Copy `rows`, which may be worked on in place later, into `kept`."""
    kept.copy_(rows)
    if not kept.isfinite().all():
        raise ValueError(not_finite(name, kept.dtype))
