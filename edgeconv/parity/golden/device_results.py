"""What a device answered to the golden vectors: a JSON document that any language can write.

    {"format": "edgeconv-golden-results", "schema_version": 1,
     "golden": "<sha256 of golden.json's own key>", "device": {"model": "…", "system": "…"},
     "results": [{"artifact": "har_int8.tflite", "sha256": "…", "runtime": "…",
                  "outputs": [[0.1, 0.9], …]}]}

`outputs[i]` are the probabilities for vector i, in the order of `signal.labels`; `sha256` is copied
from `artifacts.FILE.sha256` of the golden.json that the device read, `golden` from its `sha256`.
`golden`, `device` and `runtime` may be left out.
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
    """One file's answers on one device, (vectors, classes)."""

    artifact: str
    sha256: str
    runtime: str
    outputs: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DeviceReport:
    """A results file. `golden` is the digest of the set that was answered, "" where not told."""

    results: tuple[DeviceOutput, ...]
    golden: str
    device: MachineInfo


def read_device_report(path: Path) -> DeviceReport:
    """Raises BadInput for a file that is no such document; the message says where."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}", _HINT) from error
    try:
        if (document["format"], document["schema_version"]) != (FORMAT, VERSION):
            raise BadInput(f"{path} is no {FORMAT} of version {VERSION}", _HINT)
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


def check_device_report(
    golden: GoldenSet, digest: str, recorded: DeviceReport
) -> list[ParityResult]:
    """One result a recorded file: its largest deviation against the file's own tolerance.

    A file of another digest, answers to another set, or a number of values that is not that of the
    vectors fail. `digest` is the set's own.

    Raises:
        BadInput: nothing was recorded, or a file that the set does not know.
    """
    if not recorded.results:
        raise BadInput("no file's answers were recorded", _HINT)
    return [_judge(golden, digest, recorded, one) for one in recorded.results]


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
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if value is not None and not number:
                raise BadInput(
                    f"{where}: outputs[{vector}][{place}] is no number: {value!r}", _HINT
                )
    return np.array(
        [[np.nan if value is None else float(value) for value in row] for row in rows], np.float64
    )


def _judge(
    golden: GoldenSet, digest: str, recorded: DeviceReport, one: DeviceOutput
) -> ParityResult:
    expected = golden.expected.get(one.artifact)
    if expected is None:
        raise BadInput(
            f"the golden set knows no file '{one.artifact}'",
            f"it knows: {', '.join(golden.expected) or 'none'}",
        )
    if golden.conflicts:
        check = _failed("; ".join(golden.conflicts))
    elif recorded.golden and recorded.golden != digest:
        check = _failed("recorded with another golden.json than this bundle's")
    elif one.sha256 != expected.sha256:
        check = _failed("recorded from another file than this bundle's: its sha256 differs")
    else:
        check = compare(golden, expected, one.outputs)
    return ParityResult(
        artifact=one.artifact,
        sha256=one.sha256,
        scheme=expected.scheme,
        target=expected.target,
        runtime=one.runtime,
        status=check.status,
        n=len(golden),
        checks=(check,),
        reason="" if check.status is Status.PASSED else f"golden vectors: {check.reason}",
        machine=recorded.device,
    )


def _failed(reason: str) -> Check:
    return Check(NAME, Status.FAILED, None, None, "<=", reason)
