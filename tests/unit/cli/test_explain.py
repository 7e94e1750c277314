"""`edgeconv explain` from words to tables, JSON and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import pytest

from edgeconv.cli.app import run_app
from edgeconv.core import Signal
from edgeconv.ir import keras_file
from edgeconv.models import build
from tests.json_schemas import valid


def explained(capsys: pytest.CaptureFixture[str], what: object) -> Any:
    assert run_app(["explain", str(what), "--json", "-"]) == 0
    return valid(json.loads(capsys.readouterr().out))


def test_a_model_with_a_contract_says_seconds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signal = Signal(labels=("a", "b"), window=20, step=10)
    path = tmp_path / "model.keras"
    build("cnn:4k5-6k3")(signal).save(path)
    keras_file.write_contract(path, signal)
    explanation = explained(capsys, tmp_path)  # a folder with model.keras in it
    assert explanation["parameters"] == 4 * 15 + 4 + 6 * 12 + 6 + 6 * 2 + 2
    assert [row["receptive_field_seconds"] for row in explanation["layers"][1:3]] == [0.25, 0.35]
    assert run_app(["explain", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "7 (0.35 s)" in shown
    assert f"multiply-accumulates {explanation['macs']:,}" in shown


def test_a_model_without_a_contract_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "free.keras"
    keras.Sequential([keras.Input((None, 2)), keras.layers.Conv1D(1, 3, name="conv")]).save(path)
    assert run_app(["explain", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "no sensor contract in the file" in shown
    assert "MACs not known, and not in the sum: conv" in shown
    assert explained(capsys, path)["macs_not_counted"] == ["conv"]


def test_conv1d_shows_the_arithmetic(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["explain", "conv1d"]) == 0
    assert "steps 0 to 1, filter 2: 3·0 + 4·3 = 12" in capsys.readouterr().out
    assert explained(capsys, "conv1d")["examples"][1]["outputs"] == [[30], [57], [67]]


@pytest.mark.parametrize(
    ("name", "told"), [("none.keras", "no such model"), ("a.tflite", "edgeconv inspect")]
)
def test_what_is_no_keras_model_is_refused(
    name: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.tflite").write_bytes(b"TFL3")
    assert run_app(["explain", str(tmp_path / name)]) == 3
    assert told in capsys.readouterr().err
