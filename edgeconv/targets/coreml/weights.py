"""The weights of a Core ML file: how each is stored, and its numbers.

A compressed weight is a `constexpr_…` operation. In files for iOS16 and iOS17 it holds its data as
attributes, packed into bytes; in later ones as inputs of sub-byte types.

Where the bytes of a `.mlpackage` go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core.metadata import CONTRACT_KEY
from edgeconv.core.paths import files, size
from edgeconv.errors import BadInput
from edgeconv.targets.coreml.blobs import HINT
from edgeconv.targets.coreml.program import Function, Operation, read_program
from edgeconv.targets.coreml.values import Constant, ValueType
from edgeconv.targets.coreml.weight_decompression import decompress
from edgeconv.targets.file_graph import BITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

STRUCTURE = "structure"

# What a field of an unpacking operation holds; every other one is part of the weights.
_UNPACKING = {"lut": "palettes", "scale": "scales", "zero_point": "zero points"}
_UNPACKING |= {"offset": "zero points", "shape": "constants", "axis": "constants"}


def size_breakdown(path: Path) -> dict[str, int]:
    """Part → bytes, as in `files.size_breakdown`."""
    program = read_program(path)
    description = program.spec.description
    counts: Counter[str] = Counter(manifest=size(path / "Manifest.json"))
    for function in program.functions.values():
        for name, constant in function.constants.items():
            counts["names"] += _letters(name, constant.label)
            counts[_part("const", "val", constant.type)] += _length(constant)
        for op in function.nodes():
            outputs = (out.name for out in op.outputs)
            counts["names"] += _letters(op.label, *outputs, *op.named_arguments())
            for parameter, constant in op.literals():
                counts[_part(op.type, parameter, constant.type)] += _length(constant)
    contract = _letters(description.metadata.userDefined.get(CONTRACT_KEY, ""))
    texts = (f.shortDescription for f in (*description.input, *description.output))
    counts["contract"] = contract
    counts["metadata"] = description.metadata.ByteSize() - contract + _letters(*texts)
    counts[STRUCTURE] = sum(size(file) for file in files(path)) - counts.total()
    return {part: length for part, length in counts.items() if length}


def _letters(*texts: str) -> int:
    return sum(len(text.encode()) for text in texts)


def _part(kind: str, parameter: str, type_: ValueType) -> str:
    """The part that the value of an operation's parameter belongs to."""
    if kind == "classify" and parameter == "classes":
        return "labels"
    if kind.startswith("constexpr_"):
        return _UNPACKING.get(parameter, "weights")
    if not type_.dtype.startswith("float") or not type_.shape:
        return "constants"
    return "weights" if len(type_.shape) > 1 else "biases"


def _length(constant: Constant) -> int:
    try:
        return constant.content_bytes
    except BadInput:  # no bytes here; a lint names what is missing
        return 0


_RECURRENT = ("weight_ih", "weight_hh", "weight_ih_back", "weight_hh_back")
KERNELS: dict[str, tuple[str, ...]] = {
    "conv": ("weight",),
    "conv_transpose": ("weight",),
    "gru": _RECURRENT,
    "linear": ("weight",),
    "lstm": _RECURRENT,
    "matmul": ("y",),
    "rnn": _RECURRENT,
}
"""Which operands of an operation are its kernels."""
TABLES: dict[str, tuple[str, ...]] = {"gather": ("x",)}
"""Which operands are the table of an embedding."""


@dataclass(frozen=True)
class Weight:
    """One kernel of the program.

    Attributes:
        op: name of the value that the operation with this kernel makes.
        kind: of that operation, such as `conv`.
        dtype: of the numbers that are stored; of a palette, of its indices (`uint4`).
        palette: whether these are indices into a table.
        stored: numbers that are stored; fewer than `elements` where zeros are left out.
        values: reads and unpacks it: the numbers that the operation computes with.
    """

    op: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    palette: bool
    stored: int
    values: Callable[[], Array]

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def sparse(self) -> bool:
        return self.stored < self.elements

    @property
    def compressed(self) -> bool:
        return self.sparse or not self.dtype.startswith("float")

    @property
    def storage(self) -> str:
        """How it is stored, in words: `palette of 16`, `int8, 25 % stored`."""
        how = f"palette of {1 << BITS[self.dtype]}" if self.palette else self.dtype
        return f"{how}, {100 * self.stored / self.elements:.0f} % stored" if self.sparse else how


def read_weights(path: Path, operands: Mapping[str, Sequence[str]] = KERNELS) -> list[Weight]:
    """Every constant kernel of a package, in the order of its operations.

    Args:
        path: of the package.
        operands: the names of the operands to read, by the kind of operation.

    Raises:
        BadInput: not a package, a damaged one, or one without an ML program.
    """
    function = read_program(path).function()
    weights = _Weights(function, str(path))
    read = [
        (op, op.first(parameter))
        for op in function.block.operations
        for parameter in operands.get(op.type, ())
    ]
    return [weights.weight(name, op) for op, name in read if weights.is_fixed(name)]


