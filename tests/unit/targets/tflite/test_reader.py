from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeconv.core import Signal
from edgeconv.core.metadata import CONTRACT_FILE, ModelMetadata
from edgeconv.errors import BadInput
from edgeconv.targets import files
from edgeconv.targets.tflite import metadata, reader


@pytest.fixture
def file(tmp_path: Path, tflite_bytes: bytes, signal: Signal) -> Path:
    path = tmp_path / "tiny_float32.tflite"
    path.write_bytes(metadata.embed(tflite_bytes, ModelMetadata("tiny", signal, "Only a test.")))
    return path


def test_the_graph_of_a_hand_made_file(tmp_path: Path, tflite_bytes: bytes) -> None:
    path = tmp_path / "bare.tflite"
    path.write_bytes(tflite_bytes)
    graph = reader.read_graph(path)
    assert graph.kinds == ("FULLY_CONNECTED",)
    assert (graph.parameters, graph.macs) == (10, 8)
    assert graph.peak_tensor_bytes == (4 + 2) * 4
    assert metadata.read_contract(path) is None
    assert files.describe(path).export.contract == "none"


def test_embedded_names_labels_and_contract_are_read_back(file: Path, signal: Signal) -> None:
    found = files.describe(file)
    assert [t.name for t in found.inputs] == ["sensor"]
    assert [t.name for t in found.outputs] == ["probabilities"]
    assert found.signal == signal
    assert files.read_labels(file) == signal.labels
    assert found.scheme == "float32"


def test_the_interpreter_still_runs_the_file(file: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.ones((1, 4), "f4"))
    interpreter.invoke()
    # rows 0..3 and 4..7 of the kernel, plus a bias of one
    result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert result.tolist() == [[7.0, 23.0]]


def test_weights_are_aligned_as_the_schema_demands(file: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(file.read_bytes(), 0)
    for i in range(model.BuffersLength()):
        buffer = model.Buffers(i)
        if not buffer.DataIsNone():
            assert buffer._tab.Vector(buffer._tab.Offset(4)) % 16 == 0


def test_attached_files_are_stored_and_undated(file: Path, signal: Signal) -> None:
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert archive.namelist() == ["labels.txt", CONTRACT_FILE]
        assert archive.read("labels.txt").decode().splitlines() == list(signal.labels)


def test_the_metadata_buffer_is_the_standard_one(file: Path) -> None:
    """Follows the standard's offsets by hand: identifier, then the model's name in field 0."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(file.read_bytes(), 0)
    entry = next(m for m in model.metadata if m.name == b"TFLITE_METADATA")
    data = bytes(model.buffers[entry.buffer].data)
    assert data[4:8] == b"M001"
    root = flatbuffers.table.Table(
        data, flatbuffers.encode.Get(flatbuffers.packer.uoffset, data, 0)
    )
    assert root.String(root.Offset(4) + root.Pos) == b"tiny"
    assert b"Only a test." in root.String(root.Offset(6) + root.Pos)
    graphs = root.Offset(10)
    assert root.VectorLen(graphs) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"no model at all", "not a TFLite file"), (None, "does not exist")],
)
def test_what_is_no_tflite_file_is_refused(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "x.tflite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=words):
        reader.read_graph(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1, exclude_max=True))
def test_every_truncation_is_bad_input_or_read_whole(
    tmp_path: Path, tflite_bytes: bytes, cut: float
) -> None:
    path = tmp_path / "cut.tflite"
    path.write_bytes(tflite_bytes[: int(len(tflite_bytes) * cut)])
    with contextlib.suppress(BadInput):
        assert reader.read_graph(path).parameters == 10


def test_a_nan_weight_is_found(tmp_path: Path, tflite_bytes: bytes) -> None:
    seven = np.float32(7).tobytes()
    path = tmp_path / "nan.tflite"
    path.write_bytes(tflite_bytes.replace(seven, np.float32("nan").tobytes()))
    with pytest.raises(BadInput, match="constant 'w' holds NaN"):
        reader.check_finite(path)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1))
def test_flipped_bits_are_bad_input_or_harmless(file: Path, flips: list[tuple[float, int]]) -> None:
    data = bytearray(file.read_bytes())
    for place, bit in flips:
        data[int(place * len(data))] ^= 1 << bit
    flipped = file.with_name("flipped.tflite")
    flipped.write_bytes(data)
    with contextlib.suppress(BadInput):
        reader.read_graph(flipped)
