"""`.onnx` files: read with every check that needs no runtime, and written with equal bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from math import prod
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from edgeconv.core import Contract, Tensors
from edgeconv.core.metadata import CONTRACT_KEY, ModelMetadata, contract_text, parse_contract
from edgeconv.errors import BadInput
from edgeconv.plugins import import_package
from edgeconv.targets.file_graph import BITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

LABELS_KEY = "labels"
HINT = "export it again, or copy it again whole"

RECURRENT = ("GRU", "LSTM", "RNN")

_TYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    16: "bfloat16",
    21: "uint4",
    22: "int4",
}
_TYPED = {1: "float_data", 7: "int64_data", 11: "double_data", 12: "uint64_data", 13: "uint64_data"}
"""Where numbers are stored that are not raw bytes; `int32_data` for the other types."""


def dtype_name(number: int) -> str:
    """An element type by its number in the format; `type 99` for one that is not known here."""
    return _TYPES.get(number, f"type {number}")


def inner_graphs(node: Any) -> Iterator[Any]:
    """The graphs inside an operation: bodies of loops, branches."""
    for each in node.attribute:
        if each.HasField("g"):
            yield each.g
        yield from each.graphs


def graphs_of(graph: Any) -> Iterator[Any]:
    """A graph and all those inside its operations."""
    yield graph
    for node in graph.node:
        for inner in inner_graphs(node):
            yield from graphs_of(inner)


def nodes_of(graph: Any) -> Iterator[Any]:
    """The operations of a graph and of those inside it."""
    for each in graphs_of(graph):
        yield from each.node


def read_by(node: Any) -> list[str]:
    """Values that an operation reads, those that the graphs inside it take from around it too."""
    names = [name for name in node.input if name]
    for inner in inner_graphs(node):
        for graph in graphs_of(inner):
            names += [name for step in graph.node for name in step.input]
            names += [value.name for value in graph.output]
    return list(dict.fromkeys(names))


def copy(message: Any) -> Any:
    """A message of its own with the same content."""
    copied = type(message)()
    copied.CopyFrom(message)
    return copied


def attribute(node: Any, name: str, default: Any) -> Any:
    """The value of an operation's attribute."""
    import onnx

    for each in node.attribute:
        if each.name == name:
            return onnx.helper.get_attribute_value(each)
    return default


# --- reading ----------------------------------------------------------------------------------


