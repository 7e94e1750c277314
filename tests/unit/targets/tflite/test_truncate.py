"""Cut files and probes, opened by the real engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeconv.errors import BadInput
from edgeconv.targets.file_graph import cut_points
from edgeconv.targets.tflite.reader import read_graph
from edgeconv.targets.tflite.roofline_model import CHANNELS, MACS, SIDE, convolution
from edgeconv.targets.tflite.truncate import prefixes


@pytest.fixture(params=["float32", "int8"])
def probe(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"{request.param}.tflite"
    path.write_bytes(convolution(request.param))
    return path


def test_probe_is_one_convolution(probe: Path) -> None:
    graph = read_graph(probe)
    assert graph.kinds == ("CONV_2D",)
    assert graph.macs == MACS
    assert graph.inputs[0].dtype == probe.stem


def test_probe_runs_and_is_a_convolution(probe: Path) -> None:
    """All ones: each output is the sum of its kernel."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=probe.read_bytes())
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    ones = np.ones((1, SIDE, SIDE, CHANNELS), given["dtype"])
    interpreter.set_tensor(given["index"], ones)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert found.shape == ones.shape
    assert len(np.unique(found.reshape(-1, CHANNELS), axis=0)) == 1
    assert found.std() > 0


def test_without_operations_the_input_is_the_output(probe: Path, tmp_path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    assert cut_points(read_graph(probe)) == [1]
    empty, whole = prefixes(probe, (0, 1))
    interpreter = Interpreter(model_content=empty)
    interpreter.allocate_tensors()
    assert (
        interpreter.get_output_details()[0]["index"]
        == (interpreter.get_input_details()[0]["index"])
    )
    again = tmp_path / "whole.tflite"
    again.write_bytes(whole)
    assert read_graph(again).macs == MACS


def test_a_place_that_is_none(probe: Path) -> None:
    with pytest.raises(BadInput, match="after 2 operations"):
        prefixes(probe, (2,))
