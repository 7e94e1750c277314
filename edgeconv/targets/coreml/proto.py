"""Core ML's protobuf message classes without coremltools itself, and walks over messages.

They come from the installed coremltools, loaded without its `__init__`, which imports TensorFlow
and takes ten seconds.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeconv.plugins import missing

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
