"""A golden set as files: `golden/golden.json` for any language, `golden/golden.npz` for Python.

Both store the same numbers, and the JSON stores its own digest, so that an edited value is found.

A golden set as a JSON document, described in docs/explanation/parity-gates.md.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import InputConvention, Signal, Status
from edgeconv.core.json_codec import damage
from edgeconv.core.npz import read_npz
from edgeconv.core.paths import read_text
from edgeconv.errors import BadInput
from edgeconv.parity.golden.vectors import Expectation, GoldenSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeconv.core import Bundle

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


FOLDER = "golden"
JSON_NAME, NPZ_NAME = "golden.json", "golden.npz"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip entry needs a date; bytes must not depend on a clock
_DAMAGED = (KeyError, TypeError, ValueError, AttributeError, IndexError)


def write(golden: GoldenSet, folder: Path) -> None:
    """Write `golden/` into a bundle's folder. The same set gives the same bytes."""
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    document = to_document(golden)
    document["sha256"] = digest_of_document(document)
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    (place / JSON_NAME).write_text(text + "\n", encoding="utf-8")
    write_arrays(place, arrays_of(golden))


def write_arrays(place: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write `golden.npz`, without a date."""
    with zipfile.ZipFile(place / NPZ_NAME, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), _npy(array))


def read(folder: Path) -> GoldenSet:
    """The golden set of a bundle's folder.

    A set whose numbers contradict each other is returned with `conflicts`, which fail its checks.

    Raises:
        BadInput: one of the two files is missing or damaged.
    """
    place = folder / FOLDER
    document = _read_json(place / JSON_NAME)
    arrays = read_npz(place / NPZ_NAME, "export the bundle again")
    try:
        golden = from_document(document)
        conflicts = _conflicts(golden, arrays)
        if not conflicts and document.get("sha256") != digest_of_document(document):
            conflicts = ("golden.json was changed after it was written (its digest is another)",)
        return from_document(document, conflicts)
    except _DAMAGED as error:
        raise BadInput(
            f"{place / JSON_NAME} is damaged: {damage(error)}", "export the bundle again"
        ) from error


def read_golden(bundle: Bundle) -> GoldenSet | None:
    """The golden set of a bundle; None if it was made without one.

    A set that was deleted since is noticed when the bundle is read. A set for another float model
    is returned with that as a conflict.

    Raises:
        BadInput: one of its files is damaged.
    """
    if not (bundle.path / FOLDER).is_dir():
        return None
    golden = read(bundle.path)
    if golden.model_sha256 != bundle.model.sha256:
        stale = "the golden vectors were made from another float model"
        return replace(golden, conflicts=(*golden.conflicts, stale))
    return golden


def digest_of(folder: Path) -> str:
    """The digest in golden.json, by which a device says which set it answered.

    Raises:
        BadInput: the file is missing or damaged.
    """
    return str(_read_json(folder / FOLDER / JSON_NAME).get("sha256", ""))


def arrays_of(golden: GoldenSet) -> dict[str, NDArray[Any]]:
    """Every array of a set by the name it has in the `.npz`."""
    return {
        "windows": golden.windows,
        "labels": golden.labels,
        "reference": golden.reference,
        **{f"input_{sensor}": array for sensor, array in golden.inputs.items()},
        **{
            f"expected_{name}": expected.outputs
            for name, expected in golden.expected.items()
            if expected.outputs is not None
        },
    }


def digest_of_document(document: Mapping[str, Any]) -> str:
    """The digest that a golden.json holds of itself."""
    content = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _conflicts(golden: GoldenSet, arrays: dict[str, NDArray[Any]]) -> tuple[str, ...]:
    """Where the two files, or a sensor's inputs and the windows they come from, differ."""
    import numpy as np

    conflicts = []
    ours = arrays_of(golden)
    if set(ours) != set(arrays):
        names = ", ".join(sorted(set(ours) ^ set(arrays)))
        return (f"golden.json and golden.npz differ in their arrays: {names}",)
    for name, array in ours.items():
        if array.shape != arrays[name].shape:
            conflicts.append(f"golden.json and golden.npz differ in the shape of {name}")
        elif not np.array_equal(array, arrays[name]):
            place = tuple(map(int, np.argwhere(array != arrays[name])[0]))
            conflicts.append(
                f"golden.json and golden.npz differ in {name}, vector {place[0]}: "
                f"{array[place]:.6g} against {arrays[name][place]:.6g}"
            )
    for sensor, array in golden.inputs.items():
        if not np.array_equal(array, golden.signal.for_sensor(sensor).encode(golden.windows)):
            conflicts.append(f"the inputs for sensor '{sensor}' are not those of its windows")
    return tuple(conflicts)


def _npy(array: NDArray[Any]) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_text(path))
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{path} cannot be read: {damage(error)}", "export the bundle again"
        ) from error
    if not isinstance(document, dict):
        raise BadInput(f"{path} is damaged: not a JSON object", "export the bundle again")
    return document
