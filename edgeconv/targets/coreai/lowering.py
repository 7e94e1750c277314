"""The operations of each node class in Core AI's dialect.

One table, node class → function. Products of dense layers and of recurrent states are convolutions
with one tap: Apple's rules for the Neural Engine ask for it, and its interpreter adds the products
of a convolution in float32, but those of a matrix product in float16 (up to 0.012 off).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgeconv.ir.nodes import (
    Activation,
    Affine,
    Attention,
    Concatenate,
    Conv,
    Dense,
    Depthwise,
    Embedding,
    GlobalPool,
    Gru,
    KernelNode,
    Lstm,
    MatrixProduct,
    Mean,
    Merge,
    Node,
    Pad,
    Pool,
    Repeat,
    Reshape,
    SimpleRnn,
    Slice,
    Transpose,
    TransposedConv,
)
from edgeconv.ir.nodes.convolution import Window
from edgeconv.targets.coreai.activation import activate
from edgeconv.targets.coreai.builder import (
    Lower,
    ProgramBuilder,
    Tensor,
    cut,
    pad,
    signed,
    unsigned,
)
from edgeconv.targets.coreai.recurrent import lower_recurrent

if TYPE_CHECKING:
    from edgeconv.ir.nodes.node import Array, Shape

# --- kernels ----------------------------------------------------------------------------------


def _conv(builder: ProgramBuilder, node: Conv, x: Tensor) -> Tensor:
    kernel = _of_two_axes(node.kernel).transpose(3, 2, 0, 1)
    return _convolve(builder, node, x, kernel, node.groups)


def _depthwise(builder: ProgramBuilder, node: Depthwise, x: Tensor) -> Tensor:
    """As many groups as channels; a channel's outputs lie behind each other, as in Keras."""
    kernel = _of_two_axes(node.kernel)
    height, width, channels, multiplier = kernel.shape
    kernel = kernel.reshape(height, width, 1, channels * multiplier).transpose(3, 2, 0, 1)
    return _convolve(builder, node, x, kernel, channels)


def _convolve(
    builder: ProgramBuilder, node: Conv | Depthwise, x: Tensor, kernel: Array, groups: int
) -> Tensor:
    x = builder.read(node, x)
    x = _padded(builder, node, node.window, x, 0.0)
    y = builder.op(
        "conv2d",
        builder.part(node, "conv"),
        x,
        builder.kernel(builder.part(node, "kernel"), kernel, 0),
        unsigned(*two(node.window.stride)),
        unsigned(*two(node.window.dilation)),
        unsigned(groups)[0],
    )
    return _finish(builder, node, y)


def _transposed_conv(builder: ProgramBuilder, node: TransposedConv, x: Tensor) -> Tensor:
    """The positions beyond the ends are cut off: `same` drops more behind than before, which the
    operation's own padding cannot say."""
    kernel = _of_two_axes(node.kernel).transpose(3, 2, 0, 1)
    x = builder.read(node, x)
    stride, size = two(node.stride), two(node.size)
    window = Window(node.kernel.shape[:-2], node.stride, (), node.padding)
    before = two(tuple(width for width, _ in window.padded(node.size)), 0)
    reached = builder.shape_of(x)[2:]
    taps = kernel.shape[2:]
    full = [(n - 1) * s + k for n, s, k in zip(reached, stride, taps, strict=True)]
    missing = [max(b + n - f, 0) for b, n, f in zip(before, size, full, strict=True)]
    y = builder.op(
        "conv_transpose2d",
        builder.part(node, "conv"),
        x,
        builder.kernel(builder.part(node, "kernel"), kernel, 1),
        unsigned(*stride),
        unsigned(0, 0),
        unsigned(1, 1),
        unsigned(0, 0),
        unsigned(1)[0],
    )
    if any(missing):
        y = pad(
            builder, y, [(0, 0), (0, 0), *((0, n) for n in missing)], 0.0, builder.part(node, "pad")
        )
    first = (0, 0, *before)
    end = (1, kernel.shape[1], *(b + n for b, n in zip(before, size, strict=True)))
    y = cut(builder, y, first, end, (1, 1, 1, 1), builder.part(node, "cut"))
    return _finish(builder, node, y)


