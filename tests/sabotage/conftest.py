"""One real bundle for the whole table: `har`, a short training, every file checked and passed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import edgeconv
from edgeconv.core import ExportSettings
from edgeconv.parity.context import ParityContext
from edgeconv.runtimes import unavailable
from edgeconv.workflows.parity import prepare_parity
from tests.conftest import ROOT, build_once

from .table import COMPRESSION

WITHOUT_COREAI = unavailable("any.aimodel")
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
            *edgeconv.make_variants(["onnx"], ["float32"]),
            *(edgeconv.make_variants(["coreai"], ["int8"]) if WITHOUT_COREAI is None else ()),
            replace(edgeconv.make_variants(["tflite"], ["int8"])[0], compress=COMPRESSION),
        ),
        compression=replace(recipe.compression, epochs=1),
        profile_runs=10,
    )
    return build_once(tmp_path_factory, "sabotage-bundle", lambda out: edgeconv.run(recipe, out))


@pytest.fixture(scope="session")
def embedding_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whose file gives an embedding too, of a network that was hardly trained."""
    recipe = edgeconv.load_recipe("har")
    recipe = replace(
        recipe,
        data="synthetic",
        training=replace(recipe.training, epochs=1),
        variants=edgeconv.make_variants(["tflite"], ["float32"]),
        export=ExportSettings(embedding=True),
        profile_runs=1,
    )
    return build_once(tmp_path_factory, "embedding-bundle", lambda out: edgeconv.run(recipe, out))


@pytest.fixture(scope="session")
def context(bundle: Path) -> ParityContext:
    """The windows of all test subjects, and the float model's outputs."""
    return prepare_parity(bundle)


@pytest.fixture(scope="session")
def one_subject(context: ParityContext) -> ParityContext:
    """The windows of one test subject: enough to find what is broken."""
    subject = context.dataset.subject_names[0]
    members = context.dataset.subjects == subject
    return replace(
        context,
        dataset=context.dataset.of_subjects([subject]),
        float_outputs=context.float_outputs[members],
    )


@pytest.fixture(scope="session")
def few_windows(one_subject: ParityContext) -> ParityContext:
    """A tenth of them, for Apple's interpreter, which takes one window at a time."""
    data = one_subject.dataset
    return replace(
        one_subject,
        dataset=replace(data, index=data.index[::10]),
        float_outputs=one_subject.float_outputs[::10],
    )
