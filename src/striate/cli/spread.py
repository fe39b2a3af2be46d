"""Options that belong together: a command takes them as one named tuple."""

import inspect
from collections.abc import Callable, Iterator
from copy import copy
from functools import wraps
from typing import Annotated, Any, get_args, get_type_hints

from typer.models import OptionInfo

Command = Callable[..., None]


def spread(command: Command) -> Command:
    """Give a command an option for each field of the named tuples among its parameters.

    What several commands ask for is written once, and arrives as one thing. In ``--help`` the
    options of a tuple stand together, under the first line of its docstring.
    """
    hints = get_type_hints(command, include_extras=True)
    taken = inspect.signature(command).parameters
    bundles = {name: hints[name] for name in taken if _is_bundle(hints[name])}

    @wraps(command)
    def spread_out(**given: Any) -> None:  # noqa: ANN401  whatever the options are
        for name, bundle in bundles.items():
            given[name] = bundle(**{field: given.pop(field) for field in bundle._fields})
        command(**given)

    options: list[inspect.Parameter] = []
    for name, parameter in taken.items():
        if name in bundles:
            options += _options_of(bundles[name])
        else:
            options.append(_option(name, hints[name], parameter.default))
    spread_out.__signature__ = inspect.Signature(options)  # pyright: ignore[reportAttributeAccessIssue]
    spread_out.__annotations__ = {option.name: option.annotation for option in options}
    return spread_out


def _is_bundle(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields")


def _options_of(bundle: Any) -> Iterator[inspect.Parameter]:  # noqa: ANN401  a NamedTuple
    title = (bundle.__doc__ or "").splitlines()[0].rstrip(".")
    for name, hint in get_type_hints(bundle, include_extras=True).items():
        kind, option = get_args(hint)
        option = copy(option)
        assert isinstance(option, OptionInfo), f"{bundle.__name__}.{name} is no option"
        option.rich_help_panel = title
        default = bundle._field_defaults.get(name, inspect.Parameter.empty)
        yield _option(name, Annotated[kind, option], default)


def _option(name: str, hint: object, default: object) -> inspect.Parameter:
    # By keyword, for which the order of those with and without a default does not matter.
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
