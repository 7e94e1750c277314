"""What a device recorded for golden vectors of named tensors, as self-tests write it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import ParityResult
from edgeconv.errors import BadInput
from edgeconv.integration.identifiers import NAMINGS
from edgeconv.integration.self_test import make_named_self_test
from edgeconv.parity.golden.named_vectors import check_named_report
from tests.unit.integration.conftest import model_context

NAME = "a.tflite"


@pytest.fixture
def judged(tmp_path: Path) -> Any:
    """Judges one entry of a results file; the arguments replace what is right in it."""
    context = model_context(NAMINGS["swift"], tmp_path / NAME)
    test: Any = make_named_self_test(context.artifact, context.golden, "ef" * 32)
    rows = [vector["expected"] for vector in test["vectors"]]

    def judge(golden: str = "ef" * 32, **changes: Any) -> ParityResult:
        right = {"artifact": NAME, "sha256": "ab" * 32, "vectors": [0, 1, 2, 3], "outputs": rows}
        document = {"format": "edgeconv-golden-results", "schema_version": 1, "golden": golden}
        path = tmp_path / "record.json"
        path.write_text(json.dumps({**document, "results": [{**right, **changes}]}), "utf-8")
        (result,) = check_named_report(context.golden, "ef" * 32, path)
        return result

    judge.rows = rows  # type: ignore[attr-defined]
    return judge


def test_flat_rows_are_split_by_output(judged: Any) -> None:
    assert judged().status == "passed"
    assert judged().n == 4
    moved = json.loads(json.dumps(judged.rows))
    moved[2][3] += 0.4  # the only number of the second output
    result = judged(outputs=moved)
    assert result.status == "failed"
    assert "vector 2: alarm[0]" in result.reason


def test_some_vectors_in_any_order(judged: Any) -> None:
    two = [judged.rows[3], judged.rows[0]]
    assert judged(vectors=[3, 0], outputs=two).status == "passed"
    assert judged(vectors=[3, 0], outputs=two).n == 2
    assert "vector 3: " in judged(vectors=[0, 3], outputs=two).reason
    assert "vector 4 is not one of the 4" in judged(vectors=[0, 4], outputs=two).reason


def test_what_is_not_finite_or_was_not_run_fails(judged: Any) -> None:
    lost = [[None, *row[1:]] for row in judged.rows]
    assert judged(outputs=lost).status == "failed"
    assert "could not run it: no delegate" in judged(outputs=None, reason="no delegate").reason
    assert "another golden.json" in judged(golden="00" * 32).reason
    assert "has changed" in judged(sha256="00" * 32).reason


@pytest.mark.parametrize(
    "changes",
    [
        {"outputs": [[1.0]], "vectors": [0]},
        {"outputs": [["a"] * 8], "vectors": [0]},
        {"vectors": [0, 0, 1, 2]},
        {"vectors": [0]},
        {"vectors": [-1, 0, 1, 2]},
        {"outputs": [7]},
        {"outputs": []},
    ],
)
def test_what_is_no_record_is_refused(judged: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        judged(**changes)


def test_the_document_holds_every_number_and_each_tolerance(tmp_path: Path) -> None:
    context = model_context(NAMINGS["swift"], tmp_path / NAME)
    test: Any = make_named_self_test(context.artifact, context.golden, "ef" * 32)
    expected = context.golden.expected[NAME]
    assert [(each["name"], each["size"]) for each in test["outputs"]] == [
        ("return", 3),
        ("alarm", 1),
        ("self", 4),
    ]
    assert {each["name"]: each["tolerance"] for each in test["outputs"]} == expected.tolerance
    assert test["tolerance"] == max(expected.tolerance.values())
    first = test["vectors"][0]
    tensors = [context.golden.inputs[name][0].reshape(-1) for name in ("class", "user_id", "X")]
    assert np.array_equal(np.float32(first["input"]), np.concatenate(tensors).astype(np.float32))
