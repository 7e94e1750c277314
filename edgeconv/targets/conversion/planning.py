"""Plans a conversion before it starts: completes and checks variants, names files, warns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from edgeconv.core import Progress, Variant, parse_compression
from edgeconv.errors import Unsupported, UsageError
from edgeconv.targets.base import Target, find_target, lacking, scheme_of

if TYPE_CHECKING:
    from edgeconv.ir.model_inputs import Arrays


def with_deployment(variant: Variant) -> Variant:
    """An empty deployment target means the first one that can hold the scheme."""
    if variant.deployment_target:
        return variant
    return replace(variant, deployment_target=scheme_of(variant).min_deployment_target)


def check_call(
    variants: Sequence[Variant],
    calibration: Arrays | None,
    probe: Arrays,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> None:
    """Refuse what cannot work before anything is read or started.

    Raises:
        UsageError: no probe windows, or neither calibration windows nor ranges where a scheme
            needs them.
        Unsupported: a scheme or deployment target that a variant's target does not have.
        MissingDependency: a target's packages are not installed.
    """
    if not len(probe[0]):
        raise UsageError(
            "export needs at least one probe window to compare files with",
            "give a sample of its inputs, or leave the data out for random ones",
        )
    for variant in variants:
        target = find_target(variant.target)
        if error := lacking(target):
            raise error
        scheme = target.scheme(variant.scheme)
        _check_deployment(variant, target)
        has_ranges = scheme.accepts_external_ranges and bool(ranges)
        no_windows = calibration is None or not len(calibration[0])
        if scheme.needs_calibration and no_windows and not has_ranges:
            raise UsageError(
                f"scheme '{variant.scheme}' needs calibration windows",
                "give --calibration SPEC: windows of training subjects",
            )


def _check_deployment(variant: Variant, target: Target) -> None:
    """Refuse a system version that the target does not have, or that is older than the scheme."""
    first, versions = scheme_of(variant).min_deployment_target, target.deployment_targets
    if variant.deployment_target not in (versions or ("",)):
        raise Unsupported(
            f"deployment target '{variant.deployment_target}' does not exist for {target.name}",
            f"possible: {', '.join(versions) or 'none'}",
        )
    if first and versions.index(variant.deployment_target) < versions.index(first):
        raise Unsupported(
            f"scheme '{variant.scheme}' needs {first} or later, not {variant.deployment_target}",
            "leave the deployment target out, or choose another scheme",
        )


def note_deployment(
    requested: Sequence[Variant],
    resolved: Sequence[Variant],
    names: Sequence[str],
    progress: Progress,
) -> None:
    """Note files that need a newer system than the oldest although no version was requested."""
    newer: dict[str, list[str]] = {}
    for before, after, file in zip(requested, resolved, names, strict=True):
        oldest = next(iter(find_target(after.target).deployment_targets), "")
        if not before.deployment_target and after.deployment_target != oldest:
            newer.setdefault(after.deployment_target, []).append(file)
    for first, files in sorted(newer.items()):
        progress.note(f"for {first} or later, the first that can hold them: {', '.join(files)}")


def file_name(
    model: str, variant: Variant, method: bool = False, plain_tensors: bool = False
) -> str:
    """The name says compression, where there is one, and scheme; `_mixed` for layers of another
    precision, `_io8` for int8 input and output, and a sensor that is not the target's own, if
    there is one at all. With `method` also how ranges were chosen."""
    parts = [model, *filter(None, [variant.compress]), variant.scheme]
    if method and variant.calibration_method:
        parts.append(variant.calibration_method)
    if variant.float_layers or variant.int8_layers or variant.min_snr_db:
        parts.append("mixed")
    if variant.io == "int8":
        parts.append("io8")
    target = find_target(variant.target)
    if variant.sensor is not target.input_convention and not plain_tensors:
        parts.append(str(variant.sensor))
    return "_".join(parts) + target.suffix


def file_names(model: str, variants: Sequence[Variant], plain_tensors: bool = False) -> list[str]:
    """One name per variant.

    Raises:
        UsageError: two variants would be the same file (they differ only in deployment target,
            or in which layers are of another precision).
    """
    short = [file_name(model, v, plain_tensors=plain_tensors) for v in variants]
    names = [
        file_name(model, v, short.count(n) > 1, plain_tensors)
        for v, n in zip(variants, short, strict=True)
    ]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"two variants would both be called {name}",
                "export them into two folders; a deployment target is not part of the name",
            )
    return names


def scheme_warnings(variants: Sequence[Variant]) -> list[str]:
    """One line for each reason, however many files it concerns."""
    by_reason: dict[str, list[str]] = {}
    for variant in variants:
        target = find_target(variant.target)
        reasons = [target.scheme(variant.scheme).warning]
        if variant.compress and parse_compression(variant.compress).sparsity:
            reasons.append(target.zeros_warning)
        for reason in filter(None, reasons):
            by_reason.setdefault(reason, []).append(variant.compress or variant.scheme)
    return [f"{', '.join(dict.fromkeys(names))}: {reason}" for reason, names in by_reason.items()]
