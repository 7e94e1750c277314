"""What a device recorded: good values pass, each moved one is named, and damage is told apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import (
    MachineInfo,
    ParityResult,
    Status,
)
from edgeconv.errors import BadInput
from edgeconv.parity import golden
from tests.unit.parity.golden.test_golden import ANDROID, IOS, made
from tests.unit.parity.outputs import LABELS

Document = dict[str, Any]


def recorded() -> Document:
    """A faithful device: what the set expects, as any language would write it."""
    expected = made().expected[ANDROID.name]
    assert expected.outputs is not None
    return {
        "format": "edgeconv-golden-results",
        "schema_version": 1,
        "golden": "d" * 64,
        "device": {"model": "Pixel 8", "system": "Android 15"},
        "results": [
            {
                "artifact": ANDROID.name,
                "sha256": ANDROID.sha256,
                "runtime": "LiteRT GPU",
                "outputs": expected.outputs.astype(float).tolist(),
            }
        ],
    }


def judge(document: Document, tmp_path: Path) -> ParityResult:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(document))
    (result,) = golden.check_device_report(made(), "d" * 64, golden.read_device_report(path))
    return result


def test_check_device_report_passes_good_values(tmp_path: Path) -> None:
    result = judge(recorded(), tmp_path)
    assert result.status is Status.PASSED
    assert (result.runtime, result.machine.other["model"]) == ("LiteRT GPU", "Pixel 8")
    assert result.n == len(made())
    (check,) = result.checks
    assert check.value == pytest.approx(0, abs=1e-7)
    assert check.limit == made().expected[ANDROID.name].tolerance


def test_check_device_report_names_vector_class_and_values(tmp_path: Path) -> None:
    document = recorded()
    document["results"][0]["outputs"][5][2] += 0.3
    result = judge(document, tmp_path)
    assert result.status is Status.FAILED
    was = made().expected[ANDROID.name].outputs
    assert was is not None
    assert f"vector 5 ({', '.join(made().why[5])}): '{LABELS[2]}' is " in result.reason
    assert f"{was[5, 2] + 0.3:.4g} instead of {was[5, 2]:.4g}" in result.reason


def test_check_device_report_within_tolerance_passes(tmp_path: Path) -> None:
    document = recorded()
    tolerance = made().expected[ANDROID.name].tolerance
    document["results"][0]["outputs"][5][2] += 0.9 * tolerance
    assert judge(document, tmp_path).status is Status.PASSED


def self_tested(*places: int) -> Document:
    """A self-test of some vectors, as a package records it."""
    document = recorded()
    (entry,) = document["results"]
    entry |= {"vectors": list(places), "outputs": [entry["outputs"][place] for place in places]}
    entry |= {"unit": "cpu", "status": "passed", "largest": 0.0, "median_ms": 0.31}
    return document


def test_a_self_test_is_judged_on_the_vectors_that_it_ran(tmp_path: Path) -> None:
    document = self_tested(5, 0, 9)
    assert judge(document, tmp_path).status is Status.PASSED
    assert judge(document, tmp_path).n == 3
    document["results"][0]["outputs"][0][2] += 0.3
    judged = judge(document, tmp_path)
    assert judged.status is Status.FAILED, "whatever status the device wrote"
    assert f"vector 5 ({', '.join(made().why[5])})" in judged.reason


def test_outputs_of_other_vectors_than_named_fail(tmp_path: Path) -> None:
    document = self_tested(0, 1, 2)
    document["results"][0]["vectors"] = [2, 0, 1]
    assert judge(document, tmp_path).status is Status.FAILED


def test_a_unit_that_could_not_run_fails_with_its_reason(tmp_path: Path) -> None:
    document = self_tested(0, 1)
    document["results"][0] |= {"outputs": None, "status": "error", "reason": "no GPU here"}
    judged = judge(document, tmp_path)
    assert judged.status is Status.FAILED
    assert "no GPU here" in judged.reason


def test_a_vector_that_the_set_does_not_have_fails(tmp_path: Path) -> None:
    document = self_tested(0, 1)
    document["results"][0]["vectors"] = [0, 4000]
    judged = judge(document, tmp_path)
    assert (judged.status, judged.n) == (Status.FAILED, 2)
    assert "4000" in judged.reason


@pytest.mark.parametrize(
    ("vectors", "words"),
    [([0, 0], "twice"), ([0], "2 outputs of 1"), ([0, -1], "positions"), ([0, 1.5], "positions")],
)
def test_vectors_that_make_no_sense_are_bad_input(
    vectors: list[Any], words: str, tmp_path: Path
) -> None:
    document = self_tested(0, 1)
    document["results"][0]["vectors"] = vectors
    with pytest.raises(BadInput, match=words):
        judge(document, tmp_path)


def _change(**entry: Any) -> Callable[[Document], None]:
    return lambda document: document["results"][0].update(entry)


def _outputs(change: Callable[[list[list[Any]]], Any]) -> Callable[[Document], None]:
    def edit(document: Document) -> None:
        change(document["results"][0]["outputs"])

    return edit


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_change(sha256="0" * 64), "recorded from another file"),
        (lambda d: d.update(golden="e" * 64), "another golden.json"),
        (_outputs(lambda rows: rows.pop()), "values instead of"),
        (_outputs(lambda rows: [row.pop() for row in rows]), "values instead of"),
        (_outputs(lambda rows: rows[3].__setitem__(0, None)), "vector 3"),
        (_outputs(lambda rows: rows[3].__setitem__(0, float("nan"))), "is nan instead of"),
        (_outputs(lambda rows: rows.reverse()), "vectors deviate"),
    ],
    ids=["file", "set", "a vector less", "a class less", "null", "nan", "order"],
)
def test_check_device_report_of_another_file_or_set_fails(
    change: Callable[[Document], None], says: str, tmp_path: Path
) -> None:
    document = recorded()
    change(document)
    result = judge(document, tmp_path)
    assert result.status is Status.FAILED
    assert says in result.reason
    assert json.dumps(result.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.update(format="other"), "is not an edgeconv-golden-results"),
        (lambda d: d.update(schema_version=2), "of version 1"),
        (lambda d: d.pop("results"), "damaged: 'results' is missing"),
        (lambda d: d.update(results=[]), "no outputs were recorded"),
        (lambda d: d.update(results=[1]), "damaged: a value in it is of another kind"),
        (_change(artifact="other.tflite"), "has no artifact 'other.tflite'"),
        (_change(outputs=[]), "as many lists as vectors"),
        (_outputs(lambda rows: rows[0].pop()), "all of one length"),
        (
            _outputs(lambda rows: rows[2].__setitem__(1, "0.5")),
            r"outputs\[2\]\[1\] is not a number",
        ),
        (_outputs(lambda rows: rows[2].__setitem__(1, True)), "is not a number: True"),
    ],
)
def test_read_device_report_refuses_bad_input(
    change: Callable[[Document], None], says: str, tmp_path: Path
) -> None:
    document = recorded()
    change(document)
    with pytest.raises(BadInput, match=says):
        judge(document, tmp_path)


def test_read_device_report_without_optional_keys(tmp_path: Path) -> None:
    document = recorded()
    del document["golden"], document["device"], document["results"][0]["runtime"]
    result = judge(document, tmp_path)
    assert (result.status, result.runtime, result.machine) == (
        Status.PASSED,
        "device",
        MachineInfo(),
    )


def test_no_expectation_is_not_run(tmp_path: Path) -> None:
    document = recorded()
    document["results"][0] |= {"artifact": IOS.name, "sha256": IOS.sha256}
    result = judge(document, tmp_path)
    assert result.status is Status.NOT_RUN


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        golden.read_device_report(tmp_path / "absent.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(BadInput, match="cannot be read"):
        golden.read_device_report(broken)
    outputs = golden.read_device_report(_nan_only(tmp_path)).results[0].outputs
    assert outputs is not None
    assert np.isnan(outputs).all()


def _nan_only(tmp_path: Path) -> Path:
    document = recorded()
    document["results"][0]["outputs"] = [[None, None, None]]
    path = tmp_path / "nan.json"
    path.write_text(json.dumps(document))
    return path
