"""One real bundle for the whole table: `har`, a short training, every file checked and passed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import edgeconv
from edgeconv.workflows.steps.parity_context import Trial, prepare
from tests.conftest import ROOT, build_once

RECORDINGS = ROOT.parent / "shared" / "data" / "motionsense"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """On MotionSense where it is at hand, else on the synthetic data set."""
    recipe = edgeconv.load_recipe("har")
    recipe = replace(
        recipe,
        data=f"motionsense:{RECORDINGS}" if RECORDINGS.is_dir() else "synthetic",
        training=replace(recipe.training, epochs=2 if RECORDINGS.is_dir() else 6),
        variants=(
            *edgeconv.make_variants(["tflite"], ["float32", "int8"]),
            *edgeconv.make_variants(["coreml"], ["float16"]),
        ),
        profile_runs=10,
    )
    return build_once(tmp_path_factory, "sabotage-bundle", lambda out: edgeconv.run(recipe, out))


@pytest.fixture(scope="session")
def trial(bundle: Path) -> Trial:
    """The windows of all test people, and the float model's answers."""
    return prepare(bundle)


@pytest.fixture(scope="session")
def one_person(trial: Trial) -> Trial:
    """The windows of one test person: enough to find what is broken."""
    subject = trial.dataset.subject_names[0]
    own = trial.dataset.subjects == subject
    return replace(
        trial, dataset=trial.dataset.of_subjects([subject]), reference=trial.reference[own]
    )
