"""Digests brought in line with the files again: what a careful forger, or a broken tool, would do.

A numeric gate can be shown to work only where the digests do not refuse the file before.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from pathlib import Path

from edgeconv.bundle.folder import digests
from edgeconv.core.paths import sha256, size

from .tampering import document


class Seal(StrEnum):
    """How far the digests are renewed after a change."""

    NONE = "none"  # the change stands alone
    OUTER = "outer"  # the manifest's, and golden.json's own
    ALL = "all"  # those of the files inside golden.json too


def renew(folder: Path, seal: Seal) -> None:
    """Make the digests of a bundle fit its files."""
    if seal is Seal.NONE:
        return
    golden = folder / "golden" / "golden.json"
    if golden.is_file():
        _renew_golden(golden, folder, inner=seal is Seal.ALL)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["model"]["sha256"] = sha256(folder / "model.keras")
    for artifact in manifest["artifacts"]:
        path = folder / artifact["path"]
        if path.exists():
            artifact |= {"sha256": sha256(path), "bytes": size(path)}
    manifest["golden"] = sha256(golden) if golden.is_file() else None
    manifest["files"] = digests(folder)
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / "manifest.json").write_text(text + "\n", "utf-8")


def _renew_golden(path: Path, folder: Path, inner: bool) -> None:
    content = json.loads(path.read_text("utf-8"))
    if inner:
        content["model"]["sha256"] = sha256(folder / "model.keras")
        for name, expected in content["artifacts"].items():
            if (folder / name).exists():
                expected["sha256"] = sha256(folder / name)
    content.pop("sha256")
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    document(path, lambda data: data.update(content, sha256=digest))
