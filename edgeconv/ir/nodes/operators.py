"""Keras' operators and operations: constants, slices, means, tables, products of matrices."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edgeconv.core.affine import AffineMap
from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.activation import Activation, ActivationFunction
from edgeconv.ir.nodes.affine import Affine
from edgeconv.ir.nodes.merge import Concatenate, Merge, read_merge
from edgeconv.ir.nodes.node import Node, Shape, Value
from edgeconv.ir.nodes.normalization import Mean
from edgeconv.ir.nodes.shape import Reshape, Slice, Transpose

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.node import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class MatrixProduct(Node):
    """The product of two values as matrices; their last two axes count rows and columns.

    Attributes:
        transposed: whether the rows of the first, and of the second, are on the last axis.
    """

    transposed: tuple[bool, bool] = (False, False)

    def output_shape(self, *inputs: Shape) -> Shape:
        first, second = (
            (*shape[:-2], shape[-1], shape[-2]) if turned else shape
            for shape, turned in zip(inputs, self.transposed, strict=True)
        )
        if len(first) < 2 or first[:-2] != second[:-2] or first[-1] != second[-2]:
            raise ValueError(f"node '{self.label}': no product of {inputs}")
        return (*first[:-1], second[-1])

    def evaluate(self, *inputs: Array) -> Array:
        first, second = (
            x.swapaxes(-1, -2) if turned else x
            for x, turned in zip(inputs, self.transposed, strict=True)
        )
        product: Array = first @ second
        return product

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        del follower
        return self.outputs


@dataclass(frozen=True, eq=False, kw_only=True)
class Embedding(Node):
    """A row of a table for each index, (*shape) → (*shape, columns)."""

    table: Array

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        return (*shape, self.table.shape[1])

    def evaluate(self, *inputs: Array) -> Array:
        (x,) = inputs
        rows = x.astype("int64")
        if rows.size and not 0 <= rows.min() <= rows.max() < len(self.table):
            raise Unsupported(
                f"layer '{self.label}' (Embedding) has {len(self.table)} rows, but is asked for "
                f"row {rows.min()} or {rows.max()}",
                f"give it indices from 0 to {len(self.table) - 1}",
            )
        taken: Array = self.table[rows]
        return taken

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        del follower
        return self.outputs


# --- Keras ------------------------------------------------------------------------------------


def read_embedding(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Embedding`; indices may come as floats, as Keras takes them."""
    return (Embedding(label=call.label, inputs=call.inputs, table=call.array("embeddings")),)


def read_arithmetic(call: KerasCall) -> tuple[Node, ...]:
    """`a + b`, `a - b`, `a * b`, `a / b`, extremes and `-a`, with constants too.

    Raises:
        Unsupported: two values that no merge joins, or a constant that makes the value larger.
    """
    if len(call.inputs) != 1:
        if call.kind == "ops.TrueDivide":
            raise Unsupported(
                f"layer '{call.label}' ({call.kind}) divides by a value", "divide by a constant"
            )
        return read_merge(call)
    (x,) = call.inputs
    arguments = call.arguments()
    operands = [arguments.get(name) for name in ("x1", "x2")]
    if all(each is x for each in operands):
        return read_merge(replace(call, inputs=(x, x)))
    first = operands[0] is x
    constant = _constant(call, operands[1 if first else 0])
    if call.kind in ("ops.Maximum", "ops.Minimum"):
        kind = "floor" if call.kind == "ops.Maximum" else "ceiling"
        return (_limit(call.label, x, kind, constant),)
    affine = _affine(call, constant, first).broadcast(x.shape)
    return (Affine(label=call.label, inputs=(x,), scale=affine.scale, offset=affine.offset),)


def _affine(call: KerasCall, constant: Array, first: bool) -> AffineMap:
    """What the operation does to its value; `first`: it stands before the constant."""
    import numpy as np

    one, zero = np.ones_like(constant), np.zeros_like(constant)
    match call.kind:
        case "ops.Add":
            return AffineMap(one, constant)
        case "ops.Subtract":
            return AffineMap(one, -constant) if first else AffineMap(-one, constant)
        case "ops.Multiply":
            return AffineMap(constant, zero)
        case "ops.TrueDivide" if first and constant.all():
            return AffineMap(1 / constant, zero)
    raise Unsupported(
        f"layer '{call.label}' ({call.kind}) divides by a value",
        "divide by constants only, none of them 0",
    )


