"""The weights of a Core ML file: how each is stored, and the numbers that it stands for.

A compressed weight is a `constexpr_…` operation. In files for iOS16 and iOS17 it holds its data as
attributes, packed into bytes; in later ones as inputs of sub-byte types. This reads both forms on
its own, apart from the runtime that executes them, so that one can judge the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.errors import BadInput
from edgeconv.targets.coreml.package import blob_at, read_spec, weight_file
from edgeconv.targets.coreml.program_graph import dtypes, operations
from edgeconv.targets.coreml.weight_decompression import UNPACK, unpack_bits
from edgeconv.targets.file_graph import BITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

# Which operand of an operation is a kernel.
_KERNELS = {"conv": "weight", "conv_transpose": "weight", "linear": "weight", "matmul": "y"}
_HINT = "export it again, or copy the whole .mlpackage folder again"


@dataclass(frozen=True)
class Weight:
    """One kernel of the program.

    Attributes:
        op: name of the value that the operation with this kernel makes.
        kind: of that operation, such as `conv`.
        dtype: of the numbers that are stored; of a palette, of its indices (`uint4`).
        palette: whether these are indices into a table.
        kept: numbers that are stored; fewer than `elements` where zeros are left out.
        values: reads and unpacks it: the numbers that the operation computes with.
    """

    op: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    palette: bool
    kept: int
    values: Callable[[], Array]

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def sparse(self) -> bool:
        return self.kept < self.elements

    @property
    def compressed(self) -> bool:
        return self.sparse or not self.dtype.startswith("float")

    @property
    def storage(self) -> str:
        """How it lies in the file, in words: `palette of 16`, `int8, 25 % stored`."""
        how = f"palette of {1 << BITS[self.dtype]}" if self.palette else self.dtype
        return f"{how}, {100 * self.kept / self.elements:.0f} % stored" if self.sparse else how


def read_weights(path: Path) -> list[Weight]:
    """Every constant kernel of a package, in the order of its operations.

    Raises:
        BadInput: no package, a damaged one, or one without an ML program.
    """
    constants = _Constants(path)
    found = []
    for op in constants.operations:
        name = _operand(op, _KERNELS.get(op.type, ""))
        if name in constants.made:
            found.append(constants.weight(name, op.outputs[0].name, op.type))
    return found


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
    share = 1 - sum(w.kept for w in sparse) / sum(w.elements for w in sparse)
    pruned = f"pruned{100 * share:.0f}"
    return pruned if how.startswith("float") else f"{pruned}-{how}"


class _Constants:
    """The values of a program that follow from its file alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.operations = operations(read_spec(path), str(path))
        self.types = dtypes()
        # name → (operation, position among its outputs)
        self.made = {
            out.name: (op, i)
            for op in self.operations
            if op.type == "const" or op.type.startswith("constexpr_")
            for i, out in enumerate(op.outputs)
        }

    @cached_property
    def data(self) -> bytes:
        return weight_file(self.path)

    def weight(self, name: str, reader: str, kind: str) -> Weight:
        op, i = self.made[name]
        tensor = op.outputs[i].type.tensorType
        shape = tuple(int(d.constant.size) for d in tensor.dimensions)
        dtype, palette, kept = self._storage(op, prod(shape), self.types[tensor.dataType])
        return Weight(reader, kind, shape, dtype, palette, kept, lambda: self.evaluate(name))

    def _storage(self, op: Any, elements: int, dtype: str) -> tuple[str, bool, int]:
        """Type of what is stored, whether it is a palette's indices, and how many numbers."""
        match op.type:
            case "constexpr_affine_dequantize":
                return self._type(op, "quantized_data"), False, elements
            case "constexpr_blockwise_shift_scale":
                source = self.made.get(_operand(op, "data"))
                if source is not None and source[0].type.startswith("constexpr_"):
                    return self._storage(source[0], elements, dtype)  # a palette, then scaled
                return self._type(op, "data"), False, elements
            case "constexpr_lut_to_dense":
                return self._palette(op), True, elements
            case "constexpr_sparse_to_dense":
                kept = prod(self._shape(op, "nonzero_data"))
                source = self.made.get(_operand(op, "nonzero_data"))
                if source is None or not source[0].type.startswith("constexpr_"):
                    return dtype, False, kept
                if source[0].type == "constexpr_lut_to_sparse":
                    return self._palette(source[0]), True, kept
                return self._type(source[0], "nonzero_data"), False, kept
        return dtype, False, elements

    def _palette(self, op: Any) -> str:
        """`uint4` for a table of 16 entries, and so on; iOS18's table ends in (entries, vector)."""
        table = self._shape(op, "lut")
        entries = table[0] if len(table) == 1 else table[-2]
        return f"uint{entries.bit_length() - 1}"

    def _field(self, op: Any, field: str) -> Any:
        """The type of an attribute, an inline value or another operation's result."""
        if field in op.attributes:
            return op.attributes[field].type.tensorType
        binding = op.inputs[field].arguments[0]
        if binding.WhichOneof("binding") == "value":
            return binding.value.type.tensorType
        source, i = self.made[binding.name]
        return source.outputs[i].type.tensorType

    def _type(self, op: Any, field: str) -> str:
        return self.types[self._field(op, field).dataType]

    def _shape(self, op: Any, field: str) -> tuple[int, ...]:
        return tuple(int(d.constant.size) for d in self._field(op, field).dimensions)

    def evaluate(self, name: str) -> Array:
        """The numbers of a constant, unpacked."""
        op, i = self.made[name]
        if op.type == "const":
            return self._decode(op.attributes["val"], name)
        if op.type not in UNPACK:
            raise BadInput(f"{self.path}: '{name}' is packed by {op.type}, which is not known here")
        made = UNPACK[op.type](self._arguments(op))
        return made[i] if isinstance(made, tuple) else made

    def _arguments(self, op: Any) -> dict[str, Array]:
        found = {}
        for field, value in op.attributes.items():
            if field not in ("name", "val"):
                found[field] = self._decode(value, field)
        for field, argument in op.inputs.items():
            binding = argument.arguments[0]
            inline = binding.WhichOneof("binding") == "value"
            found[field] = (
                self._decode(binding.value, field) if inline else self.evaluate(binding.name)
            )
        return found

    def _decode(self, value: Any, where: str) -> Array:
        """One value of the protobuf, from itself or from the weight file."""
        import numpy as np

        kind = value.type.tensorType
        dtype, shape = self.types[kind.dataType], tuple(d.constant.size for d in kind.dimensions)
        if value.WhichOneof("value") == "blobFileValue":
            raw = blob_at(self.data, value.blobFileValue.offset, f"{self.path}: {where}")
        else:
            tensor = value.immediateValue.tensor
            held = tensor.WhichOneof("value")
            stored = getattr(tensor, held).values
            if held != "bytes":
                return np.array(stored).reshape(shape)
            raw = bytes(stored)
        bits, n = BITS.get(dtype, 0), prod(shape)
        if 8 * len(raw) < n * bits or not bits:
            raise BadInput(f"{self.path}: {where} holds too few bytes of type {dtype}", _HINT)
        if bits < 8 and dtype != "bool":
            return unpack_bits(np.frombuffer(raw, np.uint8), bits, n, dtype[0] == "i").reshape(
                shape
            )
        return np.frombuffer(raw, np.dtype(dtype).newbyteorder("<"), n).reshape(shape)


def _operand(op: Any, field: str) -> str:
    """Name of an operation's operand; empty where it is none or stands inline."""
    if field not in op.inputs:
        return ""
    return str(op.inputs[field].arguments[0].name)
