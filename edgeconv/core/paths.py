"""Paths as callers give them."""

from __future__ import annotations

import os
from pathlib import Path

from edgeconv.errors import UsageError

PathLike = str | os.PathLike[str]
"""What every public function takes where it says a file or a folder."""


def as_path(value: object, parameter: str) -> Path:
    """The path, with `~` expanded.

    Args:
        value: a `str` or a `Path`.
        parameter: what the function calls it, for the message.

    Raises:
        UsageError: it is neither, or it is empty.
    """
    if not isinstance(value, str | os.PathLike):
        raise UsageError(
            f"{parameter} must be a path (str or Path), got {type(value).__name__}",
            "give the name of a file or folder",
        )
    text = os.fspath(value)
    if not isinstance(text, str) or not text:
        raise UsageError(f"{parameter} must be a path, got {value!r}", "name a file or folder")
    return Path(text).expanduser()
