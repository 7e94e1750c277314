"""The TFLite metadata standard: descriptions in a flatbuffer, files in an appended zip.

Table and field numbers follow `metadata_schema.fbs` 1.1 of the TFLite support library (identifier
M001), whose readers on Android find the descriptions, the labels and the contract.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from keyword import iskeyword
from pathlib import Path
from typing import Any

from edgeconv.core import Contract, NamedTensor, Tensors
from edgeconv.core.metadata import CONTRACT_FILE, ModelMetadata, contract_text, parse_contract
from edgeconv.core.paths import ZIP_DAMAGE, check_zip
from edgeconv.core.signal import EMBEDDING
from edgeconv.errors import BadInput
from edgeconv.targets.tflite.reader import read_bytes
from edgeconv.targets.tflite.serialize import pack, slim

LABELS_FILE = "labels.txt"
METADATA = "TFLITE_METADATA"

_IDENTIFIER = b"M001"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold: bytes must not depend on a clock
_DESCRIPTIONS, _TENSOR_AXIS_LABELS = 1, 2  # AssociatedFileType
BATCH, CLASSES = "batch", "classes"
_FEATURE_PROPERTIES = 1  # ContentProperties


def embed(model: bytes, card: ModelMetadata) -> bytes:
    """A converted model with clean names, its description, its labels and its contract, slim.

    Inputs and outputs, and their signature, are called as the contract says, in its order.
    """
    from ai_edge_litert import schema_py_generated as schema

    tree = schema.ModelT.InitFromPackedBuf(model, 0)
    tree.metadata = [m for m in tree.metadata or [] if m.name != METADATA.encode()]
    _rename(tree, card)
    slim(tree)
    entry = schema.MetadataT()
    entry.name = METADATA
    entry.buffer = len(tree.buffers)
    buffer = schema.BufferT()
    buffer.data = _bytes_array(_metadata(card))
    tree.buffers.append(buffer)
    tree.metadata = [*tree.metadata, entry]
    tree.description = None  # the metadata has it
    return _attach(pack(tree), card)


def read_contract(path: Path) -> Contract | None:
    """The sensor contract inside a `.tflite`, None where it has none.

    Raises:
        BadInput: not a TFLite file, or a damaged contract.
    """
    text = _attached(path, CONTRACT_FILE)
    return None if text is None else parse_contract(text, str(path))


def read_labels(path: Path) -> tuple[str, ...]:
    """The class names that the file carries; empty where it carries none."""
    text = _attached(path, LABELS_FILE)
    return () if text is None else tuple(text.decode(errors="replace").splitlines())


def _attached(path: Path, name: str) -> bytes | None:
    data = io.BytesIO(read_bytes(path))
    if not zipfile.is_zipfile(data):
        return None
    try:
        with zipfile.ZipFile(data) as archive:
            check_zip(archive, data.getbuffer().nbytes, str(path))
            return archive.read(name) if name in archive.namelist() else None
    except ZIP_DAMAGE as error:
        raise BadInput(
            f"{path}: the attached '{name}' is damaged: {error}",
            "export the file again, or get it again",
        ) from error


def _rename(tree: Any, card: ModelMetadata) -> None:
    """Give the interface its public names, in the tensors and in the signature.

    The converter sorts outputs, and calls tensors as it likes; the signature knows which is which.
    A file without one has one input and one output.
    """
    main = tree.subgraphs[0]
    main.name = b"main"
    signature = next(iter(tree.signatureDefs or ()), None)
    if (isinstance(card.contract, Tensors) or len(card.outputs) > 1) and signature is None:
        raise BadInput(
            "the converter's file has no signature, so its tensors have no names",
            "report this with the model: the converter should have written one",
        )
    for side, names in (("inputs", card.inputs), ("outputs", card.outputs)):
        maps = getattr(signature, side) if signature is not None else []
        if isinstance(card.contract, Tensors) or len(names) > 1:
            by_name = {entry.name.decode(): entry for entry in maps}
            maps = [by_name[signature_name(name) if side == "inputs" else name] for name in names]
            setattr(signature, side, maps)
            indices = [int(entry.tensorIndex) for entry in maps]
            setattr(main, side, _index_array(indices))
        else:
            indices = [int(getattr(main, side)[0])]
        for index, name in zip(indices, names, strict=True):
            main.tensors[index].name = name.encode()
        for entry, name in zip(maps, names, strict=False):
            entry.name = name.encode()


def signature_name(name: str) -> str:
    """What the converter calls an input: with a word of Python, such as `class`, it would leave
    the signature out."""
    return f"{name}__word" if iskeyword(name) else name


def _index_array(indices: Sequence[int]) -> Any:
    import numpy as np

    return np.asarray(indices, np.int32)


def _bytes_array(data: bytes) -> Any:
    import numpy as np

    return np.frombuffer(data, np.uint8)


def _attach(model: bytes, card: ModelMetadata) -> bytes:
    """The model followed by its files as a stored zip, whose offsets count from the start."""
    out = io.BytesIO(model)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_STORED) as archive:
        labels = "".join(f"{label}\n" for label in card.labels)
        archive.writestr(zipfile.ZipInfo(LABELS_FILE, _EPOCH), labels)
        archive.writestr(zipfile.ZipInfo(CONTRACT_FILE, _EPOCH), contract_text(card.contract))
    return out.getvalue()


def _metadata(card: ModelMetadata) -> bytes:
    """`ModelMetadata` as a separate flatbuffer."""
    import flatbuffers

    b = flatbuffers.Builder(1024)
    labels = _file(b, LABELS_FILE, "Class names, one a line", _TENSOR_AXIS_LABELS)
    contract = _file(b, CONTRACT_FILE, "Sensor contract: unit, sign, rate …", _DESCRIPTIONS)
    inputs = [_tensor(b, name, text, axes) for name, text, axes in _sides(card)[0]]
    outputs = [
        _tensor(b, name, text, axes, *([labels] if axes[-1] == CLASSES else []))
        for name, text, axes in _sides(card)[1]
    ]
    strings = {
        0: b.CreateString(card.name),
        1: b.CreateString(card.summary),
        2: b.CreateString(card.version),
        4: b.CreateString(card.author),
        5: b.CreateString(card.licence),
        7: b.CreateString("1.0.0"),  # min_parser_version: no field of a later schema is used
    }
    graph_name = b.CreateString("main")
    sides = {2: _vector(b, inputs), 3: _vector(b, outputs)}
    graph = _table(b, 10, {0: graph_name, **sides})
    lists = {3: _vector(b, [graph]), 6: _vector(b, [contract])}
    root = _table(b, 8, {**strings, **lists})
    b.Finish(root, _IDENTIFIER)
    return bytes(b.Output())


Side = list[tuple[str, str, tuple[str, ...]]]


def _sides(card: ModelMetadata) -> tuple[Side, Side]:
    """Name, text and axes of each input, and of each output."""
    if not isinstance(card.contract, Tensors):
        return (
            [(name, text, (BATCH, "values")) for name, text in card.inputs.items()],
            [
                (name, text, (BATCH, "values" if name == EMBEDDING else CLASSES))
                for name, text in card.outputs.items()
            ],
        )
    classes = card.contract.classes

    def described(tensors: Iterable[NamedTensor], texts: Mapping[str, str]) -> Side:
        return [
            (t.name, texts[t.name], (BATCH, *_axes(t, t == classes and bool(card.labels))))
            for t in tensors
        ]

    contract = card.contract
    return described(contract.inputs, card.inputs), described(contract.outputs, card.outputs)


def _axes(tensor: NamedTensor, classes: bool) -> tuple[str, ...]:
    return (CLASSES,) if classes else tuple(f"axis{n}" for n in range(1, len(tensor.shape) + 1))


def _file(builder: Any, name: str, description: str, kind: int) -> int:
    """`AssociatedFile`."""
    strings = {0: builder.CreateString(name), 1: builder.CreateString(description)}
    return _table(builder, 4, strings, {2: kind})


def _tensor(
    builder: Any, name: str, description: str, dimensions: Sequence[str], *files: int
) -> int:
    """`TensorMetadata` with plain features as its content."""
    features = _table(builder, 0, {})
    fields = {
        0: builder.CreateString(name),
        1: builder.CreateString(description),
        2: _vector(builder, [builder.CreateString(d) for d in dimensions]),
        3: _table(builder, 3, {1: features}, {0: _FEATURE_PROPERTIES}),
    }
    if files:
        fields[6] = _vector(builder, files)
    return _table(builder, 7, fields)


def _table(
    builder: Any, slots: int, offsets: dict[int, int], small: dict[int, int] | None = None
) -> int:
    """A table of `slots` fields: offsets to what was written before, and one-byte numbers."""
    builder.StartObject(slots)
    for slot, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    for slot, number in (small or {}).items():
        builder.PrependInt8Slot(slot, number, 0)
    return int(builder.EndObject())


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
