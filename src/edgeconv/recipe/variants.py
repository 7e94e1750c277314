"""From the words of a command to the variants that they mean."""

from __future__ import annotations

from collections.abc import Sequence

from edgeconv.errors import Unsupported, UsageError
from edgeconv.recipe.legality import DEFAULT_DEPLOYMENT_TARGET, LEGAL_SCHEMES, check_variants
from edgeconv.types import DEFAULT_SENSOR, Sensor, Target, Variant, parse_target

# What is made when no scheme is named. int16x8 is left out: its kernels are far slower than float.
DEFAULT_SCHEMES = {
    Target.TFLITE: ("float32", "float16", "dynamic", "int8"),
    Target.COREML: ("float16", "float32"),
}


def make_variants(
    targets: Sequence[str] = (),
    schemes: Sequence[str] = (),
    sensor: Sensor | None = None,
    io: str = "float",
    deployment_target: str = "",
) -> tuple[Variant, ...]:
    """Every combination that was asked for.

    A scheme is made for each target that can hold it; `sensor` None means each target's own.

    Raises:
        UsageError: no such target or sensor.
        Unsupported: a scheme that none of the targets can hold, or an illegal combination.
    """
    wanted = _targets(targets)
    variants = [
        _variant(target, scheme, sensor, io, deployment_target)
        for target in wanted
        for scheme in _schemes(target, schemes, sole=len(wanted) == 1)
    ]
    check_variants(variants)
    for scheme in schemes:
        if not any(v.scheme == scheme for v in variants):
            legal = "; ".join(f"{t}: {', '.join(LEGAL_SCHEMES[t])}" for t in wanted)
            raise Unsupported(f"no target that was asked for can hold '{scheme}'", legal)
    return tuple(variants)


def parse_sensor(name: str) -> Sensor:
    """A sensor by its name. Raises UsageError."""
    try:
        return Sensor(name)
    except ValueError:
        raise UsageError(
            f"unknown sensor '{name}'", f"choose one of: {', '.join(Sensor)}"
        ) from None


def _targets(names: Sequence[str]) -> tuple[Target, ...]:
    if not names or "all" in names:
        return tuple(Target)
    return tuple(dict.fromkeys(map(parse_target, names)))


def _schemes(target: Target, asked: Sequence[str], sole: bool) -> tuple[str, ...]:
    """With several targets, a scheme that only the other one knows is passed over here."""
    if not asked:
        return DEFAULT_SCHEMES[target]
    unique = tuple(dict.fromkeys(asked))
    return unique if sole else tuple(s for s in unique if s in LEGAL_SCHEMES[target])


def _variant(
    target: Target, scheme: str, sensor: Sensor | None, io: str, deployment_target: str
) -> Variant:
    return Variant(
        target=target,
        scheme=scheme,
        sensor=sensor or DEFAULT_SENSOR[target],
        io=io if scheme == "int8" and target is Target.TFLITE else "float",
        deployment_target=(deployment_target or DEFAULT_DEPLOYMENT_TARGET)
        if target is Target.COREML
        else "",
    )
