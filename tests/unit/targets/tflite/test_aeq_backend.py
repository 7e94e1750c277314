"""Files in which some layers have another precision: what the converter names anew or hides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeconv.core import Artifact, InputConvention, Variant
from edgeconv.core.parity_statistics import decibels
from edgeconv.errors import BadInput
from edgeconv.ir.keras_interface import call_keras, tensors_of
from edgeconv.runtimes.predict import run_samples
from edgeconv.targets import files
from edgeconv.targets.base import ExpectedFile, scheme_of
from edgeconv.targets.conversion import ConversionRequest, convert_all
from edgeconv.targets.file_graph import FileGraph, Op, Tensor
from edgeconv.targets.tflite.aeq_backend import _float_operations
from edgeconv.targets.tflite.target import check_structure


def variant(scheme: str, **more: Any) -> Variant:
    return Variant("tflite", scheme, InputConvention.NORMALIZED, **more)


INT4 = variant("int4")
FLOAT_OUTPUT = variant("int8", float_layers=("up",))
SNR_DB = 40.0
CHOSEN = variant("int8", min_snr_db=SNR_DB)
CASES = {"int4": INT4, "a float layer that gives an output": FLOAT_OUTPUT, "chosen": CHOSEN}

Export = tuple[Artifact, list[float]]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Export]:
    """Files of a network of two inputs and outputs, and each output's ratio to its error in dB.

    In it are steps between operations that only the network names: two products of one activation
    function, and the sum under a root.
    """
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    one, other = keras.Input((8, 4), name="one"), keras.Input((8, 2), name="other")
    x = layers.Conv1D(4, 3, padding="same", activation="selu", name="conv")(one)
    x = layers.LayerNormalization()(x)
    joined = layers.Concatenate()([layers.MaxPooling1D(2)(other), layers.AveragePooling1D(2)(x)])
    up = layers.Conv1DTranspose(2, 3, strides=2, padding="same", name="up")(x)
    last = layers.Dense(3, name="last")(layers.Flatten()(joined))
    model = keras.Model([one, other], [up, last])
    folder = tmp_path_factory.mktemp("mixed")
    model.save(folder / "m.keras")
    rng = np.random.default_rng(0)
    samples = tuple(rng.normal(0, size, (32, 8, n)).astype("f") for size, n in ((1, 4), (5, 2)))
    right = call_keras(model, samples)
    result = {}
    for name, each in CASES.items():
        request = ConversionRequest(
            model=folder / "m.keras",
            contract=tensors_of(model),
            variants=[each],
            out=folder / name,
            name="m",
            probe=samples,
            calibration=samples,
            run_file=run_samples,
            isolated=False,
        )
        (artifact,) = convert_all(request)
        got = run_samples(artifact.path, request.contract, samples) or ()
        ratios = [
            decibels(float((a**2).sum()), float(((b - a) ** 2).sum()))
            for a, b in zip(right, got, strict=True)
        ]
        result[name] = artifact, ratios
    return result


def weight_types(artifact: Artifact) -> dict[str, str]:
    graph = files.read_graph(artifact.path)
    operands = {op.kind: [graph.tensors[i] for i in op.inputs] for op in graph.ops if op.macs}
    return {
        kind: next(t.dtype for t in tensors if t.constant and len(t.shape) > 1)
        for kind, tensors in operands.items()
    }


@pytest.mark.heavy
def test_no_inner_step_is_clipped(exports: dict[str, Export]) -> None:
    artifact, ratios = exports["int4"]
    assert min(ratios) > 18
    assert artifact.export.int8_layers == ("up",)
    assert weight_types(artifact) == {
        "CONV_2D": "int4",
        "TRANSPOSE_CONV": "int8",
        "FULLY_CONNECTED": "int4",
    }


@pytest.mark.heavy
def test_a_named_layer_that_gives_an_output_is_float(exports: dict[str, Export]) -> None:
    artifact, _ = exports["a float layer that gives an output"]
    assert weight_types(artifact) == {
        "CONV_2D": "int8",
        "TRANSPOSE_CONV": "float32",
        "FULLY_CONNECTED": "int8",
    }
    graph = files.read_graph(artifact.path)
    with pytest.raises(BadInput, match="stayed float: up"):
        check_structure(artifact.path, graph, ExpectedFile(scheme_of(FLOAT_OUTPUT), ()))


@pytest.mark.heavy
def test_chosen_layers_reach_what_was_asked_for(exports: dict[str, Export]) -> None:
    artifact, ratios = exports["chosen"]
    assert artifact.export.float_layers
    assert min(ratios) > SNR_DB - 2


def chain(*kinds: str) -> FileGraph:
    """Operations one after the other; kernels are those of a matrix product."""
    tensors = tuple(Tensor(f"t{i}", (1, 4), "float32") for i in range(len(kinds) + 1))
    ops = tuple(
        Op(kind, f"t{i + 1}", (i,), (i + 1,), macs=4 * (kind == "FULLY_CONNECTED"))
        for i, kind in enumerate(kinds)
    )
    return FileGraph(ops, tensors, (), (), 0, 0, {})


@pytest.mark.parametrize(
    ("kinds", "layers", "floats"),
    [
        (("FULLY_CONNECTED", "MUL", "FULLY_CONNECTED"), {0}, {0, 1}),
        (("FULLY_CONNECTED", "MAX_POOL_2D", "FULLY_CONNECTED"), {0}, {0}),
        (("FULLY_CONNECTED", "RESHAPE", "MUL", "FULLY_CONNECTED"), {0}, {0, 1, 2}),
        (("MUL", "FULLY_CONNECTED", "MUL", "FULLY_CONNECTED", "SOFTMAX"), {3}, {3, 4}),
        (("RESHAPE", "FULLY_CONNECTED", "MUL", "FULLY_CONNECTED"), {1}, {0, 1, 2}),
        (("MUL", "FULLY_CONNECTED"), set(), set()),
        (("MUL", "RESHAPE"), set(), set()),
    ],
)
def test_what_stays_float_with_a_layer(
    kinds: tuple[str, ...], layers: set[int], floats: set[int]
) -> None:
    graph = chain(*kinds)
    names = [{op.name} for op in graph.ops]
    ranged = {op.name for op in graph.ops if op.kind in ("MUL", "FULLY_CONNECTED", "SOFTMAX")}
    of_layers = [i in layers for i in range(len(kinds))]
    operations = _float_operations(graph, names, ranged, of_layers)
    assert operations == [graph.ops[i] for i in sorted(floats)]
