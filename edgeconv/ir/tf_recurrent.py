"""Recurrent layers as TensorFlow operations that every target has: one step after the other.

Unrolled, a step costs about 1.3 kB of a `.tflite` file and a quarter of the time that it takes in a
loop (128 steps of 64 units, LiteRT 2.3 on x86-64: 312 µs against 1,049 µs). So a layer is
unrolled where that at most doubles its weights, and is a loop where it would drown them. Targets
whose format has an operation for a whole layer build that instead (`targets/*/lowering.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from edgeconv.errors import Unsupported
from edgeconv.ir.layout import Layout
from edgeconv.ir.nodes.recurrent import Gru, Lstm, Recurrent, SimpleRnn
from edgeconv.ir.tf_activation import FUNCTIONS
from edgeconv.ir.tf_builder import Lowering, TFBuilder

if TYPE_CHECKING:
    from edgeconv.ir.nodes.activation import ActivationFunction
    from edgeconv.ir.nodes.node import Array

_STEP_BYTES = 1_300
_MOST_STEPS = 256  # converting takes minutes beyond

STEPS = "recurrent"
"""Names of the operations inside begin with the node's name, `_` and this."""

States = tuple[Any, ...]


def build(builder: TFBuilder, node: Recurrent, x: Any, *initial: Any) -> Any:
    """The outputs of a recurrent node, step by step."""
    tf = builder.tf
    steps, channels = node.inputs[0].shape
    rows = tf.reshape(time_major(builder, node, x), (steps, channels))
    with tf.name_scope(builder.part(node, STEPS)):
        projected = tf.matmul(rows, builder.constant(node, "kernel"))
        projected = tf.nn.bias_add(projected, builder.constant(node, "bias"))
        if node.backwards:
            projected = tf.reverse(projected, [0])
        states = initial or (tf.zeros((1, node.units)),) * node.states
        run = _unrolled if _unrolls(builder, node) else _looped
        outputs, states = run(tf, _Step(builder, node), projected, states)
    return results(builder, node, outputs, states)


def _unrolls(builder: TFBuilder, node: Recurrent) -> bool:
    """Core ML's are always unrolled: coremltools turns a loop's values into lists."""
    steps = node.inputs[0].shape[0]
    small = steps <= _MOST_STEPS and steps * _STEP_BYTES <= 4 * node.kernel_elements
    return builder.layout.channels_first or small


def time_major(builder: TFBuilder, node: Recurrent, x: Any) -> Any:
    """A node's input as (time, 1, channels)."""
    (steps, channels), name = node.inputs[0].shape, builder.part(node, "steps")
    x = builder.channels_last(x, node.inputs[0].shape)
    return builder.tf.reshape(x, (steps, 1, channels), name=name)


def results(builder: TFBuilder, node: Recurrent, outputs: Any, states: States) -> Any:
    """A node's outputs, in the graph's layout.

    Args:
        outputs: of every step, (time, 1, units), or of the last alone.
        states: the last ones, (1, units) each.
    """
    if not node.every_step:
        outputs = outputs[-1:]
    elif node.flips_output:
        outputs = builder.tf.reverse(outputs, [0])
    several = (outputs, *(states if node.gives_states else ()))
    placed = tuple(map(builder.from_keras, several, node.outputs))
    return placed if len(placed) > 1 else placed[0]


# --- one operation for a whole layer ------------------------------------------------------------

PLACEHOLDER = "PyFunc"
"""TensorFlow's operation that takes and gives any tensors."""
NATIVE = "native"
"""The part of a node that its placeholder is."""


def placeholder(builder: TFBuilder, node: Recurrent, x: Any, *initial: Any) -> Any:
    """An operation that names the node, where TensorFlow has none for a whole layer.

    A target whose format has one builds it where its converter meets the placeholder.

    Returns:
        (rows, 1, units): the outputs, and below them the last states if the node gives them.
    """
    operation = getattr(builder.tf.raw_ops, PLACEHOLDER)
    (result,) = operation(
        input=(time_major(builder, node, x), *initial),
        token=builder.name(node),
        Tout=[builder.tf.float32],
        name=builder.part(node, NATIVE),
    )
    result.set_shape((sum(_rows(node)), 1, node.units))
    return result


def divided(builder: TFBuilder, node: Recurrent, together: Any) -> tuple[Any, States]:
    """What a placeholder gives as the outputs (rows, 1, units) and the states (1, units)."""
    tf = builder.tf
    outputs, *last = tf.split(together, _rows(node)) if node.gives_states else [together]
    return outputs, tuple(tf.reshape(state, (1, node.units)) for state in last)


def _rows(node: Recurrent) -> list[int]:
    """How many rows the outputs have, and each state that the node gives."""
    steps = node.inputs[0].shape[0] if node.every_step else 1
    return [steps, *[1] * (node.states if node.gives_states else 0)]


