"""Flexible shapes are judged by running the package at the sizes that it declares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import ExportReport, NullProgress, Severity
from edgeconv.errors import BadInput
from edgeconv.runtimes.coreml_reference.runner import CoreMLReferenceRunner
from edgeconv.targets import files
from edgeconv.workflows.inspect import inspect_file
from edgeconv.workflows.steps.hazards import (
    LARGEST,
    lint_flexible,
    observed_ranges,
    with_findings,
)
from edgeconv.workflows.steps.models_under_test import tensors_in
from tests.unit.targets.onnx import networks

SIZE = 8
Convert = Callable[..., Path]


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    """A TensorFlow function of one window, converted with the flexible shape that is given."""

    def make(function: Any, shape: Any) -> Path:
        import coremltools as ct
        import tensorflow as tf

        entry = tf.TensorSpec((1, SIZE, 1), tf.float32, name="sensor")
        traced = tf.function(function, input_signature=[entry]).get_concrete_function()
        package = ct.convert(
            [traced],
            source="tensorflow",
            convert_to="mlprogram",
            inputs=[ct.TensorType(name="sensor", shape=shape)],
            skip_model_load=True,
        )
        package.save(str(tmp_path / "flexible.mlpackage"))
        return tmp_path / "flexible.mlpackage"

    return make


def traced_static(sensor: Any) -> Any:
    """The reshape keeps the one window that the trace saw; nobody says so at the conversion."""
    import tensorflow as tf

    flat = tf.reshape(tf.transpose(sensor * 2.0, (0, 2, 1)), (1, SIZE))
    return tf.matmul(flat, tf.constant(np.eye(SIZE, 3, dtype=np.float32)))


def really_flexible(sensor: Any) -> Any:
    return sensor * 2.0


def test_samples_give_the_range_of_each_value(tmp_path: Path) -> None:
    """Of a file of another tool, by its own inputs; 120 samples go in three parts."""
    kernel, bias = networks.weights()
    samples = np.random.default_rng(2).normal(size=(120, 6)).astype(np.float32)
    large = networks.classifier()
    large.graph.initializer[0].CopyFrom(networks.constant("kernel", kernel * 1e5))
    sums = samples @ (kernel * 1e5) + bias
    np.savez(tmp_path / "samples.npz", sensor=samples)
    path = networks.write(tmp_path / "large.onnx", large)
    ranges = observed_ranges(path, tensors_in(path, None), (samples,))
    np.testing.assert_allclose(ranges["sums"], (sums.min(), sums.max()), rtol=1e-5)
    assert 0 <= ranges["probabilities"][0] <= ranges["probabilities"][1] <= 1
    first = observed_ranges(path, tensors_in(path, None), (samples,), enough=1)["sums"]
    np.testing.assert_allclose(first, (sums[:5].min(), sums[:5].max()), rtol=1e-5)
    inspection = inspect_file(path, f"npz:{tmp_path / 'samples.npz'}")
    assert inspection.samples.endswith("samples.npz: 120 samples")
    (overflow,) = (f for f in inspection.lints if f.rule == "float16-overflow")
    assert (overflow.where, overflow.places) == ("sums", 1)
    assert "float16-overflow" not in {f.rule for f in inspect_file(path).lints}


def test_a_file_with_findings_keeps_them_whether_it_ran_or_not(tmp_path: Path) -> None:
    notes: list[str] = []

    class Notes(NullProgress):
        def note(self, text: str) -> None:
            notes.append(text)

    path = networks.write(tmp_path / "plain.onnx", networks.classifier())
    artifact = files.describe(path)
    samples = (np.zeros((2, 6), np.float32),)
    fine = with_findings(artifact, samples, Notes())
    assert [f.rule for f in fine.export.findings] == ["no-contract", "no-labels"]
    assert notes == []
    refused = with_findings(artifact, (np.zeros((2, 5), np.float32),), Notes())
    assert refused.export.findings == fine.export.findings
    assert "plain.onnx: rules about the size of numbers did not run: " in notes[0]
    assert ExportReport.from_json(fine.export.to_json()) == fine.export


@pytest.mark.heavy
def test_a_flexible_shape_that_was_traced_static_fails(convert: Convert) -> None:
    import coremltools as ct

    path = convert(traced_static, (ct.RangeDim(1, 4, 1), SIZE, 1))
    (finding,) = lint_flexible(path)
    assert (finding.rule, finding.severity, finding.where) == (
        "flexible-shape",
        Severity.ERROR,
        "sensor",
    )
    assert "sensor = 4 × 8 × 1" in finding.text
    assert "1 of 2 sizes fail" in finding.text
    lints = inspect_file(path).to_json()["lints"]
    assert lints[0]["rule"] == "flexible-shape"  # the gravest stands first
    assert lints[0]["severity"] == "error"


@pytest.mark.heavy
def test_enumerated_shapes_are_all_run(convert: Convert) -> None:
    import coremltools as ct

    shapes = ct.EnumeratedShapes([(1, SIZE, 1), (2, SIZE, 1), (3, SIZE, 1)])
    (finding,) = lint_flexible(convert(traced_static, shapes))
    assert "2 of 3 sizes fail" in finding.text


@pytest.mark.heavy
def test_a_shape_that_is_flexible_passes(convert: Convert) -> None:
    import coremltools as ct

    assert lint_flexible(convert(really_flexible, (1, ct.RangeDim(SIZE, 64, SIZE), 1))) == []


@pytest.mark.heavy
def test_what_is_too_large_is_said_to_be_not_run(convert: Convert) -> None:
    import coremltools as ct

    path = convert(really_flexible, (1, ct.RangeDim(SIZE, LARGEST + 1, SIZE), 1))
    (finding,) = lint_flexible(path)
    assert finding.severity is Severity.HINT
    assert "too large to run here" in finding.text


@pytest.mark.heavy
def test_a_shape_that_is_not_allowed_is_refused_as_core_ml_does(convert: Convert) -> None:
    import coremltools as ct

    def infer(path: Path, *shape: int) -> tuple[int, ...]:
        with CoreMLReferenceRunner(path) as runner:
            (output,) = runner.infer({"sensor": np.ones(shape, np.float32)}).values()
        return output.shape

    ranged = convert(really_flexible, (1, ct.RangeDim(SIZE, 64, SIZE), 1))
    assert infer(ranged, 1, 64, 1) == (1, 64, 1)
    for size in (SIZE - 1, 65):
        with pytest.raises(BadInput, match=rf"not in allowed range.*allows \(1, {SIZE}…64, 1\)"):
            infer(ranged, 1, size, 1)
    shapes = ct.EnumeratedShapes([(1, SIZE, 1), (3, SIZE, 1)])
    listed = convert(really_flexible, shapes)
    assert infer(listed, 3, SIZE, 1) == (3, SIZE, 1)
    with pytest.raises(BadInput, match=rf"\(2 x {SIZE} x 1\) was not in enumerated set"):
        infer(listed, 2, SIZE, 1)


@pytest.mark.heavy
def test_a_fixed_shape_is_not_run(convert: Convert) -> None:
    assert lint_flexible(convert(really_flexible, (1, SIZE, 1))) == []
