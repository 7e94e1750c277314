"""The kernels and biases of an `.onnx` file: as they are stored, and the real numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.ir.tf_recurrent import from_gates
from edgeconv.targets.base import StoredConstant, StoredLayer
from edgeconv.targets.onnx import model_file
from edgeconv.targets.onnx.lowering import GATES
from edgeconv.targets.onnx.model_file import RECURRENT, attribute, dtype_name
from edgeconv.targets.onnx.storage import kernel_uses

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_UNPACKING = ("Cast", "DequantizeLinear", "Mul", "Transpose", "Identity")
_BIASED = ("Conv", "ConvTranspose", "Gemm")


@dataclass(frozen=True, eq=False)
class ONNXConstant:
    """A constant operand of an operation.

    Attributes:
        values: the real numbers, in the shape in which the operation reads them.
        stored: as the file holds them.
        dtype: their type in the file.
        steps: distance of neighbouring numbers along `axis`; None for floats.
    """

    values: Array
    stored: NDArray[Any]
    dtype: str
    steps: Array | None = None


class _Constants:
    """What a file's constants are, also behind the operations that unpack them."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        self.graph = model_file.read(path).graph
        self.stored: dict[str, Any] = {t.name: t for t in self.graph.initializer}

    @cached_property
    def _makers(self) -> Mapping[str, Any]:
        return {output: node for node in self.graph.node for output in node.output}

    @cached_property
    def names(self) -> frozenset[str]:
        """Every constant operand, those that are unpacked included."""
        known = set(self.stored)
        for node in self.graph.node:
            if node.op_type == "Constant" or (
                node.op_type in _UNPACKING and known.issuperset(filter(None, node.input))
            ):
                known.update(node.output)
        return frozenset(known)

    def find(self, name: str) -> ONNXConstant | None:
        """The constant behind a name; None where it is unpacked in a way that is not known."""
        import numpy as np

        if name in self.stored:
            tensor = self.stored[name]
            dtype = dtype_name(tensor.data_type)
            if dtype not in ("float32", "float16", "float64", "int8", "uint8", "int32", "int16"):
                return None
            array = model_file.numbers(tensor, self.folder)
            return ONNXConstant(array.astype(np.float64), array, dtype)
        node = self._makers.get(name)
        if node is None:
            return None
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            array = model_file.numbers(node.attribute[0].t, self.folder)
            return ONNXConstant(array.astype(np.float64), array, str(array.dtype))
        source = self.find(node.input[0]) if node.op_type in _UNPACKING else None
        return None if source is None else self._unpacked(node, source)

    def _unpacked(self, node: Any, source: ONNXConstant) -> ONNXConstant | None:
        import numpy as np

        others = [self.find(name) for name in node.input[1:]]
        if any(other is None for other in others):
            return None
        values = [other.values for other in others if other is not None]
        match node.op_type:
            case "Cast" | "Identity":
                return source
            case "Transpose":
                order = attribute(node, "perm", list(range(source.values.ndim))[::-1])
                moved = source.values.transpose(order), source.stored.transpose(order)
                return ONNXConstant(*moved, source.dtype, source.steps)
            case "Mul" if source.dtype in ("int8", "uint8"):
                steps = values[0]
                return ONNXConstant(
                    source.values * steps, source.stored, source.dtype, steps.reshape(-1)
                )
            case "DequantizeLinear":
                shape = [1] * source.values.ndim
                if values[0].size > 1:
                    shape[attribute(node, "axis", 1)] = values[0].size
                zero = values[1].reshape(shape) if len(values) > 1 else np.zeros(shape)
                real = (source.values - zero) * values[0].reshape(shape)
                return ONNXConstant(real, source.stored, source.dtype, values[0].reshape(-1))
        return None


def layer_constants(path: Path) -> list[StoredLayer] | None:
    """Kernels and biases; None where some kernel is not a constant of a known type."""
    constants = _Constants(path)
    layers = _tables(constants)
    for use in kernel_uses(constants.graph, constants.names):
        if use.node.op_type in RECURRENT:
            if use.at == 1:  # the second kernel belongs to the same layer
                layers += _recurrent(constants, use.node)
            continue
        kernel = constants.find(use.node.input[use.at])
        if kernel is None:
            return None
        layer = {"kernel": _stored(kernel, _keras_order(use.node, kernel.values))}
        if use.node.op_type in _BIASED and len(use.node.input) > 2:
            bias = constants.find(use.node.input[2])
            if bias is None:
                return None
            layer["bias"] = _stored(bias, bias.values)
        layers.append(StoredLayer(use.node.output[0], layer))
    return layers


def _tables(constants: _Constants) -> list[StoredLayer]:
    """The tables of embeddings, whose rows are gathered."""
    layers = []
    for node in constants.graph.node:
        if node.op_type == "Gather" and node.input[0] in constants.names:
            table = constants.find(node.input[0])
            if table is not None and table.values.ndim == 2:
                stored = StoredConstant(table.values, table.dtype, False)
                layers.append(StoredLayer(node.output[0], {"table": stored}))
    return layers


def _recurrent(constants: _Constants, node: Any) -> list[StoredLayer]:
    """Kernels and bias of a whole layer in Keras' order; nothing where they are packed or reversed.

    A layer of both directions holds two of each.
    """
    found = [constants.find(name) if name else None for name in node.input[1:4]]
    kernel, recurrent, bias = [*found, None, None][:3]
    if kernel is None or recurrent is None or len(kernel.values) != 1:
        return []
    order = GATES[node.op_type]
    layer = {
        "kernel": _stored(kernel, from_gates(kernel.values[0], order)),
        "recurrent_kernel": _stored(recurrent, from_gates(recurrent.values[0], order)),
    }
    if bias is not None:
        both = bias.values[0].reshape(2, -1)
        layer["bias"] = _stored(bias, from_gates(both[0][:, None], order)[0])
        layer["recurrent_bias"] = _stored(bias, from_gates(both[1][:, None], order)[0])
    return [StoredLayer(node.output[0], layer)]


def _stored(constant: ONNXConstant, values: Array) -> StoredConstant:
    per_channel = constant.steps is None or constant.steps.size > 1
    steps = constant.steps if constant.dtype == "int32" else None
    return StoredConstant(values, constant.dtype, per_channel, steps)


def _keras_order(node: Any, kernel: Array) -> Array:
    """The kernel as Keras has it: its output channels last, those of its input in a transposed one.

    ONNX begins a convolution with the output channels and a transposed one with those of its input,
    so that both are turned alike.
    """
    if node.op_type in ("Conv", "ConvTranspose"):
        return kernel.transpose(*range(2, kernel.ndim), 1, 0)
    return kernel.T if attribute(node, "transB", 0) else kernel


def kernels(path: Path) -> Iterator[tuple[NDArray[Any], int]]:
    """The numbers of each kernel as they are stored, and the axis of its input channels."""
    constants = _Constants(path)
    for use in kernel_uses(constants.graph, constants.names):
        constant = constants.find(use.node.input[use.at])
        if constant is None or attribute(use.node, "group", 1) > 1:
            continue
        axis = {"Conv": 1, "ConvTranspose": 0, "Gemm": 1 if use.axis == 0 else 0}
        yield constant.stored, axis.get(use.node.op_type, constant.stored.ndim - 2)
