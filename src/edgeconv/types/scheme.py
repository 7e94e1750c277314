"""Schemes: what precision means for one artifact."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgeconv.errors import UsageError
from edgeconv.types.signal import Sensor


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
DEFAULT_SENSOR = {Target.TFLITE: Sensor.ANDROID, Target.COREML: Sensor.IOS}
ENDINGS = {Target.TFLITE: ".tflite", Target.COREML: ".mlpackage"}


@dataclass(frozen=True)
class Scheme:
    """Number formats of one exported file.

    Attributes:
        weights, activations: element types inside the file.
        granularity: `per-tensor` or `per-channel` weight scales; empty for floats.
        calibration: windows of training subjects that set activation ranges; 0 for none.
    """

    name: str
    weights: str
    activations: str
    granularity: str = ""
    calibration: int = 0

    @property
    def needs_calibration(self) -> bool:
        return self.calibration > 0


_ALL = (
    Scheme("float32", "float32", "float32"),
    Scheme("float16", "float16", "float16"),
    Scheme("dynamic", "int8", "float32", "per-channel"),
    Scheme("int8", "int8", "int8", "per-channel", 500),
    Scheme("int16x8", "int8", "int16", "per-channel", 500),
)
SCHEMES: dict[str, Scheme] = {scheme.name: scheme for scheme in _ALL}

# Names of the contract that later work fills in: known, but no exporter makes them yet.
PLANNED_SCHEMES = ("int4", "palette8", "palette6", "palette4", "w8a8")


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
