"""Results with generated timings: what a shared machine does to a file of known speed."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeconv.core import (
    MachineInfo,
    ProfileResult,
    Status,
)
from edgeconv.profiling.statistics import summary

MACHINE = MachineInfo(processor="test", architecture="x86_64", cores=2, system="Linux 6.1")
KERNELS_US = {"product": 40.0, "copy": 30.0}


def machine_states(seed: int, rounds: int = 40, load: float = 0.3) -> list[float]:
    """How slow the machine is in each round: spells of a neighbour's load, and small drift."""
    random = np.random.default_rng(seed)
    level = random.choice([1.0, 1.2, 1.5])  # this run's clock
    states, busy = [], False
    for _ in range(rounds):
        busy = bool(random.random() < (0.7 if busy else load / 3))
        states.append(float(level * (1.4 if busy else 1.0) * random.normal(1.0, 0.01)))
    return states


def result(
    us: float,
    seed: int,
    states: list[float] | None = None,
    name: str = "har_int8.tflite",
    per_round: int = 8,
    **changes: Any,
) -> ProfileResult:
    """A file that takes `us` on an idle machine; interrupts make some inferences much longer."""
    states = machine_states(seed) if states is None else states
    random = np.random.default_rng(1000 + seed)
    rounds = []
    for state in states:
        noise = random.lognormal(0.0, 0.01, per_round)
        noise[random.random(per_round) < 0.03] *= 8
        rounds.append([float(v) for v in us * state * noise])
    samples = tuple(v for values in rounds for v in values)
    reference = {
        kernel: tuple(float(kernel_us * s * random.normal(1.0, 0.02)) for s in states)
        for kernel, kernel_us in KERNELS_US.items()
    }
    fields: dict[str, Any] = {
        "artifact": name,
        "sha256": "a" * 64,
        "scheme": "int8",
        "target": "tflite",
        "runtime": "litert",
        "kernels": "XNNPACK",
        "status": Status.PASSED,
        "bytes": 1,
        "latency_us": summary(samples),
        "samples_us": samples,
        "rounds": tuple(map(len, rounds)),
        "reference_us": reference,
        "machine": MACHINE,
    }
    return ProfileResult(**{**fields, **changes})
