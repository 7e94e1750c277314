"""Check that a bundle's folder holds exactly the files that its manifest names, unchanged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from edgeconv.bundle.folder import COMPRESSED
from edgeconv.bundle.reference import FILE as REFERENCE
from edgeconv.core.digest import sha256
from edgeconv.errors import BadInput
from edgeconv.targets.base import suffixes

GOLDEN_ARRAYS = "golden/golden.npz"
LABELS, PARITY, PROFILE = "labels.txt", "parity.json", "profile.json"
LAYERS = "layers.json"
INPUTS = "inputs.json"  # the input profile: statistics of the training subjects' readings
_AGAIN = "export it again, or put the original file back"
_REPRODUCIBLE = {
    REFERENCE: "remove it: Keras then runs again",
    PARITY: "remove it, and let `edgeconv parity` measure again",
    PROFILE: "remove it, and measure again",
    LAYERS: "remove it, and let `edgeconv parity --layers` measure again",
}
"""Files that can be made again from the others, and how; a bundle may lack them."""


def digests(folder: Path) -> dict[str, str]:
    """Digests of the files, beside models and artifacts, that results are based on."""
    outputs = sorted(f"{COMPRESSED}/{p.name}" for p in (folder / COMPRESSED).glob("*.npz"))
    names = (LABELS, PARITY, PROFILE, LAYERS, REFERENCE, INPUTS, GOLDEN_ARRAYS, *outputs)
    return {name: sha256(folder / name) for name in names if (folder / name).is_file()}


def check_unchanged(folder: Path, named: Mapping[str, str]) -> None:
    """Make sure that each file has the digest that the manifest gives it.

    Raises:
        BadInput: one is missing or has changed.
    """
    for name, digest in named.items():
        path = folder / name
        if not path.exists():
            if _how_to_reproduce(name):
                continue
            raise BadInput(f"{path} is named in the manifest, but it is missing", "export it again")
        if sha256(path) != digest:
            raise BadInput(
                f"{path} has changed since the manifest was written: its sha256 is not "
                f"{str(digest)[:12]}…",
                _how_to_reproduce(name) or _AGAIN,
            )


def _how_to_reproduce(name: str) -> str:
    """How to make a file again; empty if that is not possible."""
    outputs = name.startswith(f"{COMPRESSED}/") and name.endswith(".npz")
    return _REPRODUCIBLE[REFERENCE] if outputs else _REPRODUCIBLE.get(name, "")


def check_complete(folder: Path, artifacts: Iterable[str]) -> None:
    """Make sure that the folder has no artifact that the manifest does not name: an app team could
    ship it unchecked.

    Raises:
        BadInput: there is one.
    """
    known = set(artifacts)
    for path in sorted(folder.iterdir()):
        if path.name.endswith(suffixes()) and path.name not in known:
            raise BadInput(
                f"{path} is not in the manifest, so it was not checked",
                "move it out of the bundle, or export it into one",
            )
