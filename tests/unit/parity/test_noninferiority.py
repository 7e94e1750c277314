"""Passed, failed, or too few windows to know: three verdicts, each where it belongs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.core import Decision, MachineInfo, ParityResult, Status
from edgeconv.errors import UsageError
from edgeconv.parity.gates import default_gates, resolve_gates
from edgeconv.parity.intervals import tango
from edgeconv.parity.noninferiority import decide, level_of, margin_of
from edgeconv.parity.output_comparison import ReferenceOutputs, judge_file
from edgeconv.parity.task_impact import SHOWN
from tests.unit.parity.outputs import LABELS, artifact, labels, reference, windows

HERE = MachineInfo()


def people(n: int = 1500, count: int = 5) -> NDArray[np.str_]:
    return np.array([str(i * count // n + 1) for i in range(n)])


def losing(every: int, n: int = 1500) -> NDArray[np.float32]:
    """Outputs that are wrong in every so many windows that the reference answers rightly."""
    outputs = reference(n)
    right = np.flatnonzero(outputs.argmax(axis=1) == labels(n))[::every]
    outputs[right] = np.roll(outputs[right], 1, axis=1)
    return outputs


def judge(
    candidate: NDArray[np.float32], limits: dict[str, float], level: float = 0.95
) -> ParityResult:
    n = len(candidate)
    float_model = ReferenceOutputs(reference(n), labels(n), LABELS, people(n), windows(n))
    return judge_file(artifact("int8"), "litert", candidate, float_model, limits, HERE, level)


def test_decide_non_inferior_on_enough_unchanged_windows() -> None:
    found = decide([0] * 5, [0] * 5, [110] * 5, 0.005)
    assert found.decision is Decision.NON_INFERIOR
    assert found.drop == 0
    assert found.high == pytest.approx(tango(0, 0, 550)[1])
    assert found.windows_needed is None


def test_decide_undecided_on_too_few_windows() -> None:
    found = decide([0] * 5, [0] * 5, [100] * 5, 0.005)
    assert found.decision is Decision.UNDECIDED
    assert found.reason.startswith("too few windows to know: the drop is 0 points")
    assert found.windows_needed is not None
    assert 500 < found.windows_needed < 600
    assert tango(0, 0, found.windows_needed)[1] <= 0.005


def test_decide_inferior_on_a_clear_loss() -> None:
    found = decide([9, 10, 11, 10], [0, 0, 0, 0], [300] * 4, 0.005)
    assert found.decision is Decision.INFERIOR
    assert found.mcnemar_p < 1e-6
    assert "allowed are 0.5" in found.reason


def test_decide_accounts_for_subjects() -> None:
    together = decide([12, 0, 0, 0, 0], [0] * 5, [400] * 5, 0.01)
    spread = decide([2, 3, 2, 3, 2], [0] * 5, [400] * 5, 0.01)
    assert together.drop == spread.drop
    assert spread.decision is Decision.NON_INFERIOR
    assert together.decision is Decision.UNDECIDED


def test_decide_needs_no_more_windows_above_the_limit() -> None:
    found = decide([4, 0], [0, 0], [300, 300], 0.005)
    assert (found.decision, found.windows_needed) == (Decision.UNDECIDED, None)


def test_decide_one_subject() -> None:
    found = decide([1], [0], [2000], 0.005)
    assert found.decision is Decision.NON_INFERIOR
    assert "1 subject" in found.reason
    assert found.method == "Tango (1998) over windows"


@pytest.mark.parametrize(("drop", "level"), [(0.0, 0.95), (1.0, 0.95), (0.01, 0.5), (0.01, 1.0)])
def test_check_limits_needs_fractions(drop: float, level: float) -> None:
    with pytest.raises(UsageError):
        decide([0], [0], [10], drop, level)
    with pytest.raises(UsageError):
        resolve_gates("tflite", "int8", {"max_drop": drop, "confidence": level})


def test_max_drop_has_three_outcomes() -> None:
    limits = resolve_gates("tflite", "int8", {"max_drop": 0.005})
    for outputs, status in (
        (reference(), Status.PASSED),
        (losing(20), Status.FAILED),
        (reference(300), Status.NOT_RUN),
    ):
        found = judge(outputs, limits)
        check = next(c for c in found.checks if c.name == "max_drop")
        assert check.status is status
        assert found.status is status
    assert "too few windows to know" in found.reason
    assert found.reason.startswith("max_drop is ")


def test_without_max_drop_the_verdict_is_reported_only() -> None:
    found = judge(reference(300), default_gates("tflite", "int8"))
    assert found.status is Status.PASSED
    assert found.evidence is not None
    assert found.evidence.drop.decision is Decision.UNDECIDED
    assert found.evidence.drop.max_drop == 0.005


def test_confidence_moves_the_verdict() -> None:
    limits = {"max_drop": 0.0025}
    assert judge(reference(), limits).status is Status.PASSED
    assert judge(reference(), limits, 0.999).status is Status.NOT_RUN
    assert level_of({"confidence": 0.9}) == 0.9
    assert "confidence" not in resolve_gates("tflite", "int8", {"confidence": 0.9})


def test_max_drop_is_the_limit_of_accuracy_drop_too() -> None:
    assert resolve_gates("tflite", "int8", {"max_drop": 0.02})["accuracy_drop"] == 0.02
    both = resolve_gates("tflite", "int8", {"max_drop": 0.02, "accuracy_drop": 0.01})
    assert both["accuracy_drop"] == 0.01
    assert margin_of({"accuracy_drop": 0.03}) == 0.03
    assert margin_of({"accuracy_drop": 0.0}) == 0.005


def test_parity_statistics_names_every_disagreement() -> None:
    candidate = reference()
    candidate[[7, 1200]] = np.roll(candidate[[7, 1200]], 1, axis=1)
    found = judge(candidate, {"top1_agreement": 0.9}).evidence
    assert found is not None
    assert found.flips.window == (7, 1200)
    assert found.flips.subject == ("1", "5")
    assert found.flips.reference == tuple(reference()[[7, 1200]].argmax(axis=1))
    assert found.flips.answer == tuple(candidate[[7, 1200]].argmax(axis=1))
    assert found.flips.truth == tuple(labels()[[7, 1200]])
    top = np.sort(reference()[[7, 1200]], axis=1)
    assert found.flips.margin == pytest.approx(tuple(top[:, 2] - top[:, 1]), abs=1e-6)
    assert found.agreement.value == 1498 / 1500
    assert found.agreement.low < 1498 / 1500 < found.agreement.high
    assert set(found.per_class) == set(LABELS)
    assert list(found.per_subject) == ["1", "2", "3", "4", "5"]
    assert sum(row["flips"] for row in found.per_subject.values()) == 2
    assert sum(row["n"] for row in found.per_class.values()) == 1500
    assert found.drop.lost - found.drop.won == round(found.drop.drop * 1500)


def test_class_drop_and_subject_drop_name_the_largest_loss() -> None:
    candidate = losing(20)
    found = judge(candidate, {"class_drop": 0.001, "subject_drop": 0.001})
    by_name = {c.name: c.reason for c in found.checks}
    assert by_name["class_drop"].startswith("recall of '")
    assert by_name["subject_drop"].startswith("accuracy of subject ")
    assert found.evidence is not None
    rows = found.evidence.per_subject.values()
    assert found.metrics["subject_drop"] == pytest.approx(max(row["drop"] for row in rows))


def test_parity_statistics_survive_json() -> None:
    found = judge(losing(50), {"max_drop": 0.005})
    again = ParityResult.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    assert again == found
    old = found.to_json()
    del old["evidence"], old["reference"]
    assert ParityResult.from_json(json.loads(json.dumps(old))).evidence is None


def test_most_confident_disagreements_keep_their_readings() -> None:
    found = judge(losing(50), {"top1_agreement": 0.1})
    assert found.evidence is not None
    flips = found.evidence.flips
    assert len(flips) > len(flips.readings) == SHOWN
    best = flips.window[flips.most_confident(1)[0]]
    assert flips.margin[flips.most_confident(1)[0]] == max(flips.margin)
    np.testing.assert_allclose(flips.readings[str(best)], windows()[best], atol=0.006)
    again = ParityResult.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    assert again == found
    untouched = judge(reference(), {"top1_agreement": 0.1})
    assert untouched.evidence is not None
    assert untouched.evidence.flips.readings == {}
