"""`.aimodel` folders read from their program, also those of other tools; nothing is run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import TensorSpec
from edgeconv.core.paths import size
from edgeconv.errors import BadInput, Unsupported
from edgeconv.targets.coreai import asset
from edgeconv.targets.coreai.engine import PROGRAM, engine
from edgeconv.targets.file_graph import BITS, FileGraph, Op, Tensor, peak_bytes, scheme_by_types

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONSTANT = "coreai.constant"
_PREFIX = "coreai."
_CONVOLUTIONS = ("conv2d", "conv3d", "conv_transpose2d", "conv_transpose3d")
STRUCTURE = "structure"


@dataclass(frozen=True, eq=False)
class Program:
    """The main function of a file.

    Attributes:
        told: as Apple's reader describes it (`server.py`).
        data: the bytes of each constant that lies outside the operations, by its name.
    """

    path: Path
    told: dict[str, Any]
    data: dict[str, bytes]

    @property
    def function(self) -> str:
        """Its name."""
        return str(self.told["function"])

    @cached_property
    def operations(self) -> list[dict[str, Any]]:
        """All but the constants, in the order of execution."""
        return [op for op in self.told["operations"] if op["kind"] != CONSTANT]

    @cached_property
    def constants(self) -> dict[int, dict[str, Any]]:
        """Each constant's operation by the number of its value."""
        return {op["outputs"][0]: op for op in self.told["operations"] if op["kind"] == CONSTANT}

    @cached_property
    def names(self) -> dict[int, str]:
        """A name for each value: its own where the file has one, which none before it has."""
        wanted: dict[int, str] = {number: name for name, number in self.told["inputs"].items()}
        for op in self.told["operations"]:
            for i in op["outputs"]:
                kind = op["kind"].removeprefix(_PREFIX)
                wanted[i] = op.get("resource") or op["name"] or f"{kind}_{i}"
        taken: set[str] = set()
        names: dict[int, str] = {}
        # of equal names the last value has it: it is the result of the layer
        for i in sorted(wanted, reverse=True):
            plain, number = wanted[i], 0
            name = plain
            while name in taken:
                number += 1
                name = f"{plain}.{number}"
            taken.add(name)
            names[i] = name
        return names

    def type(self, i: int) -> tuple[tuple[int, ...], str]:
        """Shape (−1: free) and element type of a value."""
        shape, dtype = self.told["types"][i]
        if shape is None:
            raise Unsupported(
                f"{self.path}: value '{self.names[i]}' is no tensor but {dtype}",
                "edgeconv reads and runs functions of tensors, without images and state",
            )
        return tuple(shape), dtype

    def array(self, i: int) -> NDArray[Any] | None:
        """The stored numbers of a constant; those of less than a byte, one a byte. None for a type
        that is not known here."""
        import numpy as np

        shape, dtype = self.type(i)
        constant = self.constants[i]
        if "values" in constant:
            return np.array(constant["values"]).reshape(shape)
        data = self.data.get(constant.get("resource", ""))
        if data is None or dtype not in BITS or dtype == "bfloat16":
            return None
        if BITS[dtype] == 4:
            return _unpacked(data, dtype, shape)
        return np.frombuffer(data, dtype).reshape(shape)


