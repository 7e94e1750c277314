"""The first operations of a `.tflite` file as a separate file.

Two numbers are changed and one list is added; weights stay in place. Tensors that the removed
operations would have read become outputs, so that every computed value is used.
Format: the TFLite schema's tables in FlatBuffers' binary layout (little endian; an offset counts
from its own position).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeconv.errors import BadInput
from edgeconv.targets.file_graph import Op, computed_from_constants, cut_points
from edgeconv.targets.tflite.reader import numbers, read_bytes, read_graph

# Positions of fields in the schema's tables: 4 + 2 · number of the field.
_MODEL_SIGNATURES = 18
_GRAPH_OUTPUTS, _GRAPH_OPERATORS = 8, 10


def prefixes(path: Path, counts: Sequence[int]) -> list[bytes]:
    """The file's first `counts` operations each, as the bytes of a `.tflite` file.

    Without any operation the inputs are the outputs: only the cost of the call remains.

    Raises:
        BadInput: not a TFLite file, a damaged one, or a count that is not among `cut_points`.
    """
    graph, data = read_graph(path), read_bytes(path)
    wrong = sorted(set(counts) - {0, *cut_points(graph)})
    if wrong:
        raise BadInput(f"{path} cannot be cut after {wrong[0]} operations")
    starts, ends = _interface(data)
    unpacks = computed_from_constants(graph)
    return [
        _cut(data, count, _live(graph.ops, ends, unpacks, count) if count else starts)
        for count in counts
    ]


def _live(ops: Sequence[Op], ends: Sequence[int], unpacks: set[int], count: int) -> list[int]:
    """Tensors made by the first `count` operations that are still to be read."""
    computed = [i for op in ops[:count] for i in op.outputs if i not in unpacks]
    still_read = {i for op in ops[count:] for i in op.inputs}.union(ends)
    return [i for i in computed if i in still_read] or list(ops[count - 1].outputs)


def _cut(data: bytes, count: int, outputs: Sequence[int]) -> bytes:
    """`data` with fewer operations, other outputs and no signature (which names the old ones)."""
    model = _model(data)
    graph = model.Subgraphs(0)._tab
    out = bytearray(data)
    out += b"\0" * (-len(out) % 4)
    at = _field(graph, _GRAPH_OUTPUTS)
    struct.pack_into("<I", out, at, len(out) - at)
    out += struct.pack(f"<I{len(outputs)}i", len(outputs), *outputs)
    _shorten(out, graph, _GRAPH_OPERATORS, count)
    if model.SignatureDefsLength():
        _shorten(out, model._tab, _MODEL_SIGNATURES, 0)
    return bytes(out)


def _shorten(out: bytearray, table: Any, field: int, length: int) -> None:
    struct.pack_into("<I", out, table.Vector(table.Offset(field)) - 4, length)


def _field(table: Any, field: int) -> int:
    """The position of a field's offset."""
    return int(table.Pos + table.Offset(field))


def _interface(data: bytes) -> tuple[list[int], list[int]]:
    """Positions of the input and the output tensors."""
    graph = _model(data).Subgraphs(0)
    return numbers(graph.InputsAsNumpy()), numbers(graph.OutputsAsNumpy())


def _model(data: bytes) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    return schema.Model.GetRootAs(data, 0)
