"""Recurrent layers (MIL: recurrent.py; gru of iOS18). Steps stay in the type of the inputs: a
float16 layer is rounded once, at its outputs, not at each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.runtimes.coreml_reference.ops import activation as act

Array = NDArray[Any]

_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "scaled_tanh": np.tanh,  # a layer cannot give alpha and beta; both are 1 by default
    "sigmoid": act.sigmoid,
    "hard_sigmoid": lambda x: act.sigmoid_hard(x, 0.2, 0.5),
    "sigmoid_hard": lambda x: act.sigmoid_hard(x, 0.2, 0.5),
    "relu": act.relu,
    "linear": lambda x: x,
}


def rnn(
    x: Array,
    initial_h: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias: Array | None = None,
    direction: str = "forward",
    output_sequence: Any = False,
    activation: str = "tanh",
) -> tuple[Array, Array]:
    """h ← f(W_ih x + W_hh h + b) over x (steps, batch, in). Outputs: states, last state."""
    function = _ACTIVATIONS[activation]
    inputs = x @ weight_ih.T + (0 if bias is None else bias)
    state, states = initial_h, []
    for step in _order(inputs, direction):
        state = function(step + state @ weight_hh.T)
        states.append(state)
    return _sequence(states, output_sequence), state


def gru(
    x: Array,
    initial_h: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias: Array | None = None,
    direction: str = "forward",
    output_sequence: Any = False,
    recurrent_activation: str = "sigmoid",
    activation: str = "tanh",
    reset_after: Any = False,
    input_bias: Array | None = None,
) -> tuple[Array, Array]:
    """Gates in the order reset, output, update: h ← (1 − z) · o + z · h.

    The reset gate multiplies the state before its matrix product or, with `reset_after`, the
    product and its bias.
    """
    size = weight_hh.shape[1]
    gate, new = _ACTIVATIONS[recurrent_activation], _ACTIVATIONS[activation]
    hidden = np.zeros(3 * size, x.dtype) if bias is None else bias
    inputs = x @ weight_ih.T + (0 if input_bias is None else input_bias)
    to_reset, to_new, to_update = (weight_hh[i * size : (i + 1) * size].T for i in range(3))
    by_reset, by_new, by_update = (hidden[i * size : (i + 1) * size] for i in range(3))
    state, states = initial_h, []
    for step in _order(inputs, direction):
        into_reset, into_new, into_update = np.split(step, 3, axis=-1)
        reset = gate(into_reset + state @ to_reset + by_reset)
        update = gate(into_update + state @ to_update + by_update)
        if reset_after:
            candidate = new(into_new + reset * (state @ to_new + by_new))
        else:
            candidate = new(into_new + (reset * state) @ to_new + by_new)
        state = (1 - update) * candidate + update * state
        states.append(state)
    return _sequence(states, output_sequence), state


def lstm(
    x: Array,
    initial_h: Array,
    initial_c: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias: Array | None = None,
    peephole: Array | None = None,
    weight_ih_back: Array | None = None,
    weight_hh_back: Array | None = None,
    bias_back: Array | None = None,
    peephole_back: Array | None = None,
    direction: str = "forward",
    output_sequence: Any = False,
    recurrent_activation: str = "sigmoid",
    cell_activation: str = "tanh",
    activation: str = "tanh",
    clip: Any = None,
) -> tuple[Array, Array, Array]:
    """Gates in the order input, forget, output, cell. Outputs: states, last state, last cell."""
    cell = _Cell(
        _ACTIVATIONS[recurrent_activation],
        _ACTIVATIONS[cell_activation],
        _ACTIVATIONS[activation],
        None if clip is None else float(clip),
    )
    if direction != "bidirectional":
        weights = (weight_ih, weight_hh, bias, peephole)
        return cell.run(x, initial_h, initial_c, weights, direction, bool(output_sequence))
    assert weight_ih_back is not None and weight_hh_back is not None  # noqa: PT018
    size = weight_hh.shape[1]
    ways = [
        ("forward", (weight_ih, weight_hh, bias, peephole)),
        ("reverse", (weight_ih_back, weight_hh_back, bias_back, peephole_back)),
    ]
    passes = [
        cell.run(
            x,
            initial_h[:, i * size : (i + 1) * size],
            initial_c[:, i * size : (i + 1) * size],
            weights,
            way,
            bool(output_sequence),
        )
        for i, (way, weights) in enumerate(ways)
    ]
    (forward, *ends), (backward, *back_ends) = passes
    ys = np.concatenate([forward, backward[::-1]], axis=-1)
    hs, cs = (np.concatenate(pair, axis=-1) for pair in zip(ends, back_ends, strict=True))
    return ys, hs, cs


class _Cell:
    """One LSTM direction: the three activations and the clip of the cell."""

    def __init__(self, gate: Any, new: Any, out: Any, clip: float | None) -> None:
        self._gate, self._new, self._out, self._clip = gate, new, out, clip

    def run(
        self, x: Array, state: Array, cell: Array, weights: Any, direction: str, every: bool
    ) -> tuple[Array, Array, Array]:
        weight_ih, weight_hh, bias, peephole = weights
        size = weight_hh.shape[1]
        peeps = np.zeros((3, size), x.dtype) if peephole is None else peephole.reshape(3, size)
        inputs = x @ weight_ih.T + (0 if bias is None else bias)
        states = []
        for step in _order(inputs, direction):
            into, forget, out, new = np.split(step + state @ weight_hh.T, 4, axis=-1)
            remembered = self._gate(forget + cell * peeps[1]) * cell
            cell = remembered + self._gate(into + cell * peeps[0]) * self._new(new)
            if self._clip is not None:
                cell = np.clip(cell, -self._clip, self._clip)
            state = self._gate(out + cell * peeps[2]) * self._out(cell)
            states.append(state)
        return _sequence(states, every), state, cell


def _order(steps: Array, direction: str) -> Array:
    return steps[::-1] if direction == "reverse" else steps


def _sequence(states: list[Array], every: Any) -> Array:
    """All states in the order in which they were computed, or the last one.

    A reverse layer's first output thus belongs to the input's last step (coremltools' tests); only
    a bidirectional layer puts both of its directions in the order of the input.
    """
    return np.stack(states) if every else states[-1][None]
