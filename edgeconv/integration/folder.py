"""Writes a package's folder without losing the user's changes or leaving half a package.

`.edgeconv` records the digest of every file that was generated. A file that is still unchanged
may be replaced; everything else in the folder is the user's.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from edgeconv.bundle import exchange_folders, locked
from edgeconv.core.json_codec import damage
from edgeconv.core.paths import open_to_others
from edgeconv.errors import BadInput, UsageError

RECORD = ".edgeconv"
FORMAT, VERSION = "edgeconv-package", 1
_SHOWN = 5
_STAGE = "package"


@dataclass(frozen=True)
class Written:
    """What happened to a package's files, by path in it."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    left_behind: tuple[str, ...] = ()
    """Folders of a killed run that were beside it, and are no longer."""


def check_free(out: Path) -> None:
    """Make sure, before any work starts, that a package can be written to `out`.

    Raises:
        UsageError: it contains files that are not a package.
        BadInput: it is a file, or its record is damaged.
    """
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out} is a file", "name a folder for --out")
    if _record(out) is None and out.is_dir() and any(out.iterdir()):
        raise UsageError(
            f"{out} contains files that are not a package of edgeconv",
            "name a new or empty folder for --out",
        )


def write(out: Path, files: Mapping[str, bytes], about: Mapping[str, Any], force: bool) -> Written:
    """Write a package whole, or leave `out` as it was; one process at a time.

    Files that an earlier run generated and this one does not are removed, if they are unchanged.

    Args:
        files: contents by path, with `/`.
        about: further contents of the record: platform, artifact, version.
        force: replace files that the user has changed or put there.

    Raises:
        UsageError, BadInput: as `check_free`.
        BadInput: generated files were changed, or other files are in the way; they are named. Or
            the folder cannot be written.
    """
    with locked(out):
        return replace(_write(out, files, about, force), left_behind=_clean_up(out))


def _clean_up(out: Path) -> tuple[str, ...]:
    """Remove what a killed process left; the lock says that none is at work."""
    left = [p for p in out.parent.iterdir() if p.name.startswith(f".{out.name}.{_STAGE}-")]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return tuple(sorted(str(folder) for folder in left))


def _write(out: Path, files: Mapping[str, bytes], about: Mapping[str, Any], force: bool) -> Written:
    check_free(out)
    record = _record(out) or {"files": {}}
    known: dict[str, list[str]] = record["files"]
    digests = {name: _digest(content) for name, content in files.items()}
    present = {name: _digest_of(out / name) for name in {*digests, *known}}
    user_files = {
        name
        for name, digest in present.items()
        if digest is not None and digest not in (*known.get(name, []), digests.get(name))
    }
    blocked = sorted(user_files & set(digests))
    if blocked and not force:
        more = f" and {len(blocked) - _SHOWN} more" if len(blocked) > _SHOWN else ""
        raise BadInput(
            f"{out} contains changes of yours: {', '.join(blocked[:_SHOWN])}{more}",
            "keep them elsewhere and pass --force to replace them, or name another --out",
        )
    gone = sorted(n for n in set(known) - set(digests) - user_files if present[n] is not None)
    try:
        _replace(out.resolve(), files, known, {**about, "files": digests}, gone)
    except OSError as error:
        raise BadInput(
            f"cannot write {out}: {error.strerror or error}",
            "free some space or name another folder; the package is as it was",
        ) from error
    same = {name for name, digest in digests.items() if present[name] == digest}
    new = {name for name in digests if present[name] is None}
    return Written(
        tuple(sorted(new)),
        tuple(sorted(set(digests) - same - new)),
        tuple(sorted(same)),
        tuple(gone),
    )


