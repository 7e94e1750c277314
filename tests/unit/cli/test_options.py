"""Completion of names, and options that do not apply."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeconv.cli.app import run_app
from edgeconv.models import MODELS


def answered(instruction: str, *words: str) -> str:
    """What the program tells the shell."""
    environment = {
        **os.environ,
        "_EDGECONV_COMPLETE": instruction,
        "COMP_WORDS": " ".join(("edgeconv", *words)),
        "COMP_CWORD": str(len(words)),
    }
    code = "import sys; from edgeconv.cli.app import run_app; sys.exit(run_app([]))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("exp",), "export"),
        (("export", "--quantize", "pal"), "palette4"),
        (("export", "--target", "co"), "coreml"),
        (("export", "--compress", "prune2"), "prune2of4-qat8"),
        (("run", "stu"), "student"),
        (("train", "--model", "c"), "cnn:"),
        (("evaluate", "--data", "mot"), "motionsense:"),
        (("parity", "--runtime", "tflite"), "tflite-micro"),
        (("integrate", "an"), "android"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_completion_knows_the_names(words: tuple[str, ...], offered: str) -> None:
    assert offered in answered("complete_bash", *words).split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_a_shell(shell: str) -> None:
    assert f"_EDGECONV_COMPLETE=complete_{shell}" in answered(f"source_{shell}")


def test_train_help_lists_the_networks(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["train", "--help"]) == 0
    text = capsys.readouterr().out.partition("Networks of --model:")[2]
    assert [name for name in MODELS if name not in text] == []


IDLE = {
    "evaluate --allow-custom-code": [
        *("evaluate", "x.tflite", "--data", "synthetic", "--allow-custom-code"),
    ],
    "compare --allow-custom-code": [
        *("compare", "x.tflite", "y.tflite", "--data", "synthetic", "--allow-custom-code"),
    ],
    "export --epochs": ["export", "m.keras", "--out", "o", "--epochs", "3"],
    "export --data": ["export", "m.keras", "--out", "o", "--data", "synthetic"],
    "hook --data": ["hook", "--manifest-only", "--data", "synthetic"],
    "integrate --port": ["integrate", "web", "b", "--out", "o", "--port", "80"],
    "integrate --serve": ["integrate", "ios", "b", "--out", "o", "--serve"],
    "profile --allow-not-run": ["profile", "x.tflite", "--allow-not-run"],
    "profile --latency-only": ["profile", "x.tflite", "--latency-only", "--device", "adb"],
    "profile --device coreml": ["profile", "x", "--num-threads", "2", "--device", "coreml"],
    "profile --benchmark-binary": ["profile", "x.tflite", "--benchmark-binary", "b"],
    "search --address": ["search", "--address", "ray://x"],
}


@pytest.mark.parametrize("words", IDLE.values(), ids=IDLE)
def test_an_option_that_does_not_apply_is_refused(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_app(words) == 2
    assert capsys.readouterr().err.startswith("error: --")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["--target", "tflite", "--deployment-target", "iOS17"],
        ["--quantize", "float32", "--io-type", "int8"],
        ["--quantize", "float32", "--float-layer", "conv1"],
        ["--quantize", "float32", "--mixed-precision-snr", "30"],
    ],
    ids=" ".join,
)
def test_a_setting_that_no_file_would_have_is_refused(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app(["export", "m.keras", "--out", str(tmp_path / "o"), *words]) == 4
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["parity", "a", "b"],
        ["parity", "a", "--golden", "b"],
        ["parity", "a", "--sensor", "ios"],
        ["compare", "a"],
        ["golden", "check", "a", "b", "--data", "synthetic"],
        ["export", "m.keras", "--out", "o", "--precision", "float16"],
    ],
    ids=" ".join,
)
def test_what_a_command_does_not_have(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(words) == 2
    assert f"see edgeconv {words[0]}" in capsys.readouterr().err
