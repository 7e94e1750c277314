"""How large a file is in a download: app stores deliver an app as one deflated archive."""

from __future__ import annotations

import zlib
from pathlib import Path

from edgeconv.core.digest import files

LEVEL = 9


def deflated(path: Path) -> int:
    """Bytes of a file, or of all files of a package, each deflated by itself as in a zip archive.

    Names and the archive's own tables are not counted; a file that does not get smaller is stored.

    Raises:
        BadInput: nothing is there.
    """
    return sum(_deflated(file.read_bytes()) for file in files(path))


def _deflated(data: bytes) -> int:
    packer = zlib.compressobj(LEVEL, wbits=-zlib.MAX_WBITS)  # zip holds the bare stream
    return min(len(data), len(packer.compress(data) + packer.flush()))
