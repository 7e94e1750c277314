"""Recurrent layers: a state that each time step reads and changes.

All of them compute with the gates in Keras' order. Their values stay float in a file of integers:
the error of one step would be fed into the next, over the whole window.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

from edgeconv.core.affine import AffineMap
from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.activation import ActivationFunction
from edgeconv.ir.nodes.keras_activation import read_function
from edgeconv.ir.nodes.node import Node, Shape, Value

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.node import Array

TANH = ActivationFunction("tanh")
SIGMOID = ActivationFunction("sigmoid")


@dataclass(frozen=True, eq=False, kw_only=True)
class Recurrent(Node):
    """`state ← step(kernel · x + bias, state)` over time; inputs are x and any initial states.

    Attributes:
        kernel: (input channels, gates · units).
        recurrent_kernel: (units, gates · units).
        bias: (gates · units,), added to the product with the kernel.
        activation: of the state.
        backwards: from the last time step to the first; the outputs are in computed order.
        every_step: gives the output of every step instead of the last one.
        gives_states: gives the last states too, as further outputs.
    """

    kernel: Array
    recurrent_kernel: Array
    bias: Array
    activation: ActivationFunction = TANH
    backwards: bool = False
    every_step: bool = False
    gives_states: bool = False

    gates: ClassVar[int]
    states: ClassVar[int] = 1
    """How many vectors a step hands to the next; the first is the output."""

    stays_float = True

    @property
    def units(self) -> int:
        return len(self.recurrent_kernel)

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        x, *initial = inputs
        width = self.gates * self.units
        fits = self.recurrent_kernel.shape == (self.units, width) and self.bias.shape == (width,)
        if len(x) != 2 or self.kernel.shape != (x[1], width) or not fits:
            raise ValueError(f"node '{self.label}': kernel {self.kernel.shape} on {x}")
        state = (self.units,)
        if initial not in ([], [state] * self.states):
            raise ValueError(f"node '{self.label}': initial states {initial}")
        output = (x[0], self.units) if self.every_step else state
        return (output, *([state] * self.states if self.gives_states else []))

    def evaluate_outputs(self, *inputs: Array) -> tuple[Array, ...]:
        import numpy as np

        x, *initial = inputs
        states = tuple(initial) or (np.zeros((len(x), self.units)),) * self.states
        projected = x @ self.kernel + self.bias
        outputs = []
        for t in range(x.shape[1])[:: -1 if self.backwards else 1]:
            states = self.step(projected[:, t], states)
            outputs.append(states[0])
        output = np.stack(outputs, axis=1) if self.every_step else outputs[-1]
        return (output, *(states if self.gives_states else ()))

    @abstractmethod
    def step(self, projected: Array, states: tuple[Array, ...]) -> tuple[Array, ...]:
        """The states (n, units) after one time step.

        Args:
            projected: the step's product with the kernel, and the bias, (n, gates · units).
        """

    @property
    def kernels(self) -> Mapping[str, Array]:
        return {"kernel": self.kernel, "recurrent_kernel": self.recurrent_kernel}

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        del follower
        return self.outputs

    def absorb_input(self, affine: AffineMap) -> Self | None:
        """Every time step is multiplied by the same kernel."""
        channels = affine.per_channel()
        if channels is None:
            return None
        kernel = self.kernel * channels.scale[:, None]
        return replace(self, kernel=kernel, bias=self.bias + channels.offset @ self.kernel)


@dataclass(frozen=True, eq=False, kw_only=True)
class SimpleRnn(Recurrent):
    """`h ← activation(kernel · x + bias + recurrent_kernel · h)`."""

    gates = 1

    def step(self, projected: Array, states: tuple[Array, ...]) -> tuple[Array, ...]:
        (h,) = states
        return (self.activation(projected + h @ self.recurrent_kernel),)


@dataclass(frozen=True, eq=False, kw_only=True)
class Lstm(Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997, with a forget gate).

    Gates: input, forget, cell, output. States: output h and cell c.
    """

    recurrent_activation: ActivationFunction = SIGMOID

    gates = 4
    states = 2

    def step(self, projected: Array, states: tuple[Array, ...]) -> tuple[Array, ...]:
        import numpy as np

        h, c = states
        gates = np.split(projected + h @ self.recurrent_kernel, self.gates, axis=-1)
        into, forget, out = (self.recurrent_activation(gates[i]) for i in (0, 1, 3))
        c = forget * c + into * self.activation(gates[2])
        return out * self.activation(c), c

    @property
    def is_standard(self) -> bool:
        """Whether it has the activations that kernels for a whole layer have."""
        return self.activation == TANH and self.recurrent_activation == SIGMOID


RECURRENT_ARRAYS = (("kernel", ""), ("recurrent_kernel", ""), ("bias", "use_bias"))

_NODES: Mapping[str, type[Recurrent]] = {"LSTM": Lstm, "SimpleRNN": SimpleRnn}


def read_recurrent(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `LSTM` and `SimpleRNN`.

    Raises:
        Unsupported: an activation that is no single function.
    """
    import numpy as np

    layer, cls = call.layer, _NODES[call.kind]
    recurrent_kernel = _array(call, "recurrent_kernel")
    width = recurrent_kernel.shape[1]
    node = cls(
        label=call.label,
        inputs=call.inputs,
        kernel=_array(call, "kernel"),
        recurrent_kernel=recurrent_kernel,
        bias=_array(call, "bias") if layer.use_bias else np.zeros(width),
        backwards=bool(layer.go_backwards),
        every_step=bool(layer.return_sequences),
        gives_states=bool(layer.return_state),
        activation=_function(call, "activation"),
    )
    if isinstance(node, Lstm):
        node = replace(node, recurrent_activation=_function(call, "recurrent_activation"))
    return (node,)


def _array(call: KerasCall, name: str) -> Array:
    """A weight, which Keras keeps in the layer's cell, and a stand-in in the layer itself."""
    import numpy as np

    return np.asarray(getattr(getattr(call.layer, "cell", call.layer), name), np.float64)


def _function(call: KerasCall, name: str) -> ActivationFunction:
    function = read_function(call, getattr(call.layer, name))
    if isinstance(function, ActivationFunction):
        return function
    raise Unsupported(
        f"layer '{call.label}' ({call.kind}) has the {name} {function.kind}",
        "use tanh, sigmoid, relu or linear",
    )
