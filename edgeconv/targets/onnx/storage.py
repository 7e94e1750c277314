"""How an ONNX file stores its weights: float16, or 8 bits with a scale for each output channel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.errors import Unsupported
from edgeconv.targets.onnx.model_file import RECURRENT, attribute, graphs_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Store = Callable[[Any], None]
"""Changes a model whose weights are float32."""

_FEWEST = 2  # numbers of a constant that is worth a conversion
_LARGEST_HALF = 65504.0
_LARGEST_INT32 = 2.0**31
_STEPS = 127  # −127 … 127, so that 0 is one of the numbers


@dataclass(frozen=True)
class KernelUse:
    """An operation and the constant kernel that it reads.

    Attributes:
        at: position of the kernel among the operation's inputs.
        axis: of its output channels.
    """

    node: Any
    at: int
    axis: int


def kernel_uses(graph: Any, constants: frozenset[str]) -> Iterator[KernelUse]:
    """Every kernel of the main graph in the order of execution."""
    for node in graph.node:
        for at, axis in _kernel_axes(node):
            if at < len(node.input) and node.input[at] in constants:
                yield KernelUse(node, at, axis)


def _kernel_axes(node: Any) -> tuple[tuple[int, int], ...]:
    """Position and axis of output channels of each operand that may be a kernel."""
    if node.op_type in RECURRENT:
        return (1, 1), (2, 1)
    match node.op_type:
        case "Conv":
            return ((1, 0),)
        case "ConvTranspose":
            return ((1, 1),)
        case "Gemm":
            return ((1, 0 if attribute(node, "transB", 0) else 1),)
        case "MatMul":
            return ((1, -1),)
    return ()


def store_float32(model: Any) -> None:
    """As tf2onnx wrote them."""
    del model


def store_float16(model: Any) -> None:
    """Weights rounded to float16, behind a Cast to float32 that runtimes compute once, on opening.

    Raises:
        Unsupported: a weight that float16 cannot hold.
    """
    import numpy as np
    import onnx

    casts = []
    for tensor in list(model.graph.initializer):
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims) < _FEWEST:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        if np.abs(values).max() > _LARGEST_HALF:
            raise Unsupported(
                f"weight '{tensor.name}' has numbers beyond ±65,504, the largest of float16",
                "use float32, or train with smaller weights",
            )
        name, half = tensor.name, f"{tensor.name}_float16"
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), half))
        cast = onnx.helper.make_node("Cast", [half], [name], name, to=onnx.TensorProto.FLOAT)
        casts.append(cast)
    _put_first(model.graph, casts)


def store_int8(model: Any) -> None:
    """Kernels in 8 bits, and where what the operation reads is rounded too, its bias in 32 bits:
    what runtimes fuse to an integer operation."""
    unpackings = _eight_bit_kernels(model, integer_arithmetic=True)
    unpackings += _integer_biases(model)
    _signed_activations(model)
    _put_first(model.graph, unpackings)


def store_int8_weights(model: Any) -> None:
    """Kernels in 8 bits alone."""
    _put_first(model.graph, _eight_bit_kernels(model, integer_arithmetic=False))


def quantized_kernel(
    kernel: NDArray[np.float32], axis: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """(integers, scales) of a kernel, symmetric, one scale for each output channel; the scales
    have the kernel's rank."""
    import numpy as np

    axis %= kernel.ndim
    others = tuple(i for i in range(kernel.ndim) if i != axis)
    largest = np.abs(kernel).max(axis=others, keepdims=True)
    scales = (largest / _STEPS).astype(np.float32)
    scales[scales == 0] = 1.0  # zeros, or numbers whose step is below the smallest of float32
    integers = np.clip(np.rint(kernel / scales), -_STEPS, _STEPS).astype(np.int8)
    return integers, scales


def _eight_bit_kernels(model: Any, integer_arithmetic: bool) -> list[Any]:
    """Replace each kernel by its integers; returns the operations that unpack them."""
    import onnx

    graph = model.graph
    floats = {
        tensor.name: tensor
        for tensor in graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) > 1
    }
    rounded = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    unpackings = []
    for use in list(kernel_uses(graph, frozenset(floats))):
        tensor = floats.pop(use.node.input[use.at], None)
        if tensor is None:  # a kernel that two operations share
            continue
        name, kernel = tensor.name, onnx.numpy_helper.to_array(tensor)
        integers, scales = quantized_kernel(kernel, use.axis)
        tensor.CopyFrom(onnx.numpy_helper.from_array(integers, f"{name}_quantized"))
        reads_integers = _unmoved(graph, use.node.input[0]) in rounded
        if integer_arithmetic and reads_integers and use.node.op_type not in RECURRENT:
            axis = use.axis % kernel.ndim
            unpackings.append(_dequantize(graph, name, scales.reshape(-1), integers.dtype, axis))
        else:
            unpackings += _multiply(graph, name, scales)
    return unpackings


