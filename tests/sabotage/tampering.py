"""Ways to break the files of a bundle, each in the file's own format."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.core.metadata import CONTRACT_FILE, CONTRACT_KEY
from edgeconv.targets.coreai import asset as coreai_asset
from edgeconv.targets.coreai import reader as coreai_reader
from edgeconv.targets.coreai.engine import PROGRAM
from edgeconv.targets.coreml import package
from edgeconv.targets.coreml.program import read_program
from edgeconv.targets.tflite import serialize

Change = Callable[[NDArray[Any]], NDArray[Any]]
_TYPES = {0: np.float32, 2: np.int32, 9: np.int8}  # TensorType FLOAT32, INT32, INT8


# ---- .tflite: the flatbuffer is unpacked, changed and packed again; what is attached stays -------


@contextmanager
def tflite(path: Path) -> Iterator[Any]:
    """The file's `ModelT`, written back at the end of the block."""
    from ai_edge_litert import schema_py_generated as schema

    old = path.read_bytes()
    tree = schema.ModelT.InitFromPackedBuf(old, 0)
    yield tree
    new = io.BytesIO(serialize.pack(tree))
    attached = _entries(old) if zipfile.is_zipfile(io.BytesIO(old)) else {}
    if attached:
        with zipfile.ZipFile(new, "a", zipfile.ZIP_STORED) as archive:
            for name, data in attached.items():
                archive.writestr(zipfile.ZipInfo(name), data)
    path.write_bytes(new.getvalue())


def constant(path: Path, layer: str, change: Change, bias: bool = False) -> None:
    """Change the kernel or the bias of a layer (`conv1` … `conv4`, `probabilities`)."""
    with tflite(path) as tree:
        graph = tree.subgraphs[0]
        for op in graph.operators:
            output = graph.tensors[int(op.outputs[0])].name.decode()
            if len(op.inputs) == 3 and output.startswith(layer):
                tensor = graph.tensors[int(op.inputs[2 if bias else 1])]
                buffer = tree.buffers[tensor.buffer]
                raw = np.asarray(buffer.data, np.uint8).tobytes()
                values = np.frombuffer(raw, _TYPES[tensor.type]).reshape(tensor.shape)
                changed = np.ascontiguousarray(change(values.copy()), values.dtype)
                buffer.data = np.frombuffer(changed.tobytes(), np.uint8)
                return
        raise LookupError(f"{path.name} has no layer {layer}")


def onnx_constant(path: Path, name: str, change: Change) -> None:
    """Change a constant of an `.onnx` file."""
    import onnx

    model = onnx.load(path)
    tensor = next(each for each in model.graph.initializer if each.name == name)
    values = onnx.numpy_helper.to_array(tensor)
    changed = np.ascontiguousarray(change(values.copy()), values.dtype)
    tensor.CopyFrom(onnx.numpy_helper.from_array(changed, name))
    onnx.save(model, path)


def input_quantization(path: Path, scale: float = 1.0, zero_point: int = 0) -> None:
    """Multiply the scale that readings are quantized by, shift the zero point; nothing else in the
    file knows."""
    with tflite(path) as tree:
        graph = tree.subgraphs[0]
        made = (graph.tensors[int(op.outputs[0])] for op in graph.operators)
        found = next(tensor for tensor in made if _TYPES.get(tensor.type) is np.int8)
        found.quantization.scale = np.asarray(found.quantization.scale) * np.float32(scale)
        found.quantization.zeroPoint = np.asarray(found.quantization.zeroPoint) + zero_point


def without_softmax(path: Path) -> None:
    """The file gives logits: its last operation is gone."""
    with tflite(path) as tree:
        graph = tree.subgraphs[0]
        logits = graph.operators[-1].inputs[0]
        graph.operators = graph.operators[:-1]
        graph.outputs = [logits]
        for signature in tree.signatureDefs:
            signature.outputs[0].tensorIndex = int(logits)


def attached(path: Path, name: str, change: Callable[[bytes], bytes | None]) -> None:
    """Change (or with None remove) a file that is attached to a `.tflite`."""
    entries = _entries(path.read_bytes())
    data = path.read_bytes()
    flatbuffer = data[: _start_of_zip(data)]
    out = io.BytesIO(flatbuffer)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_STORED) as archive:
        for entry, old in entries.items():
            new = change(old) if entry == name else old
            if new is not None:
                archive.writestr(zipfile.ZipInfo(entry), new)
    path.write_bytes(out.getvalue())


def contract(path: Path, **fields: object) -> None:
    """Other fields in the sensor contract inside a `.tflite`, `.mlpackage` or `.aimodel`."""
    if path.suffix == ".aimodel":

        def update(custom: dict[str, Any]) -> None:
            custom[CONTRACT_KEY] = _updated(custom[CONTRACT_KEY].encode(), fields).decode()

        asset_metadata(path, update)
        return
    if path.suffix == ".tflite":
        attached(path, CONTRACT_FILE, lambda old: _updated(old, fields))
        return
    with mlmodel(path) as spec:
        own = spec.description.metadata.userDefined
        own[CONTRACT_KEY] = _updated(own[CONTRACT_KEY].encode(), fields).decode()


