"""Recurrent layers: the numbers of Keras in every setting, folding, refusals."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeconv.core.affine import AffineMap
from edgeconv.errors import Unsupported
from edgeconv.ir.keras_catalogue import read_layer
from edgeconv.ir.keras_reader import read_graph
from edgeconv.ir.nodes import Lstm, SimpleRnn, Value
from edgeconv.ir.nodes.recurrent import read_recurrent
from edgeconv.ir.numpy_interpreter import evaluate
from tests.unit.ir.nodes.calls import call

RNG = np.random.default_rng(0)
FUNCTIONS = st.sampled_from(("tanh", "sigmoid", "relu", "linear", "elu"))


@settings(max_examples=25)
@given(st.data())
def test_recurrent_nodes_compute_what_keras_does(data: st.DataObject) -> None:
    import keras

    kind = data.draw(st.sampled_from(("LSTM", "GRU", "SimpleRNN")))
    functions: dict[str, Any] = {"activation": data.draw(FUNCTIONS)}
    if kind != "SimpleRNN":
        functions["recurrent_activation"] = data.draw(FUNCTIONS)
    if kind == "GRU":
        functions["reset_after"] = data.draw(st.booleans(), label="reset_after")
    switches = ("use_bias", "return_sequences", "go_backwards", "return_state", "unroll")
    layer = getattr(keras.layers, kind)(
        data.draw(st.integers(1, 4)),
        bias_initializer="normal",
        **functions,
        **{name: data.draw(st.booleans(), label=name) for name in switches},
    )
    shape = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 3))
    _compare_with_keras(layer, shape)


def _compare_with_keras(layer: Any, shape: tuple[int, int], states: int = 0) -> None:
    """A layer's nodes in float64 against the layer."""
    import keras

    entry = keras.Input(shape)
    initial = [keras.Input((layer.units,)) for _ in range(states)]
    outputs = layer(entry, initial_state=initial) if initial else layer(entry)
    model = keras.Model([entry, *initial], outputs)
    arrays = [RNG.normal(size=(2, *t.shape[1:])) for t in model.inputs]
    expected = keras.tree.flatten(model(arrays))
    got = evaluate(read_graph(model), *arrays)
    for ours, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("kind", "states"), [("LSTM", 2), ("GRU", 1), ("SimpleRNN", 1)])
def test_initial_states_are_inputs(kind: str, states: int) -> None:
    import keras

    layer = getattr(keras.layers, kind)(3, return_sequences=True, return_state=True)
    _compare_with_keras(layer, (4, 2), states)


@settings(max_examples=12)
@given(
    kind=st.sampled_from(("LSTM", "GRU", "SimpleRNN")),
    mode=st.sampled_from(("concat", "sum", "mul", "ave")),
    sequences=st.booleans(),
)
def test_bidirectional_layers_compute_what_keras_does(
    kind: str, mode: str, sequences: bool
) -> None:
    import keras

    layer = getattr(keras.layers, kind)(3, return_sequences=sequences)
    _compare_with_keras(keras.layers.Bidirectional(layer, merge_mode=mode), (4, 2))


@pytest.mark.parametrize("changed", [{"merge_mode": None}, {"return_state": True}])
def test_other_bidirectional_layers_are_left_to_keras(changed: dict[str, Any]) -> None:
    import keras

    inner = {name: changed[name] for name in ("return_state",) if name in changed}
    mode = changed.get("merge_mode", "concat")
    layer = keras.layers.Bidirectional(keras.layers.GRU(3, **inner), merge_mode=mode)
    entry = keras.Input((4, 2))
    (node,) = read_graph(keras.Model(entry, layer(entry))).nodes
    assert node.opaque
    _compare_with_keras(layer, (4, 2))


def test_time_distributed_layers_compute_what_keras_does() -> None:
    import keras

    layers = keras.layers
    for inner in (layers.Dense(3, activation="relu"), layers.ReLU(), layers.Dropout(0.5)):
        _compare_with_keras(layers.TimeDistributed(inner), (4, 2))
    _compare_with_keras(layers.TimeDistributed(layers.LayerNormalization()), (4, 2))


def settings_of(gates: int, **changed: Any) -> dict[str, Any]:
    cell = SimpleNamespace(
        kernel=np.ones((2, gates * 3)), recurrent_kernel=np.ones((3, gates * 3)), bias=None
    )
    tanh = SimpleNamespace(__name__="tanh")
    flags = dict.fromkeys(("use_bias", "go_backwards", "return_sequences", "return_state"), False)
    functions = {"activation": tanh, "recurrent_activation": tanh}
    return {"cell": cell, "stateful": False} | flags | functions | changed


def test_a_layer_that_keeps_its_state_is_refused_by_name() -> None:
    with pytest.raises(Unsupported, match=r"layer 'odd' \(LSTM\) keeps its state"):
        read_layer(call("LSTM", (5, 2), **settings_of(4, stateful=True)))


def test_an_activation_of_several_operations_is_refused_by_name() -> None:
    odd = SimpleNamespace(__name__="hard_sigmoid")
    with pytest.raises(Unsupported, match=r"\(LSTM\) has the recurrent_activation hard_sigmoid"):
        read_recurrent(call("LSTM", (5, 2), **settings_of(4, recurrent_activation=odd)))


@pytest.mark.parametrize("kind", ["LSTM", "SimpleRNN"])
def test_absorb_input_needs_one_map_for_every_step(kind: str) -> None:
    gates = {"LSTM": 4, "SimpleRNN": 1}[kind]
    (node,) = read_recurrent(call(kind, (5, 2), **settings_of(gates)))
    x = RNG.normal(size=(2, 5, 2))
    per_channel = AffineMap(np.array([0.5, 2.0]), np.array([1.0, -1.0])).broadcast((5, 2))
    absorbed = node.absorb_input(per_channel)
    assert absorbed is not None
    np.testing.assert_allclose(
        absorbed.evaluate_outputs(x)[0], node.evaluate_outputs(per_channel.apply(x))[0]
    )
    assert node.absorb_input(AffineMap(RNG.normal(size=(5, 2)), np.zeros((5, 2)))) is None


def test_shapes_that_do_not_fit_are_a_mistake_of_the_reader() -> None:
    with pytest.raises(ValueError, match="kernel"):
        SimpleRnn(
            label="a",
            inputs=(Value("x", (5, 2)),),
            kernel=np.ones((3, 4)),
            recurrent_kernel=np.ones((4, 4)),
            bias=np.ones(4),
        )


def test_kernels_can_be_replaced_by_name() -> None:
    (node,) = read_recurrent(call("LSTM", (5, 2), **settings_of(4)))
    assert isinstance(node, Lstm)
    changed = node.with_kernels({"recurrent_kernel": node.recurrent_kernel * 2})
    assert {name: float(kernel.max()) for name, kernel in changed.kernels.items()} == {
        "kernel": 1,
        "recurrent_kernel": 2,
    }
    assert node.kernel_elements == changed.kernel_elements == (2 + 3) * 12
