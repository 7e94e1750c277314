"""The values that a package's templates can use: context of the contract, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeconv.core import Artifact, Signal
from edgeconv.integration.stream import StreamSettings
from edgeconv.integration.test_streams import source_factor


@dataclass(frozen=True, eq=False)
class TemplateContext:
    """One artifact, and how an app uses it.

    Attributes:
        artifact: the file that the package contains.
        sensor_hz: the rate that the app asks its sensor for.
        source_unit, source_sign: of the readings of the platform's sensor.
        document: the test streams, as `stream.json` has them.
        version: of edgeconv.
        arena_bytes: size of tflite-micro's arena; None if it was not measured.
    """

    artifact: Artifact
    sensor_hz: float
    source_unit: str
    source_sign: str
    document: dict[str, Any]
    version: str
    arena_bytes: int | None = None

    @property
    def signal(self) -> Signal:
        return self.artifact.signal

    @property
    def stream(self) -> StreamSettings:
        """The settings of the package's stream."""
        signal = self.signal
        factor = source_factor(self.source_unit, self.source_sign, signal)
        return StreamSettings(signal.rate_hz, signal.window, signal.step, self.sensor_hz, factor)

    def slots(self) -> dict[str, Any]:
        """The slots that every platform's templates have."""
        signal, stream = self.signal, self.stream
        return {
            "artifact": self.artifact.name,
            "model": self.artifact.path.stem,
            "sha256": self.artifact.sha256,
            "scheme": self.artifact.scheme,
            "inputs": self.artifact.inputs,
            "outputs": self.artifact.outputs,
            "labels": signal.labels,
            "channels": signal.channels,
            "rate_hz": signal.rate_hz,
            "window": signal.window,
            "step": signal.step,
            "unit": signal.unit,
            "sign": signal.sign,
            "sensor": str(signal.sensor),
            "sensor_hz": self.sensor_hz,
            "source_unit": self.source_unit,
            "source_sign": self.source_sign,
            "factor": stream.factor,
            "oversampling": stream.oversampling,
            "max_gap_ns": stream.max_gap_ns,
            "closest_ns": stream.closest_ns,
            "warm_up_s": (stream.tap_count - 1) * stream.spacing_ns / 1e9,
            "logits": self.document["contract"]["outputs"] == "logits",
            "alpha": self.document["decision"]["alpha"],
            "hysteresis": self.document["decision"]["hysteresis"],
            "version": self.version,
        }
