"""Dataclasses as JSON and back, derived from their fields.

One pair of functions instead of a hand-written pair in each class. JSON has fewer types than
Python: tuples are lists, enums their values, paths their text. A class with `to_json` and
`from_json` of its own is left to write and read itself.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Iterable, Mapping
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
            message names the part and the key. What the class itself refuses is raised as it is.
    """
    part = _words(cls)
    if not isinstance(data, dict):
        raise ValueError(f"the {part} must be an object, got {_shown(data)}")
    hints = _hints(typing.cast("Any", cls))
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise ValueError(f"the {part} has no key {_listed(unknown)}")
    missing = [name for name in _required(typing.cast("Any", cls)) if name not in data]
    if missing:
        raise ValueError(f"the {part} lacks {_listed(missing)}")
    return cls(**{key: decode(hints[key], item, f"{part}: {key}") for key, item in data.items()})


def damage(error: Exception) -> str:
    """What is wrong with a document, from the error that reading it ended with.

    In words for people who have the document and not this program.
    """
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing"
    if isinstance(error, IndexError):
        return "a list in it is too short"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror  # without number and path
    if isinstance(error, OverflowError):
        return "a number in it is too large"
    if isinstance(error, TypeError | AttributeError):
        return "a value in it is of another kind than it should be"
    return str(error) or "it is not what it should be"


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
    if len(value) != len(arguments):
        raise ValueError(f"{where} must be a list of {len(arguments)}, got {len(value)}")
    pairs = zip(arguments, value, strict=True)
    return tuple(decode(argument, item, where) for argument, item in pairs)


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is Path:
        return Path(_checked(str, value, where))
    if issubclass(hint, Enum):
        return _member(hint, value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, bool):
        raise ValueError(f"{where} must be a whole number, got {_shown(value)}")
    return _checked(hint, value, where)


def _member(kind: type[Enum], value: Any, where: str) -> Enum:
    values = [member.value for member in kind]
    if value not in values:
        known = ", ".join(map(str, values))
        raise ValueError(f"{where} must be one of {known}, got {_shown(value)}")
    return kind(value)


def _checked(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{where} must be {_KINDS.get(kind, 'a list')}, got {_shown(value)}")
    return value


_KINDS: Mapping[Any, str] = {
    bool: "true or false",
    dict: "an object",
    float: "a number",
    int: "a whole number",
    str: "text",
}


def _words(cls: type) -> str:
    """A class as people call the part of a document: `OpProfile` → op profile."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", cls.__name__).lower()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_LONGEST = 60  # characters of a wrong value in a message


@cache
def _required(cls: type) -> tuple[str, ...]:
    """The fields without a default."""
    missing = dataclasses.MISSING
    return tuple(
        field.name
        for field in dataclasses.fields(cls)
        if field.init and field.default is missing and field.default_factory is missing
    )


@cache
def _hints(cls: type) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(cls)}
    return {name: hint for name, hint in typing.get_type_hints(cls).items() if name in names}
