"""What ``make test-lowest`` installs is what pyproject.toml says is enough."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_oldest_versions_are_those_that_pyproject_allows():
    lines = (ROOT / "constraints-lowest.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["export"], *extras["cluster"]]
    allowed = dict(
        re.fullmatch(r"([a-z0-9-]+)(?:\[.*\])?>=([0-9.]+)", one).groups() for one in asked
    )
    assert list(pinned) == list(allowed)
    for name, lowest in allowed.items():
        parts = len(lowest.split("."))
        found = pinned[name].split(".")
        assert found[:parts] == lowest.split("."), name
        assert set(found[parts:]) <= {"0"}, name
