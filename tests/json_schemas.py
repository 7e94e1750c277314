"""What `--json` writes, held to the schemas that the package publishes."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from tests.conftest import ROOT

FOLDER = ROOT / "edgeconv" / "cli" / "schemas"


@cache
def schema(name: str) -> Draft202012Validator:
    """The validator of one format; a format without a schema raises."""
    content = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    Draft202012Validator.check_schema(content)
    return Draft202012Validator(content)


def valid(document: Any) -> Any:
    """The document, if it is what the schema of its format says."""
    errors = [f"{error.json_path}: {error.message}" for error in _errors(document)]
    assert errors == []
    return document


def _errors(document: Any) -> Any:
    return schema(document["format"]).iter_errors(document)
