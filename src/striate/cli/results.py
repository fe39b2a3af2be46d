"""``striate report``, ``striate table`` and ``striate results``: what results say, and theirs."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from striate.cli.options import ResultsFolder, check_folder

results_app = typer.Typer(no_args_is_help=True, help="Merge, export and verify results.")


def report(
    results: ResultsFolder = Path("results"),
    out: Annotated[Path | None, typer.Option(help="default: RESULTS/report")] = None,
) -> None:
    """Draw every figure that the results allow, and one page that explains them."""
    from striate import report as reports

    if out is not None:
        check_folder(out, "out")
    print(reports.write(results, out))


def table(
    results: ResultsFolder = Path("results"),
    claims: Annotated[
        bool, typer.Option("--claims", help="judge the paper's claims instead, in Markdown")
    ] = False,
) -> None:
    """Print the table of `run gerum2022`: measured beside published.

    Other studies have theirs in the report.
    """
    from striate.report import gerum2022_claims, gerum2022_table, rich_table
    from striate.report.tidy import of_study
    from striate.results import load_all

    found = of_study(load_all(results), "gerum2022", folder=results)
    if claims:
        print(gerum2022_claims(found), end="")
        return
    drawn, console = rich_table(gerum2022_table(found)), Console()
    # A narrow window, or none, must not cost digits.
    console.width = max(console.width, Console(width=1000).measure(drawn).maximum)
    console.print(drawn)


@results_app.command("merge")
def merge_results(
    folders: Annotated[
        list[Path], typer.Argument(help="SOURCE… DESTINATION", metavar="SOURCE… DESTINATION")
    ],
) -> None:
    """Copy the results of other machines into one folder; what is there is kept.

    Exit status 1 if a result is damaged, or was there with other numbers.
    """
    from striate.results import merge

    if len(folders) < 2:
        raise ValueError("merge needs SOURCE… DESTINATION: at least two folders")
    *sources, destination = folders
    check_folder(destination)
    merged = merge(sources, destination)
    for path, why in merged.damaged.items():
        print(f"not copied\t{path}\t{why}", file=sys.stderr)
    for path in merged.differing:
        print(f"other numbers\t{path}\tthose in {destination} are kept", file=sys.stderr)
    for path in merged.aside:
        print(f"moved aside\t{path}\tdamaged; replaced by a sound one", file=sys.stderr)
    print(f"{len(merged.copied)} copied, {merged.present} were there")
    if merged.damaged or merged.differing:
        raise typer.Exit(1)


@results_app.command("export")
def export_results(
    results: Annotated[Path, typer.Argument(metavar="DIR")],
    to: Annotated[Path, typer.Option(help="FILE.csv | FILE.parquet | FILE.nc")],
) -> None:
    """Write every score and every point of every curve as one tidy table, or as NetCDF."""
    from striate.results import export

    export(results, to)
    print(to)


@results_app.command("verify")
def verify_results(results: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Read every result from end to end. Exit status 1 if one is damaged or cannot be read."""
    from striate.results import verify

    found = verify(results)
    for name, files in (("damaged", found.damaged), ("not read", found.unread)):
        for path, why in files.items():
            print(f"{name}\t{path}\t{why}")
    for name, files in (
        ("moved aside", found.aside),
        ("unfinished write", found.leftovers),
        ("arrays of no result", found.strays),
    ):
        for file in files:
            print(f"{name}\t{file}")
    not_read = f", {len(found.unread)} not read" if found.unread else ""
    print(f"{found.sound} sound, {len(found.damaged)} damaged{not_read}")
    if found.damaged or found.unread:
        raise typer.Exit(1)
