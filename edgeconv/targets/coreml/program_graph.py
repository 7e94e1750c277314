"""An ML program as a graph: its operations, values, labels and cost."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from edgeconv.core import TensorSpec
from edgeconv.errors import BadInput
from edgeconv.targets.coreml.blobs import HINT
from edgeconv.targets.coreml.package import array_dtype
from edgeconv.targets.coreml.program import Function, Operation, Program, read_program
from edgeconv.targets.coreml.values import ProgramValue, Shape
from edgeconv.targets.coreml.weights import KERNELS
from edgeconv.targets.file_graph import FileGraph, Op, Tensor, peak_bytes


def read_graph(path: Path) -> FileGraph:
    """Operations, tensors and cost of a package's default function.

    Raises:
        BadInput: not a package, a damaged one, or one that holds no ML program.
    """
    return _View(read_program(path)).graph()


def read_labels(path: Path) -> tuple[str, ...]:
    """Class names of a classifier; empty for another model. Raises BadInput as `read_graph`."""
    return labels_of(read_program(path).function())


def labels_of(function: Function) -> tuple[str, ...]:
    """Class names of the `classify` operation, numbers as text; empty where there is none.

    Raises:
        BadInput: they are computed or missing.
    """
    for op in function.block.operations:
        if op.type == "classify":
            classes = function.argument(op, "classes")
            if classes is None:
                raise BadInput(f"{op.where} has no constant 'classes'", HINT)
            return tuple(map(str, classes.value))
    return ()


_WITHOUT_OUTPUT = ("write_state", "coreml_update_state")  # they work on a state


class _View:
    """Numbers the values of the default function, without its nested blocks."""

    def __init__(self, program: Program) -> None:
        self.where = program.where
        self.spec = program.spec
        self.function = program.function()
        self.tensors: list[Tensor] = []
        self.number: dict[str, int] = {}
        for feature in self.spec.description.input:
            self._add(self._feature(feature))
        for name, constant in self.function.block.constants.items():
            self._add(_tensor(ProgramValue(name, constant.type), constant=True))
        for op in self.function.block.operations:
            for out in op.outputs:
                self._add(_tensor(out))

    def graph(self) -> FileGraph:
        ops = tuple(self._op(op) for op in self.function.block.operations)
        inputs = tuple(self._feature(f) for f in self.spec.description.input)
        outputs = tuple(self._feature(f) for f in self.spec.description.output)
        ends = [self.number[t.name] for t in outputs if t.name in self.number]
        starts = [self.number[t.name] for t in inputs]
        return FileGraph(
            ops=ops,
            tensors=tuple(self.tensors),
            inputs=tuple(t.spec() for t in inputs),
            outputs=self._named(outputs),
            parameters=self._parameters(),
            peak_tensor_bytes=peak_bytes(ops, self.tensors, starts, ends),
            extra={"specification": str(self.spec.specificationVersion)},
        )

    def _named(self, outputs: tuple[Tensor, ...]) -> tuple[TensorSpec, ...]:
        """Give a classifier's dictionary as many entries as there are labels."""
        classes = len(labels_of(self.function))
        return tuple(
            replace(t, shape=(classes,)).spec() if t.dtype == "dictionary" else t.spec()
            for t in outputs
        )

    def _add(self, tensor: Tensor) -> None:
        self.number[tensor.name] = len(self.tensors)
        self.tensors.append(tensor)

    def _feature(self, feature: Any) -> Tensor:
        kind = str(feature.type.WhichOneof("Type"))
        if kind != "multiArrayType":
            return Tensor(feature.name, (), kind.removesuffix("Type"))
        shape = tuple(int(d) for d in feature.type.multiArrayType.shape)
        return Tensor(feature.name, shape, array_dtype(feature, self.where))

    def _op(self, op: Operation) -> Op:
        if not op.outputs and op.type not in _WITHOUT_OUTPUT:
            raise BadInput(f"{self.where}: {op.where} has no output", HINT)
        names = [a for p in sorted(op.inputs) for a in op.inputs[p] if isinstance(a, str)]
        inputs = tuple(self.number[name] for name in names if name in self.number)
        outputs = tuple(self.number[out.name] for out in op.outputs)
        return Op(op.type, op.name, inputs, outputs, self._macs(op))

    def _macs(self, op: Operation) -> int:
        """Multiply-accumulates; kernels are (out, in / groups, height, width)."""
        if op.type == "conv":
            return self._elements(op) * prod(self._shape(op, "weight", 2)[1:])
        if op.type in ("linear", "matmul"):
            return self._elements(op) * self._shape(op, "x", 1)[-1]
        if op.type == "conv_transpose":  # (in, out / groups, height, width)
            return prod(self._shape(op, "x", 1)) * prod(self._shape(op, "weight", 2)[1:])
        if op.type in ("gru", "lstm", "rnn"):  # every step and sample of (steps, samples, features)
            matrices = (p for p in KERNELS[op.type] if self.function.type_of(op, p) is not None)
            numbers = sum(prod(self._shape(op, parameter, 2)) for parameter in matrices)
            return prod(self._shape(op, "x", 2)[:2]) * numbers
        return 0

    def _elements(self, op: Operation) -> int:
        return self.tensors[self.number[op.name]].elements

    def _shape(self, op: Operation, parameter: str, rank: int) -> Shape:
        """The shape of an operand that must have at least `rank` dimensions."""
        type_ = self.function.type_of(op, parameter)
        if type_ is None:
            raise BadInput(f"{self.where}: {op.where} has no '{parameter}'", HINT)
        shape = type_.shape or ()
        if len(shape) < rank:
            value = op.first(parameter)
            label = f" (value '{value}')" if value else ""
            raise BadInput(
                f"{self.where}: {op.where} needs {rank} or more dimensions of its "
                f"'{parameter}'{label}, which has the shape {shape}",
                HINT,
            )
        return shape

    def _parameters(self) -> int:
        """Elements of float constants of rank ≥ 1; a compressed weight by its unpacked shape."""
        block = self.function.block
        packed: set[str] = set()
        read: set[str] = set()
        for op in block.operations:
            (packed if op.type.startswith("constexpr_") else read).update(op.named_arguments())
        total = 0
        for name, constant in block.constants.items():
            shape = constant.type.shape
            if constant.type.dtype.startswith("float") and shape and name not in packed:
                total += prod(shape)
        for op in block.operations:
            for out in op.outputs if op.type.startswith("constexpr_") else ():
                # one of two outputs of an operation that unpacks may be read by the next such
                if out.name in read and out.name not in packed:
                    total += prod(out.shape)
        return total


def _tensor(value: ProgramValue, constant: bool = False) -> Tensor:
    return Tensor(value.name, value.shape, value.type.dtype, constant=constant)
