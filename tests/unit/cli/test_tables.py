"""Tables: plurals, thousands, and no Python in what a person reads."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edgeconv.cli.console import Console
from edgeconv.cli.tables import show_bundle, show_evaluation, show_lints, show_profile
from edgeconv.core import EvaluationData, EvaluationResult, ProfileResult, Status
from tests.json_schemas import valid
from tests.unit.reporting.bundles import full

DIGEST = "0" * 64


def evaluation(n: int) -> EvaluationResult:
    return EvaluationResult(
        accuracy=1.0,
        balanced_accuracy=1.0,
        macro_f1=1.0,
        loss=0.0,
        confusion=((n, 0), (0, 0)),
        n=n,
        labels=("Sitting", "Walking"),
        per_class={"Sitting": {"precision": 1.0, "recall": 1.0, "f1": 1.0, "n": float(n)}},
        per_subject={"a": {"accuracy": 1.0, "n": float(n)}},
        runtime="litert",
        sha256=DIGEST,
    )


def test_show_evaluation_counts_windows(capsys: pytest.CaptureFixture[str]) -> None:
    show_evaluation(Console(False, False, None), "a.tflite", evaluation(1))
    assert "on 1 window of 1 subject (litert)" in capsys.readouterr().out
    show_evaluation(Console(False, False, None), "a.tflite", evaluation(12_345))
    text = capsys.readouterr().out
    assert "on 12,345 windows of 1 subject (litert)" in text
    assert text.count("12,345") == 4  # sentence, class, subject, confusion


def test_texts_are_no_windows_of_subjects(capsys: pytest.CaptureFixture[str]) -> None:
    of_texts = replace(
        evaluation(2), per_subject={}, data=EvaluationData(split="test", unit="text")
    )
    show_evaluation(Console(False, False, None), "a.tflite", of_texts)
    text = capsys.readouterr().out
    assert "on 2 held-out texts (litert)" in text
    assert "window" not in text
    assert "subject" not in text


def test_show_evaluation_keeps_its_keys_at_the_top(capsys: pytest.CaptureFixture[str]) -> None:
    show_evaluation(Console(False, False, "-"), "a.tflite", evaluation(1))
    document = valid(json.loads(capsys.readouterr().out))
    assert document.keys() >= {
        *("accuracy", "balanced_accuracy", "macro_f1", "loss", "confusion", "n"),
        *("runtime", "sha256"),
    }


def test_show_profile_has_one_style_of_numbers_and_units(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = ProfileResult(
        artifact="a.tflite",
        sha256=DIGEST,
        scheme="int8",
        target="tflite",
        runtime="litert",
        status=Status.PASSED,
        bytes=532534,
        macs=8_685_480,
        latency_us={"p50": 73.6},
        first_us=1234.5,
    )
    show_profile(Console(False, False, None), [result], with_operations=False)
    text = capsys.readouterr().out
    assert "532,534" in text
    assert "8,685,480" in text
    assert "litert × 1 thread" in text
    assert "first run µs" in text


def test_show_lints_counts_findings(capsys: pytest.CaptureFixture[str]) -> None:
    lint = {
        "severity": "hint",
        "number": "L100",
        "rule": "r",
        "where": "w",
        "text": "t",
        "advice": "a",
    }
    show_lints(Console(False, False, None), [lint])
    assert capsys.readouterr().out.startswith("Lints: 1 finding\n")


def test_a_bundles_title_says_which_windows_the_files_were_evaluated_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`parity --data` evaluates the files on other recordings than the run did the float model."""
    bundle = full()
    show_bundle(Console(False, False, None), bundle)
    assert "; the files on" not in capsys.readouterr().out
    elsewhere = EvaluationData(spec="csv:walk.csv", split="all", sha256="1" * 64)
    name = bundle.artifacts[0].name
    evaluations = {**bundle.evaluations, name: replace(evaluation(12), data=elsewhere)}
    show_bundle(Console(False, False, None), replace(bundle, evaluations=evaluations))
    said = " ".join(capsys.readouterr().out.split())
    assert "; the files on 12 windows of 1 subject of csv:walk.csv, split all" in said
