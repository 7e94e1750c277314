"""What `tests/contract/test_runtimes.py` does not ask of ONNX Runtime: batches, values inside."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgeconv.errors import BadInput, Unsupported, UsageError
from edgeconv.runtimes import RunLimits, inspectable, open_runner
from edgeconv.runtimes.arrays import DYNAMIC_CHUNK
from edgeconv.runtimes.guarded import GuardedRunner
from tests.unit.targets.onnx.networks import (
    classifier,
    constant,
    expected,
    looped,
    model,
    value,
    write,
)


def windows(n: int) -> Any:
    return np.random.default_rng(n).normal(size=(n, 6)).astype(np.float32)


@pytest.mark.parametrize("batch", [1, 4, "N"])
@pytest.mark.parametrize("count", [1, 3, DYNAMIC_CHUNK + 2])
def test_any_number_of_samples(batch: int | str, count: int, tmp_path: Path) -> None:
    x = windows(count)
    with open_runner(write(tmp_path / "m.onnx", classifier(batch))) as runner:
        got = runner.run({"sensor": x})["probabilities"]
        inside = inspectable(runner).intermediates({"sensor": x[:2]}) if batch != 4 else {}
    np.testing.assert_allclose(got, expected(x), atol=1e-6)
    if inside:
        assert list(inside) == ["sums", "probabilities"]
        np.testing.assert_allclose(inside["probabilities"], got[:2], atol=1e-6)


def test_outputs_before_the_first_call_are_refused(tmp_path: Path) -> None:
    """ONNX Runtime itself would crash."""
    with open_runner(write(tmp_path / "m.onnx", classifier())) as runner:
        bound = runner.bind({"sensor": windows(1)})
        with pytest.raises(UsageError, match="no outputs yet"):
            bound.outputs()


def test_unknown_values_and_threads_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", classifier())
    with open_runner(path, num_threads=2) as runner:
        with pytest.raises(BadInput, match="no tensor 'kernel'"):
            inspectable(runner).intermediates({"sensor": windows(1)}, ["kernel"])
        with pytest.raises(BadInput, match="no sample"):
            inspectable(runner).intermediates({"sensor": windows(0)})
    with pytest.raises(UsageError, match="num_threads must be at least 1"):
        open_runner(path, num_threads=0)


def test_integers_in_and_out_are_real_numbers(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "half", "zero"], ["real"]),
        helper.make_node("Neg", ["real"], ["minus"]),
        helper.make_node("QuantizeLinear", ["minus", "half", "zero"], ["y"]),
    ]
    integer = TensorProto.INT8
    network = model(
        nodes,
        [value("x", 1, 2, dtype=integer)],
        [value("y", 1, 2, dtype=integer)],
        [constant("half", 0.5), constant("zero", 3, "int8")],
    )
    with open_runner(write(tmp_path / "m.onnx", network)) as runner:
        assert (runner.inputs["x"].scale, runner.inputs["x"].zero_point) == (0.5, 3)
        got = runner.run({"x": np.array([[1.0, -2.5]], np.float32)})["y"]
    np.testing.assert_array_equal(got, [[-1.0, 2.5]])


def test_an_operation_that_it_lacks_is_unsupported(tmp_path: Path) -> None:
    network = model(
        [helper.make_node("Fancy", ["x"], ["y"], domain="mine")],
        [value("x", 1)],
        [value("y", 1)],
        domains=["mine"],
    )
    with pytest.raises(Unsupported, match="Fancy") as caught:
        open_runner(write(tmp_path / "m.onnx", network))
    assert caught.value.exit_code == 4


def test_shapes_that_do_not_fit_are_bad_input(tmp_path: Path) -> None:
    network = classifier()
    network.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 5
    with pytest.raises(BadInput, match="ONNX Runtime cannot"):
        open_runner(write(tmp_path / "m.onnx", network)).run({"sensor": windows(1)[:, :5]})


def test_a_loop_runs_and_one_without_end_is_given_up(tmp_path: Path) -> None:
    with open_runner(write(tmp_path / "m.onnx", looped())) as runner:
        got = runner.run({"x": np.array([[1, 2]], np.float32)})["total"]
    np.testing.assert_array_equal(got, [[3, 6]])
    endless = looped()
    endless.graph.initializer[0].CopyFrom(constant("turns", 2**62, "int64"))
    path = write(tmp_path / "endless.onnx", endless)
    with (
        open_runner(path, limits=RunLimits(seconds=2)) as runner,
        pytest.raises(BadInput, match=r"ONNX Runtime did not end within 2 s") as caught,
    ):
        runner.run({"x": np.array([[1, 2]], np.float32)})
    assert caught.value.exit_code == 3


def test_a_crash_is_one_clear_line(tmp_path: Path) -> None:
    """No file is known that crashes it, so the child is killed here as a crash would."""
    with open_runner(write(tmp_path / "m.onnx", classifier())) as runner:
        assert isinstance(runner, GuardedRunner)
        assert runner._channel is not None
        runner._channel._child.send_signal(signal.SIGSEGV)
        with pytest.raises(BadInput, match=r"ONNX Runtime crashes on this file \(signal 11\)"):
            runner.run({"sensor": windows(1)})


_WITHOUT = """
import sys
sys.modules[{package!r}] = None
from edgeconv.errors import MissingDependency
from edgeconv.runtimes import open_runner
try:
    open_runner({path!r}, limits=None)
except MissingDependency as error:
    print(error.exit_code, error)
"""


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_without_the_extra_the_message_names_it(package: str, tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", classifier())
    code = _WITHOUT.format(package=package, path=str(path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"5 the package '{package}' is not installed (install it: pip install \"edgeconv[onnx]\")\n"
    )
