"""`.aimodel` folders read from their program, also those of other tools; nothing is run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import TensorSpec
from edgeconv.core.paths import size
from edgeconv.errors import Unsupported
from edgeconv.targets.coreai import asset
from edgeconv.targets.coreai.engine import PROGRAM, Description, Operation, engine
from edgeconv.targets.file_graph import BITS, FileGraph, Op, Tensor, peak_bytes, scheme_by_types

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOOKUP, SCALING = "lut_to_dense", "blockwise_shift_scale"
"""Operations that unpack kernels."""
_PREFIX = "coreai."
_CONSTANT = "coreai.constant"
_CONVOLUTIONS = ("conv2d", "conv3d", "conv_transpose2d", "conv_transpose3d")
STRUCTURE = "structure"


@dataclass(frozen=True, eq=False)
class Program:
    """The main function of a file.

    Attributes:
        description: its operations and types.
        data: the bytes of each constant that lies outside the operations, by its name.
    """

    path: Path
    description: Description
    data: Mapping[str, bytes]

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """All but the constants, in the order of execution."""
        return tuple(op for op in self.description.operations if op.kind != _CONSTANT)

    @cached_property
    def constants(self) -> dict[int, Operation]:
        """Each constant's operation by the number of its value."""
        return {op.outputs[0]: op for op in self.description.operations if op.kind == _CONSTANT}

    @cached_property
    def names(self) -> dict[int, str]:
        """A name for each value: its own where the file has one.

        Of values with one name the last has it bare, since it is the result of the layer.
        """
        wanted = [
            (i, op.resource or op.name or f"{kind_of(op)}_{i}")
            for op in self.description.operations
            for i in op.outputs
        ]
        names = {i: name for name, i in self.description.inputs}
        taken = set(names.values())
        for i, plain in reversed(wanted):
            name, number = plain, 0
            while name in taken:
                number += 1
                name = f"{plain}.{number}"
            taken.add(name)
            names[i] = name
        return names

    def type(self, i: int) -> tuple[tuple[int, ...], str]:
        """Shape (−1: free) and element type of a value.

        Raises:
            Unsupported: it is no tensor.
        """
        known = self.description.types[i]
        if known.shape is None:
            raise Unsupported(
                f"{self.path}: value '{self.names[i]}' is no tensor but {known.dtype}",
                "edgeconv reads and runs functions of tensors, without images and state",
            )
        return known.shape, known.dtype

    def array(self, i: int) -> NDArray[Any] | None:
        """The stored numbers of a constant, those of half a byte one a byte; None for a type that
        is not known here."""
        import numpy as np

        shape, dtype = self.type(i)
        constant = self.constants[i]
        if constant.values is not None:
            values = np.array(constant.values, dtype if dtype.startswith("float") else None)
            return np.full(shape, values[0]) if values.size == 1 else values.reshape(shape)
        data = self.data.get(constant.resource)
        if data is None or dtype not in BITS or dtype == "bfloat16" or BITS[dtype] in (1, 2, 3, 6):
            return None
        if BITS[dtype] == 4:
            return _unpacked(data, dtype, shape)
        return np.frombuffer(data, dtype).reshape(shape)


