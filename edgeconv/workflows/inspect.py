"""`inspect`: a model file described from the file alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeconv.core.digest import compressed_size, sha256, size
from edgeconv.ir import keras_file
from edgeconv.targets import files
from edgeconv.targets.base import target_of
from edgeconv.targets.lints import Finding, Severity
from edgeconv.workflows.steps.flexible_lint import lint_flexible


def inspect_file(path: Path) -> dict[str, Any]:
    """Describe an artifact or a `.keras` file: tensors, cost, operations, contract and lints.

    No framework is imported, and nothing is run except files with flexible shapes, at the sizes
    that they declare. There are no lints for `.keras` files.

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
        "parts": files.size_breakdown(path),
        "sha256": described.sha256,
        "scheme": described.scheme,
        "target": described.target,
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
        "kernels": target_of(path).reader.kernel_storage(path),
        "contract": contract.to_json() if contract else None,
        "export": described.export.to_json(),
        "lints": [finding.to_json() for finding in _lints(path)],
    }


def _lints(path: Path) -> list[Finding]:
    """The lints of the file alone, and of running it where its shapes are flexible."""
    run = lint_flexible(path)
    order = list(Severity)
    return sorted([*run, *files.lint(path)], key=lambda finding: order.index(finding.severity))


def _keras(path: Path) -> dict[str, Any]:
    contract = keras_file.read_contract(path)
    return {
        "path": str(path),
        "bytes": size(path),
        "compressed_bytes": compressed_size(path),
        "sha256": sha256(path),
        "scheme": "float32",
        "target": "keras",
        "cost": {"parameters": keras_file.parameter_count(path)},
        "ops": {},
        "contract": contract.to_json() if contract else None,
        "lambda_layers": list(keras_file.lambda_layers(path)),
        "lints": [],
    }
