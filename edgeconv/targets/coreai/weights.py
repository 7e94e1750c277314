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
    for kernel in _each_once(program):
        stored = _stored(program, kernel)
        if stored is None:
            return None
        constants = {"kernel": stored}
        bias = _bias(program, kernel)
        if bias is not None:
            constants["bias"] = bias
        layers.append(StoredLayer(program.names[kernel.op.outputs[0]], constants))
    return layers


def _each_once(program: Program) -> list[Kernel]:
    """Kernels without the repeats of a recurrent layer, whose steps read the same one."""
    return list({kernel.number: kernel for kernel in reversed(kernels_of(program))}.values())[::-1]


def _stored(program: Program, kernel: Kernel) -> StoredConstant | None:
    """The numbers of a kernel with its output channels last."""
    import numpy as np

    array = program.array(kernel.number)
    _, dtype = program.type(kernel.number)
    if array is None:
        return None
    values = array.astype(np.float64)
    half = dtype == "float16"
    if kernel.unpacked_by is not None:
        if kind_of(kernel.unpacked_by) != SCALING or dtype != "int8":
            return None
        scale = program.array(kernel.unpacked_by.inputs[1])
        if scale is None or scale.shape[0] != values.shape[0]:
            return None
        values = values * scale.astype(np.float64)
        half = scale.dtype == np.float16
    return StoredConstant(_keras_order(values), dtype, True, from_float16=half)


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
    for kernel in _each_once(program):
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
    told = []
    for kernel in _each_once(program):
        shape, dtype = program.type(kernel.number)
        unpacked = kernel.unpacked_by
        palette = unpacked is not None and kind_of(unpacked) == LOOKUP
        words = f"palette of {dtype}" if palette else dtype
        name = program.names[kernel.op.outputs[0]]
        told.append(Storage(name, prod(shape), words, unpacked is not None))
    return told
