"""LiteRT against Keras, on every kind of batch, and on damaged files."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.errors import BadInput, UsageError
from edgeconv.runtimes import open_runner

pytestmark = pytest.mark.heavy
KERNELS = ("litert", "litert-reference")


def probabilities(path: Path, x: Any, runtime: str = "auto", **options: Any) -> Any:
    with open_runner(path, runtime, **options) as runner:
        return runner.run({"sensor": x})["probabilities"]


@pytest.mark.parametrize("runtime", KERNELS)
@pytest.mark.parametrize("name", ["float", "dynamic", "fixed4"])
def test_float_files_agree_with_keras(files: Path, batch: Any, name: str, runtime: str) -> None:
    found = probabilities(files / f"{name}.tflite", batch[:19], runtime)
    # a few float32 roundings (2^-24 of values up to 1) in sums of tens of products
    np.testing.assert_allclose(found, probabilities(files / "model.keras", batch[:19]), atol=2e-6)


@pytest.mark.parametrize("runtime", KERNELS)
@pytest.mark.parametrize("name", ["float", "dynamic", "fixed4", "int8", "int8io"])
def test_each_window_is_judged_alone(files: Path, batch: Any, name: str, runtime: str) -> None:
    with open_runner(files / f"{name}.tflite", runtime) as runner:
        together = runner.run({"sensor": batch})["probabilities"]
        for row in (0, 7, 19):
            alone = runner.run({"sensor": batch[row]})["probabilities"]
            np.testing.assert_allclose(alone, together[row], atol=2e-7)


def test_more_windows_than_one_chunk_of_a_dynamic_file(files: Path, batch: Any) -> None:
    many = np.tile(batch, (30, 1))  # 600: two whole chunks and a part
    found = probabilities(files / "dynamic.tflite", many)
    np.testing.assert_allclose(found, probabilities(files / "float.tflite", many), atol=2e-6)


def test_the_two_kernel_sets_are_named(files: Path) -> None:
    names = []
    for runtime in KERNELS:
        with open_runner(files / "float.tflite", runtime) as runner:
            names.append((runner.runtime, getattr(runner, "kernels", "")))
    assert names == [("litert", "XNNPACK"), ("litert-reference", "built-in")]


@pytest.mark.parametrize("runtime", KERNELS)
def test_real_and_stored_numbers_give_the_same(files: Path, batch: Any, runtime: str) -> None:
    with open_runner(files / "int8io.tflite", runtime) as runner:
        spec = runner.inputs["sensor"]
        assert spec.dtype == "int8"
        assert spec.scale is not None
        stored = np.clip(np.round(batch / spec.scale) + (spec.zero_point or 0), -128, 127)
        real = runner.run({"sensor": batch})["probabilities"]
        raw = runner.run({"sensor": stored.astype(np.int8)})["probabilities"]
    np.testing.assert_array_equal(real, raw)
    assert real.dtype == np.float32
    # the file with float input quantizes with its own QUANTIZE operation: no step apart
    np.testing.assert_allclose(
        real, probabilities(files / "int8.tflite", batch, runtime), atol=1 / 256
    )


def test_threads_do_not_change_the_numbers(files: Path, batch: Any) -> None:
    one = probabilities(files / "int8.tflite", batch, num_threads=1)
    np.testing.assert_array_equal(one, probabilities(files / "int8.tflite", batch, num_threads=2))
    with pytest.raises(UsageError, match="num_threads"):
        open_runner(files / "int8.tflite", num_threads=0)


def test_bind_takes_one_inference_of_samples(files: Path, batch: Any) -> None:
    with open_runner(files / "float.tflite") as runner:
        expected = runner.run({"sensor": batch})["probabilities"][:1]
        bound = runner.bind({"sensor": batch[:1]})
        bound()
        np.testing.assert_array_equal(bound.outputs()["probabilities"], expected)
        with pytest.raises(BadInput, match=r"1 sample\(s\).*got 20"):
            runner.bind({"sensor": batch})


@pytest.mark.parametrize("runtime", KERNELS)
@pytest.mark.parametrize("name", ["float", "int8"])
def test_a_file_cut_anywhere_is_refused(
    files: Path, tmp_path: Path, name: str, runtime: str
) -> None:
    whole = (files / f"{name}.tflite").read_bytes()
    cut = tmp_path / "cut.tflite"
    for length in {*range(0, len(whole), 61), len(whole) - 1}:
        cut.write_bytes(whole[:length])
        with pytest.raises(BadInput, match=r"cut\.tflite"):
            open_runner(cut, runtime)


def test_opening_is_silent(files: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with open_runner(files / "float.tflite"):
        pass
    assert capfd.readouterr().err == ""


def test_the_file_may_be_replaced_while_it_is_open(files: Path, tmp_path: Path, batch: Any) -> None:
    path = tmp_path / "model.tflite"
    shutil.copy(files / "float.tflite", path)
    with open_runner(path) as runner:
        before = runner.run({"sensor": batch})["probabilities"]
        path.write_bytes(b"")
        np.testing.assert_array_equal(before, runner.run({"sensor": batch})["probabilities"])


def test_the_loop_over_windows_costs_little_python(files: Path, batch: Any) -> None:
    many = np.tile(batch, (100, 1))
    with open_runner(files / "int8.tflite") as runner:
        start = time.process_time_ns()
        runner.run({"sensor": many})
        spent = time.process_time_ns() - start
    # measured: 4 us a window for this tiny network, nearly all of it overhead; 50 leaves room
    # for a loaded machine and still refuses a loop that copies or checks each window
    assert spent / len(many) < 50_000
