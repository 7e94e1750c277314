"""TFLite files for the lints, written tensor by tensor: no converter would make the broken ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgeconv.core import Signal
from edgeconv.core.metadata import ModelMetadata
from edgeconv.targets.tflite import metadata, serialize

SIGNAL = Signal(window=2, step=1, channels=("x", "y"), labels=("still", "walking"))


@dataclass
class Tensor:
    """`data` makes it a constant; `free` is the shape signature, `scale` makes it quantized."""

    name: str
    shape: tuple[int, ...] = (1, 2)
    dtype: str = "FLOAT32"
    data: Any = None
    free: tuple[int, ...] = ()
    scale: float = 0.0


@dataclass
class Op:
    """`kind` is a builtin operator, or a custom one's name behind `custom:`."""

    kind: str
    inputs: list[str]
    outputs: list[str]


@dataclass
class Net:
    """4 readings → 2 probabilities; tests replace what they break."""

    tensors: list[Tensor] = field(
        default_factory=lambda: [
            Tensor("sensor", (1, 4)),
            Tensor("w", (2, 4), data=np.arange(8, dtype=np.float32)),
            Tensor("b", (2,), data=np.ones(2, np.float32)),
            Tensor("scores"),
            Tensor("probabilities"),
        ]
    )
    ops: list[Op] = field(
        default_factory=lambda: [
            Op("FULLY_CONNECTED", ["sensor", "w", "b"], ["scores"]),
            Op("SOFTMAX", ["scores"], ["probabilities"]),
        ]
    )
    inputs: list[str] = field(default_factory=lambda: ["sensor"])
    outputs: list[str] = field(default_factory=lambda: ["probabilities"])

    def tensor(self, name: str) -> Tensor:
        return next(t for t in self.tensors if t.name == name)

    def write(self, path: Path, signal: Signal | None = SIGNAL, tree: Any = None) -> Path:
        """The file, with the contract where there is a signal; of `tree`, if it was changed."""
        data = serialize.pack(tree or self.tree())
        if signal is not None:
            data = metadata.embed(data, ModelMetadata("tiny", signal))
        path.write_bytes(data)
        return path

    def tree(self) -> Any:
        """The schema's `ModelT`."""
        from ai_edge_litert import schema_py_generated as schema

        tree = schema.ModelT()
        tree.version = 3
        tree.buffers = [schema.BufferT()]
        graph = schema.SubGraphT()
        graph.tensors = [_tensor(schema, tree, t) for t in self.tensors]
        at = {t.name: i for i, t in enumerate(self.tensors)}
        kinds = list(dict.fromkeys(op.kind for op in self.ops))
        tree.operatorCodes = [_code(schema, kind) for kind in kinds]
        graph.operators = []
        for op in self.ops:
            made = schema.OperatorT()
            made.opcodeIndex = kinds.index(op.kind)
            made.inputs = [at[name] for name in op.inputs]
            made.outputs = [at[name] for name in op.outputs]
            graph.operators.append(made)
        graph.inputs = [at[name] for name in self.inputs]
        graph.outputs = [at[name] for name in self.outputs]
        tree.subgraphs = [graph]
        return tree


def _tensor(schema: Any, tree: Any, tensor: Tensor) -> Any:
    made = schema.TensorT()
    made.name, made.shape = tensor.name.encode(), list(tensor.shape)
    made.type = getattr(schema.TensorType, tensor.dtype)
    made.buffer = 0
    if tensor.free:
        made.shapeSignature = list(tensor.free)
    if tensor.data is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(tensor.data.tobytes(), np.uint8)
        made.buffer = len(tree.buffers)
        tree.buffers.append(buffer)
    if tensor.scale:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = [tensor.scale], [0]
    return made


def _code(schema: Any, kind: str) -> Any:
    made = schema.OperatorCodeT()
    made.version = 1
    if kind.startswith("custom:"):
        made.builtinCode = made.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        made.customCode = kind.removeprefix("custom:").encode()
    else:
        number = getattr(schema.BuiltinOperator, kind)
        made.builtinCode, made.deprecatedBuiltinCode = number, min(number, 127)
    return made
