"""Constants of a program: `weights/weight.bin` and the values inside the protobuf.

Layout of the blob file, after `MILBlob/Blob/StorageFormat.hpp` of coremltools' public sources: a
64-byte header (count, version 2), then for each weight, at a multiple of 64, a 64-byte record
(sentinel, type, bytes, offset of the data, padding in bits) that the program points to.
"""

from __future__ import annotations

import mmap
import struct
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes.coreml_reference.precision import INTEGERS

_HINT = "export it again, or copy the whole .mlpackage folder again"
_HEADER = struct.Struct("<II")
_VERSION = 2
_RECORD = struct.Struct("<IIQQQ")
_SENTINEL = 0xDEADBEEF
_BLOB_TYPES = {
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
_SUB_BYTE = {"int4": 4, "uint1": 1, "uint2": 2, "uint3": 3, "uint4": 4, "uint6": 6}
_FLOATS = {"float16": "<f2", "float32": "<f4", "float64": "<f8"}


class WeightFile:
    """The blob file of a package, which may be absent where all weights are in the program.

    Raises:
        BadInput: another format, or another version of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data: mmap.mmap | bytes = b""
        if path.is_file() and path.stat().st_size:
            with path.open("rb") as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._check_header()

    def _check_header(self) -> None:
        if len(self._data) < _HEADER.size:
            raise BadInput(f"{self._path} is truncated", _HINT)
        _, version = _HEADER.unpack_from(self._data)
        if version != _VERSION:
            raise BadInput(
                f"{self._path} is not a weight file of version {_VERSION}: it says {version}", _HINT
            )

    def read(self, offset: int, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """The weight whose record stands at `offset`.

        Raises:
            BadInput: the file is missing or too short, or the record does not fit the program.
        """
        if not self._data:
            raise BadInput(f"{self._path} is missing or empty, but the model needs it", _HINT)
        where = f"{self._path}, record at {offset}"
        if offset + _RECORD.size > len(self._data):
            raise BadInput(f"{where}: beyond the end of the file", _HINT)
        sentinel, stored, length, start, _ = _RECORD.unpack_from(self._data, offset)
        if sentinel != _SENTINEL:
            raise BadInput(f"{where}: no weight begins there", _HINT)
        if _BLOB_TYPES.get(stored) != dtype:
            found = _BLOB_TYPES.get(stored, f"type {stored}")
            raise BadInput(f"{where}: it holds {found}, the program says {dtype}", _HINT)
        if start + length > len(self._data):
            raise BadInput(f"{where}: the file is truncated", _HINT)
        return decode(self._data[start : start + length], dtype, shape, where)


def decode(data: bytes, dtype: str, shape: tuple[int, ...], where: str) -> NDArray[Any]:
    """Row-major little-endian bytes → array; sub-byte types are packed from the lowest bit up.

    Raises:
        BadInput: more or fewer bytes than the shape needs.
        Unsupported: a type without an equivalent here (bfloat16, float8).
    """
    n = prod(shape)
    if dtype in _SUB_BYTE:
        bits = _SUB_BYTE[dtype]
        _check_size(len(data), -(-n * bits // 8), where)
        return unpack(np.frombuffer(data, np.uint8), bits, n, dtype.startswith("int")).reshape(
            shape
        )
    if dtype == "bool":
        stored = np.dtype(np.bool_)
    elif dtype in _FLOATS:
        stored = np.dtype(_FLOATS[dtype])
    elif dtype in INTEGERS:
        stored = np.dtype(INTEGERS[dtype]).newbyteorder("<")
    else:
        raise Unsupported(f"{where}: values of type {dtype} cannot be decoded")
    _check_size(len(data), n * stored.itemsize, where)
    return np.frombuffer(data, stored).reshape(shape)


def _check_size(have: int, need: int, where: str) -> None:
    if have != need:
        raise BadInput(f"{where}: {have} bytes where the program needs {need}", _HINT)


def unpack(packed: NDArray[np.uint8], bits: int, n: int, signed: bool = False) -> NDArray[Any]:
    """`n` numbers of `bits` bits each, lowest bit first; signed ones in two's complement.

    Raises:
        BadInput: too few bytes.
    """
    flat = np.unpackbits(packed, bitorder="little")
    if flat.size < n * bits:
        raise BadInput(f"packed weights hold {flat.size // bits} numbers, {n} are needed", _HINT)
    columns = flat[: n * bits].reshape(n, bits)
    values = np.zeros(n, np.uint8)
    for bit in range(bits):
        values |= columns[:, bit] << np.uint8(bit)
    if not signed:
        return values
    sign = 1 << (bits - 1)
    return ((values.astype(np.int16) ^ sign) - sign).astype(np.int8)


def decode_immediate(value: Any, dtype: str, shape: tuple[int, ...] | None) -> Any:
    """A value that stands in the program: an array, a string, or a list of such.

    Raises:
        BadInput: its length does not fit its shape.
    """
    kind = value.WhichOneof("value")
    if kind in ("list", "tuple"):
        items = getattr(value, kind).values
        return [decode_immediate(v.immediateValue, dtype, ()) for v in items]
    tensor = value.tensor
    field = tensor.WhichOneof("value")
    if field == "bytes":
        return decode(tensor.bytes.values, dtype, shape or (), "constant")
    values = list(getattr(tensor, field).values) if field else []
    if dtype == "string":
        return values[0] if not shape else list(values)
    stored = np.dtype(_FLOATS.get(dtype) or INTEGERS.get(dtype) or np.bool_)
    array = np.array(values, stored)
    if array.size != prod(shape or ()):
        raise BadInput(f"a constant holds {array.size} values, but its shape is {shape}", _HINT)
    return array.reshape(shape or ())
