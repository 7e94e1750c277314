"""Tiny files made by hand, so that reading needs no converter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import Normalization, Signal
from edgeconv.targets.coreml.package import proto
from edgeconv.targets.tflite import serialize


@pytest.fixture
def signal() -> Signal:
    """Four values in, two classes out."""
    return Signal(
        window=2,
        step=1,
        channels=("x", "y"),
        labels=("still", "geht"),
        normalization=Normalization((0.5, 9.0), (2.0, 3.0)),
    )


@pytest.fixture
def tflite_bytes() -> bytes:
    """One fully connected layer: 4 → 2, ten parameters, eight multiply-accumulates."""
    from ai_edge_litert import schema_py_generated as schema

    arrays = [np.arange(8, dtype=np.float32).reshape(2, 4), np.ones(2, np.float32)]
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    graph.tensors = []
    for name, shape in (("serving_default_x:0", (1, 4)), ("w", (2, 4)), ("b", (2,)), ("y", (1, 2))):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name.encode(), list(shape), 0
        tensor.buffer = 0
        if name in ("w", "b"):
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(arrays[name == "b"].tobytes(), np.uint8)
            tensor.buffer = len(model.buffers)
            model.buffers.append(buffer)
        graph.tensors.append(tensor)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 1
    model.operatorCodes = [code]
    op = schema.OperatorT()
    op.opcodeIndex, op.inputs, op.outputs = 0, [0, 1, 2], [3]
    op.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    op.builtinOptions = schema.FullyConnectedOptionsT()
    graph.operators, graph.inputs, graph.outputs = [op], [0], [3]
    model.subgraphs = [graph]
    return serialize.pack(model)


@pytest.fixture
def make_package(tmp_path: Path) -> Callable[[], Path]:
    """A Core ML package with one linear operation: 4 → 2, eight parameters, and a classifier."""

    def make() -> Path:
        mil, features = proto("MIL_pb2"), proto("FeatureTypes_pb2")
        spec = proto("Model_pb2").Model(specificationVersion=6)
        entry = spec.description.input.add(name="x_in")
        entry.type.multiArrayType.shape.extend([1, 4])
        entry.type.multiArrayType.dataType = features.ArrayFeatureType.FLOAT32
        spec.description.output.add(name="classLabel").type.stringType.SetInParent()
        spec.description.output.add(name="probs").type.dictionaryType.stringKeyType.SetInParent()
        spec.description.predictedFeatureName = "classLabel"
        spec.description.predictedProbabilitiesName = "probs"
        main = spec.mlProgram.functions["main"]
        block = main.block_specializations["CoreML5"]
        block.outputs.extend(["classLabel", "probs"])
        _value(mil, main.inputs.add(name="x_in"), (1, 4))
        weight = block.operations.add(type="const")
        _value(mil, weight.outputs.add(name="w"), (2, 4))
        value = weight.attributes["val"]
        value.type.CopyFrom(weight.outputs[0].type)
        value.blobFileValue.fileName = "@model_path/weights/weight.bin"
        value.blobFileValue.offset = 64
        linear = block.operations.add(type="linear")
        linear.inputs["x"].arguments.add(name="x_in")
        linear.inputs["weight"].arguments.add(name="w")
        _value(mil, linear.outputs.add(name="probabilities"), (1, 2))
        classify = block.operations.add(type="classify")
        classify.inputs["probabilities"].arguments.add(name="probabilities")
        names = classify.inputs["classes"].arguments.add().value.immediateValue.tensor.strings
        names.values.extend(["still", "geht"])
        _value(mil, classify.outputs.add(name="classLabel"), ())
        _value(mil, classify.outputs.add(name="probs"), ())
        return _package(tmp_path / "tiny.mlpackage", spec)

    return make


def _value(mil: Any, named: Any, shape: tuple[int, ...]) -> None:
    named.type.tensorType.dataType = mil.FLOAT32
    named.type.tensorType.rank = len(shape)
    for size in shape:
        named.type.tensorType.dimensions.add().constant.size = size


def _package(path: Path, spec: Any) -> Path:
    import json
    import struct

    inside = path / "Data" / "com.apple.CoreML"
    (inside / "weights").mkdir(parents=True)
    (inside / "model.mlmodel").write_bytes(spec.SerializeToString())
    weights = np.arange(8, dtype=np.float32).tobytes()
    head = struct.pack("<IIQQ", 0xDEADBEEF, 2, len(weights), 128)
    (inside / "weights" / "weight.bin").write_bytes(
        struct.pack("<II56x", 1, 2) + head.ljust(64, b"\0") + weights
    )
    entries = {"A": {"path": "com.apple.CoreML/model.mlmodel"}}
    (path / "Manifest.json").write_text(
        json.dumps({"rootModelIdentifier": "A", "itemInfoEntries": entries})
    )
    return path
