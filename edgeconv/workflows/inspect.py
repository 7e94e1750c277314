"""What a file says of itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeconv.core import Target
from edgeconv.core.digest import sha256, size
from edgeconv.ir import keras_file
from edgeconv.targets import files
from edgeconv.targets.compressed_size import deflated
from edgeconv.targets.coreml import weights
from edgeconv.targets.lints import Finding, Severity, lint
from edgeconv.targets.size_breakdown import anatomy
from edgeconv.workflows.steps.flexible_lint import lint_flexible


def inspect_file(path: Path) -> dict[str, Any]:
    """Tensors, cost, operations, contract and lints of a `.tflite`, `.mlpackage` or `.keras` file.

    No framework is imported, and nothing is run but a Core ML file with flexible shapes, at the
    sizes that it declares. There are no lints for `.keras` files.

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
        "compressed_bytes": described.export.compressed_bytes,
        "parts": anatomy(path),
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
        "kernels": _kernels(path, described.target),
        "contract": contract.to_json() if contract else None,
        "export": described.export.to_json(),
        "lints": [finding.to_json() for finding in _lints(path, described.target)],
    }


def _kernels(path: Path, target: Target) -> list[dict[str, Any]]:
    """How each kernel of a Core ML file is stored: what a compression has passed over shows."""
    if target is not Target.COREML:
        return []
    return [
        {"op": w.op, "weights": w.elements, "stored": w.storage, "compressed": w.compressed}
        for w in weights.read_weights(path)
    ]


def _lints(path: Path, target: Target) -> list[Finding]:
    """What the file tells, and where its shape is flexible, what running it tells."""
    run = lint_flexible(path) if target is Target.COREML else []
    order = list(Severity)
    return sorted([*run, *lint(path)], key=lambda finding: order.index(finding.severity))


def _keras(path: Path) -> dict[str, Any]:
    contract = keras_file.read_contract(path)
    return {
        "path": str(path),
        "bytes": size(path),
        "compressed_bytes": deflated(path),
        "sha256": sha256(path),
        "scheme": "float32",
        "target": "keras",
        "cost": {"parameters": keras_file.parameter_count(path)},
        "ops": {},
        "contract": contract.to_json() if contract else None,
        "lambda_layers": list(keras_file.lambda_layers(path)),
        "lints": [],
    }
