"""Dataclasses as JSON and back, derived from their fields.

One pair of functions instead of a hand-written pair in each class. JSON has fewer types than
Python: tuples are lists, enums their values, paths their text. A class with `to_json` and
`from_json` of its own is left to write and read itself.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def encode(value: Any) -> Any:
    """The value as what `json.dumps` takes."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return encode_fields(value)
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def encode_fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass instance: the body of a `to_json`."""
    return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}


def decode_fields(cls: type[T], data: Any) -> T:
    """A dataclass from the JSON object that `encode_fields` made: the body of a `from_json`.

    A key that is missing takes the field's default.

    Raises:
        ValueError: not an object, an unknown or missing key, or a value of another type; the
            message names class and field. What the class itself refuses is raised as it is.
    """
    if not isinstance(data, dict):
        raise ValueError(f"{cls.__name__} must be an object, got {data!r}")
    hints = _hints(typing.cast("Any", cls))
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise ValueError(f"{cls.__name__} has no {', '.join(unknown)}")
    values = {key: decode(hints[key], item, f"{cls.__name__}.{key}") for key, item in data.items()}
    try:
        return cls(**values)
    except TypeError as error:  # a field without a default is missing
        raise ValueError(f"{cls.__name__}: {error}") from error


def decode(hint: Any, value: Any, where: str) -> Any:
    """A JSON value as an instance of the annotation `hint`; `where` is for the message."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (types.UnionType, typing.Union):
        if value is None and types.NoneType in arguments:
            return None
        (inner,) = (a for a in arguments if a is not types.NoneType)
        return decode(inner, value, where)
    if origin is tuple:
        return _tuple(arguments, _checked(list | tuple, value, where), where)
    if origin in (dict, Mapping):
        items = _checked(dict, value, where).items()
        return {key: decode(arguments[1], item, f"{where}.{key}") for key, item in items}
    if hasattr(hint, "from_json"):
        return hint.from_json(_checked(dict, value, where))
    if dataclasses.is_dataclass(hint):
        return decode_fields(typing.cast("type", hint), value)
    return _scalar(hint, value, where)


def _tuple(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if arguments[-1] is Ellipsis:
        return tuple(decode(arguments[0], item, where) for item in value)
    pairs = zip(arguments, value, strict=True)
    return tuple(decode(argument, item, where) for argument, item in pairs)


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if issubclass(hint, Enum) or hint is Path:
        return hint(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, bool):
        raise ValueError(f"{where} must be int, got {value!r}")
    return _checked(hint, value, where)


def _checked(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, kind):
        name = kind.__name__ if isinstance(kind, type) else str(kind)
        raise ValueError(f"{where} must be {name}, got {value!r}")
    return value


@cache
def _hints(cls: type) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(cls)}
    return {name: hint for name, hint in typing.get_type_hints(cls).items() if name in names}
