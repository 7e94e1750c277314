"""`.mlpackage` folders read straight from their files, on any system."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgeconv.core import Contract
from edgeconv.core.metadata import CONTRACT_KEY, parse_contract
from edgeconv.errors import BadInput
from edgeconv.targets.coreml.blobs import HINT
from edgeconv.targets.coreml.proto import array_types, proto

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
        manifest = json.loads((path / "Manifest.json").read_text())
        entry = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]
        model = path / "Data" / str(entry["path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: Manifest.json is missing or damaged: {error}", HINT) from error
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
