"""The networks: one file a reference network or family, and tables that name them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgeconv.core import Signal
from edgeconv.errors import UsageError
from edgeconv.plugins import choose, load

MODELS: dict[str, str] = {
    "har": "edgeconv.models.har:build",
    "student": "edgeconv.models.student:build",
}
FAMILIES: dict[str, str] = {
    "cnn": "edgeconv.models.cnn:family",
}


def build(name: str) -> Callable[[Signal], Any]:
    """The function that builds network `name` (a `keras.Model`) for a sensor contract.

    `name` is one of `MODELS`, or FAMILY:SPEC with a family of `FAMILIES`, which describes the
    network itself: `cnn:24s2-32-48s2-64` (models/cnn.py has the grammar).

    Raises:
        UsageError: no such name, or a specification that its family cannot read.
        MissingDependency: Keras is not installed.
    """
    family, colon, spec = name.partition(":")
    if colon and family in FAMILIES:
        read: Callable[[str], Callable[[Signal], Any]] = load(FAMILIES[family])
        return read(spec)
    if name not in MODELS:
        families = ", ".join(f"{f}:SPEC" for f in FAMILIES)
        raise UsageError(
            f"unknown model '{name}'", f"choose one of: {', '.join(MODELS)}, or {families}"
        )
    builder: Callable[[Signal], Any] = choose("model", MODELS, name)
    return builder


def file_stem(name: str) -> str:
    """What files made of model `name` begin with: a specification's colon is no part of a name
    that every file system takes."""
    return name.replace(":", "-")
