"""The TensorFlow operations of each node class, which the converters of all targets read.

One table, node class → `Lowering`. TensorFlow itself is only needed to build operations: what the
constants are, and how they lie in memory, can be asked without it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from edgeconv.ir.layout import Layout
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
    KerasLayer,
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
from edgeconv.ir.nodes.activation import SIGMOID_RANGE
from edgeconv.ir.tf_activation import activate
from edgeconv.ir.tf_builder import Lowering, Lowerings, TFBuilder, lowering_of
from edgeconv.ir.tf_recurrent import RECURRENT

if TYPE_CHECKING:
    from edgeconv.ir.nodes.node import Array, Shape


# --- kernels ----------------------------------------------------------------------------------


Windowed = Conv | Depthwise | TransposedConv


def _kernel_constants(layout: Layout, node: Windowed) -> dict[str, Array]:
    del layout
    return {"kernel": _of_two_axes(node.kernel), "bias": node.bias}


def _of_two_axes(kernel: Array) -> Array:
    """A kernel over time has a height of 1."""
    return kernel[None] if kernel.ndim == 3 else kernel


def _depthwise_constants(layout: Layout, node: Depthwise) -> dict[str, Array]:
    """Channels first: as many groups as channels, since coremltools reads the length of time as
    the channels of a channels-first depthwise operation."""
    kernel = _of_two_axes(node.kernel)
    if layout.channels_first:
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    return {"kernel": kernel, "bias": node.bias}


def _dense_constants(layout: Layout, node: Dense) -> dict[str, Array]:
    return {"kernel": layout.dense_kernel(node), "bias": node.bias}


def _conv(builder: TFBuilder, node: Conv | Depthwise, x: Any) -> Any:
    tf, layout = builder.tf, builder.layout
    window = node.window
    x = _padded(builder, node, x)
    y = tf.nn.conv2d(
        x,
        builder.constant(node, "kernel"),
        strides=layout.axes(1, *_two(window.stride), 1),
        padding=_padding(node),
        data_format=layout.format,
        dilations=layout.axes(1, *_two(window.dilation), 1),
        name=builder.part(node, "conv"),
    )
    return _finish(builder, node, y)


def _depthwise(builder: TFBuilder, node: Depthwise, x: Any) -> Any:
    if builder.layout.channels_first:
        return _conv(builder, node, x)
    x = _padded(builder, node, x)
    window = node.window
    # TensorFlow wants equal strides on both axes; over time the height is 1 whatever the stride
    y = builder.tf.raw_ops.DepthwiseConv2dNative(
        input=x,
        filter=builder.constant(node, "kernel"),
        strides=[1, window.stride[0], window.stride[-1], 1],
        padding=_padding(node),
        dilations=[1, window.dilation[0], window.dilation[-1], 1],
        name=builder.part(node, "conv"),
    )
    return _finish(builder, node, y)


def _transposed_conv(builder: TFBuilder, node: TransposedConv, x: Any) -> Any:
    layout = builder.layout
    y = builder.tf.nn.conv2d_transpose(
        x,
        builder.constant(node, "kernel"),
        layout.axes(1, *_two(node.size), int(node.bias.size)),
        layout.axes(1, *_two(node.stride), 1),
        padding=_padding(node),
        data_format=layout.format,
        name=builder.part(node, "conv"),
    )
    return _finish(builder, node, y)


def _two(numbers: Shape) -> tuple[int, int]:
    """One number for each axis of positions; over time the height's is 1."""
    return (numbers[0], numbers[-1]) if len(numbers) > 1 else (1, numbers[-1])


def _padded(builder: TFBuilder, node: Conv | Depthwise, x: Any) -> Any:
    if node.padding != "causal":
        return x
    paddings = builder.layout.axes([0, 0], [0, 0], [*node.window.reach, 0], [0, 0])
    return builder.tf.pad(x, paddings, name=builder.part(node, "pad"))


def _padding(node: Windowed) -> str:
    return "SAME" if node.padding == "same" else "VALID"


def _dense(builder: TFBuilder, node: Dense, x: Any) -> Any:
    kernel = builder.constant(node, "kernel")
    return _finish(builder, node, builder.tf.matmul(x, kernel, name=builder.part(node, "matmul")))


def _finish(builder: TFBuilder, node: KernelNode, y: Any) -> Any:
    """Bias and activation; the last of them bears the node's name."""
    linear = node.activation.kind == "linear"
    name = builder.name(node) if linear else builder.part(node, "bias")
    data_format = builder.layout.format if len(y.shape) == 4 else None
    bias = builder.constant(node, "bias")
    y = builder.tf.nn.bias_add(y, bias, data_format=data_format, name=name)
    if linear:
        return y
    for value in node.inner:
        y = builder.rounded(y, value)
    return activate(builder, node.activation, y, builder.name(node))


