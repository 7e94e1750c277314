"""Files that are no text, recognized by their first bytes, so that nothing takes them for rows."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

from edgeconv.errors import BadInput

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
}


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
    except (zipfile.BadZipFile, OSError) as error:
        raise BadInput(f"{path} is a damaged zip archive ({error})", "get it again") from error


def _names_in_tar(path: Path) -> str:
    try:
        with tarfile.open(path) as archive:
            names = archive.getnames()[:5]
    except (tarfile.TarError, OSError):
        return " and damaged"
    return f"; it holds {', '.join(names)}"
