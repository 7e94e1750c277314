"""Extracts one file from an untrusted tar archive."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from edgeconv.errors import BadInput

LARGEST = 1 << 30
MOST_MEMBERS = 10_000
BLOCK = 1 << 20


def extract(archive: Path, name: str, target: Path) -> Path:
    """Write the member called `name` (in whatever folder of the archive) to `target`.

    Only this one regular file is read, and its name in the archive is never used as a path, so a
    path outside the folder, a link or a device in the archive has no effect; the `data` filter of
    tarfile refuses such a member. Size and number of members are bounded.

    Raises:
        BadInput: not a gzipped tar archive, cut short, too large, or without the file.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            member = _find(tar, name, archive)
            _copy(tar, member, target)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(f"{archive}: damaged or unsafe archive ({error})", "fetch again") from error
    except OSError as error:
        raise BadInput(f"{target}: cannot be written ({error.strerror or error})") from error
    return target


def _find(tar: tarfile.TarFile, name: str, archive: Path) -> tarfile.TarInfo:
    for count, member in enumerate(tar):
        if count >= MOST_MEMBERS:
            raise BadInput(f"{archive}: more than {MOST_MEMBERS:,} members", "check the address")
        if member.isreg() and PurePosixPath(member.name).name == name:
            if member.size > LARGEST:
                raise BadInput(f"{archive}: {name} would unpack to {member.size:,} bytes")
            return member
    raise BadInput(f"{archive}: no file {name} in the archive", "check the address")


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    tarfile.data_filter(member, str(target.parent))
    source = tar.extractfile(member)
    if source is None:
        raise BadInput(f"{member.name} is not a regular file")
    part = target.with_name(f"{target.name}.unpacking")
    try:
        with source, part.open("wb") as file:
            while block := source.read(BLOCK):
                file.write(block)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
