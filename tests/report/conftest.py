from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_gerum2022 import save_network, save_sweep

Save = Callable[..., Path | None]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sweeps, shallow MLP on MNIST (published) and on digits (not)."""
    made = tmp_path_factory.mktemp("results")
    save_sweep(made)
    save_sweep(made, data="digits", betas=(1.0,), targets=(1.0, 3.0), preset="quick")
    return made


@pytest.fixture
def saved() -> Save:
    """Function that saves one network into a folder."""
    return save_network


@pytest.fixture
def swept() -> Save:
    """Function that saves a whole sweep into a folder."""
    return save_sweep
