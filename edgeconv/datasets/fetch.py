"""`edgeconv data fetch`: a data set from its publisher, checked before it is used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edgeconv.core import NULL_PROGRESS, Progress
from edgeconv.datasets.archives import extract
from edgeconv.datasets.download import download
from edgeconv.errors import BadInput, UsageError


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
        "http://www.cis.fordham.edu/wisdm/includes/datasets/latest/WISDM_ar_latest.tar.gz",
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

    A correct file that is already there is not fetched again. Nothing gets the final name before it
    was checked, also for another `url`: a mirror must have the same content. With `accept_other` a
    file with different content is accepted, and a note says so.

    Raises:
        UsageError: no such data set, or an address of another kind than http, https, file.
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
    target = folder / published.file
    if target.is_file() and (accept_other or _blob_id(target) == published.blob):
        progress.note(f"{target} is already there")
        return target
    progress.stage(f"Fetching {published.archive}")
    archive = download(url or published.url, folder / published.archive, progress)
    progress.stage(f"Checking {published.file}")
    aside = folder / f"{published.file}.unverified"
    extract(archive, published.file, aside)
    _accept(aside, target, archive, published, accept_other, progress)
    return target


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
