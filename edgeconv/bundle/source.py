"""The bundle that a model file is part of."""

from __future__ import annotations

from pathlib import Path

from edgeconv.bundle.manifest import is_bundle, read_bundle
from edgeconv.core import Bundle
from edgeconv.core.digest import sha256


def source_bundle(path: Path) -> Bundle | None:
    """The bundle whose folder a file is in, if its manifest names exactly these bytes."""
    folder = path if path.is_dir() and is_bundle(path) else path.parent
    if not is_bundle(folder):
        return None
    bundle = read_bundle(folder, verify=False)
    named = {bundle.model.path.name: bundle.model.sha256}
    named |= {a.path.name: a.sha256 for a in bundle.artifacts}
    return bundle if named.get(path.name) == sha256(path) else None
