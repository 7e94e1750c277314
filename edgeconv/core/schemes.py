"""Schemes: what precision means for one artifact."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgeconv.core.signal import InputConvention
from edgeconv.errors import UsageError


class Target(StrEnum):
    """Which family of runtimes a file is for: LiteRT (`.tflite`) or Core ML (`.mlpackage`)."""

    TFLITE = "tflite"
    COREML = "coreml"


TARGET_ALIASES = {
    "litert": Target.TFLITE,
    "android": Target.TFLITE,
    "ios": Target.COREML,
    "apple": Target.COREML,
    "mlpackage": Target.COREML,
    "mlprogram": Target.COREML,
}
# Each file takes what its own phone's sensor gives, unless a variant says otherwise.
DEFAULT_SENSOR = {Target.TFLITE: InputConvention.ANDROID, Target.COREML: InputConvention.IOS}
ENDINGS = {Target.TFLITE: ".tflite", Target.COREML: ".mlpackage"}


# How an activation's range is chosen from what was seen: docs/how-to/export.md.
MINMAX, PERCENTILE, MSE = "minmax", "percentile", "mse"
CALIBRATION_METHODS = (MINMAX, PERCENTILE, MSE)


@dataclass(frozen=True)
class Scheme:
    """Number formats of one exported file.

    Attributes:
        weights, activations: element types inside the file; of a palette, the type of its indices.
        granularity: what shares a scale or a palette: `per-tensor`, `per-channel`, `per-block`;
            empty for floats.
        palette: whether weights are indices into a table of float16 numbers.
        sparsity: share of each compressed kernel's weights that is set to 0 and not stored.
        first: the first deployment target whose format can hold it; empty for TFLite.
        calibration: windows of training subjects that set activation ranges, or on which weights
            make up for each other's error; 0 for none.
        methods: ways to choose activation ranges, the default first; empty where there are none
            to choose, and calibration windows can be done without.
        caution: what does not pay about it, with the figure; empty for most.
    """

    name: str
    weights: str
    activations: str
    granularity: str = ""
    palette: bool = False
    sparsity: float = 0.0
    first: str = ""
    calibration: int = 0
    methods: tuple[str, ...] = ()
    caution: str = ""

    @property
    def needs_calibration(self) -> bool:
        """Whether it cannot be made without calibration windows."""
        return bool(self.methods)

    @property
    def accepts_external_ranges(self) -> bool:
        """Whether ranges that a training has settled on can stand for calibration."""
        return self.needs_calibration and self.activations == "int8"

    @property
    def error_compensated(self) -> bool:
        """Whether weights are settled together on calibration windows, where there are any."""
        return self.calibration > 0 and not self.methods

    @property
    def compressed(self) -> bool:
        """Whether weights are stored as anything but float numbers in full."""
        return self.sparsity > 0 or not self.weights.startswith("float")


_F32, _F16 = "float32", "float16"
_TENSOR, _CHANNEL, _BLOCK = "per-tensor", "per-channel", "per-block"

# Figures of `har` (520,486 parameters), one thread, LiteRT 2.3 on x86-64: docs/how-to/export.md.
_INT16X8 = "its kernels are reference code: 300 times the time of int8, 100 times that of float32"
_INT4 = "half the bytes of int8 and 4 times its time: LiteRT has no fast kernels for 4-bit weights"

_TFLITE = (
    Scheme("float32", _F32, _F32),
    Scheme("float16", _F16, _F16),
    Scheme("dynamic", "int8", _F32, _CHANNEL),
    Scheme("int8", "int8", "int8", _CHANNEL, calibration=500, methods=CALIBRATION_METHODS),
    Scheme(
        *("int4", "int4", "int8", _CHANNEL),
        calibration=500,
        methods=CALIBRATION_METHODS,
        caution=_INT4,
    ),
    Scheme(
        *("int16x8", "int8", "int16", _CHANNEL),
        calibration=500,
        methods=(MINMAX,),
        caution=_INT16X8,
    ),
)
_COREML = (
    Scheme("float16", _F16, _F16, first="iOS15"),
    Scheme("float32", _F32, _F32, first="iOS15"),
    Scheme("int8", "int8", _F16, _CHANNEL, first="iOS16"),
    Scheme("int4", "int4", _F16, _BLOCK, first="iOS18"),
    Scheme(
        *("w8a8", "int8", "int8", _CHANNEL),
        first="iOS17",
        calibration=500,
        methods=(MSE, PERCENTILE, MINMAX),
    ),
    Scheme("palette8", "uint8", _F16, _TENSOR, True, 0.0, "iOS16", 500),
    Scheme("palette6", "uint6", _F16, _TENSOR, True, 0.0, "iOS16", 500),
    Scheme("palette4", "uint4", _F16, _TENSOR, True, 0.0, "iOS16", 500),
    Scheme("palette3", "uint3", _F16, _TENSOR, True, 0.0, "iOS18", 500),
    Scheme("palette2", "uint2", _F16, _TENSOR, True, 0.0, "iOS16", 500),
    Scheme("palette1", "uint1", _F16, _TENSOR, True, 0.0, "iOS16", 500),
    Scheme("pruned50", _F16, _F16, "", False, 0.5, "iOS16", 500),
    Scheme("pruned75", _F16, _F16, "", False, 0.75, "iOS16", 500),
    Scheme("pruned50-int8", "int8", _F16, _CHANNEL, False, 0.5, "iOS18", 500),
    Scheme("pruned75-int8", "int8", _F16, _CHANNEL, False, 0.75, "iOS18", 500),
    Scheme("pruned50-palette4", "uint4", _F16, _TENSOR, True, 0.5, "iOS18", 500),
    Scheme("pruned75-palette4", "uint4", _F16, _TENSOR, True, 0.75, "iOS18", 500),
)
SCHEMES: dict[Target, dict[str, Scheme]] = {
    Target.TFLITE: {scheme.name: scheme for scheme in _TFLITE},
    Target.COREML: {scheme.name: scheme for scheme in _COREML},
}
"""Every scheme of every target. A `-` in a name joins what is done one after the other."""


REFUSED: dict[tuple[Target, str], str] = {
    (Target.TFLITE, "int2"): (
        "three levels a weight leave har 57 % of test windows right instead of 95 % (1.7 dB), and "
        "ai-edge-quantizer 0.10 leaves convolutions in float32 under that name (2,086,432 bytes)"
    ),
}
"""Schemes that others offer and that do not work, with the figure why."""


def parse_target(name: str) -> Target:
    """A target by its name or alias.

    Raises:
        UsageError: no such target.
    """
    if name in TARGET_ALIASES:
        return TARGET_ALIASES[name]
    try:
        return Target(name)
    except ValueError:
        choices = ", ".join([*Target, *TARGET_ALIASES])
        raise UsageError(f"unknown target '{name}'", f"choose one of: {choices}") from None
