"""Which shapes hold a window, and how; what does not is refused by name.

Any batch through inferences of one size.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import Runner, Signal, TensorSpec
from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes.window_shapes import Arrays, FixedBatch, class_output, shaped_input


class Opened:
    """What the shapes are read from."""

    def __init__(
        self, shape: tuple[int, ...], outputs: dict[str, TensorSpec] | None = None
    ) -> None:
        self.inputs = {"x": TensorSpec("x", shape, "float32")}
        head = (shape[0], 6)
        self.outputs = outputs or {"y": TensorSpec("y", head, "float32")}


def opened(shape: tuple[int, ...], **options: Any) -> Runner:
    return cast("Runner", Opened(shape, **options))


SIGNAL = Signal(window=80)
WINDOWS = np.arange(2 * 240, dtype=np.float32).reshape(2, 240)
STEPS = WINDOWS.reshape(2, 80, 3)


@pytest.mark.parametrize(
    "shape",
    [(1, 240), (1, 80, 3), (1, 1, 80, 3), (1, 80, 3, 1), (1, 80, 1, 3), (1, 4, 20, 3), (-1, 80, 3)],
)
def test_time_major_shapes_keep_the_order(shape: tuple[int, ...]) -> None:
    name, array = shaped_input(opened(shape), WINDOWS, SIGNAL)
    assert name == "x"
    assert array.shape == (2, *shape[1:])
    assert np.array_equal(array.reshape(2, -1), WINDOWS)


@pytest.mark.parametrize("shape", [(1, 3, 80), (1, 3, 1, 80), (1, 1, 3, 80), (1, 3, 8, 10)])
def test_channel_first_shapes_are_transposed(shape: tuple[int, ...]) -> None:
    _, array = shaped_input(opened(shape), WINDOWS, SIGNAL)
    assert array.shape == (2, *shape[1:])
    assert np.array_equal(array.reshape(2, 3, 80), STEPS.transpose(0, 2, 1))


def test_an_unknown_dimension_takes_the_rest() -> None:
    _, array = shaped_input(opened((1, -1, 3)), WINDOWS, SIGNAL)
    assert array.shape == (2, 80, 3)
    _, array = shaped_input(opened((1, 3, -1)), WINDOWS, SIGNAL)
    assert np.array_equal(array, STEPS.transpose(0, 2, 1))


def test_as_many_steps_as_channels_is_time_major() -> None:
    square = np.arange(9, dtype=np.float32).reshape(1, 9)
    _, array = shaped_input(opened((1, 3, 3)), square, Signal(window=3, step=1))
    assert np.array_equal(array.reshape(1, 9), square)


@pytest.mark.parametrize(
    "shape", [(1, 241), (1, 128, 3), (1, 16, 15), (1, -1, -1), (1, -1, 7), (1, 10, 3, 8)]
)
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="80 time steps × 3 channels = 240 values"):
        shaped_input(opened(shape), WINDOWS, SIGNAL)


def test_two_inputs_are_refused() -> None:
    two = Opened((1, 240))
    two.inputs["again"] = two.inputs["x"]
    with pytest.raises(BadInput, match="2 inputs"):
        shaped_input(cast("Runner", two), WINDOWS, SIGNAL)


@given(st.integers(2, 40), st.integers(1, 6))
def test_every_reading_arrives_once(window: int, channels: int) -> None:
    signal = Signal(channels=tuple("abcdef"[:channels]), window=window, step=1)
    windows = np.arange(window * channels, dtype=np.float32)[None]
    for shape in ((1, channels, window), (1, window, channels)):
        _, array = shaped_input(opened(shape), windows, signal)
        assert sorted(array.ravel().tolist()) == windows[0].tolist()


def test_which_output_holds_the_classes() -> None:
    label = TensorSpec("label", (1,), "string")
    hidden = TensorSpec("hidden", (1, 32), "float32")
    scores = TensorSpec("scores", (1, 6), "float32")
    named = TensorSpec("probabilities", (1, 6), "float32")
    found = {"label": label, "scores": scores}
    assert class_output(opened((1, 240), outputs=found)) == "scores"
    several = {"hidden": hidden, "scores": scores}
    assert class_output(opened((1, 240), outputs=several), 6) == "scores"
    assert class_output(opened((1, 240), outputs={**several, "probabilities": named})) == (
        "probabilities"
    )
    with pytest.raises(BadInput, match="cannot tell"):
        class_output(opened((1, 240), outputs=several))
    with pytest.raises(BadInput, match="cannot tell"):
        class_output(opened((1, 240), outputs={"label": label}))


FILE = Path("m.tflite")


def steps(size: int, scale: float | None = None) -> FixedBatch:
    """`size` samples an inference; 0: the tensors have no batch dimension."""
    head = (size,) if size else ()
    dtype, zero = ("int8", 3) if scale else ("float32", None)
    return FixedBatch(
        FILE,
        {"x": TensorSpec("x", (*head, 4), dtype, scale, zero)},
        {"y": TensorSpec("y", (*head, 2) if size else (5, 2), dtype, scale, zero)},
    )


def first_two(arrays: Arrays, count: int) -> Arrays:
    """The output of a sample is the start of its input."""
    x = arrays["x"]
    assert len(x) == count
    return {"y": x[..., :2]}


@given(
    st.integers(1, 4),
    st.sampled_from([(), (0,), (1,), (3,), (8,), (2, 3), (2, 0)]),
)
def test_each_sample_comes_back_in_its_place(size: int, leading: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(*leading, 4)).astype(np.float32)
    found = steps(size).run({"x": x}, first_two)["y"]
    np.testing.assert_array_equal(found, x[..., :2])


def test_without_a_batch_dimension_a_sample_is_the_whole_shape() -> None:
    def spread(arrays: Arrays, count: int) -> Arrays:
        return {"y": np.broadcast_to(arrays["x"][:, None, :2], (count, 5, 2))}

    found = steps(0).run({"x": np.ones((3, 4), np.float32)}, spread)["y"]
    assert found.shape == (3, 5, 2)


def test_real_numbers_are_stored_and_read_by_scale_and_zero_point() -> None:
    def check(arrays: Arrays, count: int) -> Arrays:
        assert arrays["x"].dtype == np.int8
        np.testing.assert_array_equal(arrays["x"][0, 0], [3, 5, 1, 127])
        return first_two(arrays, count)

    found = steps(1, 0.5).run({"x": np.array([[0.0, 1.0, -1.0, 900.0]], np.float32)}, check)
    np.testing.assert_array_equal(found["y"], [[0.0, 1.0]])


@pytest.mark.parametrize("shape", [(-1, 4), (1, 0)])
def test_without_a_fixed_shape_it_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(Unsupported, match=r"'x' has no fixed shape.*batch 1"):
        FixedBatch(FILE, {"x": TensorSpec("x", shape, "float32")}, {})


def test_timing_takes_exactly_one_inference() -> None:
    two: dict[str, Any] = {"x": np.zeros((2, 4), np.float32)}
    single, leading = steps(2).single(two)
    assert single["x"].shape == (2, 4)
    assert leading == (2,)
    with pytest.raises(BadInput, match=r"takes 1 sample\(s\) for timing, got 2"):
        steps(1).single(two)
