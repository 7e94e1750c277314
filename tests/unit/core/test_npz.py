"""`.npz` files that others wrote, or that were damaged since."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeconv.core.npz import read_npz
from edgeconv.errors import BadInput

ARRAYS: dict[str, NDArray[Any]] = {
    "windows": np.arange(12, dtype=np.float32).reshape(3, 4),
    "labels": np.arange(3),
}


def saved(path: Path) -> Path:
    np.savez(path, **ARRAYS)  # type: ignore[arg-type]
    return path


def with_head(path: Path, head: bytes) -> Path:
    """An array whose head is this text, in a zip with the right checksum."""
    array = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(16)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("windows.npy", array)
    return path


def changed(path: Path, mark: bytes, offset: int, value: int) -> Path:
    """One byte behind the first head of an entry, or of the directory, is another one."""
    content = bytearray(saved(path).read_bytes())
    content[content.index(mark) + offset] = value
    path.write_bytes(content)
    return path


def test_every_array_comes_back(tmp_path: Path) -> None:
    arrays = read_npz(saved(tmp_path / "a.npz"))
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)


@pytest.mark.parametrize(
    ("mark", "offset", "value", "reason"),
    [
        (b"PK\x01\x02", 6, 92, "zip file version"),
        (b"PK\x01\x02", 10, 77, "compression method"),
        (b"PK\x01\x02", 8, 1 << 5, "patched data"),
        (b"PK\x01\x02", 8, 1, "encrypted"),
        (b"PK\x05\x06", 16, 255, ""),
    ],
)
def test_a_changed_byte_of_the_zip_is_bad_input(
    tmp_path: Path, mark: bytes, offset: int, value: int, reason: str
) -> None:
    path = changed(tmp_path / "a.npz", mark, offset, value)
    if mark == b"PK\x01\x02" and offset == 8:  # the flags stand in the entry's own head, too
        content = bytearray(path.read_bytes())
        content[6] = value
        path.write_bytes(content)
    with pytest.raises(BadInput, match=f"a.npz cannot be read: .*{reason}") as refused:
        read_npz(path, "make it again")
    assert refused.value.hint == "make it again"


@pytest.mark.parametrize(
    "head",
    [
        b"{'descr': '<f4', 'fortran_order': False,\xc4;(2, 9), }\n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (((((\n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': 'many'}\n",
        b"\x00\n",
    ],
)
def test_a_damaged_head_of_an_array_is_bad_input(tmp_path: Path, head: bytes) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_npz(with_head(tmp_path / "a.npz", head))


def test_what_is_no_npz_says_so(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npz.npy", ARRAYS["windows"])
    (tmp_path / "a.npz.npy").rename(tmp_path / "a.npz")
    with pytest.raises(BadInput, match="one array without a name"):
        read_npz(tmp_path / "a.npz")
    with pytest.raises(BadInput, match="no such file"):
        read_npz(tmp_path / "b.npz")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.tuples(st.integers(0, 1 << 12), st.integers(0, 255)), max_size=4))
def test_any_changed_bytes_are_read_or_refused(
    tmp_path: Path, places: list[tuple[int, int]]
) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **ARRAYS)  # type: ignore[arg-type]
    content = bytearray(buffer.getvalue())
    for place, value in places:
        content[place % len(content)] = value
    path = tmp_path / "changed.npz"
    path.write_bytes(content)
    with suppress(BadInput):
        read_npz(path)
