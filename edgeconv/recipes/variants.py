"""From the words of a command to the variants that they mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edgeconv.core import (
    CALIBRATION_METHODS,
    COMPRESSIONS,
    DEFAULT_SENSOR,
    SCHEMES,
    InputConvention,
    Target,
    Variant,
    parse_target,
)
from edgeconv.errors import Unsupported, UsageError
from edgeconv.recipes.compressions import legal_schemes
from edgeconv.recipes.legality import LEGAL_SCHEMES, check_variants

# What is made when no scheme is named. int16x8 is left out: its kernels are far slower than float.
DEFAULT_SCHEMES = {
    Target.TFLITE: ("float32", "float16", "dynamic", "int8"),
    Target.COREML: ("float16", "float32"),
}
_INT4 = (Target.TFLITE, "int4")


def make_variants(
    targets: Sequence[str] = (),
    schemes: Sequence[str] = (),
    sensor: InputConvention | None = None,
    io: str = "float",
    deployment_target: str = "",
    calibration_method: str = "",
    compressions: Sequence[str] = (),
    float_layers: Sequence[str] = (),
    int8_layers: Sequence[str] = (),
    min_snr_db: float = 0.0,
) -> tuple[Variant, ...]:
    """Every combination that was asked for.

    A scheme is made for each target that can hold it; `sensor` None means each target's own, an
    empty deployment target each scheme's first, an empty calibration method each scheme's default.
    With `compressions`, each file is made for each of them; without schemes, those of the target's
    default ones that keep what the compression promises, else the first that does. Layers of
    another precision are for the schemes that can have them.

    Raises:
        UsageError: no such target, sensor, calibration method or compression.
        Unsupported: a scheme that none of the targets can hold, or an illegal combination.
    """
    _check_names("calibration method", filter(None, [calibration_method]), CALIBRATION_METHODS)
    _check_names("compression", compressions, COMPRESSIONS)
    wanted = _targets(targets)
    variants = [
        Variant(
            target=target,
            scheme=scheme,
            sensor=sensor or DEFAULT_SENSOR[target],
            io=io if scheme == "int8" and target is Target.TFLITE else "float",
            deployment_target=deployment_target if target is Target.COREML else "",
            calibration_method=_method(target, scheme, calibration_method),
            float_layers=tuple(float_layers) if _mixes(target, scheme) else (),
            int8_layers=tuple(int8_layers) if (target, scheme) == _INT4 else (),
            min_snr_db=min_snr_db if _mixes(target, scheme) else 0.0,
            compress=compress,
        )
        for target in wanted
        for compress in dict.fromkeys(compressions or [""])
        for scheme in _schemes(target, schemes, compress, sole=len(wanted) == 1)
    ]
    check_variants(variants)
    _check_settings_used(variants, io, deployment_target)
    _check_method_used(variants, calibration_method)
    _check_layers_used(variants, float_layers, int8_layers)
    if min_snr_db and not any(v.min_snr_db for v in variants):
        raise Unsupported(
            "no scheme that was asked for can keep single layers precise",
            "--mixed-precision-snr is for int8 and int4 (tflite)",
        )
    for scheme in schemes:
        if not any(v.scheme == scheme for v in variants):
            legal = "; ".join(f"{t}: {', '.join(LEGAL_SCHEMES[t])}" for t in wanted)
            raise Unsupported(f"no target that was asked for can hold '{scheme}'", legal)
    return tuple(variants)


def _check_settings_used(variants: Sequence[Variant], io: str, deployment_target: str) -> None:
    """Settings that no file would have. Raises Unsupported."""
    if io != "float" and not any(v.io == io for v in variants):
        raise Unsupported(
            f"input/output type '{io}' applies to none of the files that were asked for",
            "--io-type int8 is for scheme int8 of target tflite; leave it out otherwise",
        )
    if deployment_target and not any(v.deployment_target for v in variants):
        raise Unsupported(
            f"deployment target '{deployment_target}' applies to target coreml only",
            "leave it out, or add --target coreml",
        )


def _check_names(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    choices = tuple(known)
    for name in names:
        if name not in choices:
            raise UsageError(f"unknown {kind} '{name}'", f"choose one of: {', '.join(choices)}")


def parse_sensor(name: str) -> InputConvention:
    """A sensor by its name. Raises UsageError."""
    try:
        return InputConvention(name)
    except ValueError:
        raise UsageError(
            f"unknown sensor '{name}'", f"choose one of: {', '.join(InputConvention)}"
        ) from None


def _targets(names: Sequence[str]) -> tuple[Target, ...]:
    if not names or "all" in names:
        return tuple(Target)
    return tuple(dict.fromkeys(map(parse_target, names)))


def _schemes(target: Target, asked: Sequence[str], compress: str, sole: bool) -> tuple[str, ...]:
    """With several targets, a scheme that only the other one knows is passed over here."""
    if not asked:
        legal = legal_schemes(compress, target)
        usual = tuple(s for s in DEFAULT_SCHEMES[target] if s in legal)
        return usual or legal[:1]
    unique = tuple(dict.fromkeys(asked))
    return unique if sole else tuple(s for s in unique if s in LEGAL_SCHEMES[target])


def _method(target: Target, scheme: str, asked: str) -> str:
    """A method is for the schemes that have a choice; the others keep their only way."""
    known = SCHEMES[target].get(scheme)
    return asked if known is not None and asked in known.methods else ""


def _mixes(target: Target, scheme: str) -> bool:
    """Whether single layers of its files can have another precision."""
    return target is Target.TFLITE and scheme in ("int8", "int4")


def _check_layers_used(
    variants: Sequence[Variant], float_layers: Sequence[str], int8_layers: Sequence[str]
) -> None:
    """Layers that no file can treat so are not dropped silently. Raises Unsupported."""
    if float_layers and not any(v.float_layers for v in variants):
        raise Unsupported(
            f"no scheme that was asked for can keep {', '.join(float_layers)} in float",
            "--float-layer is for int8 and int4 (tflite)",
        )
    if int8_layers and not any(v.int8_layers for v in variants):
        raise Unsupported(
            f"no scheme that was asked for can keep {', '.join(int8_layers)} in 8 bits",
            "--int8-layer is for int4 (tflite)",
        )


def _check_method_used(variants: Sequence[Variant], asked: str) -> None:
    """A method that no scheme can use is not dropped silently. Raises Unsupported."""
    if asked and not any(v.calibration_method for v in variants):
        names = ", ".join(dict.fromkeys(v.scheme for v in variants))
        can = [f"{s.name} ({t})" for t in Target for s in SCHEMES[t].values() if asked in s.methods]
        raise Unsupported(
            f"calibration method '{asked}' cannot go with: {names}", f"it is for {', '.join(can)}"
        )