def _of_two_axes(kernel: Array) -> Array:
    """A kernel over time has a height of 1."""
    return kernel[None] if kernel.ndim == 3 else kernel


def two(numbers: Shape, height: int = 1) -> tuple[int, int]:
    """One number for each axis of positions; over time the height's is `height`."""
    return (numbers[0], numbers[-1]) if len(numbers) > 1 else (height, numbers[-1])


def _padded(
    builder: ProgramBuilder, node: Conv | Depthwise | Pool, window: Window, x: Tensor, fill: float
) -> Tensor:
    positions = node.inputs[0].shape[:-1]
    widths = window.padded(positions)
    if len(widths) == 1:
        widths = [(0, 0), *widths]
    return pad(builder, x, [(0, 0), (0, 0), *widths], fill, builder.part(node, "pad"))


def _dense(builder: ProgramBuilder, node: Dense, x: Tensor) -> Tensor:
    kernel = builder.layout.dense_kernel(node).T[:, :, None, None]
    x = builder.read(node, x)
    column = builder.reshape(x, (1, kernel.shape[1], 1, 1), builder.part(node, "column"))
    y = builder.op(
        "conv2d",
        builder.part(node, "matmul"),
        column,
        builder.kernel(builder.part(node, "kernel"), kernel, 0),
        unsigned(1, 1),
        unsigned(1, 1),
        unsigned(1)[0],
    )
    y = builder.reshape(y, (1, kernel.shape[0]), builder.part(node, "row"))
    return _finish(builder, node, y)


def _finish(builder: ProgramBuilder, node: KernelNode, y: Tensor) -> Tensor:
    """Bias and activation; the last of them bears the node's name."""
    linear = node.activation.kind == "linear"
    name = builder.name(node) if linear else builder.part(node, "bias")
    rank = len(builder.shape_of(y))
    bias = node.bias.reshape(1, -1, *[1] * (rank - 2))
    y = builder.op("broadcasting_add", name, y, builder.weight(builder.part(node, "bias"), bias))
    return y if linear else activate(builder, node.activation, y, builder.name(node))


# --- the others -------------------------------------------------------------------------------


def _activation(builder: ProgramBuilder, node: Activation, x: Tensor) -> Tensor:
    x = builder.floats(x, builder.part(node, "cast"))
    return activate(builder, node.function, x, builder.name(node))


def _affine(builder: ProgramBuilder, node: Affine, x: Tensor) -> Tensor:
    x = builder.floats(x, builder.part(node, "cast"))
    scale, offset = (
        builder.weight(builder.part(node, part), builder.layout.broadcast(array))
        for part, array in (("scale", node.scale), ("offset", node.offset))
    )
    product = builder.op("broadcasting_mul", builder.part(node, "product"), x, scale)
    return builder.op("broadcasting_add", builder.name(node), product, offset)


def _pool(builder: ProgramBuilder, node: Pool, x: Tensor) -> Tensor:
    import numpy as np

    x = builder.floats(x, builder.part(node, "cast"))
    size, stride = two(node.size), two(node.stride)
    shape = builder.shape_of(x)
    positions = two(node.output.shape[:-1])
    if node.kind == "max":
        lowest = float(np.finfo(builder.dtype).min)
        x = _padded(builder, node, node.window, x, lowest)
        output = builder.type((1, shape[1], *positions), builder.dtype)
        sizes = (unsigned(*size), unsigned(*stride), unsigned(1, 1), np.array(False))
        return builder.op("maxpool2d", builder.name(node), output, x, *sizes)
    # divided before they are added, so that float16 does not overflow
    share = builder.op("broadcasting_mul", builder.part(node, "share"), x, 1 / math.prod(size))
    share = _padded(builder, node, node.window, share, 0.0)
    window = node.window
    counts = np.isfinite(window.gather(np.zeros((1, *node.inputs[0].shape)), np.nan)).sum(-1)
    full = int(counts.max()) == int(counts.min()) == math.prod(size)
    name = builder.name(node) if full else builder.part(node, "sum")
    pooled = builder.op(
        "sumpool2d", name, share, unsigned(*size), unsigned(*stride), unsigned(1, 1)
    )
    if full:
        return pooled
    # padding is left out of the count
    factor = math.prod(size) / counts[0, ..., 0].reshape(1, 1, *positions)
    weight = builder.weight(builder.part(node, "factor"), factor)
    return builder.op("broadcasting_mul", builder.name(node), pooled, weight)


