"""Limits by scheme, and how others are put over them."""

from __future__ import annotations

import math

import pytest

from edgeconv.core import Status
from edgeconv.errors import BadInput, UsageError
from edgeconv.parity.gates import DIRECTIONS, default_gates, judge, resolve_gates
from edgeconv.parity.metrics import METRICS
from edgeconv.targets.base import TARGETS, schemes_of


@pytest.mark.parametrize(("target", "scheme"), [(t, s) for t in TARGETS for s in schemes_of(t)])
def test_default_gates_of_every_scheme_limit_the_accuracy_drop(target: str, scheme: str) -> None:
    gates = default_gates(target, scheme)
    assert gates["accuracy_drop"] == 0.005
    assert {"top1_agreement", "snr_db"} <= set(gates) <= set(DIRECTIONS)


def test_default_gates_loosen_with_precision() -> None:
    order = ("float32", "float16", "dynamic", "int8")
    limits = [default_gates("tflite", scheme) for scheme in order]
    for name in ("snr_db", "top1_agreement"):
        values = [limit[name] for limit in limits]
        assert values == sorted(values, reverse=True), name
    drifts = [limit["kl_mean"] for limit in limits]
    assert drifts == sorted(drifts)


def test_gates_are_metrics() -> None:
    assert set(DIRECTIONS) <= {*METRICS, "max_drop", "saturated", "embedding_snr_db"}


def test_default_gates_are_not_shared() -> None:
    default_gates("tflite", "int8")["snr_db"] = -1.0
    assert default_gates("tflite", "int8")["snr_db"] > 0


def test_resolve_gates_replaces_and_adds() -> None:
    gates = resolve_gates("tflite", "int8", {"max_abs": 0.3, "accuracy_drop": 0.0})
    assert gates["max_abs"] == 0.3
    assert gates["accuracy_drop"] == 0.0
    assert gates["snr_db"] == default_gates("tflite", "int8")["snr_db"]


@pytest.mark.parametrize("retrained", [False, True])
def test_the_embedding_has_the_limit_of_the_scheme(retrained: bool) -> None:
    limit = default_gates("tflite", "int8")["snr_db"]
    gates = resolve_gates("tflite", "int8", {}, retrained=retrained, embedding=True)
    assert gates["embedding_snr_db"] == limit
    assert "embedding_snr_db" not in resolve_gates("tflite", "int8", {}, retrained=retrained)


@pytest.mark.parametrize("name", ["max_diff", "snr", "reference_accuracy", ""])
def test_resolve_gates_lists_the_known_gates(name: str) -> None:
    with pytest.raises(UsageError, match="top1_agreement") as caught:
        resolve_gates("tflite", "int8", {name: 1.0})
    assert f"'{name}'" in caught.value.message


@pytest.mark.parametrize("limit", [math.nan, math.inf, -math.inf])
def test_resolve_gates_needs_finite_limits(limit: float) -> None:
    with pytest.raises(UsageError, match="finite"):
        resolve_gates("tflite", "int8", {"max_abs": limit})


@pytest.mark.parametrize("name", DIRECTIONS)
def test_judge_by_direction(name: str) -> None:
    better = -1 if DIRECTIONS[name] == "<=" else 1
    assert judge(name, 0.5, {name: 0.5}).status is Status.PASSED
    assert judge(name, 0.5, {name: 0.5 + 0.1 * better}).status is Status.PASSED
    assert judge(name, 0.5, {name: 0.5 - 0.1 * better}).status is Status.FAILED
    assert judge(name, 0.5, {name: math.nan}).status is Status.FAILED


def test_judge_raises_for_a_missing_metric() -> None:
    with pytest.raises(BadInput, match="not measured"):
        judge("max_abs", 0.5, {"rmse": 0.0})


def test_judge_raises_for_an_unknown_gate() -> None:
    with pytest.raises(UsageError, match="unknown gate"):
        judge("nonsense", 0.5, {"nonsense": 0.0})
