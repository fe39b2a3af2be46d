"""Digits: 1797 handwritten digits of 8x8 that come with scikit-learn; no download.

E. Alpaydin, C. Kaynak 1998, "Optical recognition of handwritten digits", UCI repository (its
test part).
"""

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import torch

from striate.datasets._images import LabelledImages, Split, check_split

SIZES = {"train": 1437, "test": 360}
# Hash of pixels and labels of both splits, in order: another split would be another data set.
SHA256 = "28d636f2f47ec885bab6c1d883c883cd3f85cb5f6d0f1457558c6b672cc71adf"


def digits(split: Split) -> LabelledImages:
    """Load small handwritten digits, 1437 for training and 360 for testing.

    The split is ours, stratified by class and always the same.

    Parameters
    ----------
    split
        Which part.

    Returns
    -------
    LabelledImages
        Images of shape (images, 1, 8, 8); the 17 grey levels are divided by 16.

    Examples
    --------
    >>> images, labels, source = digits("test")
    >>> images.shape, labels.bincount().tolist()
    (torch.Size([360, 1, 8, 8]), [36, 36, 35, 37, 36, 37, 36, 36, 35, 36])
    """
    check_split(split)
    pixels, classes = _parts()[split]
    images = torch.from_numpy(pixels).to(torch.float32).div_(16).unsqueeze(1)
    source = f"digits {split}: {len(images)} images of 1x8x8, 10 classes, sha256 {_sha256()[:12]}"
    return LabelledImages(images, torch.from_numpy(classes).long(), source)


def locate(root: str | Path | None) -> Path:
    """Return scikit-learn's own data folder, whatever `root`."""
    import sklearn.datasets

    return Path(sklearn.datasets.__file__).parent / "data"


def fetch() -> Path:
    """Return `locate`: there is nothing to download."""
    return locate(None)


def verify(root: str | Path | None) -> str:
    """Compare this scikit-learn's digits, and the split it makes, with the known ones."""
    import sklearn

    where = f"scikit-learn {sklearn.__version__}"
    found = _sha256()
    if found != SHA256:
        raise ValueError(
            f"digits of {where}, or their split, have changed: expected SHA-256 {SHA256}, "
            f"found {found}; install scikit-learn 1.9 to compare with earlier results"
        )
    train, test = SIZES.values()
    return f"digits in {where}: {train} train and {test} test images, sha256 {found[:12]}"


def fingerprint(root: str | Path | None) -> str:
    """Return the content hash of both splits."""
    return _sha256()[:12]


@cache
def _parts() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    # Imported here because it takes a second, which `striate --help` need not wait for.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, classes = (np.asarray(part, np.uint8) for part in load_digits(return_X_y=True))
    images = pixels.reshape(-1, 8, 8)
    train, test = train_test_split(
        np.arange(len(classes)),
        stratify=classes,
        random_state=0,
        train_size=SIZES["train"],
        test_size=SIZES["test"],
    )
    return {"train": (images[train], classes[train]), "test": (images[test], classes[test])}


@cache
def _sha256() -> str:
    arrays = (array for part in _parts().values() for array in part)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
