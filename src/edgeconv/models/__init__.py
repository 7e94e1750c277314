"""The reference networks: one file each, one table that names them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgeconv.plugins import choose
from edgeconv.types import Signal

MODELS: dict[str, str] = {
    "har": "edgeconv.models.har:build",
}


def build(name: str) -> Callable[[Signal], Any]:
    """The function that builds network `name` (a `keras.Model`) for a sensor contract.

    Raises:
        UsageError: no such name.
        MissingDependency: Keras is not installed.
    """
    builder: Callable[[Signal], Any] = choose("model", MODELS, name)
    return builder
