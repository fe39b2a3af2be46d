"""The pages of the documentation: their code runs, their commands exist, their links lead on."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
import torch
import typer

from striate import cli

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
NAMES = [page.stem for page in PAGES]
# What each page prints of what it says.
RUN = {
    "start": ["α = 0.9"],
    "own-loop": ["right under attack", "median over neurons"],
    "add-a-recording": ["torch.Size([4, 80, 12])", "median reliability 0.9"],
    "add-an-attack": ["grey 0.", "longest 0.5"],
    "measure-all": ["adversarial accuracy 0.", "'alpha': 'left out of this run'"],
    "reproduce-kong": [
        "R = 0.7735, p = 4.9e-09",
        "robust False: R = 0.390, p = 0.049, n = 26",
        "robust True: R = 0.689, p = 0.006, n = 14",
        "clean accuracy: R = 0.027, p = 0.87",
        "robust less its base: 0.0155, positive in 13 of 14",
    ],
}
# Pages that say of their blocks: each runs by itself after the first.
APART = {"own-loop"}


def text_of(page):
    return (DOCS / f"{page}.md").read_text(encoding="utf-8")


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", text_of(page), re.DOTALL)


@pytest.mark.parametrize("page", RUN)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, names = blocks(page, "python"), {}
    with torch.random.fork_rng():
        for block in code:
            if page in APART and names:
                names = {}
                exec(code[0], names)
            if file := re.match(r"# (\w+\.py)\n", block):
                Path(file[1]).write_text(block, encoding="utf-8")
            exec(block, names)
    printed = capsys.readouterr().out
    assert [line for line in RUN[page] if line not in printed] == []


def test_the_network_of_the_first_page_is_one(tmp_path):
    from striate.models import load

    (block,) = (one for one in blocks("start", "python") if one.startswith("# my_nets.py"))
    (tmp_path / "my_nets.py").write_text(block, encoding="utf-8")
    network = load(f"{tmp_path}/my_nets.py:net")
    assert network.size == 32
    assert network.model(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def commands():
    """Every command shown on a page that this file is about, one case each."""
    for page in ("start", "choose", "add-a-recording", "measure-all", "reproduce-kong"):
        shown = [line for block in blocks(page, "sh") for line in block.splitlines()]
        shown += re.findall(
            r"`(striate\s[^`]*)`", re.sub(r"```.*?```", "", text_of(page), flags=re.S)
        )
        yield from ((page, line) for line in shown if line.startswith("striate"))


@pytest.mark.parametrize(("page", "line"), list(commands()))
def test_a_command_that_is_shown_exists(page, line):
    command, words = typer.main.get_command(cli.app), shlex.split(line, comments=True)[1:]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    options = {option for part in command.params for option in (*part.opts, *part.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= options


def test_the_functions_to_choose_from_exist():
    text = text_of("choose")
    boxes = "spectra|tuning|predictivity|robustness|visualize|statistics|training|studies.kong2021"
    named = re.findall(rf"`({boxes})\.(\w+)`", text)
    assert len(named) > 10
    missing = [
        (box, name)
        for box, name in named
        if not hasattr(importlib.import_module(f"striate.{box}"), name)
    ]
    assert missing == []


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", NAMES)
def test_every_link_of_a_page_leads_on(page):
    text = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        there = DOCS / file if file else DOCS / f"{page}.md"
        if not there.exists():
            wrong.append(target)
        elif anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            if anchor not in map(slug, headings):
                wrong.append(target)
    assert wrong == []


def test_the_map_has_every_page():
    listed = {line for block in blocks("index", "{toctree}") for line in block.splitlines()}
    assert set(NAMES) - {"index"} <= listed
    assert {line for line in listed if line and line[0] != ":"} <= {*NAMES, "api/index"}
