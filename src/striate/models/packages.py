"""Packages that need not be installed."""

import importlib
from types import ModuleType


def package(module: str, model: str) -> ModuleType:
    """Import a module of an optional package.

    Parameters
    ----------
    module
        E.g. ``"torchvision.models"``.
    model
        Who needs it, for the message.

    Raises
    ------
    ValueError
        If its package is not installed, or was built for another torch than this.
    """
    name = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ValueError(
            f"model={model!r} needs {name}, which is not installed; pip install 'striate[zoo]'"
        ) from error
    except RuntimeError as error:  # what torchvision raises beside another build of torch
        reason = " ".join(str(error).split())
        raise ValueError(
            f"model={model!r} needs {name}, which is installed and fails: {reason}; install "
            "builds of torch and torchvision that belong together"
        ) from error
