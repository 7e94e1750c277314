"""Makes the variants that the options of a command ask for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from edgeconv.core import (
    CALIBRATION_METHODS,
    InputConvention,
    Recipe,
    Variant,
    parse_compression,
)
from edgeconv.core.schemes import FLOAT_LAYERS, INT8_LAYERS
from edgeconv.errors import Unsupported, UsageError
from edgeconv.recipes.legality import check_variants, legal_schemes, schemes_where
from edgeconv.targets.base import Target, all_targets, find_target, lacking, parse_target


@dataclass(frozen=True, kw_only=True)
class VariantOptions:
    """Options of artifacts; each one applies to the schemes that support it.

    Attributes:
        sensor: the input convention; None: the target's default.
        io: `float`, or `int8` for the input and output of TFLite's int8.
        deployment_target: oldest operating system of Core ML files; empty: the scheme's oldest.
        calibration_method: how activation ranges are chosen; empty: the scheme's default.
        float_layers: layers that stay in float32.
        int8_layers: layers of an int4 file whose weights take 8 bits.
        min_snr_db: keep as many layers more precise as this signal-to-noise ratio needs; 0: none.
    """

    sensor: InputConvention | None = None
    io: str = "float"
    deployment_target: str = ""
    calibration_method: str = ""
    float_layers: Sequence[str] = ()
    int8_layers: Sequence[str] = ()
    min_snr_db: float = 0.0


def make_variants(
    targets: Sequence[str] = (),
    schemes: Sequence[str] = (),
    *,
    compressions: Sequence[str] = (),
    options: VariantOptions | None = None,
) -> tuple[Variant, ...]:
    """Make the variants of every combination of targets, schemes and compressions.

    Args:
        targets: names or aliases, such as `tflite` and `ios`; empty, or `all`, means all of them
            whose packages are installed.
        schemes: each is made for every target that has it. Empty: each target's defaults; with a
            compression the defaults that preserve it, else the first scheme that does.
        compressions: names such as `prune50`; each artifact is made for each of them.
        options: None: the defaults.

    Returns:
        The variants, in the order of targets, compressions and schemes.

    Raises:
        UsageError: no such target, sensor, calibration method or compression.
        Unsupported: none of the targets has a scheme, or a combination is not possible.
    """
    options = options or VariantOptions()
    _check_names(
        "calibration method", filter(None, [options.calibration_method]), CALIBRATION_METHODS
    )
    for name in compressions:
        parse_compression(name)
    chosen = tuple(map(find_target, _targets(targets)))
    variants = [
        _applicable(
            target,
            Variant(
                target=target.name,
                scheme=scheme,
                sensor=options.sensor or target.input_convention,
                io=options.io,
                deployment_target=options.deployment_target if target.deployment_targets else "",
                calibration_method=options.calibration_method,
                float_layers=tuple(options.float_layers),
                int8_layers=tuple(options.int8_layers),
                min_snr_db=options.min_snr_db,
                compress=compress,
            ),
        )
        for target in chosen
        for compress in dict.fromkeys(compressions or [""])
        for scheme in _schemes(target, schemes, compress, sole=len(chosen) == 1)
    ]
    check_variants(variants)
    _check_settings_used(variants, options.io, options.deployment_target)
    _check_method_used(variants, options.calibration_method)
    _check_layers_used(variants, options.float_layers, options.int8_layers, options.min_snr_db)
    for scheme in schemes:
        if not any(v.scheme == scheme for v in variants):
            legal = "; ".join(f"{t.name}: {', '.join(t.schemes)}" for t in chosen)
            raise Unsupported(f"none of the requested targets has scheme '{scheme}'", legal)
    return tuple(variants)


def _check_settings_used(variants: Sequence[Variant], io: str, deployment_target: str) -> None:
    """Settings that apply to no file are not dropped silently. Raises Unsupported."""
    if io != "float" and not any(v.io == io for v in variants):
        raise Unsupported(
            f"input/output type '{io}' applies to none of the requested files",
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


def left_out(targets: Sequence[str]) -> list[str]:
    """Why `make_variants` leaves out targets where all of them are meant, one line each."""
    return _reasons(all_targets()) if all_are_meant(targets) else []


def check_packages(variants: Iterable[Variant]) -> None:
    """Refuse files whose packages are not installed.

    Raises:
        MissingDependency: the first such package.
    """
    for name in dict.fromkeys(variant.target for variant in variants):
        if error := lacking(find_target(name)):
            raise error


def with_installed(recipe: Recipe) -> tuple[Recipe, list[str]]:
    """The recipe without the files whose packages are not installed, and why, a line a target.

    It is for built-in recipes, which show what there is; what a recipe file names has to be made.
    """
    possible = tuple(v for v in recipe.variants if lacking(find_target(v.target)) is None)
    if possible == recipe.variants or not possible:
        return recipe, []
    named = dict.fromkeys(v.target for v in recipe.variants)
    return replace(recipe, variants=possible), _reasons(map(find_target, named))


def _reasons(targets: Iterable[Target]) -> list[str]:
    errors = {target.name: lacking(target) for target in targets}
    return [
        f"target {name} is left out: {error.message}; {error.hint}"
        for name, error in errors.items()
        if error is not None
    ]


def all_are_meant(names: Sequence[str]) -> bool:
    """Whether targets that a user named, or not, are all that can be made here."""
    return not names or "all" in names


def _targets(names: Sequence[str]) -> tuple[str, ...]:
    if all_are_meant(names):
        return tuple(target.name for target in all_targets() if lacking(target) is None)
    return tuple(dict.fromkeys(map(parse_target, names)))


def _schemes(
    target: Target, requested: Sequence[str], compress: str, sole: bool
) -> tuple[str, ...]:
    """With several targets, each is exported in those schemes that it has."""
    if not requested:
        legal = legal_schemes(compress, target.name)
        defaults = tuple(s for s in target.default_schemes if s in legal)
        return defaults or legal[:1]
    unique = tuple(dict.fromkeys(requested))
    return unique if sole else tuple(s for s in unique if s in target.schemes)


def _applicable(target: Target, variant: Variant) -> Variant:
    """The variant without the options that its scheme does not have.

    Unknown schemes stay as they are, for `check_variants` to refuse.
    """
    scheme = target.schemes.get(variant.scheme)
    io_types = scheme.io_types if scheme is not None else ("float",)
    methods = scheme.methods if scheme is not None else ()
    mixes = scheme.mixed_precision if scheme is not None else ()
    return replace(
        variant,
        io=variant.io if len(io_types) > 1 else io_types[0],
        calibration_method=variant.calibration_method
        if variant.calibration_method in methods
        else "",
        float_layers=variant.float_layers if FLOAT_LAYERS in mixes else (),
        int8_layers=variant.int8_layers if INT8_LAYERS in mixes else (),
        min_snr_db=variant.min_snr_db if FLOAT_LAYERS in mixes else 0.0,
    )


def _schemes_with(precision: str) -> str:
    """The schemes in which single layers can have a precision: `int8 and int4 (tflite)`."""
    names = schemes_where(lambda scheme: precision in scheme.mixed_precision)
    return ", ".join(f"{' and '.join(schemes)} ({target})" for target, schemes in names.items())


def _check_layers_used(
    variants: Sequence[Variant],
    float_layers: Sequence[str],
    int8_layers: Sequence[str],
    min_snr_db: float,
) -> None:
    """Layer options that apply to no file are not dropped silently. Raises Unsupported."""
    if float_layers and not any(v.float_layers for v in variants):
        raise Unsupported(
            f"none of the requested schemes can keep {', '.join(float_layers)} in float",
            f"--float-layer is for {_schemes_with(FLOAT_LAYERS)}",
        )
    if int8_layers and not any(v.int8_layers for v in variants):
        raise Unsupported(
            f"none of the requested schemes can keep {', '.join(int8_layers)} in 8 bits",
            f"--int8-layer is for {_schemes_with(INT8_LAYERS)}",
        )
    if min_snr_db and not any(v.min_snr_db for v in variants):
        raise Unsupported(
            "none of the requested schemes can keep single layers precise",
            f"--mixed-precision-snr is for {_schemes_with(FLOAT_LAYERS)}",
        )


def _check_method_used(variants: Sequence[Variant], method: str) -> None:
    """A method that no scheme can use is not dropped silently. Raises Unsupported."""
    if method and not any(v.calibration_method for v in variants):
        names = ", ".join(dict.fromkeys(v.scheme for v in variants))
        suitable = [
            f"{scheme} ({target})"
            for target, schemes in schemes_where(lambda scheme: method in scheme.methods).items()
            for scheme in schemes
        ]
        raise Unsupported(
            f"calibration method '{method}' cannot go with: {names}",
            f"it is for {', '.join(suitable)}",
        )
