"""Damaged weight files end in one clear error; what is written is read; packed numbers unpack."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes.coreml_reference.runner import CoreMLReferenceRunner
from edgeconv.targets.coreml.blobs import (
    BLOB_TYPES,
    BlobFile,
    BlobRecord,
    BlobWriter,
    decode,
    unpack_bits,
)
from tests.unit.runtimes.coreml_reference.programs import Package

WEIGHT = np.arange(8, dtype=np.float16).reshape(2, 4)


def linear(folder: Path) -> Package:
    package = Package(folder / "tiny.mlpackage")
    package.input("x", (1, 4))
    package.weight("w", WEIGHT)
    package.op("linear", "y", (1, 2), x="x", weight="w")
    package.output("y", (1, 2))
    return package


def test_a_weight_in_the_blob_file(tmp_path: Path) -> None:
    runner = CoreMLReferenceRunner(linear(tmp_path).write())
    x = np.array([[1.0, 0, 2, -1]], np.float32)
    np.testing.assert_array_equal(runner.run({"x": x})["y"], x @ WEIGHT.T)


@pytest.mark.parametrize(
    ("at", "data", "said"),
    [
        (4, struct.pack("<I", 7), "version"),
        (64, b"\0\0\0\0", "no weight begins"),
        (68, struct.pack("<I", 4), "holds int8"),
        (72, struct.pack("<Q", 10), r"10 bytes where float16 of shape \(2, 4\) needs 16"),
        (80, struct.pack("<Q", 4096), "truncated"),
    ],
)
def test_damage(tmp_path: Path, at: int, data: bytes, said: str) -> None:
    package = linear(tmp_path)
    package.blob[at : at + len(data)] = data
    with pytest.raises(BadInput, match=said):
        CoreMLReferenceRunner(package.write())


@pytest.mark.parametrize("length", [0, 3, 64, 100, 128, 143])
def test_truncation(tmp_path: Path, length: int) -> None:
    package = linear(tmp_path)
    del package.blob[length:]
    with pytest.raises(BadInput, match=r"weight\.bin"):
        CoreMLReferenceRunner(package.write())


def test_missing_weight_file(tmp_path: Path) -> None:
    path = linear(tmp_path).write()
    (path / "Data" / "com.apple.CoreML" / "weights" / "weight.bin").unlink()
    with pytest.raises(BadInput, match="missing"):
        CoreMLReferenceRunner(path)


@given(st.sampled_from([1, 2, 3, 4, 6]), st.data())
def test_sub_byte_numbers(bits: int, data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, 2**bits - 1), max_size=40))
    whole = sum(number << (bits * i) for i, number in enumerate(numbers))
    packed = np.frombuffer(whole.to_bytes(-(-len(numbers) * bits // 8), "little"), np.uint8)
    assert unpack_bits(packed, bits, len(numbers)).tolist() == numbers


def test_int4_is_signed() -> None:
    assert decode(bytes([0x8F, 0x70]), "int4", (4,), "here").tolist() == [-1, -8, 0, 7]


def test_a_type_without_an_equivalent() -> None:
    with pytest.raises(Unsupported, match="bfloat16"):
        decode(b"\0\0", "bfloat16", (1,), "here")


@given(st.lists(st.tuples(st.sampled_from(sorted(BLOB_TYPES)), st.binary(max_size=200))))
def test_what_the_writer_writes_the_reader_reads(weights: list[tuple[int, bytes]]) -> None:
    writer = BlobWriter()
    offsets = [writer.add(BlobRecord(kind, 0, 0, 3), content) for kind, content in weights]
    data = writer.finish()
    file = BlobFile(data)
    for (kind, content), offset in zip(weights, offsets, strict=True):
        record = file.record(offset)
        assert (record.type_number, record.padding) == (kind, 3)
        assert file.content(record) == content
        assert offset % 64 == 0
    assert len(set(offsets)) == len(set(weights))
    assert bool(data) == bool(weights)


def test_a_record_names_the_file_and_where_it_ends() -> None:
    writer = BlobWriter()
    offset = writer.add(BlobRecord(1, 0, 0), b"1234")
    with pytest.raises(BadInput, match=r"big\.bin, record at 5000: .* which has 192 bytes"):
        BlobFile(writer.finish(), "big.bin").record(5000)
    with pytest.raises(BadInput, match=r"big\.bin, record at 64: .* it has 130 bytes"):
        BlobFile(writer.finish()[:130], "big.bin").record(offset)
