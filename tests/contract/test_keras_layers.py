"""Every layer of Keras that has nodes, in one network: NumPy, TFLite and Core ML against Keras.

One flat input is cut into values of several shapes, each layer reads one of them, and all results
lie behind each other in one output, so that each target converts and runs a single file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import InputConvention, Variant
from edgeconv.ir.graph import Graph
from edgeconv.ir.keras_reader import read_graph
from edgeconv.ir.nodes import KerasLayer
from edgeconv.ir.numpy_interpreter import evaluate
from edgeconv.ir.trace import trace
from edgeconv.runtimes import open_runner
from edgeconv.targets.base import find_target
from tests.unit.small_models import randomise, run_tflite

pytestmark = pytest.mark.heavy

VECTOR, STEPS, IMAGE = (6,), (8, 4), (6, 5, 4)
SHAPES = (VECTOR, STEPS, IMAGE)
Build = Callable[[Any], Any]
ACTIVATIONS = (
    *("celu", "elu", "exponential", "gelu", "hard_sigmoid", "hard_silu", "hard_tanh"),
    *("leaky_relu", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid"),
    *("silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "squareplus"),
    *("tanh", "tanh_shrink"),
)
OPAQUE = {"EinsumDense", "ops.Sqrt", "sparsemax", "ReLU", "UpSampling2D"}
"""Kinds that stay with Keras: what has no node must be as right as what has."""


def convolutions() -> list[tuple[tuple[int, ...], Build]]:
    from keras import layers

    cases: list[tuple[tuple[int, ...], Build]] = []
    for padding in ("valid", "same"):
        on_steps = [
            layers.Conv1D(3, 3, padding=padding, strides=2, activation="relu"),
            layers.Conv1D(3, 3, padding=padding, dilation_rate=2),
            layers.Conv1D(4, 2, padding=padding, groups=2),
            layers.DepthwiseConv1D(3, padding=padding, depth_multiplier=2, strides=2),
            layers.SeparableConv1D(3, 3, padding=padding, activation="tanh"),
            layers.Conv1DTranspose(3, 3, strides=2, padding=padding),
            layers.Conv1DTranspose(3, 2, strides=3, padding=padding),
            layers.MaxPooling1D(3, 2, padding=padding),
            layers.AveragePooling1D(3, 2, padding=padding),
        ]
        on_images = [
            layers.Conv2D(3, (3, 2), padding=padding, strides=(2, 1)),
            layers.Conv2D(3, 2, padding=padding, dilation_rate=(2, 1), activation="gelu"),
            layers.Conv2D(4, 2, padding=padding, groups=2),
            layers.DepthwiseConv2D((3, 2), padding=padding, depth_multiplier=2),
            layers.SeparableConv2D(3, 2, padding=padding),
            layers.Conv2DTranspose(3, (3, 2), strides=(2, 1), padding=padding),
            layers.MaxPooling2D((3, 2), padding=padding),
            layers.AveragePooling2D((3, 2), (2, 1), padding=padding),
        ]
        cases += [(STEPS, each) for each in on_steps] + [(IMAGE, each) for each in on_images]
    return [*cases, (STEPS, layers.Conv1D(3, 3, padding="causal", dilation_rate=2))]


def everywhere() -> list[tuple[tuple[int, ...], Build]]:
    """Layers that read values of any rank."""
    import keras
    from keras import layers

    builds: list[Callable[[], Build]] = [
        *(lambda: layers.Dense(3, activation="softmax"), layers.BatchNormalization),
        *(layers.LayerNormalization, layers.UnitNormalization, layers.RMSNormalization),
        *(layers.Flatten, layers.Softmax, lambda: layers.Rescaling(0.6, 1.0)),
        lambda: layers.Normalization(mean=0.5, variance=2.0),
        *(lambda: layers.GroupNormalization(2), lambda: lambda x: x * 0.7 + 1.0),
        *(lambda: lambda x: 1.0 - x / 3.0, lambda: lambda x: layers.Concatenate()([x, -x])),
        lambda: lambda x: layers.Maximum()([x, layers.Average()([x, -x])]),
        lambda: lambda x: layers.Minimum()([x, layers.Subtract()([x * x, x])]),
        lambda: lambda x: layers.Multiply()([x, keras.ops.clip(x, -0.5, 0.8)]),
        lambda: lambda x: keras.ops.mean(x, axis=-1, keepdims=True),
    ]
    return [(shape, build()) for shape in SHAPES for build in builds]


def others() -> list[tuple[tuple[int, ...], Build]]:
    import keras
    from keras import layers, ops

    pools = ("GlobalMaxPooling", "GlobalAveragePooling")
    return [
        *((STEPS, getattr(layers, f"{name}1D")()) for name in pools),
        *((IMAGE, getattr(layers, f"{name}2D")(keepdims=True)) for name in pools),
        *((STEPS, layers.Conv1D(2, 2, activation=name)) for name in ACTIVATIONS),
        *((STEPS, layers.PReLU()), (IMAGE, layers.PReLU(shared_axes=[1, 2]))),
        *((STEPS, keras.activations.glu), (STEPS, layers.ReLU(max_value=2.0))),
        *((STEPS, layers.Softmax(axis=1)), (STEPS, layers.LayerNormalization(axis=1))),
        *((IMAGE, layers.BatchNormalization(axis=1)), (IMAGE, layers.Permute((3, 1, 2)))),
        *((STEPS, layers.ZeroPadding1D((1, 2))), (IMAGE, layers.ZeroPadding2D((1, 2)))),
        *((STEPS, layers.Cropping1D((1, 2))), (IMAGE, layers.Cropping2D((1, 2)))),
        *((STEPS, layers.UpSampling1D(2)), (IMAGE, layers.UpSampling2D((2, 3)))),
        *((VECTOR, layers.RepeatVector(3)), (VECTOR, layers.Reshape((1, 2, 3)))),
        *((STEPS, lambda x: x[:, ::-1, 1:]), (IMAGE, lambda x: x[:, 1:-1, ..., 2])),
        *((STEPS, lambda x: layers.Dot(2)([x, x])), (VECTOR, lambda x: layers.Dot(1)([x, -x]))),
        (STEPS, lambda x: layers.Embedding(9, 4)(ops.clip(ops.abs(x[:, :, 0]) * 2, 0, 8))),
        (IMAGE, lambda x: layers.Concatenate(axis=2)([x, x * 2.0])),
        # what only Keras can compute
        (STEPS, layers.EinsumDense("abc,cd->abd", (8, 3))),
        *((STEPS, lambda x: ops.sqrt(x * x + 1.0)), (STEPS, layers.ReLU(threshold=0.5))),
        (STEPS, layers.Dense(3, activation="sparsemax")),
        (IMAGE, layers.UpSampling2D(2, interpolation="bilinear")),
    ]


@dataclass(frozen=True, eq=False)
class Network:
    graph: Graph
    windows: Any
    expected: Any
    parts: list[tuple[str, int]]

    def check(self, got: Any, limit: float = 2e-5) -> None:
        """Every layer's own results, so that a failure names the layer."""
        at, wrong = 0, []
        for name, size in self.parts:
            ours, theirs = got[:, at : at + size], self.expected[: len(got), at : at + size]
            off = np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max())
            wrong += [] if off <= limit else [(name, off)]
            at += size
        assert at == got.shape[1]
        assert not wrong


