"""Recordings for calibration: who must have them, and what is made without."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeconv.core import NullProgress, Signal, TrainedModel, Variant
from edgeconv.errors import UsageError
from edgeconv.targets.base import find_target
from edgeconv.workflows.steps.calibration import PROBES_ONLY, calibration_for
from edgeconv.workflows.steps.export_options import ExportOptions

MODEL = TrainedModel(Path("model.keras"), "", Signal(), parameters=0)
SYNTHETIC = ExportOptions(calibration="synthetic")


class Notes(NullProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def _variants(*schemes: str) -> list[Variant]:
    return [Variant("coreml", s, find_target("coreml").input_convention) for s in schemes]


@pytest.mark.parametrize("required", [True, False])
def test_weights_can_do_without(required: bool) -> None:
    notes, variants = Notes(), _variants("palette4", "float16", "pruned75")
    windows, windows_left, _ = calibration_for(
        variants, ExportOptions(require_calibration=required), MODEL, None, notes
    )
    assert windows is None
    assert windows_left == variants
    assert "palette4, pruned75: weights are rounded without error compensation" in notes.lines[0]


def test_activations_cannot() -> None:
    variants = _variants("palette4", "w8a8")
    with pytest.raises(UsageError, match="activation ranges of w8a8 need recordings"):
        calibration_for(variants, ExportOptions(), MODEL, None, Notes())
    notes = Notes()
    _, windows_left, _ = calibration_for(
        variants, ExportOptions(require_calibration=False), MODEL, None, notes
    )
    assert [v.scheme for v in windows_left] == ["palette4"]
    assert "w8a8 left out" in notes.lines[0]


def test_int8_weights_ask_for_none() -> None:
    notes = Notes()
    assert (
        calibration_for(_variants("int8", "int4"), ExportOptions(), MODEL, None, notes)[0] is None
    )
    assert notes.lines == []


def test_recordings_that_are_named_are_used() -> None:
    windows, _, chosen = calibration_for(_variants("float16"), SYNTHETIC, MODEL, None, Notes())
    assert windows is not None
    assert len(windows) == PROBES_ONLY
    assert chosen is not None
    assert chosen.name == "synthetic"
    recordings, _, _ = calibration_for(_variants("pruned50"), SYNTHETIC, MODEL, None, Notes())
    assert recordings is not None
    assert len(recordings) == 500
