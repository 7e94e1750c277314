"""A golden set as a JSON document, described in docs/explanation/parity-gates.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeconv.core import InputConvention, Signal, Status
from edgeconv.parity.golden.vectors import Expectation, GoldenSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT, VERSION = "edgeconv-golden", 1


def to_document(golden: GoldenSet) -> dict[str, Any]:
    """Every number is the shortest decimal that reads back as the same float32."""
    labels = golden.signal.labels
    return {
        "format": FORMAT,
        "schema_version": VERSION,
        "model": {"path": "model.keras", "sha256": golden.model_sha256},
        "signal": golden.signal.to_json(),
        "vectors": [
            {
                "label": labels[int(label)],
                "why": list(why),
                "canonical": _numbers(window),
                "reference": _numbers(reference),
            }
            for label, why, window, reference in zip(
                golden.labels, golden.why, golden.windows, golden.reference, strict=True
            )
        ],
        "inputs": {
            str(sensor): {
                "unit": golden.signal.for_sensor(sensor).unit,
                "sign": golden.signal.for_sensor(sensor).sign,
                "values": [_numbers(row) for row in array],
            }
            for sensor, array in golden.inputs.items()
        },
        "artifacts": {name: _expectation(e) for name, e in golden.expected.items()},
    }


def from_document(document: dict[str, Any], conflicts: tuple[str, ...] = ()) -> GoldenSet:
    """Raises KeyError, TypeError or ValueError for a document that is not a golden set."""
    import numpy as np

    if document["format"] != FORMAT or document["schema_version"] != VERSION:
        raise ValueError(f"not an {FORMAT} of version {VERSION}")
    signal = Signal.from_json(document["signal"])
    vectors = document["vectors"]
    shape = (len(vectors), len(signal.labels))
    return GoldenSet(
        windows=_array([v["canonical"] for v in vectors], (len(vectors), signal.flat_size)),
        labels=np.array([signal.labels.index(v["label"]) for v in vectors], np.int64),
        why=tuple(tuple(map(str, v["why"])) for v in vectors),
        reference=_array([v["reference"] for v in vectors], shape),
        signal=signal,
        model_sha256=document["model"]["sha256"],
        inputs={
            InputConvention(name): _array(entry["values"], (len(vectors), signal.flat_size))
            for name, entry in document["inputs"].items()
        },
        expected={
            name: _from_expectation(name, entry, shape)
            for name, entry in document["artifacts"].items()
        },
        conflicts=conflicts,
    )


def _expectation(expected: Expectation) -> dict[str, Any]:
    outputs = expected.outputs
    return {
        "sha256": expected.sha256,
        "target": expected.target,
        "scheme": expected.scheme,
        "sensor": str(expected.sensor),
        "runtime": expected.runtime,
        "status": str(expected.status),
        "reason": expected.reason,
        "tolerance": {"max_abs": expected.tolerance, "derivation": expected.derivation},
        "expected": None if outputs is None else [_numbers(row) for row in outputs],
    }


def _from_expectation(name: str, entry: dict[str, Any], shape: tuple[int, int]) -> Expectation:
    outputs = entry["expected"]
    return Expectation(
        artifact=name,
        sha256=entry["sha256"],
        target=entry["target"],
        scheme=entry["scheme"],
        sensor=InputConvention(entry["sensor"]),
        runtime=entry["runtime"],
        status=Status(entry["status"]),
        outputs=None if outputs is None else _array(outputs, shape),
        tolerance=float(entry["tolerance"]["max_abs"]),
        derivation=entry["tolerance"]["derivation"],
        reason=entry["reason"],
    )


def _numbers(row: NDArray[np.float32]) -> list[float]:
    """str() of a float32 is its shortest decimal; as a double it prints the same way."""
    return [float(str(value)) for value in row]


def _array(rows: list[list[float]], shape: tuple[int, int]) -> NDArray[np.float32]:
    import numpy as np

    array = np.array(rows, np.float32)
    if array.shape != shape:
        raise ValueError(f"values of shape {array.shape} where {shape} belong")
    return array
