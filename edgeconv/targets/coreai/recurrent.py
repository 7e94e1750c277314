"""Recurrent layers as single steps of Core AI's operations: the dialect has none for a whole layer.

Every time step is written out. The Neural Engine takes no loop, and a loop could not show the
values of a step. All values have four axes, so that the products are convolutions with one tap
(`lowering.py` says why).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from edgeconv.ir.nodes.recurrent import Gru, Lstm, Recurrent, SimpleRnn
from edgeconv.targets.coreai.activation import activate
from edgeconv.targets.coreai.builder import Named, ProgramBuilder, Tensor, signed, unsigned

if TYPE_CHECKING:
    from edgeconv.ir.nodes.activation import ActivationFunction
    from edgeconv.ir.nodes.node import Array

MOST_STEPS = 1024
"""A step is about ten operations; beyond, opening the file takes minutes."""
STEPS = "recurrent"
"""Operations of the steps are called after the node, `_` and this."""

States = tuple[Tensor, ...]


def lower_recurrent(builder: ProgramBuilder, node: Recurrent, x: Tensor, *initial: Tensor) -> Any:
    """The outputs of a recurrent node, step by step.

    Raises:
        Unsupported: more than `MOST_STEPS` time steps.
    """
    steps = node.inputs[0].shape[0]
    if steps > MOST_STEPS:
        raise node.unsupported(
            f"has {steps} time steps; Core AI has no operation for a whole layer, and edgeconv "
            f"writes at most {MOST_STEPS} of them out"
        )
    step = _Step(builder, node)
    x = builder.floats(x, builder.part(node, "cast"))
    projected = step.split(step.project(x), [1] * steps, 3)
    states = tuple(map(step.column, initial)) or (step.zeros(),) * node.states
    outputs = []
    for row in projected[:: -1 if node.backwards else 1]:
        states = step(row, states)
        outputs.append(states[0])
    if node.flips_output:
        outputs.reverse()
    name = builder.name(node)
    last = tuple(builder.reshape(state, (1, node.units), name) for state in states)
    output = last[0]
    if node.every_step:
        output = outputs[0]
        if steps > 1:
            output = builder.op("concat", name, signed(3)[0], outputs)
    several = (output, *(last if node.gives_states else ()))
    return several if len(several) > 1 else output


class _Step:
    """One time step of a node: (1, gates · units, 1, 1) and the states before it → the states."""

    def __init__(self, builder: ProgramBuilder, node: Recurrent) -> None:
        self.builder, self.node = builder, node
        self.op = Named(builder, builder.part(node, STEPS))
        kernels = {"recurrent_kernel": node.recurrent_kernel}
        if isinstance(node, Gru) and not node.reset_after:
            kernels = {
                "recurrent_kernel": node.recurrent_kernel[:, : 2 * node.units],
                "candidate_kernel": node.recurrent_kernel[:, 2 * node.units :],
            }
        self._kernels = {name: self._kernel(name, array) for name, array in kernels.items()}
        self._bias = None
        if isinstance(node, Gru):
            self._bias = self._vector("recurrent_bias", node.recurrent_bias)
        self._compute = _STEPS[type(node)]

    def __call__(self, projected: Tensor, states: States) -> States:
        return self._compute(self, projected, states)

    def project(self, x: Tensor) -> Tensor:
        """The product of every time step with the kernel, and the bias."""
        product = self._product(x, self._kernel("kernel", self.node.kernel))
        return self.op("broadcasting_add", product, self._vector("bias", self.node.bias))

    def recur(self, h: Tensor, kernel: str = "recurrent_kernel") -> Tensor:
        """The product of a state with a recurrent kernel."""
        return self._product(h, self._kernels[kernel])

    def biased(self, product: Tensor) -> Tensor:
        """With the recurrent bias of a GRU."""
        assert self._bias is not None
        return self.op("broadcasting_add", product, self._bias)

    def split(self, x: Tensor, sizes: list[int], axis: int) -> list[Tensor]:
        """Parts of a value along an axis."""
        if len(sizes) == 1:
            return [x]
        return list(self.op("split", x, unsigned(*sizes), signed(axis)[0]))

    def function(self, function: ActivationFunction, x: Tensor) -> Tensor:
        """An activation."""
        return activate(self.builder, function, x, self.builder.part(self.node, STEPS))

    def column(self, state: Tensor) -> Tensor:
        """An initial state with four axes."""
        name = self.builder.part(self.node, STEPS)
        state = self.builder.floats(state, name)
        return self.builder.reshape(state, (1, self.node.units, 1, 1), name)

    def zeros(self) -> Tensor:
        """The state before the first step."""
        import numpy as np

        return self._vector("start", np.zeros(self.node.units))

    def _product(self, x: Tensor, kernel: Tensor) -> Tensor:
        return self.op("conv2d", x, kernel, unsigned(1, 1), unsigned(1, 1), unsigned(1)[0])

    def _kernel(self, name: str, array: Array) -> Tensor:
        return self.builder.kernel(self.builder.part(self.node, name), array.T[:, :, None, None], 0)

    def _vector(self, name: str, array: Array) -> Tensor:
        part = self.builder.part(self.node, name)
        return self.builder.weight(part, array.reshape(1, -1, 1, 1))


def _simple(step: _Step, projected: Tensor, states: States) -> States:
    (h,) = states
    total = step.op("broadcasting_add", projected, step.recur(h))
    return (step.function(step.node.activation, total),)


def _lstm(step: _Step, projected: Tensor, states: States) -> States:
    node, (h, c) = step.node, states
    assert isinstance(node, Lstm)
    total = step.op("broadcasting_add", projected, step.recur(h))
    into, forget, new, out = step.split(total, [node.units] * 4, 1)
    kept = step.op("broadcasting_mul", step.function(node.recurrent_activation, forget), c)
    into = step.function(node.recurrent_activation, into)
    added = step.op("broadcasting_mul", into, step.function(node.activation, new))
    c = step.op("broadcasting_add", kept, added)
    out = step.function(node.recurrent_activation, out)
    return step.op("broadcasting_mul", out, step.function(node.activation, c)), c


def _gru(step: _Step, projected: Tensor, states: States) -> States:
    node, (h,), units = step.node, states, step.node.units
    assert isinstance(node, Gru)
    gates, new = step.split(projected, [2 * units, units], 1)
    if node.reset_after:
        product = step.biased(step.recur(h))
        recurrent, recurrent_new = step.split(product, [2 * units, units], 1)
    else:
        recurrent = step.recur(h)
    gates = step.function(node.recurrent_activation, step.op("broadcasting_add", gates, recurrent))
    update, reset = step.split(gates, [units, units], 1)
    if node.reset_after:
        again = step.op("broadcasting_mul", reset, recurrent_new)
    else:
        again = step.recur(step.op("broadcasting_mul", reset, h), "candidate_kernel")
    new = step.function(node.activation, step.op("broadcasting_add", new, again))
    moved = step.op("broadcasting_mul", update, step.op("broadcasting_sub", h, new))
    return (step.op("broadcasting_add", new, moved),)


_STEPS: Mapping[type[Recurrent], Callable[[_Step, Tensor, States], States]] = {
    Gru: _gru,
    Lstm: _lstm,
    SimpleRnn: _simple,
}