@pytest.fixture(scope="module")
def network() -> Network:
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    sizes = [math.prod(shape) for shape in SHAPES]
    entry = keras.Input((sum(sizes),), name="numbers")
    starts = np.cumsum([0, *sizes])
    values = {
        shape: layers.Reshape(shape)(entry[:, first : first + size])
        for shape, first, size in zip(SHAPES, starts, sizes, strict=False)
    }
    results = [build(values[shape]) for shape, build in (*convolutions(), *everywhere(), *others())]
    flat = [layers.Flatten()(result) for result in results]
    model = randomise(keras.Model(entry, layers.Concatenate()(flat), name="layers"))
    windows = np.random.default_rng(1).normal(0, 1.5, (3, sum(sizes))).astype(np.float32)
    parts = [
        (str(result._keras_history.operation.name), int(each.shape[1]))
        for result, each in zip(results, flat, strict=True)
    ]
    return Network(read_graph(model), windows, np.asarray(model(windows)), parts)


def test_numpy_computes_what_keras_does_and_the_named_kinds_alone_stay_with_it(
    network: Network,
) -> None:
    (got,) = evaluate(network.graph, network.windows)
    network.check(got)
    assert {n.kind for n in network.graph.nodes if isinstance(n, KerasLayer)} == OPAQUE


@pytest.mark.filterwarnings("ignore::RuntimeWarning:coremltools")
@pytest.mark.parametrize(("target", "system"), [("tflite", ""), ("coreml", "iOS16")])
def test_files_compute_what_keras_does(
    network: Network, tmp_path: Path, target: str, system: str
) -> None:
    conversion = find_target(target).conversion
    path = tmp_path / f"layers{find_target(target).suffix}"
    variant = Variant(target, "float32", InputConvention.NORMALIZED, deployment_target=system)
    traced = trace(network.graph, (), conversion.channels_first)
    conversion.convert(traced, variant, None, None, path)
    if target == "tflite":
        network.check(run_tflite(path, network.windows))
        return
    with open_runner(path, runtime="coreml-reference", compute="float32") as runner:
        (entry,) = runner.inputs
        (got,) = runner.run({entry: network.windows[:1]}).values()
    network.check(got)
