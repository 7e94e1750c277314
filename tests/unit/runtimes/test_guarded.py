"""Engines in another process: files that crash them, never end or fail midway are refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.core import InputConvention, Inspectable
from edgeconv.errors import BadInput, UsageError
from edgeconv.runtimes import LIMITS, RunLimits, inspectable, open_runner
from edgeconv.workflows.evaluate import evaluate
from edgeconv.workflows.profile import profile
from tests.unit.targets.lints.flatbuffers_by_hand import Net, Op, Tensor
from tests.unit.targets.lints.programs import CHANNELS, STEPS, package


def crashing(path: Path) -> Path:
    """A kernel that claims to be far larger than the constant that it is unpacked from: LiteRT
    reads on past the end of the file. A single flipped bit can do this."""
    from ai_edge_litert import schema_py_generated as schema

    net = Net(
        tensors=[
            Tensor("sensor", (1, 1, 8, 4)),
            Tensor("half", (4, 1, 2, 4), "FLOAT16", data=np.ones(32, np.float16)),
            Tensor("w", (4, 1, 2**26 + 2, 4)),
            Tensor("b", (4,), data=np.ones(4, np.float32)),
            Tensor("probabilities", (1, 1, 7, 4)),
        ],
        ops=[
            Op("DEQUANTIZE", ["half"], ["w"]),
            Op("CONV_2D", ["sensor", "w", "b"], ["probabilities"]),
        ],
    )
    tree = net.tree()
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideW = options.strideH = 1
    options.dilationWFactor = options.dilationHFactor = 1
    convolution = tree.subgraphs[0].operators[1]
    convolution.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
    convolution.builtinOptions = options
    return net.write(path, None, tree)


def lacking(path: Path) -> Path:
    """An operation reads what nothing computes."""
    net = Net()
    net.tensors.append(Tensor("nothing", (1, 2)))
    net.ops[1] = Op("ADD", ["scores", "nothing"], ["probabilities"])
    return net.write(path, None)


def test_a_file_that_kills_litert_is_one_clear_line(tmp_path: Path) -> None:
    path = crashing(tmp_path / "crash.tflite")
    with pytest.raises(BadInput, match=r"LiteRT crashes on this file \(signal \d+\)") as caught:
        run_zeros(path, RunLimits(megabytes=16_000))
    assert caught.value.exit_code == 3
    run_zeros(Net().write(tmp_path / "fine.tflite"))  # the next one gets another process


def test_a_relative_path_is_that_of_the_callers_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is started once, and the caller may have gone elsewhere since: another file of
    the same name must not be run."""
    for name in ("first", "second", "third"):
        (tmp_path / name).mkdir()
    for name in ("first", "third"):
        Net().write(tmp_path / name / "net.tflite", None)
    (tmp_path / "second" / "net.tflite").write_text("no model")
    for name in ("first", "second", "third"):
        monkeypatch.chdir(tmp_path / name)
        if name == "second":
            with pytest.raises(BadInput, match=r"^net\.tflite is not a TFLite file"):
                run_zeros(Path("net.tflite"))
        else:
            assert run_zeros(Path("net.tflite"))


def run_zeros(path: Path, limits: RunLimits = LIMITS) -> dict[str, NDArray[Any]]:
    with open_runner(path, limits=limits) as runner:
        return runner.run(
            {n: np.zeros(spec.shape, spec.dtype) for n, spec in runner.inputs.items()}
        )


def test_a_file_that_fails_in_the_middle_says_why(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"LiteRT cannot run this file: .*Input tensor 5 lacks data"):
        run_zeros(lacking(tmp_path / "lacking.tflite"))


def test_a_file_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    path = tmp_path / "text.tflite"
    path.write_text("no model")
    with pytest.raises(BadInput, match=r"text\.tflite"):
        open_runner(path)


def test_memory_has_a_limit(tmp_path: Path) -> None:
    path = crashing(tmp_path / "large.tflite")  # a kernel of 2 GB
    with pytest.raises(BadInput, match="LiteRT cannot open this file"):
        run_zeros(path, RunLimits(megabytes=1000))


@pytest.mark.parametrize("name", ["seconds", "megabytes"])
def test_limits_are_above_0(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} of RunLimits must be above 0"):
        RunLimits(**{name: 0})


