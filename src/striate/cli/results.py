"""``striate report`` and ``striate table``: what the results say."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from striate.cli.options import ResultsFolder


def report(
    results: ResultsFolder = Path("results"),
    out: Annotated[Path | None, typer.Option(help="default: RESULTS/report")] = None,
) -> None:
    """Draw every figure that the results allow, and one page that explains them."""
    from striate import report as reports

    print(reports.write(results, out))


def table(
    results: ResultsFolder = Path("results"),
    claims: Annotated[
        bool, typer.Option("--claims", help="judge the paper's claims instead, in Markdown")
    ] = False,
) -> None:
    """Print the table of the report: measured beside published."""
    from striate.report import gerum2022_claims, gerum2022_table, rich_table
    from striate.results import load_all

    if claims:
        print(gerum2022_claims(load_all(results)), end="")
        return
    drawn, console = rich_table(gerum2022_table(load_all(results))), Console()
    # A narrow window, or none, must not cost digits.
    console.width = max(console.width, Console(width=1000).measure(drawn).maximum)
    console.print(drawn)
