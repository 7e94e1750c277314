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
from pathlib import Path
from typing import Any

from edgeconv.core.digest import files, size
from edgeconv.core.metadata import CONTRACT_KEY
from edgeconv.errors import BadInput
from edgeconv.targets.coreml.program import read_program
from edgeconv.targets.coreml.values import Constant, ValueType
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
    program = read_program(path)
    description = program.spec.description
    counts: Counter[str] = Counter(manifest=size(path / "Manifest.json"))
    for function in program.functions.values():
        for name, constant in function.constants.items():
            counts["names"] += _letters(name, constant.label)
            counts[_part("const", "val", constant.type)] += _length(constant)
        for op in function.nodes():
            outputs = (out.name for out in op.outputs)
            counts["names"] += _letters(op.label, *outputs, *op.named_arguments())
            for parameter, constant in op.literals():
                counts[_part(op.type, parameter, constant.type)] += _length(constant)
    contract = _letters(description.metadata.userDefined.get(CONTRACT_KEY, ""))
    texts = (f.shortDescription for f in (*description.input, *description.output))
    counts["contract"] = contract
    counts["metadata"] = description.metadata.ByteSize() - contract + _letters(*texts)
    counts[STRUCTURE] = sum(size(file) for file in files(path)) - counts.total()
    return {part: length for part, length in counts.items() if length}


def _letters(*texts: str) -> int:
    return sum(len(text.encode()) for text in texts)


def _part(kind: str, parameter: str, type_: ValueType) -> str:
    """What the value of an operation's parameter is."""
    if kind == "classify" and parameter == "classes":
        return "labels"
    if kind.startswith("constexpr_"):
        return _UNPACKING.get(parameter, "weights")
    if not type_.dtype.startswith("float") or not type_.shape:
        return "constants"
    return "weights" if len(type_.shape) > 1 else "biases"


def _length(constant: Constant) -> int:
    try:
        return constant.content_bytes
    except BadInput:  # no bytes here; a lint names what is missing
        return 0
