"""Nodes that LiteRT computes with one operation for a whole layer.

`UNIDIRECTIONAL_SEQUENCE_LSTM` keeps its state from one inference to the next, and only some of
LiteRT's interfaces can clear it: a second window would be computed from the first one's end. So
the file itself clears it. A step of its own comes before the window, of zeros and one number in an
input channel that nothing else uses. That number closes the input and the forget gate: the cell
becomes 0 · c + 0 = 0, and the output o · tanh(0) = 0, whatever was there before. The result is
that of a fresh interpreter to the last bit, unless the state is NaN, which no product clears.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from edgeconv.ir import tf_lowering, tf_recurrent
from edgeconv.ir.nodes.merge import Merge
from edgeconv.ir.nodes.recurrent import Lstm
from edgeconv.ir.tf_builder import Lowering, Lowerings, TFBuilder

if TYPE_CHECKING:
    from edgeconv.ir.nodes.node import Array

_CLOSED = 200.0
"""A sigmoid of minus this is 0 in float32."""
_LARGEST = 30_000.0
"""Of the number that clears the state: float16 ends at 65,504."""


def _lstm(builder: TFBuilder, node: Lstm, x: Any, *initial: Any) -> Any:
    """The fused operation where it computes what the node does, or single steps.

    Among rounded values the converter refuses the fused operation, whose state it cannot copy.
    """
    if initial or node.gives_states or not node.is_standard or builder.ranges:
        return tf_recurrent.build(builder, node, x, *initial)
    tf = builder.tf
    kernel, clearing = _with_clearing_channel(node)
    if node.backwards:
        x = tf.reverse(x, [2])
    x = tf.pad(x, [[0, 0], [0, 0], [0, 0], [0, 1]])
    x = tf.concat([tf.constant(clearing), x], 2)
    x = tf.reshape(x, (-1, 1, len(kernel)), name=builder.part(node, "steps"))
    zeros = tf.zeros((1, node.units))
    # the converter fuses constants only: variables make it crash
    weights = (_constant(tf, a) for a in (kernel, node.recurrent_kernel, node.bias))
    _, outputs, *_ = _fused(tf, node)(x, zeros, zeros, *weights)
    return tf_recurrent.results(builder, node, outputs[1:], ())


def _with_clearing_channel(node: Lstm) -> tuple[Array, Any]:
    """The kernel with a row for one more input channel, and the step that clears the state.

    The row is no larger than the kernel's own numbers where it can be: the numbers of a kernel
    share one scale when they become integers.
    """
    import numpy as np

    reach = np.abs(node.recurrent_kernel).sum(0).max() + np.abs(node.bias).max() + _CLOSED
    size = max(float(np.abs(node.kernel).max()), reach / _LARGEST)
    row = np.zeros((1, node.kernel.shape[1]))
    row[0, : 2 * node.units] = -size
    step = np.zeros((1, 1, 1, len(node.kernel) + 1), np.float32)
    step[..., -1] = reach / size
    return np.concatenate([node.kernel, row]), step


def _constant(tf: Any, array: Array) -> Any:
    return tf.constant(array.astype("float32"))


def _fused(tf: Any, node: Lstm) -> Any:
    """The function that TensorFlow's converter knows by its attributes, as Keras 2 called it.

    Its body is what it computes elsewhere; the converter puts the operation in its place.
    """

    def lstm(x: Any, h: Any, c: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> Any:
        outputs = []
        for row in tf.unstack(x):
            total = tf.matmul(row, kernel) + tf.matmul(h, recurrent_kernel) + bias
            into, forget, new, out = tf.split(total, node.gates, axis=1)
            c = tf.sigmoid(forget) * c + tf.sigmoid(into) * tf.tanh(new)
            h = tf.sigmoid(out) * tf.tanh(c)
            outputs.append(h)
        return h, tf.stack(outputs), h, c, tf.constant(1.0)

    attributes = {
        "api_implements": "lstm_edgeconv",
        "api_preferred_device": "CPU",
        "time_major": True,
        "go_backwards": False,
    }
    return tf.function(lstm, autograph=False, experimental_attributes=attributes)


def _float_square(builder: TFBuilder, node: Merge, *tensors: Any) -> Any:
    """A square by an operation that has no integers; other merges as everywhere."""
    one, *others = tensors
    if node.kind != "multiply" or len(others) != 1 or others[0] is not one:
        return tf_lowering.LOWERINGS[Merge].build(builder, node, *tensors)
    return builder.tf.square(one, name=builder.name(node))


LOWERINGS: Lowerings = {Lstm: Lowering(_lstm, tf_recurrent.RECURRENT.constants)}
FLOAT_SQUARES: Lowerings = {**LOWERINGS, Merge: Lowering(_float_square)}
"""For ranges that the converter cannot bring together: it moves the reshaping of a network's input
behind the product of a value with itself, where the integers of the product do not fit."""


def without_cell_clip(data: bytes) -> bytes:
    """The file with the cells of its LSTM operations unbounded, as Keras has them.

    TensorFlow's converter gives every fused operation a bound of ±10, which no layer asked for: a
    cell that adds up over many steps grows beyond it.
    """
    from ai_edge_litert import schema_py_generated as schema

    lstm = schema.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM
    changed = bytearray(data)
    model = schema.Model.GetRootAs(changed, 0)
    codes = [model.OperatorCodes(n).BuiltinCode() for n in range(model.OperatorCodesLength())]
    for number in range(model.SubgraphsLength()):
        graph = model.Subgraphs(number)
        for place in range(graph.OperatorsLength()):
            operator = graph.Operators(place)
            if codes[operator.OpcodeIndex()] != lstm:
                continue
            options = schema.UnidirectionalSequenceLSTMOptions()
            table = operator.BuiltinOptions()
            options.Init(table.Bytes, table.Pos)
            if field := options._tab.Offset(_CELL_CLIP):
                struct.pack_into("<f", changed, table.Pos + field, 0.0)  # 0: no bound
    return bytes(changed)


_CELL_CLIP = 6
"""Of `cell_clip` in the vtable of the operation's options."""
