"""Recurrent layers: a state that each time step reads and changes.

All of them compute with the gates in Keras' order. Their values stay float in a file of integers:
the error of one step would be fed into the next, over the whole window.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from edgeconv.core.affine import AffineMap
from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.activation import ActivationFunction
from edgeconv.ir.nodes.keras_activation import read_function
from edgeconv.ir.nodes.merge import Concatenate, Merge
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
        flips_output: gives them in the opposite of the computed order.
        gives_states: gives the last states too, as further outputs.
    """

    kernel: Array
    recurrent_kernel: Array
    bias: Array
    activation: ActivationFunction = TANH
    backwards: bool = False
    every_step: bool = False
    flips_output: bool = False
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
        if self.flips_output and not self.every_step:
            raise ValueError(f"node '{self.label}': a single output has no order")
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
        if self.flips_output:
            outputs.reverse()
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


@dataclass(frozen=True, eq=False, kw_only=True)
class Gru(Recurrent):
    """Gated recurrent unit (Cho et al., 2014).

    Gates: update, reset, candidate. The state is a mean of itself and the candidate, weighted by
    the update gate.

    Attributes:
        recurrent_bias: (gates · units,), added to the product with the recurrent kernel.
        reset_after: whether the reset gate multiplies that product for the candidate, or the state
            before it.
    """

    recurrent_bias: Array
    recurrent_activation: ActivationFunction = SIGMOID
    reset_after: bool = True

    gates = 3

    def step(self, projected: Array, states: tuple[Array, ...]) -> tuple[Array, ...]:
        import numpy as np

        (h,) = states
        update, reset, new = np.split(projected, self.gates, axis=-1)
        kernels = np.split(self.recurrent_kernel, self.gates, axis=-1)
        biases = np.split(self.recurrent_bias, self.gates)
        update = self.recurrent_activation(update + h @ kernels[0] + biases[0])
        reset = self.recurrent_activation(reset + h @ kernels[1] + biases[1])
        if self.reset_after:
            new = new + reset * (h @ kernels[2] + biases[2])
        else:
            new = new + (reset * h) @ kernels[2] + biases[2]
        return (update * h + (1 - update) * self.activation(new),)


RECURRENT_ARRAYS = (("kernel", ""), ("recurrent_kernel", ""), ("bias", "use_bias"))

_NODES: Mapping[str, Callable[..., Recurrent]] = {
    "GRU": Gru,
    "LSTM": Lstm,
    "SimpleRNN": SimpleRnn,
}


def read_recurrent(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `LSTM`, `GRU` and `SimpleRNN`.

    Raises:
        Unsupported: an activation that is no single function.
    """
    return (_read(call),)


def _read(call: KerasCall, flips_output: bool = False) -> Recurrent:
    import numpy as np

    layer, make = call.layer, _NODES[call.kind]
    recurrent_kernel = _array(call, "recurrent_kernel")
    zeros = np.zeros(recurrent_kernel.shape[1])
    bias = _array(call, "bias") if layer.use_bias else zeros
    if call.kind != "SimpleRNN":
        make = partial(make, recurrent_activation=_function(call, "recurrent_activation"))
    if call.kind == "GRU":
        bias, recurrent_bias = bias if bias.ndim == 2 else (bias, zeros)
        make = partial(make, recurrent_bias=recurrent_bias, reset_after=bool(layer.reset_after))
    return make(
        label=call.label,
        inputs=call.inputs,
        kernel=_array(call, "kernel"),
        recurrent_kernel=recurrent_kernel,
        bias=bias,
        activation=_function(call, "activation"),
        backwards=bool(layer.go_backwards),
        every_step=bool(layer.return_sequences),
        flips_output=flips_output and bool(layer.return_sequences),
        gives_states=bool(layer.return_state),
    )


_MERGES = {"sum": "add", "mul": "multiply", "ave": "average"}


def read_bidirectional(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Bidirectional`: a layer, another one that runs backwards, and both outputs joined.

    Raises:
        Unsupported: outputs that are not joined, states, or a layer that no node is.
    """
    layer = call.layer
    parts: list[Any] = [getattr(layer, f"{way}_layer", None) for way in ("forward", "backward")]
    kinds = [type(part).__name__ for part in parts]
    mode = layer.merge_mode
    if set(kinds) - set(_NODES) or len(call.inputs) != 1 or parts[0].return_state or mode is None:
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) gives or takes states, does not join its outputs, "
            "or holds another layer than LSTM, GRU and SimpleRNN",
            "join the outputs of one of these by concat, sum, mul or ave",
        )
    forward, backward = (
        _read(replace(call, layer=part, kind=kind, label=f"{call.label}_{way}"), way == "backward")
        for part, kind, way in zip(parts, kinds, ("forward", "backward"), strict=True)
    )
    both = (forward.output, backward.output)
    if mode == "concat":
        axis = len(forward.output.shape) - 1
        return forward, backward, Concatenate(label=call.label, inputs=both, axis=axis)
    return forward, backward, Merge(label=call.label, inputs=both, kind=_MERGES[mode])


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
