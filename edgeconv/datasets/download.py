"""Downloads a file over HTTP: resumes where it stopped, renames it only when it is complete."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from edgeconv.core import Progress
from edgeconv.errors import BadInput, MissingDependency, UsageError

BLOCK = 1 << 18
TIMEOUT_SECONDS = 30.0
SCHEMES = ("http", "https", "file")
LARGEST = 2 << 30
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def download(url: str, target: Path, progress: Progress) -> Path:
    """Download `url` to `target`; an incomplete download stays in `target.part` and is continued.

    An interruption of any kind (network, Ctrl-C, full disk) keeps the `.part` file. The server's
    validator (ETag or Last-Modified) is stored beside it and sent as `If-Range`, so that a file
    that changed in between is fetched from its beginning.

    Raises:
        UsageError: not an http, https or file address.
        MissingDependency: the server cannot be reached.
        BadInput: the server refuses, the transfer broke off, or the disk is full.
    """
    if urlsplit(url).scheme not in SCHEMES:
        raise UsageError(f"cannot fetch '{url}'", f"use an address with {', '.join(SCHEMES)}")
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, part, progress)
        part.replace(target)
    except urllib.error.HTTPError as error:
        raise BadInput(
            f"{url}: the server responds {error.code} {error.reason}", _ELSEWHERE
        ) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, FileNotFoundError | IsADirectoryError | PermissionError):
            raise BadInput(f"{url}: {error.reason.strerror}", "check the address") from error
        raise MissingDependency(f"{url}: cannot be reached ({error.reason})", _ELSEWHERE) from error
    except (HTTPException, ConnectionError, TimeoutError) as error:
        raise BadInput(f"{url}: the transfer broke off ({error!r})", _again(part)) from error
    except OSError as error:
        raise BadInput(f"{part}: cannot be written ({error.strerror})", _again(part)) from error
    _validator_file(part).unlink(missing_ok=True)
    return target


_ELSEWHERE = "check the network, or give another address with --url (file:///… works too)"


def _again(part: Path) -> str:
    size = part.stat().st_size if part.exists() else 0
    return f"run it again: it continues after the {size:,} bytes that were downloaded"


def _validator_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.validator")


def _fetch(url: str, part: Path, progress: Progress) -> None:
    """Append what is missing to `part`."""
    memory = _validator_file(part)
    have = part.stat().st_size if part.exists() and memory.exists() else 0
    validator, _, known = memory.read_text("utf-8").partition("\n") if have else ("", "", "")
    if have and known.isdecimal() and int(known) == have:
        return  # interrupted between the last byte and the renaming
    request = urllib.request.Request(url)  # noqa: S310 - `download` checked the scheme
    if have and validator:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", validator)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
        start, total = _where(response.headers, getattr(response, "status", 200), have)
        if total > LARGEST:
            raise BadInput(f"{url}: {total:,} bytes, more than the limit of {LARGEST:,}")
        memory.write_text(f"{_validator(response.headers)}\n{total}", "utf-8")
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            done = _copy(response, file, start, total, progress)
    if total and done != total:
        raise ConnectionError(f"{done:,} of {total:,} bytes")


def _validator(headers: Message) -> str:
    """What proves that the rest belongs to the same file; weak tags do not (RFC 9110, 13.1.5)."""
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _where(headers: Message, status: int, have: int) -> tuple[int, int]:
    """(offset of the first byte that is sent, whole length or 0 when unknown)."""
    if status == 206:
        content_range = _RANGE.fullmatch(headers.get("Content-Range", ""))
        if content_range is None or int(content_range[1]) != have:
            raise ConnectionError("the server sent another part than requested")
        return have, int(content_range[2]) if content_range[2] != "*" else 0
    return 0, int(headers.get("Content-Length", 0))


def _copy(response: IO[bytes], file: IO[bytes], done: int, total: int, progress: Progress) -> int:
    while block := response.read(BLOCK):
        file.write(block)
        done += len(block)
        if done > LARGEST:
            raise BadInput(f"more than {LARGEST:,} bytes arrived", "check the address")
        progress.update(done, total or done, f"{done / 1e6:.1f} MB")
    file.flush()
    os.fsync(file.fileno())
    return done
