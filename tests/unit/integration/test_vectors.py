"""The streams that every package is tested with, and what is expected of them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.core import GravitySource, InputConvention, SensorKind, Signal
from edgeconv.integration.sensors import ChannelSource, Part
from edgeconv.integration.stream import CLOSEST_INTERVALS, SensorSettings, Stream, StreamSettings
from edgeconv.integration.test_streams import make_test_streams
from edgeconv.integration.vectors import gives_logits, make_document, write_document

LABELS = ("Jogging", "Sitting", "Standing", "Walking")
SIGNAL = Signal(labels=LABELS)


def answer(inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities from how the readings spread; any sign and unit will do."""
    spread = inputs.reshape(len(inputs), -1, 3).std(axis=1)
    logits = np.concatenate([spread, -spread[:, :1]], axis=1) + 0.3 * np.arange(4)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def golden() -> NDArray[np.float32]:
    chance = np.random.default_rng(3)
    steps = np.cumsum(chance.normal(0, 1, (7, 80, 3)), axis=1) + np.array([0, 0, 9.8])
    return np.asarray(steps, np.float32).reshape(7, 240)


@cache
def document(sensor: InputConvention = InputConvention.ANDROID) -> dict[str, Any]:
    made = make_document(SIGNAL.for_sensor(sensor), "m.tflite", "0" * 64, answer, 0.07, golden())
    read: dict[str, Any] = json.loads(write_document(made))
    return read


