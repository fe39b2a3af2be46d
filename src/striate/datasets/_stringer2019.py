"""Mouse V1 in response to 2800 natural images, two-photon calcium imaging of 10 000 cells.

C. Stringer, M. Pachitariu, N. Steinmetz, M. Carandini, K. D. Harris 2019, "High-dimensional
geometry of population responses in visual cortex", Nature 571:361. The steps are those that Kong
et al. 2021 took; where Stringer et al. did otherwise, there is an option.
"""

from itertools import compress
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from striate.datasets._matlab import fields, numbers
from striate.datasets._recording import (
    Recording,
    assemble,
    existing,
    floats,
    halves,
    in_presentation_order,
    ragged,
    span,
)

Repeats = Literal["halves", "presentations"]


def stringer2019(
    path: str | Path,
    *,
    images: str | Path | None = None,
    repeats: Repeats = "halves",
    blank: int | None = None,
    spontaneous: int = 32,
    red_cells: bool = True,
    nan_as_zero: bool = False,
) -> Recording:
    """Read responses of mouse V1, less what they share with spontaneous activity.

    Presentations of the grey blank are dropped. Responses are expressed in standard deviations
    from the mean of each cell's spontaneous activity, then the subspace of the leading directions
    of spontaneous activity is projected out, without centring.

    Parameters
    ----------
    path
        ``natimg2800_*.mat``: a struct ``stim`` with ``resp`` (presentations, cells), ``istim``
        (identities from 1) and ``spont`` (times, cells).
    images
        The file of the stimuli, ``images_natimg2800_all.mat``: ``imgs`` (height, width, images).
    repeats
        ``"halves"``: the mean of the first floor(k/2) of an image's k presentations, and of the
        rest. ``"presentations"``: each by itself, padded with NaN.
    blank
        Identity of the grey blank: one more than there are images. The largest in the file if
        None, which in a recording without any blank is the last image: say it there.
    spontaneous
        How many directions of spontaneous activity are removed; 0 for none.
    red_cells
        Whether inhibitory (GAD+) cells stay, as with Kong et al. Stringer et al. drop them.
    nan_as_zero
        Whether a response that is NaN counts as 0 before anything else, as with Stringer et al.

    Returns
    -------
    Recording
        Images with fewer than two presentations (with ``"presentations"``: none) are dropped;
        `kept` indexes the images of the file of the stimuli.

    Raises
    ------
    ValueError
        If the file has another layout, holds NaN or infinities, or an option cannot be met.
    """
    if repeats not in get_args(Repeats):
        raise ValueError(f"repeats={repeats!r}; choose 'halves' or 'presentations'")
    if images is not None:
        images = existing(images, "images", "file of the stimuli")
    path = existing(path)
    resp, spont, identity, notes = _read(path, red_cells=red_cells, nan_as_zero=nan_as_zero)
    blank = _blank(path, identity, blank)
    shown = identity < blank
    notes.append(
        f"dropped {int((~shown).sum())} presentations of the blank, which is identity {blank}"
    )
    values = _normalised(path, resp[shown], spont, spontaneous)
    notes.append(
        "responses in standard deviations of spontaneous activity, without its "
        f"{spontaneous} leading directions"
    )
    values, kept, more = _arranged(path, values, identity[shown] - 1, blank - 1, repeats)
    return assemble(
        path,
        values,
        name="stim.resp",
        kept=kept,
        images=None if images is None else _images(images, blank - 1)[kept],
        notes=[*notes, *more],
        images_file=images,
    )


