"""Which files of a folder are images that can be decoded, drawn in an order that a seed decides."""

import errno
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest
from pathlib import Path

import torch
from PIL import Image

from striate.datasets._decoding import check_mode

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
# Errors of the system that a file is to blame for: a damaged one, whose parts would lie before its
# beginning, and a link that leads nowhere.
OF_FILES = (errno.EINVAL, errno.EOVERFLOW, errno.ENOENT, errno.ELOOP)


def order_of(found: int, n: int | None, seed: int | None) -> list[int]:
    """Return the places of the files in the order in which they are tried, a draw if `n` is given.

    Raises
    ------
    ValueError
        If `seed` is given without `n` or the other way round, or one of them is none.
    """
    if n is None:
        if seed is not None:
            raise ValueError(f"seed={seed} without n, how many images to draw")
        return list(range(found))
    if seed is None:
        raise ValueError(f"n={n} images are drawn at random; give a seed")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValueError(f"seed={seed!r}; give a whole number")
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= found:
        raise ValueError(f"n={n} of {found} images; draw at least 1 and no more than there are")
    return torch.randperm(found, generator=torch.Generator().manual_seed(seed)).tolist()


def find(folder: Path) -> list[str]:
    """Return the images below `folder`, sorted folder by folder.

    Links to folders are followed after everything else, by name, and no folder is gone into twice:
    links may lead round in circles, and an image that is there twice would count twice.
    """
    found, seen, waiting = [], set(), [folder]
    for start in waiting:  # grows on the way
        links = []
        for parent, below, files in os.walk(start):
            here = Path(parent)
            real = here.resolve()
            if real in seen:
                below.clear()
                continue
            seen.add(real)
            below[:] = [name for name in below if not name.startswith(".")]
            links += [here / name for name in below if (here / name).is_symlink()]
            found += [
                (here / name).relative_to(folder)
                for name in files
                if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
            ]
        waiting += sorted(links)
    return [path.as_posix() for path in sorted(found, key=lambda path: path.parts)]


def classes_of(folder: Path, found: Sequence[str]) -> tuple[str, ...]:
    """Return the classes if the layout is ``<class>/<file>``: an empty one counts as well."""
    if any(name.count("/") != 1 for name in found):
        return ()
    below = (path for path in folder.iterdir() if path.is_dir())
    return tuple(sorted(path.name for path in below if not path.name.startswith(".")))


def select(
    folder: Path, found: Sequence[str], order: Sequence[int], n: int | None, threads: int
) -> tuple[list[str], list[tuple[str, str]]]:
    """Go through the files in order until `n` can be read; say which could not."""
    wanted = len(order) if n is None else n
    names: list[str] = []
    unreadable: list[tuple[str, str]] = []
    place = 0
    with ThreadPoolExecutor(threads) as pool:
        while len(names) < wanted and place < len(order):
            some = [found[index] for index in order[place : place + wanted - len(names)]]
            place += len(some)
            problems = list(pool.map(lambda name: _problem(folder / name), some))
            for name, problem in zip(some, problems, strict=True):
                if problem is None:
                    names.append(name)
                else:
                    unreadable.append((name, problem))
    if not names or (n is not None and len(names) < n):
        name, problem = unreadable[0]
        raise ValueError(
            f"{folder}: {len(unreadable)} of {place} images cannot be read"
            f"{f', and n={n} are wanted' if names else ''}; the first is {name}: {problem}"
        )
    return names, unreadable


def sha256(path: Path) -> str:
    """Hash a file that has just been decoded, and so lies in memory."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _problem(path: Path) -> str | None:
    """Return why a file cannot be decoded. JPEGs are decoded at an eighth of their size.

    Raises
    ------
    OSError
        If it is not the file that is wrong: without it the data set would be another one.
    """
    try:
        with Image.open(path) as image:
            check_mode(image)
            image.draft(None, (1, 1))
            image.load()
    # A damaged file can make a decoder raise nearly anything.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if _is_of_the_machine(error):
            raise OSError(
                f"{path} could not be read, which may not be for what is in it: {reason}; see that "
                "it can be, and try again"
            ) from error
        return reason
    return None


def _is_of_the_machine(error: Exception) -> bool:
    """Tell whether an error is of memory, rights, discs and the like, and not of a file."""
    if isinstance(error, OSError):  # a decoder's own have no number
        return error.errno not in (None, *OF_FILES)
    return isinstance(error, MemoryError)
