"""The files of a `csv:` specification, checked byte by byte before anything reads them as text.

An archive, a workbook, another encoding or a block of NUL bytes is recognized here and named, so
that no later step takes it for rows.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from edgeconv.datasets.files import GZIP_MAGIC, Gunzip, refuse_archive, unreadable
from edgeconv.datasets.tables.rewritten import rewritten
from edgeconv.errors import BadInput, UsageError

TABLE_SUFFIXES = (
    *(".csv", ".tsv", ".txt", ".log", ".json", ".jsonl", ".ndjson", ".parquet"),
    *(".csv.gz", ".tsv.gz", ".txt.gz", ".json.gz", ".jsonl.gz"),
)
PACKED_SUFFIXES = (".zip", ".7z", ".rar", ".tar", ".tgz", ".tar.gz", ".xlsx", ".xls")
PARQUET_MAGIC = b"PAR1"
CHUNK = 1 << 20  # bytes
LOOKED_BACK = 1 << 16  # bytes at the end of a file
LEAST_LINES = 20  # with which its last line is compared


@dataclass(frozen=True)
class TableFile:
    """One table, ready for the reading engine.

    Attributes:
        path: the user's own file, for messages.
        readable: what the engine reads: the same file, or a copy as UTF-8.
        head: the first bytes as text, for telling its layout; empty for Parquet.
        joined_digits: an underscore stands between two digits somewhere, as in 1_000.
        cut_off: the last line has no end, and its last field is shorter than most before it.
        blank_lines: some blank lines stand between the others.
    """

    path: Path
    readable: Path
    head: str = ""
    joined_digits: bool = False
    cut_off: bool = False
    blank_lines: bool = False

    @property
    def is_parquet(self) -> bool:
        return not self.head

    @property
    def estimated_rows(self) -> int:
        """About how many rows the table has, by the length of its first lines; at least one."""
        if self.is_parquet:
            return 100  # not known: hundredths of it are counted
        lines, length = self.head.count("\n") or 1, len(self.head) or 1
        return max(1, self.readable.stat().st_size * lines // length)


def find_tables(path: Path | None) -> tuple[Path, ...]:
    """The files that `csv:PATH` means: a file, every table below a folder, or a glob pattern.

    Raises:
        UsageError: no path was given.
        BadInput: nothing is there.
    """
    if path is None:
        raise UsageError(
            "data set 'csv' needs a path", "write csv:FILE, csv:DIR or csv:'DIR/*.csv'"
        )
    if path.is_file():
        return (path,)
    if path.is_dir():
        tables = _tables_below(path)
        if not tables:
            packed = [
                p for p in sorted(path.rglob("*")) if p.name.lower().endswith(PACKED_SUFFIXES)
            ]
            raise BadInput(
                f"{path}: the folder holds no table"
                + (f", but {len(packed)} archives or workbooks" if packed else ""),
                f"unpack {packed[0].name} and the others, each into a folder of its own"
                if packed
                else f"give files in {', '.join(TABLE_SUFFIXES)}",
            )
        return tables
    if any(sign in str(path) for sign in "*?["):
        root = Path(path.anchor) if path.is_absolute() else Path()
        pattern = str(path.relative_to(root)) if path.is_absolute() else str(path)
        matches = tuple(p for p in sorted(root.glob(pattern)) if p.is_file() and not _is_toml(p))
        if not matches:
            raise BadInput(f"{path}: no file matches this pattern", "check the folder and the name")
        return matches
    raise BadInput(f"{path}: no such file or folder", "check the path after csv:")


def _tables_below(folder: Path) -> tuple[Path, ...]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith("."))
    return tuple(p for p in files if p.name.lower().endswith(TABLE_SUFFIXES))


def _is_toml(path: Path) -> bool:
    return path.suffix == ".toml"


@contextmanager
def open_table(path: Path, whole: bool = True) -> Iterator[TableFile]:
    """Check a file and make it readable as UTF-8; a copy that this needs is removed afterwards.

    Args:
        path: the user's file.
        whole: check every byte, and not only the beginning.

    Raises:
        BadInput: it is empty, an archive, a workbook, damaged, or not text.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(512)
    except OSError as error:
        raise unreadable(path, error) from error
    if magic.startswith(PARQUET_MAGIC):
        yield TableFile(path, path)
        return
    refuse_archive(path, magic)
    with _opened(path, magic) as stream, TemporaryDirectory(prefix="edgeconv-table-") as folder:
        head = _head(path, stream)
        _refuse_other_content(path, magic, head)
        copy = Path(folder) / "table.csv"
        encoding = _wide_encoding(head)
        if encoding:
            stream.seek(0)
            text = _transcode(path, stream, encoding, copy)
            yield TableFile(path, copy, text, joined_digits=True)
            return
        stream.seek(0)
        look = _check_text(path, stream) if whole else _Look()
        text = codecs.decode(head, "utf-8-sig", "ignore")  # a character may be cut at the end
        if not text.strip():
            raise BadInput(f"{path} is empty", "give a table with a header and rows")
        stream.seek(0)
        lines = _lines(stream) if look.mixed_ends else stream
        if look.mixed_ends:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if rewritten(path, text, (line.decode("utf-8-sig") for line in lines), copy):
            with copy.open(encoding="utf-8") as table:
                text = table.read(CHUNK)
            yield TableFile(path, copy, text, joined_digits=True, cut_off=look.cut_off)
            return
        unnamed = magic.startswith(GZIP_MAGIC) and path.suffix != ".gz"  # the engine goes by names
        if look.mixed_ends or unnamed:
            stream.seek(0)
            with copy.open("wb") as file:
                file.writelines(_lines(stream) if look.mixed_ends else stream)
            yield TableFile(
                path, copy, text, joined_digits=look.joined_digits, cut_off=look.cut_off
            )
            return
        yield TableFile(
            path,
            path,
            text,
            joined_digits=look.joined_digits,
            cut_off=look.cut_off,
            blank_lines=look.blank_lines,
        )


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines that end in a line feed, whatever ends them in the file; without blank ones."""
    for line in stream:
        yield from (part + b"\n" for part in re.split(rb"[\r\n]+", line) if part)


def _refuse_other_content(path: Path, magic: bytes, head: bytes) -> None:
    """Raises BadInput for what a failed download or a second packing leaves."""
    if magic.startswith(GZIP_MAGIC) and head[257:262] == b"ustar":
        raise BadInput(f"{path} is a gzipped tar archive", "unpack it, give the table")
    if magic.startswith(GZIP_MAGIC) and head.startswith(GZIP_MAGIC):
        raise BadInput(f"{path} was gzipped twice", "unpack it once")
    if head[:200].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise BadInput(
            f"{path} is a web page, not a table",
            "get the file again: a page to sign in, or an error, was saved in its place",
        )
    if head.startswith(b"version https://git-lfs"):
        raise BadInput(f"{path} is a pointer of Git LFS, not the table", "run git lfs pull")


@contextmanager
def _opened(path: Path, magic: bytes) -> Iterator[IO[bytes]]:
    """The content, unpacked where the first bytes are gzip's."""
    if not magic.startswith(GZIP_MAGIC):
        with path.open("rb") as file:
            yield file
        return
    with Gunzip(path) as unpacked:
        yield io.BufferedReader(unpacked)


