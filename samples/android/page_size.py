"""Says whether an app's native libraries load on phones with pages of 16 KB.

    python page_size.py app-release.apk        # or an .aab, an .aar, a single .so

Google Play wants it of every 64-bit library. A library is fit if each of its segments that is
loaded is aligned to 16 KB at least, in memory and in the file. Whether the .so lies at such an
address in the APK is another question, which `zipalign -c -P 16 4 app-release.apk` answers.
"""

from __future__ import annotations

import struct
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

PAGE = 16 * 1024
_LOAD = 1  # PT_LOAD
_MAGIC = b"\x7fELF"


def faults(library: bytes) -> list[str]:
    """What keeps a library from pages of 16 KB; empty: nothing. 32-bit libraries may have 4 KB.

    Raises:
        ValueError: it is no ELF file, or it ends early.
    """
    if library[:4] != _MAGIC or len(library) < 64 or library[5] != 1:
        raise ValueError("no little-endian ELF file")
    if library[4] == 1:
        return []
    table, size, count = (
        struct.unpack_from("<Q", library, 32)[0],
        *struct.unpack_from("<HH", library, 54),
    )
    found = []
    for number in range(count):
        try:
            kind, _, offset, address, _, _, _, align = struct.unpack_from(
                "<IIQQQQQQ", library, table + number * size
            )
        except struct.error:
            raise ValueError("its program headers are cut off") from None
        if kind != _LOAD:
            continue
        if align % PAGE:
            found.append(f"segment {number}: p_align is 0x{align:x}, not a multiple of 0x4000")
        elif (address - offset) % align:
            found.append(
                f"segment {number}: address 0x{address:x} and offset 0x{offset:x} differ in a page"
            )
    return found


def libraries(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and contents of a library, or of every one in an archive."""
    if not zipfile.is_zipfile(path):
        yield path.name, path.read_bytes()
        return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".so"):
                yield name, archive.read(name)


def main(paths: list[str]) -> int:
    """Print a line for each library. 0: all are fit; 1: one is not; 2: nothing to look at."""
    looked, unfit = 0, 0
    for path in map(Path, paths):
        try:
            for name, library in libraries(path):
                wrong = faults(library)
                looked, unfit = looked + 1, unfit + bool(wrong)
                print(f"{path}: {name}: {'; '.join(wrong) or 'fit for pages of 16 KB'}")
        except (OSError, ValueError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 2
    if not looked:
        print("no native library; give an .apk, .aab, .aar or .so", file=sys.stderr)
        return 2
    return 1 if unfit else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