def _replace(
    out: Path,
    files: Mapping[str, bytes],
    known: Mapping[str, list[str]],
    record: dict[str, Any],
    gone: list[str],
) -> None:
    """A new folder takes its place in one step, with the user's files of the old one.

    Where the system cannot do that (a folder that is mounted, or in which this process is at work),
    files are replaced one by one. The record then first names the old and the new digests, so that
    an interrupted run leaves no file that looks like the user's.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.{_STAGE}-"))
    try:
        for name, content in files.items():
            target = stage / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        _write_record(stage / RECORD, record)
        if not (out.is_dir() and any(out.iterdir())):
            open_to_others(stage)
            stage.replace(out)
            return
        if _swap(stage, out, {RECORD, *files, *gone}):
            return
        both = {n: [*known.get(n, []), d] for n, d in record["files"].items()}
        old = {n: digests for n, digests in known.items() if n not in both}
        _write_record(stage / "both", {**record, "files": {**old, **both}})
        _exchange(stage, out, [*files, *gone])
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _swap(stage: Path, out: Path, ours: Collection[str]) -> bool:
    """Link the user's files into the staged folder and exchange the two; False where that fails."""
    if Path.cwd().is_relative_to(out):
        return False  # the caller's shell would be left in a folder that is gone
    try:
        _link_others(out, stage, ours)
    except OSError:
        return False
    stage.chmod(out.stat().st_mode & 0o7777)
    if not exchange_folders(stage, out):
        return False
    try:
        _link_others(stage, out, ours)  # what was written in between
    except OSError:
        exchange_folders(stage, out)
        raise
    return True


def _link_others(source: Path, target: Path, ours: Collection[str]) -> None:
    """Every file of `source` that is not `ours` is in `target` too, as the same file."""
    for path in source.rglob("*"):
        name = path.relative_to(source).as_posix()
        copy = target / name
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                copy.mkdir(parents=True, exist_ok=True)
        elif name not in ours and not (copy.is_file() and copy.samefile(path)):
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.unlink(missing_ok=True)
            os.link(path, copy, follow_symlinks=False)


def _exchange(stage: Path, out: Path, names: Sequence[str]) -> None:
    """Put the staged files in their places; a file that is not staged is removed from its own.

    Where a step fails, every file gets its old content back.
    """
    saved = stage / "saved"
    saved.mkdir()
    record = (out / RECORD).read_bytes()
    undo: list[tuple[Path, Path | None]] = []  # a file, and where its old content is
    try:
        (stage / "both").replace(out / RECORD)
        for number, name in enumerate(names):
            target, old = out / name, saved / str(number)
            undo.append((target, old if target.exists() else None))
            if target.exists():
                shutil.copy2(target, old)
            if (stage / name).exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                (stage / name).replace(target)  # a reader sees the old one or the new one
            else:
                target.unlink(missing_ok=True)
        (stage / RECORD).replace(out / RECORD)
    except OSError:
        for target, source in undo:
            if source is None:
                target.unlink(missing_ok=True)
            elif source.exists():
                source.replace(target)
        (out / RECORD).write_bytes(record)
        raise
    finally:
        for name in names:
            _remove_empty((out / name).parent, out)


def _remove_empty(folder: Path, out: Path) -> None:
    while folder != out and not (folder.exists() and any(folder.iterdir())):
        if folder.exists():
            folder.rmdir()
        folder = folder.parent


def _write_record(path: Path, record: dict[str, Any]) -> None:
    document = {"format": FORMAT, "schema_version": VERSION, **record}
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _record(out: Path) -> dict[str, Any] | None:
    """The record with a list of digests for each file; None if there is no record."""
    path = out / RECORD
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text("utf-8"))
        if (document["format"], document["schema_version"]) != (FORMAT, VERSION):
            raise ValueError(f"not {FORMAT} of version {VERSION}")
        files = {
            _inside(name): [digests] if isinstance(digests, str) else list(map(str, digests))
            for name, digests in document["files"].items()
        }
    except (OverflowError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{path} is damaged: {damage(error)}", "remove the package and write it again"
        ) from error
    return {**document, "files": files}


def _inside(name: str) -> str:
    """The name, if it stays inside the package. Raises ValueError."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"'{name}' is not a path in the package")
    return name


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest_of(path: Path) -> str | None:
    """None if there is no such file; anything that is not a file counts as the user's (empty)."""
    if path.is_file() and not path.is_symlink():
        return _digest(path.read_bytes())
    return "" if path.exists() or path.is_symlink() else None
