"""The sensor contract: what the numbers in a window mean, and how to make them from a recording.

The *canonical* signal of this project is acceleration with gravity in m/s², Android's sign (a phone
lying flat on its back reads +9.81 on z); further channels are in the units of `channels.py`. Every
data set is converted to it once, when it is loaded. A `Signal` says what one model or artifact
takes instead, and `encode` converts canonical windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from edgeconv.core.affine import AffineMap
from edgeconv.core.channels import (
    STANDARD_GRAVITY,
    GravitySource,
    SensorKind,
    Triad,
    kinds_of_names,
    triads,
)
from edgeconv.core.json_codec import damage
from edgeconv.core.schema_v1 import upgrade_contract
from edgeconv.errors import BadInput, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCHEMA_VERSION = 4
"""Of a contract as JSON. Version 1, which names no version, and all later ones are still read."""
_WITH_KINDS = 3  # is written where a channel is another sensor's and the file gives no embedding
_WITHOUT_KINDS = 2  # is written where every channel is an accelerometer's

EMBEDDING = "embedding"
"""What the output with the input of the last dense layer is called, in every file format."""


class InputConvention(StrEnum):
    """Whose numbers a model takes as its input."""

    ANDROID = "android"  # TYPE_ACCELEROMETER: m/s², gravity included
    IOS = "ios"  # CMAccelerometerData: g, gravity included, the opposite sign of Android's
    NORMALIZED = "normalized"  # (canonical − mean) / std, as the network was trained


# One unit of the sensor's own reading per m/s² of the canonical signal, of accelerations.
CANONICAL_TO_SENSOR = {InputConvention.ANDROID: 1.0, InputConvention.IOS: -1.0 / STANDARD_GRAVITY}
UNITS = {
    InputConvention.ANDROID: "m/s^2",
    InputConvention.IOS: "g",
    InputConvention.NORMALIZED: "standard deviations",
}


@dataclass(frozen=True)
class Normalization:
    """Per-channel standardisation `(x − mean) / std` of the canonical signal."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std):
            raise UsageError(
                "normalization: mean and std differ in length",
                "give one mean and one std a channel",
            )
        if not all(s > 0 for s in self.std):
            raise UsageError(
                f"normalization: every std must be above 0, got {self.std}",
                "a channel with a std of 0 never changes: leave it out, or give it std 1",
            )


_JOINERS = dict.fromkeys(map(ord, "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"))
"""Invisible, and part of words in Persian and Indic scripts and of emoji."""


def label_faults(labels: Sequence[str]) -> list[str]:
    """What makes class names unusable, one sentence a fault.

    They are the lines of a list, the keys of a dictionary and the names that data are matched by.
    """
    faults = []
    for i, label in enumerate(labels):
        if not label.strip():
            faults.append(f"class name number {i} is blank")
        elif len(label.splitlines()) > 1 or not label.translate(_JOINERS).isprintable():
            faults.append(f"class name {label!r} holds a line break or another control character")
        elif label in labels[:i]:
            faults.append(f"class name '{label}' is there twice")
    return faults


def check_labels(labels: Sequence[str], where: str) -> None:
    """Raises BadInput for class names that are blank, there twice or hold a line break."""
    for fault in label_faults(labels):
        raise BadInput(f"{where}: {fault}", "give each class a name of its own, on one line")


