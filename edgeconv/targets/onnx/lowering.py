"""Nodes that ONNX computes with one operation for a whole layer, and operations that tf2onnx lacks.

TensorFlow has no operation for a whole recurrent layer. The trace gets a placeholder instead, an
operation that names the node; where tf2onnx meets it, the node's own operation is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from edgeconv.ir import tf_recurrent
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import Node
from edgeconv.ir.nodes.recurrent import Gru, Lstm, Recurrent, SimpleRnn
from edgeconv.ir.tf_builder import Lowering, Lowerings, TFBuilder
from edgeconv.ir.tf_recurrent import NATIVE, PLACEHOLDER, by_gate

if TYPE_CHECKING:
    from edgeconv.ir.nodes.node import Array

_FUNCTIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
"""Activations that the recurrent operations of ONNX have in common with Keras'."""

Weights = Mapping[str, "Array"]
"""An operation's constant inputs by name, in its order."""
Handlers = Mapping[str, tuple[Callable[..., None], list[Any]]]
"""tf2onnx's table of the user's own: TensorFlow's operation → function and arguments."""


# --- in the trace -----------------------------------------------------------------------------


def _recurrent(builder: TFBuilder, node: Recurrent, x: Any, *initial: Any) -> Any:
    """The placeholder where ONNX has the node's operation, or single steps."""
    if any(each.kind not in _FUNCTIONS for each in _activations(node)):
        return tf_recurrent.build(builder, node, x, *initial)
    tf = builder.tf
    result = tf_recurrent.placeholder(builder, node, x, *initial)
    together = tf.reshape(result, result.shape)  # tf2onnx gives a placeholder no shape of its own
    outputs, last = tf_recurrent.divided(builder, node, together)
    if node.every_step and node.backwards is not node.flips_output:
        outputs = tf.reverse(outputs, [0])  # ONNX gives them in the order of the readings
    placed = tuple(map(builder.from_keras, (outputs, *last), node.outputs))
    return placed if len(placed) > 1 else placed[0]


def _activations(node: Recurrent) -> tuple[Any, ...]:
    """Of the gates, where there are any, and of the state."""
    gates = getattr(node, "recurrent_activation", None)
    return (node.activation,) if gates is None else (gates, node.activation)


LOWERINGS: Lowerings = {
    node: Lowering(_recurrent, tf_recurrent.RECURRENT.constants) for node in (Gru, Lstm, SimpleRnn)
}


# --- in the conversion ------------------------------------------------------------------------


def handlers(graph: Graph) -> Handlers:
    """How tf2onnx builds the nodes of a graph that have placeholders, and what it lacks."""
    nodes = {graph.node_name(node): node for node in graph.nodes}

    def native(context: Any, operation: Any, name: str, arguments: list[Any]) -> None:
        del name, arguments
        token = operation.get_attr_value("token")
        node = nodes[token.decode() if isinstance(token, bytes) else token]
        assert isinstance(node, Recurrent)
        _build(context, operation, node)

    return {PLACEHOLDER: (native, []), "Erfc": (_erfc, [])}


def _build(context: Any, operation: Any, node: Recurrent) -> None:
    """One ONNX operation, and its outputs one below the other as the placeholder gives them."""
    inputs, output = list(operation.input), operation.output[0]
    x, *initial = inputs
    weights = _weights(node)
    constants = [
        context.make_const(f"{operation.name}_{name}", array).output[0]
        for name, array in weights.items()
    ]
    first = [_reshaped(context, state, (1, 1, node.units)) for state in initial]
    attributes: dict[str, object] = {
        "hidden_size": node.units,
        "direction": "reverse" if node.backwards else "forward",
        "activations": [_FUNCTIONS[each.kind] for each in _functions(node)],
    }
    if isinstance(node, Gru):
        attributes["linear_before_reset"] = int(node.reset_after)
    context.remove_node(operation.name)
    steps = node.inputs[0].shape[0]
    state = (1, 1, node.units)
    shapes = [(steps, 1, 1, node.units), *[state] * node.states]
    made = context.make_node(
        _OPERATIONS[type(node)],
        [x, *constants, "", *first] if first else [x, *constants],
        attr=attributes,
        output_count=1 + node.states,
        shapes=[list(shape) for shape in shapes],
        dtypes=[1] * (1 + node.states),
        name=f"{operation.name.removesuffix(f'_{NATIVE}')}_layer",
    )
    parts = [_reshaped(context, made.output[0], (steps, 1, node.units))]
    if not node.every_step:
        parts = [made.output[1]]
    if node.gives_states:
        parts += made.output[1 : 1 + node.states]
    rows = (steps if node.every_step else 1) + (node.states if node.gives_states else 0)
    context.make_node(
        "Concat" if len(parts) > 1 else "Identity",
        parts,
        attr={"axis": 0} if len(parts) > 1 else {},
        outputs=[output],
        shapes=[[rows, 1, node.units]],
        dtypes=[1],
    )


def _functions(node: Recurrent) -> tuple[Any, ...]:
    """ONNX's order: an LSTM names the function of its cell and of its output apart."""
    gates = _activations(node)
    return (*gates, node.activation) if isinstance(node, Lstm) else gates


def _reshaped(context: Any, value: str, shape: tuple[int, ...]) -> str:
    import numpy as np

    target = context.make_const(f"{value}_shape_{len(shape)}", np.array(shape, np.int64)).output[0]
    made = context.make_node("Reshape", [value, target], shapes=[list(shape)], dtypes=[1])
    result: str = made.output[0]
    return result


def _weights(node: Recurrent) -> Weights:
    """Kernel, recurrent kernel and bias as ONNX wants them."""
    import numpy as np

    order = GATES[_OPERATIONS[type(node)]]
    recurrent = getattr(node, "recurrent_bias", np.zeros_like(node.bias))
    biases = [by_gate(bias, order) for bias in (node.bias, recurrent)]
    return {
        "kernel": by_gate(node.kernel, order)[None],
        "recurrent_kernel": by_gate(node.recurrent_kernel, order)[None],
        "bias": np.concatenate(biases)[None],
    }


_OPERATIONS: Mapping[type[Node], str] = {Gru: "GRU", Lstm: "LSTM", SimpleRnn: "RNN"}
GATES: Mapping[str, tuple[int, ...]] = {"GRU": (0, 1, 2), "LSTM": (0, 3, 1, 2), "RNN": (0,)}
"""The gates of ONNX's recurrent operations by their places among Keras'."""


def _erfc(context: Any, operation: Any, name: str, arguments: list[Any]) -> None:
    """1 − erf(x): Keras' exact GELU uses it, and ONNX has only the other."""
    import numpy as np

    del name, arguments
    (x,), (output,) = operation.input, operation.output
    shape, dtype = context.get_shape(output), context.get_dtype(output)
    context.remove_node(operation.name)
    inner = context.make_node("Erf", [x], shapes=[shape], dtypes=[dtype])
    one = context.make_const(f"{operation.name}_one", np.array(1, np.float32)).output[0]
    context.make_node(
        "Sub", [one, inner.output[0]], outputs=[output], shapes=[shape], dtypes=[dtype]
    )
