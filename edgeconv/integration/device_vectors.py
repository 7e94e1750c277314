"""`device.json`: what the reference does on a device, for the tests of every package.

docs/explanation/device-spec.md explains each part. Updates are signed, so theirs lie in a file that
tools/write_update_scenarios.py wrote.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from edgeconv.core import Signal
from edgeconv.integration.device_cases import (
    APP_VERSIONS,
    CHOICES,
    DECISIONS,
    ENERGY,
    KEY,
    SELF_TESTS,
    STATES,
    TOLERANCE,
    WINDOWS,
    SelfTestCase,
    StreamCase,
    Times,
    Updates,
    stream_cases,
)
from edgeconv.integration.self_test import (
    Record,
    RunVector,
    Vector,
    choose_unit,
    run_self_test,
)
from edgeconv.integration.sensor_states import SensorEvent, SensorMonitor
from edgeconv.integration.sensors import plan_of
from edgeconv.integration.smoothing import Decider, DecisionSettings, EnergySaver, EnergySettings
from edgeconv.integration.stream import SensorSettings, Stream, StreamSettings, Window
from edgeconv.integration.updates import compare_versions
from edgeconv.integration.vectors import shortest

FORMAT, VERSION = "edgeconv-device", 1
UPDATES = Path(__file__).with_name("update_scenarios.json")


def make_device_document(signal: Signal) -> dict[str, Any]:
    """Every vector, ready to be written as JSON.

    Args:
        signal: the contract of the package's artifact.
    """
    return {
        "format": FORMAT,
        "schema_version": VERSION,
        "self_test": {"tests": [_self_test(case) for case in SELF_TESTS]},
        "choice": {"tests": [_choice(*case) for case in CHOICES]},
        "updates": json.loads(UPDATES.read_text("utf-8")),
        "app_versions": [
            {"a": a, "b": b, "order": compare_versions(a, b)} for a, b in pairwise(APP_VERSIONS)
        ],
        "decisions": [_decisions(*case) for case in DECISIONS],
        "streams": [_stream(signal, case) for case in stream_cases(signal)],
        "sensor_states": [_states(*case) for case in STATES],
        "energy": [_energy(*case) for case in ENERGY],
    }


def _self_test(case: SelfTestCase) -> dict[str, object]:
    opened: list[str] = []
    inferences = 0

    def open_unit(unit: str) -> RunVector:
        opened.append(unit)
        stub = case.stubs[unit]
        if isinstance(stub, str):
            raise RuntimeError(stub)
        rows = iter(stub)

        def run(_: Vector) -> Sequence[float]:
            nonlocal inferences
            inferences += 1
            return next(rows)

        return run

    vectors = [Vector(2 * place, row) for place, row in enumerate(case.vectors)]
    record = run_self_test(case.units, vectors, TOLERANCE, KEY, case.record, open_unit)
    passing = record.passing(case.units)
    return {
        "name": case.name,
        "units": list(case.units),
        "tolerance": TOLERANCE,
        "vectors": [{"vector": v.vector, "expected": list(v.expected)} for v in vectors],
        "stubs": {
            unit: {"error": stub} if isinstance(stub, str) else {"outputs": _rows(stub)}
            for unit, stub in case.stubs.items()
        },
        "key": asdict(KEY),
        "record": case.record and _record(case.record),
        "expected": {
            "runs": inferences,
            "opened": opened,
            "passing": list(passing),
            "error": None if passing else "no_unit_passed",
            "units": {
                each.unit: {
                    "status": each.status,
                    "largest": each.largest,
                    "errors": each.errors,
                }
                for each in record.results
            },
        },
    }


def _record(record: Record) -> dict[str, object]:
    """As a device keeps it, without what says where it ran."""
    return {
        "key": asdict(record.key),
        "testing": record.testing,
        "chosen": record.chosen,
        "results": [
            {
                "unit": each.unit,
                "vectors": list(each.vectors),
                "outputs": each.outputs and _rows(each.outputs),
                "status": each.status,
                "largest": each.largest,
                "reason": each.reason,
                "median_ms": each.median_ms,
                "errors": each.errors,
            }
            for each in record.results
        ],
    }


def _choice(name: str, units: tuple[str, ...], times: Times) -> dict[str, object]:
    passing = tuple(unit for unit in units if unit in times)
    chosen, medians = choose_unit(units, passing, times)
    return {
        "name": name,
        "units": list(units),
        "passing": list(passing),
        "times_ms": {unit: list(values) for unit, values in times.items()},
        "expected": {"chosen": chosen, "median_ms": medians},
    }


def _decisions(name: str, settings: DecisionSettings, updates: Updates) -> dict[str, object]:
    decider = Decider(settings)
    results = []
    for segment, outputs in updates:
        decision = decider.update(segment, outputs)
        results.append(
            {
                "segment": segment,
                "outputs": _finite(outputs),
                "candidate": decision and decision.candidate,
                "label": decision and decision.label,
                "probabilities": decision and list(decision.probabilities),
            }
        )
    return {"name": name, **asdict(settings), "updates": results}


def _stream(signal: Signal, case: StreamCase) -> dict[str, object]:
    plan = plan_of(signal)
    sensors = tuple(SensorSettings(kind, case.sensor_hz) for kind in plan.kinds)
    stream = Stream(
        StreamSettings(signal.rate_hz, signal.window, signal.step, sensors, plan.channels)
    )
    windows: list[Window] = []

    def handle(window: Window) -> None:
        windows.append(window)
        if window.number in case.restart_in_handler:
            stream.restart()

    for sample in case.samples:
        for sensor in range(len(sensors)):
            stream.push(sample, sensor, handle)
    return {
        "name": case.name,
        "about": case.about,
        "sensor_hz": case.sensor_hz,
        "sensors": len(sensors),
        "factor": 1.0,
        "restart_in_handler": list(case.restart_in_handler),
        "samples": {
            "t_ns": [sample[0] for sample in case.samples],
            **{axis: [sample[i] for sample in case.samples] for i, axis in enumerate("xyz", 1)},
        },
        "expected": {
            "counts": asdict(stream.counts),
            "segment": stream.segment,
            "rates": [{"delivered_hz": rate.hz, "slow": rate.slow} for rate in stream.rates],
            "windows": [
                {
                    "number": window.number,
                    "segment": window.segment,
                    "end_ns": window.end_ns,
                    "first": shortest(window.values[: len(signal.channels)]),
                    "last": shortest(window.values[-len(signal.channels) :]),
                }
                for window in windows
            ],
        },
    }


def _states(name: str, patience_ns: int, events: str) -> dict[str, object]:
    monitor = SensorMonitor(patience_ns)
    results = []
    for text in events.split(", "):
        word, seconds = text.split()
        slow = word == "slow"
        event, at_ns = SensorEvent("sample" if slow else word), round(float(seconds) * 1e9)
        reaction = monitor.update(event, at_ns, slow)
        results.append({"event": event, "at_ns": at_ns, "slow": slow, **asdict(reaction)})
    return {"name": name, "patience_ns": patience_ns, "events": results}


def _energy(
    name: str, settings: EnergySettings, channels: tuple[int, ...], windows: str
) -> dict[str, object]:
    saver = EnergySaver(settings, channels, width=2)
    results = []
    segment = 0
    for letter in windows.split():
        if letter == "|":
            segment += 1
            continue
        steps = WINDOWS[letter]
        values = [value for step in steps for value in step]
        results.append(
            {
                "segment": segment,
                "values": values,
                "deviation": saver.deviation(values),
                "run": saver.runs(segment, values),
            }
        )
    return {
        "name": name,
        **asdict(settings),
        "channels": list(channels),
        "width": 2,
        "windows": results,
    }


def _rows(rows: Sequence[Sequence[float]]) -> list[list[float | None]]:
    return [_finite(row) for row in rows]


def _finite(row: Sequence[float]) -> list[float | None]:
    """JSON has no NaN: null stands for it, and for infinity."""
    return [value if math.isfinite(value) else None for value in row]