@dataclass(frozen=True)
class Signal:
    """The contract between a phone's sensor and a model's input.

    Attributes:
        channels: names, in memory order within one time step.
        rate_hz: sampling rate that the window is made of.
        window, step: time steps in a window, and between the starts of two windows.
        labels: class names in the order of the output.
        sensor: whose numbers the input takes (unit and sign follow from it).
        normalization: statistics of the training subjects, None where a model has none.
        kinds: what each channel measures; empty: as the names of the channels say, and those of
            three channels are an accelerometer's.
        gravity: what told gravity and linear acceleration apart; None where it is not known, or no
            channel is one of them.
        embedding: size of a file's output `embedding`, what the last dense layer reads; 0 where
            the file has no such output, and in a Keras model's own contract.
    """

    channels: tuple[str, ...] = ("x", "y", "z")
    rate_hz: float = 20.0
    window: int = 80
    step: int = 40
    labels: tuple[str, ...] = ()
    sensor: InputConvention = InputConvention.ANDROID
    normalization: Normalization | None = None
    layout: str = "time-major"  # x0 y0 z0 x1 y1 z1 …; the only layout there is
    kinds: tuple[SensorKind, ...] = ()
    gravity: GravitySource | None = None
    embedding: int = 0

    def __post_init__(self) -> None:
        if self.layout != "time-major":
            raise BadInput(f"sensor contract: unknown layout '{self.layout}'", "use time-major")
        if self.window < 1 or self.step < 1 or not self.rate_hz > 0:
            raise BadInput(
                "sensor contract: window, step and rate must be positive",
                "window and step count time steps, the rate is in Hz",
            )
        if self.embedding < 0:
            raise BadInput(
                f"sensor contract: an embedding has no {self.embedding} values",
                "leave it out, or give the size of the file's output",
            )
        if self.normalization and len(self.normalization.mean) != len(self.channels):
            raise BadInput(
                "sensor contract: normalization and channels differ in length",
                "give one mean and one std a channel",
            )
        if self.kinds and len(self.kinds) != len(self.channels):
            raise BadInput(
                "sensor contract: kinds and channels differ in length", "give one kind a channel"
            )
        if set(self.kinds) == {SensorKind.ACCELEROMETER} and len(self.channels) <= 3:
            object.__setattr__(self, "kinds", ())  # one way to say it, so that contracts compare
        if not {SensorKind.GRAVITY, SensorKind.LINEAR_ACCELERATION} & set(self.channel_kinds):
            object.__setattr__(self, "gravity", None)
        check_labels(self.labels, "sensor contract")

    @property
    def channel_kinds(self) -> tuple[SensorKind | None, ...]:
        """What each channel measures, None where neither the contract nor its name says so."""
        return self.kinds or kinds_of_names(self.channels)

    @property
    def triads(self) -> tuple[Triad, ...]:
        """The sensors with three axes that all channels are of; see `channels.triads`."""
        return triads(self.channels, self.channel_kinds)

    @property
    def accelerometer_only(self) -> bool:
        """Whether all channels are those of one accelerometer, gravity included."""
        return set(self.channel_kinds) == {SensorKind.ACCELEROMETER}

    def columns_of(self, kind: SensorKind) -> tuple[int, ...]:
        """The places of the channels that measure this."""
        return tuple(n for n, other in enumerate(self.channel_kinds) if other is kind)

    @property
    def channel_units(self) -> tuple[str, ...]:
        """The unit of each channel as the input expects it; empty where it has none of its own."""
        normalized = self.sensor is InputConvention.NORMALIZED
        return tuple(
            self.unit if normalized or kind is None or kind.is_acceleration else kind.unit
            for kind in self.channel_kinds
        )

    @property
    def plain_tensors(self) -> bool:
        """True where nothing is known of the sensor: the input is what the model expects."""
        return self.sensor is InputConvention.NORMALIZED and self.normalization is None

    @property
    def flat_size(self) -> int:
        """Length of one flat input vector: window × channels."""
        return self.window * len(self.channels)

    @property
    def unit(self) -> str:
        return UNITS[self.sensor]

    @property
    def sign(self) -> str:
        """`android` or `ios`: which way gravity points in the readings."""
        return "ios" if self.sensor is InputConvention.IOS else "android"

    @property
    def normalization_folded(self) -> bool:
        """True where the file itself normalizes, so that it takes a sensor's raw readings."""
        return self.sensor is not InputConvention.NORMALIZED and self.normalization is not None

    def for_sensor(self, sensor: InputConvention) -> Signal:
        return replace(self, sensor=sensor)

    def affine(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Per-channel `(scale, offset)` with `input = canonical · scale + offset`."""
        import numpy as np

        n = len(self.channels)
        if self.sensor is not InputConvention.NORMALIZED:
            return np.array(self._sensor_factors()), np.zeros(n)
        if self.normalization is None:
            return np.ones(n), np.zeros(n)
        std = np.asarray(self.normalization.std, np.float64)
        return 1.0 / std, -np.asarray(self.normalization.mean, np.float64) / std

    def _sensor_factors(self) -> list[float]:
        """A platform's convention changes accelerations; other sensors read the same on all."""
        factor = CANONICAL_TO_SENSOR[self.sensor]
        kinds = self.channel_kinds
        if factor != 1.0 and None in kinds:
            unknown = [c for c, kind in zip(self.channels, kinds, strict=True) if kind is None]
            raise BadInput(
                f"sensor contract: sensor '{self.sensor}' changes unit and sign of accelerations, "
                f"but nothing says what {', '.join(unknown)} measure",
                "give the contract the kinds of its channels (accelerometer, gyroscope, …), or "
                "use --sensor android or normalized",
            )
        return [factor if kind is None or kind.is_acceleration else 1.0 for kind in kinds]

    def affine_to(self, other: Signal) -> AffineMap:
        """What turns this contract's input into that of `other`, for each channel.

        With `input = canonical·a + b` here and `canonical·p + q` there, the other input is
        `input·(p/a) + (q − b·p/a)`.
        """
        (a, b), (p, q) = self.affine(), other.affine()
        return AffineMap(p / a, q - b * p / a)

    def encode(self, canonical: NDArray[np.float32]) -> NDArray[np.float32]:
        """Canonical windows (n, window·channels) as this contract's input, float32.

        Raises:
            BadInput: the windows have another length than the contract says.
        """
        import numpy as np

        if canonical.ndim != 2 or canonical.shape[1] != self.flat_size:
            raise BadInput(
                f"windows of shape {canonical.shape} do not fit a contract of {self.window} time "
                f"steps × {len(self.channels)} channels = {self.flat_size} values",
                "cut the recordings into windows of this length, with these channels",
            )
        scale, offset = self.affine()
        steps = canonical.reshape(-1, self.window, len(self.channels)).astype(np.float64)
        return (steps * scale + offset).astype(np.float32).reshape(canonical.shape)

    def to_json(self) -> dict[str, Any]:
        """What is written into every artifact; unit and sign are there for a human reader.

        `kinds` and `channel_units` stand in contracts with other channels than an accelerometer's,
        `gravity` where it is known, `embedding` where the file gives one.
        """
        fields = asdict(self)
        kinds, gravity = fields.pop("kinds"), fields.pop("gravity")
        embedding = fields.pop("embedding")
        version = _WITH_KINDS if kinds else _WITHOUT_KINDS
        more = {"kinds": list(kinds), "channel_units": list(self.channel_units)} if kinds else {}
        more |= {"gravity": gravity} if gravity else {}
        more |= {"embedding": embedding} if embedding else {}
        return {
            "schema_version": SCHEMA_VERSION if embedding else version,
            **fields,
            **more,
            "unit": self.unit,
            "sign": self.sign,
            "normalization_folded": self.normalization_folded,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Signal:
        """Read what `to_json` wrote, in this schema version or an older one.

        Raises:
            BadInput: a field is missing, contradicts another, or the schema is newer than this.
        """
        version = data.get("schema_version", 1)
        if version not in range(1, SCHEMA_VERSION + 1):
            raise BadInput(
                f"sensor contract has schema version {version}, but this edgeconv reads versions "
                f"1 to {SCHEMA_VERSION}",
                "install a newer edgeconv",
            )
        if version == 1:
            data = upgrade_contract(data)
        try:
            norm = data["normalization"]
            signal = cls(
                channels=tuple(data["channels"]),
                rate_hz=float(data["rate_hz"]),
                window=int(data["window"]),
                step=int(data["step"]),
                labels=tuple(data["labels"]),
                sensor=InputConvention(data["sensor"]),
                normalization=norm
                and Normalization(tuple(map(float, norm["mean"])), tuple(map(float, norm["std"]))),
                layout=data["layout"],
                kinds=tuple(map(SensorKind, data.get("kinds", ()))),
                gravity=GravitySource(data["gravity"]) if "gravity" in data else None,
                embedding=int(data.get("embedding", 0)),
            )
        except (OverflowError, KeyError, TypeError, ValueError) as error:
            raise BadInput(
                f"sensor contract is damaged: {damage(error)}",
                "export the model again, or describe the signal in a TOML with --signal",
            ) from error
        written = signal.to_json()
        for name in ("unit", "sign", "channel_units"):
            if name in data and data[name] != written.get(name, data[name]):
                raise BadInput(
                    f"sensor contract contradicts itself: {name} is '{data[name]}', "
                    f"but sensor '{signal.sensor}' means '{written[name]}'",
                    "export the model again, or describe the signal in a TOML with --signal",
                )
        return signal
