"""``striate data``: the data sets, where they are, and how to get them."""

from typing import Annotated

import typer

data_app = typer.Typer(no_args_is_help=True, help="The data sets: where they are, and get them.")


@data_app.command("list")
def list_data() -> None:
    """Say where each data set would be read from."""
    from striate import datasets

    for name in datasets.DATASETS:
        found = datasets.locate(name)
        print(f"{name}\t{found or f'not here; striate data fetch {name}'}")


@data_app.command()
def fetch(name: Annotated[str, typer.Argument(help="mnist | cifar10")]) -> None:
    """Download a data set into the cache, checked by SHA-256."""
    from striate import datasets

    print(datasets.fetch(name))


@data_app.command()
def verify(name: Annotated[str, typer.Argument(help="digits | mnist | cifar10")]) -> None:
    """Read a data set from end to end and say what is there."""
    from striate import datasets

    print(datasets.verify(name))
