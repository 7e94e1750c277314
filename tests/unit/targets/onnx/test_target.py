"""Export's own check of an ONNX file's structure."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeconv.core import InputConvention, Variant
from edgeconv.errors import BadInput
from edgeconv.targets.base import ExpectedFile, scheme_of
from edgeconv.targets.onnx import reader, storage
from edgeconv.targets.onnx.target import check_structure

from .networks import classifier, constant, write

INT8 = scheme_of(Variant("onnx", "int8", InputConvention.ANDROID))


def test_a_kernel_that_stayed_float_is_broken(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", classifier())
    graph = reader.read_graph(path)
    with pytest.raises(BadInput, match="the kernel of 'sums' in it stayed float"):
        check_structure(path, graph, ExpectedFile(INT8, ()))
    check_structure(path, graph, ExpectedFile(INT8, (), float_layers=("sums",)))
    network = classifier()
    storage.store_int8(network)
    path = write(tmp_path / "i.onnx", network)
    check_structure(path, reader.read_graph(path), ExpectedFile(INT8, ()))


def test_a_weight_that_is_not_finite_is_broken(tmp_path: Path) -> None:
    network = classifier()
    network.graph.initializer[1].CopyFrom(constant("bias", [0, float("nan"), 0]))
    path = write(tmp_path / "m.onnx", network)
    with pytest.raises(BadInput, match="'bias': 1 of 3 values are NaN"):
        check_structure(path, reader.read_graph(path), ExpectedFile(INT8, ()))


def test_what_the_formats_checker_refuses_is_broken(tmp_path: Path) -> None:
    network = classifier()
    network.graph.node[1].op_type = "Softmx"
    path = write(tmp_path / "m.onnx", network)
    with pytest.raises(BadInput, match="the conversion is broken: No Op registered for Softmx"):
        check_structure(path, reader.read_graph(path), ExpectedFile(INT8, ()))
