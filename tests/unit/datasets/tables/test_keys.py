"""The list of keys is the one that the reader follows, and its JSON schema says the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edgeconv.datasets.tables.keys import KEYS, json_schema
from edgeconv.datasets.tables.schema_file import read_schema
from tests.unit.datasets.tables.six_channels import TOML

SAMPLES = {
    "columns": '[columns]\nx = "ax"',
    "channels": TOML,
    "rename_labels": '[rename_labels]\nwalk = "Walking"',
    "keep": '[keep]\nside = "left"',
    "subjects": '[subjects.p4]\nunit = "g"',
    "devices": '[devices.watch]\nsign = "ios"',
}


def texts() -> Iterator[tuple[str, str]]:
    schemas: Mapping[str, Any] = KEYS
    for name, schema in schemas.items():
        example = schema["examples"][0] if "examples" in schema else None
        yield name, SAMPLES.get(name) or f"{name} = {_toml(example)}"


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


@pytest.mark.parametrize(("name", "text"), list(texts()))
def test_the_reader_takes_every_key(tmp_path: Path, name: str, text: str) -> None:
    import tomllib

    (tmp_path / "a.csv.toml").write_text(text)
    read_schema(tmp_path / "a.csv")
    document: Mapping[str, Any] = tomllib.loads(text)
    assert list(document) == [name]
    jsonschema.Draft202012Validator(json_schema()).validate(document)


@pytest.mark.parametrize("wrong", [{"unti": "g"}, {"unit": "lb"}, {"channels": {"a": {"x": 1}}}])
def test_the_schema_refuses_what_the_reader_refuses(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json_schema()).validate(wrong)