def _unpacked(data: bytes, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Two numbers a byte, the first in the lower half."""
    import numpy as np

    both = np.frombuffer(data, np.uint8)
    halves = np.stack([both & 15, both >> 4], axis=-1).reshape(-1)[: prod(shape)]
    if dtype == "int4":
        signed = halves.astype(np.int8)
        return np.where(signed > 7, signed - 16, signed).astype(np.int8).reshape(shape)
    return halves.reshape(shape)


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


_contents: dict[bytes, tuple[dict[str, Any], dict[str, bytes]]] = {}
"""The last program: a file that was moved is not read again."""


# --- the graph --------------------------------------------------------------------------------


def read_graph(path: Path) -> FileGraph:
    """Operations, tensors and cost of a file's main function. Raises as `read_program`."""
    program = read_program(path)
    tensors = tuple(_tensor(program, i) for i in range(len(program.told["types"])))
    ops = tuple(_op(program, op, tensors) for op in program.operations)
    entries = list(program.told["inputs"].values())
    ends = [i for _, i in program.told["outputs"]]
    return FileGraph(
        ops=ops,
        tensors=tensors,
        inputs=tuple(_spec(program, name, i) for name, i in program.told["inputs"].items()),
        outputs=tuple(_spec(program, name, i) for name, i in program.told["outputs"]),
        parameters=_parameters(program),
        peak_tensor_bytes=peak_bytes(ops, tensors, entries, ends),
        extra=_facts(program),
    )


def _facts(program: Program) -> dict[str, str]:
    facts = {"function": program.function}
    others = [name for name in program.told["functions"] if name != program.function]
    if others:
        facts["other functions"] = ", ".join(others)
    if producer := asset.producer(program.path):
        facts["producer"] = producer
    return facts


def _tensor(program: Program, i: int) -> Tensor:
    shape, dtype = program.told["types"][i]
    sizes = tuple(max(n, 1) for n in shape or ())
    return Tensor(program.names[i], sizes, dtype, constant=i in program.constants)


def _spec(program: Program, name: str, i: int) -> TensorSpec:
    shape, dtype = program.type(i)
    return TensorSpec(name, shape, dtype)


def _op(program: Program, op: dict[str, Any], tensors: Sequence[Tensor]) -> Op:
    inputs, outputs = tuple(op["inputs"]), tuple(op["outputs"])
    kind = op["kind"].removeprefix(_PREFIX)
    name = program.names[outputs[0]] if outputs else kind
    macs = _macs(kind, [tensors[i] for i in inputs], [tensors[i] for i in outputs])
    return Op(kind, name, inputs, outputs, macs)


def _macs(kind: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
    """Multiply-accumulates of one operation."""
    if kind in _CONVOLUTIONS:
        image = inputs[0] if "transpose" in kind else outputs[0]
        return image.elements * prod(inputs[1].shape[1:])
    if kind.endswith("batch_matmul"):
        return outputs[0].elements * inputs[0].shape[-1]
    return 0


def learnt(program: Program) -> list[int]:
    """The constants that hold weights: those with bytes of their own, not sizes and axes."""
    return [i for i, op in program.constants.items() if "resource" in op]


def _parameters(program: Program) -> int:
    palettes = {
        op["inputs"][1] for op in program.operations if op["kind"] == f"{_PREFIX}lut_to_dense"
    }
    scales = {
        i
        for op in program.operations
        if op["kind"] == f"{_PREFIX}blockwise_shift_scale"
        for i in op["inputs"][1:]
    }
    return sum(
        prod(program.told["types"][i][0]) for i in learnt(program) if i not in palettes | scales
    )


def scheme_of(path: Path, graph: FileGraph) -> str:
    """The scheme that the operations and stored types show."""
    del path
    kernels = {
        graph.tensors[op.inputs[0]].dtype: op.kind
        for op in graph.ops
        if op.kind in ("lut_to_dense", "blockwise_shift_scale")
    }
    for dtype, kind in kernels.items():
        bits = BITS.get(dtype, 0)
        return f"palette{bits}" if kind == "lut_to_dense" else f"int{bits}"
    return scheme_by_types(graph)


# --- size -------------------------------------------------------------------------------------


def size_breakdown(path: Path) -> dict[str, int]:
    """Part → bytes, as in `files.size_breakdown`."""
    program = read_program(path)
    parts = {"weights": 0, "biases": 0, "palettes": 0, "scales": 0}
    roles: dict[int, str] = {}
    for op in program.operations:
        if op["kind"] == f"{_PREFIX}lut_to_dense":
            roles[op["inputs"][1]] = "palettes"
        if op["kind"] == f"{_PREFIX}blockwise_shift_scale":
            roles.update(dict.fromkeys(op["inputs"][1:], "scales"))
    for i in learnt(program):
        shape, _ = program.type(i)
        usual = "weights" if sum(n > 1 for n in shape) > 1 else "biases"
        data = program.data.get(program.constants[i]["resource"], b"")
        parts[roles.get(i, usual)] += len(data)
    metadata = (path / asset.METADATA).stat().st_size if (path / asset.METADATA).is_file() else 0
    contract = asset.stored_contract(path)
    parts |= {"contract": len(contract), "metadata": metadata - len(contract)}
    parts[STRUCTURE] = size(path) - sum(parts.values())
    return {part: count for part, count in parts.items() if count}


# --- weights ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Kernel:
    """The kernel of one operation.

    Attributes:
        op: of a convolution or matrix product.
        number: of the constant with its numbers, or of their integers or indices.
        unpacked_by: the operation between; None for floats.
    """

    op: dict[str, Any]
    number: int
    unpacked_by: dict[str, Any] | None = None

    @property
    def kind(self) -> str:
        """The operation, without its dialect."""
        return str(self.op["kind"].removeprefix(_PREFIX))


def kernels_of(program: Program) -> list[Kernel]:
    """Each operation with a constant kernel, in the order of execution."""
    makers = {i: op for op in program.operations for i in op["outputs"]}
    found = []
    for op in program.operations:
        kind = op["kind"].removeprefix(_PREFIX)
        if kind not in _CONVOLUTIONS and not kind.endswith("batch_matmul"):
            continue
        read = op["inputs"][1]
        maker = makers.get(read)
        if read in program.constants:
            found.append(Kernel(op, read))
        elif maker is not None and maker["inputs"][0] in program.constants:
            found.append(Kernel(op, maker["inputs"][0], maker))
    return found


def damaged(path: Path, error: Exception) -> BadInput:
    """The error for numbers that do not fit their types."""
    return BadInput(f"{path} is truncated or damaged: {error}", asset.HINT)
