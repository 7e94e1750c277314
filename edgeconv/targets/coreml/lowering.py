"""Nodes that Core ML computes with one operation for a whole layer.

coremltools converts TensorFlow's operations, and TensorFlow has none for such a layer. The trace
gets a placeholder instead, an operation that names the node; when coremltools meets it, the node
is built with coremltools' own builder. Everything around it is converted as usual.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from edgeconv.ir import tf_recurrent
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import Node
from edgeconv.ir.nodes.recurrent import Gru, Lstm, Recurrent, SimpleRnn
from edgeconv.ir.tf_builder import Lowering, Lowerings, TFBuilder
from edgeconv.ir.tf_recurrent import by_gate

_FUNCTIONS = ("linear", "relu", "sigmoid", "tanh")
"""Activations that Core ML's recurrent operations have in common with Keras'."""
GATES: Mapping[str, tuple[int, ...]] = {"lstm": (0, 1, 3, 2), "gru": (1, 2, 0), "rnn": (0,)}
"""The gates of Core ML's recurrent operations by their places among Keras'."""


# --- in the trace -----------------------------------------------------------------------------


def _recurrent(builder: TFBuilder, node: Recurrent, x: Any, *initial: Any) -> Any:
    """The placeholder where Core ML has the node's operation, or single steps."""
    functions = (node.activation, getattr(node, "recurrent_activation", node.activation))
    if any(each.kind not in _FUNCTIONS for each in functions):
        return tf_recurrent.build(builder, node, x, *initial)
    together = tf_recurrent.placeholder(builder, node, x, *initial)
    outputs, last = tf_recurrent.divided(builder, node, together)
    return tf_recurrent.results(builder, node, outputs, last)


def _gru(builder: TFBuilder, node: Gru, x: Any, *initial: Any) -> Any:
    """Single steps where the reset gate comes after the product.

    iOS18 has a parameter for that, but Apple's own test of it against PyTorch is marked as failing
    (coremltools 9.0, rdar://128479517), and no Mac was there to look.
    """
    build = tf_recurrent.build if node.reset_after else _recurrent
    return build(builder, node, x, *initial)


def lowerings(deployment_target: str) -> Lowerings:
    """What is built in Core ML's own way for a system version."""
    del deployment_target
    return {
        Gru: Lowering(_gru, tf_recurrent.RECURRENT.constants),
        Lstm: Lowering(_recurrent, tf_recurrent.RECURRENT.constants),
        SimpleRnn: Lowering(_recurrent, tf_recurrent.RECURRENT.constants),
    }


# --- in the conversion ------------------------------------------------------------------------


def register(graph: Graph) -> None:
    """Tell coremltools how to build the nodes of a graph that have placeholders in its trace.

    And how to read the operations of TensorFlow that it does not know.
    """
    from coremltools.converters.mil import Builder as mb  # noqa: N813  # its name everywhere
    from coremltools.converters.mil.frontend.tensorflow.tf_op_registry import register_tf_op

    nodes = {graph.node_name(node): node for node in graph.nodes}

    def build(context: Any, operation: Any) -> None:
        node = nodes[operation.attr["token"]]
        result = _BUILDERS[type(node)](mb, node, *(context[name] for name in operation.inputs))
        # coremltools wants a value of the operation's own name; its passes drop the identity
        context.add(operation.name, mb.identity(x=result, name=operation.name))

    build.__name__ = tf_recurrent.PLACEHOLDER
    register_tf_op(build, override=True)
    for name, read in _OPERATIONS.items():
        register_tf_op(read, tf_alias=[name], override=True)


def _lstm(mb: Any, node: Lstm, x: Any, *initial: Any) -> Any:
    h, c = initial or _zeros(node)
    results = mb.lstm(
        x=x,
        initial_h=h,
        initial_c=c,
        recurrent_activation=node.recurrent_activation.kind,
        cell_activation=node.activation.kind,
        **_shared(node, GATES["lstm"]),
    )
    return _joined(mb, node, *results)


def _gru_layer(mb: Any, node: Gru, x: Any, *initial: Any) -> Any:
    """The bias of Keras' second form counts once; that of the candidate is outside the gate."""
    (h,) = initial or _zeros(node)
    results = mb.gru(
        x=x,
        initial_h=h,
        recurrent_activation=node.recurrent_activation.kind,
        **_shared(replace(node, bias=node.bias + node.recurrent_bias), GATES["gru"]),
    )
    return _joined(mb, node, *results)


def _simple_rnn(mb: Any, node: SimpleRnn, x: Any, *initial: Any) -> Any:
    (h,) = initial or _zeros(node)
    return _joined(mb, node, *mb.rnn(x=x, initial_h=h, **_shared(node, GATES["rnn"])))


def _shared(node: Recurrent, order: tuple[int, ...]) -> dict[str, Any]:
    """What all recurrent operations are given.

    Args:
        order: Core ML's gates by their places among Keras'.
    """
    return {
        "weight_ih": by_gate(node.kernel, order),
        "weight_hh": by_gate(node.recurrent_kernel, order),
        "bias": by_gate(node.bias, order),
        "direction": "reverse" if node.backwards else "forward",
        "output_sequence": node.every_step,
        "activation": node.activation.kind,
    }


def _zeros(node: Recurrent) -> tuple[Any, ...]:
    import numpy as np

    return (np.zeros((1, node.units), np.float32),) * node.states


def _joined(mb: Any, node: Recurrent, outputs: Any, *states: Any) -> Any:
    """The outputs, followed by the last states where the node gives them."""
    if not node.gives_states:
        return outputs
    rows = [mb.expand_dims(x=state, axes=[0]) for state in states]
    return mb.concat(values=[outputs, *rows], axis=0)


_BUILDERS: Mapping[type[Node], Callable[..., Any]] = {
    Gru: _gru_layer,
    Lstm: _lstm,
    SimpleRnn: _simple_rnn,
}
"""From coremltools' builder, the node and the values that it reads to the node's output."""


# --- operations that Keras' own layers use and coremltools 9.0 cannot read ---------------------


def _erfc(context: Any, node: Any) -> None:
    """1 − erf(x): the complement that `tf.nn.gelu` computes with."""
    from coremltools.converters.mil import Builder as mb  # noqa: N813  # its name everywhere

    (x,) = (context[name] for name in node.inputs)
    context.add(node.name, mb.sub(x=1.0, y=mb.erf(x=x), name=node.name))


def _roll(context: Any, node: Any) -> None:
    """The end of each axis before its beginning."""
    from coremltools.converters.mil import Builder as mb  # noqa: N813  # its name everywhere

    x, shift, axis = (context[name] for name in node.inputs)
    pairs = list(zip(axis.val.reshape(-1), shift.val.reshape(-1), strict=True))
    for i, (at, steps) in enumerate(pairs):
        last = {"name": node.name} if i == len(pairs) - 1 else {}
        parts = _parts(mb, x, int(at), int(steps))
        x = mb.concat(values=parts, axis=int(at), **last)
    context.add(node.name, x)


def _parts(mb: Any, x: Any, axis: int, steps: int) -> list[Any]:
    size = x.shape[axis]
    cut = -steps % size
    begin, end = [0] * x.rank, list(x.shape)
    front = mb.slice_by_index(x=x, begin=begin, end=[*end[:axis], cut, *end[axis + 1 :]])
    back = mb.slice_by_index(x=x, begin=[*begin[:axis], cut, *begin[axis + 1 :]], end=end)
    return [back, front] if cut else [back]


_OPERATIONS: Mapping[str, Callable[[Any, Any], None]] = {"Erfc": _erfc, "Roll": _roll}
