"""`weights/weight.bin` of a package, and the encoding of tensors as bytes.

Layout of the file, after `MILBlob/Blob/StorageFormat.hpp` of coremltools' public sources: a 64-byte
header (count, version 2), then for each weight, at a multiple of 64, a 64-byte record (sentinel,
type, bytes, offset of the data, padding in bits) that the program points to.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.errors import BadInput, Unsupported

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HINT = "export it again, or copy the whole .mlpackage folder again"

BLOB_TYPES = {
    1: "float16",
    2: "float32",
    3: "uint8",
    4: "int8",
    5: "bfloat16",
    6: "int16",
    7: "uint16",
    8: "int4",
    9: "uint1",
    10: "uint2",
    11: "uint4",
    12: "uint3",
    13: "uint6",
    14: "int32",
    15: "uint32",
    16: "float8e4m3fn",
    17: "float8e5m2",
}
"""Type number of a record → MIL's name of the type."""

_HEADER = struct.Struct("<II56x")  # count, version
_RECORD = struct.Struct("<IIQQQ32x")  # sentinel, type, bytes, offset of the data, bits of padding
_VERSION = 2
_SENTINEL = 0xDEADBEEF
_ALIGNMENT = 64
_SUB_BYTE = {"int4": 4, "uint1": 1, "uint2": 2, "uint3": 3, "uint4": 4, "uint6": 6}
_NUMPY = {
    **{f"float{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
    **{f"int{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
    "bool": "?",
}


@dataclass(frozen=True)
class BlobRecord:
    """The place of one weight: `length` bytes from `start`, the last one with `padding` bits."""

    type_number: int
    length: int
    start: int
    padding: int = 0

    @property
    def dtype(self) -> str:
        """MIL's name of the stored type."""
        return BLOB_TYPES.get(self.type_number, f"type {self.type_number}")


class BlobFile:
    """The weight file of a package; empty where all constants are in the program.

    Args:
        data: its content.
        name: its name in messages.
    """

    def __init__(self, data: bytes | mmap.mmap, name: str = "weight.bin") -> None:
        self._data = data
        self._name = name

    @classmethod
    def open(cls, path: Path) -> BlobFile:
        """Map a file into memory; an empty `BlobFile` where there is none."""
        if not path.is_file() or not path.stat().st_size:
            return cls(b"", str(path))
        with path.open("rb") as file:
            return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), str(path))

    def record(self, offset: int) -> BlobRecord:
        """The record at `offset`.

        Raises:
            BadInput: the file is missing, of another version or too short, or has no record there.
        """
        size = len(self._data)
        if not size:
            raise BadInput(f"{self._name} is missing or empty, but the model needs it", HINT)
        if size < _HEADER.size:
            raise BadInput(f"{self._name} is truncated: it has {size} bytes", HINT)
        _, version = _HEADER.unpack_from(self._data)
        if version != _VERSION:
            raise BadInput(
                f"{self._name} is not a weight file of version {_VERSION}: "
                f"its header has version {version}",
                HINT,
            )
        where = f"{self._name}, record at {offset}"
        if offset + _RECORD.size > size:
            raise BadInput(f"{where}: beyond the end of the file, which has {size} bytes", HINT)
        sentinel, number, length, start, padding = _RECORD.unpack_from(self._data, offset)
        if sentinel != _SENTINEL:
            raise BadInput(f"{where}: no weight begins there", HINT)
        if start + length > size:
            raise BadInput(f"{where}: the file is truncated: it has {size} bytes", HINT)
        return BlobRecord(number, length, start, padding)

    def content(self, record: BlobRecord) -> bytes:
        """The bytes of a weight."""
        return self._data[record.start : record.start + record.length]


class BlobWriter:
    """A new weight file; equal contents are written once."""

    def __init__(self) -> None:
        self._data = bytearray(_HEADER.size)
        self._offsets: dict[tuple[int, bytes, int], int] = {}  # what is written already

    def add(self, record: BlobRecord, content: bytes) -> int:
        """Write a weight with the type and padding of `record`; returns its offset."""
        key = (record.type_number, content, record.padding)
        if key not in self._offsets:
            offset = len(self._data)
            start = offset + _RECORD.size
            self._offsets[key] = offset
            head = (_SENTINEL, record.type_number, len(content), start, record.padding)
            self._data += _RECORD.pack(*head) + content
            self._data += bytes(-len(self._data) % _ALIGNMENT)
        return self._offsets[key]

    def finish(self) -> bytes:
        """The whole file; empty where nothing was written."""
        if not self._offsets:
            return b""
        _HEADER.pack_into(self._data, 0, len(self._offsets), _VERSION)
        return bytes(self._data)


def numpy_type(dtype: str) -> str:
    """NumPy's code for numbers of MIL's type `dtype`, of sub-byte ones the smallest that has room
    for them; empty where it has none (bfloat16, float8)."""
    if dtype in _SUB_BYTE:
        return "<i1" if dtype.startswith("int") else "<u1"
    return _NUMPY.get(dtype, "")


def decode(data: bytes, dtype: str, shape: tuple[int, ...], where: str) -> NDArray[Any]:
    """Row-major little-endian bytes → array; sub-byte types are packed from the lowest bit up.

    Raises:
        BadInput: more or fewer bytes than the shape needs.
        Unsupported: a type without an equivalent here (bfloat16, float8).
    """
    import numpy as np

    count = prod(shape)
    bits = _SUB_BYTE.get(dtype, 0)
    if dtype in ("", "unused_type"):
        raise BadInput(f"{where} has no type", HINT)
    if not bits and dtype not in _NUMPY:
        raise Unsupported(
            f"{where}: values of type {dtype} cannot be decoded",
            "export it again with float16 or float32 weights",
        )
    expected = -(-count * bits // 8) if bits else count * np.dtype(_NUMPY[dtype]).itemsize
    if len(data) != expected:
        text = f"{len(data)} bytes where {dtype} of shape {shape} needs {expected}"
        raise BadInput(f"{where}: {text}", HINT)
    if bits:
        packed = np.frombuffer(data, np.uint8)
        return unpack_bits(packed, bits, count, dtype.startswith("int")).reshape(shape)
    return np.frombuffer(data, _NUMPY[dtype]).reshape(shape)


def unpack_bits(
    packed: NDArray[np.uint8], bits: int, count: int, signed: bool = False
) -> NDArray[Any]:
    """`count` numbers of `bits` bits each, lowest bit first; signed ones in two's complement.

    Raises:
        BadInput: too few bytes.
    """
    import numpy as np

    flat = np.unpackbits(packed, bitorder="little")
    if flat.size < count * bits:
        raise BadInput(f"packed weights hold {flat.size // bits} numbers, {count} are needed", HINT)
    columns = flat[: count * bits].reshape(count, bits)
    values = np.zeros(count, np.uint8)
    for bit in range(bits):
        values |= columns[:, bit] << np.uint8(bit)
    if not signed:
        return values
    sign = 1 << (bits - 1)
    return ((values.astype(np.int16) ^ sign) - sign).astype(np.int8)
