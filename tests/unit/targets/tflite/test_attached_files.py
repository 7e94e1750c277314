"""Files attached to a `.tflite`: damage in them is one clear line."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeconv.core.metadata import CONTRACT_FILE
from edgeconv.errors import BadInput
from edgeconv.targets.tflite.metadata import read_contract


def attached(path: Path) -> bytearray:
    """A packed archive with a contract's name in it, as bytes to damage."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(CONTRACT_FILE, b"0123456789" * 100)
    return bytearray(path.read_bytes())


def damaged_stream(data: bytearray) -> None:
    start = 30 + len(CONTRACT_FILE)  # behind the member's own header
    data[start] = 0xFF  # a block type that deflate has not


def unknown_method(data: bytearray) -> None:
    """Method 99 in both headers of the member."""
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = data.index(signature) + offset
        data[at : at + 2] = (99).to_bytes(2, "little")


def encrypted(data: bytearray) -> None:
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1


@pytest.mark.parametrize("damage", [damaged_stream, unknown_method, encrypted])
def test_damage_is_bad_input(tmp_path: Path, damage: Callable[[bytearray], None]) -> None:
    path = tmp_path / "model.tflite"
    data = attached(path)
    damage(data)
    path.write_bytes(bytes(4) + b"TFL3" + bytes(8) + data)
    with pytest.raises(BadInput, match=f"the attached '{CONTRACT_FILE}' is damaged"):
        read_contract(path)
