"""What a device recorded for the golden vectors: a JSON document that any language can write.

    {"format": "edgeconv-golden-results", "schema_version": 1,
     "golden": "<sha256 of golden.json's own key>", "device": {"model": "…", "system": "…"},
     "results": [{"artifact": "har_int8.tflite", "sha256": "…", "runtime": "…",
                  "outputs": [[0.1, 0.9], …]}]}

`outputs[i]` are the probabilities for vector i, in the order of `signal.labels`; `sha256` is copied
from `artifacts.FILE.sha256` of the golden.json that the device read, `golden` from its `sha256`.
`golden`, `device` and `runtime` are optional.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    Check,
    MachineInfo,
    ParityResult,
    Status,
)
from edgeconv.errors import BadInput
from edgeconv.parity.golden.comparison import NAME, compare
from edgeconv.parity.golden.vectors import GoldenSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT, VERSION = "edgeconv-golden-results", 1
_HINT = "docs/how-to/golden-vectors.md, has the format"
_FAULTS = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


@dataclass(frozen=True, eq=False)
class DeviceOutput:
    """The outputs of one artifact on one device, (vectors, classes)."""

    artifact: str
    sha256: str
    runtime: str
    outputs: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DeviceReport:
    """A results file; `golden` is the digest of the set that the device read, "" if unknown."""

    results: tuple[DeviceOutput, ...]
    golden: str
    device: MachineInfo


def read_device_report(path: Path) -> DeviceReport:
    """Read a results file. Raises BadInput if it is not one; the message says where."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}", _HINT) from error
    try:
        if (document["format"], document["schema_version"]) != (FORMAT, VERSION):
            raise BadInput(f"{path} is not an {FORMAT} of version {VERSION}", _HINT)
        device = document.get("device", {})
        return DeviceReport(
            results=tuple(_result(entry, i, path) for i, entry in enumerate(document["results"])),
            golden=str(document.get("golden", "")),
            device=MachineInfo.from_json(
                dict(device) if isinstance(device, Mapping) else {"name": str(device)}
            ),
        )
    except _FAULTS as error:
        raise BadInput(f"{path} is damaged: {error!r}", _HINT) from error


def check_device_report(golden: GoldenSet, digest: str, report: DeviceReport) -> list[ParityResult]:
    """One result for each recorded artifact: its largest deviation against its tolerance.

    An artifact with another digest, outputs for another set, or another number of values fails.

    Args:
        golden: the set.
        digest: of that set.
        report: what the device recorded.

    Raises:
        BadInput: nothing was recorded, or an artifact that is not in the set.
    """
    if not report.results:
        raise BadInput("no outputs were recorded", _HINT)
    return [_judge(golden, digest, report, outputs) for outputs in report.results]


def _result(entry: Any, number: int, path: Path) -> DeviceOutput:
    where = f"{path}: results[{number}]"
    name = str(entry["artifact"])
    return DeviceOutput(
        artifact=name,
        sha256=str(entry["sha256"]),
        runtime=str(entry.get("runtime", "device")),
        outputs=_numbers(entry["outputs"], f"{where} ({name})"),
    )


def _numbers(rows: Any, where: str) -> NDArray[np.float64]:
    """A rectangular array; `null`, which some writers put for NaN, is NaN."""
    import numpy as np

    lengths = {len(row) for row in rows}
    if len(lengths) != 1:
        raise BadInput(
            f"{where}: outputs must be as many lists as vectors, all of one length", _HINT
        )
    for vector, row in enumerate(rows):
        for place, value in enumerate(row):
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if value is not None and not is_number:
                raise BadInput(
                    f"{where}: outputs[{vector}][{place}] is not a number: {value!r}", _HINT
                )
    return np.array(
        [[np.nan if value is None else float(value) for value in row] for row in rows], np.float64
    )


def _judge(
    golden: GoldenSet, digest: str, report: DeviceReport, device: DeviceOutput
) -> ParityResult:
    expected = golden.expected.get(device.artifact)
    if expected is None:
        raise BadInput(
            f"the golden set has no artifact '{device.artifact}'",
            f"it has: {', '.join(golden.expected) or 'none'}",
        )
    if golden.conflicts:
        check = _failed("; ".join(golden.conflicts))
    elif report.golden and report.golden != digest:
        check = _failed("recorded with another golden.json than this bundle's")
    elif device.sha256 != expected.sha256:
        check = _failed("recorded from another file than this bundle's: its sha256 differs")
    else:
        check = compare(golden, expected, device.outputs)
    return ParityResult(
        artifact=device.artifact,
        sha256=device.sha256,
        scheme=expected.scheme,
        target=expected.target,
        runtime=device.runtime,
        status=Status.PASSED,
        n=len(golden),
        machine=report.device,
    ).with_checks(check)


def _failed(reason: str) -> Check:
    return Check(NAME, Status.FAILED, None, None, "<=", reason)
