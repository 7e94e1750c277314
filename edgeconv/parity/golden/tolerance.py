"""How far a device's output may be from the expected one (docs/how-to/golden-vectors.md)."""

from __future__ import annotations

from edgeconv.core import Artifact
from edgeconv.targets.base import find_target


def tolerance_of(artifact: Artifact) -> tuple[float, str]:
    """Largest difference of one probability that another device explains, and its derivation.

    Raises:
        Unsupported: the artifact's target has no such scheme.
    """
    tolerance = find_target(artifact.target).scheme(artifact.scheme).tolerance
    return tolerance.value, tolerance.derivation
