"""Paths as callers give them.

SHA-256, size and compressed size of an artifact: one file, or a package folder as a whole.
"""

from __future__ import annotations

import errno
import hashlib
import os
import zipfile
import zlib
from pathlib import Path

from edgeconv.errors import BadInput, UsageError


def files(path: Path) -> list[Path]:
    """The files of `path`: itself, or all under a folder in the order of their relative names.

    Raises:
        BadInput: nothing is there.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise BadInput(f"no such file or folder: {path}", "check the path")
    files = (p for p in path.rglob("*") if p.is_file())
    return sorted(files, key=lambda p: p.relative_to(path).as_posix())


def check_regular(path: Path) -> None:
    """Raises OSError for what is there and no file: a device never ends, a pipe may never begin."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def read_bytes(path: Path) -> bytes:
    """The content of a file that others named. Raises OSError, for a device or a pipe too."""
    check_regular(path)
    return path.read_bytes()


def read_text(path: Path, errors: str = "strict") -> str:
    """The text of a UTF-8 file that others named. Raises OSError and UnicodeDecodeError."""
    return read_bytes(path).decode("utf-8", errors)


def open_to_others(folder: Path) -> None:
    """Give a folder that was temporary, and its owner's alone, the rights of any new one."""
    umask = os.umask(0)
    os.umask(umask)
    folder.chmod(0o777 & ~umask)


def member(folder: Path, name: str) -> Path:
    """`folder/name` of a document that others wrote.

    Raises:
        ValueError: `name` is not one plain name: it leads elsewhere, or cannot be printed.
    """
    if name in ("", ".", "..") or {"/", "\\"} & set(name) or not name.isprintable():
        raise ValueError(f"{name!r} is not the name of a file in the folder")
    return folder / name


UNPACKED = 256 << 20
"""Bytes that any archive may unpack to; beyond, it is a hundred times its own size."""


def unpacked_limit(size: int) -> int:
    """Bytes that an archive of this size may unpack to: real ones hold a tenth of that."""
    return max(UNPACKED, 100 * size)


def too_large(where: str, unpacked: int) -> BadInput:
    """The error for an archive that would fill memory or disk."""
    return BadInput(
        f"{where} unpacks to more than {unpacked:,} bytes, far more than such a file holds",
        "get the file again, from where you trust it",
    )


ZIP_DAMAGE = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What `zipfile` raises for a damaged archive.

RuntimeError is its own for a password, and for a version or a packing that it does not have.
"""


def check_zip(archive: zipfile.ZipFile, size: int, where: str) -> None:
    """Raises BadInput for a zip archive of `size` bytes that unpacks to far more than it holds.

    No member is read beyond the size that the archive gives it.
    """
    limit = unpacked_limit(size)
    if sum(member.file_size for member in archive.infolist()) > limit:
        raise too_large(where, limit)


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes; of a folder: of each relative name, length and bytes."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    for file in files(path):
        data = file.read_bytes()
        digest.update(f"{file.relative_to(path).as_posix()}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in files(path))


def compressed_size(path: Path) -> int:
    """Bytes of a file in a download: app stores deliver an app as one deflated archive.

    Each file of a folder is deflated by itself as in a zip archive; names and the archive's tables
    are not counted. A file that does not get smaller is stored.

    Raises:
        BadInput: nothing is there.
    """
    return sum(_deflated(file.read_bytes()) for file in files(path))


def _deflated(data: bytes) -> int:
    deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)  # zip holds the bare stream
    return min(len(data), len(deflater.compress(data) + deflater.flush()))


PathLike = str | os.PathLike[str]
"""What every public function takes where it says a file or a folder."""


def as_path(value: object, parameter: str) -> Path:
    """The path, with `~` expanded.

    Args:
        value: a `str` or a `Path`.
        parameter: what the function calls it, for the message.

    Raises:
        UsageError: it is neither, or it is empty.
    """
    if not isinstance(value, str | os.PathLike):
        raise UsageError(
            f"{parameter} must be a path (str or Path), got {type(value).__name__}",
            "give the name of a file or folder",
        )
    text = os.fspath(value)
    if not isinstance(text, str) or not text:
        raise UsageError(f"{parameter} must be a path, got {value!r}", "name a file or folder")
    return Path(text).expanduser()
