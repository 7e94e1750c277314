"""Values inside a program, as the comparison layer by layer needs them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeconv.errors import BadInput
from edgeconv.runtimes.coreml_reference.executor import CHUNK
from edgeconv.runtimes.coreml_reference.runner import CoreMLReferenceRunner

from .programs import Package


def network(folder: Path, batch: int = 1, axis: int = 1) -> CoreMLReferenceRunner:
    """Float16 inside: s = x + 1, r = relu(s), a softmax, and two values without the input."""
    package = Package(folder / "inside.mlpackage")
    package.input("x", (batch, 3))
    package.op("cast", "h", (batch, 3), "float16", x="x", dtype=np.str_("fp16"))
    package.op("add", "s", (batch, 3), "float16", x="h", y=np.float32(1))
    package.op("relu", "r", (batch, 3), "float16", x="s")
    package.op("fill", "row", (1, 3), shape=[1, 3], value=np.float32(2))
    package.op("fill", "vector", (4,), shape=[4], value=np.float32(5))
    package.op("mul", "scaled", (batch, 3), "float16", x="r", y="row")
    package.op("softmax", "y", (batch, 3), x="scaled", axis=np.int32(axis))
    package.output("y", (batch, 3))
    return CoreMLReferenceRunner(package.write())


def samples(*leading: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 2, (*leading, 3)).astype(np.float32)


@pytest.mark.parametrize("axis", [1, 0])  # along 0 the samples mix, so that the runner loops
def test_every_value_under_the_leading_batch(tmp_path: Path, axis: int) -> None:
    runner = network(tmp_path, axis=axis)
    assert runner.vectorized == (axis == 1)
    x = samples(2, CHUNK + 1)
    found = runner.intermediates({"x": x})
    assert list(found) == ["h", "s", "r", "row", "vector", "scaled", "y"] == list(runner.tensors)
    assert {name: value.shape[:2] for name, value in found.items()} == dict.fromkeys(
        found, (2, CHUNK + 1)
    )
    assert found["row"].shape[2:] == (3,)
    assert found["vector"].shape[2:] == (4,)
    assert found["s"].dtype == np.float16
    np.testing.assert_array_equal(found["h"], x.astype(np.float16))
    np.testing.assert_array_equal(found["r"], np.maximum(x.astype(np.float16) + np.float16(1), 0))
    np.testing.assert_array_equal(found["y"], runner.run({"x": x})["y"])


def test_only_the_named_values(tmp_path: Path) -> None:
    assert set(network(tmp_path).intermediates({"x": samples(2)}, ["r", "y"])) == {"r", "y"}


def test_a_free_first_dimension_is_the_batch(tmp_path: Path) -> None:
    found = network(tmp_path, batch=-1).intermediates({"x": samples(5)})
    assert found["r"].shape == (5, 3)
    assert found["row"].shape == (5, 3)
    assert found["vector"].shape == (5, 4)


def test_unknown_names_and_no_samples_are_refused(tmp_path: Path) -> None:
    runner = network(tmp_path)
    with pytest.raises(BadInput, match="no tensor 'ghost'"):
        runner.intermediates({"x": samples(2)}, ["ghost"])
    with pytest.raises(BadInput, match="no sample"):
        runner.intermediates({"x": samples(0)})
