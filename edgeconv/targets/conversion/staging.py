"""The temporary folder beside the output in which files are written until they are complete."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeconv.errors import BadInput

_FOLDER_ERRORS = (  # the user's disk or rights, not a mistake of ours
    errno.EACCES,
    errno.EDQUOT,
    errno.EEXIST,
    errno.EFBIG,
    errno.EIO,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
)


@contextmanager
def workspace(out: Path) -> Iterator[Path]:
    """A temporary folder beside `out`, on the same file system; it is deleted afterwards.

    Raises:
        BadInput: `out` cannot be written, or the disk is full.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        if error.errno not in _FOLDER_ERRORS:
            raise
        where = error.filename or out
        raise BadInput(
            f"cannot write to {out}: {error.strerror or error} ({where})",
            "free some space, or choose another --out folder",
        ) from error


def move(source: Path, final: Path) -> Path:
    """Put a file or package in place in one step; an older one is removed first."""
    if final.is_dir():
        final.rename(source.with_name(f"{source.name}.old"))
    return source.replace(final)
