"""Each gate refuses the file it was made for, and lets the untouched one pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.core import MachineInfo, ParityResult, Status
from edgeconv.errors import BadInput, UsageError
from edgeconv.parity.gates import DIRECTIONS, default_gates, resolve_gates
from edgeconv.parity.output_comparison import (
    ReferenceOutputs,
    compare_outputs,
    judge_file,
    judge_outputs,
    not_run,
)
from edgeconv.targets.base import TARGETS, schemes_of
from tests.unit.parity.outputs import (
    LABELS,
    artifact,
    int8_of,
    labels,
    logits,
    reference,
    softmax,
)

Outputs = NDArray[np.float32]
Broken = Callable[[], Outputs]
HERE = MachineInfo()


EVERY = [(target, scheme) for target in TARGETS for scheme in schemes_of(target)]


def float_model() -> ReferenceOutputs:
    return ReferenceOutputs(reference(), labels(), LABELS)


def judge(
    candidate: Outputs, scheme: str = "float32", limits: dict[str, float] | None = None
) -> ParityResult:
    limits = limits or default_gates("tflite", scheme)
    return judge_file(
        artifact(scheme), "litert", candidate, float_model(), limits, MachineInfo(cores=2)
    )


def _changed(row: int, column: int, value: float) -> Outputs:
    outputs = reference()
    outputs[row, column] = value
    return outputs


def _noisy(deviation: float) -> Outputs:
    noise = np.random.default_rng(5).normal(0, deviation, logits().shape)
    return softmax(logits() + noise)


def _flipped_windows(share: float) -> Outputs:
    """Some windows answer the next class, the others nothing new."""
    outputs = reference()
    every = round(1 / share)
    outputs[1::every] = np.roll(outputs[1::every], 1, axis=1)
    return outputs


@pytest.mark.parametrize(("target", "scheme"), EVERY)
def test_judge_file_passes_untouched_outputs_of_every_scheme(scheme: str, target: str) -> None:
    limits = default_gates(target, scheme)
    result = judge_file(
        artifact(scheme, target), "litert", reference(), float_model(), limits, HERE
    )
    assert result.status is Status.PASSED
    assert result.reason == ""
    assert {c.name for c in result.checks} == set(limits)
    assert result.n == len(reference())


def test_judge_file_passes_rounding_of_its_scheme() -> None:
    assert judge(int8_of(reference()), "int8").status is Status.PASSED
    assert judge(reference().astype(np.float16).astype(np.float32), "float16").status is (
        Status.PASSED
    )
    assert judge(int8_of(reference()), "float32").status is Status.FAILED


# For each gate, outputs of a file that this gate alone is asked to refuse, at its own limit.
SABOTAGE: dict[str, tuple[str, float, Broken]] = {
    "max_abs": ("one probability moved", 0.05, lambda: _changed(7, 1, 0.5)),
    "mean_abs": ("weights scaled by 0.7", 0.01, lambda: softmax(logits() * 0.7)),
    "rmse": ("weights scaled by 2", 0.01, lambda: softmax(logits() * 2)),
    "snr_db": ("noise on every logit", 25.0, lambda: _noisy(1.0)),
    "psnr_db": ("noise on every logit", 35.0, lambda: _noisy(1.0)),
    "cosine": ("sign flipped", 0.99, lambda: softmax(-logits())),
    "cosine_min": ("one window of another class", 0.99, lambda: _flipped_windows(1 / 1499)),
    "kl_mean": ("constant output", 0.05, lambda: np.full_like(reference(), 1 / 3)),
    "kl_max": ("one window surely wrong", 1.0, lambda: _flipped_windows(1 / 1499)),
    "js_mean": ("labels permuted", 0.01, lambda: reference()[:, ::-1]),
    "top1_agreement": ("one window in twenty flipped", 0.97, lambda: _flipped_windows(1 / 20)),
    "accuracy": ("windows in another order", 0.9, lambda: np.roll(reference(), 1, axis=0)),
    "accuracy_drop": ("one window in a hundred lost", 0.005, lambda: _flipped_windows(1 / 100)),
    "max_drop": ("one window in twenty lost", 0.01, lambda: _flipped_windows(1 / 20)),
    "macro_f1": ("labels rotated", 0.9, lambda: np.roll(reference(), 1, axis=1)),
    "macro_f1_drop": ("one window in twenty lost", 0.01, lambda: _flipped_windows(1 / 20)),
    "class_drop": (
        "one class never answered",
        0.02,
        lambda: reference() * np.array([1, 0, 1], np.float32),
    ),
    "subject_drop": ("one window in a hundred lost", 0.005, lambda: _flipped_windows(1 / 100)),
}


def test_every_gate_has_its_sabotage() -> None:
    # not of class outputs: below and in the table of sabotaged files, and in test_artifact_run.py
    metrics_elsewhere = {"saturated", "embedding_snr_db"}
    assert set(SABOTAGE) == set(DIRECTIONS) - metrics_elsewhere


@pytest.mark.parametrize(("share", "status"), [(0.02, Status.FAILED), (0.001, Status.PASSED)])
def test_judge_outputs_by_a_metric_from_elsewhere(share: float, status: Status) -> None:
    limits = {"saturated": 0.01}
    comparison = compare_outputs(float_model(), reference())
    metrics = {**comparison.metrics, "saturated": share}
    (result,) = judge_outputs(replace(comparison, metrics=metrics), limits)
    assert result.status is status
    with pytest.raises(BadInput, match="was not measured"):
        judge_outputs(comparison, limits)


@pytest.mark.parametrize("gate", SABOTAGE)
def test_gate_refuses_its_sabotage(gate: str) -> None:
    _, limit, broken = SABOTAGE[gate]
    result = judge(broken(), limits={gate: limit})
    assert result.status is Status.FAILED
    assert gate in result.reason
    (check,) = result.checks
    assert (check.name, check.limit, check.status) == (gate, limit, Status.FAILED)
    assert judge(reference(), limits={gate: limit}).status is Status.PASSED


WHOLE: dict[str, Broken] = {
    "weights scaled": lambda: softmax(logits() * 0.5),
    "weights negated": lambda: softmax(-logits()),
    "labels swapped": lambda: reference()[:, [1, 0, 2]],
    "labels rotated": lambda: np.roll(reference(), 1, axis=1),
    "constant": lambda: np.full_like(reference(), 1 / 3),
    "always one class": lambda: np.eye(3, dtype=np.float32)[np.zeros(1500, int)],
    "zeros": lambda: np.zeros_like(reference()),
    "logits instead of probabilities": lambda: logits().astype(np.float32),
    "windows shifted by one": lambda: np.roll(reference(), 1, axis=0),
    "one bias off": lambda: softmax(logits() + np.array([3.0, 0.0, 0.0])),
    "noise": lambda: _noisy(2.0),
    "saturated": lambda: np.minimum(reference(), 0.44),
}


@pytest.mark.parametrize("scheme", schemes_of("tflite"))
@pytest.mark.parametrize("broken", WHOLE)
def test_judge_file_fails_broken_outputs_of_every_scheme(scheme: str, broken: str) -> None:
    assert judge(WHOLE[broken](), scheme).status is Status.FAILED


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_judge_outputs_with_nan_fails_every_gate(value: float) -> None:
    result = judge(_changed(400, 2, value), "int8")
    assert result.status is Status.FAILED
    assert "1 of 1500 windows, first for window 400" in result.reason
    assert LABELS[2] in result.reason
    assert {c.status for c in result.checks} == {Status.FAILED}
    assert {c.value for c in result.checks} == {None}
    assert json.dumps(result.to_json(), allow_nan=False)


@pytest.mark.parametrize("shape", [(1500, 2), (1499, 3), (1500, 3, 1), (4500,)])
def test_judge_outputs_of_another_shape_fails(shape: tuple[int, ...]) -> None:
    result = judge(np.full(shape, 1 / 3, np.float32))
    assert result.status is Status.FAILED
    assert "shape" in result.reason
    assert {c.status for c in result.checks} == {Status.FAILED}


def test_no_windows_is_not_run() -> None:
    empty = ReferenceOutputs(reference()[:0], labels()[:0])
    result = judge_file(artifact(), "litert", reference()[:0], empty, {"max_abs": 1.0}, HERE)
    assert result.status is Status.NOT_RUN
    assert "no windows" in result.reason
    assert {c.status for c in result.checks} == {Status.NOT_RUN}


def test_no_gate_is_not_run() -> None:
    result = judge_file(artifact(), "litert", reference(), float_model(), {}, HERE)
    assert result.status is Status.NOT_RUN
    assert result.reason


def test_not_run_says_why() -> None:
    result = not_run(artifact(), "coreml", "Core ML runs on macOS only", MachineInfo(cores=2))
    assert (result.status, result.n, result.checks) == (Status.NOT_RUN, 0, ())
    assert result.reason == "Core ML runs on macOS only"
    assert result.machine == MachineInfo(cores=2)


def test_reference_outputs_with_nan_are_bad_input() -> None:
    broken = reference()
    broken[3] = np.nan
    with pytest.raises(BadInput, match="float model itself"):
        ReferenceOutputs(broken, labels())


def test_reference_outputs_with_other_labels_are_bad_input() -> None:
    with pytest.raises(BadInput, match="do not belong"):
        ReferenceOutputs(reference(), labels(7))


def test_unknown_gate() -> None:
    with pytest.raises(UsageError, match="choose one of"):
        judge(reference(), limits={"nonsense": 1.0})
    with pytest.raises(UsageError, match="choose one of"):
        judge(_changed(0, 0, np.nan), limits={"nonsense": 1.0})


def test_judge_outputs_explains_failures() -> None:
    result = judge(_changed(7, 1, 0.5), "float32")
    worst = next(c for c in result.checks if c.name == "max_abs")
    assert "window 7: 'Upstairs' is 0.5 instead of" in worst.reason
    flips = judge(_flipped_windows(1 / 20), "int8")
    agreement = next(c for c in flips.checks if c.name == "top1_agreement")
    assert "75 of 1500 windows are classified differently" in agreement.reason
    assert "first window 1" in agreement.reason
    drop = next(c for c in flips.checks if c.name == "accuracy_drop")
    assert "on 1500 windows" in drop.reason


def test_a_stricter_limit_fails_what_the_default_passes() -> None:
    loose = resolve_gates("tflite", "int8", {})
    strict = resolve_gates("tflite", "int8", {"max_abs": 1e-6})
    candidate = int8_of(reference())
    assert judge(candidate, limits=loose).status is Status.PASSED
    assert judge(candidate, limits=strict).status is Status.FAILED


def test_parity_result_survives_json() -> None:
    result = judge(_noisy(0.5), "int8")
    again = ParityResult.from_json(json.loads(json.dumps(result.to_json(), allow_nan=False)))
    assert again == result
