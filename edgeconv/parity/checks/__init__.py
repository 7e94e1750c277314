"""What parity checks of each artifact: one module a check, and one line in this list."""

from edgeconv.parity.checks import (
    compression,
    contract,
    gates,
    golden,
    manifest,
    retrained,
    weights,
)
from edgeconv.parity.checks.base import ParityCheck

CHECKS: tuple[ParityCheck, ...] = (
    gates.CHECK,
    retrained.CHECK,
    compression.CHECK,
    golden.CHECK,
    contract.CHECK,
    weights.CHECK,
    manifest.CHECK,
)

__all__ = ["CHECKS", "ParityCheck"]