def _head(path: Path, stream: IO[bytes]) -> bytes:
    with _damaged_gzip_named(path):
        return stream.read(CHUNK)


@contextmanager
def _damaged_gzip_named(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(f"{path}: damaged gzip file ({error})", "get the file again") from error
    except OSError as error:
        raise unreadable(path, error) from error


def _wide_encoding(head: bytes) -> str:
    """`utf-16…` or `utf-32` of text with two or four bytes a character, by its mark or zeros."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = head[:1000]
    if len(sample) < 8:
        return ""
    even, odd = sample[0::2], sample[1::2]
    if odd.count(0) > 0.8 * len(odd) and even.count(0) < 0.2 * len(even):
        return "utf-16-le"
    if even.count(0) > 0.8 * len(even) and odd.count(0) < 0.2 * len(odd):
        return "utf-16-be"
    return ""


def _transcode(path: Path, stream: IO[bytes], encoding: str, copy: Path) -> str:
    """Write `copy` as UTF-8; returns its beginning."""
    try:
        with _damaged_gzip_named(path):
            text = stream.read().decode(encoding)
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{path}: damaged {encoding.upper()} text ({error.reason})", "save it as UTF-8"
        ) from error
    text = text.removeprefix("\ufeff")
    copy.write_text(text, "utf-8", newline="")
    return text[:CHUNK]


@dataclass(frozen=True)
class _Look:
    """What every byte of a text showed.

    Attributes:
        joined_digits: an underscore stands between two digits.
        mixed_ends: carriage returns and line feeds both end lines, and not as pairs.
        cut_off: the last line has no end, and its last field is shorter than most before it.
        blank_lines: some blank lines stand between the others.
    """

    joined_digits: bool = False
    mixed_ends: bool = False
    cut_off: bool = False
    blank_lines: bool = False


def _check_text(path: Path, stream: IO[bytes]) -> _Look:
    """Every byte is UTF-8 text; what is not is named by its line."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, joined, before = 1, False, b""
    returns, pairs, blank = 0, 0, 0
    with _damaged_gzip_named(path):
        while chunk := stream.read(CHUNK):
            _refuse_nul(path, chunk, lines)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                line = lines + chunk.count(b"\n", 0, max(error.start - pending, 0))
                raise BadInput(
                    f"{path}: line {line} is not UTF-8 text; it may be Latin-1 (Windows-1252)",
                    "save it as UTF-8",
                ) from error
            lines += chunk.count(b"\n")
            blank += chunk.count(b"\n\n") + chunk.count(b"\n\r\n")
            if b"\r" in chunk or before.endswith(b"\r"):
                returns += chunk.count(b"\r")
                pairs += (before[-1:] + chunk).count(b"\r\n")
            joined = joined or _joins_digits(before[-2:] + chunk)
            before = (before + chunk)[-LOOKED_BACK:]
    mixed = returns > 0 and lines > 1 and not returns == pairs == lines - 1
    end = before.decode("utf-8", "ignore")
    between = blank - (len(end) - len(end.rstrip()) > len("\r\n"))
    return _Look(joined, mixed, _cut_off(end), 0 < between < 0.1 * lines)


def _refuse_nul(path: Path, chunk: bytes, lines: int) -> None:
    """Raises BadInput for NUL bytes; `lines` is the number of the chunk's first line."""
    nul = chunk.find(b"\0")
    if nul < 0:
        return
    line = lines + chunk.count(b"\n", 0, nul)
    if line == 1:
        raise BadInput(
            f"{path} is no text: there are NUL bytes in its first line", "export it as CSV"
        )
    raise BadInput(
        f"{path}: NUL bytes from line {line} on, as after a loss of power",
        f"delete everything from line {line} on, or get the file again",
    )


def _cut_off(end: str) -> bool:
    """Whether the last line has no end, and its last field is shorter than in most lines before.

    Args:
        end: the last lines of the file.
    """
    *before, last = end.splitlines(keepends=True)[1:] or [""]
    if not last or last.endswith(("\n", "\r")) or len(before) < LEAST_LINES:
        return False
    sign = next((sign for sign in "\t;|," if sign in last), None)
    if sign is None or any(line.count(sign) != last.count(sign) for line in before[-LEAST_LINES:]):
        return False
    field = last.rpartition(sign)[2].strip()
    others = [line.rpartition(sign)[2].strip() for line in before if line.strip()]
    if not re.fullmatch(r"[+-]?[\d.,]+([eE][+-]?\d*)?", field):
        known = set(others)
        return field not in known and any(other.startswith(field) for other in known if field)
    return _digits(field) < sorted(map(_digits, others))[len(others) // 2]


def _digits(field: str) -> tuple[bool, int]:
    """How long a number is written: digits behind the decimal sign, or all of a whole number."""
    parts = re.split(r"[.,]", field)
    return len(parts) > 1, len(parts[-1].strip("+-"))


def _joins_digits(text: bytes) -> bool:
    """Whether an underscore stands between two digits, as in 1_000."""
    if b"_" not in text:
        return False
    import numpy as np

    signs = np.frombuffer(text, np.uint8)
    digit = (signs >= ord("0")) & (signs <= ord("9"))
    return bool((digit[:-2] & (signs[1:-1] == ord("_")) & digit[2:]).any())
