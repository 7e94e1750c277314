"""What an export call asks for, completed and checked against the table of targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from edgeconv.core import Progress, Variant
from edgeconv.errors import Unsupported, UsageError
from edgeconv.targets.base import Target, find_target, scheme_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Windows = NDArray[np.float32]


def with_deployment(variant: Variant) -> Variant:
    """An empty deployment target means the first one that can hold the scheme."""
    if variant.deployment_target:
        return variant
    return replace(variant, deployment_target=scheme_of(variant).min_deployment_target)


def check_call(
    variants: Sequence[Variant],
    calibration: Windows | None,
    probe: Windows,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> None:
    """Refuse what cannot work before anything is read or started.

    Raises:
        UsageError: no probe windows, or neither calibration windows nor ranges where a scheme
            needs them.
        Unsupported: a scheme or deployment target that a variant's target does not have.
    """
    if not len(probe):
        raise UsageError("export needs at least one probe window to compare files with")
    for variant in variants:
        target = find_target(variant.target)
        scheme = target.scheme(variant.scheme)
        _check_deployment(variant, target)
        known = scheme.accepts_external_ranges and bool(ranges)
        none = calibration is None or not len(calibration)
        if scheme.needs_calibration and none and not known:
            raise UsageError(
                f"scheme '{variant.scheme}' needs calibration windows",
                "give --calibration SPEC: windows of training subjects",
            )


def _check_deployment(variant: Variant, target: Target) -> None:
    """Refuse a system version that the target does not have, or that is older than the scheme."""
    first, known = scheme_of(variant).min_deployment_target, target.deployment_targets
    if variant.deployment_target not in (known or ("",)):
        raise Unsupported(
            f"deployment target '{variant.deployment_target}' does not exist for {target.name}",
            f"possible: {', '.join(known) or 'none'}",
        )
    if first and known.index(variant.deployment_target) < known.index(first):
        raise Unsupported(
            f"scheme '{variant.scheme}' needs {first} or later, not {variant.deployment_target}",
            "leave the deployment target out, or choose another scheme",
        )


def note_deployment(
    asked: Sequence[Variant], resolved: Sequence[Variant], names: Sequence[str], progress: Progress
) -> None:
    """Say which files need a newer system than the oldest, where nobody asked for it."""
    newer: dict[str, list[str]] = {}
    for before, after, file in zip(asked, resolved, names, strict=True):
        oldest = next(iter(find_target(after.target).deployment_targets), "")
        if not before.deployment_target and after.deployment_target != oldest:
            newer.setdefault(after.deployment_target, []).append(file)
    for first, files in sorted(newer.items()):
        progress.note(f"for {first} or later, the first that can hold them: {', '.join(files)}")
