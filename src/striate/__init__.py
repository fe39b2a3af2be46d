"""Measure how a vision network represents images, compare it with V1, and shape it.

Import the room you need: `striate.spectra`, `striate.robustness`, `striate.datasets`,
`striate.models`, `striate.training`, `striate.report`, … Nothing heavy is imported here;
`striate.watch`, the one function at this door, is fetched when it is first asked for.
"""

TYPE_CHECKING = False  # type checkers take it for true, and `typing` is not even imported
if TYPE_CHECKING:
    from striate.training.watch import watch as watch

__version__ = "0.1.0"


def __dir__() -> list[str]:
    return [*globals(), "watch"]


def __getattr__(name: str) -> object:
    """Fetch `watch`, and torch with it, only when somebody asks."""
    if name != "watch":
        raise AttributeError(f"module 'striate' has no attribute {name!r}")
    from importlib import import_module

    return import_module("striate.training").watch
