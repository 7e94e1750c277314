"""The metadata of a `.tflite` by the TFLite support library's own schema.

`tflite_support.json` is what that library (tflite-support 0.4.4, its `MetadataDisplayer`) said of
the file made here. It is no longer kept up and installs badly, so that the test reads the schema's
tables by their numbers instead, and must come to the same.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from flatbuffers import encode, packer
from flatbuffers.number_types import Int8Flags
from flatbuffers.table import Table

from edgeconv.core import Signal
from edgeconv.core.metadata import ModelMetadata
from edgeconv.targets.tflite.metadata import embed

ORACLE = json.loads(Path(__file__).with_name("tflite_support.json").read_text("utf-8"))
FILE_TYPES = ("UNKNOWN", "DESCRIPTIONS", "TENSOR_AXIS_LABELS", "TENSOR_VALUE_LABELS")
CONTENTS = ("NONE", "FeatureProperties", "ImageProperties", "BoundingBoxProperties")

# Field by field, in the schema's order: a string, strings, tables, a type, or "-": left out here.
FILE = {"name": "text", "description": "text", "type": FILE_TYPES}
CONTENT = {"content_properties_type": CONTENTS, "content_properties": {}}
TENSOR = {
    "name": "text",
    "description": "text",
    "dimension_names": "texts",
    "content": CONTENT,
    "process_units": "-",
    "stats": "-",
    "associated_files": [FILE],
}
GRAPH = {
    "name": "text",
    "description": "text",
    "input_tensor_metadata": [TENSOR],
    "output_tensor_metadata": [TENSOR],
}
MODEL = {
    "name": "text",
    "description": "text",
    "version": "text",
    "subgraph_metadata": [GRAPH],
    "author": "text",
    "license": "text",
    "associated_files": [FILE],
    "min_parser_version": "text",
}


def parse(table: Table, fields: dict[str, Any]) -> dict[str, Any]:
    """A table as the library's JSON has it; what is absent is left out."""
    found = {}
    for number, (name, kind) in enumerate(fields.items()):
        offset = table.Offset(4 + 2 * number)
        if offset:
            found[name] = value(table, offset, kind)
    return found


def value(table: Table, offset: int, kind: Any) -> Any:
    place = table.Pos + offset
    if kind == "text":
        return table.String(place).decode()
    if isinstance(kind, tuple):
        return kind[table.Get(Int8Flags, place)]
    if isinstance(kind, dict):
        return parse(Table(table.Bytes, table.Indirect(place)), kind)
    start = table.Vector(offset)
    items = [start + 4 * i for i in range(table.VectorLen(offset))]
    if kind == "texts":
        return [table.String(item).decode() for item in items]
    return [parse(Table(table.Bytes, table.Indirect(item)), kind[0]) for item in items]


def test_the_support_library_reads_what_was_written(
    tmp_path: Path, tflite_bytes: bytes, signal: Signal
) -> None:
    from ai_edge_litert import schema_py_generated as schema

    content = embed(tflite_bytes, ModelMetadata("tiny", signal, "Only a test."))
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    entry = next(m for m in model.metadata if m.name == b"TFLITE_METADATA")
    data = bytes(model.buffers[entry.buffer].data)
    assert data[4:8] == b"M001"
    assert parse(Table(data, encode.Get(packer.uoffset, data, 0)), MODEL) == ORACLE["metadata"]
    path = tmp_path / "tiny.tflite"
    path.write_bytes(content)
    with zipfile.ZipFile(path) as attached:
        assert attached.namelist() == ORACLE["files"]
        assert attached.read("labels.txt").decode() == ORACLE["labels.txt"]


def test_labels_hang_on_the_output_as_names_of_its_axis() -> None:
    graph = ORACLE["metadata"]["subgraph_metadata"][0]
    assert "associated_files" not in graph["input_tensor_metadata"][0]
    (labels,) = graph["output_tensor_metadata"][0]["associated_files"]
    assert (labels["name"], labels["type"]) == ("labels.txt", "TENSOR_AXIS_LABELS")
    # Normalization is inside the network: a reader that applied it would do so twice.
    assert "process_units" not in graph["input_tensor_metadata"][0]
    assert "m/s^2" in graph["input_tensor_metadata"][0]["description"]
