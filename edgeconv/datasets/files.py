"""Files as publishers and people keep them: told apart by their first bytes, unpacked, and parsed.

Text becomes numbers at the speed of a C parser, with a proof that every row was whole: a block of
rows is turned into one comma-separated list for `numpy.fromstring` (text mode), with `nan` written
between the rows. If all goes well, exactly every (columns + 1)-th number is NaN, so a row with a
field too many next to one with a field too few cannot pass unseen. Anything else makes the block
*unclean*: the caller then looks at its rows in smaller blocks.
"""

from __future__ import annotations

import gzip
import re
import tarfile
import warnings
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from edgeconv.core import paths
from edgeconv.core.paths import ZIP_DAMAGE, too_large, unpacked_limit
from edgeconv.errors import BadInput, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GZIP_MAGIC = b"\x1f\x8b"
LARGEST_MEMBER = 1 << 30
MOST_MEMBERS = 10_000
UNPACKED_AT_ONCE = 1 << 20

# The language that `numpy.fromstring` reads, less nan and inf: no hexadecimals, no underscores.
NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
NOT_FINITE = re.compile(rb"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_BLANK = re.compile(rb"(?:^|,)\s+,")

# What other files begin with, and what to do with them.
_KNOWN = {
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", "save the sheet as CSV and give that file"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it and give the table inside"),
    b"Rar!": ("a RAR archive", "unpack it and give the table inside"),
    b"BZh": ("a bzip2 file", "unpack it (bunzip2) and give the table inside"),
    b"\xfd7zXZ": ("an xz file", "unpack it (unxz) and give the table inside"),
    b"\x28\xb5\x2f\xfd": ("a zstd file", "unpack it (unzstd) and give the table inside"),
    b"SQLite format 3": ("a SQLite database", "export its table as CSV"),
    b"\x89HDF": ("an HDF5 file", "export its table as CSV"),
    b"MATLAB 5.0": ("a MATLAB file", "export its table as CSV (writetable)"),
    b"%PDF": ("a PDF", "give the table itself"),
    b"\x93NUMPY": ("a NumPy array", "write it as CSV (numpy.savetxt), or give npz: windows"),
    b"\x80\x04\x95": ("a Python pickle", "write the table as CSV (DataFrame.to_csv)"),
    b"ARROW1": ("a Feather file", "write the table as CSV or Parquet"),
}


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


