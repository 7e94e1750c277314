"""Files of every scheme: names for people, a pinned format, the same bytes each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgeconv.core import InputConvention, Variant
from edgeconv.errors import Unsupported
from edgeconv.runtimes.predict import run_file
from edgeconv.targets import files
from edgeconv.targets.onnx import convert, model_file
from tests.unit.conversions import export_all

from .conftest import SIGNAL, windows
from .networks import model, value

pytestmark = pytest.mark.heavy
KINDS = ("Conv", "Relu", "MaxPool", "LSTM", "GRU", "Gemm", "Softmax")


@pytest.mark.parametrize("scheme", ["float32", "float16", "dynamic", "int8"])
def test_the_format_is_pinned(exported: dict[str, Path], scheme: str) -> None:
    read = onnx.load(exported[scheme])
    assert read.ir_version == convert.IR_VERSION
    assert [(entry.domain, entry.version) for entry in read.opset_import] == [("", convert.OPSET)]
    assert (read.producer_name, read.producer_version) == ("edgeconv", "")
    onnx.checker.check_model(read, full_check=True)


def test_operations_are_the_networks_own(exported: dict[str, Path]) -> None:
    kinds = files.read_graph(exported["float32"]).kinds
    assert tuple(kind for kind in kinds if kind in KINDS) == KINDS
    lstm, gru = (op for op in files.read_graph(exported["float32"]).ops if op.kind in KINDS[3:5])
    assert (len(lstm.outputs), len(gru.outputs)) == (1, 1)  # every step, the last one
    assert kinds.count("Transpose") == 2  # the readings, and what the convolutions hand on


def test_values_bear_the_names_of_layers(exported: dict[str, Path]) -> None:
    for scheme in ("float32", "int8"):
        names = {tensor.name for tensor in files.read_graph(exported[scheme]).tensors}
        assert {"sensor", "conv", "pool", "probabilities", "conv_kernel"} <= names
        assert not [name for name in names if "__" in name or ":" in name or "Identity" in name]
    assert {"conv_float", "conv_quantized", "conv_kernel_scale"} <= names


def test_the_same_bytes_again(exported: dict[str, Path], tmp_path: Path) -> None:
    """In a process of another hash seed, and after other files."""
    samples, source = windows(), exported["float32"].parent / "small.keras"
    variants = [Variant("onnx", name, InputConvention.ANDROID) for name in ("int8", "float32")]
    for _ in range(2):
        made = export_all(
            source, SIGNAL, variants, tmp_path, "small", samples, samples, run_file, isolated=False
        )
        for artifact in made:
            assert artifact.path.read_bytes() == exported[artifact.scheme].read_bytes()


def test_the_contract_and_the_labels_are_inside(exported: dict[str, Path]) -> None:
    for path in exported.values():
        assert files.read_contract(path) == SIGNAL.for_sensor(InputConvention.ANDROID)
        assert files.read_labels(path) == SIGNAL.labels
        graph = onnx.load(path).graph
        assert graph.name == "small"
        assert "m/s^2" in graph.input[0].doc_string


def test_an_operation_without_a_counterpart_is_refused() -> None:
    node = onnx.helper.make_node("BesselI0e", ["x"], ["y"], "bessel")
    network = model([node], [value("x", 1)], [value("y", 1)])
    with pytest.raises(Unsupported, match=r"BesselI0e.*bessel"):
        convert._check_operations(network)


def test_the_order_does_not_depend_on_that_of_the_converter() -> None:
    helper = onnx.helper
    nodes = [
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node("Neg", ["a"], ["unused"]),
        helper.make_node("Exp", ["a"], ["b"]),
        helper.make_node("Add", ["c", "b"], ["d"]),
    ]
    orders = []
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        graph: Any = model([nodes[i] for i in order], [value("a", 1)], [value("d", 1)]).graph
        convert._sort(graph)
        orders.append([node.op_type for node in graph.node])
    assert orders == [["Exp", "Relu", "Add"]] * 2


def test_equal_constants_are_stored_once(exported: dict[str, Path]) -> None:
    for path in exported.values():
        constants = [
            (tuple(t.dims), t.data_type, t.raw_data)
            for t in model_file.read(path).graph.initializer
            if np.prod(t.dims) > 1 and "_zero_point" not in t.name
        ]
        assert len(constants) == len(set(constants))


def test_lints_find_nothing_in_exported_files(exported: dict[str, Path]) -> None:
    for path in exported.values():
        assert files.lint(path) == []
