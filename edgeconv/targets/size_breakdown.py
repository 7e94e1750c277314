"""Where the bytes of a file go: weights, scales, names, what it says of itself, the format's own.

Every byte of a file is counted once. What a part is called: `weights` are kernels, `biases` the
learnt constants of rank 1, `palettes`, `scales` and `zero points` what packed numbers mean,
`constants` shapes, axes and other parameters, `names`, `metadata` descriptions, `contract` and
`labels`, and `structure` what the format needs to hold it all together: tables, offsets, types,
shapes, lengths, alignment.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeconv.core.digest import files, size
from edgeconv.core.metadata import CONTRACT_KEY
from edgeconv.errors import BadInput
from edgeconv.targets.coreml import package
from edgeconv.targets.coreml.program_graph import dtypes, operations
from edgeconv.targets.tflite import reader

STRUCTURE = "structure"


def anatomy(path: Path) -> dict[str, int]:
    """Part → bytes of a `.tflite` or `.mlpackage`, the largest first; they add up to its size.

    Raises:
        BadInput: no such file, or a damaged one.
    """
    found = _package(path) if path.is_dir() else _flatbuffer(path)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


# --- TFLite ---------------------------------------------------------------------------------------


def _flatbuffer(path: Path) -> dict[str, int]:
    from ai_edge_litert import schema_py_generated as schema

    data = reader.read_bytes(path)
    reader.read_graph(path)  # refuses what the lines below would stumble over
    attached = _attached(data)
    model = schema.Model.GetRootAs(data, 0)
    seen: dict[tuple[str, int], int] = {}  # a part and where it begins → its bytes

    def add(part: str, table: Any, field: int, width: int = 1) -> None:
        """A vector counts once, however many refer to it."""
        at = table._tab.Offset(4 + 2 * field)
        if at:
            seen[part, table._tab.Vector(at)] = width * int(table._tab.VectorLen(at))

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
    for (part, _), length in seen.items():
        counts[part] += length
    counts[STRUCTURE] += len(data) - counts.total()
    return {part: length for part, length in counts.items() if length}


def _kind(rank: int, type_: int, quantization: Any) -> str:
    """What a constant is: only weights and biases are quantized or floats."""
    learnt = type_ in (0, 1) or (quantization is not None and not quantization.ScaleIsNone())
    if not learnt:
        return "constants"
    return "weights" if rank > 1 else "biases"


def _attached(data: bytes) -> dict[str, int]:
    """The files behind the flatbuffer, without the archive's own tables."""
    file = io.BytesIO(data)
    if not zipfile.is_zipfile(file):
        return {}
    names = {"labels.txt": "labels", "edgeconv.json": "contract"}
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    found: Counter[str] = Counter()
    for entry in entries:
        found[names.get(entry.filename, "metadata")] += entry.compress_size
    return dict(found)


# --- Core ML --------------------------------------------------------------------------------------


# What a field of an unpacking operation holds; every other one is part of the weights.
_UNPACKING = {"lut": "palettes", "scale": "scales", "zero_point": "zero points"}
_UNPACKING |= {"offset": "zero points", "shape": "constants", "axis": "constants"}


def _package(path: Path) -> dict[str, int]:
    spec, blob = package.read_spec(path), package.weight_file(path)
    inside = sum(size(file) for file in files(path))
    counts: Counter[str] = Counter(manifest=size(path / "Manifest.json"))
    with package.refusing(path):
        for op in operations(spec, str(path)):
            counts["names"] += sum(len(out.name.encode()) for out in op.outputs)
            for argument in op.inputs.values():
                counts["names"] += sum(len(b.name.encode()) for b in argument.arguments)
            for field, value in _values(op):
                part = _part(op, field, value)
                counts[part] += _length(value, blob, str(path))
    metadata = spec.description.metadata
    counts["contract"] = len(metadata.userDefined.get(CONTRACT_KEY, "").encode())
    counts["metadata"] = (
        metadata.ByteSize()
        - counts["contract"]
        + sum(
            len(feature.shortDescription.encode())
            for feature in (*spec.description.input, *spec.description.output)
        )
    )
    counts[STRUCTURE] = inside - counts.total()
    return {part: length for part, length in counts.items() if length}


def _values(op: Any) -> Iterator[tuple[str, Any]]:
    yield from op.attributes.items()
    for field, argument in op.inputs.items():
        for binding in argument.arguments:
            if binding.WhichOneof("binding") == "value":
                yield field, binding.value


def _part(op: Any, field: str, value: Any) -> str:
    if field == "name":
        return "names"
    if op.type == "classify" and field == "classes":
        return "labels"
    if op.type.startswith("constexpr_"):
        return _UNPACKING.get(field, "weights")
    tensor = value.type.tensorType
    if not dtypes().get(tensor.dataType, "").startswith("float") or not tensor.rank:
        return "constants"
    return "weights" if tensor.rank > 1 else "biases"


def _length(value: Any, blob: bytes, where: str) -> int:
    """Bytes of the numbers or letters themselves."""
    if value.WhichOneof("value") == "blobFileValue":
        try:
            return len(package.blob_at(blob, value.blobFileValue.offset, where))
        except BadInput:  # no bytes here; a lint names what is missing
            return 0
    held = value.immediateValue
    if held.WhichOneof("value") == "list":
        return sum(_length(item, blob, where) for item in held.list.values)
    tensor = held.tensor
    match tensor.WhichOneof("value"):
        case "bytes":
            return len(tensor.bytes.values)
        case "strings":
            return sum(len(text.encode()) for text in tensor.strings.values)
        case "floats":
            return 4 * len(tensor.floats.values)
    return int(tensor.ByteSize())
