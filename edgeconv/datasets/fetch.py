"""`edgeconv data fetch`: a data set from its publisher, checked before it is used.

A download resumes where it stopped, and gets its name only when it is complete.
"""

from __future__ import annotations

import hashlib
import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from edgeconv.core import NULL_PROGRESS, Progress
from edgeconv.datasets.files import extract
from edgeconv.datasets.sample_cache import locked
from edgeconv.errors import BadInput, MissingDependency, UsageError

BLOCK = 1 << 18
TIMEOUT_SECONDS = 30.0
SCHEMES = ("https", "file")
THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
"""Hosts that may be asked without TLS: nobody is in between."""
LARGEST = 2 << 30
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True)
class Published:
    """Where a data set is, and what the file in its archive must be.

    `blob` is git's object id of the file (SHA-1 of a header and the content): the publisher gives
    no checksum, but every public copy that we saw has this one. SHA-1 guards against a damaged or
    exchanged file here, not against an attacker who builds collisions.
    """

    url: str
    archive: str
    file: str
    blob: str


PUBLISHED = {
    "wisdm": Published(
        "https://www.cis.fordham.edu/wisdm/includes/datasets/latest/WISDM_ar_latest.tar.gz",
        "WISDM_ar_latest.tar.gz",
        "WISDM_ar_v1.1_raw.txt",
        "f448b1ec15898a77f47f49d85e98ae1bde83185c",
    )
}


def fetch(
    name: str,
    folder: Path,
    url: str | None = None,
    progress: Progress = NULL_PROGRESS,
    *,
    accept_other: bool = False,
) -> Path:
    """Download, check and unpack a data set into `folder`; the path of its file.

    A correct file that is already there is not fetched again, and a second process waits for the
    first. Nothing gets the final name before it was checked, also for another `url`: a mirror must
    have the same content. With `accept_other` a file with different content is accepted, and a note
    says so.

    Raises:
        UsageError: no such data set, or an address of another kind than https or file.
        MissingDependency: the server cannot be reached.
        BadInput: the transfer broke off, the archive is damaged, or its content is not what was
            published; that file stays beside it as `<name>.unverified`.
    """
    if name not in PUBLISHED:
        raise UsageError(
            f"'{name}' cannot be fetched",
            f"possible: {', '.join(PUBLISHED)}; get others from their authors "
            "(docs/reference/data-sets.md)",
        )
    published = PUBLISHED[name]
    if _is_there(published, folder, accept_other, progress):
        return folder / published.file
    lock = folder / f"{published.archive}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.touch()
    except OSError as error:
        raise BadInput(
            f"{folder}: cannot be written ({error.strerror})", "name another folder for --out"
        ) from error
    with locked(lock, progress):
        try:
            return _fetched(published, folder, url or published.url, progress, accept_other)
        finally:
            lock.unlink(missing_ok=True)


def _fetched(
    published: Published, folder: Path, url: str, progress: Progress, accept_other: bool
) -> Path:
    target = folder / published.file
    if _is_there(published, folder, accept_other, progress):  # another process was first
        return target
    progress.stage(f"Fetching {published.archive}")
    archive = download(url, folder / published.archive, progress)
    progress.stage(f"Checking {published.file}")
    aside = folder / f"{published.file}.unverified"
    extract(archive, published.file, aside)
    _accept(aside, target, archive, published, accept_other, progress)
    return target


def _is_there(published: Published, folder: Path, accept_other: bool, progress: Progress) -> bool:
    target = folder / published.file
    there = target.is_file() and (accept_other or _blob_id(target) == published.blob)
    if there:
        progress.note(f"{target} is already there")
    return there


def _accept(
    aside: Path,
    target: Path,
    archive: Path,
    published: Published,
    accept_other: bool,
    progress: Progress,
) -> None:
    blob = _blob_id(aside)
    archive.unlink()
    if blob != published.blob:
        if not accept_other:
            raise BadInput(
                f"{published.file} is not what was published: git blob id {blob}, expected "
                f"{published.blob}",
                f"it is in {aside}; look at it, and rename it or accept different content "
                "explicitly if you trust it",
            )
        progress.note(f"{published.file} is not the published file (git blob id {blob})")
    aside.replace(target)


def _blob_id(path: Path) -> str:
    """What `git hash-object` prints."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def download(url: str, target: Path, progress: Progress) -> Path:
    """Download `url` to `target`; an incomplete download stays in `target.part` and is continued.

    An interruption of any kind (network, Ctrl-C, full disk) keeps the `.part` file. The server's
    validator (ETag or Last-Modified) is stored beside it and sent as `If-Range`, so that a file
    that changed in between is fetched from its beginning.

    Raises:
        UsageError: not an https or file address, or a redirection to one that is not.
        MissingDependency: the server cannot be reached.
        BadInput: the server refuses, the transfer broke off, or the disk is full.
    """
    _check_address(url)
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
        raise BadInput(f"{url}: the transfer broke off ({error})", _again(part)) from error
    except OSError as error:
        raise BadInput(f"{part}: cannot be written ({error.strerror})", _again(part)) from error
    _validator_file(part).unlink(missing_ok=True)
    return target


def _check_address(url: str) -> None:
    """Refuse what could be changed on its way: everything that is fetched comes over TLS."""
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname in THIS_MACHINE:
        return
    if parts.scheme not in SCHEMES:
        raise UsageError(
            f"cannot fetch '{url}': its address begins with neither https nor file",
            "give an address with https; or download it yourself and give file:///PATH",
        )


class _Redirections(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only to an address that could have been asked for."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Any,
        newurl: str,
    ) -> urllib.request.Request | None:
        _check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


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
    opener = urllib.request.build_opener(_Redirections)
    with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
        start, total = _where(response.headers, getattr(response, "status", 200), have)
        if total > LARGEST:
            raise BadInput(
                f"{url}: {total:,} bytes, more than the limit of {LARGEST:,}",
                "check the address: no data set that edgeconv fetches is that large",
            )
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
