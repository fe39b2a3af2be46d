"""The part of a file of the user's that a network rests on: its code, which no weights show."""

import ast
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path

from striate.results import digest

# What finds a name that is given as text: any statement may be meant.
BY_TEXT = {"globals", "vars", "eval", "exec"}


def code_digest(file: Path, function: str) -> str:
    """Return a hash of those statements of a file that `function` needs.

    They are its own, those that give the names it mentions, and so on from these; what runs
    without giving a name, such as an ``if``; and what a decorator or base class of the user's may
    keep somewhere, to be had by another name. So another network in the file, or a comment between
    two, makes no difference, unless names are looked up as text (``globals()``). Of files beside it
    that it imports, and of packages that lie there, all is taken; what is installed is not looked
    into.

    Parameters
    ----------
    file
        Which can be run.
    function
        What makes the network.
    """
    text = _read(file)
    statements = [each for each in ast.parse(text).body if not _is_idle(each)]
    needed = _needed(statements, function, _kept_elsewhere(statements, file))
    # The text, for what a tree looks like depends on the version of Python.
    parts = [_text(statement, text.splitlines()) for statement in needed]
    known, root = {file}, file.parent
    waiting = list(_imported(needed, file, root))
    while waiting:
        other = waiting.pop()
        if other not in known:
            known.add(other)
            waiting += _imported(_statements(other), other, root)
    # By where they lie below the folder, which beside the file is their name.
    others = ([each.relative_to(root).as_posix(), _read(each)] for each in sorted(known - {file}))
    return digest([parts, *others])


def _statements(file: Path) -> list[ast.stmt]:
    """Return what a file that is imported consists of; nothing if it is no Python of this version.

    Whoever imports it may do without it.
    """
    try:
        return ast.parse(_read(file)).body
    except (SyntaxError, ValueError):
        return []


def _needed(
    statements: Sequence[ast.stmt], function: str, kept: Sequence[ast.stmt]
) -> list[ast.stmt]:
    """Return the statements that `function` needs, `kept` ones always."""
    given = [set() if each in kept else set(_given(each)) for each in statements]
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
        if wanted & BY_TEXT:
            return list(statements)


def _kept_elsewhere(statements: Sequence[ast.stmt], file: Path) -> list[ast.stmt]:
    """Return functions and classes that code of the user's may have kept, as in a registry.

    A decorator may, or a base class that is told of its subclasses.
    """
    own, telling = set[str](), set[str]()
    for each in statements:
        others = list(_imported([each], file, file.parent))
        if others or not isinstance(each, ast.Import | ast.ImportFrom):
            own.update(_given(each))
        if any(_tells(_read(other)) for other in others):
            telling.update(_given(each))
    kept: list[ast.stmt] = []
    for each in statements:
        makers: list[ast.expr] = list(getattr(each, "decorator_list", []))
        if isinstance(each, ast.ClassDef):
            bases = [*each.bases, *(keyword.value for keyword in each.keywords)]
            above = {name for base in bases for name in _mentioned(base)}
            if above & telling:
                kept.append(each)
            if above & telling or _tells(ast.unparse(each)):
                telling.add(each.name)
        if any(set(_mentioned(maker)) & own for maker in makers) and each not in kept:
            kept.append(each)
    return kept


def _tells(text: str) -> bool:
    """Say whether code has a class that may be told of its subclasses, as a metaclass is."""
    return "__init_subclass__" in text or "(type)" in text or "metaclass" in text


def _imported(statements: Sequence[ast.stmt], file: Path, root: Path) -> Iterator[Path]:
    """Name the files below `root`, where imports begin, that statements of `file` import."""
    for node in (node for statement in statements for node in ast.walk(statement)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(root, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            start = node.module.split(".") if node.module else []
            if node.level:  # one dot is the folder of the file, and each more is one above
                above = file.parent.relative_to(root).parts
                start = [*above[: max(0, len(above) + 1 - node.level)], *start]
            # What is taken from a package may be a file of it.
            for alias in node.names:
                yield from _files(root, [*start, alias.name])


def _files(root: Path, names: Sequence[str]) -> Iterator[Path]:
    """Name the files that importing ``names[0].names[1]…`` runs, as far as they are below a folder.

    Those are the ``__init__.py`` of each package on the way, and the module.
    """
    folder = root
    for name in names:
        package, module = folder / name / "__init__.py", folder / f"{name}.py"
        if package.is_file() and not is_installed(package):
            yield package
        elif module.is_file():
            yield module
            return
        folder /= name


def is_installed(file: Path) -> bool:
    """Tell whether a package was put there by an installer, or is a link to such a one."""
    return not {"site-packages", "dist-packages"}.isdisjoint(file.resolve().parts)


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
