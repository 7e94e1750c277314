"""Late imports behind literal tables: `{"name": "module:attribute"}`.

Nothing heavy is imported until a name is really used, and a missing package becomes one clear
line with the command that installs it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from edgeconv.errors import MissingDependency, UsageError

# import name -> what `pip install` calls it
DISTRIBUTIONS: Mapping[str, str] = {
    "tensorflow": "tensorflow",
    "keras": "keras",
    "coremltools": "coremltools",
    "ai_edge_litert": "ai-edge-litert",
    "matplotlib": "matplotlib",
    "scipy": "scipy",
    "jinja2": "jinja2",
    "tflite_micro": "tflite-micro",
}


def load(reference: str) -> Any:
    """Import `module:attribute` and return the attribute.

    Raises:
        MissingDependency: a third-party package that the module imports is not installed.
    """
    module_name, _, attribute = reference.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise missing(error) from error
    return getattr(module, attribute)


def missing(error: ModuleNotFoundError) -> Exception:
    """The user's error for a failed import; a module of our own that is missing stays a bug."""
    top = (error.name or "").partition(".")[0]
    if top == "edgeconv" or not top:
        return error
    package = DISTRIBUTIONS.get(top, top)
    return MissingDependency(
        f"the package '{package}' is not installed", f"install it: pip install {package}"
    )


def choose(kind: str, table: Mapping[str, str], name: str) -> Any:
    """Load the plug-in `name` of a table.

    Raises:
        UsageError: no such name; the message lists the choices.
    """
    if name not in table:
        raise UsageError(f"unknown {kind} '{name}'", f"choose one of: {', '.join(table)}")
    return load(table[name])