# --- the others -------------------------------------------------------------------------------


def _affine_constants(layout: Layout, node: Affine) -> dict[str, Array]:
    return {"scale": layout.broadcast(node.scale), "offset": layout.broadcast(node.offset)}


def _affine(builder: TFBuilder, node: Affine, x: Any) -> Any:
    tf = builder.tf
    (product,) = node.inner
    scaled = tf.multiply(x, builder.constant(node, "scale"), name=builder.graph.names[product])
    scaled = builder.rounded(scaled, product)
    return tf.add(scaled, builder.constant(node, "offset"), name=builder.name(node))


def _pool(builder: TFBuilder, node: Pool, x: Any) -> Any:
    nn, layout = builder.tf.nn, builder.layout
    pool = nn.max_pool2d if node.kind == "max" else nn.avg_pool2d
    size = layout.axes(1, *_two(node.size), 1)
    stride = layout.axes(1, *_two(node.stride), 1)
    padding, name = node.padding.upper(), builder.name(node)
    return pool(x, size, stride, padding, layout.format, name=name)


def _global_pool(builder: TFBuilder, node: GlobalPool, x: Any) -> Any:
    reduce = builder.tf.reduce_max if node.kind == "max" else builder.tf.reduce_mean
    axes = [2, 3] if builder.layout.channels_first else [1, 2]
    return reduce(x, axes, keepdims=node.keep_axes, name=builder.name(node))


def _merge(builder: TFBuilder, node: Merge, *tensors: Any) -> Any:
    """Two operands at a time; the last operation bears the node's name."""
    operation = getattr(builder.tf, node.pair_kind)
    names = [builder.graph.names[value] for value in node.inner]
    if node.kind != "average":
        names.append(builder.name(node))
    merged = tensors[0]
    for i, (other, name) in enumerate(zip(tensors[1:], names, strict=True)):
        merged = operation(merged, other, name=name)
        if i < len(node.inner):
            merged = builder.rounded(merged, node.inner[i])
    if node.kind == "average":
        return builder.tf.multiply(merged, 1 / len(tensors), name=builder.name(node))
    return merged


def _mean(builder: TFBuilder, node: Mean, x: Any) -> Any:
    axes = [builder.layout.axis(len(node.output.shape), axis) for axis in node.axes]
    return builder.tf.reduce_mean(x, axes, keepdims=True, name=builder.name(node))


def _concatenate(builder: TFBuilder, node: Concatenate, *tensors: Any) -> Any:
    axis = builder.layout.axis(len(node.output.shape), node.axis)
    return builder.tf.concat(tensors, axis, name=builder.name(node))


def _activation(builder: TFBuilder, node: Activation, x: Any) -> Any:
    return activate(builder, node.function, x, builder.name(node))


def _reshape(builder: TFBuilder, node: Reshape, x: Any) -> Any:
    if builder.layout.flattens_in_place(node):
        return builder.tf.reshape(x, (1, *node.shape), name=builder.name(node))
    return builder.from_keras(builder.channels_last(x, node.inputs[0].shape), node.output)


def _transpose(builder: TFBuilder, node: Transpose, x: Any) -> Any:
    x = builder.to_keras(x, node.inputs[0].shape)
    order = (0, *(axis + 1 for axis in node.order))
    return builder.from_keras(builder.tf.transpose(x, order), node.output)


def _slice(builder: TFBuilder, node: Slice, x: Any) -> Any:
    """A step back from the first position ends before it, which only an absent end can say."""
    rank = len(node.axes)
    slices = [slice(None)] * len(x.shape)
    for axis, (first, end, step) in enumerate(node.axes):
        slices[builder.layout.axis(rank, axis)] = slice(first, None if end < 0 else end, step)
    return builder.tf.identity(x[tuple(slices)], name=builder.name(node))


def _pad(builder: TFBuilder, node: Pad, x: Any) -> Any:
    widths = [(0, 0)] * len(x.shape)
    for axis, width in enumerate(node.widths):
        widths[builder.layout.axis(len(node.widths), axis)] = width
    return builder.tf.pad(x, widths, name=builder.name(node))


def _repeat(builder: TFBuilder, node: Repeat, x: Any) -> Any:
    """Copies on an axis of their own: TFLite and Core ML join equal integers without rounding."""
    tf = builder.tf
    for axis, times in enumerate(node.times):
        if times == 1:
            continue
        at = builder.layout.axis(len(node.times), axis)
        sizes = tuple(int(size) for size in x.shape)
        before, after = math.prod(sizes[: at + 1]), math.prod(sizes[at + 1 :])
        copies = tf.concat([tf.reshape(x, (1, before, 1, after))] * times, 2)
        x = tf.reshape(copies, (*sizes[:at], sizes[at] * times, *sizes[at + 1 :]))
    return tf.identity(x, name=builder.name(node))