def streams(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {stream["name"]: stream for stream in found["streams"]}


def test_the_same_bundle_gives_the_same_bytes_and_not_too_many() -> None:
    texts = [
        write_document(make_document(SIGNAL, "m", "0", answer, 0.07, golden())) for _ in range(2)
    ]
    assert texts[0] == texts[1]
    assert len(texts[0]) < 400_000


@pytest.mark.parametrize("sensor", [InputConvention.ANDROID, InputConvention.IOS])
def test_reading_the_file_gives_back_what_the_reference_does(sensor: InputConvention) -> None:
    """As another language does it: only from what stands in the file."""
    found = document(sensor)
    for stream in found["streams"]:
        contract = found["contract"]
        reference = Stream(
            StreamSettings(
                *(contract["rate_hz"], contract["window"], contract["step"]),
                (SensorSettings(hz=stream["sensor_hz"], factor=stream["factor"]),),
            )
        )
        kept = stream["samples"]
        nan = float("nan")
        windows = []
        for i, row in enumerate(zip(kept["t_ns"], kept["x"], kept["y"], kept["z"], strict=True)):
            if i in stream["restart_before"]:
                reference.restart()
            stamp, *values = row
            x, y, z = (nan if value is None else value for value in values)
            windows += reference.push((stamp, x, y, z))
        expected = stream["expected"]
        counts = vars(reference.counts)
        assert counts == {"silent": 0, **expected["counts"]}
        assert reference.segment == expected["segment"]
        assert [w.end_ns for w in windows] == [w["end_ns"] for w in expected["windows"]]
        for window, wanted in zip(windows, expected["windows"], strict=True):
            np.testing.assert_array_equal(window.values, np.array(wanted["values"], np.float32))


@cache
def of_several(name: str) -> dict[str, Any]:
    """Six channels, nine with gravity of the filter, nine with the phone's, or gravity alone."""
    signal = SEVERAL[name]
    sums = np.arange(1, 1 + len(signal.channels))

    def run(inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        means = inputs.reshape(len(inputs), -1, len(signal.channels)).std(axis=1) @ sums
        scores = np.stack([means, 4 + 0 * means, 9 - means, means / 2], axis=1)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    chance = np.random.default_rng(3)
    steps = np.cumsum(chance.normal(0, 0.3, (3, signal.flat_size)), axis=1)
    canonical = steps.astype(np.float32) if name == "six" else None
    made = make_document(signal, "m.tflite", "0" * 64, run, 0.07, canonical)
    read: dict[str, Any] = json.loads(write_document(made))
    return read


NINE = ("acc_x", "acc_y", "acc_z", "linear_x", "linear_y", "linear_z", "gyro_x", "gyro_y", "gyro_z")
SEVERAL = {
    "six": Signal(("acc_x", "gyro_x", "acc_y", "gyro_y", "acc_z", "gyro_z"), labels=LABELS),
    "filter": Signal(NINE, 50.0, 32, 16, LABELS, gravity=GravitySource.FILTER),
    "system": Signal(NINE, 50.0, 32, 16, LABELS, gravity=GravitySource.SYSTEM).for_sensor(
        InputConvention.IOS
    ),
    "gravity": Signal(
        ("gravity_y",),
        20.0,
        10,
        5,
        LABELS,
        kinds=(SensorKind.GRAVITY,),
        gravity=GravitySource.FILTER,
    ),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_reading_the_file_of_several_sensors_gives_back_what_the_reference_does(name: str) -> None:
    """As another language does it: only from what stands in the file."""
    found = of_several(name)
    contract = found["contract"]
    sources = tuple(
        ChannelSource(source["sensor"], source["axis"], Part(source["part"]))
        for source in contract["sources"]
    )
    for stream in found["streams"]:
        given = stream.get("sensors") or [
            {"kind": "accelerometer", "hz": stream["sensor_hz"], "factor": stream["factor"]}
        ]
        assert [sensor["kind"] for sensor in given] == contract["sensors"]
        sensors = tuple(SensorSettings(SensorKind(s["kind"]), s["hz"], s["factor"]) for s in given)
        reference = Stream(
            StreamSettings(
                *(contract["rate_hz"], contract["window"], contract["step"]), sensors, sources
            )
        )
        kept, nan, windows = stream["samples"], float("nan"), []
        for i, stamp in enumerate(kept["t_ns"]):
            if i in stream["restart_before"]:
                reference.restart()
            x, y, z = (nan if kept[axis][i] is None else kept[axis][i] for axis in "xyz")
            windows += reference.push((stamp, x, y, z), kept.get("sensor", [0] * (i + 1))[i])
        expected = stream["expected"]
        assert vars(reference.counts) == {"silent": 0, **expected["counts"]}
        assert list(reference.waiting) == expected.get("waiting", [])
        assert [w.end_ns for w in windows] == [w["end_ns"] for w in expected["windows"]]
        for window, wanted in zip(windows, expected["windows"], strict=True):
            np.testing.assert_array_equal(window.values, np.array(wanted["values"], np.float32))


@pytest.mark.parametrize("name", SEVERAL)
def test_every_stream_of_several_sensors_has_windows(name: str) -> None:
    found = streams(of_several(name))
    assert all(len(stream["expected"]["windows"]) >= 2 for stream in found.values())
    if name == "gravity":
        assert "silent" not in found
        return
    counts = {name: stream["expected"]["counts"] for name, stream in found.items()}
    assert counts["one-gap"]["gaps"] == 1
    assert counts["silent"]["silent"] == 2
    assert found["silent"]["expected"]["waiting"] == [len(found["ios-50"]["sensors"]) - 1]
    for quiet in ("rates", "delayed", "begins-late"):
        assert set(counts[quiet].values()) == {0, counts[quiet]["accepted"]}, quiet
    assert {s["unit"] for stream in found.values() for s in stream["sensors"]} == {
        *("m/s^2", "g", "rad/s", "deg/s")
    }


def test_every_stream_has_windows_and_every_trouble_occurs() -> None:
    found = streams(document())
    assert len(found) >= 12
    assert all(len(stream["expected"]["windows"]) >= 2 for stream in found.values())
    counts = {name: stream["expected"]["counts"] for name, stream in found.items()}
    assert counts["gaps"]["gaps"] == 2
    assert counts["clock"]["clock_resets"] == 1
    assert counts["disorder"]["duplicate"] > 10
    assert counts["disorder"]["late"] > 3
    assert counts["not-finite"]["not_finite"] > 10
    assert found["by-hand"]["expected"]["segment"] == 1
    assert {stream["sensor_hz"] for stream in found.values()} == {20.0, 50.0, 100.0}
    assert {(s["unit"], s["sign"]) for s in found.values()} >= {
        ("m/s^2", "android"),
        ("g", "ios"),
        ("g", "android"),
        ("m/s^2", "ios"),
    }
    assert max(found["jitter-50"]["samples"]["t_ns"]) < 2**53
    for name in ("jitter-50", "jitter-100", "lost", "slow"):
        assert counts[name]["accepted"] == len(found[name]["samples"]["x"])


def test_golden_windows_come_out_as_they_went_in() -> None:
    stream = streams(document())["golden"]
    for window, expected in zip(stream["expected"]["windows"], golden()[::2], strict=True):
        np.testing.assert_array_equal(np.array(window["values"], np.float32), expected)
    assert [w["segment"] for w in stream["expected"]["windows"]] == [0, 1, 2, 3]


def test_a_phone_on_a_table_gives_gravity_exactly() -> None:
    for window in streams(document(InputConvention.IOS))["still"]["expected"]["windows"]:
        np.testing.assert_array_equal(np.reshape(window["values"], (80, 3)), [[0, 0, -1]] * 80)


def test_the_decision_changes_in_some_stream() -> None:
    changes = [
        len({w["decision"] for w in stream["expected"]["windows"] if w["segment"] == 0})
        for stream in document()["streams"]
    ]
    assert max(changes) > 1


def test_a_decision_is_sure_only_where_no_tolerance_can_change_it() -> None:
    strict = make_document(SIGNAL, "m", "0", answer, 1e-6, golden())
    loose = make_document(SIGNAL, "m", "0", answer, 0.5, golden())
    sure = [
        [w["sure"] for s in d["streams"] for w in s["expected"]["windows"]] for d in (strict, loose)
    ]
    assert all(sure[0])
    assert not any(sure[1])


def test_probabilities_are_told_from_logits() -> None:
    assert not gives_logits(answer, SIGNAL, golden())
    assert gives_logits(lambda x: answer(x) * 7 - 3, SIGNAL, golden())
    assert not gives_logits(lambda x: answer(x) * 1.0005, SIGNAL, None)
    assert document()["contract"]["outputs"] == "probabilities"
    logits = make_document(SIGNAL, "m", "0", lambda x: answer(x) * 7 - 3, 0.07, golden())
    assert logits["contract"]["outputs"] == "logits"
    for stream in logits["streams"]:
        for window in stream["expected"]["windows"]:
            assert sum(window["smoothed"]) == pytest.approx(1)


def test_a_bundle_without_golden_windows_gets_a_made_up_movement() -> None:
    cases = make_test_streams(SIGNAL, None)
    assert [c.name for c in cases] == [c.name for c in make_test_streams(SIGNAL, golden())][:-1]
    assert all(len(case.samples) > 100 for case in cases)


@pytest.mark.parametrize(
    "signal",
    [
        Signal(rate_hz=50.0, window=128, step=64),
        Signal(rate_hz=10.0, window=30, step=1),
        Signal(rate_hz=100.0, window=200, step=300),
        Signal(rate_hz=33.3, window=1, step=1),
    ],
)
def test_other_contracts_have_windows_in_every_stream(signal: Signal) -> None:
    for case in make_test_streams(signal, None):
        assert Stream(case.settings(signal)).extend(case.samples), case.name


def test_the_jittered_streams_lose_no_sample() -> None:
    assert CLOSEST_INTERVALS < 0.4
