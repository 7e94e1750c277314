"""File names of artifacts: `<model>_<scheme>.<ending>`, longer only where that is not unique."""

from __future__ import annotations

from collections.abc import Sequence

from edgeconv.core import Variant
from edgeconv.errors import UsageError
from edgeconv.targets.base import find_target


def file_name(model: str, variant: Variant, method: bool = False) -> str:
    """The name says compression, where there is one, and scheme; `_mixed` for layers of another
    precision, `_io8` for int8 input and output, and a sensor that is not the target's own. With
    `method` also how ranges were chosen."""
    parts = [model, *filter(None, [variant.compress]), variant.scheme]
    if method and variant.calibration_method:
        parts.append(variant.calibration_method)
    if variant.float_layers or variant.int8_layers or variant.min_snr_db:
        parts.append("mixed")
    if variant.io == "int8":
        parts.append("io8")
    target = find_target(variant.target)
    if variant.sensor is not target.input_convention:
        parts.append(str(variant.sensor))
    return "_".join(parts) + target.suffix


def file_names(model: str, variants: Sequence[Variant]) -> list[str]:
    """One name a variant.

    Raises:
        UsageError: two variants would be the same file (they differ only in deployment target,
            or in which layers are of another precision).
    """
    short = [file_name(model, v) for v in variants]
    names = [file_name(model, v, short.count(n) > 1) for v, n in zip(variants, short, strict=True)]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"two variants would both be called {name}",
                "export them into two folders; a deployment target is not part of the name",
            )
    return names