def _matrix_product(builder: TFBuilder, node: MatrixProduct, *tensors: Any) -> Any:
    first, second = (
        builder.to_keras(x, value.shape) for x, value in zip(tensors, node.inputs, strict=True)
    )
    turned = dict(zip(("transpose_a", "transpose_b"), node.transposed, strict=True))
    name = builder.part(node, "matmul")
    return builder.from_keras(builder.tf.matmul(first, second, **turned, name=name), node.output)


def _embedding_constants(layout: Layout, node: Embedding) -> dict[str, Array]:
    del layout
    return {"table": node.table}


def _embedding(builder: TFBuilder, node: Embedding, x: Any) -> Any:
    tf = builder.tf
    rows = tf.cast(builder.to_keras(x, node.inputs[0].shape), tf.int32)
    taken = tf.gather(builder.constant(node, "table"), rows, name=builder.part(node, "gather"))
    return builder.from_keras(taken, node.output)


def _keras_layer(builder: TFBuilder, node: KerasLayer, *tensors: Any) -> Any:
    """Keras gets values of the rank that they have there: code may index an axis."""
    read = [builder.to_keras(x, value.shape) for x, value in zip(tensors, node.inputs, strict=True)]
    with builder.tf.name_scope(builder.part(node, "keras")):
        results = node.call(*read)
    return tuple(
        builder.from_keras(result, value)
        for result, value in zip(results, node.outputs, strict=True)
    )


_MASKED = -30_000.0  # its exponential is 0, and float16 holds it


def _attention(builder: TFBuilder, node: Attention, query: Any, key: Any, value: Any) -> Any:
    """Channels first needs no transpose: time is the last axis of every head already."""
    tf, first = builder.tf, builder.layout.channels_first
    query, key, value = (
        _by_head(builder, node, x, each.shape)
        for x, each in zip((query, key, value), node.inputs, strict=True)
    )
    name = builder.graph.names[node.inner[0]] if node.inner else builder.part(node, "scores")
    scores = tf.matmul(query, key, transpose_a=first, transpose_b=not first, name=name)
    for inner in node.inner:
        scores = builder.rounded(scores, inner)
    if node.causal:
        scores += _MASKED * (1 - tf.linalg.band_part(tf.ones(scores.shape[-2:]), -1, 0))
    weights = builder.round_to(SIGMOID_RANGE, tf.nn.softmax(scores))
    steps, width = node.output.shape
    if first:
        mixed = tf.matmul(value, weights, transpose_b=True, name=builder.name(node))
        return tf.reshape(mixed, (1, width, 1, steps))
    mixed = tf.matmul(weights, value, name=builder.name(node))
    return tf.reshape(tf.transpose(mixed, (0, 2, 1, 3)), (1, 1, steps, width))


def _by_head(builder: TFBuilder, node: Attention, x: Any, shape: tuple[int, ...]) -> Any:
    """(1, heads, steps, size), or (1, heads, size, steps) where channels come first."""
    steps, width = shape
    size = width // node.heads
    if builder.layout.channels_first:
        return builder.tf.reshape(x, (1, node.heads, size, steps))
    x = builder.tf.reshape(x, (1, steps, node.heads, size))
    return builder.tf.transpose(x, (0, 2, 1, 3))


LOWERINGS: Lowerings = {
    Activation: Lowering(_activation),
    Affine: Lowering(_affine, _affine_constants),
    Attention: Lowering(_attention),
    Concatenate: Lowering(_concatenate),
    Conv: Lowering(_conv, _kernel_constants),
    Dense: Lowering(_dense, _dense_constants),
    Depthwise: Lowering(_depthwise, _depthwise_constants),
    Embedding: Lowering(_embedding, _embedding_constants),
    GlobalPool: Lowering(_global_pool),
    Gru: RECURRENT,
    KerasLayer: Lowering(_keras_layer),
    Lstm: RECURRENT,
    MatrixProduct: Lowering(_matrix_product),
    Mean: Lowering(_mean),
    Merge: Lowering(_merge),
    Pad: Lowering(_pad),
    Pool: Lowering(_pool),
    Repeat: Lowering(_repeat),
    Reshape: Lowering(_reshape),
    SimpleRnn: RECURRENT,
    Slice: Lowering(_slice),
    Transpose: Lowering(_transpose),
    TransposedConv: Lowering(_transposed_conv, _kernel_constants),
}


def constants_of(layout: Layout, node: Node) -> dict[str, Array]:
    """A node's weights by their part's name, laid out as the file holds them."""
    return lowering_of(LOWERINGS, node).constants(layout, node)
