"""docs/add-a-model.md: its code runs, its commands exist, and what it says of names is so."""

import re
import shlex
from pathlib import Path

import pytest
import torch
import typer

from striate import cli
from striate.models import ZOO

PAGE = Path(__file__).parents[2] / "docs" / "add-a-model.md"
TEXT = PAGE.read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()
]


def test_its_code_runs_and_prints_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    with torch.random.fork_rng():
        for block in PYTHON:
            if file := re.match(r"# (\w+\.py)\n", block):
                Path(file[1]).write_text(block)
            else:
                exec(block, names)
    assert capsys.readouterr().out.splitlines() == [
        "my_nets.py:net, trained",
        str(ZOO["alexnet"].layers),
        str(ZOO["resnet18"].layers),
        "('0', '2')",
        "('0', '2')",
        str(tuple(f"encoder.layers.{number}" for number in range(4))),
        str([(17, 16)] * 4),
    ]
    assert len(PYTHON) == 5


@pytest.mark.parametrize("line", COMMANDS)
def test_its_commands_exist(line):
    command, words = typer.main.get_command(cli.app), shlex.split(line)[1:]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    options = {option for part in command.params for option in part.opts}
    used = {word for word in words if word.startswith("--")}
    assert used <= options


def test_what_it_says_of_the_forty_is_so():
    sources = [entry.weights for entry in ZOO.values()]
    assert sources.count("") == 25
    assert sum("Salman" in source for source in sources) == 11
    cells = re.findall(r"^\| (.*?) \| .* \|$", TEXT[TEXT.index("| networks") :], re.MULTILINE)
    named = re.findall(r"`(\w+)`", " ".join(cells))
    others = [n for n, entry in ZOO.items() if entry.weights and "Salman" not in entry.weights]
    assert sorted(named) == sorted(others)


def test_every_file_it_points_to_exists():
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in t]
    examples = re.findall(r"`(examples/\w+\.py)`", TEXT)
    assert targets
    assert examples
    assert all((PAGE.parent / target).exists() for target in targets)
    assert all((PAGE.parents[1] / example).exists() for example in examples)
