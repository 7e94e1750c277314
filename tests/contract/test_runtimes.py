"""What every runtime must offer, whatever it opens."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import BoundRun, Runner
from edgeconv.errors import BadInput, MissingDependency, UsageError
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import SOFTMAX, Activation, Dense, Value
from edgeconv.runtimes import RUNTIMES, open_runner, unavailable
from edgeconv.targets.base import all_targets
from edgeconv.targets.coreai.builder import ProgramBuilder
from edgeconv.targets.coreai.lowering import LOWERINGS
from edgeconv.targets.coreai.storage import store_float

pytestmark = pytest.mark.heavy
SIZE = 6
CASES = [(entry.suffixes[0], name) for name, entry in RUNTIMES.items()]
_HOME = {"macOS": "Darwin", "Linux": "Linux"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same dense network as each kind of file that a runtime opens, batch 1, by ending."""
    import coremltools as ct
    import keras
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("contract")
    keras.utils.set_random_seed(1)
    layers = [
        keras.Input((SIZE,), name="sensor"),
        keras.layers.Dense(3, activation="softmax", name="probabilities"),
    ]
    model = keras.Sequential(layers, name="dense")
    files = {ending: folder / f"dense{ending}" for ending in dict(CASES)}
    model.save(files[".keras"])
    holder = tf.Module()
    holder.kept = [v.value for v in model.variables]
    traced = tf.function(
        lambda sensor: {"probabilities": model(sensor, training=False)},
        input_signature=[tf.TensorSpec((1, SIZE), tf.float32, name="sensor")],
    ).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], holder)
    files[".tflite"].write_bytes(converter.convert())
    package = ct.convert(
        [traced],
        source="tensorflow",
        convert_to="mlprogram",
        compute_precision=ct.precision.FLOAT32,
    )
    package.save(str(files[".mlpackage"]))
    files[".onnx"].write_bytes(as_onnx(*model.get_weights()))
    write_aimodel(files[".aimodel"], *model.get_weights())
    return files


def write_aimodel(path: Path, kernel: Any, bias: Any) -> None:
    """The same network in Core AI's operations; without Apple's package nothing is written."""
    if unavailable(path, "coreai"):
        return
    x = Value("sensor", (SIZE,))
    sums = Dense(label="sums", inputs=(x,), kernel=kernel, bias=bias)
    last = Activation(label="probabilities", inputs=sums.outputs, function=SOFTMAX)
    graph = Graph("dense", (x,), last.outputs, (sums, last))
    builder = ProgramBuilder(graph, LOWERINGS, "float32", store_float)
    builder.write(("probabilities",), path)


def as_onnx(kernel: Any, bias: Any) -> bytes:
    """The same network, written by hand."""
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["sensor", "kernel", "bias"], ["sums"]),
            helper.make_node("Softmax", ["sums"], ["probabilities"]),
        ],
        "dense",
        [helper.make_tensor_value_info("sensor", TensorProto.FLOAT, (1, SIZE))],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, (1, 3))],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


@pytest.fixture(params=CASES, ids="-".join)
def case(request: pytest.FixtureRequest, made: dict[str, Path]) -> tuple[Path, str]:
    ending, runtime = request.param
    reason = unavailable(made[ending], runtime)
    if reason is not None:
        pytest.skip(reason)
    return made[ending], runtime


@pytest.mark.parametrize(("ending", "runtime"), CASES)
def test_it_is_available_or_says_what_it_needs(
    made: dict[str, Path], ending: str, runtime: str
) -> None:
    reason = unavailable(made[ending], runtime)
    if reason is None:
        with open_runner(made[ending], runtime) as runner:
            assert runner.runtime == runtime
        return
    entry = RUNTIMES[runtime]
    assert entry.system or entry.installed, "all that the lock file installs must run here"
    assert "\n" not in reason
    if entry.system and platform.system() != _HOME[entry.system]:
        assert f"needs {entry.system}" in reason
    with pytest.raises(MissingDependency) as caught:
        open_runner(made[ending], runtime)
    assert str(caught.value) == reason
    assert caught.value.hint


def windows(n: int) -> Any:
    return np.random.default_rng(2).normal(0, 1, (n, SIZE)).astype(np.float32)


def numeric(outputs: dict[str, Any]) -> Any:
    (found,) = outputs.values()
    return found


def test_the_fixture_covers_the_table(made: dict[str, Path]) -> None:
    covered = {r for suffix, r in CASES if made[suffix].exists() or unavailable(made[suffix], r)}
    assert covered == set(RUNTIMES)
    assert {t.suffix for t in all_targets()} <= set(made)


