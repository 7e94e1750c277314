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
    (found,) = golden.check_device_report(made(), "d" * 64, golden.read_device_report(path))
    return found


def test_check_device_report_passes_good_values(tmp_path: Path) -> None:
    found = judge(recorded(), tmp_path)
    assert found.status is Status.PASSED
    assert (found.runtime, found.machine.other["model"]) == ("LiteRT GPU", "Pixel 8")
    assert found.n == len(made())
    (check,) = found.checks
    assert check.value == pytest.approx(0, abs=1e-7)
    assert check.limit == made().expected[ANDROID.name].tolerance


def test_check_device_report_names_vector_class_and_values(tmp_path: Path) -> None:
    document = recorded()
    document["results"][0]["outputs"][5][2] += 0.3
    found = judge(document, tmp_path)
    assert found.status is Status.FAILED
    was = made().expected[ANDROID.name].outputs
    assert was is not None
    assert f"vector 5 ({', '.join(made().why[5])}): '{LABELS[2]}' is " in found.reason
    assert f"{was[5, 2] + 0.3:.4g} instead of {was[5, 2]:.4g}" in found.reason


def test_check_device_report_within_tolerance_passes(tmp_path: Path) -> None:
    document = recorded()
    tolerance = made().expected[ANDROID.name].tolerance
    document["results"][0]["outputs"][5][2] += 0.9 * tolerance
    assert judge(document, tmp_path).status is Status.PASSED


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
    found = judge(document, tmp_path)
    assert found.status is Status.FAILED
    assert says in found.reason
    assert json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.update(format="other"), "is not an edgeconv-golden-results"),
        (lambda d: d.update(schema_version=2), "of version 1"),
        (lambda d: d.pop("results"), "damaged: KeyError"),
        (lambda d: d.update(results=[]), "no outputs were recorded"),
        (lambda d: d.update(results=[1]), "damaged: TypeError"),
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
    found = judge(document, tmp_path)
    assert (found.status, found.runtime, found.machine) == (Status.PASSED, "device", MachineInfo())


def test_no_expectation_is_not_run(tmp_path: Path) -> None:
    document = recorded()
    document["results"][0] |= {"artifact": IOS.name, "sha256": IOS.sha256}
    found = judge(document, tmp_path)
    assert found.status is Status.NOT_RUN


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        golden.read_device_report(tmp_path / "absent.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(BadInput, match="cannot be read"):
        golden.read_device_report(broken)
    assert np.isnan(golden.read_device_report(_nan_only(tmp_path)).results[0].outputs).all()


def _nan_only(tmp_path: Path) -> Path:
    document = recorded()
    document["results"][0]["outputs"] = [[None, None, None]]
    path = tmp_path / "nan.json"
    path.write_text(json.dumps(document))
    return path
