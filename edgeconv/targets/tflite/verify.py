"""Checks that every offset of a `.tflite` file leads into the file.

FlatBuffers' Python reader follows offsets without a check, so that a damaged file causes
arbitrary Python errors. Here each field of each table is read once, through the official
generated schema, and the first that cannot be read is named.
"""

from __future__ import annotations

import inspect
import struct
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from edgeconv.errors import BadInput

HINT = "export it again, or copy it again whole"
UNREADABLE = (struct.error, IndexError, ValueError, TypeError, OverflowError, AttributeError)
"""What the generated schema raises where an offset or a length leads out of the file."""

_FLAT = ("AsNumpy", "Length", "IsNone")  # what belongs to a vector's accessor
_OTHER = ("Init", "GetRootAs")


def verify(path: Path, data: bytes) -> None:
    """Read every table, vector and string of a model.

    Raises:
        BadInput: one lies outside the file; the message names it, its table and the file's size.
    """
    from ai_edge_litert import schema_py_generated as schema

    visited: set[tuple[type, int]] = set()  # tables may be shared
    where = f"{path} is truncated or damaged"
    end = f"leads out of the file, which has {len(data):,} bytes"
    root = partial(schema.Model.GetRootAs, data, 0)
    model = _read(root, f"{where}: the offset of the model {end}")
    waiting = [(model, "the model")]
    while waiting:
        table, label = waiting.pop()
        place = int(table._tab.Pos)
        if not 0 <= place <= len(data) - 4:
            raise BadInput(f"{where}: the offset of {label} {end}", HINT)
        if (type(table), place) in visited:
            continue
        visited.add((type(table), place))
        text = f"{where}: in {label}, which begins at byte {place:,}, the offset or length of "
        for field in _fields(type(table).__name__):
            waiting += _read(partial(_tables, table, field, data), f"{text}'{field}' {end}")


def _read(read: Callable[[], Any], message: str) -> Any:
    try:
        return read()
    except UNREADABLE as error:
        raise BadInput(message, HINT) from error


@cache
def _fields(table: str) -> tuple[str, ...]:
    """Names of a table's accessors in the generated schema."""
    from ai_edge_litert import schema_py_generated as schema

    members = vars(getattr(schema, table)).items()
    names = [name for name, member in members if inspect.isfunction(member) and name[0].isupper()]
    return tuple(n for n in names if not n.endswith(_FLAT) and not n.startswith(_OTHER))


def _tables(table: Any, field: str, data: bytes) -> list[tuple[Any, str]]:
    """Read a field; returns the tables that it leads to, with their names for messages."""
    accessor, kind = getattr(table, field), type(table).__name__
    if not hasattr(table, f"{field}Length"):
        values = {f"{kind}.{field}": accessor()}
    else:
        length = int(getattr(table, f"{field}Length")())
        if length > len(data):
            raise IndexError(length)
        if hasattr(table, f"{field}AsNumpy"):
            getattr(table, f"{field}AsNumpy")()
            return []
        values = {f"{kind}.{field}[{index}]": accessor(index) for index in range(length)}
    schema = type(table).__module__
    return [(value, label) for label, value in values.items() if type(value).__module__ == schema]