def _global_pool(builder: ProgramBuilder, node: GlobalPool, x: Tensor) -> Tensor:
    x = builder.floats(x, builder.part(node, "cast"))
    kind = "reduce_max" if node.kind == "max" else "reduce_mean"
    reduced = builder.op(kind, builder.name(node), x, signed(2, 3))
    return reduced if node.keep_axes else builder.from_keras(reduced, node.output)


def _merge(builder: ProgramBuilder, node: Merge, *tensors: Tensor) -> Tensor:
    """Two operands at a time; the last operation bears the node's name."""
    kind = f"broadcasting_{_PAIRS[node.pair_kind]}"
    names = [builder.graph.names[value] for value in node.inner]
    if node.kind != "average":
        names.append(builder.name(node))
    first, *others = (builder.floats(x, builder.part(node, "cast")) for x in tensors)
    for other, name in zip(others, names, strict=True):
        first = builder.op(kind, name, first, other)
    if node.kind == "average":
        return builder.op("broadcasting_mul", builder.name(node), first, 1 / len(tensors))
    return first


_PAIRS = {
    "add": "add",
    "subtract": "sub",
    "multiply": "mul",
    "maximum": "maximum",
    "minimum": "minimum",
}


def _mean(builder: ProgramBuilder, node: Mean, x: Tensor) -> Tensor:
    x = builder.floats(x, builder.part(node, "cast"))
    axes = [builder.layout.axis(len(node.output.shape), axis) for axis in node.axes]
    return builder.op("reduce_mean", builder.name(node), x, signed(*axes))


def _concatenate(builder: ProgramBuilder, node: Concatenate, *tensors: Tensor) -> Tensor:
    axis = builder.layout.axis(len(node.output.shape), node.axis)
    read = [builder.floats(x, builder.part(node, "cast")) for x in tensors]
    return builder.op("concat", builder.name(node), signed(axis)[0], read)


def _reshape(builder: ProgramBuilder, node: Reshape, x: Tensor) -> Tensor:
    name = builder.name(node)
    if builder.layout.flattens_in_place(node):
        return builder.reshape(x, (1, *node.shape), name)
    return builder.from_keras(
        builder.channels_last(x, node.inputs[0].shape, f"{name}_order"), node.output
    )


def _transpose(builder: ProgramBuilder, node: Transpose, x: Tensor) -> Tensor:
    x = builder.to_keras(x, node.inputs[0].shape, builder.part(node, "order"))
    order = (0, *(axis + 1 for axis in node.order))
    return builder.from_keras(builder.transpose(x, order, builder.name(node)), node.output)


def _slice(builder: ProgramBuilder, node: Slice, x: Tensor) -> Tensor:
    """A step back may end before the first position, which is −1 here."""
    rank = len(node.axes)
    shape = builder.shape_of(x)
    first, end, step = [0] * len(shape), list(shape), [1] * len(shape)
    for axis, (begins, ends, steps) in enumerate(node.axes):
        at = builder.layout.axis(rank, axis)
        first[at], end[at], step[at] = begins, max(ends, -1), steps
    return cut(builder, x, first, end, step, builder.name(node))


def _pad(builder: ProgramBuilder, node: Pad, x: Tensor) -> Tensor:
    x = builder.floats(x, builder.part(node, "cast"))
    widths = [(0, 0)] * len(builder.shape_of(x))
    for axis, width in enumerate(node.widths):
        widths[builder.layout.axis(len(node.widths), axis)] = width
    return pad(builder, x, widths, 0.0, builder.name(node))


