"""The numbers that a program holds, in the protobuf or in `weight.bin`, as far as lints ask."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from edgeconv.targets.coreml.program_graph import dtypes

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RECORD = struct.Struct("<IIQQ")  # sentinel, data type, bytes, offset of the data
_SENTINEL = 0xDEADBEEF
_NUMPY = {
    **{name: f"<{name[0]}{int(name[-2:]) // 8}" for name in ("float16", "float32", "float64")},
    **{f"int{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
    "bool": "?",
}


def record(blob: bytes, offset: int) -> tuple[int, int] | None:
    """Start and length of the weight whose record stands at `offset`; None where none does, or
    where it reaches past the end."""
    if offset + _RECORD.size > len(blob):
        return None
    sentinel, _, length, start = _RECORD.unpack_from(blob, offset)
    if sentinel != _SENTINEL or start + length > len(blob):
        return None
    return start, length


def read(value: Any, blob: bytes) -> NDArray[Any] | None:
    """A value as a flat array; None for strings, lists, packed types and missing weights."""
    import numpy as np

    dtype = _NUMPY.get(dtypes().get(value.type.tensorType.dataType, ""))
    if dtype is None:
        return None
    if value.WhichOneof("value") == "blobFileValue":
        place = record(blob, value.blobFileValue.offset)
        if place is None:
            return None
        start, length = place
        return np.frombuffer(blob[start : start + length], dtype)
    tensor = value.immediateValue.tensor
    kind = tensor.WhichOneof("value")
    if kind == "bytes":
        return np.frombuffer(tensor.bytes.values, dtype)
    return np.array(getattr(tensor, kind).values, dtype) if kind else None
