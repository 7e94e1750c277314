"""Apple's interpreter in a process of its own."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.errors import BadInput, UsageError
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import SOFTMAX, Activation, Conv, GlobalPool, Value
from edgeconv.ir.nodes.activation import ActivationFunction
from edgeconv.ir.numpy_interpreter import evaluate
from edgeconv.runtimes import inspectable, open_runner, unavailable
from edgeconv.runtimes.coreai import CHUNK, CoreAIRunner, _by_operation
from edgeconv.targets.coreai.builder import ProgramBuilder, Store
from edgeconv.targets.coreai.lowering import LOWERINGS
from edgeconv.targets.coreai.storage import palette, store_float, store_int4, store_int8

WHY_NOT = unavailable("any.aimodel", "coreai")
needs_coreai = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))
RELU = ActivationFunction("relu")


def network() -> Graph:
    rng = np.random.default_rng(0)
    x = Value("steps", (6, 3))
    kernel, bias = rng.normal(size=(2, 3, 4)), rng.normal(size=4)
    conv = Conv(label="conv", inputs=(x,), kernel=kernel, bias=bias, activation=RELU)
    pool = GlobalPool(label="pool", inputs=conv.outputs, kind="average")
    last = Activation(label="last", inputs=pool.outputs, function=SOFTMAX)
    return Graph("small", (x,), last.outputs, (conv, pool, last))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("coreai") / "small.aimodel"
    ProgramBuilder(network(), LOWERINGS, "float32", store_float).write(("probabilities",), path)
    return path


def samples(n: int) -> Any:
    return np.random.default_rng(1).normal(size=(n, 6, 3)).astype(np.float32)


@needs_coreai
def test_values_inside_are_those_of_the_layers(file: Path) -> None:
    x = samples(CHUNK + 3)
    expected: dict[str, Any] = {}

    def note(value: Value, array: Any) -> Any:
        expected[value.label] = array
        return array

    evaluate(network(), x, at=note)
    with open_runner(file) as opened:
        runner = inspectable(opened)
        found = runner.intermediates({"steps": x}, ["conv", "pool"])
        again = runner.run({"steps": x})["probabilities"]
        everything = runner.intermediates({"steps": x[0]})
    assert set(everything) == set(runner.tensors)
    assert everything["conv"].shape == (4, 1, 5)  # channels first, as the operation gives it
    placed = found["conv"].transpose(0, 2, 3, 1).reshape(expected["conv"].shape)
    np.testing.assert_allclose(placed, expected["conv"], atol=1e-6)
    np.testing.assert_allclose(found["pool"].reshape(-1, 4), expected["pool"], atol=1e-6)
    np.testing.assert_allclose(again, expected["last"], atol=1e-6)


@needs_coreai
def test_float16_can_be_ignored(tmp_path: Path) -> None:
    path, x = tmp_path / "half.aimodel", samples(5)
    ProgramBuilder(network(), LOWERINGS, "float16", store_float).write(("probabilities",), path)
    (expected,) = evaluate(network(), x)
    differences = {}
    for compute in ("as-specified", "float32"):
        with open_runner(path, compute=compute) as runner:
            outputs = runner.run({"steps": x})["probabilities"]
            large = inspectable(runner).intermediates({"steps": x * 1e5}, ["conv"])["conv"]
        differences[compute] = float(np.abs(outputs - expected).max())
        assert np.isfinite(large).all() == (compute == "float32")
    assert differences["float32"] < differences["as-specified"] < 2e-3
    with pytest.raises(UsageError, match="unknown compute 'float64'"):
        open_runner(path, compute="float64")


@needs_coreai
def test_names_and_samples_that_are_not_there(file: Path) -> None:
    with open_runner(file) as opened:
        runner = inspectable(opened)
        with pytest.raises(BadInput, match="has no tensor 'conv9'"):
            runner.intermediates({"steps": samples(1)}, ["conv9"])
        with pytest.raises(BadInput, match="no sample to look inside with"):
            runner.intermediates({"steps": samples(0)}, ["conv"])


@needs_coreai
def test_an_interpreter_that_dies_is_one_line_and_the_next_file_gets_another(file: Path) -> None:
    with open_runner(file) as runner:
        assert isinstance(runner, CoreAIRunner)
        channel = runner._engine._channel
        assert channel is not None
        os.kill(channel._child.pid, signal.SIGSEGV)
        with pytest.raises(BadInput, match=r"Apple's interpreter gives no answer.*signal 11"):
            runner.run({"steps": samples(1)})
        with pytest.raises(BadInput, match="has ended on this file"):
            runner.run({"steps": samples(1)})
    with open_runner(file) as runner:
        assert runner.run({"steps": samples(1)})["probabilities"].shape == (1, 4)


@needs_coreai
def test_an_answer_has_a_limit_of_time(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeconv.targets.coreai.engine.SECONDS", 1e-6)
    with pytest.raises(BadInput, match="did not answer in 1e-06 s"):
        open_runner(file)


@needs_coreai
def test_every_operation_has_a_time(file: Path) -> None:
    with open_runner(file) as runner:
        assert isinstance(runner, CoreAIRunner)
        times = runner.operation_times({"steps": samples(1)}, 3)
        kinds = runner._kinds
    assert len(times) == 3
    assert all(len(each) == len(kinds) for each in times)
    for i, kind in enumerate(kinds):
        assert all(each[i] > 0 for each in times), kind


def test_calls_are_told_apart_by_name_and_place() -> None:
    kinds = ["conv2d", "relu", "reduce_mean", "softmax"]
    calls = [("conv2d", 5.0), ("maximum", 2.0), ("reduce_mean", 1.0), ("softmax", 3.0)]
    named = [(f"coreai.{name}", us) for name, us in calls]
    assert _by_operation(kinds, named) == [5.0, 2.0, 1.0, 3.0]
    twice = [*named[:2], ("coreai.more", 0.5), *named[2:]]
    assert _by_operation(kinds, twice) == [5.0, 2.5, 1.0, 3.0]
    assert _by_operation(kinds, named[:1]) == [5.0, 0.0, 0.0, 0.0]
    assert sum(_by_operation(kinds, [*named, ("coreai.cast", 1.0)])) == 12.0


@needs_coreai
@pytest.mark.parametrize("store", [store_int8, store_int4, palette(4)], ids=["int8", "int4", "lut"])
def test_weights_that_are_unpacked_once_give_the_bits_of_those_unpacked_each_time(
    store: Store, tmp_path: Path
) -> None:
    """`run` lets the interpreter unpack them first, `bind`, which is timed, in each inference.

    There are fewer weights to unpack than outputs, which Apple's wheel refuses of itself.
    """
    rng = np.random.default_rng(2)
    x = Value("steps", (6, 3))
    kernel = rng.choice(rng.normal(size=16), (2, 3, 600))
    conv = Conv(label="conv", inputs=(x,), kernel=kernel, bias=rng.normal(size=600))
    pool = GlobalPool(label="pool", inputs=conv.outputs, kind="average")
    most = GlobalPool(label="most", inputs=conv.outputs, kind="max")
    path = tmp_path / "packed.aimodel"
    graph = Graph("packed", (x,), (*pool.outputs, *most.outputs), (conv, pool, most))
    ProgramBuilder(graph, LOWERINGS, "float16", store).write(("means", "largest"), path)
    with open_runner(path) as runner:
        assert isinstance(runner, CoreAIRunner)
        assert {"lut_to_dense", "blockwise_shift_scale"} & set(runner._kinds)
        outputs = runner.run({"steps": samples(4)})["means"]
        bound = runner.bind({"steps": samples(4)[2]})
        bound()
        np.testing.assert_array_equal(bound.outputs()["means"].reshape(-1), outputs[2].reshape(-1))
        assert set(runner.intermediates({"steps": samples(1)}, ["conv"])) == {"conv"}
    expected, _ = evaluate(graph, samples(4))
    assert np.abs(outputs.reshape(4, -1) - expected).max() < 0.3
