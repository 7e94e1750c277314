"""Reads plain or gzipped files, with clear errors."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from edgeconv.datasets.file_formats import refuse_archive
from edgeconv.errors import BadInput, UsageError

GZIP_MAGIC = b"\x1f\x8b"


def require_path(path: Path | None, name: str, what: str) -> Path:
    """The path of a specification that needs one.

    Raises:
        UsageError: the specification has none.
        BadInput: the path does not exist.
    """
    if path is None:
        raise UsageError(f"data set '{name}' needs a path", f"write {name}:PATH, PATH being {what}")
    if not path.exists():
        raise BadInput(f"{path}: no such file or folder", f"{name} needs {what}")
    return path


def read_bytes(path: Path, what: str) -> bytes:
    """Content of a file, unpacked if it is gzipped (detected by its first bytes, not its name).

    Raises:
        BadInput: a folder, unreadable, empty, or a damaged gzip file.
    """
    if path.is_dir():
        raise BadInput(f"{path} is a folder, not a file", f"give {what}")
    try:
        content = path.read_bytes()
        refuse_archive(path, content[:512])
        if content.startswith(GZIP_MAGIC):
            content = gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(f"{path}: damaged gzip file ({error})", "get the file again") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from error
    if not content or content.isspace():
        raise BadInput(f"{path} is empty", f"give {what}")
    return content
