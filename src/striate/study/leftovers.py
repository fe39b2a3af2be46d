"""What an unfinished measurement leaves behind, when it is finished."""

from contextlib import suppress
from pathlib import Path


def remove_if_empty(folder: Path) -> None:
    """Remove a folder of unfinished sums, which were deleted when they were made.

    Where something else lies in it, it stays: a result that was measured must not be lost to it.
    """
    with suppress(OSError):
        folder.rmdir()
