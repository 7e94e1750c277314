"""`.mlpackage` folders read straight from their files, on any system.

Core ML's protobuf message classes without coremltools itself, and walks over messages.

They come from the installed coremltools, loaded without its `__init__`, which imports TensorFlow
and takes ten seconds.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgeconv.core import Contract
from edgeconv.core.json_codec import damage
from edgeconv.core.metadata import CONTRACT_KEY, parse_contract
from edgeconv.core.paths import read_text
from edgeconv.errors import BadInput
from edgeconv.plugins import missing
from edgeconv.targets.coreml.blobs import HINT

_PROTO = "edgeconv_coreml_proto"


def proto(name: str) -> Any:
    """A message module of coremltools, such as `Model_pb2` or `MIL_pb2`.

    Raises:
        MissingDependency: coremltools is not installed.
    """
    if _PROTO not in sys.modules:
        spec = importlib.util.find_spec("coremltools")
        if spec is None or not spec.submodule_search_locations:
            raise missing(ModuleNotFoundError("No module named 'coremltools'", name="coremltools"))
        package = types.ModuleType(_PROTO)
        package.__path__ = [str(Path(spec.submodule_search_locations[0]) / "proto")]
        sys.modules[_PROTO] = package
    return importlib.import_module(f"{_PROTO}.{name}")


def dtypes() -> dict[int, str]:
    """Number → name of MIL's data types, as everywhere else in this project."""
    return {number: name.lower() for name, number in proto("MIL_pb2").DataType.items()}


def array_types() -> dict[int, str]:
    """Number → name of the types that inputs and outputs of the description have."""
    types_ = proto("FeatureTypes_pb2").ArrayFeatureType.ArrayDataType
    names = {number: name.lower() for name, number in types_.items()}
    return {number: "float64" if name == "double" else name for number, name in names.items()}


def dimensions(tensor: Any) -> tuple[int, ...]:
    """The shape in a `TensorType` message; an unknown dimension is −1."""
    return tuple(
        int(d.constant.size) if d.WhichOneof("dimension") == "constant" else -1
        for d in tensor.dimensions
    )


def blocks(spec: Any) -> Iterator[Any]:
    """The outermost block messages of a `Model`, of every function and operation set.

    In the order of their names: a protobuf map has another order in every process.
    """
    for _, function in sorted(spec.mlProgram.functions.items()):
        for _, block in sorted(function.block_specializations.items()):
            yield block


def values_in(block: Any) -> Iterator[Any]:
    """Every `Value` message of a block: attributes and values in place, nested blocks too.

    By name, for the same reason.
    """
    for op in block.operations:
        for inner in op.blocks:
            yield from values_in(inner)
        yield from (op.attributes[name] for name in sorted(op.attributes))
        for name in sorted(op.inputs):
            for binding in op.inputs[name].arguments:
                if binding.WhichOneof("binding") == "value":
                    yield binding.value


WEIGHTS = Path("weights") / "weight.bin"


def model_file(path: Path) -> Path:
    """The `.mlmodel` inside the package, as its manifest names it.

    Raises:
        BadInput: not a package, or an incomplete one.
    """
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise BadInput(f"{path} {what}", "give the path of a .mlpackage folder")
    try:
        manifest = json.loads(read_text(path / "Manifest.json"))
        entry = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]
        model = path / "Data" / str(entry["path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{path}: Manifest.json is missing or damaged: {damage(error)}", HINT
        ) from error
    if not model.is_file():
        raise BadInput(f"{path}: the model file {entry['path']} is missing", HINT)
    return model


def read_spec(path: Path) -> Any:
    """The `Model` message of a package.

    Raises:
        BadInput: not a package, or a damaged one.
    """
    file = model_file(path)
    from google.protobuf.message import DecodeError

    spec = proto("Model_pb2").Model()
    try:
        spec.ParseFromString(file.read_bytes())
    except DecodeError as error:
        raise BadInput(f"{path}: {file.name} is truncated or damaged: {error}", HINT) from error
    if not spec.specificationVersion:
        raise BadInput(f"{path}: {file.name} is empty", HINT)
    return spec


def read_contract(path: Path) -> Contract | None:
    """The sensor contract among the user-defined fields, None where there is none."""
    fields = read_spec(path).description.metadata.userDefined
    return parse_contract(fields[CONTRACT_KEY], str(path)) if CONTRACT_KEY in fields else None


def array_dtype(feature: Any, where: str) -> str:
    """Type of an array among the inputs and outputs of the description.

    Raises:
        BadInput: a type number that is not known.
    """
    number = feature.type.multiArrayType.dataType
    names = array_types()
    if number not in names:
        raise BadInput(
            f"{where}: the input or output '{feature.name}' has the array type number {number}, "
            "which is not known",
            HINT,
        )
    return names[number]


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Report a program that can be read but contradicts itself as damaged, not as our bug."""
    try:
        yield
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise BadInput(
            f"{path}: its program is damaged: the shapes or parameters of its operations "
            "contradict each other",
            HINT,
        ) from error
