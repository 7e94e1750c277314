"""How fast and how large a file is, where its time goes, and whether it got slower."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from edgeconv.core.json_codec import decode_fields, encode_fields
from edgeconv.core.provenance import MachineInfo
from edgeconv.core.results import Status


@dataclass(frozen=True)
class OpProfile:
    """One operation of a file, or some successive ones that were timed together.

    Attributes:
        first: position of the (first) operation in the file's order.
        count: how many operations stand here.
        kind, name: of the operation; several kinds are joined by ` + `.
        macs: multiply-accumulates of one inference.
        bytes: of the tensors that it reads and writes, weights included.
        us: time of one inference; None where it was not timed.
        interval_us: 95 % interval of `us`; if it contains 0, the time may be 0.
    """

    first: int
    kind: str
    name: str
    macs: int
    bytes: int
    count: int = 1
    us: float | None = None
    interval_us: tuple[float, float] | None = None

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: operations (two a multiply-accumulate) for each byte moved."""
        return 2 * self.macs / self.bytes if self.bytes else 0.0

    @property
    def gflops(self) -> float | None:
        """Billions of operations a second; None where it was not timed or is no arithmetic."""
        return 2e-3 * self.macs / self.us if self.us and self.macs else None


@dataclass(frozen=True)
class Peaks:
    """What this machine reaches at most, measured: the roofs that an operation is held against.

    `gflops` is float32 arithmetic, `int8_gflops` that of 8-bit integers where an engine with such
    kernels was measured. `memory_gbs` and `cache_gbs` are a copy (bytes read plus bytes written a
    second) that does not, and that does, fit into the caches.
    """

    threads: int
    gflops: float
    memory_gbs: float
    cache_gbs: float
    int8_gflops: float | None = None
    method: str = ""


@dataclass(frozen=True)
class ProfileResult:
    """How fast and how large one artifact is, on the machine or device that is named in it.

    Attributes:
        latency_us: p50, p90, p99, mean, min, max of `samples_us`.
        samples_us: one inference each, microseconds, in the order they were taken.
        rounds: how many successive samples belong to each round; files take turns by rounds.
        interval_us: 95 % bootstrap interval of p50, rounds resampled.
        reference_us: median time of each calibration kernel in each round: how fast the machine
            was just then.
        load_us, first_us: medians of the `cold` samples: opening the file, its first inference.
        memory: bytes of the process that ran the file (`rss_…`), the arena of tflite-micro; what
            could not be measured has its reason under `<key>_reason`.
        macs: multiply-accumulates of one inference.
        peak_tensor_bytes: largest sum of activation tensors alive at once.
        device: empty for the machine in `machine`, else the device that ran the file; `machine`
            then describes that device.
        details: what a device's own tool said besides.
    """

    artifact: str
    sha256: str
    scheme: str
    target: str
    runtime: str
    status: Status
    bytes: int
    threads: int = 1
    warmup: int = 0
    settled: bool = True
    kernels: str = ""
    version: str = ""
    latency_us: dict[str, float] = field(default_factory=dict)
    samples_us: tuple[float, ...] = ()
    rounds: tuple[int, ...] = ()
    interval_us: tuple[float, float] | None = None
    reference_us: dict[str, tuple[float, ...]] = field(default_factory=dict)
    load_us: float | None = None
    first_us: float | None = None
    cold: dict[str, tuple[float, ...]] = field(default_factory=dict)
    parameters: int | None = None
    macs: int | None = None
    peak_tensor_bytes: int | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    ops: tuple[OpProfile, ...] = ()
    ops_method: str = ""
    peaks: Peaks | None = None
    reason: str = ""
    device: str = ""
    machine: MachineInfo = field(default_factory=MachineInfo)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def by_round(self) -> tuple[tuple[float, ...], ...]:
        """`samples_us` round by round; each sample is one where no rounds were recorded."""
        sizes = self.rounds or (1,) * len(self.samples_us)
        found, at = [], 0
        for size in sizes:
            found.append(self.samples_us[at : at + size])
            at += size
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        return encode_fields(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ProfileResult:
        """Read what `to_json` wrote.

        Raises:
            ValueError: it is not a profile, or its rounds do not add up to its samples.
        """
        result = decode_fields(cls, data)
        if result.rounds and sum(result.rounds) != len(result.samples_us):
            raise ValueError("the rounds do not add up to the samples")
        return result


class Change(StrEnum):
    """What a comparison with a baseline amounts to."""

    SLOWER = "slower"
    FASTER = "faster"
    SAME = "same"
    UNCLEAR = "unclear"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True)
class Comparison:
    """One artifact against its baseline.

    `ratio` is the artifact's p50 over the baseline's, `low` and `high` its 99 % interval, `limit`
    the ratio above which the whole interval must lie for `slower` (below its inverse: `faster`).
    `samples` says how the two were timed.
    """

    artifact: str
    baseline: str
    change: Change
    limit: float
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    samples: str = ""
    reason: str = ""

    @property
    def status(self) -> Status:
        """Slower fails; what could not be compared did not run; all else passes."""
        if self.change is Change.NOT_COMPARED:
            return Status.NOT_RUN
        return Status.FAILED if self.change is Change.SLOWER else Status.PASSED

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "status": str(self.status)}
