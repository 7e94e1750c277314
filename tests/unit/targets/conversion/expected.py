"""Export's own check with the scheme by its name, as the tests name it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeconv.core import OutputAgreement
from edgeconv.targets.base import ExpectedFile, FileStructure, target_of
from edgeconv.targets.conversion import checks

Kernels = Sequence[tuple[str, int, float]]


def check_structure(
    path: Path,
    scheme: str,
    kernels: Kernels,
    float_layers: Sequence[str] = (),
) -> tuple[int, FileStructure]:
    """`checks.check_structure` for the scheme of that name of the file's target."""
    known = target_of(path).scheme(scheme)
    return checks.check_structure(path, ExpectedFile(known, kernels, float_layers))


def check_outputs(path: Path, scheme: str, reference: Any, outputs: Any) -> OutputAgreement:
    """`checks.check_outputs` for the scheme of that name of the file's target."""
    return checks.check_outputs(path, target_of(path).scheme(scheme), reference, outputs)
