"""Inputs of named tensors: files that fit and files that do not, and seeded random numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import NamedTensor, Tensors
from edgeconv.datasets.samples import random_samples, samples_of, shapes_in
from edgeconv.errors import BadInput, UsageError

CONTRACT = Tensors(
    (NamedTensor("x", (2, 3)), NamedTensor("ids", (4,), "int32", 0, 9)),
    (NamedTensor("y", (2,), meaning="probabilities"),),
    ("no", "yes"),
)
GOOD: dict[str, Any] = {
    "x": np.ones((5, 2, 3)),
    "ids": np.arange(20).reshape(5, 4) % 10,
    "labels": np.array(["yes", "no", "no", "yes", "no"]),
    "subject": np.arange(5),
}


def test_a_file_gives_arrays_in_the_contracts_order_and_types(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", **GOOD)
    samples = samples_of(f"npz:{tmp_path / 'data.npz'}", CONTRACT)
    assert [(n, str(a.dtype), a.shape) for n, a in samples.arrays.items()] == [
        ("x", "float32", (5, 2, 3)),
        ("ids", "int32", (5, 4)),
    ]
    assert samples.labels is not None
    assert samples.labels.tolist() == [1, 0, 0, 1, 0]
    assert samples.subjects is not None
    assert samples.subjects.tolist() == ["0", "1", "2", "3", "4"]
    assert not samples.random
    assert shapes_in(f"npz:{tmp_path / 'data.npz'}")["x"] == (2, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": None}, "the model's inputs are x"),
        ({"z": np.ones(5)}, "holds ids, x, z"),
        ({"x": np.ones((5, 3, 2))}, "has shape"),
        ({"x": np.full((5, 2, 3), np.nan)}, "NaN"),
        ({"x": np.full((5, 2, 3), "a")}, "no numbers"),
        ({"ids": np.full((5, 4), 0.5)}, "holds fractions"),
        ({"ids": np.full((5, 4), 2**40)}, "beyond int32"),
        ({"labels": np.array(["maybe"] * 5)}, "no class maybe"),
        ({"labels": np.zeros((5, 2), int)}, "one class a sample"),
        ({"labels": np.zeros(4, int)}, "one row a sample"),
        ({"x": np.ones((0, 2, 3)), "ids": np.ones((0, 4), int)}, "one row a sample"),
    ],
)
def test_arrays_that_do_not_fit_are_named(change: dict[str, Any], message: str) -> None:
    arrays = {k: v for k, v in (GOOD | change).items() if v is not None}
    with pytest.raises(BadInput, match=message):
        samples_of(arrays, CONTRACT)


def test_the_array_of_an_only_input_needs_no_name() -> None:
    only = Tensors(CONTRACT.inputs[:1], CONTRACT.outputs)
    arrays = {"arr_0": GOOD["x"], "labels": np.zeros(5, int)}
    assert shapes_in(arrays) == {"arr_0": (2, 3)}
    assert list(samples_of(arrays, only).arrays) == ["x"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", b"text"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"data\.npz"):
        samples_of(f"npz:{path}", CONTRACT)
    with pytest.raises(BadInput, match="no such file"):
        samples_of("npz:nowhere.npz", CONTRACT)


def test_python_objects_and_single_arrays_are_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", x=np.array([{}], object))
    np.save(tmp_path / "one.npy", np.ones(3))
    for name in ("objects.npz", "one.npy"):
        with pytest.raises(BadInput, match=name):
            samples_of(f"npz:{tmp_path / name}", CONTRACT)


def test_windows_of_a_sensor_are_no_named_tensors() -> None:
    with pytest.raises(UsageError, match="'synthetic' are no data for this model"):
        samples_of("synthetic", CONTRACT)
    with pytest.raises(UsageError, match="names no file"):
        samples_of("npz:", CONTRACT)


def test_random_inputs_lie_in_the_declared_range_and_say_where_none_is() -> None:
    samples = random_samples(CONTRACT, 200)
    again, other = random_samples(CONTRACT, 200), random_samples(CONTRACT, 200, seed=1)
    assert samples.sha256 == again.sha256 != other.sha256
    assert samples.random
    assert sorted(np.unique(samples.arrays["ids"]).tolist()) == list(range(10))
    assert abs(samples.arrays["x"].std() - 1) < 0.1
    assert "since x declares no range" in samples.origin
    declared = Tensors((NamedTensor("x", (3,), low=2.0, high=4.0),), CONTRACT.outputs)
    numbers = random_samples(declared).arrays["x"]
    assert 2 <= numbers.min() < 2.2
    assert 3.8 < numbers.max() <= 4
