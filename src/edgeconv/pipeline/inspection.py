"""What a file says of itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeconv.formats import artifact as files
from edgeconv.formats import keras_file
from edgeconv.formats.digest import sha256, size


def inspect_file(path: Path) -> dict[str, Any]:
    """Tensors, cost, operations and contract of a `.tflite`, `.mlpackage` or `.keras` file.

    Nothing of the model is run, and no framework is imported.

    Raises:
        BadInput: missing, damaged or of another kind.
    """
    if path.suffix == ".keras":
        return _keras(path)
    described = files.describe(path)
    graph = files.read_graph(path)
    contract = files.read_contract(path)
    return {
        "path": str(path),
        "bytes": described.bytes,
        "sha256": described.sha256,
        "scheme": described.scheme,
        "target": str(described.target),
        "tensors": [
            {"direction": direction, **asdict(tensor)}
            for direction, tensors in (("input", graph.inputs), ("output", graph.outputs))
            for tensor in tensors
        ],
        "cost": {
            "parameters": graph.parameters,
            "macs": graph.macs,
            "peak_tensor_bytes": graph.peak_tensor_bytes,
        },
        "ops": dict(Counter(graph.kinds).most_common()),
        "contract": contract.to_json() if contract else None,
        "settings": described.settings,
    }


def _keras(path: Path) -> dict[str, Any]:
    contract = keras_file.read_contract(path)
    return {
        "path": str(path),
        "bytes": size(path),
        "sha256": sha256(path),
        "scheme": "float32",
        "target": "keras",
        "cost": {"parameters": keras_file.parameter_count(path)},
        "ops": {},
        "contract": contract.to_json() if contract else None,
        "settings": {"lambda_layers": list(keras_file.lambda_layers(path))},
    }
