"""Gates of named tensors: the worst output counts, and what does not apply is not judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeconv.core import MachineInfo, NamedTensor, Samples, Tensors
from edgeconv.errors import UsageError
from edgeconv.parity.named_outputs import NamedReference, class_probabilities, judge_named, measure
from tests.unit.parity import outputs as made

CONTRACT = Tensors(
    (NamedTensor("x", (2,)),),
    (NamedTensor("kind", (3,), meaning="probabilities"), NamedTensor("place", (4, 2))),
)
GATES = {"max_abs": 1e-3, "snr_db": 60.0, "kl_mean": 1e-4, "top1_agreement": 0.99}
N = 50


def reference(labels: bool = False, random: bool = False) -> NamedReference:
    generator = np.random.default_rng(0)
    outputs = {
        "kind": made.softmax(generator.normal(0, 3, (N, 3))),
        "place": (generator.normal(size=(N, 4, 2)) * 1000).astype(np.float32),
    }
    classes = outputs["kind"].argmax(axis=1) if labels else None
    samples = Samples({"x": np.zeros((N, 2), np.float32)}, "data", random, classes)
    return NamedReference(CONTRACT, samples, outputs)


def judged(ref: NamedReference, outputs: dict[str, Any], **asked: float) -> Any:
    gates = GATES | {"accuracy_drop": 0.005} | asked
    return judge_named(made.artifact(), "litert", ref, outputs, gates, MachineInfo(), asked or None)


def test_equal_outputs_pass_every_gate_that_applies() -> None:
    ref = reference()
    result = judged(ref, dict(ref.outputs))
    assert result.status == "passed"
    assert {check.name for check in result.checks} == set(GATES)
    assert result.not_applicable == ("accuracy_drop",)


@pytest.mark.parametrize("size", [1, 3])
def test_plain_numbers_are_logits_where_samples_have_classes(size: int) -> None:
    plain = Tensors((NamedTensor("x", (2,)),), (NamedTensor("answer", (size,)),))
    assert plain.classes is plain.binary is None
    contract = plain.with_logits
    logits = np.random.default_rng(0).normal(0, 3, (N, size)).astype(np.float32)
    labels = (logits[:, 0] >= 0).astype(int) if size == 1 else logits.argmax(axis=1)
    samples = Samples({"x": np.zeros((N, 2), np.float32)}, "data", False, labels)
    ref = NamedReference(contract, samples, {"answer": logits})
    assert measure(ref, {"answer": logits})["accuracy"] == 1
    result = judged(ref, {"answer": -logits})
    assert result.status == "failed"
    assert "top1_agreement" in result.reason
    assert np.allclose(class_probabilities(contract.outputs[0], logits).sum(axis=1), 1, atol=1e-6)


def test_differences_of_values_are_shares_of_the_largest() -> None:
    ref = reference()
    peak = float(np.abs(ref.outputs["place"]).max())
    moved = ref.outputs["place"].copy()
    moved[3, 1, 0] += peak / 100
    figures = measure(ref, {**ref.outputs, "place": moved})
    assert figures["max_abs"] == pytest.approx(0.01, rel=1e-3)
    assert figures["max_abs[kind]"] == 0
    assert figures["snr_db"] == figures["snr_db[place]"] < figures["snr_db[kind]"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("place", lambda a: a * 1.01),
        ("place", lambda a: a[:, ::-1]),
        ("kind", lambda a: np.roll(a, 1, axis=1)),
        ("kind", lambda a: np.where(a > 2, a, np.nan)),
        ("kind", lambda a: a[:, :2]),
    ],
)
def test_one_broken_output_fails_the_file(name: str, change: Any) -> None:
    ref = reference()
    result = judged(ref, {**ref.outputs, name: change(ref.outputs[name])})
    assert result.status == "failed"
    assert result.reason


def test_labels_bring_accuracy_and_random_inputs_take_classes_away() -> None:
    ref = reference(labels=True)
    swapped = {**ref.outputs, "kind": np.roll(ref.outputs["kind"], 1, axis=1)}
    result = judged(ref, swapped)
    assert result.metrics["accuracy_drop"] == 1.0
    random = reference(random=True)
    result = judged(random, dict(random.outputs))
    assert set(result.not_applicable) == {"top1_agreement", "accuracy_drop"}
    assert result.inputs == "data"


def test_a_limit_that_does_not_apply_is_refused() -> None:
    ref = reference()
    with pytest.raises(UsageError, match="accuracy_drop does not apply: the data have no labels"):
        judged(ref, dict(ref.outputs), accuracy_drop=0.1)
    with pytest.raises(UsageError, match="class_drop does not apply: it is about windows"):
        judged(ref, dict(ref.outputs), class_drop=0.1)


def test_a_single_score_is_judged_at_one_half() -> None:
    contract = Tensors((NamedTensor("x", (2,)),), (NamedTensor("alarm", (1,), meaning="scores"),))
    scores = np.array([[0.1], [0.5], [0.6], [0.9]], np.float32)
    labels = np.array([0, 1, 1, 0])
    samples = Samples({"x": np.zeros((4, 2), np.float32)}, "data", labels=labels)
    ref = NamedReference(contract, samples, {"alarm": scores})
    figures = measure(ref, {"alarm": np.array([[0.1], [0.49], [0.6], [0.9]], np.float32)})
    assert figures["reference_accuracy"] == 0.75
    assert figures["accuracy"] == 0.5
    assert figures["top1_agreement"] == 0.75
    result = judged(ref, {"alarm": scores})
    assert {"top1_agreement", "accuracy_drop"} <= {check.name for check in result.checks}
    assert result.not_applicable == ("kl_mean",)
    with pytest.raises(UsageError, match="no output is a vector of probabilities"):
        judged(ref, {"alarm": scores}, kl_mean=1e-3)


@pytest.mark.parametrize(
    ("changed", "margin", "passes"), [(1, 0.02, True), (2, 0.02, False), (1, 0.3, False)]
)
def test_one_of_few_samples_may_change_where_the_model_hardly_decides(
    changed: int, margin: float, passes: bool
) -> None:
    contract = Tensors(CONTRACT.inputs, CONTRACT.outputs[:1])
    before = np.tile([0.8, 0.1, 0.1], (20, 1))
    before[:changed] = [0.4 + margin / 2, 0.4 - margin / 2, 0.2]
    after = before.copy()
    after[:changed] = after[:changed, [1, 0, 2]]
    samples = Samples({"x": np.zeros((20, 2), np.float32)}, "data")
    ref = NamedReference(contract, samples, {"kind": before})
    gates = {"top1_agreement": 0.97}
    result = judge_named(made.artifact(), "litert", ref, {"kind": after}, gates, MachineInfo())
    assert (result.status == "passed") is passes
    assert result.metrics["top1_agreement"] == 1 - changed / 20
    asked = judge_named(
        made.artifact(), "litert", ref, {"kind": after}, gates, MachineInfo(), gates
    )
    assert asked.status == "failed"  # a limit that somebody asks for holds to the letter
