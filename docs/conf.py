"""How Sphinx builds these pages: ``make docs``. Nothing is fetched, when built or when read."""

import re
from collections import Counter
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx

import striate

project = "striate"
author = "The striate developers"
copyright = f"2026, {author}"
version = release = striate.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]


def _named_twice() -> list[str]:
    """List the functions whose name is that of a class but for the case."""
    pages = Path(__file__).parent.glob("api/striate.*.md")
    names = [
        f"{page.stem}.{name}"
        for page in pages
        for name in re.findall(r"^   (\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    folded = Counter(name.lower() for name in names)
    return [name for name in names if folded[name.lower()] > 1 and name.islower()]


root_doc = "index"
exclude_patterns = ["_build", "_templates", "results"]
templates_path = ["_templates"]
default_role = "py:obj"

html_theme = "furo"
html_title = "striate"
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"  # drawn by the browser; MathJax would be fetched

myst_heading_anchors = 3
autodoc_preserve_defaults = True
autodoc_typehints = "signature"  # with the shapes
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 80
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_attr_annotations = False  # "*axes" of a shape would be taken for emphasis
# Verdict and verdict would be one file where names of files have no case.
autosummary_filename_map = {name: f"{name}_function" for name in _named_twice()}


def without_links_to_folders(app: Sphinx, page: str, source: list[str]) -> None:
    """Name the folders and scripts of the repository, which are no pages, instead of linking."""
    here = Path(app.srcdir, page).parent

    def named(link: re.Match[str]) -> str:
        text, target = link.groups()
        place = here / target
        if place.is_dir() or Path(app.srcdir) not in place.resolve().parents:
            return text if text.startswith("`") else f"{text} (`{target.removeprefix('../')}`)"
        return link[0]

    source[0] = re.sub(r"(?<!!)\[([^\]]+)\]\(([^)#:]+)\)", named, source[0])


def without_headings(
    app: Sphinx, what: str, name: str, member: object, _: object, lines: list[str]
) -> None:
    """Let headings in the text of a module be bold lines: several modules have the same ones."""
    if what == "module":
        text = "\n".join(lines)
        lines[:] = re.sub(r"(?m)^(\S.*)\n-{4,}$", r".. rubric:: \1\n", text).split("\n")


def without_fields(
    app: Sphinx, what: str, name: str, member: object, skip: bool, _: object
) -> bool:
    """Leave out what only says 'Alias for field number 0': the class describes its fields."""
    return skip or type(member).__name__ == "_tuplegetter"


def inline_mathml(translator: nodes.NodeVisitor, node: nodes.Element) -> None:
    """Write a formula as the browser takes it."""
    _write(translator, node, as_block=False)


def block_mathml(translator: nodes.NodeVisitor, node: nodes.Element) -> None:
    """Write a formula that stands alone."""
    _write(translator, node, as_block=True)


def _write(translator: nodes.NodeVisitor, node: nodes.Element, *, as_block: bool) -> None:
    translator.body.append(tex2mathml(node.astext(), as_block=as_block))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register what is above."""
    app.add_html_math_renderer("mathml", (inline_mathml, None), (block_mathml, None))
    app.connect("source-read", without_links_to_folders)
    app.connect("autodoc-process-docstring", without_headings)
    app.connect("autodoc-skip-member", without_fields)