def _dequantize(graph: Any, name: str, scales: Any, dtype: Any, axis: int) -> Any:
    """Unpack `name_quantized` as runtimes fuse it. ONNX Runtime makes an integer operation of a
    Gemm only where zero points are written down."""
    import numpy as np

    _add(graph, f"{name}_scale", scales)
    _add(graph, f"{name}_zero_point", np.zeros(scales.shape, dtype))
    inputs = [f"{name}_quantized", f"{name}_scale", f"{name}_zero_point"]
    return _node("DequantizeLinear", inputs, name, axis=axis)


def _multiply(graph: Any, name: str, scales: Any) -> list[Any]:
    """Unpack `name_quantized` as runtimes compute it once, on opening. A DequantizeLinear would be
    computed on every inference: 355 µs instead of 213 for `har` in ONNX Runtime 1.32."""
    import onnx

    _add(graph, f"{name}_scale", scales)
    cast = _node("Cast", [f"{name}_quantized"], f"{name}_integers", to=onnx.TensorProto.FLOAT)
    return [cast, _node("Mul", [f"{name}_integers", f"{name}_scale"], name)]


def _add(graph: Any, name: str, array: Any) -> None:
    import onnx

    graph.initializer.add().CopyFrom(onnx.numpy_helper.from_array(array, name))


def _free_name(graph: Any, wanted: str) -> str:
    """The name, with a number where a value of the graph has it."""
    taken = {name for node in graph.node for name in (*node.input, *node.output)}
    name, number = wanted, 0
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    import onnx

    return onnx.helper.make_node(kind, inputs, [output], output, **attributes)


def _integer_biases(model: Any) -> list[Any]:
    """Replace each bias by 32-bit integers whose step is that of the products."""
    import numpy as np
    import onnx

    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    steps = {
        node.output[0]: onnx.numpy_helper.to_array(tensors[node.input[1]])
        for node in graph.node
        if node.op_type == "DequantizeLinear"
    }
    unpackings = []
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm") or len(node.input) < 3:
            continue
        read, kernel, bias = node.input[:3]
        step, weights = steps.get(_unmoved(graph, read)), tensors.get(f"{kernel}_scale")
        if step is None or weights is None or bias not in tensors:
            continue
        scales = (step * onnx.numpy_helper.to_array(weights)).astype(np.float32)
        exact = onnx.numpy_helper.to_array(tensors[bias]).astype(np.float64) / scales
        if not np.abs(exact).max() < _LARGEST_INT32:
            continue
        node.input[2] = name = _free_name(graph, f"{node.output[0]}_bias")
        integers = np.rint(exact).astype(np.int32)
        _add(graph, f"{name}_quantized", integers)
        unpackings.append(_dequantize(graph, name, scales, integers.dtype, axis=0))
    return unpackings


_MOVES = frozenset(
    {"Flatten", "Identity", "MaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
)
"""Operations that only move or pick numbers, which keep their scale."""


def _unmoved(graph: Any, name: str) -> str:
    """The value whose numbers this one has, in another order."""
    source = {output: node for node in graph.node for output in node.output}
    while name in source and source[name].op_type in _MOVES:
        name = source[name].input[0]
    return name


def _signed_activations(model: Any) -> None:
    """int8 in place of tf2onnx's uint8, with the same ranges: unsigned activations times signed
    weights overflow 16 bits in ONNX Runtime's kernels for processors without VNNI."""
    import numpy as np
    import onnx

    zero_points = {
        node.input[2]
        for node in model.graph.node
        if node.op_type in ("QuantizeLinear", "DequantizeLinear") and len(node.input) > 2
    }
    for tensor in model.graph.initializer:
        if tensor.name in zero_points and tensor.data_type == onnx.TensorProto.UINT8:
            moved = onnx.numpy_helper.to_array(tensor).astype(np.int16) - 128
            tensor.CopyFrom(onnx.numpy_helper.from_array(moved.astype(np.int8), tensor.name))


def _put_first(graph: Any, nodes: list[Any]) -> None:
    """Operations on constants alone come before all others."""
    others = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *others])
    read = {name for each in graphs_of(graph) for node in each.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
