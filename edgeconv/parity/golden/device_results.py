"""What a device recorded for the golden vectors: a JSON document that any language can write.

    {"format": "edgeconv-golden-results", "schema_version": 1,
     "golden": "<sha256 of golden.json's own key>", "device": {"model": "…", "system": "…"},
     "results": [{"artifact": "har_int8.tflite", "sha256": "…", "runtime": "…",
                  "outputs": [[0.1, 0.9], …]}]}

`outputs[i]` are the probabilities for vector i, in the order of `signal.labels`; `sha256` is copied
from `artifacts.FILE.sha256` of the golden.json that the device read, `golden` from its `sha256`.
`golden`, `device` and `runtime` are optional. A self-test runs some of the vectors: `vectors[i]` is
then the position of that of `outputs[i]`. Where it could not run the file, `outputs` is null and
`reason` says why.

Compare outputs for the golden inputs with the expected ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    Artifact,
    Check,
    MachineInfo,
    ParityResult,
    Status,
)
from edgeconv.core.json_codec import damage
from edgeconv.core.paths import read_text
from edgeconv.errors import BadInput
from edgeconv.parity.golden.vectors import Expectation, GoldenSet, Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "golden"

SAME_ENVIRONMENT = 0.005
"""Tolerance if runtime, its version and the architecture are those that recorded the outputs.
Integer kernels are exact then. A float16 may round the other way if more threads or vector lanes
sum in another order: a step of float16 at a logit of 10 is 2^-7, a quarter of it 0.002 of a
probability. A broken channel, which the tolerance for other devices could hide, is found."""


def check_golden(
    golden: GoldenSet,
    artifact: Artifact,
    run: Run | None,
    reason: str = "",
    same_environment: bool = False,
) -> Check:
    """Run the golden inputs again: `value` is the largest deviation, `limit` the tolerance.

    It fails if a value deviates (the reason names vector, class and both values), if the file is
    not the one that the vectors were made from, or if the set contradicts itself. It is not run
    without an expectation or `run`.

    Args:
        golden: the set.
        artifact: the file.
        run: runs it.
        reason: why there is no `run`.
        same_environment: `run` is what recorded the outputs: the tolerance is then at most
            `SAME_ENVIRONMENT`.
    """
    expected = golden.expected.get(artifact.name)
    if golden.conflicts:
        return _verdict(Status.FAILED, "; ".join(golden.conflicts))
    if expected is None:
        return _verdict(Status.NOT_RUN, "the golden set has no expectation for this file")
    if expected.sha256 != artifact.sha256:
        return _verdict(Status.FAILED, "the file has changed since the golden vectors were made")
    if expected.outputs is None:
        return _verdict(expected.status, expected.reason, expected.tolerance)
    if run is None:
        return _verdict(Status.NOT_RUN, reason, expected.tolerance)
    if same_environment:
        expected = replace(expected, tolerance=min(expected.tolerance, SAME_ENVIRONMENT))
    return compare(golden, expected, run(artifact.path, golden.inputs[expected.sensor]))


def compare(
    golden: GoldenSet,
    expected: Expectation,
    outputs: NDArray[np.floating[Any]],
    vectors: Sequence[int] | None = None,
) -> Check:
    """Compare outputs (vectors, classes) of any runtime or device with the expected ones.

    Args:
        golden: the set.
        expected: of the file.
        outputs: what was computed.
        vectors: positions of those that were run; None: all, in order.
    """
    import numpy as np

    if expected.outputs is None:
        return _verdict(Status.NOT_RUN, expected.reason, expected.tolerance)
    places = range(len(golden)) if vectors is None else vectors
    target = expected.outputs[list(places)]
    if outputs.shape != target.shape:
        return _verdict(
            Status.FAILED,
            f"{outputs.shape} values instead of {target.shape}",
            expected.tolerance,
        )
    deviation = np.abs(outputs.astype(np.float64) - target)
    deviation = np.where(np.isfinite(deviation), deviation, np.inf)
    row, column = map(int, np.unravel_index(deviation.argmax(), deviation.shape))
    largest = float(deviation[row, column])
    if largest <= expected.tolerance:
        return Check(NAME, Status.PASSED, largest, expected.tolerance, "<=")
    several = int((deviation > expected.tolerance).any(axis=1).sum())
    place = places[row]
    reason = (
        f"vector {place} ({', '.join(golden.why[place])}): '{golden.signal.labels[column]}' is "
        f"{outputs[row, column]:.4g} instead of {target[row, column]:.4g}"
    )
    if several > 1:
        reason += f"; {several} of {len(deviation)} vectors deviate"
    value = largest if np.isfinite(largest) else None
    return Check(NAME, Status.FAILED, value, expected.tolerance, "<=", reason)


def _verdict(status: Status, reason: str, tolerance: float | None = None) -> Check:
    return Check(NAME, status, None, tolerance, "<=", reason)


FORMAT, VERSION = "edgeconv-golden-results", 1
_HINT = "docs/how-to/golden-vectors.md, has the format"
_FAULTS = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


@dataclass(frozen=True, eq=False)
class DeviceOutput:
    """The outputs of one artifact on one device.

    Attributes:
        outputs: (vectors, classes); None where the device could not run it.
        vectors: positions in the golden set of the vectors that were run; None: all, in order.
        reason: why it could not be run.
    """

    artifact: str
    sha256: str
    runtime: str
    outputs: NDArray[np.float64] | None
    vectors: tuple[int, ...] | None = None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class DeviceReport:
    """A results file; `golden` is the digest of the set that the device read, "" if unknown."""

    results: tuple[DeviceOutput, ...]
    golden: str
    device: MachineInfo


def read_device_report(path: Path) -> DeviceReport:
    """Read a results file. Raises BadInput if it is not one; the message says where."""
    try:
        document = json.loads(read_text(path))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {damage(error)}", _HINT) from error
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
        raise BadInput(f"{path} is damaged: {damage(error)}", _HINT) from error


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
    rows, vectors = entry["outputs"], entry.get("vectors")
    outputs = None if rows is None else _numbers(rows, f"{where} ({name})")
    return DeviceOutput(
        artifact=name,
        sha256=str(entry["sha256"]),
        runtime=str(entry.get("runtime", "device")),
        outputs=outputs,
        vectors=None if vectors is None else read_places(vectors, outputs, f"{where} ({name})"),
        reason=str(entry.get("reason", "")),
    )


def read_places(vectors: Any, outputs: Sized | None, where: str) -> tuple[int, ...]:
    """Positions of vectors: whole numbers from 0, each once, one for every row of outputs."""
    places = tuple(vectors)
    if any(type(place) is not int or place < 0 for place in places):
        raise BadInput(f"{where}: vectors must be positions in the golden set, from 0", _HINT)
    if len(set(places)) < len(places):
        raise BadInput(f"{where}: a vector is named twice", _HINT)
    if outputs is not None and len(outputs) != len(places):
        raise BadInput(f"{where}: {len(outputs)} outputs of {len(places)} vectors", _HINT)
    return places


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
    count = len(golden) if device.vectors is None else len(device.vectors)
    if golden.conflicts:
        check = _failed("; ".join(golden.conflicts))
    elif report.golden and report.golden != digest:
        check = _failed("recorded with another golden.json than this bundle's")
    elif device.sha256 != expected.sha256:
        check = _failed("recorded from another file than this bundle's: its sha256 differs")
    elif device.outputs is None:
        check = _failed(f"the device could not run it: {device.reason or 'it does not say why'}")
    elif device.vectors is not None and max(device.vectors, default=0) >= len(golden):
        check = _failed(f"vector {max(device.vectors)} is not one of the {len(golden)} of the set")
    else:
        check = compare(golden, expected, device.outputs, device.vectors)
    return ParityResult(
        artifact=device.artifact,
        sha256=device.sha256,
        scheme=expected.scheme,
        target=expected.target,
        runtime=device.runtime,
        status=Status.PASSED,
        n=count,
        machine=report.device,
    ).with_checks(check)


def _failed(reason: str) -> Check:
    return Check(NAME, Status.FAILED, None, None, "<=", reason)
