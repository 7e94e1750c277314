"""A Core ML package in few bytes: no number, operation or public name changes.

A converter gives each parameter of an operation (strides, padding …) a separate constant with a
long name, and each tensor of ten numbers or more a record of 64 bytes in the weight file, filled up
to a multiple of 64. `MIL.proto` lets a parameter's value be stored where it is used, as coremltools
itself writes a classifier's labels, and any tensor in the program, as coremltools writes those
below ten numbers.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from itertools import count
from math import prod
from typing import Any

from edgeconv.targets.coreml.blobs import BlobFile, BlobWriter
from edgeconv.targets.coreml.package import blocks, dimensions, dtypes, values_in

INLINE_BYTES, INLINE_TOTAL = 256, 4096
"""Tensors of at most so many bytes stand in the program, and all of them where the rest is no more
than the second number. Larger ones stay in the weight file, which is mapped into memory as it is;
the program is compiled into text, where a number takes five to ten characters."""

_PARAMETER_NUMBERS = 16  # shapes, strides, axes; longer lists are data
_PARAMETER_TYPES = ("int32", "bool", "string")
_CAST = re.compile(r"(_cast_fp(16|32))+$")


def slim(spec: Any, weights: BlobFile) -> bytes:
    """Change a `Model` message in place; returns the new weight file, empty where none is needed.

    Raises:
        BadInput: a weight is not in the file.
    """
    outermost = list(blocks(spec))
    public = {f.name for f in (*spec.description.input, *spec.description.output)}
    for block in outermost:
        if all(not op.blocks for op in block.operations):  # inner blocks see names of outer ones
            _inline_parameters(block)
            _shorten_names(block, public)
            _drop_operation_names(block)
    values = [value for block in outermost for value in values_in(block)]
    in_file = [value for value in values if value.WhichOneof("value") == "blobFileValue"]
    return _rewrite_weights(in_file, weights)


def _inline_parameters(block: Any) -> None:
    """Give operations their parameters by value, and drop constants that are no longer read."""
    types = dtypes()
    parameters = {}
    for op in block.operations:
        if op.type == "const":
            kind = op.outputs[0].type.tensorType
            small = prod(dimensions(kind)) <= _PARAMETER_NUMBERS
            immediate = op.attributes["val"].WhichOneof("value") == "immediateValue"
            if types.get(kind.dataType) in _PARAMETER_TYPES and immediate and small:
                parameters[op.outputs[0].name] = op.attributes["val"]
    read = set(block.outputs)
    for op in block.operations:
        for argument in op.inputs.values():
            for binding in argument.arguments:
                if binding.name in parameters and len(argument.arguments) == 1:
                    binding.value.CopyFrom(parameters[binding.name])
                else:
                    read.add(binding.name)
    remaining = [op for op in block.operations if op.type != "const" or op.outputs[0].name in read]
    del block.operations[:]
    block.operations.extend(remaining)


def _shorten_names(block: Any, public: set[str]) -> None:
    """Number the constants, and remove the traces of the converter's casts from computed values."""
    new = _new_names(block, public)
    for op in block.operations:
        for argument in op.inputs.values():
            for binding in argument.arguments:
                if binding.WhichOneof("binding") == "name":
                    binding.name = new.get(binding.name, binding.name)
        for out in op.outputs:
            out.name = new.get(out.name, out.name)
        if "name" in op.attributes:
            op.attributes["name"].immediateValue.tensor.strings.values[0] = op.outputs[0].name
    block.outputs[:] = [new.get(name, name) for name in block.outputs]


def _new_names(block: Any, public: set[str]) -> dict[str, str]:
    outputs = [(_holds(op), out.name) for op in block.operations for out in op.outputs]
    used = public | {name for constant, name in outputs if not constant}
    numbers = (f"w{i}" for i in count() if f"w{i}" not in used)
    new: dict[str, str] = {}
    for constant, name in outputs:
        if constant:
            new[name] = next(numbers)
        elif (short := _CAST.sub("", name)) not in used:
            new[name] = short
            used.add(short)
    return new


def _drop_operation_names(block: Any) -> None:
    """Drop the names of operations, which their outputs repeat."""
    for op in block.operations:
        if not _holds(op):
            op.attributes.pop("name", None)


def _holds(op: Any) -> bool:
    """Whether an operation holds or unpacks a constant."""
    return bool(op.type == "const" or op.type.startswith("constexpr_"))


def _rewrite_weights(values: list[Any], weights: BlobFile) -> bytes:
    """Move small tensors into the program and the others into a new file, equal ones once."""
    uses = Counter(value.blobFileValue.offset for value in values)
    records = {offset: weights.record(offset) for offset in uses}
    sizes = [record.length for record in records.values()]
    large_total = sum(size for size in sizes if size > INLINE_BYTES)
    limit = max(sizes, default=0) if large_total <= INLINE_TOTAL else INLINE_BYTES
    writer = BlobWriter()
    for value in values:
        offset = value.blobFileValue.offset
        record = records[offset]
        content = weights.content(record)
        if record.length <= limit and uses[offset] == 1:
            _store_in_program(value, content)
        else:
            value.blobFileValue.offset = writer.add(record, content)
    return writer.finish()


def _store_in_program(value: Any, content: bytes) -> None:
    """Put a tensor's bytes into the program, as coremltools stores small tensors."""
    name = dtypes()[value.type.tensorType.dataType]
    if name == "float32":
        numbers = struct.unpack(f"<{len(content) // 4}f", content)
        value.immediateValue.tensor.floats.values.extend(numbers)
    elif name in ("int16", "uint16", "int32"):
        code = {"int16": "h", "uint16": "H", "int32": "i"}[name]
        numbers = struct.unpack(f"<{len(content) // struct.calcsize(code)}{code}", content)
        value.immediateValue.tensor.ints.values.extend(numbers)
    else:
        value.immediateValue.tensor.bytes.values = content