def test_it_opens_runs_and_says_who_it_is(case: tuple[Path, str], made: dict[str, Path]) -> None:
    path, runtime = case
    assert unavailable(path, runtime) is None
    x = windows(7)
    with open_runner(path, runtime) as runner:
        assert runner.runtime == runtime
        assert list(runner.inputs) == ["sensor"]
        assert runner.inputs["sensor"].dtype == "float32"
        assert len(runner.outputs) == 1
        outputs = runner.run({"sensor": x})
        assert set(outputs) == set(runner.outputs)
    with open_runner(made[".keras"], "keras") as reference:
        expected = numeric(reference.run({"sensor": x}))
    np.testing.assert_allclose(numeric(outputs), expected, atol=1e-6)


@pytest.mark.parametrize("leading", [(), (1,), (5,), (2, 3), (0,)])
def test_any_leading_batch_comes_back(case: tuple[Path, str], leading: tuple[int, ...]) -> None:
    count = int(np.prod(leading))
    x = windows(count).reshape(*leading, SIZE)
    with open_runner(*case) as runner:
        found = numeric(runner.run({"sensor": x}))
        assert found.shape == (*leading, 3)
        flat = numeric(runner.run({"sensor": x.reshape(count, SIZE)}))
    np.testing.assert_allclose(found.reshape(count, 3), flat, atol=1e-6)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"wrong": np.zeros((1, SIZE), np.float32)},
        {"sensor": np.zeros((1, SIZE + 1), np.float32)},
        {"sensor": np.zeros((1, SIZE), np.complex64)},
        {"sensor": np.full((1, SIZE), "text")},
    ],
)
def test_arrays_that_do_not_fit_are_bad_input(
    case: tuple[Path, str], arrays: dict[str, Any]
) -> None:
    with open_runner(*case) as runner, pytest.raises(BadInput, match="sensor"):
        runner.run(arrays)


def test_the_same_input_gives_the_same_numbers(case: tuple[Path, str]) -> None:
    with open_runner(*case) as runner:
        first = numeric(runner.run({"sensor": windows(5)}))
        np.testing.assert_array_equal(first, numeric(runner.run({"sensor": windows(5)})))


def test_the_arrays_given_are_left_alone(case: tuple[Path, str]) -> None:
    x = windows(4)
    with open_runner(*case) as runner:
        numeric(runner.run({"sensor": x}))[...] = 0
    np.testing.assert_array_equal(x, windows(4))


def test_nan_in_is_not_a_number_out(case: tuple[Path, str]) -> None:
    x = windows(2)
    x[0, 0] = np.nan
    with open_runner(*case) as runner:
        found = numeric(runner.run({"sensor": x}))
    assert not np.isfinite(found[0]).all()
    assert np.isfinite(found[1]).all()


def check_bound(runner: Runner) -> None:
    """A bound inference computes what `run` computes of the same sample, however often.

    Another sample has been run just before, so that what the engine still has of it shows.
    """
    sample, other = windows(2)[:1], windows(2)[1:]
    expected = numeric(runner.run({"sensor": sample}))
    assert np.abs(expected - numeric(runner.run({"sensor": other}))).max() > 1e-3
    bound = runner.bind({"sensor": sample})
    for _ in range(3):
        bound()
        np.testing.assert_allclose(numeric(bound.outputs()), expected, rtol=1e-6)
    bound.invoke()
    np.testing.assert_allclose(numeric(bound.outputs()), expected, rtol=1e-6)


def test_bind_computes_what_run_computes(case: tuple[Path, str]) -> None:
    with open_runner(*case) as runner:
        check_bound(runner)


@pytest.mark.parametrize("leading", [(), (1,), (1, 1)])
def test_bind_gives_outputs_under_the_leading_batch(
    case: tuple[Path, str], leading: tuple[int, ...]
) -> None:
    with open_runner(*case) as runner:
        bound = runner.bind({"sensor": windows(1).reshape(*leading, SIZE)})
        bound()
        assert numeric(bound.outputs()).shape == (*leading, 3)


def test_check_bound_notices_a_bind_that_does_nothing(case: tuple[Path, str]) -> None:
    def bind(arrays: Mapping[str, Any]) -> BoundRun:
        return BoundRun(lambda: None, original(arrays).outputs)

    with open_runner(*case) as runner:
        original = runner.bind
        runner.bind = bind  # type: ignore[method-assign]
        with pytest.raises((AssertionError, BadInput, UsageError)):
            check_bound(runner)
