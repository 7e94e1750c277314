"""`stream.json`: the expected results of the test streams (docs/explanation/streaming-spec.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edgeconv.core import STANDARD_GRAVITY, InputConvention, Signal
from edgeconv.integration.sensors import plan_of
from edgeconv.integration.smoothing import (
    ALPHA,
    HYSTERESIS,
    UNSURE_BELOW,
    Decider,
    Decision,
    DecisionSettings,
    lowpass,
    oversampling,
)
from edgeconv.integration.stream import Stream, StreamSettings, Window
from edgeconv.integration.test_streams import TestStream, make_test_streams

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    RunModel = Callable[[NDArray[np.float32]], NDArray[np.floating[Any]]]
    """Inputs of the artifact (n, window·channels) to its outputs (n, classes)."""

FORMAT, VERSION = "edgeconv-streams", 1
OF_SEVERAL_SENSORS = 2
"""Version of a file with several sensors or gravity; that of one accelerometer stays as it was."""
VALUE_TOLERANCE = 1e-4
"""m/s². Numbers of up to 80 m/s² in float32 are off by 2.4e-6 each; conversion, a cubic (its
weights' sizes add up to at most 1.25) and the filter (1.7) leave below 2e-5."""

_SLACK = 1e-3  # rounding of a probability


def make_document(
    signal: Signal,
    artifact: str,
    sha256: str,
    run_model: RunModel,
    probability_tolerance: float,
    golden: NDArray[np.float32] | None,
) -> dict[str, Any]:
    """Every stream with its expected results, ready to be written as JSON.

    Args:
        signal: the artifact's contract (android or ios).
        run_model: runs the artifact.
        probability_tolerance: by how much another device's probabilities may differ.
        golden: canonical windows of the bundle, in m/s²; None if it has none.
    """
    cases = make_test_streams(signal, golden)
    logits = gives_logits(run_model, signal, golden)
    gravity = STANDARD_GRAVITY if signal.sensor is InputConvention.IOS else 1.0
    return {
        "format": FORMAT,
        "schema_version": OF_SEVERAL_SENSORS if _has_several(signal) else VERSION,
        "artifact": {"name": artifact, "sha256": sha256},
        "contract": contract_entry(signal, logits),
        "decision": {"alpha": ALPHA, "hysteresis": HYSTERESIS, "unsure_below": UNSURE_BELOW},
        "tolerance": {
            "value": VALUE_TOLERANCE / gravity,
            "probability": probability_tolerance,
            "smoothed": 1e-6,
        },
        "filters": [_filter(hz, signal) for hz in sorted(_rates(cases))],
        "streams": [
            _stream(case, signal, logits, run_model, probability_tolerance) for case in cases
        ],
        "decisions": [_updates(*case) for case in DECISIONS],
    }


def contract_entry(signal: Signal, logits: bool) -> dict[str, object]:
    """The contract as packages have it; its digest says whether an update fits."""
    plan = plan_of(signal)
    several = _has_several(signal)
    return {
        "channels": list(signal.channels),
        "rate_hz": signal.rate_hz,
        "window": signal.window,
        "step": signal.step,
        "unit": signal.unit,
        "sign": signal.sign,
        "labels": list(signal.labels),
        "outputs": "logits" if logits else "probabilities",
        **({"sensors": list(plan.kinds), "sources": _sources(signal)} if several else {}),
    }


def _has_several(signal: Signal) -> bool:
    """Whether there is more than an accelerometer."""
    plan = plan_of(signal)
    return len(plan.kinds) > 1 or plan.splits_gravity


def write_document(document: Mapping[str, object]) -> str:
    """The document as compact JSON text."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def gives_logits(run_model: RunModel, signal: Signal, golden: NDArray[np.float32] | None) -> bool:
    """Whether the artifact's outputs need softmax, judged by their values.

    A probability lies in [0, 1], and logits of several windows never all do; parity uses
    the same rule for other files.
    """
    import numpy as np

    windows = np.zeros((1, signal.flat_size), np.float32) if golden is None else golden
    outputs = np.asarray(run_model(signal.encode(windows)), np.float64)
    return bool(outputs.min() < -_SLACK or outputs.max() > 1 + _SLACK)


def _sources(signal: Signal) -> list[dict[str, Any]]:
    """Of each channel: place of its sensor, axis, and what of it."""
    return [asdict(source) for source in plan_of(signal).channels]


def _rates(cases: Sequence[TestStream]) -> set[float]:
    return {hz for case in cases for hz in (case.sensor_hz, case.further_hz) if hz}


def _filter(hz: float, signal: Signal) -> dict[str, Any]:
    factor = oversampling(hz, signal.rate_hz)
    return {"sensor_hz": hz, "oversampling": factor, "taps": lowpass(factor)}


def _stream(
    case: TestStream, signal: Signal, logits: bool, run_model: RunModel, tolerance: float
) -> dict[str, Any]:
    stream = Stream(case.settings(signal))
    of = case.sensors or (0,) * len(case.samples)
    windows = []
    for position, (sample, sensor) in enumerate(zip(case.samples, of, strict=True)):
        if position in case.restart_before:
            stream.restart()
        windows += stream.push(sample, sensor)
    counts = asdict(stream.counts)
    silent, waiting = counts.pop("silent"), list(stream.waiting)
    several = len(stream.settings.sensors) > 1
    return {
        "name": case.name,
        "about": case.about,
        "sensor_hz": case.sensor_hz,
        "unit": case.unit,
        "sign": case.sign,
        "factor": stream.settings.sensors[0].factor,
        **({"sensors": _sensors(case, stream.settings)} if several else {}),
        "restart_before": list(case.restart_before),
        "samples": {
            **({"sensor": list(of)} if several else {}),
            "t_ns": [sample[0] for sample in case.samples],
            **{
                name: [_number(sample[i]) for sample in case.samples]
                for i, name in enumerate("xyz", 1)
            },
        },
        "expected": {
            "counts": {**counts, "silent": silent} if several else counts,
            "segment": stream.segment,
            **({"waiting": waiting} if several else {}),
            "windows": _expected_windows(windows, logits, run_model, tolerance),
        },
    }


def _sensors(case: TestStream, settings: StreamSettings) -> list[dict[str, Any]]:
    return [
        {
            "kind": sensor.kind,
            "hz": sensor.hz,
            "unit": case.unit if sensor.kind.is_acceleration else case.rotation_unit,
            "factor": sensor.factor,
        }
        for sensor in settings.sensors
    ]


def _expected_windows(
    windows: Sequence[Window], logits: bool, run_model: RunModel, tolerance: float
) -> list[dict[str, Any]]:
    """The windows with the artifact's outputs and the decisions on them.

    `sure` says whether a device within the tolerance must decide the same: no lead up to here, in
    this segment, was within twice the tolerance of the required one, and neither is its probability
    of the threshold of being unsure.
    """
    import numpy as np

    if not windows:
        return []
    inputs = np.array([window.values for window in windows], np.float32)
    rows = np.asarray(run_model(inputs), np.float32)
    decider, sure, segment, latest = Decider(DecisionSettings(logits)), True, -1, None
    expected = []
    for window, row in zip(windows, rows, strict=True):
        if window.segment != segment:
            sure, segment, latest = True, window.segment, None
        decision = decider.update(window.segment, row.tolist())
        if decision is None:
            raise ValueError("the artifact's outputs are not finite")
        sure = sure and _margin(decision, latest) > 2 * tolerance
        unsure = abs(decision.probabilities[decision.candidate] - UNSURE_BELOW)
        latest = decision
        expected.append(
            {
                "number": window.number,
                "segment": window.segment,
                "end_ns": window.end_ns,
                "values": shortest(window.values),
                "outputs": shortest(row),
                "smoothed": [round(p, 9) for p in decision.probabilities],
                "decision": decision.candidate,
                "unsure": decision.label is None,
                "sure": sure and unsure > 2 * tolerance,
            }
        )
    return expected


def _margin(decision: Decision, before: Decision | None) -> float:
    """The distance of the smoothed probabilities from another candidate."""
    current = before.candidate if before else decision.candidate
    others = [p for i, p in enumerate(decision.probabilities) if i != current]
    lead = max(others, default=-math.inf) - decision.probabilities[current]
    return abs(lead - (HYSTERESIS if before else 0.0))


_A, _B, _CLOSE = (0.9, 0.1, 0.0), (0.2, 0.8, 0.0), (0.4375, 0.5625, 0.0)
_NAN = (math.nan, 0.5, 0.5)
Updates = tuple[tuple[int, tuple[float, ...]], ...]
DECISIONS: tuple[tuple[str, bool, float, float, Updates], ...] = (
    ("ties go to the first", False, 0.5, 0.1, ((0, (0.25, 0.375, 0.375)),)),
    ("smoothing", False, 0.25, 0.1, ((0, _A), (0, _B), (0, _B), (0, _B), (0, _A))),
    ("only more than the hysteresis", False, 1.0, 0.125, ((0, _A), (0, _CLOSE), (0, _B))),
    ("a new segment forgets", False, 0.5, 0.1, ((0, _A), (0, _A), (1, _CLOSE), (1, _A))),
    ("no run_model", False, 0.5, 0.1, ((0, _NAN), (0, _A), (0, _NAN), (0, _B))),
    ("logits", True, 0.5, 0.1, ((0, (1000.0, 999.0, -1000.0)), (0, (-3.0, 2.5, 0.25)))),
)
"""Name, whether outputs are logits, alpha, hysteresis, and what comes in."""


def _updates(
    name: str, logits: bool, alpha: float, hysteresis: float, updates: Updates
) -> dict[str, Any]:
    decider = Decider(DecisionSettings(logits, alpha, hysteresis, unsure_below=0.0))
    results = []
    for segment, outputs in updates:
        decision = decider.update(segment, outputs)
        results.append(
            {
                "segment": segment,
                "outputs": [_number(value) for value in outputs],
                "label": None if decision is None else decision.candidate,
                "probabilities": None if decision is None else list(decision.probabilities),
            }
        )
    return {
        "name": name,
        "logits": logits,
        "alpha": alpha,
        "hysteresis": hysteresis,
        "updates": results,
    }


def _number(value: float) -> float | None:
    """JSON has no NaN: null stands for it."""
    return value if math.isfinite(value) else None


def shortest(values: Iterable[float]) -> list[float]:
    """The shortest decimals that read back as the same float32."""
    import numpy as np

    return [float(str(np.float32(value))) for value in values]
