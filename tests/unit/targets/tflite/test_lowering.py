"""The fused LSTM: every window is computed alone, in an interpreter that nobody resets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import Lstm, Value
from edgeconv.ir.nodes.activation import ActivationFunction
from edgeconv.ir.nodes.recurrent import SIGMOID, TANH
from edgeconv.ir.nodes.shape import Reshape
from edgeconv.ir.numpy_interpreter import evaluate
from edgeconv.ir.trace import trace
from edgeconv.targets.tflite.lowering import LOWERINGS, without_cell_clip

STEPS, CHANNELS, UNITS = 6, 3, 4
RNG = np.random.default_rng(1)


def network(**changed: Any) -> Graph:
    """Flat windows through one LSTM."""
    entry = Value("sensor", (STEPS * CHANNELS,))
    steps = Reshape(label="steps", inputs=(entry,), shape=(STEPS, CHANNELS))
    weights = {
        "kernel": RNG.normal(size=(CHANNELS, 4 * UNITS)),
        "recurrent_kernel": RNG.normal(size=(UNITS, 4 * UNITS)) * 0.3,
        "bias": RNG.normal(size=4 * UNITS) + 3,  # a state that would be kept for long
    }
    lstm = Lstm(label="lstm", inputs=steps.outputs, **(weights | changed))
    (output, *_) = lstm.outputs
    flat = Reshape(label="flat", inputs=(output,), shape=(math.prod(output.shape),))
    return Graph("g", (entry,), flat.outputs, (steps, lstm, flat))


@pytest.mark.heavy
@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize(
    ("changed", "fused"),
    [
        ({}, True),
        ({"backwards": True, "every_step": True}, True),
        ({"kernel": np.zeros((CHANNELS, 4 * UNITS))}, True),
        ({"activation": ActivationFunction("relu")}, False),
        ({"activation": SIGMOID, "recurrent_activation": TANH}, False),
        ({"gives_states": True}, False),
    ],
)
def test_windows_do_not_see_each_other(
    changed: dict[str, Any], fused: bool, optimize: bool
) -> None:
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    graph = network(**changed)
    traced = trace(graph, (), channels_first=False, lowerings=LOWERINGS)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.function], traced.module)
    if optimize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    data = converter.convert()
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    kinds = [op["op_name"] for op in interpreter._get_ops_details()]
    assert ("UNIDIRECTIONAL_SEQUENCE_LSTM" in kinds) == fused
    windows = RNG.normal(size=(4, STEPS * CHANNELS)) * 3
    (expected,) = evaluate(graph, windows)
    entry, end = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    for window, wanted in zip(windows, expected, strict=True):
        interpreter.set_tensor(entry["index"], window[None].astype(np.float32))
        interpreter.invoke()
        got = interpreter.get_tensor(end["index"])[0]
        np.testing.assert_allclose(got, wanted, *((2e-3, 5e-3) if optimize else (1e-5, 1e-5)))


@pytest.mark.heavy
def test_a_cell_that_adds_up_is_not_bounded() -> None:
    """Up by 1 for 14 steps, down for 12: TensorFlow's converter would stop it at 10."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    entry = Value("sensor", (26,))
    steps = Reshape(label="steps", inputs=(entry,), shape=(26, 1))
    kernel, bias = np.array([[0.0, 0.0, 20.0, 0.0]]), np.array([20.0, 20.0, 0.0, 20.0])
    weights: dict[str, Any] = {
        "kernel": kernel,
        "recurrent_kernel": np.zeros((1, 4)),
        "bias": bias,
    }
    lstm = Lstm(label="lstm", inputs=steps.outputs, **weights)
    graph = Graph("g", (entry,), lstm.outputs, (steps, lstm))
    traced = trace(graph, (), channels_first=False, lowerings=LOWERINGS)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.function], traced.module)
    interpreter = Interpreter(model_content=without_cell_clip(converter.convert()))
    interpreter.allocate_tensors()
    window = np.repeat([1.0, -1.0], [14, 12])[None].astype(np.float32)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], window)
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(got, [[np.tanh(2.0)]], atol=1e-5)
