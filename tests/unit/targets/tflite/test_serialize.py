"""Rewriting a `.tflite` changes its bytes and nothing that it computes or is called by.

Cut files and probes, opened by the real engine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeconv.core import Signal
from edgeconv.core.metadata import ModelMetadata
from edgeconv.errors import BadInput
from edgeconv.targets.file_graph import cut_points
from edgeconv.targets.tflite import metadata, reader, serialize
from edgeconv.targets.tflite.reader import read_graph
from edgeconv.targets.tflite.serialize import prefixes
from edgeconv.targets.tflite.size_breakdown import CHANNELS, MACS, SIDE, convolution

WORDS = st.text("ab;/", max_size=6)
NUMBERS = st.lists(st.integers(-3, 3), max_size=5)


def tree_of(data: bytes) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(data, 0)


def plain(data: bytes) -> bytes:
    """As the generated packer writes it, everything anew."""
    import flatbuffers

    builder = flatbuffers.Builder(0)
    builder.Finish(tree_of(data).Pack(builder), b"TFL3")
    return bytes(builder.Output())


def same(one: Any, other: Any) -> bool:
    """Whether two trees hold the same: an empty vector and none are the same."""
    if hasattr(one, "__dict__"):
        return type(one) is type(other) and all(
            same(value, vars(other)[name]) for name, value in vars(one).items() if name != "Pack"
        )
    if isinstance(one, list | np.ndarray) or isinstance(other, list | np.ndarray):
        left, right = (() if v is None else list(v) for v in (one, other))
        return len(left) == len(right) and all(map(same, left, right))
    return bool(one == other)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(WORDS, NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=6), st.data())
def test_any_tree_is_read_back_as_it_was(
    tflite_bytes: bytes, tensors: list[tuple[str, list[int], list[int], list[int]]], data: Any
) -> None:
    from ai_edge_litert import schema_py_generated as schema

    tree = tree_of(tflite_bytes)
    graph = tree.subgraphs[0]
    for name, shape, scales, zeros in tensors:
        tensor = schema.TensorT()
        tensor.name, tensor.shape = name.encode(), np.array(shape, np.int32)
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.array(scales, np.float32)
        tensor.quantization.zeroPoint = np.array(zeros, np.int64)
        tensor.quantization.quantizedDimension = data.draw(st.integers(0, 3))
        buffer = schema.BufferT()
        buffer.data = np.array(zeros, np.int8).view(np.uint8)
        tensor.buffer = len(tree.buffers)
        tree.buffers.append(buffer)
        graph.tensors.append(tensor)
    packed = serialize.pack(tree)
    assert same(tree_of(packed), tree_of(plain(packed)))
    assert same(tree_of(packed), tree)
    assert serialize.pack(tree_of(packed)) == packed


def test_equal_vectors_are_written_once(tflite_bytes: bytes) -> None:
    from ai_edge_litert import schema_py_generated as schema

    tree = tree_of(tflite_bytes)
    for tensor in tree.subgraphs[0].tensors:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.linspace(1, 2, 50).astype(np.float32)
        tensor.quantization.zeroPoint = np.zeros(50, np.int64)
    packed = serialize.pack(tree)
    assert packed.count(np.linspace(1, 2, 50).astype(np.float32).tobytes()) == 1
    assert len(packed) < len(plain(packed)) - 3 * 50 * 12


def test_slim_drops_notes_and_buffers_and_joined_names(tflite_bytes: bytes, signal: Signal) -> None:
    from ai_edge_litert import schema_py_generated as schema

    tree = tree_of(tflite_bytes)
    for name in (b"min_runtime_version", b"CONVERSION_METADATA", b"somebody_elses"):
        entry, buffer = schema.MetadataT(), schema.BufferT()
        entry.name, entry.buffer = name, len(tree.buffers)
        buffer.data = np.full(16, 7, np.uint8)
        tree.buffers.append(buffer)
        tree.metadata = [*(tree.metadata or []), entry]
    weights = tree.subgraphs[0].tensors[1]
    weights.name = b"dense/matmul;dense;dense/bias/ReadVariableOp"
    made = tree_of(metadata.embed(serialize.pack(tree), ModelMetadata("tiny", signal)))
    assert [m.name for m in made.metadata] == [b"somebody_elses", b"TFLITE_METADATA"]
    assert bytes(made.buffers[made.metadata[0].buffer].data) == bytes([7] * 16)
    assert made.buffers[0].data is None
    assert len(made.buffers) == 1 + 2 + 2  # empty, kernel and bias, two of metadata
    assert [t.name for t in made.subgraphs[0].tensors] == [
        b"sensor",
        b"dense",
        b"b",
        b"probabilities",
    ]


def test_a_name_that_another_tensor_has_is_not_taken(tflite_bytes: bytes) -> None:
    tree = tree_of(tflite_bytes)
    names = [b"x", b"conv;conv/bias", b"conv", b"conv;conv_relu"]
    for tensor, name in zip(tree.subgraphs[0].tensors, names, strict=True):
        tensor.name = name
    tree.subgraphs[0].outputs = [2]
    serialize.slim(tree)
    found = [t.name for t in tree.subgraphs[0].tensors]
    # computed values that cannot have the layer's name keep all of theirs
    assert found == [b"x", b"conv/bias", b"conv", b"conv;conv_relu"]


def test_embedding_twice_is_embedding_once(tflite_bytes: bytes, signal: Signal) -> None:
    once = metadata.embed(tflite_bytes, ModelMetadata("tiny", signal))
    bare = once[: once.index(b"PK\x03\x04")]
    assert metadata.embed(bare, ModelMetadata("tiny", signal)) == once


def test_a_slim_file_whose_contract_was_cut_off_has_none(
    tmp_path: Path, tflite_bytes: bytes, signal: Signal
) -> None:
    path = tmp_path / "m.tflite"
    data = metadata.embed(tflite_bytes, ModelMetadata("tiny", signal))
    path.write_bytes(data[: data.index(b"PK\x03\x04")])
    assert metadata.read_contract(path) is None
    assert reader.read_graph(path).parameters == 10


def test_a_contract_edited_inside_a_slim_file_is_refused(
    tmp_path: Path, tflite_bytes: bytes, signal: Signal
) -> None:
    path = tmp_path / "m.tflite"
    data = metadata.embed(tflite_bytes, ModelMetadata("tiny", signal))
    path.write_bytes(data.replace(b'"window":2', b'"window":3'))
    with pytest.raises(BadInput, match="damaged"):
        metadata.read_contract(path)


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
