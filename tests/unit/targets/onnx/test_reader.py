"""Tensors, cost and bytes of files, edgeconv's own and those of other tools."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgeconv.core import TensorSpec
from edgeconv.runtimes import open_runner
from edgeconv.targets import files
from edgeconv.targets.file_graph import cut_points
from edgeconv.targets.onnx import model_file, reader, storage

from .networks import classifier, constant, looped, model, value, write


def test_tensors_and_cost(tmp_path: Path) -> None:
    graph = reader.read_graph(write(tmp_path / "m.onnx", classifier()))
    assert graph.inputs == (TensorSpec("sensor", (1, 6), "float32"),)
    assert graph.outputs == (TensorSpec("probabilities", (1, 3), "float32"),)
    assert (graph.macs, graph.parameters, graph.kinds) == (18, 21, ("Gemm", "Softmax"))
    assert graph.peak_tensor_bytes == 4 * (6 + 3)
    assert graph.extra["opset"] == "ai.onnx 17"


def test_a_free_batch_is_minus_one(tmp_path: Path) -> None:
    graph = reader.read_graph(write(tmp_path / "m.onnx", classifier("N")))
    assert [spec.shape for spec in (*graph.inputs, *graph.outputs)] == [(-1, 6), (-1, 3)]
    assert graph.macs == 18


def test_several_inputs_and_constants_among_them(tmp_path: Path) -> None:
    """Files of IR version 3 list their weights among the inputs."""
    nodes = [
        helper.make_node("Constant", [], ["two"], value=constant("", [2.0])),
        helper.make_node("Mul", ["left", "two"], ["doubled"]),
        helper.make_node("Add", ["doubled", "right"], ["sum"]),
        helper.make_node("MatMul", ["sum", "kernel"], ["out"]),
    ]
    inputs = [value("left", 1, 2), value("right", 1, 2), value("kernel", 2, 3)]
    path = tmp_path / "m.onnx"
    write(path, model(nodes, inputs, [value("out", 1, 3)], [constant("kernel", np.ones((2, 3)))]))
    graph = reader.read_graph(path)
    assert [spec.name for spec in graph.inputs] == ["left", "right"]
    assert graph.kinds == ("Mul", "Add", "MatMul")
    assert graph.macs == 6
    with open_runner(path) as runner:
        x = np.array([[1, 2]], np.float32)
        np.testing.assert_allclose(runner.run({"left": x, "right": x})["out"], np.full((1, 3), 9))


def test_what_a_loop_reads_from_around_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", looped())
    graph = reader.read_graph(path)
    (loop,) = graph.ops
    assert "x" in {graph.tensors[i].name for i in loop.inputs}
    assert not [lint for lint in files.lint(path) if lint.rule == "unused-input"]


def test_scheme_by_what_is_stored(tmp_path: Path) -> None:
    for store, scheme in (
        (storage.store_float32, "float32"),
        (storage.store_float16, "float16"),
        (storage.store_int8_weights, "dynamic"),
    ):
        network = classifier()
        store(network)
        path = write(tmp_path / f"{scheme}.onnx", network)
        assert files.describe(path).scheme == scheme


@pytest.mark.heavy
def test_bytes_by_part_add_up(exported: dict[str, Path]) -> None:
    for scheme, path in exported.items():
        assert files.describe(path).scheme == scheme
        parts = files.size_breakdown(path)
        assert sum(parts.values()) == path.stat().st_size
        assert {"weights", "biases", "names", "contract", "labels", "structure"} <= set(parts)
        assert min(parts.values()) > 0


@pytest.mark.heavy
def test_macs_and_parameters_are_those_of_the_layers(exported: dict[str, Path]) -> None:
    conv, lstm, gru, dense = 16 * 3 * 3 * 4, 8 * (4 + 4) * 16, 8 * (4 + 4) * 12, 12
    for path in exported.values():
        assert files.read_graph(path).macs == conv + lstm + gru + dense


@pytest.mark.heavy
@pytest.mark.parametrize("scheme", ["float32", "int8"])
def test_cut_files_run(exported: dict[str, Path], scheme: str, tmp_path: Path) -> None:
    path = exported[scheme]
    counts = [0, *cut_points(reader.read_graph(path))]
    x = np.random.default_rng(0).normal(size=(1, 48)).astype(np.float32)
    with open_runner(path) as runner:
        whole = runner.run({"sensor": x})["probabilities"]
    for count, data in zip(counts, reader.prefixes(path, counts), strict=True):
        cut = tmp_path / f"{count}.onnx"
        cut.write_bytes(data)
        with open_runner(cut) as runner:
            got = runner.run({"sensor": x})
        assert len(got) == 1
    np.testing.assert_array_equal(got["probabilities"], whole)
    np.testing.assert_array_equal(x, _first(tmp_path / "0.onnx", x))


def _first(path: Path, x: object) -> object:
    with open_runner(path) as runner:
        return runner.run({"sensor": np.asarray(x)})["sensor"]


def test_a_type_that_is_not_known_has_a_name() -> None:
    assert model_file.dtype_name(TensorProto.FLOAT8E5M2).startswith("type")
