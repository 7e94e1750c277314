"""Core ML as a target: ML programs in `.mlpackage` folders."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Finding, InputConvention
from edgeconv.ir.tf_recurrent import from_gates
from edgeconv.targets import limits
from edgeconv.targets.base import Conversion, FileReader, StoredConstant, StoredLayer, Target
from edgeconv.targets.coreml import (
    checks,
    convert,
    lints,
    lowering,
    metadata,
    package,
    program_graph,
    weights,
)
from edgeconv.targets.coreml.lints.interface import declared_sizes
from edgeconv.targets.coreml.lints.versions import PackageView
from edgeconv.targets.coreml.lowering import GATES
from edgeconv.targets.coreml.schemes import OTHER_SCHEMES, SCHEMES
from edgeconv.targets.coreml.weights import size_breakdown
from edgeconv.targets.file_graph import FileGraph, scheme_by_types
from edgeconv.targets.lints import Ranges, apply

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEPLOYMENT_TARGETS = ("iOS15", "iOS16", "iOS17", "iOS18", "iOS26")
"""Every one for which coremltools 9 writes ML programs (iOS 13 and 14 predate them)."""


def _scheme(path: Path, graph: FileGraph) -> str:
    """Compressed weights by the operations that unpack them, others by their types."""
    compressed = weights.scheme_of(weights.read_weights(path), "quantize" in graph.kinds)
    return compressed or scheme_by_types(graph)


def _lint(path: Path, ranges: Ranges) -> list[Finding]:
    with package.refusing(path):
        return apply(lints.RULES, PackageView(path, ranges))


def _layer_constants(path: Path) -> list[StoredLayer] | None:
    """Kernels and tables; None where one is packed in a way that moves weights on purpose."""
    layers: list[StoredLayer] = []
    stored = weights.read_weights(path, {**weights.KERNELS, **weights.TABLES})
    for (op, kind), group in groupby(stored, key=lambda weight: (weight.op, weight.kind)):
        constants: dict[str, StoredConstant] = {}
        table = kind in weights.TABLES
        for name, weight in zip(("table",) if table else _KERNELS, group, strict=False):
            if weight.sparse or weight.palette or weight.dtype not in _COMPARABLE:
                return None
            values = _keras_order(kind, weight.values().astype("float64"))
            constants[name] = StoredConstant(values, weight.dtype, not table, from_float16=True)
        layers.append(StoredLayer(op, constants))
    return layers


_KERNELS = ("kernel", "recurrent_kernel")
_COMPARABLE = ("float32", "float16", "int8")


def _keras_order(kind: str, values: NDArray[Any]) -> NDArray[Any]:
    """A kernel with its output channels last, the gates of a recurrent one as in Keras."""
    if kind in GATES:
        return from_gates(values, GATES[kind])
    if values.ndim == 4:
        return values.transpose(2, 3, 1, 0)
    if values.ndim == 3:
        return values.transpose(2, 1, 0)
    return values.T if kind == "linear" else values


def _kernels(path: Path) -> Iterator[tuple[NDArray[Any], int]]:
    for weight in weights.read_weights(path):
        yield weight.values().reshape(weight.shape), 1


def _kernel_storage(path: Path) -> list[dict[str, Any]]:
    return [
        {"op": w.op, "weights": w.elements, "stored": w.storage, "compressed": w.compressed}
        for w in weights.read_weights(path)
    ]


TARGET = Target(
    name="coreml",
    title="Core ML",
    aliases=("ios", "apple", "mlpackage", "mlprogram"),
    suffix=".mlpackage",
    input_convention=InputConvention.IOS,
    schemes=SCHEMES,
    conversion=Conversion(
        convert=convert.convert,
        write_metadata=metadata.embed,
        check=checks.check_structure,
        channels_first=True,
        packages=("coremltools", "tensorflow", "keras"),
        lowerings=lowering.lowerings,
    ),
    reader=FileReader(
        graph=program_graph.read_graph,
        contract=package.read_contract,
        labels=program_graph.read_labels,
        scheme=_scheme,
        size_breakdown=size_breakdown,
        rules=lints.RULES,
        lint=_lint,
        layer_constants=_layer_constants,
        kernels=_kernels,
        kernel_storage=_kernel_storage,
        declared_sizes=declared_sizes,
    ),
    reference_runtime="coreml-reference",
    deployment_targets=DEPLOYMENT_TARGETS,
    computes_in_float16=True,
    other_schemes=OTHER_SCHEMES,
    other_gates=limits.INT8_GATES,
)
