"""tflite-micro: int8 and float32 files, the arena that they need, and files that it cannot run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.errors import BadInput, MissingDependency, Unsupported, UsageError
from edgeconv.runtimes import arena, open_runner, unavailable
from edgeconv.runtimes.arena import measure_arena, reason
from tests.unit.targets.lints.flatbuffers_by_hand import Net, Op, Tensor

SUMS = Op("FULLY_CONNECTED", ["sensor", "w", "b"], ["scores"])
"""Rows 0 1 2 3 and 4 5 6 7 of weights, bias 1."""
WHY_NOT = unavailable("any.tflite", "tflite-micro")
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    return Net(ops=[SUMS], outputs=["scores"]).write(tmp_path / "sums.tflite", None)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("name", "limit"),
    [("float", 1e-6), ("fixed4", 1e-6), ("dynamic", 1e-6), ("int8", 1 / 256), ("int8io", 1 / 256)],
)
def test_it_agrees_with_litert(files: Path, batch: Any, name: str, limit: float) -> None:
    path = files / f"{name}.tflite"
    with open_runner(path, "tflite-micro") as micro, open_runner(path, "litert") as litert:
        found = micro.run({"sensor": batch})["probabilities"]
        expected = litert.run({"sensor": batch})["probabilities"]
    assert found.dtype == np.float32
    assert np.ptp(found) > 0.1
    np.testing.assert_allclose(found, expected, atol=limit)


def test_a_float_network_by_hand(sums: Path) -> None:
    with open_runner(sums, "tflite-micro") as runner:
        x = np.array([0.0, 0.1, 0.0, 0.0], np.float32)
        (found,) = runner.run({"sensor": x}).values()
    np.testing.assert_allclose(found, [0.1 * 1 + 1, 0.1 * 5 + 1], rtol=1e-6)


def test_the_arena_is_the_smallest_that_is_enough(sums: Path) -> None:
    found = measure_arena(sums)
    assert found % arena.ALIGNMENT == 0
    data = sums.read_bytes()
    assert arena._opens(data, found)
    assert not arena._opens(data, found - arena.ALIGNMENT)


def test_a_larger_activation_needs_a_larger_arena(tmp_path: Path, sums: Path) -> None:
    size = 4096
    net = Net(
        tensors=[
            Tensor("sensor", (1, 4)),
            Tensor("w", (size, 4), data=np.ones((size, 4), np.float32)),
            Tensor("b", (size,), data=np.ones(size, np.float32)),
            Tensor("scores", (1, size)),
            Tensor("probabilities", (1, size)),
        ]
    )
    wide = measure_arena(net.write(tmp_path / "wide.tflite", None))
    assert wide > measure_arena(sums) + 4 * size


def test_float16_weights_are_refused_with_the_reason(tmp_path: Path) -> None:
    net = Net()
    net.tensors[1] = Tensor("half", (2, 4), "FLOAT16", data=np.ones((2, 4), np.float16))
    net.tensors.append(Tensor("w", (2, 4)))
    net.ops.insert(0, Op("DEQUANTIZE", ["half"], ["w"]))
    path = net.write(tmp_path / "half.tflite", None)
    with pytest.raises(Unsupported, match=r"DEQUANTIZE.*export one of those") as caught:
        open_runner(path, "tflite-micro")
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)


def test_an_operation_that_it_has_not_is_refused(tmp_path: Path) -> None:
    net = Net()
    net.ops[1] = Op("SEGMENT_SUM", ["scores"], ["probabilities"])
    with pytest.raises(Unsupported, match="SEGMENT_SUM"):
        open_runner(net.write(tmp_path / "odd.tflite", None), "tflite-micro")


def test_a_file_that_crashes_it_is_one_clear_line(
    sums: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*words: str, seconds: float) -> subprocess.CompletedProcess[str]:
        kill = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
        return subprocess.run(
            [sys.executable, "-c", kill], capture_output=True, text=True, check=False
        )

    monkeypatch.setattr(arena, "run_module", ended)
    with pytest.raises(BadInput, match=r"tflite-micro crashes on this file \(signal 11\)"):
        open_runner(sums, "tflite-micro", limits=None)  # in this process, which was changed


def test_a_file_that_does_not_end_is_given_up(sums: Path) -> None:
    with pytest.raises(BadInput, match=r"did not run this file in 0\.001 s"):
        measure_arena(sums, seconds=0.001)


def test_a_truncated_file_is_bad_input(sums: Path) -> None:
    sums.write_bytes(sums.read_bytes()[:300])
    with pytest.raises(BadInput, match=r"sums\.tflite is truncated or damaged"):
        measure_arena(sums)


def test_it_has_one_thread(sums: Path) -> None:
    with pytest.raises(UsageError, match="one thread"):
        open_runner(sums, "tflite-micro", num_threads=2)


def test_its_own_lines_become_one() -> None:
    said = ["tensorflow/lite/micro/a.cc:4 No such thing.", "", "Node X failed"]
    assert reason(said) == "No such thing; Node X failed"
    assert reason([]) == "it gives no reason"


def test_a_missing_package_says_how_to_install_it(
    sums: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arena, "find_spec", lambda name: None)
    assert "'tflite-micro' is not installed" in str(unavailable(sums, "tflite-micro"))
    with pytest.raises(MissingDependency, match="pip install tflite-micro") as caught:
        open_runner(sums, "tflite-micro")
    assert caught.value.exit_code == 5
