import pytest
from jaxtyping import config


@pytest.fixture
def unchecked_types(monkeypatch):
    """As a user has it, without the checks of types that tests add."""
    monkeypatch.setattr(config, "jaxtyping_disable", True)
