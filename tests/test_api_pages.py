"""Everything public says in one line what it is, and stands on the page of its box."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import striate

PAGES = Path(__file__).parents[1] / "docs" / "api"
# Their names are those of the box they lie in, or the report's own affair.
INSIDE = (
    "striate.models.",
    "striate.training.",
    "striate.report.",
    "striate.cli",
    "striate.studies",
)


def boxes():
    found = []
    for module in pkgutil.walk_packages(striate.__path__, "striate."):
        named = module.name.startswith("striate.studies.") and module.name.count(".") == 2
        if "._" in module.name or (module.name.startswith(INSIDE) and not named):
            continue
        box = importlib.import_module(module.name)
        if hasattr(box, "__all__"):
            found.append(module.name)
    return [*found, "striate.responses"]


BOXES = boxes()


def public(box):
    """Names of a box, those with a text of their own apart from types and constants."""
    module = importlib.import_module(box)
    defined = [
        name
        for name, value in vars(module).items()
        if name[0] != "_" and getattr(value, "__module__", None) == box
    ]
    names = {name: getattr(module, name) for name in getattr(module, "__all__", defined)}
    spoken = [
        name
        for name, value in names.items()
        if inspect.isfunction(value)
        or (inspect.isclass(value) and value.__module__.startswith("striate"))
    ]
    return names, spoken


def test_the_boxes_of_the_house_are_found():
    assert len(BOXES) > 20
    assert {"striate.spectra", "striate.study.tuning", "striate.studies.kong2021"} <= set(BOXES)


@pytest.mark.parametrize("box", BOXES)
def test_every_public_name_says_in_one_line_what_it_is(box):
    names, spoken = public(box)
    silent = []
    for name in spoken:
        first, *rest = (inspect.getdoc(names[name]) or "").split("\n")
        if not first.endswith(".") or (rest and rest[0]):
            silent.append(f"{name}: {first!r}")
    assert silent == []


@pytest.mark.parametrize("box", BOXES)
def test_every_public_name_stands_on_the_page_of_its_box(box):
    page = PAGES / f"{box}.md"
    assert page.exists(), f"{page.name} is missing: make it like the page of striate.statistics"
    names, spoken = public(box)
    text = page.read_text(encoding="utf-8")
    listed = re.findall(r"^   (\w+)$", text, re.MULTILINE)
    described = re.findall(r"^\| `(\w+)` \| \S", text, re.MULTILINE)
    assert sorted(listed) == sorted(spoken)
    assert sorted(described) == sorted(set(names) - set(spoken))


def test_every_page_is_on_the_map():
    listed = re.findall(r"^striate\.[\w.]+$", (PAGES / "index.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(page.stem for page in PAGES.glob("striate.*.md"))
    assert set(BOXES) <= set(listed)