def read(path: Path) -> Any:
    """The model as its protobuf message, checked: do not change it.

    Raises:
        BadInput: missing, not an ONNX file, truncated or damaged.
        MissingDependency: the extra `onnx` is not installed.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise BadInput(f"{path} {what}", "give the path of an .onnx file")
    stat = path.stat()
    return _read(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _read(path: Path, changed: int, size: int) -> Any:  # noqa: ARG001 (part of the key)
    data = path.read_bytes()
    if not data:
        raise BadInput(f"{path} is empty", HINT)
    try:
        model = parse(data)
        _check(model, path.parent)
    except ValueError as error:
        raise BadInput(f"{path} is truncated or damaged: {error}", HINT) from error
    return model


def parse(data: bytes) -> Any:
    """The message in these bytes. Raises ValueError where they are not an ONNX model."""
    onnx = import_package("onnx")
    from google.protobuf.message import DecodeError

    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise ValueError("it is not a protobuf message, as an ONNX file is") from error
    if not model.HasField("graph") or not model.opset_import:
        raise ValueError("it holds no ONNX graph")
    return model


def _check(model: Any, folder: Path) -> None:
    """Every value is known before it is read, and every constant has the bytes of its shape."""
    graph = model.graph
    if not graph.output:
        raise ValueError("its graph has no output")
    for name in _texts(model):
        if not isinstance(name, str):  # protobuf gives bytes where they are no UTF-8
            raise ValueError(f"the name {name!r} in it is not text")
    _check_graph(graph, set(), folder)


def _texts(model: Any) -> Iterator[object]:
    """Every name in the file, and what its metadata say."""
    for entry in (*model.opset_import, *model.metadata_props):
        yield from (getattr(entry, field, "") for field in ("domain", "key", "value"))
    for graph in graphs_of(model.graph):
        yield from (graph.name, graph.doc_string)
        for value in (*graph.input, *graph.output, *graph.value_info):
            yield from (value.name, value.doc_string)
        yield from (tensor.name for tensor in graph.initializer)
        for node in graph.node:
            yield from (*node.input, *node.output, node.name, node.op_type, node.domain)
            yield from (each.name for each in node.attribute)


def _check_graph(graph: Any, outside: set[str], folder: Path) -> None:
    known = outside | {value.name for value in graph.input}
    for tensor in graph.initializer:
        _check_tensor(tensor, folder)
        known.add(tensor.name)
    known.update(tensor.values.name for tensor in graph.sparse_initializer)
    for node in graph.node:
        kind = node.op_type or "an operation without a name"
        unknown = [name for name in node.input if name and name not in known]
        if unknown:
            raise ValueError(f"{kind} '{node.name}' reads '{unknown[0]}', which nothing makes")
        if not any(node.output):
            raise ValueError(f"{kind} '{node.name}' has no output")
        for each in node.attribute:
            if each.HasField("t"):
                _check_tensor(each.t, folder)
        for inner in inner_graphs(node):
            _check_graph(inner, known, folder)
        known.update(node.output)
    for value in graph.output:
        if value.name not in known:
            raise ValueError(f"nothing makes the output '{value.name}'")


def _check_tensor(tensor: Any, folder: Path) -> None:
    name, dtype = tensor.name, dtype_name(tensor.data_type)
    if any(dimension < 0 for dimension in tensor.dims):
        raise ValueError(f"constant '{name}' has the shape {tuple(tensor.dims)}")
    if dtype == "string":
        return
    if dtype not in BITS:
        raise ValueError(f"constant '{name}' has the element {dtype}, which is not known")
    needed = (prod(tensor.dims) * BITS[dtype] + 7) // 8
    if tensor.data_location == tensor.EXTERNAL:
        _check_external(tensor, folder, needed)
        return
    stored = len(tensor.raw_data)
    if not tensor.HasField("raw_data"):
        numbers = len(getattr(tensor, _TYPED.get(tensor.data_type, "int32_data")))
        stored, needed = numbers, prod(tensor.dims) * BITS[dtype] // max(BITS[dtype], 8)
    if stored != needed:
        raise ValueError(
            f"constant '{name}' holds {stored}, its shape {tuple(tensor.dims)} needs {needed}"
        )


def external_file(tensor: Any, folder: Path) -> tuple[Path, int, int | None]:
    """Where a constant outside the file lies: file, first byte, length.

    Raises:
        ValueError: its file is absent, or is not below the model's folder.
    """
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = PurePosixPath(entries.get("location", ""))
    if not location.parts or location.is_absolute() or ".." in location.parts:
        raise ValueError(f"constant '{tensor.name}' lies in '{location}', outside its folder")
    file = folder / location
    if not file.is_file():
        raise ValueError(
            f"constant '{tensor.name}' lies in the file '{location}', which is not beside it"
        )
    length = entries.get("length")
    return file, int(entries.get("offset", 0)), None if length is None else int(length)


def _check_external(tensor: Any, folder: Path, needed: int) -> None:
    file, offset, length = external_file(tensor, folder)
    there = file.stat().st_size - offset if length is None else length
    if offset < 0 or there != needed or offset + there > file.stat().st_size:
        raise ValueError(f"constant '{tensor.name}' does not fit into the file '{file.name}'")


def numbers(tensor: Any, folder: Path) -> NDArray[Any]:
    """The numbers of a constant that `read` has checked."""
    import onnx

    array: NDArray[Any] = onnx.numpy_helper.to_array(tensor, base_dir=str(folder))
    return array


# --- writing ----------------------------------------------------------------------------------


def write(path: Path, model: Any) -> None:
    """Write the file; equal models are equal bytes."""
    path.write_bytes(model.SerializeToString(deterministic=True))


# --- what the file says of itself --------------------------------------------------------------


def write_metadata(path: Path, card: ModelMetadata) -> None:
    """Put name, descriptions, labels and contract into the file, and call inputs and outputs as
    the contract does, in its order."""
    model = parse(path.read_bytes())
    model.graph.name = card.name
    model.graph.doc_string = card.summary
    for side, texts in ((model.graph.input, card.inputs), (model.graph.output, card.outputs)):
        if not isinstance(card.contract, Tensors):
            rename(model.graph, {side[0].name: next(iter(texts))})
        side.sort(key=lambda value, order=list(texts): order.index(value.name))
        for value in side:
            value.doc_string = texts[value.name]
    properties = {
        **card.fields,
        CONTRACT_KEY: contract_text(card.contract),
        LABELS_KEY: json.dumps(list(card.labels), ensure_ascii=False),
        "author": card.author,
        "license": card.licence,
        "version": card.version,
    }
    del model.metadata_props[:]
    for key, value in sorted(properties.items()):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    write(path, model)


def rename(graph: Any, names: Mapping[str, str]) -> None:
    """Give values of a graph other names; a value that has one already gets another."""
    names = dict(names)
    used = {name for each in graphs_of(graph) for node in each.node for name in node.output}
    used |= {value.name for value in (*graph.input, *graph.output, *graph.initializer)}
    for new in [new for old, new in names.items() if new in used and old != new]:
        names.setdefault(new, f"{new}_inner")
    for each in graphs_of(graph):
        for value in (*each.input, *each.output, *each.initializer):
            value.name = names.get(value.name, value.name)
        for node in each.node:
            for side in (node.input, node.output):
                side[:] = [names.get(name, name) for name in side]
            node.name = next(filter(None, node.output), "")


def read_contract(path: Path) -> Contract | None:
    """The embedded sensor contract; None for a file of another tool.

    Raises:
        BadInput: a damaged file or contract.
    """
    text = _properties(path).get(CONTRACT_KEY)
    return None if text is None else parse_contract(text, str(path))


def read_labels(path: Path) -> tuple[str, ...]:
    """The embedded class names; empty where there are none, or none in this form.

    Raises:
        BadInput: a damaged file.
    """
    try:
        labels = json.loads(_properties(path).get(LABELS_KEY, "[]"))
    except ValueError:
        return ()
    texts = isinstance(labels, list) and all(isinstance(label, str) for label in labels)
    return tuple(labels) if texts else ()


def _properties(path: Path) -> dict[str, str]:
    return {entry.key: entry.value for entry in read(path).metadata_props}


def changed(path: Path, change: Callable[[Any], None]) -> bytes:
    """The file's bytes after a change of its message."""
    model = parse(path.read_bytes())
    change(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data