@pytest.mark.parametrize("kind", ["tflite", pytest.param("mlpackage", marks=pytest.mark.heavy)])
def test_what_it_gives_is_what_the_runner_gives(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"fine.{kind}"
    path = Net().write(path) if kind == "tflite" else package(path)
    runtime = "litert" if kind == "tflite" else "coreml-reference"
    sample = (70, 4) if kind == "tflite" else (CHANNELS, 1, STEPS)
    arrays = {"sensor": np.random.default_rng(0).normal(size=(5, *sample)).astype(np.float32)}
    with open_runner(path, runtime, limits=None) as here, open_runner(path, runtime) as there:
        assert (there.inputs, there.outputs) == (here.inputs, here.outputs)
        assert isinstance(there, Inspectable)
        assert isinstance(here, Inspectable)
        assert types_of(there) == types_of(here)
        for mine, other in (
            (there.run(arrays), here.run(arrays)),
            (
                there.run({"sensor": arrays["sensor"][:0]}),
                here.run({"sensor": arrays["sensor"][:0]}),
            ),
            (there.intermediates(arrays), here.intermediates(arrays)),
        ):
            assert list(mine) == list(other)
            for name, array in other.items():
                np.testing.assert_array_equal(mine[name], array)
        sample_of_one = arrays["sensor"][:1] if kind == "mlpackage" else arrays["sensor"][0, 0]
        one, same = (runner.bind({"sensor": sample_of_one}) for runner in (there, here))
        one()
        same()
        for name, array in same.outputs().items():
            np.testing.assert_array_equal(one.outputs()[name], array)


def types_of(runner: Inspectable) -> dict[str, tuple[str, tuple[int, ...] | None]]:
    return {name: (value.dtype, value.shape) for name, value in runner.tensors.items()}


def test_errors_arrive_as_they_are(tmp_path: Path) -> None:
    path = Net().write(tmp_path / "fine.tflite")
    with open_runner(path) as runner:
        with pytest.raises(BadInput, match="inputs are"):
            runner.run({"other": np.zeros((1, 4), np.float32)})
        with pytest.raises(BadInput, match="for timing, got 3"):
            runner.bind({"sensor": np.zeros((3, 4), np.float32)})
        with pytest.raises(BadInput, match="has no tensor 'x'") as caught:
            inspectable(runner).intermediates({"sensor": np.zeros((1, 4), np.float32)}, ["x"])
        assert "`tensors` of the runner" in caught.value.hint
    with pytest.raises(UsageError, match="is closed"):
        runner.run({"sensor": np.zeros((1, 4), np.float32)})


def test_a_process_is_used_again_and_by_one_runner_at_a_time(tmp_path: Path) -> None:
    path = Net().write(tmp_path / "fine.tflite")
    with open_runner(path) as first:
        child = processes()
        with open_runner(path):
            assert len(processes()) == len(child) + 1
    with open_runner(path):
        assert len(processes()) == len(child) + 1
    assert first.runtime == "litert"


def processes() -> list[int]:
    """Children of this process that serve a runner."""
    task = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    lines = [Path(f"/proc/{child}/cmdline").read_text() for child in task]
    return [int(c) for c, line in zip(task, lines, strict=True) if "runtimes.guarded" in line]


def endless(path: Path) -> Path:
    """A loop that doubles its value until that is large: a negative one stays so."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((1, 4), name="x")], autograph=False)  # type: ignore[untyped-decorator]
    def double(x: Any) -> Any:
        grow, small = lambda y: (y * 2,), lambda y: tf.reduce_sum(y) < 1000.0
        return tf.while_loop(small, grow, [x + 1e-3])[0]

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [double.get_concrete_function()], double
    )
    path.write_bytes(converter.convert())
    return path


@pytest.mark.heavy
def test_a_loop_that_never_ends_is_given_up(tmp_path: Path) -> None:
    path = endless(tmp_path / "endless.tflite")
    positive = np.ones((3, 4), np.float32)
    with open_runner(path, limits=RunLimits(seconds=3)) as runner:
        assert runner.run({"x": positive})
        with pytest.raises(BadInput, match="did not end within 3 s") as caught:
            runner.run({"x": -positive})
        assert "WHILE" in caught.value.hint
        with pytest.raises(BadInput, match="has ended on this file"):
            runner.run({"x": positive})


def endless_package(path: Path) -> Path:
    """The same loop in Core ML, which NumPy runs."""
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb

    def small(y: Any) -> Any:
        return mb.less(x=mb.reduce_sum(x=y, axes=[0, 1], keep_dims=False), y=np.float32(1000))

    @mb.program(input_specs=[mb.TensorSpec((1, 4))], opset_version=ct.target.iOS16)  # type: ignore[untyped-decorator]
    def double(x: Any) -> Any:
        grow = lambda y: (mb.mul(x=y, y=np.float32(2)),)  # noqa: E731
        return mb.while_loop(_cond=small, _body=grow, loop_vars=(x,))

    float32 = ct.precision.FLOAT32
    model = ct.convert(double, minimum_deployment_target=ct.target.iOS16, compute_precision=float32)
    model.save(path)
    return path


def test_a_core_ml_loop_that_never_ends_is_given_up(tmp_path: Path) -> None:
    path = endless_package(tmp_path / "endless.mlpackage")
    positive = np.ones((3, 4), np.float32)
    with open_runner(path, "coreml-reference", limits=RunLimits(seconds=3)) as runner:
        assert runner.run({"x": positive})
        with pytest.raises(BadInput, match="the NumPy reference of Core ML did not end within 3 s"):
            runner.run({"x": -positive})


def test_commands_survive_a_file_that_kills_litert(tmp_path: Path) -> None:
    path = crashing(tmp_path / "crash.tflite")  # or that it refuses, having too little memory
    with pytest.raises(BadInput, match=r"LiteRT (crashes|cannot open)"):
        evaluate(path, "synthetic", sensor=InputConvention.ANDROID)
    with pytest.raises(BadInput, match=r"LiteRT (crashes|cannot open)"):
        profile([path], runs=1)
