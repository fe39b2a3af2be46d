"""One table of wrong calls and the whole answer to each, which is also ``docs/bad-input.md``.

The cases are in ``tests/bad_input``, a module for each part of the package.
``python tests/test_bad_input.py > docs/bad-input.md`` writes the document again;
``python tests/test_bad_input.py --answers`` shows what every case says now.
"""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from bad_input import (
    activations,
    compared,
    data,
    files,
    networks,
    others,
    predicted,
    robust,
    shell,
    spectra,
    trained,
    training,
    tuning,
    zoo,
)
from bad_input.shell import USAGE

DOCUMENT = Path(__file__).parent.parent / "docs" / "bad-input.md"

# Of each: TITLE, SETUP, and CASES of an expression and the message of its ValueError.
PARTS = [
    spectra, tuning, predicted, robust, compared, activations, networks, zoo, data, trained,
    training, others,
]  # fmt: skip
TYPED = [*shell.TYPED, *training.TYPED, *zoo.TYPED]
WRITTEN = [
    (f"{part.__name__.removeprefix('bad_input.')}: {expression}", message)
    for part in PARTS
    for expression, message in part.CASES
]
CASES = [*TYPED, *USAGE, *WRITTEN]


def answers() -> Iterator[dict[str, object]]:
    """Make every wrong call, as a user would without the checks of types that tests have."""
    from striate import cli

    for words, _ in (*TYPED, *USAGE):
        out, err = io.StringIO(), io.StringIO()
        sys.argv = ["striate", *shlex.split(words)]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.main()
                status = 0
            except SystemExit as leaving:
                status = leaving.code
            except BaseException as error:
                status = repr(error)
        yield {"out": out.getvalue(), "err": err.getvalue(), "status": status}
    for part in PARTS:
        names: dict[str, object] = {}
        exec(part.SETUP, names)
        for expression, _ in part.CASES:
            try:
                eval(expression, names)
                answer, kind = "", "no error"
            except Exception as error:
                answer, kind = str(error), type(error).__name__
            yield {"message": answer, "kind": kind}


def asked() -> tuple[list[dict], list[str]]:
    """Make all calls in one process of their own; return the answers, and the files they left."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files.lay_out(folder)
        before = set(folder.rglob("*"))
        environment = {
            **{key: value for key, value in os.environ.items() if key != "STRIATE_DATA"},
            "STRIATE_CACHE": "cache",
            "COLUMNS": "200",
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",  # of a network's own file
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", str(Path(__file__)), "--make"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        left = [str(path) for path in folder.rglob("*") if path not in before]
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), left


def row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def section(part: ModuleType) -> list[str]:
    return [
        f"### {part.TITLE}",
        "",
        "The expressions refer to:",
        "",
        "```python",
        part.SETUP.rstrip(),
        "```",
        "",
        row("expression", "message"),
        row("---", "---"),
        *(row(f"`{expression}`", message) for expression, message in part.CASES),
        "",
    ]


def document() -> str:
    return "\n".join(
        [
            "# What striate says to bad input",
            "",
            "Made from the cases of `tests/test_bad_input.py`, which makes every one of these",
            "calls and compares the whole answer; `python tests/test_bad_input.py >",
            "docs/bad-input.md` writes this page again. “…” may stand for the words of another",
            "library.",
            "",
            "## In a shell",
            "",
            "Each leaves exit status 2, one line on standard error, no traceback and no file.",
            "`empty`, `a-file`, `damaged` … are what their names say, and so are all files below.",
            "",
            row("`striate …`", "`error: …`"),
            row("---", "---"),
            *(row(f"`{words}`", message) for words, message in TYPED),
            "",
            "Words that are no command or option, or numbers that are none, also leave exit status",
            "2, with a line on usage and the reason in a frame:",
            "",
            row("`striate …`", "reason"),
            row("---", "---"),
            *(row(f"`{words}`", message) for words, message in USAGE),
            "",
            "## In Python",
            "",
            "Each raises `ValueError`, before any work starts.",
            "",
            *(line for part in PARTS for line in section(part)),
        ]
    )


@pytest.fixture(scope="module")
def answered() -> tuple[dict[str, dict], list[str]]:
    found, left = asked()
    return {call: answer for (call, _), answer in zip(CASES, found, strict=True)}, left


def means(expected: str, said: str) -> bool:
    pattern = ".*".join(map(re.escape, expected.split("…")))
    return re.fullmatch(pattern, said) is not None


@pytest.mark.parametrize(("words", "message"), TYPED)
def test_a_wrong_command_costs_one_line_and_status_2(answered, words, message):
    answer = answered[0][words]
    assert means(f"error: {message}\n", answer["err"]), answer["err"]
    assert (answer["out"], answer["status"]) == ("", 2)


@pytest.mark.parametrize(("words", "message"), USAGE)
def test_a_command_that_does_not_exist_is_explained(answered, words, message):
    answer = answered[0][words]
    assert message in " ".join(answer["err"].split())
    assert "Traceback" not in answer["err"]
    assert (answer["out"], answer["status"]) == ("", 2)


@pytest.mark.parametrize(("expression", "message"), WRITTEN)
def test_a_wrong_call_is_a_value_error_that_says_why(answered, expression, message):
    answer = answered[0][expression]
    assert means(message, answer["message"]), answer["message"]
    assert answer["kind"] in ("ValueError", "DamagedError")  # the second is one of the first


def test_what_is_refused_leaves_nothing_behind(answered):
    assert answered[1] == []


def test_no_case_is_there_twice():
    calls = [call for call, _ in CASES]
    assert len(set(calls)) == len(calls) >= 30


def test_the_document_is_the_table():
    assert DOCUMENT.read_text(encoding="utf-8") == document()


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        made = list(answers())
        print(json.dumps(made))
    elif sys.argv[1:] == ["--answers"]:
        for (call, _), answer in zip(CASES, asked()[0], strict=True):
            print(call, answer, sep="\n    ")
    else:
        print(document(), end="")