def _repeat(builder: ProgramBuilder, node: Repeat, x: Tensor) -> Tensor:
    """Copies on an axis of their own."""
    name = builder.name(node)
    for axis, times in enumerate(node.times):
        if times == 1:
            continue
        at = builder.layout.axis(len(node.times), axis)
        sizes = builder.shape_of(x)
        before, after = math.prod(sizes[: at + 1]), math.prod(sizes[at + 1 :])
        x = builder.reshape(x, (before, 1, after), name)
        x = builder.op("tile", name, x, unsigned(1, times, 1))
        x = builder.reshape(x, (*sizes[:at], sizes[at] * times, *sizes[at + 1 :]), name)
    return x


def _matrix_product(builder: ProgramBuilder, node: MatrixProduct, *tensors: Tensor) -> Tensor:
    read = []
    for x, value, turned in zip(tensors, node.inputs, node.transposed, strict=True):
        x = builder.floats(x, builder.part(node, "cast"))
        x = builder.to_keras(x, value.shape, builder.part(node, "order"))
        rank = len(value.shape) + 1
        order = (*range(rank - 2), rank - 1, rank - 2) if turned else tuple(range(rank))
        read.append(builder.transpose(x, order, builder.part(node, "turned")))
    product = builder.op("batch_matmul", builder.part(node, "matmul"), *read)
    return builder.from_keras(product, node.output)


def _embedding(builder: ProgramBuilder, node: Embedding, x: Tensor) -> Tensor:
    name = builder.name(node)
    rows = builder.to_keras(x, node.inputs[0].shape, f"{name}_order")
    rows = builder.cast(rows, "int32", f"{name}_rows")
    rows = builder.reshape(rows, (*builder.shape_of(rows), 1), f"{name}_rows")
    table = builder.weight(builder.part(node, "table"), node.table)
    return builder.from_keras(builder.op("gather_nd", name, table, rows), node.output)


_MASKED = -30_000.0  # its exponential is 0, and float16 holds it


def _attention(
    builder: ProgramBuilder, node: Attention, query: Tensor, key: Tensor, value: Tensor
) -> Any:
    """Channels first: time is the last axis of every head."""
    import numpy as np

    query, key, value = (
        _by_head(builder, node, x, each.shape)
        for x, each in zip((query, key, value), node.inputs, strict=True)
    )
    name = builder.graph.names[node.inner[0]] if node.inner else builder.part(node, "scores")
    turned = builder.transpose(query, (0, 1, 3, 2), builder.part(node, "query"))
    scores = builder.op("batch_matmul", name, turned, key)
    shown = scores
    if node.causal:
        rows, columns = builder.shape_of(scores)[-2:]
        mask = _MASKED * (1 - np.tri(rows, columns))[None, None]
        weight = builder.weight(builder.part(node, "mask"), mask)
        scores = builder.op("broadcasting_add", builder.part(node, "masked"), scores, weight)
    weights = builder.op("softmax", builder.part(node, "weights"), scores, signed(-1)[0])
    across = builder.transpose(weights, (0, 1, 3, 2), builder.part(node, "across"))
    mixed = builder.op("batch_matmul", builder.name(node), value, across)
    steps, width = node.outputs[0].shape
    output = builder.reshape(mixed, (1, width, 1, steps), builder.name(node))
    return (output, shown) if node.gives_scores else output


def _by_head(builder: ProgramBuilder, node: Attention, x: Tensor, shape: Shape) -> Tensor:
    """(1, heads, size, steps)."""
    steps, width = shape
    x = builder.floats(x, builder.part(node, "cast"))
    return builder.reshape(
        x, (1, node.heads, width // node.heads, steps), builder.part(node, "heads")
    )


LOWERINGS: Mapping[type[Node], Lower] = {
    Activation: _activation,
    Affine: _affine,
    Attention: _attention,
    Concatenate: _concatenate,
    Conv: _conv,
    Dense: _dense,
    Depthwise: _depthwise,
    Embedding: _embedding,
    GlobalPool: _global_pool,
    Gru: lower_recurrent,
    Lstm: lower_recurrent,
    MatrixProduct: _matrix_product,
    Mean: _mean,
    Merge: _merge,
    Pad: _pad,
    Pool: _pool,
    Repeat: _repeat,
    Reshape: _reshape,
    SimpleRnn: lower_recurrent,
    Slice: _slice,
    Transpose: _transpose,
    TransposedConv: _transposed_conv,
}
