"""`device.json`: whole, small, the same bytes each time, and what a test needs to tell apart."""

from __future__ import annotations

import base64
import json
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

import edgeconv.integration
from edgeconv.core import GravitySource, SensorKind, Signal
from edgeconv.integration.device_vectors import UPDATES, make_device_document
from edgeconv.integration.vectors import make_document, write_document

SIGNAL = Signal(labels=("Sitting", "Walking"))
NINE = Signal(
    channels=tuple(f"{kind}_{axis}" for kind in ("rest", "turn", "all") for axis in "xyz"),
    labels=("Sitting", "Walking"),
    kinds=(
        *[SensorKind.LINEAR_ACCELERATION] * 3,
        *[SensorKind.GYROSCOPE] * 3,
        *[SensorKind.ACCELEROMETER] * 3,
    ),
    gravity=GravitySource.FILTER,
)


@cache
def document(signal: Signal = SIGNAL) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(write_document(make_device_document(signal)))
    return read


def by_name(part: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    named = {each["name"]: each for each in part}
    assert len(named) == len(part)
    return named


def test_the_same_contract_gives_the_same_bytes_and_not_too_many() -> None:
    texts = [write_document(make_device_document(SIGNAL)) for _ in range(2)]
    assert texts[0] == texts[1]
    assert len(texts[0]) < 400_000


def test_self_tests_tell_a_wrong_model_from_a_wrong_unit() -> None:
    tests = by_name(document()["self_test"]["tests"])
    assert tests["no unit passes"]["expected"]["error"] == "no_unit_passed"
    assert tests["the model is wrong everywhere"]["expected"]["passing"] == []
    assert tests["wrong on one unit only"]["expected"]["passing"] == ["cpu"]
    assert tests["the same key: nothing runs"]["expected"]["runs"] == 0
    assert max(test["expected"]["runs"] for test in tests.values()) < 50


@pytest.mark.parametrize("signal", [SIGNAL, NINE])
def test_streams_say_what_happens_to_sensors(signal: Signal) -> None:
    streams = by_name(document(signal)["streams"])
    handler = streams["restart-in-handler"]["expected"]
    assert [window["segment"] for window in handler["windows"]] == [0, 1, 2]
    assert handler["segment"] == 2
    assert streams["rate-10"]["expected"]["windows"] == []
    assert streams["rate-10"]["expected"]["rates"][0]["slow"]
    assert not streams["rate-45"]["expected"]["rates"][0]["slow"]
    for pausing in ("rate-0.6", "rate-bursts"):  # with more than 1 s and less than 2 s
        assert streams[pausing]["expected"]["windows"] == []
        assert streams[pausing]["expected"]["rates"][0]["slow"]
    assert streams["resumed"]["expected"]["counts"]["gaps"] == 1
    for stream in streams.values():
        values = [v for window in stream["expected"]["windows"] for v in window["last"]]
        assert all(abs(value) < 30 for value in values), stream["name"]


def test_decisions_have_an_edge_and_a_way_back() -> None:
    decisions = by_name(document()["decisions"])
    edge = decisions["exactly the threshold is sure"]["updates"]
    assert [update["label"] for update in edge] == [0, None]
    assert edge[1]["candidate"] == 0
    wavering = decisions["smoothing makes it unsure and sure again"]["updates"]
    assert [update["label"] for update in wavering] == [0, None, 1, 1, None]


SCHEMAS = Path(edgeconv.integration.__file__).with_name("schemas")


def errors(document: dict[str, Any]) -> list[str]:
    schema = json.loads((SCHEMAS / f"{document['format']}.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    found = Draft202012Validator(schema).iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in found]


@pytest.mark.parametrize("signal", [SIGNAL, NINE])
def test_documents_are_what_their_schemas_say(signal: Signal) -> None:
    probabilities = partial(np.full, fill_value=0.5, dtype=np.float32)
    streams = make_document(
        signal, "m.tflite", "0" * 64, lambda x: probabilities((len(x), 2)), 0.07, None
    )
    first = json.loads(UPDATES.read_text("utf-8"))["tests"][0]["files"]
    update, self_test = (
        json.loads(base64.b64decode(first[name])) for name in ("update.json", "selftest.json")
    )
    for content in (document(signal), streams, update, self_test):
        assert errors(json.loads(json.dumps(content))) == []
        assert errors({**content, "schema_version": 9}) != []
