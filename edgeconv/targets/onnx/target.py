"""ONNX as a target: `.onnx` files for ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgeconv.core import Finding, InputConvention
from edgeconv.errors import BadInput
from edgeconv.ir.graph import clean
from edgeconv.targets.base import (
    Conversion,
    ExpectedFile,
    FileReader,
    FileStructure,
    Target,
    broken_conversion,
)
from edgeconv.targets.file_graph import FileGraph
from edgeconv.targets.lints import Ranges, apply
from edgeconv.targets.onnx import convert, lints, model_file, reader, weights
from edgeconv.targets.onnx.lints.rules import ONNXFile
from edgeconv.targets.onnx.lowering import LOWERINGS
from edgeconv.targets.onnx.schemes import SCHEMES


def _lint(path: Path, ranges: Ranges) -> list[Finding]:
    return apply(lints.RULES, ONNXFile(path, ranges))


def check_structure(path: Path, graph: FileGraph, expected: ExpectedFile) -> FileStructure:
    """A file that the format's own checker accepts, with finite weights, and in a file of
    integers no kernel that stayed float. Raises BadInput."""
    import onnx

    try:
        onnx.checker.check_model(model_file.read(path), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise broken_conversion(path, " ".join(str(error).split())) from error
    for finding in _lint(path, {}):
        if finding.number in ("L102", "L103"):
            raise BadInput(f"{path}: constant '{finding.where}': {finding.text}", finding.advice)
    if expected.scheme.accepts_external_ranges:
        _check_integers(path, graph, expected.float_layers)
    return FileStructure()


def _check_integers(path: Path, graph: FileGraph, float_layers: Sequence[str]) -> None:
    """No convolution or product has a kernel of floats, but for those of float layers, which bear
    their names."""
    names = tuple(clean(name) for name in float_layers)
    for op in graph.ops:
        kernel = graph.tensors[op.inputs[1]] if op.macs and len(op.inputs) > 1 else None
        if kernel is None or op.name.startswith(names):
            continue
        if kernel.constant and kernel.dtype.startswith("float"):
            raise broken_conversion(path, f"the kernel of '{op.name}' in it stayed float")


TARGET = Target(
    name="onnx",
    title="ONNX Runtime",
    aliases=("ort",),
    suffix=".onnx",
    input_convention=InputConvention.ANDROID,
    schemes=SCHEMES,
    conversion=Conversion(
        convert=convert.convert,
        write_metadata=model_file.write_metadata,
        check=check_structure,
        channels_first=True,
        packages=("tensorflow", "keras", "tf2onnx", "onnx"),
        lowerings=lambda _: LOWERINGS,
    ),
    reader=FileReader(
        graph=reader.read_graph,
        contract=model_file.read_contract,
        labels=model_file.read_labels,
        scheme=reader.scheme_of,
        size_breakdown=reader.size_breakdown,
        rules=lints.RULES,
        lint=_lint,
        layer_constants=weights.layer_constants,
        kernels=weights.kernels,
        kernel_storage=lambda _: [],
        declared_sizes=lambda _: [],
        prefixes=reader.prefixes,
    ),
    reference_runtime="onnxruntime",
)
