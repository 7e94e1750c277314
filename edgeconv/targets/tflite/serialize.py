"""Writes a `.tflite` tree in few bytes: equal parts are stored once, unused ones left out.

No number, operation, shape or option changes. FlatBuffers lets several tables refer to one vector
or table; converters repeat each of them, above all the zero points of every channel (8 bytes each,
all of them 0 where weights are symmetric).

The first operations of a `.tflite` file as a separate file.

Two numbers are changed and one list is added; weights stay in place. Tensors that the removed
operations would have read become outputs, so that every computed value is used.
Format: the TFLite schema's tables in FlatBuffers' binary layout (little endian; an offset counts
from its own position).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import cache
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
        raise BadInput(
            f"{path} cannot be cut after {wrong[0]} operations", "cut it where `cut_points` says"
        )
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


_BUFFER_ALIGNMENT = 16  # what the schema demands of weights; Python's generated packer ignores it
_CONVERTERS_OWN = ("min_runtime_version", "CONVERSION_METADATA")
_READ = "/ReadVariableOp"


def slim(tree: Any) -> None:
    """Remove from a converted `ModelT` what no runtime reads.

    - The converter's notes on itself, and buffers that nothing refers to. What is computed shares
      buffer 0, which the schema keeps empty for that.
    - A fused operation has the names of all its parts (`conv1;conv1_bias;conv1_conv`): the
      shortest, which is the layer's, stays. Inputs and outputs keep their names.
    """
    tree.metadata = [m for m in tree.metadata or [] if _text(m.name) not in _CONVERTERS_OWN]
    _drop_buffers(tree)
    for graph in tree.subgraphs:
        _shorten_names(graph, [bool(_stored(b)) for b in tree.buffers])
        for tensor in graph.tensors:
            if tensor.quantization is not None and not _content(tensor.quantization):
                tensor.quantization = None


def pack(tree: Any) -> bytes:
    """Serialize a `ModelT`, equal parts once, weights aligned as the schema demands."""
    for buffer in tree.buffers:
        buffer.Pack = _aligned(buffer)
    packed: dict[Any, int] = {}
    for graph in tree.subgraphs:
        tables = [t.quantization for t in graph.tensors] + [
            o.builtinOptions for o in graph.operators
        ]
        for table in tables:
            if table is not None:
                _pack_once(table, packed)
    builder = _sharing_builder()(1 << 16)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _text(name: Any) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name or "")


def _stored(buffer: Any) -> int:
    """Bytes of a buffer, also where they are stored after the flatbuffer."""
    return int(buffer.size) if buffer.data is None else len(buffer.data)


def _drop_buffers(tree: Any) -> None:
    """Renumber the buffers, without those that are empty or that nothing refers to."""
    if not tree.buffers or _stored(tree.buffers[0]):
        return  # not a converter's file: it lacks the empty buffer to share
    tensors = [tensor for graph in tree.subgraphs for tensor in graph.tensors]
    entries = [*tensors, *(tree.metadata or [])]
    noted = () if tree.metadataBuffer is None else tree.metadataBuffer  # older files' metadata
    used = sorted({int(e.buffer) for e in entries} | {int(i) for i in noted})
    used_buffers = [i for i in used if i and _stored(tree.buffers[i])]
    new = {old: i for i, old in enumerate(used_buffers, 1)}
    for entry in entries:
        entry.buffer = new.get(int(entry.buffer), 0)
    if tree.metadataBuffer is not None:
        tree.metadataBuffer = [new.get(int(i), 0) for i in noted]
    tree.buffers = [tree.buffers[0], *(tree.buffers[i] for i in used_buffers)]


def _shorten_names(graph: Any, constant: list[bool]) -> None:
    """Keep one of a tensor's joined names if it is unique; computed values choose first."""
    public = {int(i) for side in (graph.inputs, graph.outputs) for i in side}
    used = {_text(tensor.name) for tensor in graph.tensors}
    order = sorted(range(len(graph.tensors)), key=lambda i: constant[graph.tensors[i].buffer])
    for i in order:
        tensor = graph.tensors[i]
        parts = [part.partition(_READ)[0] for part in _text(tensor.name).split(";")]
        free = [part for part in parts if part and part not in used]
        if i in public or len(_text(tensor.name)) <= len(min(parts, key=len)) or not free:
            continue
        name = min(free, key=len)
        if name != min(parts, key=len) and not constant[tensor.buffer]:
            continue  # the layer's own name is taken: the others would not show whose value it is
        used.add(name)
        tensor.name = name.encode()


def _content(table: Any) -> tuple[Any, ...]:
    """The set fields of a table of numbers, as a key; empty where none is set."""
    fields = []
    for name, value in sorted(vars(table).items()):
        if value is None or (isinstance(value, int) and not value) or callable(value):
            continue
        fields.append((name, value.tobytes() if hasattr(value, "tobytes") else repr(value)))
    return tuple(fields)


def _pack_once(table: Any, packed: dict[Any, int]) -> None:
    """Write equal tables of numbers once."""
    key, pack_table = (type(table).__name__, _content(table)), type(table).Pack

    def pack_shared(builder: Any) -> int:
        if key not in packed:
            packed[key] = int(pack_table(table, builder))
        return packed[key]

    table.Pack = pack_shared


@cache
def _sharing_builder() -> Any:
    """`flatbuffers.Builder` that writes equal vectors and strings once."""
    import flatbuffers

    class Sharing(flatbuffers.Builder):  # type: ignore[misc]  # flatbuffers is untyped
        def __init__(self, size: int) -> None:
            super().__init__(size)
            self.begun: tuple[int, int, int] | None = None  # offset, alignment, bytes of a vector
            self.written: dict[tuple[int, bytes], int] = {}
            self.strings: dict[Any, int] = {}

        def CreateString(self, s: Any, *more: Any) -> int:  # noqa: N802  # the library's names
            if s not in self.strings:
                self.strings[s] = int(super().CreateString(s, *more))
            return self.strings[s]

        def StartVector(self, size: int, count: int, alignment: int) -> int:  # noqa: N802
            self.begun = (int(self.Offset()), max(size, alignment), size * count)
            return int(super().StartVector(size, count, alignment))

        def PrependUOffsetTRelative(self, off: int) -> None:  # noqa: N802
            self.begun = None  # equal distances from two places lead to different things
            super().PrependUOffsetTRelative(off)

        def EndVector(self, *more: Any) -> int:  # noqa: N802
            vector = int(super().EndVector(*more))
            if self.begun is None:
                return vector
            (offset, alignment, length), self.begun = self.begun, None
            start = int(self.Head())
            key = (alignment, bytes(self.Bytes[start : start + 4 + length]))
            if key in self.written:
                self.head = len(self.Bytes) - offset
            return self.written.setdefault(key, vector)

    return Sharing


def _aligned(buffer: Any) -> Callable[[Any], int]:
    """`BufferT.Pack` with the alignment of `force_align` in the schema."""

    def pack_buffer(builder: Any) -> int:
        from ai_edge_litert import schema_py_generated as schema

        vector = None
        if buffer.data is not None and len(buffer.data):
            data = bytes(buffer.data)
            builder.StartVector(1, len(data), _BUFFER_ALIGNMENT)
            builder.head = builder.Head() - len(data)
            builder.Bytes[builder.Head() : builder.Head() + len(data)] = data
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return int(schema.BufferEnd(builder))

    return pack_buffer
