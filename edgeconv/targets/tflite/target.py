"""TFLite as a target: LiteRT's `.tflite` files.

Tests of a converted `.tflite` file that need no converter and no runtime.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Finding, InputConvention, Variant, parse_compression
from edgeconv.ir.graph import clean
from edgeconv.ir.tf_recurrent import STEPS
from edgeconv.targets.base import (
    Conversion,
    ExpectedFile,
    FileReader,
    FileStructure,
    StoredConstant,
    StoredLayer,
    Target,
    broken_conversion,
)
from edgeconv.targets.file_graph import FileGraph, Op, Tensor, scheme_by_types
from edgeconv.targets.lints import Ranges, apply
from edgeconv.targets.tflite import convert, lints, metadata, reader, serialize
from edgeconv.targets.tflite.lints.rules import TFLiteFile
from edgeconv.targets.tflite.lowering import LOWERINGS
from edgeconv.targets.tflite.schemes import REFUSED, SCHEMES
from edgeconv.targets.tflite.size_breakdown import size_breakdown
from edgeconv.targets.tflite.weights import (
    GATES,
    TFLiteConstant,
    read_kernels,
    read_loops,
    read_lstms,
    read_tables,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def check_structure(path: Path, graph: FileGraph, expected: ExpectedFile) -> FileStructure:
    """Every float is finite, and a file of integers computes in integers. Raises BadInput."""
    reader.check_finite(path)
    if expected.scheme.accepts_external_ranges:
        _check_integers(path, graph, expected.float_layers)
    return FileStructure()


def _check_integers(path: Path, graph: FileGraph, float_layers: Sequence[str]) -> None:
    """An operation without an integer kernel stays float, without a message of the converter.

    A float layer has one such operation, a recurrent one several, which bear its name.
    """
    names = "|".join(re.escape(clean(name)) for name in float_layers)
    recurrent = re.compile(f"(^|[/;])({names})_{STEPS}/")
    left = [
        op.name
        for op in graph.ops
        if op.macs
        and not _data(graph, op).dtype.startswith("int")
        and not recurrent.search(op.name)
    ]
    if len(left) > len(float_layers):
        raise broken_conversion(path, f"operations in it stayed float: {', '.join(left)}")


def _data(graph: FileGraph, op: Op) -> Tensor:
    """What an operation computes with beside constants: TRANSPOSE_CONV reads its shape first."""
    inputs = [graph.tensors[i] for i in op.inputs]
    return next((tensor for tensor in inputs if not tensor.constant), inputs[0])


def _lint(path: Path, ranges: Ranges) -> list[Finding]:
    return apply(lints.RULES, TFLiteFile(path, ranges))


def _layer_constants(path: Path) -> list[StoredLayer] | None:
    """Weights; None where some kernel is not a constant of a known type."""
    layers = _of_whole_layers(path)
    for kernel in read_kernels(path):
        if kernel.kind == "BATCH_MATMUL":
            continue
        weight = kernel.weight
        if weight is None or weight.dtype == "int4" or (kernel.has_bias and kernel.bias is None):
            return None
        values = weight.values
        if kernel.kind == "CONV_2D":
            values = values.transpose(1, 2, 3, 0)
        elif kernel.kind == "TRANSPOSE_CONV":
            values = values.transpose(1, 2, 0, 3)
        elif kernel.kind == "FULLY_CONNECTED":
            values = values.T
        per_channel = weight.steps is None or len(weight.steps) > 1
        layer = {"kernel": StoredConstant(values, weight.dtype, per_channel)}
        if kernel.bias is not None:
            bias = kernel.bias
            layer["bias"] = StoredConstant(bias.values, bias.dtype, True, bias.steps)
        layers.append(StoredLayer(kernel.name, layer))
    return layers


def _of_whole_layers(path: Path) -> list[StoredLayer]:
    """Weights of embeddings, and of recurrent layers in loops or as one operation."""
    layers = [
        StoredLayer(name, {"table": StoredConstant(table.values, table.dtype, False)})
        for name, table in read_tables(path)
    ]
    for name, kernel in read_loops(path):
        per_channel = kernel.steps is None or len(kernel.steps) > 1
        stored = StoredConstant(kernel.values.T, kernel.dtype, per_channel)
        layers.append(StoredLayer(name, {"recurrent_kernel": stored}))
    fused = map(_lstm, read_lstms(path))
    return [*layers, *(StoredLayer("", layer) for layer in fused if layer)]


def _lstm(gates: Mapping[str, TFLiteConstant]) -> dict[str, StoredConstant]:
    """Kernels and bias of a fused LSTM in Keras' order; empty where a part is computed.

    Without the input channel that clears the state (`lowering.py`), if it is no larger than the
    kernel's numbers: their common step would be larger than theirs.
    """
    import numpy as np

    def joined(part: str) -> tuple[NDArray[Any], str]:
        constants = [gates[f"{part}{n}"] for n in range(GATES)]
        return np.concatenate([c.values for c in constants]).T, constants[0].dtype

    if len(gates) < 3 * GATES:
        return {}
    kernel, dtype = joined("kernel")
    clearing = abs(kernel[-1]).max()
    if not dtype.startswith("float") and clearing > abs(kernel[:-1]).max(initial=0.0) * 1.01:
        return {}
    recurrent, of_recurrent = joined("recurrent")
    bias, of_bias = joined("bias")
    return {
        "kernel": StoredConstant(kernel[:-1], dtype, False),
        "recurrent_kernel": StoredConstant(recurrent, of_recurrent, False),
        "bias": StoredConstant(bias, of_bias, True),
    }


def _kernels(path: Path) -> Iterator[tuple[NDArray[Any], int]]:
    for kernel in read_kernels(path):
        if kernel.kind != "DEPTHWISE_CONV_2D" and kernel.weight is not None:
            yield kernel.weight.stored, kernel.weight.stored.ndim - 1


def _compression_notes(variants: Sequence[Variant]) -> list[str]:
    """What compressed weights do not improve, with the figures of the compression measurements."""
    methods = {v.compress: parse_compression(v.compress) for v in variants}
    notes = []
    if names := [name for name, m in methods.items() if m.sparsity or m.clusters]:
        notes.append(
            f"{', '.join(names)}: smaller in a download only; a .tflite file stores each weight "
            "and computes with it (har, int8: 533 kB and 27 µs with 80 % zeros as without)"
        )
    clustered = {
        v.compress for v in variants if v.scheme == "int8" and methods[v.compress].clusters
    }
    if names := sorted(name for name in clustered if not methods[name].sparsity):
        notes.append(
            f"{', '.join(names)} as int8: each output channel has a scale, and so numbers, of its "
            "own; har with 16 clusters takes 325 kB in a download, and 219 kB as int4 without any"
        )
    return notes


TARGET = Target(
    name="tflite",
    title="LiteRT",
    aliases=("litert", "android"),
    suffix=".tflite",
    input_convention=InputConvention.ANDROID,
    schemes=SCHEMES,
    conversion=Conversion(
        convert=convert.convert,
        write_metadata=convert.write_metadata,
        check=check_structure,
        channels_first=False,
        packages=("tensorflow", "keras"),
        lowerings=lambda _: LOWERINGS,
    ),
    reader=FileReader(
        graph=reader.read_graph,
        contract=metadata.read_contract,
        labels=metadata.read_labels,
        scheme=lambda _, graph: scheme_by_types(graph),
        size_breakdown=size_breakdown,
        rules=lints.RULES,
        lint=_lint,
        layer_constants=_layer_constants,
        kernels=_kernels,
        kernel_storage=lambda _: [],
        declared_sizes=lambda _: [],
        prefixes=serialize.prefixes,
    ),
    reference_runtime="litert-reference",
    refused_schemes=REFUSED,
    fixed_range_operations=frozenset({"LOGISTIC", "SOFTMAX", "TANH"}),
    zeros_warning=(
        "zeros shrink the download, not the time: LiteRT multiplies by them like by any number "
        "(har's int8: 1.0 times the time with 80 % zeros)"
    ),
    compression_notes=_compression_notes,
)