def _constant(call: KerasCall, given: Any) -> Array:
    """A constant operand in the shape of the value, without its batch axis."""
    import numpy as np

    (x,) = call.inputs
    try:
        constant: Array = np.broadcast_to(np.asarray(given, np.float64), (1, *x.shape))[0]
    except (TypeError, ValueError) as error:
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}): {error}",
            "use a constant of numbers that fits the value's shape",
        ) from error
    return constant


def _limit(label: str, x: Value, kind: str, limit: Array) -> Activation:
    if (limit != limit.flat[0]).any():
        raise Unsupported(f"layer '{label}' has several limits", "give one limit for all values")
    function = ActivationFunction(kind, float(limit.flat[0]))
    return Activation(label=label, inputs=(x,), function=function)


def read_negative(call: KerasCall) -> tuple[Node, ...]:
    """`-a`."""
    import numpy as np

    (x,) = call.inputs
    minus, zeros = np.full(x.shape, -1.0), np.zeros(x.shape)
    return (Affine(label=call.label, inputs=(x,), scale=minus, offset=zeros),)


def read_square(call: KerasCall) -> tuple[Node, ...]:
    """`keras.ops.square`."""
    (x,) = call.inputs
    return (Merge(label=call.label, inputs=(x, x), kind="multiply"),)


def read_item(call: KerasCall) -> tuple[Node, ...]:
    """`a[:, first:end:step, index]`: a slice of each axis; axes of an index disappear.

    Raises:
        Unsupported: another kind of index, or one of the batch.
    """
    key, (x,) = call.arguments().get("key"), call.inputs
    keys: list[Any] = list(key) if isinstance(key, list | tuple) else [key]
    known = all(each is Ellipsis or isinstance(each, slice | int) for each in keys)
    absent = len(x.shape) + 1 - sum(each is not Ellipsis for each in keys)
    if Ellipsis in keys:
        at = keys.index(Ellipsis)
        keys[at : at + 1] = [slice(None)] * absent
    else:
        keys += [slice(None)] * absent
    if not known or keys[0] != slice(None):
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) takes {key}",
            "take positions by numbers and slices, and keep the batch axis whole",
        )
    axes = tuple(_positions(each, size) for each, size in zip(keys[1:], x.shape, strict=True))
    taken = Slice(label=f"{call.label}_slice", inputs=(x,), axes=axes)
    return taken, Reshape(label=call.label, inputs=taken.outputs, shape=call.results[0].shape)


def _positions(key: slice | int, size: int) -> tuple[int, int, int]:
    if isinstance(key, slice):
        first, end, step = key.indices(size)
        return first, (-size - 1 if end < 0 else end), step
    first = key % size
    return first, first + 1, 1


def read_mean(call: KerasCall) -> tuple[Node, ...]:
    """`keras.ops.mean` and `keras.ops.sum` over axes of a sample.

    Raises:
        Unsupported: the batch is one of them.
    """
    import numpy as np

    (x,), axis = call.inputs, call.layer.axis
    rank = len(x.shape)
    given = [axis] if isinstance(axis, int) else list(axis or [0])
    axes = tuple(sorted(each % (rank + 1) - 1 for each in given))
    if axes[0] < 0:
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) runs over the batch", "name the axes of a sample"
        )
    mean: list[Node] = [Mean(label=f"{call.label}_mean", inputs=(x,), axes=axes)]
    if call.kind == "ops.Sum":
        kept = mean[0].output
        scale = np.full(kept.shape, float(np.prod([x.shape[each] for each in axes])))
        zeros, label = np.zeros(kept.shape), f"{call.label}_count"
        mean.append(Affine(label=label, inputs=(kept,), scale=scale, offset=zeros))
    shape = call.results[0].shape
    return *mean, Reshape(label=call.label, inputs=mean[-1].outputs, shape=shape)


def read_clip(call: KerasCall) -> tuple[Node, ...]:
    """`keras.ops.clip` between two numbers."""
    import numpy as np

    (x,), layer = call.inputs, call.layer
    low = _limit(f"{call.label}_low", x, "floor", np.asarray(layer.x_min, np.float64))
    high = _limit(call.label, low.output, "ceiling", np.asarray(layer.x_max, np.float64))
    return low, high


