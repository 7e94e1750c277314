"""The kernels and biases of an `.aimodel`: as they are stored, and as operations read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.targets.base import StoredConstant, StoredLayer
from edgeconv.targets.coreai.reader import Kernel, Program, kernels_of, read_program

if TYPE_CHECKING:
    from numpy.typing import NDArray


def layer_constants(path: Path) -> list[StoredLayer] | None:
    """Kernels and biases; None where a kernel is a palette, or of an unknown type."""
    program = read_program(path)
    layers = []
    for kernel in kernels_of(program):
        stored = _stored(program, kernel)
        if stored is None:
            return None
        constants = {"kernel": stored}
        bias = _bias(program, kernel)
        if bias is not None:
            constants["bias"] = bias
        layers.append(StoredLayer(program.names[kernel.op["outputs"][0]], constants))
    return layers


def _stored(program: Program, kernel: Kernel) -> StoredConstant | None:
    """The numbers of a kernel with its output channels last."""
    import numpy as np

    array = program.array(kernel.number)
    shape, dtype = program.type(kernel.number)
    del shape
    if array is None:
        return None
    values = array.astype(np.float64)
    half = dtype == "float16"
    if kernel.unpacked_by is not None:
        if kernel.unpacked_by["kind"] != "coreai.blockwise_shift_scale" or dtype != "int8":
            return None
        scale = program.array(kernel.unpacked_by["inputs"][1])
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
    value = kernel.op["outputs"][0]
    for op in program.operations:
        if value not in op["inputs"]:
            continue
        kind = op["kind"].rpartition(".")[2]
        if kind in ("reshape", "slice", "pad"):
            value = op["outputs"][0]
            continue
        others = [i for i in op["inputs"] if i != value]
        if kind in ("broadcasting_add", "add") and others and others[0] in program.constants:
            array = program.array(others[0])
            if array is not None:
                return StoredConstant(array.reshape(-1), str(array.dtype), True)
        return None
    return None


def kernels(path: Path) -> Iterator[tuple[NDArray[Any], int]]:
    """The numbers of each kernel as they are stored, and the axis of its input channels."""
    program = read_program(path)
    for kernel in kernels_of(program):
        array = program.array(kernel.number)
        if array is not None and array.ndim >= 2:
            yield array, 0 if "transpose" in kernel.kind else 1


def kernel_storage(path: Path) -> list[dict[str, Any]]:
    """For people and `--json`: how each kernel is stored."""
    program = read_program(path)
    told = []
    for kernel in kernels_of(program):
        array = program.array(kernel.number)
        _, dtype = program.type(kernel.number)
        how = {"coreai.lut_to_dense": f"palette of {dtype}"}
        made = kernel.unpacked_by
        told.append(
            {
                "op": program.names[kernel.op["outputs"][0]],
                "weights": 0 if array is None else int(array.size),
                "stored": dtype if made is None else how.get(made["kind"], dtype),
                "compressed": made is not None,
            }
        )
    return told
