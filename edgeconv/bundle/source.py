"""The bundle that a model file belongs to."""

from __future__ import annotations

from pathlib import Path

from edgeconv.bundle.manifest import is_bundle, read_bundle
from edgeconv.core import Bundle
from edgeconv.core.digest import sha256


def source_bundle(path: Path) -> Bundle | None:
    """The bundle that a file lies in, if its manifest names exactly these bytes."""
    folder = path if path.is_dir() and is_bundle(path) else path.parent
    if not is_bundle(folder):
        return None
    home = read_bundle(folder, verify=False)
    named = {home.model.path.name: home.model.sha256}
    named |= {a.path.name: a.sha256 for a in home.artifacts}
    return home if named.get(path.name) == sha256(path) else None
