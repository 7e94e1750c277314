"""The values that a package's templates can use: context of the contract, nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from edgeconv.core import Artifact, SensorKind, Signal
from edgeconv.integration.device_vectors import make_device_document
from edgeconv.integration.identifiers import check_name
from edgeconv.integration.sensors import SensorPlan, plan_of, settling_steps, source_factor
from edgeconv.integration.stream import SensorSettings, StreamSettings
from edgeconv.integration.updates import NAME, contract_sha256
from edgeconv.integration.vectors import write_document


@dataclass(frozen=True)
class AppOptions:
    """How an app uses the model.

    Attributes:
        name: of the model in the app, so that two models fit into one; empty: the only one.
        sensor_hz: what it asks the sensors for; None: the platform's default.
        update_key: with which updates are verified: base64 of the SubjectPublicKeyInfo; empty: the
            app takes none.
    """

    name: str = ""
    sensor_hz: float | None = None
    update_key: str = ""

    def __post_init__(self) -> None:
        if self.name:
            check_name(self.name)

    def slots(self) -> dict[str, str]:
        """The slots that are the same for every kind of package."""
        return {"name": self.name or NAME, "update_key": self.update_key}


@dataclass(frozen=True, eq=False)
class Companion:
    """A second file of the same model, for systems that run a newer format.

    Attributes:
        artifact: the file.
        self_test: what the device tests it with, as `selftest.json` has it.
    """

    artifact: Artifact
    self_test: dict[str, object]


@dataclass(frozen=True, eq=False)
class TemplateContext:
    """One artifact, and how an app uses it.

    Attributes:
        artifact: the file that the package contains.
        sensor_hz: the rate that the app asks its sensor for.
        source_unit, source_sign: of the accelerations that the platform's sensors give.
        rotation_unit: of the angular velocities.
        document: the test streams, as `stream.json` has them.
        version: of edgeconv.
        arena_bytes: size of tflite-micro's arena; None if it was not measured.
        self_test: what the device tests the model with, as `selftest.json` has it.
        app: how the app uses it.
        model_version: of the bundle's release; 0: it has none.
        companion: a second file of the model; None: the bundle has none that the platform takes.
    """

    artifact: Artifact
    sensor_hz: float
    source_unit: str
    source_sign: str
    document: dict[str, Any]
    version: str
    rotation_unit: str = "rad/s"
    arena_bytes: int | None = None
    self_test: dict[str, object] = field(default_factory=dict)
    app: AppOptions = field(default_factory=AppOptions)
    model_version: int = 0
    companion: Companion | None = None

    @property
    def signal(self) -> Signal:
        return self.artifact.signal

    @cached_property
    def device(self) -> dict[str, Any]:
        """The document `device.json`."""
        return make_device_document(self.signal)

    @property
    def plan(self) -> SensorPlan:
        return plan_of(self.signal)

    @property
    def stream(self) -> StreamSettings:
        """The settings of the package's stream."""
        signal = self.signal
        sensors = tuple(
            SensorSettings(
                kind,
                self.sensor_hz,
                source_factor(
                    kind,
                    self._unit_of(kind),
                    self.source_sign,
                    signal,
                ),
            )
            for kind in self.plan.kinds
        )
        return StreamSettings(
            signal.rate_hz, signal.window, signal.step, sensors, self.plan.channels
        )

    def _unit_of(self, kind: SensorKind) -> str:
        return self.source_unit if kind.is_acceleration else self.rotation_unit

    def _contract_units(self) -> str:
        """What the model takes, in words."""
        accelerations = f"{self.signal.unit}, {self.signal.sign}'s sign"
        if self.signal.accelerometer_only:
            return accelerations
        if SensorKind.GYROSCOPE not in self.plan.kinds:
            return f"accelerations in {accelerations}"
        rotation = f"angular velocity in {SensorKind.GYROSCOPE.unit}"
        return f"accelerations in {accelerations}; {rotation}"

    def slots(self) -> dict[str, Any]:
        """The slots that every platform's templates have."""
        signal, stream, plan = self.signal, self.stream, self.plan
        settling = settling_steps(signal.rate_hz) if plan.splits_gravity else 0
        return {
            "artifact": self.artifact.name,
            "model": self.artifact.path.stem,
            "sha256": self.artifact.sha256,
            "model_bytes": self.artifact.bytes,
            "self_test_bytes": len(write_document(self.self_test).encode()),
            "scheme": self.artifact.scheme,
            "inputs": self.artifact.inputs,
            "outputs": self.artifact.outputs,
            "labels": signal.labels,
            "embedding": signal.embedding,
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
            "factor": stream.sensors[0].factor,
            "rotation_unit": self.rotation_unit,
            "sensors": stream.sensors,
            "several": len(stream.sensors) > 1,
            "source_units": [self._unit_of(kind) for kind in plan.kinds],
            "contract_units": self._contract_units(),
            "kinds": [str(kind) for kind in plan.kinds],
            "sources": plan.channels,
            "splits_gravity": plan.splits_gravity,
            "settling_steps": settling,
            "settling_s": settling / signal.rate_hz,
            "oversampling": stream.oversampling,
            "max_gap_ns": stream.sensors[0].max_gap_ns,
            "closest_ns": stream.sensors[0].closest_ns,
            "silence_ns": stream.silence_ns,
            "warm_up_s": (stream.tap_count - 1) * stream.spacing_ns / 1e9
            + settling / signal.rate_hz,
            "logits": self.document["contract"]["outputs"] == "logits",
            "alpha": self.document["decision"]["alpha"],
            "hysteresis": self.document["decision"]["hysteresis"],
            "unsure_below": self.document["decision"]["unsure_below"],
            "contract_sha256": contract_sha256(self.document["contract"]),
            "model_version": self.model_version,
            "self_test": self.self_test,
            "companion": self.companion is not None,
            "version": self.version,
            **self.app.slots(),
        }
