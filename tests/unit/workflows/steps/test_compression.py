"""Whose recordings a compression learns from, and what is said of what it does not buy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeconv.core import InputConvention, Normalization, NullProgress, TrainedModel
from edgeconv.errors import BadInput, LeakError, UsageError
from edgeconv.recipes import make_variants
from edgeconv.workflows.steps.compression import (
    compression_names,
    finetune_inputs_for,
    training_subset,
    warn_of_cost,
)
from edgeconv.workflows.steps.export_options import ExportOptions
from tests.unit.training.small import SIGNAL, dataset, splits, summary

NORMALIZED = replace(
    SIGNAL, sensor=InputConvention.NORMALIZED, normalization=Normalization((0.0,) * 3, (1.0,) * 3)
)
MODEL = TrainedModel(Path("model.keras"), "", NORMALIZED, 1, summary(refitted=True))


class Listener(NullProgress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_it_learns_from_whom_the_network_was_fitted_on() -> None:
    first = replace(MODEL, training=summary())
    assert training_subset(first, splits()).subject_names == ("1", "2", "3")
    assert training_subset(MODEL, splits()).subject_names == ("1", "2", "3", "4")


def test_a_test_person_among_them_is_a_leak() -> None:
    with pytest.raises(LeakError, match="5"):
        training_subset(MODEL, splits(val=dataset("4", "5")))


def test_a_lone_model_learns_from_the_training_people_of_the_data() -> None:
    """Synthetic recordings have other windows and classes than this model's contract."""
    with pytest.raises(BadInput, match="the model's contract says"):
        finetune_inputs_for(MODEL, None, ExportOptions(data="synthetic"), NullProgress())
    with pytest.raises(UsageError, match="needs recordings"):
        finetune_inputs_for(MODEL, None, ExportOptions(), NullProgress())


def test_what_it_does_not_buy_is_said_with_figures() -> None:
    listener = Listener()
    names = ["prune80", "cluster16", "qat8"]
    variants = make_variants(["tflite"], ["int8"], compressions=names)
    assert compression_names(variants) == names
    warn_of_cost(variants, listener)
    assert [note.partition(":")[0] for note in listener.notes] == [
        *("prune80, cluster16", "cluster16 as int8"),
    ]
    assert "533 kB and 27 µs" in listener.notes[0]
    quiet = Listener()
    warn_of_cost(make_variants(["coreml"], ["float16"], compressions=["prune75"]), quiet)
    warn_of_cost(make_variants(["tflite"], ["int8"]), quiet)
    assert quiet.notes == []
