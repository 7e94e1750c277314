"""The kernels and biases of an `.aimodel`: as they are stored, and as operations read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.targets.base import StoredConstant, StoredLayer
from edgeconv.targets.coreai.reader import (
    LOOKUP,
    SCALING,
    Kernel,
    Program,
    kernels_of,
    kind_of,
    read_program,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def layer_constants(path: Path) -> list[StoredLayer] | None:
    """Kernels and biases; None where a kernel is a palette, or of an unknown type."""
    program = read_program(path)
    layers = []
    for kernel in each_once(program):
        stored = _stored(program, kernel)
        if stored is None:
            return None
        constants = {"kernel": stored}
        bias = _bias(program, kernel)
        if bias is not None:
            constants["bias"] = bias
        layers.append(StoredLayer(program.names[kernel.op.outputs[0]], constants))
    return [*layers, *_tables(program)]


def _tables(program: Program) -> Iterator[StoredLayer]:
    """Tables of vectors that an index picks from."""
    for op in program.operations:
        if kind_of(op) == "gather_nd" and op.inputs[0] in program.constants:
            table = program.array(op.inputs[0])
            if table is not None:
                constant = StoredConstant(table.astype("float64"), str(table.dtype), True)
                yield StoredLayer(program.names[op.outputs[0]], {"table": constant})


def each_once(program: Program) -> list[Kernel]:
    """Kernels without the repeats of a recurrent layer, whose steps read the same one."""
    return list({kernel.number: kernel for kernel in reversed(kernels_of(program))}.values())[::-1]


def _stored(program: Program, kernel: Kernel) -> StoredConstant | None:
    """The numbers of a kernel with its output channels last."""
    _, dtype = program.type(kernel.number)
    values = unpacked(program, kernel)
    if values is None:
        return None
    half = dtype == "float16"
    if kernel.unpacked_by is not None:
        if kind_of(kernel.unpacked_by) != SCALING or dtype != "int8":
            return None
        half = program.type(kernel.unpacked_by.outputs[0])[1] == "float16"
    return StoredConstant(_keras_order(values), dtype, True, from_float16=half)


def unpacked(program: Program, kernel: Kernel) -> NDArray[Any] | None:
    """The real numbers of a kernel in the order of its operation; None for unknown types."""
    import numpy as np

    array = program.array(kernel.number)
    op = kernel.unpacked_by
    if array is None or op is None:
        return None if array is None else array.astype(np.float64)
    others = [program.array(i) if i in program.constants else None for i in op.inputs[1:]]
    if any(other is None for other in others):
        return None
    if kind_of(op) == SCALING:
        scale, zero, offset = (_spread(other, array.shape) for other in others)
        return np.asarray((array - zero) * scale + offset)
    if kind_of(op) == LOOKUP:
        table = others[0]
        assert table is not None
        if table.size == table.shape[-2]:  # one table of single numbers
            return np.asarray(table.reshape(-1).astype(np.float64)[array])
    return None


def _spread(values: NDArray[Any] | None, shape: tuple[int, ...]) -> NDArray[Any]:
    """One number for each block, repeated to a kernel's shape."""
    import numpy as np

    spread = np.asarray(values, np.float64)
    for axis, size in enumerate(shape):
        spread = np.repeat(spread, size // spread.shape[axis], axis)
    return spread


def _keras_order(values: NDArray[Any]) -> NDArray[Any]:
    """(outputs, inputs, *taps), and (inputs, outputs, *taps) of a transposed convolution, both
    turned alike: as Keras has them, the last axis counts outputs, or inputs."""
    if values.ndim >= 4:
        return values.transpose(*range(2, values.ndim), 1, 0)
    return values


def _bias(program: Program, kernel: Kernel) -> StoredConstant | None:
    """The constant that is added to the product, behind what only reshapes it."""
    value = kernel.op.outputs[0]
    for op in program.operations:
        if value not in op.inputs:
            continue
        kind = op.kind.rpartition(".")[2]
        if kind in ("reshape", "slice", "pad"):
            value = op.outputs[0]
            continue
        others = [i for i in op.inputs if i != value]
        if kind in ("broadcasting_add", "add") and others and others[0] in program.constants:
            array = program.array(others[0])
            if array is not None:
                return StoredConstant(array.reshape(-1), str(array.dtype), True)
        return None
    return None


def kernels(path: Path) -> Iterator[tuple[NDArray[Any], int]]:
    """The numbers of each kernel as they are stored, and the axis of its input channels."""
    program = read_program(path)
    for kernel in each_once(program):
        array = program.array(kernel.number)
        if array is not None and array.ndim >= 2:
            yield array, 0 if "transpose" in kernel.op.kind else 1


@dataclass(frozen=True)
class Storage:
    """How the kernel of one operation lies in the file.

    Attributes:
        op: the name of the operation's value.
        weights: their number.
        stored: in words.
        compressed: whether an operation unpacks them.
    """

    op: str
    weights: int
    stored: str
    compressed: bool


def kernel_storage(path: Path) -> list[Storage]:
    """How each kernel is stored, in the order of execution."""
    program = read_program(path)
    stored = []
    for kernel in each_once(program):
        shape, dtype = program.type(kernel.number)
        made = kernel.unpacked_by
        palette = made is not None and kind_of(made) == LOOKUP
        words = f"palette of {dtype}" if palette else dtype
        name = kernel.op.name or program.names[kernel.op.outputs[0]]
        stored.append(Storage(name, prod(shape), words, made is not None))
    return stored