def scheme_of(weights: list[Weight], quantized_activations: bool) -> str:
    """The scheme that a file's compressed kernels show; empty where none is compressed.

    Kernels that differ in their storage are `mixed`.
    """
    packed = [w for w in weights if w.compressed]
    if not packed:
        return ""
    stored = {f"palette{BITS[w.dtype]}" if w.palette else w.dtype for w in packed}
    sparse = [w for w in packed if w.sparse]
    if len(stored) > 1 or len(sparse) not in (0, len(packed)):
        return "mixed"
    (how,) = stored
    if quantized_activations:
        return "w8a8" if how == "int8" and not sparse else "mixed"
    if not sparse:
        return how
    share = 1 - sum(w.stored for w in sparse) / sum(w.elements for w in sparse)
    pruned = f"pruned{100 * share:.0f}"
    return pruned if how.startswith("float") else f"{pruned}-{how}"


class _Weights:
    """The values of a function that follow from its file alone."""

    def __init__(self, function: Function, where: str) -> None:
        self.function = function
        self.where = where

    def is_fixed(self, name: str) -> bool:
        """Whether a value is a constant, or one that is unpacked."""
        return self.function.constant(name) is not None or self._unpacking(name) is not None

    def weight(self, name: str, reader: Operation) -> Weight:
        value = self.function.values[name]
        elements = prod(value.shape)
        dtype, palette, stored = self._storage(self._unpacking(name), elements, value.type.dtype)
        values = partial(self.evaluate, name)
        return Weight(reader.name, reader.type, value.shape, dtype, palette, stored, values)

    def _unpacking(self, name: str) -> Operation | None:
        """The `constexpr_…` operation that makes a value."""
        op = self.function.producer_of(name)
        return op if op is not None and op.type.startswith("constexpr_") else None

    def _storage(self, op: Operation | None, elements: int, dtype: str) -> tuple[str, bool, int]:
        """Type of what is stored, whether it is a palette's indices, and how many numbers."""
        if op is None:
            return dtype, False, elements
        match op.type:
            case "constexpr_affine_dequantize":
                return self._type(op, "quantized_data").dtype, False, elements
            case "constexpr_blockwise_shift_scale":
                source = self._unpacking(op.first("data"))
                if source is not None:
                    return self._storage(source, elements, dtype)  # a palette, then scaled
                return self._type(op, "data").dtype, False, elements
            case "constexpr_lut_to_dense":
                return self._palette(op), True, elements
            case "constexpr_sparse_to_dense":
                stored = prod(self._type(op, "nonzero_data").shape or ())
                source = self._unpacking(op.first("nonzero_data"))
                if source is None:
                    return dtype, False, stored
                if source.type == "constexpr_lut_to_sparse":
                    return self._palette(source), True, stored
                return self._type(source, "nonzero_data").dtype, False, stored
        return dtype, False, elements

    def _palette(self, op: Operation) -> str:
        """`uint4` for a table of 16 entries, and so on; iOS18's table ends in (entries, vector)."""
        table = self._type(op, "lut").shape or ()
        entries = table[0] if len(table) == 1 else table[-2] if table else 0
        dtype = f"uint{entries.bit_length() - 1}"
        if dtype not in BITS:
            raise BadInput(
                f"{self.where}: {op.where} has a palette ('lut') of shape {table}, which fits no "
                "type of index",
                HINT,
            )
        return dtype

    def _type(self, op: Operation, parameter: str) -> ValueType:
        type_ = self.function.type_of(op, parameter)
        if type_ is None:
            raise BadInput(f"{self.where}: {op.where} has no '{parameter}'", HINT)
        return type_

    def evaluate(self, name: str) -> Array:
        """The numbers of a constant, unpacked in float64.

        Raises:
            BadInput: they are missing or do not fit together.
            Unsupported: a type or an operation that is not known here.
        """
        import numpy as np

        constant = self.function.constant(name)
        if constant is not None:
            return np.asarray(constant.value)
        op = self._unpacking(name)
        if op is None:
            raise BadInput(f"{self.where}: '{name}' is not a constant", HINT)
        arguments = {parameter: self._argument(op, parameter) for parameter in op.inputs}
        results = decompress(op.type, arguments, f"{self.where}: {op.where}")
        return np.asarray(results[[out.name for out in op.outputs].index(name)])

    def _argument(self, op: Operation, parameter: str) -> Any:
        constant = self.function.argument(op, parameter)
        value = self.evaluate(op.first(parameter)) if constant is None else constant.value
        floats = getattr(getattr(value, "dtype", None), "kind", "") == "f"
        return value.astype("f8") if floats else value
