"""A block in which LAPACK keeps to one thread, and who is in it."""

from contextlib import nullcontext

import pytest
import scipy.linalg  # noqa: F401  whose BLAS is looked at
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from striate._threads import one_thread
from striate.spectra import components


def blas() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_within_the_block_blas_has_one_thread_and_torch_what_it_had():
    with threadpool_limits(2, user_api="blas"):
        before, torchs = blas(), torch.get_num_threads()
        with one_thread():
            assert set(blas()) == {1}
            assert torch.get_num_threads() == torchs
        assert blas() == before == [2] * len(before)
        with pytest.raises(KeyError), one_thread():
            raise KeyError
        assert blas() == before


@pytest.mark.parametrize(("size", "alone"), [(300, True), (1399, True), (1400, False)])
def test_a_small_matrix_is_decomposed_on_one_thread(size, alone, monkeypatch):
    seen = []

    def entered():
        seen.append(True)
        return nullcontext()

    monkeypatch.setattr(components, "one_thread", entered)
    diagonal = torch.arange(float(size))
    values, vectors = components.leading_pairs(diagonal.diag(), 3)
    assert values.tolist() == [size - 1, size - 2, size - 3]
    assert vectors.abs().argmax(0).tolist() == [size - 1, size - 2, size - 3]
    assert bool(seen) == alone
