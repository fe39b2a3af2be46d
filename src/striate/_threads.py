"""LAPACK on one thread: a second one holds a small matrix up, most of all beside PyTorch's."""

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[object]:
    """Keep what SciPy calls on one thread while the block runs; PyTorch keeps its own."""
    return _libraries().limit(limits=1)


@cache
def _libraries() -> ThreadpoolController:
    """Find the libraries once: it takes as long as a small eigenproblem."""
    import scipy.linalg  # noqa: F401  its BLAS must be there to be limited

    return ThreadpoolController().select(user_api="blas")
