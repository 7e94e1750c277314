"""The graph of a model file, whatever its format: operations, tensors and their cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from edgeconv.core import TensorSpec

BITS = {
    "float64": 64,
    "float32": 32,
    "float16": 16,
    "bfloat16": 16,
    "int64": 64,
    "int32": 32,
    "int16": 16,
    "int8": 8,
    "int4": 4,
    "int2": 2,
    "uint64": 64,
    "uint32": 32,
    "uint16": 16,
    "uint8": 8,
    "uint4": 4,
    "uint3": 3,
    "uint2": 2,
    "uint1": 1,
    "uint6": 6,
    "bool": 8,
}


@dataclass(frozen=True)
class Tensor:
    """A value of the graph. Per-channel quantization has one scale for each channel.

    `constant` is true where the file itself holds the value.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    constant: bool = False

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes in memory; 0 for a type without a fixed size, such as a string."""
        return (self.elements * BITS.get(self.dtype, 0) + 7) // 8

    def spec(self, name: str = "") -> TensorSpec:
        """The tensor as an input or output, which cannot have per-channel scales."""
        per_tensor = len(self.scales) == 1
        return TensorSpec(
            name or self.name,
            self.shape,
            self.dtype,
            self.scales[0] if per_tensor else None,
            self.zero_points[0] if per_tensor else None,
        )


@dataclass(frozen=True)
class Op:
    """One operation; `inputs` and `outputs` are positions in `FileGraph.tensors`.

    `macs` counts the multiply-accumulates of convolutions and matrix products; other kinds have 0.
    """

    kind: str
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    macs: int = 0


@dataclass(frozen=True)
class FileGraph:
    """The main graph of a file.

    Attributes:
        ops: in the order of execution, constants left out.
        inputs, outputs: the public interface, under its public names.
        parameters: weights and biases, without constants of shapes and axes.
        peak_tensor_bytes: largest sum of activation tensors alive at once, in this order of
            execution and without in-place reuse.
        extra: facts of the format, such as its version.
    """

    ops: tuple[Op, ...]
    tensors: tuple[Tensor, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    parameters: int
    peak_tensor_bytes: int
    extra: dict[str, str]

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of one inference of one window."""
        return sum(op.macs for op in self.ops)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kind of every operation, in order."""
        return tuple(op.kind for op in self.ops)


def scheme_by_types(graph: FileGraph) -> str:
    """The scheme by the types in the file, not by the file's name.

    Weights are the constants of rank ≥ 2, activations everything that is not a constant.
    """
    weights = {t.dtype for t in graph.tensors if t.constant and len(t.shape) > 1}
    others = {t.dtype for t in graph.tensors if not t.constant}
    if "int4" in weights:
        return "int4"
    if "int8" in weights:
        if "int16" in others:
            return "int16x8"
        return "int8" if "int8" in others else "dynamic"
    return "float16" if "float16" in weights else "float32"


def computed_from_constants(graph: FileGraph) -> set[int]:
    """Positions of tensors that depend on constants alone, such as unpacked weights."""
    constants = {i for i, tensor in enumerate(graph.tensors) if tensor.constant}
    computed: set[int] = set()
    for op in graph.ops:
        if op.inputs and (constants | computed).issuperset(op.inputs):
            computed.update(op.outputs)
    return computed


def cut_points(graph: FileGraph) -> list[int]:
    """After how many operations a file can be cut: after each one that reads the input's values.

    An operation that only unpacks weights is not a place to cut: runtimes run it once, on opening.
    """
    unpacked = computed_from_constants(graph)
    return [n for n, op in enumerate(graph.ops, 1) if not unpacked.issuperset(op.outputs)]


def activations(graph: FileGraph) -> dict[str, int]:
    """Name → position of each value that depends on the input, in computed order.

    What is computed from constants alone, such as an unpacked weight, is a weight. A repeated
    name gets its position appended.
    """
    fixed = {i for i, tensor in enumerate(graph.tensors) if tensor.constant}
    positions: dict[str, int] = {}
    for op in graph.ops:
        if fixed.issuperset(op.inputs):
            fixed.update(op.outputs)
            continue
        for i in op.outputs:
            name = graph.tensors[i].name
            positions[name if name not in positions else f"{name}#{i}"] = i
    return positions


def peak_bytes(
    ops: Sequence[Op],
    tensors: Sequence[Tensor],
    inputs: Iterable[int],
    outputs: Iterable[int],
) -> int:
    """Largest sum of bytes of the activation tensors alive during one operation.

    A tensor lives from the operation that makes it (an input: from the start) to the last one
    that reads it (an output: to the end). What is computed from constants alone, such as an
    unpacked weight, counts as a weight, not as an activation.
    """
    weights = {i for i, tensor in enumerate(tensors) if tensor.constant}
    first = dict.fromkeys(inputs, 0)
    last: dict[int, int] = {}
    for step, op in enumerate(ops):
        if weights.issuperset(op.inputs):
            weights.update(op.outputs)
        for i in op.outputs:
            first.setdefault(i, step)
            last.setdefault(i, step)
        for i in op.inputs:
            last[i] = step
    last.update(dict.fromkeys(outputs, len(ops) - 1))
    change = [0] * (len(ops) + 1)
    for i, start in first.items():
        if i not in weights:
            change[start] += tensors[i].bytes
            change[last.get(i, start) + 1] -= tensors[i].bytes
    peak = alive = 0
    for delta in change:
        alive += delta
        peak = max(peak, alive)
    return peak