class Gunzip(gzip.GzipFile):
    """A gzipped file to read, which is refused where it unpacks to far more than it holds.

    Raises:
        BadInput: while reading.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._path, self._limit = path, unpacked_limit(path.stat().st_size)

    def read(self, size: int | None = -1) -> bytes:
        whole = size is None or size < 0
        content = super().read(self._limit + 1 if whole else size)
        if self.tell() > self._limit:
            raise too_large(str(self._path), self._limit)
        return content


def read_bytes(path: Path, what: str) -> bytes:
    """Content of a file, unpacked if it is gzipped (detected by its first bytes, not its name).

    Raises:
        BadInput: a folder, unreadable, empty, or a damaged gzip file.
    """
    if path.is_dir():
        raise BadInput(f"{path} is a folder, not a file", f"give {what}")
    try:
        content = paths.read_bytes(path)
        refuse_archive(path, content[:512])
        if content.startswith(GZIP_MAGIC):
            with Gunzip(path) as packed:
                content = packed.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(f"{path}: damaged gzip file ({error})", "get the file again") from error
    except OSError as error:
        raise unreadable(path, error) from error
    if not content or content.isspace():
        raise BadInput(f"{path} is empty", f"give {what}")
    return content


def unreadable(path: Path, error: OSError) -> BadInput:
    """The error for a file that is there and cannot be read."""
    reason = error.strerror or error
    return BadInput(f"{path}: cannot be read ({reason})", "check its permissions and the disk")


def read_columns(path: Path, columns: int, row: str, what: str) -> NDArray[np.float64]:
    """A table of numbers separated by spaces: (rows, columns).

    Args:
        row: what a line holds, for the message.
        what: the file, for the message.

    Raises:
        BadInput: as `read_bytes`, or a line that is not such a row.
    """
    lines = [b",".join(line.split()) for line in read_bytes(path, what).splitlines()]
    while not lines[-1]:
        lines.pop()
    table = parse_block(b"\n".join(lines), b"\n", len(lines), columns)
    if table is None:
        clean = (parse_block(line, b"\n", 1, columns) is not None for line in lines)
        bad = next((n for n, ok in enumerate(clean, 1) if not ok), 1)
        raise BadInput(
            f"{path}: line {bad} is not '{row}' in finite numbers",
            "mend or remove the line, or get the file again",
        )
    return table


def refuse_archive(path: Path, magic: bytes) -> None:
    """Name a file that is an archive, a workbook or a database by its first bytes.

    Args:
        magic: the first 512 bytes.

    Raises:
        BadInput: it is one of them; the hint says what to do with it.
    """
    for beginning, (what, cure) in _KNOWN.items():
        if magic.startswith(beginning):
            raise BadInput(f"{path} is {what}, not a table", cure)
    if magic.startswith(b"PK\x03\x04"):
        names = _names_in_zip(path)
        if "xl/workbook.xml" in names:
            raise BadInput(
                f"{path} is an Excel workbook, not a table", "save the sheet as CSV and give that"
            )
        content = ", ".join(n for n in names if not n.endswith("/")) or "nothing"
        raise BadInput(
            f"{path} is a zip archive; it holds {content}", f"unpack it and give {content} itself"
        )
    if magic[257:262] == b"ustar":
        raise BadInput(f"{path} is a tar archive{_names_in_tar(path)}", "unpack it, give the table")


def _names_in_zip(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()[:5]
    except ZIP_DAMAGE as error:
        raise BadInput(f"{path} is a damaged zip archive ({error})", "get it again") from error


def _names_in_tar(path: Path) -> str:
    try:
        with tarfile.open(path) as archive:
            names = archive.getnames()[:5]
    except (tarfile.TarError, OSError):
        return " and damaged"
    return f"; it holds {', '.join(names)}"


def extract(archive: Path, name: str, target: Path) -> Path:
    """Write the member called `name` (in whatever folder of the archive) to `target`.

    Only this one regular file is read, and its name in the archive is never used as a path, so a
    path outside the folder, a link or a device in the archive has no effect; the `data` filter of
    tarfile refuses such a member. Size and number of members are bounded.

    Raises:
        BadInput: not a gzipped tar archive, cut short, too large, or without the file.
    """
    if not archive.is_file():
        raise BadInput(f"{archive} is not a file", "download it again")
    try:
        with tarfile.open(archive, "r:gz") as tar:
            member = _find(tar, name, archive)
            _copy(tar, member, target)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(f"{archive}: damaged or unsafe archive ({error})", "fetch again") from error
    except OSError as error:
        raise BadInput(
            f"{target}: cannot be written ({error.strerror or error})",
            "check the folder's permissions and free space",
        ) from error
    return target


def _find(tar: tarfile.TarFile, name: str, archive: Path) -> tarfile.TarInfo:
    for count, member in enumerate(tar):
        if count >= MOST_MEMBERS:
            raise BadInput(f"{archive}: more than {MOST_MEMBERS:,} members", "check the address")
        if member.isreg() and PurePosixPath(member.name).name == name:
            if member.size > LARGEST_MEMBER:
                raise BadInput(
                    f"{archive}: {name} would unpack to {member.size:,} bytes",
                    "fetch the data set again: its real file is smaller",
                )
            return member
    raise BadInput(f"{archive}: no file {name} in the archive", "check the address")


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    tarfile.data_filter(member, str(target.parent))
    source = tar.extractfile(member)
    if source is None:
        raise BadInput(f"{member.name} is not a regular file", "fetch the data set again")
    part = target.with_name(f"{target.name}.unpacking")
    try:
        with source, part.open("wb") as file:
            while block := source.read(UNPACKED_AT_ONCE):
                file.write(block)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def parse_block(body: bytes, between: bytes, rows: int, columns: int) -> NDArray[np.float64] | None:
    """(rows, columns) numbers of `body`, whose rows are separated by `between`; None if unclean."""
    import numpy as np

    flat = body.replace(between, b",nan,") + b",nan"
    if flat.split(None, 1) != [flat] and _BLANK.search(flat):
        return None  # NumPy 2.4 reads a field of spaces as -1
    try:
        with warnings.catch_warnings():
            # What does not parse to its end is a warning in older NumPy, a ValueError in newer.
            warnings.simplefilter("error", DeprecationWarning)
            numbers = np.fromstring(flat, np.float64, sep=",")
    except (DeprecationWarning, ValueError):
        return None
    if numbers.size != rows * (columns + 1):
        return None
    table = numbers.reshape(rows, columns + 1)
    if not np.isnan(table[:, columns]).all() or not np.isfinite(table[:, :columns]).all():
        return None
    return table[:, :columns]


def parse_number(field: bytes) -> float | str:
    """One number, or the reason why the field is not a number."""
    field = field.strip()
    if not field:
        return "empty value"
    if NOT_FINITE.fullmatch(field):
        return "not finite"
    if not NUMBER.fullmatch(field):
        return "not a number"
    number = float(field)
    return "not finite" if number in (float("inf"), float("-inf")) else number
