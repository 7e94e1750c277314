"""`.mlpackage` folders read straight from their protobuf, on any system."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgeconv.core import Signal
from edgeconv.core.metadata import CONTRACT_KEY, parse_contract
from edgeconv.errors import BadInput
from edgeconv.targets.coreml.program_graph import Program, dtypes, operations
from edgeconv.targets.coreml.proto import proto
from edgeconv.targets.file_graph import Graph

__all__ = [
    "WEIGHTS",
    "blob_at",
    "blobs",
    "model_file",
    "proto",
    "read_contract",
    "read_graph",
    "read_labels",
    "read_spec",
    "refusing",
    "weight_file",
]

WEIGHTS = Path("weights") / "weight.bin"
_HINT = "export it again, or copy the whole .mlpackage folder again"
_BLOB = struct.Struct("<IIQQ")  # sentinel, data type, bytes, offset of the data
_BLOB_SENTINEL = 0xDEADBEEF


def model_file(path: Path) -> Path:
    """The `.mlmodel` inside the package, as its manifest names it.

    Raises:
        BadInput: no package, or an incomplete one.
    """
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise BadInput(f"{path} {what}", "give the path of a .mlpackage folder")
    try:
        manifest = json.loads((path / "Manifest.json").read_text())
        entry = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]
        inside = path / "Data" / str(entry["path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: Manifest.json is missing or damaged: {error}", _HINT) from error
    if not inside.is_file():
        raise BadInput(f"{path}: the model file {entry['path']} is missing", _HINT)
    return inside


def read_spec(path: Path) -> Any:
    """The `Model` message of a package.

    Raises:
        BadInput: no package, or a damaged one.
    """
    file = model_file(path)
    from google.protobuf.message import DecodeError

    spec = proto("Model_pb2").Model()
    try:
        spec.ParseFromString(file.read_bytes())
    except DecodeError as error:
        raise BadInput(f"{path}: {file.name} is truncated or damaged: {error}", _HINT) from error
    if not spec.specificationVersion:
        raise BadInput(f"{path}: {file.name} is empty", _HINT)
    return spec


def read_contract(path: Path) -> Signal | None:
    """The sensor contract among the user-defined fields, None where there is none."""
    fields = read_spec(path).description.metadata.userDefined
    return parse_contract(fields[CONTRACT_KEY], str(path)) if CONTRACT_KEY in fields else None


def read_labels(path: Path) -> tuple[str, ...]:
    """Class names of a classifier; empty for another model. Raises BadInput as `read_graph`."""
    spec = read_spec(path)
    with refusing(path):
        return Program(spec, str(path)).labels


def read_graph(path: Path) -> Graph:
    """Operations, tensors and cost of an ML program.

    Raises:
        BadInput: no package, a damaged one, or one that holds no ML program.
    """
    spec = read_spec(path)
    with refusing(path):
        return Program(spec, str(path)).graph()


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """A message that parses may still name what is not there: damage, not a bug of ours."""
    try:
        yield
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise BadInput(f"{path}: its program is damaged: {error!r}", _HINT) from error


def blobs(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Name of its operation, data type and bytes of every tensor that is stored as such, in
    `weight.bin` or, where it is small, in the program.

    Raises:
        BadInput: the file is missing or shorter than the program says.
    """
    spec = read_spec(path)
    data = weight_file(path)
    names = dtypes()
    for op in operations(spec, str(path)):
        inline = [a.value for i in op.inputs.values() for a in i.arguments if a.HasField("value")]
        for value in (*op.attributes.values(), *inline):
            name, dtype = op.outputs[0].name, names[value.type.tensorType.dataType]
            if value.WhichOneof("value") == "blobFileValue":
                yield name, dtype, blob_at(data, value.blobFileValue.offset, f"{path}: {name}")
            elif (inside := _stored_inside(value.immediateValue.tensor)) is not None:
                yield name, dtype, inside


def _stored_inside(tensor: Any) -> bytes | None:
    """A tensor's bytes where the program itself holds floats or packed numbers."""
    held = tensor.WhichOneof("value")
    if held == "floats":
        return struct.pack(f"<{len(tensor.floats.values)}f", *tensor.floats.values)
    return bytes(tensor.bytes.values) if held == "bytes" else None


def weight_file(path: Path) -> bytes:
    """`weight.bin` of a package; empty where it has none, because every constant is small."""
    file = model_file(path).parent / WEIGHTS
    return file.read_bytes() if file.is_file() else b""


def blob_at(data: bytes, offset: int, where: str) -> bytes:
    """What the weight file holds for the header at `offset`.

    Raises:
        BadInput: no weight begins there, or the file is too short; `where` is named.
    """
    try:
        sentinel, _, length, start = _BLOB.unpack_from(data, offset)
    except struct.error as error:
        raise BadInput(f"{where}: its weights are missing from weight.bin", _HINT) from error
    if sentinel != _BLOB_SENTINEL or start + length > len(data):
        raise BadInput(f"{where}: weight.bin is truncated or damaged", _HINT)
    return data[start : start + length]
