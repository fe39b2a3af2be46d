"""Commands as typed, in this process."""

import contextlib
import io
import shlex
import sys

import pytest

from striate import cli


def striate(words):
    """Type a command; return its exit status, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["striate", *shlex.split(words)])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.main()
                status = 0
            except SystemExit as leaving:
                status = leaving.code or 0
    return status, out.getvalue(), err.getvalue()


def captured(capsys, monkeypatch, words):
    """Type a command that ends by leaving; return the same, by the fixtures of the test."""
    monkeypatch.setattr(sys, "argv", ["striate", *shlex.split(words)])
    with pytest.raises(SystemExit) as leaving:
        cli.main()
    out, err = capsys.readouterr()
    return leaving.value.code, out, err