def read_reshaping(call: KerasCall) -> tuple[Node, ...]:
    """`keras.ops.reshape`, `expand_dims` and `squeeze` behind the batch axis.

    Raises:
        Unsupported: the batch is moved.
    """
    (x,), (result,) = call.inputs, call.results
    if math.prod(x.shape) != math.prod(result.shape) or getattr(call.layer, "axis", 1) == 0:
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) moves the batch axis", "keep the batch axis first"
        )
    return (Reshape(label=call.label, inputs=(x,), shape=result.shape),)


def read_transpose(call: KerasCall) -> tuple[Node, ...]:
    """`keras.ops.transpose` behind the batch axis.

    Raises:
        Unsupported: the batch is moved.
    """
    axes = call.layer.axes
    if not axes or axes[0] != 0:
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) moves the batch axis", "keep the batch axis first"
        )
    order = tuple(int(axis) - 1 for axis in axes[1:])
    return (Transpose(label=call.label, inputs=call.inputs, order=order),)


def read_concatenation(call: KerasCall) -> tuple[Node, ...]:
    """`keras.ops.concatenate` of values.

    Raises:
        Unsupported: a constant among them, or the batch axis.
    """
    joined = call.arguments().get("xs") or ()
    rank, axis = len(call.inputs[0].shape) + 1, call.layer.axis
    if not all(isinstance(each, Value) for each in joined) or axis is None or axis % rank == 0:
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) joins constants or samples",
            "join values of one sample",
        )
    return (Concatenate(label=call.label, inputs=tuple(joined), axis=axis % rank - 1),)


def read_matmul(call: KerasCall) -> tuple[Node, ...]:
    """`keras.ops.matmul` of two values of the same rank.

    Raises:
        Unsupported: a constant, or vectors.
    """
    arguments = call.arguments()
    pair = (arguments.get("x1"), arguments.get("x2"))
    shapes = [each.shape for each in pair if isinstance(each, Value)]
    if len(shapes) < 2 or len(shapes[0]) < 2 or shapes[0][:-2] != shapes[1][:-2]:
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) is no product of two matrices",
            "multiply two values of two axes a sample, or use Dense for a constant",
        )
    return (MatrixProduct(label=call.label, inputs=pair),)  # type: ignore[arg-type]  # two Values


def read_dot(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Dot`: sums of products along one axis of each of two values.

    Raises:
        Unsupported: it normalizes, or the values have more than two axes.
    """
    layer, values = call.layer, call.inputs
    ranks = {len(value.shape) for value in values}
    if layer.normalize or len(values) != 2 or ranks not in ({1}, {2}):
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) normalizes, or has many axes",
            "sum over one axis of two values of one or two axes, without normalize",
        )
    (rank,) = ranks
    given = [layer.axes] * 2 if isinstance(layer.axes, int) else layer.axes
    first, second = (int(axis) % (rank + 1) - 1 for axis in given)
    if min(first, second) < 0:
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) runs over the batch", "name the axes of a sample"
        )
    if rank == 2:
        transposed = (first == 0, second == 1)
        return (MatrixProduct(label=call.label, inputs=values, transposed=transposed),)
    rows = [
        Reshape(label=f"{call.label}_{i}", inputs=(value,), shape=(1, *value.shape))
        for i, value in enumerate(values)
    ]
    inputs = tuple(row.output for row in rows)
    product = MatrixProduct(label=f"{call.label}_product", inputs=inputs, transposed=(False, True))
    return *rows, product, Reshape(label=call.label, inputs=product.outputs, shape=(1,))


OPERATIONS: Mapping[str, Callable[[KerasCall], tuple[Node, ...]]] = {
    **dict.fromkeys(
        [f"ops.{name}" for name in ("Add", "Maximum", "Minimum", "Multiply", "Subtract")],
        read_arithmetic,
    ),
    "ops.Clip": read_clip,
    "ops.Concatenate": read_concatenation,
    "ops.ExpandDims": read_reshaping,
    "ops.GetItem": read_item,
    "ops.Matmul": read_matmul,
    "ops.Mean": read_mean,
    "ops.Negative": read_negative,
    "ops.Reshape": read_reshaping,
    "ops.Square": read_square,
    "ops.Squeeze": read_reshaping,
    "ops.Sum": read_mean,
    "ops.Transpose": read_transpose,
    "ops.TrueDivide": read_arithmetic,
}
"""The operations of Keras that these readers know."""