def _updated(text: bytes, fields: dict[str, object]) -> bytes:
    return json.dumps({**json.loads(text), **fields}).encode()


def _entries(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _start_of_zip(data: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return min(info.header_offset for info in archive.infolist())


# ---- .mlpackage: the protobuf, and the blobs that it points into ---------------------------------


@contextmanager
def mlmodel(path: Path) -> Iterator[Any]:
    """The package's `Model` message, written back at the end of the block."""
    spec = package.read_spec(path)
    yield spec
    package.model_file(path).write_bytes(spec.SerializeToString())


def weight_file(path: Path) -> Path:
    """The package's `weight.bin`."""
    return package.model_file(path).parent / package.WEIGHTS


def blob(path: Path, number: int, change: Change) -> None:
    """Change the float values of one blob, in the order of the program (kernel, bias, kernel …)."""
    file = weight_file(path)
    data = bytearray(file.read_bytes())
    constants = [c for _, c in read_program(path).constants() if c.type.shape]
    values = [c.value for c in constants if c.type.dtype.startswith("float")][number].reshape(-1)
    raw = values.tobytes()
    start = data.index(raw)
    changed = np.ascontiguousarray(change(values.copy()), values.dtype)
    data[start : start + len(raw)] = changed.tobytes()
    file.write_bytes(data)


def class_names(path: Path, names: list[str]) -> None:
    """Other class names in the `classify` operation."""
    with mlmodel(path) as spec:
        block = next(iter(spec.mlProgram.functions["main"].block_specializations.values()))
        constants = {op.outputs[0].name: op for op in block.operations if op.type == "const"}
        (classify,) = (op for op in block.operations if op.type == "classify")
        binding = classify.inputs["classes"].arguments[0]
        value = binding.value
        if binding.WhichOneof("binding") == "name":
            value = constants[binding.name].attributes["val"]
        held = value.immediateValue
        if held.WhichOneof("value") == "list":
            for item, name in zip(held.list.values, names, strict=True):
                item.immediateValue.tensor.strings.values[0] = name
        else:
            held.tensor.strings.values[:] = names


# ---- .aimodel: bytes of the program, and its hash with them --------------------------------------


def asset_constant(path: Path, name: str, change: Change) -> None:
    """Change a constant of an `.aimodel`, such as `conv1_kernel`; the hash fits again."""
    program = coreai_reader.read_program(path)
    (number,) = (i for i, op in program.constants.items() if op.resource == name)
    values, file = program.array(number), path / PROGRAM
    assert values is not None
    data, raw = file.read_bytes(), values.tobytes()
    assert data.count(raw) == 1
    changed = np.ascontiguousarray(change(values.copy()), values.dtype)
    file.write_bytes(data.replace(raw, changed.tobytes()))
    (path / coreai_asset.HASH).write_bytes(hashlib.sha256(file.read_bytes()).digest())


def asset_metadata(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the entries that edgeconv writes into an `.aimodel`."""

    def custom(data: Any) -> None:
        change(data["creatorDefinedMetadata"])

    document(path / coreai_asset.METADATA, custom)


# ---- .keras, .json, .npz ------------------------------------------------------------------------


def keras_weights(path: Path, change: Change) -> None:
    """Change every weight array of a `.keras` file."""
    import h5py

    entries = _entries(path.read_bytes())
    weights = io.BytesIO(entries["model.weights.h5"])
    with h5py.File(weights, "r+") as file:

        def visit(_: str, node: Any) -> None:
            if isinstance(node, h5py.Dataset) and node.ndim > 1:
                node[...] = change(node[...])

        file.visititems(visit)
    entries["model.weights.h5"] = weights.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data)


def document(path: Path, change: Callable[[Any], None]) -> None:
    """Change a JSON file in place."""
    data = json.loads(path.read_text("utf-8"))
    change(data)
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")


def arrays(path: Path, name: str, change: Change) -> None:
    """Change one array of an `.npz`."""
    with np.load(path, allow_pickle=False) as kept:
        held = {key: kept[key] for key in kept.files}
    held[name] = change(held[name].copy())
    np.savez(path, **held)


def record_again(folder: Path, file: str) -> None:
    """The golden answers of a file as it is now, as an export would record them."""
    from edgeconv.bundle import read_bundle
    from edgeconv.core.paths import sha256
    from edgeconv.parity import golden
    from edgeconv.runtimes import runtime_for
    from edgeconv.runtimes.predict import run_file

    from .seal import Seal, renew

    renew(folder, Seal.ALL)
    (artifact,) = (a for a in read_bundle(folder).artifacts if a.name == file)
    assert artifact.sha256 == sha256(folder / file)
    kept = golden.read(folder)
    golden.write(
        golden.record_outputs(kept, artifact, runtime_for(artifact.path), run_file, ""), folder
    )
