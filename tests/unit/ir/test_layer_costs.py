"""Costs of layers against Keras' own counts, products counted by hand, and perturbed inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from edgeconv.core import InputConvention, Signal, Variant
from edgeconv.ir.keras_interface import tensors_of
from edgeconv.ir.layer_costs import LayerCost, layer_costs
from edgeconv.models import build
from edgeconv.targets import files
from edgeconv.targets.conversion import ConversionRequest, convert_all

STEPS, CHANNELS = 24, 3


def of(*stack: Any, shape: tuple[int | None, ...] = (STEPS, CHANNELS), **options: Any) -> Any:
    return keras.Sequential([keras.Input(shape, **options), *stack])


def last(model: Any) -> LayerCost:
    return layer_costs(model)[-1]


def test_the_reference_network_has_its_published_figures() -> None:
    signal = Signal(labels=tuple("abcdef"))
    rows = layer_costs(build("har")(signal), signal)
    assert sum(row.parameters for row in rows) == 520_486
    assert sum(row.macs or 0 for row in rows) == 8_685_960
    by_name = {row.name: row for row in rows}
    assert by_name["conv4"].reach is not None
    assert by_name["conv4"].reach.field == (75,)
    assert by_name["conv4"].reach.stride == (3,)


def test_steps_laid_side_by_side_count_as_the_steps_of_the_window() -> None:
    signal = Signal(labels=tuple("abcdef"))
    steps, conv, *_ = layer_costs(build("student")(signal), signal)
    assert steps.reach is not None
    assert conv.reach is not None
    assert (steps.reach.field, steps.reach.stride) == ((2,), (2,))
    assert (conv.reach.field, conv.reach.stride) == ((10,), (4,))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (lambda: layers.Conv1D(4, 5, groups=1), 20 * 4 * 5 * 3),
        (lambda: layers.Conv1D(6, 5, groups=3), 20 * 6 * 5),
        (lambda: layers.DepthwiseConv1D(5, depth_multiplier=2), 20 * 5 * 6),
        (lambda: layers.SeparableConv1D(4, 5), 20 * (5 * 3 + 3 * 4)),
        (lambda: layers.Conv1DTranspose(4, 5, strides=2), 24 * 5 * 3 * 4),
        (lambda: layers.Dense(7), 24 * 3 * 7),
        (lambda: layers.EinsumDense("btc,cd->btd", (STEPS, 5)), 24 * 3 * 5),
        (lambda: layers.LSTM(5), 24 * (3 * 20 + 5 * 20)),
        (lambda: layers.GRU(5), 24 * (3 * 15 + 5 * 15)),
        (lambda: layers.Bidirectional(layers.SimpleRNN(5)), 2 * 24 * (3 * 5 + 5 * 5)),
        (lambda: layers.TimeDistributed(layers.Dense(2)), 24 * 3 * 2),
        (lambda: layers.MaxPooling1D(2), 0),
        (lambda: layers.BatchNormalization(), 0),
        (lambda: layers.LayerNormalization(axis=(1, 2)), 0),
        (lambda: layers.ConvLSTM1D(2, 3), None),
    ],
)
def test_products_are_counted_by_hand(layer: Callable[[], Any], expected: int | None) -> None:
    shape = (6, STEPS, CHANNELS) if expected is None else (STEPS, CHANNELS)
    row = last(of(layer(), shape=shape))
    assert row.macs == expected


def test_attention_counts_its_projections_and_its_products() -> None:
    x = keras.Input((10, 8))
    y = layers.MultiHeadAttention(2, 4)(x, x)
    row = last(keras.Model(x, y))
    assert row.macs == 4 * 10 * 8 * 8 + 2 * 10 * 10 * (4 + 4)


def test_attention_between_channels_stays_inside_its_step() -> None:
    x = keras.Input((10, 3, 8))
    row = last(keras.Model(x, layers.MultiHeadAttention(1, 8, attention_axes=2)(x, x)))
    assert row.macs == 4 * 30 * 8 * 8 + 30 * 3 * (8 + 8)
    assert row.reach is not None
    assert row.reach.steps[0] == 1


@pytest.mark.parametrize(
    "stack",
    [
        lambda: [layers.Conv1D(2, 3), layers.Conv1D(2, 3, dilation_rate=2)],
        lambda: [layers.Conv1D(2, 4, strides=2), layers.AveragePooling1D(3, strides=2)],
        lambda: [layers.Conv1D(2, 3), layers.GlobalAveragePooling1D()],
        lambda: [layers.Conv1D(2, 5, padding="same"), layers.AveragePooling1D(2)],
        lambda: [layers.Conv1D(2, 3), layers.LSTM(2)],
        lambda: [layers.Reshape((12, 6)), layers.Conv1D(2, 3)],
        lambda: [layers.UpSampling1D(2), layers.AveragePooling1D(4, strides=1)],
        lambda: [layers.AveragePooling1D(2), layers.Conv1DTranspose(2, 4, strides=2)],
    ],
)
def test_a_receptive_field_holds_every_step_that_changes_an_output(stack: Any) -> None:
    keras.utils.set_random_seed(0)
    model = of(*stack())
    reach = last(model).reach
    assert reach is not None
    random = np.random.default_rng(0)
    x = random.normal(size=(1, STEPS, CHANNELS)).astype(np.float32)
    changed = np.repeat(x, STEPS, axis=0)
    changed[np.arange(STEPS), np.arange(STEPS)] += 3.0
    before, after = model(x).numpy(), model(changed).numpy()
    # (changed step, position): which positions a change of a step reaches
    positions = before.shape[1] if before.ndim > 2 else 1
    reached = np.abs(after - before).reshape(STEPS, positions, -1).max(-1) > 1e-5
    spans = [np.flatnonzero(column)[[0, -1]] for column in reached.T]
    assert max(last - first + 1 for first, last in spans) == reach.steps[0]


def test_shared_layers_and_nested_models_are_counted_once() -> None:
    shared = layers.Dense(3, name="shared")
    inner = of(shared, layers.Dense(2, name="head"), shape=(3,))
    x = keras.Input((3,))
    model = keras.Model(x, inner(shared(x)))
    rows = layer_costs(model)
    assert [row.name for row in rows] == ["shared", "shared#1", "head"]
    assert sum(row.parameters for row in rows) == model.count_params()
    assert [row.macs for row in rows] == [9, 9, 6]


def test_tokens_are_steps() -> None:
    model = of(layers.Embedding(50, 4), layers.Conv1D(2, 7), shape=(30,), dtype="int32")
    embedding, conv = layer_costs(model)
    assert (embedding.macs, embedding.parameters) == (0, 200)
    assert conv.reach is not None
    assert conv.reach.field == (7,)


def test_what_is_not_known_is_not_guessed() -> None:
    free = last(of(layers.Conv1D(2, 3), shape=(None, CHANNELS)))
    assert free.macs is None
    assert free.output_shape == (None, 2)
    custom = last(of(layers.Lambda(lambda x: x * 2.0)))
    assert custom.macs is None
    assert custom.reach is None


@pytest.mark.heavy
def test_files_cost_what_their_layers_do(tmp_path: Path) -> None:
    """Loops of TFLite, recurrent operations of Core ML, transposed convolutions of both."""
    model = keras.Sequential(
        [
            keras.Input((6, 3)),
            layers.Conv1DTranspose(4, 3, strides=2, padding="same"),
            layers.LSTM(5, return_sequences=True),
            layers.GRU(4, reset_after=False),
            layers.Dense(2),
        ]
    )
    model.save(tmp_path / "m.keras")
    request = ConversionRequest(
        model=tmp_path / "m.keras",
        contract=tensors_of(model),
        variants=[
            Variant(target, "float32", InputConvention.NORMALIZED)
            for target in ("tflite", "coreml")
        ],
        out=tmp_path / "out",
        name="m",
        probe=(np.zeros((2, 6, 3), np.float32),),
        isolated=False,
    )
    tflite, coreml = (files.read_graph(made.path) for made in convert_all(request))
    expected = sum(cost.macs or 0 for cost in layer_costs(model))
    assert coreml.macs == expected
    # the fused LSTM has one step more, and one more input, which carries the start
    assert tflite.macs == expected + 13 * 4 * 5 * (5 + 5) - 12 * 4 * 5 * (4 + 5)
    assert tflite.parameters >= sum(
        kernel.numpy().size for kernel in model.weights if kernel.ndim > 1
    )
