"""Inputs for timing: a window where the file takes one, noise of its shapes where it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from edgeconv.core import Runner, Status, TensorSpec
from edgeconv.profiling.op_timing import operations
from edgeconv.profiling.timing_input import probe_sample
from edgeconv.runtimes import open_runner
from edgeconv.targets import files
from edgeconv.targets.tflite.size_breakdown import CHANNELS, SIDE, convolution
from edgeconv.workflows.profile import profile

pytestmark = pytest.mark.timing


class TwoInputs:
    """What a text model with a mask takes."""

    inputs = {  # noqa: RUF012 (as the protocol has it)
        "tokens": TensorSpec("tokens", (1, 8), "int32"),
        "scores": TensorSpec("scores", (-1, 4), "float32"),
    }


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    path = tmp_path / "probe.tflite"
    path.write_bytes(convolution("float32"))
    return path


def test_one_input_of_any_shape(probe: Path) -> None:
    with open_runner(probe) as runner:
        found = probe_sample(runner, files.describe(probe))
        (values,) = found.values()
        assert values.shape == (1, SIDE, SIDE, CHANNELS)
        assert (np.abs(values) > np.finfo(np.float32).tiny).all()


def test_several_inputs(probe: Path) -> None:
    found = probe_sample(cast("Runner", TwoInputs()), files.describe(probe))
    assert {name: (v.shape, v.dtype.name) for name, v in found.items()} == {
        "tokens": ((1, 8), "int32"),
        "scores": ((1, 4), "float32"),
    }


def test_foreign_file_is_profiled_with_its_operations(probe: Path) -> None:
    found: Any = profile([probe], runs=20, warmup=5)[0]
    assert found.status is Status.PASSED
    assert [op.kind for op in found.ops] == ["CONV_2D"]
    assert found.ops[0].us == pytest.approx(found.latency_us["p50"], rel=0.5)
    assert found.peaks.int8_gflops > 0
    assert found.memory["rss_peak"] > found.memory["rss_engine"] / 2


def test_crash_of_a_cut_file_is_a_reason(probe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that ends as LiteRT does on a broken graph."""
    artifact = files.describe(probe)
    dying = probe.with_name("python")
    dying.write_text("#!/bin/sh\nkill -SEGV $$\n")
    dying.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(dying))
    rows, method = operations(artifact, "litert", 1, time_them=True)
    assert [(row.kind, row.us) for row in rows] == [("CONV_2D", None)]
    assert "exit code -11" in method
