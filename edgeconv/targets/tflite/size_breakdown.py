"""Where the bytes of a `.tflite` file go."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from edgeconv.errors import BadInput
from edgeconv.targets.tflite import reader
from edgeconv.targets.tflite.verify import HINT

STRUCTURE = "structure"


def size_breakdown(path: Path) -> dict[str, int]:
    """Part → bytes, as in `files.size_breakdown`."""
    from ai_edge_litert import schema_py_generated as schema

    data = reader.read_bytes(path)
    reader.read_graph(path)  # refuses what the lines below would stumble over
    try:
        attached = _attached(data)
    except zipfile.BadZipFile as error:
        problem = "the list of the files that are attached to it is damaged"
        raise BadInput(f"{path}: {problem}", HINT) from error
    model = schema.Model.GetRootAs(data, 0)
    lengths: dict[tuple[str, int], int] = {}  # a part and where it begins → its bytes

    def add(part: str, table: Any, field: int, width: int = 1) -> None:
        """Count a vector once, even if several tables refer to it."""
        at = table._tab.Offset(4 + 2 * field)
        if at:
            lengths[part, table._tab.Vector(at)] = width * int(table._tab.VectorLen(at))

    parts = {0: STRUCTURE}
    for g in range(model.SubgraphsLength()):
        graph = model.Subgraphs(g)
        add("names", graph, 4)
        for i in range(graph.TensorsLength()):
            tensor = graph.Tensors(i)
            add("names", tensor, 3)
            quantization = tensor.Quantization()
            if quantization is not None:
                add("scales", quantization, 2, 4)
                add("zero points", quantization, 3, 8)
            parts[tensor.Buffer()] = _kind(tensor.ShapeLength(), tensor.Type(), quantization)
    for i in range(model.MetadataLength()):
        add("names", model.Metadata(i), 0)
        parts[model.Metadata(i).Buffer()] = "metadata"
    for i in range(model.BuffersLength()):
        add(parts.get(i, STRUCTURE), model.Buffers(i), 0)
    add("metadata", model, 3)
    counts = Counter(attached)
    for (part, _), length in lengths.items():
        counts[part] += length
    counts[STRUCTURE] += len(data) - counts.total()
    return {part: length for part, length in counts.items() if length}


def _kind(rank: int, type_: int, quantization: Any) -> str:
    """The part that a constant belongs to: only weights and biases are quantized or floats."""
    learnt = type_ in (0, 1) or (quantization is not None and not quantization.ScaleIsNone())
    if not learnt:
        return "constants"
    return "weights" if rank > 1 else "biases"


def _attached(data: bytes) -> dict[str, int]:
    """The files after the flatbuffer, without the archive's own tables."""
    file = io.BytesIO(data)
    if not zipfile.is_zipfile(file):
        return {}
    names = {"labels.txt": "labels", "edgeconv.json": "contract"}
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    counts: Counter[str] = Counter()
    for entry in entries:
        counts[names.get(entry.filename, "metadata")] += entry.compress_size
    return dict(counts)