def _read(
    path: Path, *, red_cells: bool, nan_as_zero: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    stim = fields(path, "stim", ["resp", "spont", "istim"])
    if len(stim["resp"]) != 1:
        raise ValueError(f"{path}: stim is an array of {len(stim['resp'])} structs, not one")
    resp, spont, identity = (stim[key][0] for key in ("resp", "spont", "istim"))
    for key, (values,) in stim.items():
        if np.isinf(values).any():
            raise ValueError(f"{path}: stim.{key} holds infinite numbers")
    identity = identity.ravel()
    if resp.ndim != 2 or len(identity) != len(resp) or not _from_one(identity):
        raise ValueError(
            f"{path}: stim.resp has shape {resp.shape} and stim.istim {len(identity)} entries; "
            "there must be one identity, counted from 1, for each row"
        )
    identity = identity.astype(np.int64)
    if spont.ndim != 2 or not len(spont) or spont.shape[1] != resp.shape[1]:
        raise ValueError(
            f"{path}: stim.spont has shape {spont.shape}; it must be (times, {resp.shape[1]} cells)"
        )
    resp, spont, notes = _without_nan(path, floats(resp), floats(spont), nan_as_zero)
    if red_cells:
        return resp, spont, identity, notes
    red = _red(path, resp.shape[1])
    notes.append(f"dropped {int(red.sum())} red (GAD+) cells of {len(red)}")
    return resp[:, ~red], spont[:, ~red], identity, notes


def _blank(path: Path, identity: np.ndarray, given: int | None) -> int:
    largest = int(identity.max())
    if given is None:
        return largest
    if isinstance(given, bool) or not isinstance(given, int) or given < largest:
        raise ValueError(
            f"blank={given!r}: {path} has identities up to {largest}; give the identity of the "
            "blank, one more than there are images"
        )
    return given


def _from_one(identity: np.ndarray) -> bool:
    # Up to where every whole number is one in double precision.
    return bool(
        len(identity) and ((identity >= 1) & (identity <= 2**53) & (identity % 1 == 0)).all()
    )


def _without_nan(
    path: Path, resp: np.ndarray, spont: np.ndarray, nan_as_zero: bool
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    missing = np.isnan(resp)
    if np.isnan(spont).any() or (missing.any() and not nan_as_zero):
        where = "spont" if np.isnan(spont).any() else "resp"
        count = int(np.isnan(spont if where == "spont" else resp).sum())
        advice = "; nan_as_zero=True sets them to 0" if where == "resp" else ""
        raise ValueError(
            f"{path}: stim.{where} holds {count} NaN, which the projection would spread over all "
            f"cells{advice}"
        )
    if not missing.any():
        return resp, spont, []
    note = f"{int(missing.sum())} responses that were NaN set to 0"
    return np.where(missing, resp.dtype.type(0), resp), spont, [note]


def _normalised(path: Path, resp: np.ndarray, spont: np.ndarray, remove: int) -> np.ndarray:
    """Return responses in units of spontaneous activity, without its leading directions."""
    count = isinstance(remove, int) and not isinstance(remove, bool)
    if not count or not 0 <= remove < min(spont.shape):
        raise ValueError(
            f"spontaneous={remove}: {path} has {spont.shape[0]} times x {spont.shape[1]} cells of "
            "spontaneous activity; remove fewer directions than either"
        )
    mean = spont.mean(0, dtype=np.float64).astype(spont.dtype)
    # The added constant is theirs: a silent cell has no standard deviation to be divided by.
    scale = (spont.std(0, dtype=np.float64) + 1e-6).astype(spont.dtype)
    resp = (resp - mean) / scale
    if remove == 0:
        return resp
    directions = _leading_directions((spont - mean) / scale, remove)
    return resp - (resp @ directions) @ directions.T


def _leading_directions(spont: np.ndarray, count: int) -> np.ndarray:
    """Leading eigenvectors of spont' spont, without ever forming it: it is cells x cells."""
    from scipy.sparse.linalg import svds

    # A fixed start of Lanczos' method: the same file gives the same numbers.
    start = np.random.default_rng(0).standard_normal(min(spont.shape))
    # In double precision: the last direction that goes and the first that stays differ by little.
    _, _, directions = svds(spont.astype(np.float64), k=count, v0=start)
    return np.asarray(directions, spont.dtype).T


def _arranged(
    path: Path, values: np.ndarray, stimulus: np.ndarray, stimuli: int, repeats: Repeats
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    # Of the images that were shown alone: an identity that is damaged may be any number.
    shown, stimulus, times = np.unique(stimulus, return_inverse=True, return_counts=True)
    needed = 2 if repeats == "halves" else 1
    often_enough = times >= needed
    kept = shown[often_enough]
    if not len(kept):
        often = "twice, which repeats='halves' needs; choose 'presentations'" if needed > 1 else ""
        raise ValueError(f"{path}: no image was presented {often or 'at all, only the blank'}")
    rows = list(compress(in_presentation_order(stimulus, len(shown)), often_enough))
    counts = f"{span([len(some) for some in rows])} presentations of each image"
    notes = [
        f"dropped {stimuli - len(kept)} of {stimuli} images, presented fewer than {needed} times"
    ]
    if repeats == "presentations":
        return ragged(values, rows), kept, [*notes, counts]
    notes.append(f"{counts}; repeat 1 is the mean of the first half of them, repeat 2 of the rest")
    return halves(values, rows), kept, notes


def _images(path: Path, expected: int) -> np.ndarray:
    """Return the stimuli as (images, height, width) in [0, 1]."""
    imgs = numbers(path, "imgs")
    if imgs.ndim != 3 or imgs.shape[2] != expected:
        raise ValueError(
            f"{path}: imgs has shape {imgs.shape}; the recording needs (height, width, {expected}) "
            f"if identity {expected + 1} is its blank; if another is, give blank="
        )
    if imgs.min() < 0 or imgs.max() > 255:
        raise ValueError(f"{path}: imgs runs from {imgs.min()} to {imgs.max()}, not 0 to 255")
    return np.moveaxis(imgs, 2, 0).astype(np.float32) / 255


def _red(path: Path, cells: int) -> np.ndarray:
    """Return which cells are red: ``stat`` is an array of structs, one per cell."""
    red = fields(path, "stat", ["redcell"])["redcell"]
    if len(red) != cells:
        raise ValueError(
            f"{path}: stat has {len(red)} values of 'redcell' for {cells} cells; red_cells=True "
            "keeps all"
        )
    return np.array([bool(np.any(one)) for one in red])
