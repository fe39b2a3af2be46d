"""The command ``striate``: studies, reports and data from the shell.

Each command says what it will do in one function of the library; a mistake costs one line on
standard error and exit status 2, ctrl-C status 130.
"""

import io
import sys
from concurrent.futures import BrokenExecutor
from typing import Annotated

import typer

from striate import __version__
from striate.cli.data import data_app
from striate.cli.everything import measure_all
from striate.cli.kong2021 import run_kong2021
from striate.cli.models import models_app
from striate.cli.predictivity import measure_predictivity
from striate.cli.results import report, results_app, table
from striate.cli.robustness import measure_robustness
from striate.cli.run import run
from striate.cli.spectra import compare, measure_spectrum, spectrum
from striate.cli.status import status
from striate.cli.train import train
from striate.cli.tuning import measure_tuning, visualize

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Measure how a network represents images, compare it with V1, and shape it.",
)
measure_app = typer.Typer(no_args_is_help=True, help="Measure a network of yours.")
measure_app.command("spectrum")(measure_spectrum)
measure_app.command("tuning")(measure_tuning)
measure_app.command("predictivity")(measure_predictivity)
measure_app.command("robustness")(measure_robustness)
measure_app.command("all")(measure_all)
run_app = typer.Typer(no_args_is_help=True, help="The networks of a study.")
run_app.command("gerum2022")(run)
run_app.command("kong2021")(run_kong2021)
for command in (status, train, spectrum, compare, visualize, report, table):
    app.command()(command)
app.add_typer(run_app, name="run")
app.add_typer(results_app, name="results")
app.add_typer(data_app, name="data")
app.add_typer(models_app, name="models")
app.add_typer(measure_app, name="measure")


def main() -> None:
    """Run the command line, turning errors of the user into one line each."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Of a terminal or pipe that knows no α, what was found is printed all the same.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except (ValueError, OSError) as error:
        sys.exit(_refuse(str(error)))
    except BrokenExecutor:
        hint = (
            "a worker was killed, perhaps for memory, or could not start, for what it says above; "
            "what is finished is kept, try fewer --jobs"
        )
        sys.exit(_refuse(hint))
    except SystemExit as leaving:
        if leaving.code == 130:  # what typer makes of ctrl-C
            print("stopped; the same command goes on from here", file=sys.stderr)
        raise


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.")
    ] = False,
) -> None:
    if version:
        print(f"striate {__version__}")
        raise typer.Exit


def _refuse(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2