def _unpacked(data: bytes, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Two numbers a byte, the first in the lower half."""
    import numpy as np

    both = np.frombuffer(data, np.uint8)
    halves = np.stack([both & 15, both >> 4], axis=-1).reshape(-1)[: prod(shape)].reshape(shape)
    if dtype == "uint4":
        return halves
    signed = halves.astype(np.int8)
    return np.where(signed > 7, signed - 16, signed).astype(np.int8)


def kind_of(op: Operation) -> str:
    """What an operation does, without its dialect."""
    return op.kind.removeprefix(_PREFIX)


def read_program(path: Path) -> Program:
    """The main function of a file, checked.

    Raises:
        BadInput: the folder is missing, truncated or damaged, or Apple's reader refuses it.
        MissingDependency: the extra `coreai` is not installed.
    """
    asset.check(path)
    return _read(path, hashlib.sha256((path / PROGRAM).read_bytes()).digest())


@lru_cache(maxsize=8)
def _read(path: Path, digest: bytes) -> Program:
    """Of exactly these bytes."""
    same = _contents.get(digest)
    if same is None:
        with engine(path) as asked:
            same = asked.describe(), asked.resources()
        _contents.clear()
        _contents[digest] = same
    return Program(path, *same)


_contents: dict[bytes, tuple[Description, dict[str, bytes]]] = {}
"""The last program: a file that was moved is not read again."""


# --- the graph --------------------------------------------------------------------------------


def read_graph(path: Path) -> FileGraph:
    """Operations, tensors and cost of a file's main function. Raises as `read_program`."""
    program = read_program(path)
    description = program.description
    tensors = tuple(_tensor(program, i) for i in range(len(description.types)))
    ops = tuple(_op(program, op, tensors) for op in program.operations)
    entries, ends = ([i for _, i in side] for side in (description.inputs, description.outputs))
    return FileGraph(
        ops=ops,
        tensors=tensors,
        inputs=tuple(TensorSpec(name, *program.type(i)) for name, i in description.inputs),
        outputs=tuple(TensorSpec(name, *program.type(i)) for name, i in description.outputs),
        parameters=_parameters(program),
        peak_tensor_bytes=peak_bytes(ops, tensors, entries, ends),
        extra=_facts(program),
    )


def _facts(program: Program) -> dict[str, str]:
    facts = {"needs": "iOS 27 or later", "function": program.description.function}
    others = [
        name for name in program.description.functions if name != program.description.function
    ]
    if others:
        facts["other functions"] = ", ".join(others)
    if producer := asset.producer(program.path):
        facts["producer"] = producer
    return facts


def _tensor(program: Program, i: int) -> Tensor:
    known = program.description.types[i]
    sizes = tuple(max(n, 1) for n in known.shape or ())
    return Tensor(program.names[i], sizes, known.dtype, constant=i in program.constants)


def _op(program: Program, op: Operation, tensors: Sequence[Tensor]) -> Op:
    kind = kind_of(op)
    name = program.names[op.outputs[0]] if op.outputs else kind
    macs = _macs(kind, [tensors[i] for i in op.inputs], [tensors[i] for i in op.outputs])
    return Op(kind, name, op.inputs, op.outputs, macs)


def _macs(kind: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
    """Multiply-accumulates of one operation."""
    if kind in _CONVOLUTIONS:
        image = inputs[0] if "transpose" in kind else outputs[0]
        return image.elements * prod(inputs[1].shape[1:])
    if kind.endswith("batch_matmul"):
        return outputs[0].elements * inputs[0].shape[-1]
    return 0


def learnt(program: Program) -> list[int]:
    """The constants that hold weights: those with bytes of their own, and floats in operations;
    not sizes, axes and single numbers."""
    return [
        i
        for i, op in program.constants.items()
        if op.resource
        or (
            program.description.types[i].dtype.startswith("float")
            and program.description.types[i].shape
        )
    ]


def _helpers(program: Program) -> dict[int, str]:
    """Constants that unpack others, and the part of a file that they are."""
    found: dict[int, str] = {}
    for op in program.operations:
        if kind_of(op) == LOOKUP:
            found[op.inputs[1]] = "palettes"
        if kind_of(op) == SCALING:
            found.update(dict.fromkeys(op.inputs[1:], "scales"))
    return found


def _parameters(program: Program) -> int:
    helpers = _helpers(program)
    return sum(prod(program.type(i)[0]) for i in learnt(program) if i not in helpers)


def scheme_of(path: Path, graph: FileGraph) -> str:
    """The scheme that the operations and stored types show."""
    del path
    if "quantize" in graph.kinds:
        return "w8a8"
    for op in graph.ops:
        bits = BITS.get(graph.tensors[op.inputs[0]].dtype, 0) if op.inputs else 0
        if op.kind == LOOKUP:
            return f"palette{bits}"
        if op.kind == SCALING:
            return f"int{bits}"
    return scheme_by_types(graph)


# --- size -------------------------------------------------------------------------------------


def size_breakdown(path: Path) -> dict[str, int]:
    """Part → bytes, as in `files.size_breakdown`."""
    program = read_program(path)
    parts = {"weights": 0, "biases": 0, "palettes": 0, "scales": 0}
    helpers = _helpers(program)
    for i in learnt(program):
        shape, _ = program.type(i)
        usual = "weights" if sum(n > 1 for n in shape) > 1 else "biases"
        parts[helpers.get(i, usual)] += len(program.data.get(program.constants[i].resource, b""))
    file = path / asset.METADATA
    contract = len(asset.stored_contract(path))
    metadata = file.stat().st_size - contract if file.is_file() else 0
    parts |= {"contract": contract, "metadata": metadata}
    parts[STRUCTURE] = size(path) - sum(parts.values())
    return {part: count for part, count in parts.items() if count}


# --- kernels ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Kernel:
    """The kernel of one operation.

    Attributes:
        op: a convolution or matrix product.
        number: of the constant with its numbers, or of their integers or indices.
        unpacked_by: the operation between; None for floats.
    """

    op: Operation
    number: int
    unpacked_by: Operation | None = None


def kernels_of(program: Program) -> list[Kernel]:
    """Each operation with a constant kernel, in the order of execution."""
    makers = {i: op for op in program.operations for i in op.outputs}
    found = []
    for op in program.operations:
        if kind_of(op) not in _CONVOLUTIONS and not op.kind.endswith("batch_matmul"):
            continue
        read = op.inputs[1]
        maker = makers.get(read)
        if read in program.constants:
            found.append(Kernel(op, read))
        elif maker is not None and maker.inputs[0] in program.constants:
            found.append(Kernel(op, maker.inputs[0], maker))
    return found