def by_gate(array: Array, order: tuple[int, ...]) -> Array:
    """Weights (inputs, gates · units) with the outputs first, one gate after the other, float32.

    Args:
        order: the gates of a format by their places among Keras'.
    """
    import numpy as np

    gates = np.split(array.T, len(order))
    return np.concatenate([gates[i] for i in order]).astype(np.float32)


def from_gates(array: Array, order: tuple[int, ...]) -> Array:
    """Weights in Keras' order, float64: what `by_gate` was given."""
    import numpy as np

    gates = np.split(array.astype(np.float64), len(order))
    return np.concatenate([gates[order.index(i)] for i in range(len(order))]).T


# --- steps --------------------------------------------------------------------------------------


class _Step:
    """One time step of a node: (1, gates · units) and the states before it → the states."""

    def __init__(self, builder: TFBuilder, node: Recurrent) -> None:
        self.tf = builder.tf
        self.node = node
        self.kernel = builder.constant(node, "recurrent_kernel")
        self.bias = builder.constant(node, "recurrent_bias") if isinstance(node, Gru) else None
        if isinstance(node, Gru) and not node.reset_after:
            gates = self.tf.split(self.kernel, node.gates, axis=1)
            self.kernel, self.candidate = self.tf.concat(gates[:2], 1), gates[2]
        self._compute = _STEPS[type(node)]

    def __call__(self, projected: Any, states: States) -> States:
        return self._compute(self, projected, states)

    def function(self, function: ActivationFunction, x: Any) -> Any:
        """An activation, which stays float whatever the scheme."""
        if function.kind not in FUNCTIONS:
            raise Unsupported(
                f"layer '{self.node.label}' uses activation '{function.kind}' in each step",
                "use tanh, sigmoid, relu or linear",
            )
        return FUNCTIONS[function.kind](self.tf, x, function.value, None)


def _simple(step: _Step, projected: Any, states: States) -> States:
    (h,) = states
    total = projected + step.tf.matmul(h, step.kernel)
    return (step.function(step.node.activation, total),)


def _lstm(step: _Step, projected: Any, states: States) -> States:
    node, (h, c) = step.node, states
    assert isinstance(node, Lstm)
    total = projected + step.tf.matmul(h, step.kernel)
    into, forget, new, out = step.tf.split(total, node.gates, axis=1)
    kept = step.function(node.recurrent_activation, forget) * c
    into = step.function(node.recurrent_activation, into)
    c = kept + into * step.function(node.activation, new)
    out = step.function(node.recurrent_activation, out)
    return out * step.function(node.activation, c), c


def _gru(step: _Step, projected: Any, states: States) -> States:
    tf, node, (h,) = step.tf, step.node, states
    assert isinstance(node, Gru)
    parts = [2 * node.units, node.units]
    gates, new = tf.split(projected, parts, axis=1)
    product = tf.matmul(h, step.kernel)
    if node.reset_after:
        recurrent, recurrent_new = tf.split(tf.nn.bias_add(product, step.bias), parts, axis=1)
    else:
        recurrent = product
    gates = step.function(node.recurrent_activation, gates + recurrent)
    update, reset = tf.split(gates, 2, axis=1)
    if node.reset_after:
        new = new + reset * recurrent_new
    else:
        new = new + tf.matmul(reset * h, step.candidate)
    new = step.function(node.activation, new)
    return (new + update * (h - new),)


_STEPS: Mapping[type[Recurrent], Callable[[_Step, Any, States], States]] = {
    Gru: _gru,
    Lstm: _lstm,
    SimpleRnn: _simple,
}


def _unrolled(tf: Any, step: _Step, projected: Any, states: States) -> tuple[Any, States]:
    outputs = []
    for row in tf.split(projected, projected.shape[0]):
        states = step(row, states)
        outputs.append(states[0])
    if not step.node.every_step:
        outputs = outputs[-1:]
    return tf.stack(outputs), states


def _looped(tf: Any, step: _Step, projected: Any, states: States) -> tuple[Any, States]:
    steps, width = projected.shape
    rows = tf.TensorArray(tf.float32, steps, element_shape=(1, width))
    rows = rows.unstack(tf.reshape(projected, (steps, 1, width)))
    outputs = tf.TensorArray(tf.float32, steps, element_shape=(1, step.node.units))

    def body(t: Any, outputs: Any, *states: Any) -> Any:
        after = step(rows.read(t), states)
        return (t + 1, outputs.write(t, after[0]), *after)

    start = (tf.constant(0), outputs, *states)
    _, outputs, *last = tf.while_loop(
        lambda t, *_: t < steps, body, start, maximum_iterations=steps
    )
    stacked = tf.reshape(outputs.stack(), (steps, 1, step.node.units))
    return stacked, tuple(last)


def _constants(layout: Layout, node: Recurrent) -> dict[str, Array]:
    del layout
    return dict(node.arrays())


RECURRENT = Lowering(build, _constants)
