"""Where the bytes of a `.tflite` file go.

A `.tflite` file of one large convolution: shows the peak speed of an engine's arithmetic.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from math import prod
from pathlib import Path
from typing import Any

from edgeconv.core.paths import ZIP_DAMAGE
from edgeconv.errors import BadInput
from edgeconv.targets.tflite import reader
from edgeconv.targets.tflite.verify import HINT

SIDE, CHANNELS = 16, 256  # 16 × 16 places, 1 × 1 kernel, 256 channels in and out
MACS = SIDE * SIDE * CHANNELS * CHANNELS
_IMAGE = (1, SIDE, SIDE, CHANNELS)
_KERNEL = (CHANNELS, 1, 1, CHANNELS)
_VERSION = 3  # of the TFLite schema


def convolution(dtype: str) -> bytes:
    """The file's bytes; `dtype` is `float32` or `int8` (weights of a channel share a scale)."""
    import flatbuffers
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    random = np.random.default_rng(0)
    if dtype == "int8":
        weights = random.integers(-127, 128, _KERNEL).astype(np.int8)
        bias: Any = np.zeros(CHANNELS, np.int32)
    else:
        weights = random.normal(size=_KERNEL).astype(np.float32)
        bias = np.zeros(CHANNELS, np.float32)
    model = schema.ModelT()
    model.version = _VERSION
    model.description = "edgeconv probe"
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    code.version = 3 if dtype == "int8" else 1
    model.operatorCodes = [code]
    model.buffers = [schema.BufferT() for _ in range(3)]
    model.buffers[1].data = np.frombuffer(weights.tobytes(), np.uint8)
    model.buffers[2].data = np.frombuffer(bias.tobytes(), np.uint8)
    graph = schema.SubGraphT()
    graph.tensors = [
        _tensor(schema, "image", _IMAGE, 0, dtype, 1),
        _tensor(schema, "weights", _KERNEL, 1, dtype, CHANNELS),
        _tensor(schema, "bias", (CHANNELS,), 2, "int32" if dtype == "int8" else dtype, CHANNELS),
        _tensor(schema, "result", _IMAGE, 0, dtype, 1),
    ]
    graph.inputs, graph.outputs, graph.operators = [0], [3], [_operator(schema)]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(prod(_KERNEL) * 8)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _operator(schema: Any) -> Any:
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideH = options.strideW = 1
    options.dilationHFactor = options.dilationWFactor = 1
    op = schema.OperatorT()
    op.opcodeIndex, op.inputs, op.outputs = 0, [0, 1, 2], [3]
    op.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
    op.builtinOptions = options
    return op


def _tensor(
    schema: Any, name: str, shape: tuple[int, ...], buffer: int, dtype: str, scales: int
) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, list(shape), buffer
    tensor.type = getattr(schema.TensorType, dtype.upper())
    if dtype != "float32":
        quantization = schema.QuantizationParametersT()
        # a bias has the product of the input's and the weights' scale
        scale = 0.05 * 0.05 if dtype == "int32" else 0.05
        quantization.scale, quantization.zeroPoint = [scale] * scales, [0] * scales
        tensor.quantization = quantization
    return tensor


STRUCTURE = "structure"


def size_breakdown(path: Path) -> dict[str, int]:
    """Part → bytes, as in `files.size_breakdown`."""
    from ai_edge_litert import schema_py_generated as schema

    data = reader.read_bytes(path)
    reader.read_graph(path)  # refuses what the lines below would stumble over
    try:
        attached = _attached(data)
    except ZIP_DAMAGE as error:
        problem = "the list of the files that are attached to it is damaged"
        raise BadInput(f"{path}: {problem}", HINT) from error
    model = schema.Model.GetRootAs(data, 0)
    lengths: dict[tuple[str, int], int] = {}  # a part and where it begins → its bytes

    def add(part: str, table: Any, field: int, width: int = 1) -> None:
        """Count a vector once, even if several tables refer to it."""
        at = table._tab.Offset(4 + 2 * field)
        if at:
            lengths[part, table._tab.Vector(at)] = width * int(table._tab.VectorLen(at))

    parts = {0: STRUCTURE}
    for g in range(model.SubgraphsLength()):
        graph = model.Subgraphs(g)
        add("names", graph, 4)
        for i in range(graph.TensorsLength()):
            tensor = graph.Tensors(i)
            add("names", tensor, 3)
            quantization = tensor.Quantization()
            if quantization is not None:
                add("scales", quantization, 2, 4)
                add("zero points", quantization, 3, 8)
            parts[tensor.Buffer()] = _kind(tensor.ShapeLength(), tensor.Type(), quantization)
    for i in range(model.MetadataLength()):
        add("names", model.Metadata(i), 0)
        parts[model.Metadata(i).Buffer()] = "metadata"
    for i in range(model.BuffersLength()):
        add(parts.get(i, STRUCTURE), model.Buffers(i), 0)
    add("metadata", model, 3)
    counts = Counter(attached)
    for (part, _), length in lengths.items():
        counts[part] += length
    counts[STRUCTURE] += len(data) - counts.total()
    return {part: length for part, length in counts.items() if length}


def _kind(rank: int, type_: int, quantization: Any) -> str:
    """The part that a constant belongs to: only weights and biases are quantized or floats."""
    learnt = type_ in (0, 1) or (quantization is not None and not quantization.ScaleIsNone())
    if not learnt:
        return "constants"
    return "weights" if rank > 1 else "biases"


def _attached(data: bytes) -> dict[str, int]:
    """The files after the flatbuffer, without the archive's own tables."""
    file = io.BytesIO(data)
    if not zipfile.is_zipfile(file):
        return {}
    names = {"labels.txt": "labels", "edgeconv.json": "contract"}
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    counts: Counter[str] = Counter()
    for entry in entries:
        counts[names.get(entry.filename, "metadata")] += entry.compress_size
    return dict(counts)
