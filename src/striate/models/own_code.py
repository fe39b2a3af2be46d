"""The part of a file of the user's that a network rests on: its code, which no weights show."""

import ast
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path

from striate.results import digest


def code_digest(file: Path, function: str) -> str:
    """Return a hash of those statements of a file that `function` needs.

    They are its own, those that give the names it mentions, and so on from these; and what runs
    without giving a name, such as an ``if``. So another network in the file, or a comment between
    two, makes no difference. Of files beside it that it imports all is taken; packages are not
    looked into.

    Parameters
    ----------
    file
        Which can be run.
    function
        What makes the network.
    """
    text = _read(file)
    needed = _needed([each for each in ast.parse(text).body if not _is_idle(each)], function)
    # The text, for what a tree looks like depends on the version of Python.
    parts = [_text(statement, text.splitlines()) for statement in needed]
    known = {file}
    waiting = list(_imported(needed, file))
    while waiting:
        other = waiting.pop()
        if other not in known:
            known.add(other)
            waiting += _imported(ast.parse(_read(other)).body, other)
    return digest([parts, *([each.name, _read(each)] for each in sorted(known - {file}))])


def _needed(statements: Sequence[ast.stmt], function: str) -> list[ast.stmt]:
    given = [set(_given(statement)) for statement in statements]
    wanted, needed = {function}, set[int]()
    while True:
        more = {
            index
            for index, names in enumerate(given)
            if index not in needed and (names & wanted or not names)
        }
        if not more:
            return [statements[index] for index in sorted(needed)]
        needed |= more
        wanted |= {name for index in more for name in _mentioned(statements[index])}


def _imported(statements: Sequence[ast.stmt], file: Path) -> Iterator[Path]:
    """Name the files beside `file` that statements import."""
    for node in (node for statement in statements for node in ast.walk(statement)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            other = file.with_name(f"{name.partition('.')[0]}.py")
            if other.is_file():
                yield other


def _read(file: Path) -> str:
    with tokenize.open(file) as opened:
        return opened.read()


def _is_idle(statement: ast.stmt) -> bool:
    """Tell whether an import leaves a statement out: a docstring, or what only a script runs."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.If) and "__name__" in _mentioned(statement.test)


def _given(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement of the file gives something to; of others it gives none."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (
            alias.asname or alias.name.partition(".")[0]
            for alias in statement.names
            if alias.name != "*"
        )
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        yield from (
            node.id
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )


def _mentioned(statement: ast.AST) -> Iterator[str]:
    yield from (node.id for node in ast.walk(statement) if isinstance(node, ast.Name))


def _text(statement: ast.stmt, lines: Sequence[str]) -> str:
    first = min(
        [statement.lineno, *(node.lineno for node in getattr(statement, "decorator_list", []))]
    )
    return "\n".join(line.rstrip() for line in lines[first - 1 : statement.end_lineno])
