"""Options that belong together arrive as one thing."""

from typing import Annotated, NamedTuple

import pytest
import typer
from typer.testing import CliRunner

from striate.cli.spread import spread

Width = Annotated[int, typer.Option(help="in pixels")]


class Size(NamedTuple):
    """How large it is.

    Told on more lines than one.
    """

    width: Width
    height: Annotated[int, typer.Option("--tall", help="in pixels")] = 3
    round_corners: Annotated[bool, typer.Option("--round")] = False


def app_of(command):
    app = typer.Typer()
    app.command()(spread(command))
    return app


def test_options_of_a_tuple_arrive_as_one():
    seen = []

    def draw(name: str, *, size: Size, copies: int = 1) -> None:
        seen.append((name, size, copies))

    run = CliRunner().invoke
    assert run(app_of(draw), ["a", "--width", "5"]).exit_code == 0
    assert (
        run(app_of(draw), ["--round", "--copies", "2", "b", "--width=7", "--tall", "0"]).stdout
        == ""
    )
    assert seen == [("a", Size(5), 1), ("b", Size(7, 0, True), 2)]
    assert all(isinstance(size, Size) for _, size, _ in seen)


def test_what_a_tuple_has_no_default_for_must_be_given():
    def draw(*, size: Size) -> None:
        raise AssertionError

    refused = CliRunner().invoke(app_of(draw), [])
    assert refused.exit_code == 2
    assert "--width" in refused.output


def test_help_shows_them_together():
    def draw(copies: int = 1, *, size: Size) -> None:
        """Draw it."""

    lines = CliRunner().invoke(app_of(draw), ["--help"]).stdout.splitlines()
    (title,) = (number for number, line in enumerate(lines) if "How large it is" in line)
    told = "\n".join(lines[title:])
    assert all(option in told for option in ("--width", "--tall", "--round"))
    assert "--copies" not in told
    assert "Told on more lines" not in told
    assert any("Draw it." in line for line in lines)


def test_a_name_is_of_one_option():
    def draw(width: Width = 1, *, size: Size) -> None: ...

    with pytest.raises(ValueError, match="width"):
        spread(draw)


def test_a_field_that_is_no_option_is_refused():
    class Wrong(NamedTuple):
        """Wrong."""

        width: Annotated[int, "in pixels"] = 1

    def draw(size: Wrong) -> None: ...

    with pytest.raises(AssertionError, match="width is no option"):
        spread(draw)
