"""Values worked out by hand where coremltools' tests have few cases: choices that are easily wrong.

The semantics are those of the MIL documentation of each operation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.errors import Unsupported
from edgeconv.runtimes.coreml_reference.ops import OPS
from edgeconv.runtimes.coreml_reference.ops.control import StateTensor


def call(kind: str, **parameters: Any) -> Any:
    return OPS[kind].function(**parameters)


def row(*values: float) -> NDArray[np.float32]:
    """One sample of one channel."""
    return np.array([[values]], np.float32)


def square(side: int) -> NDArray[np.float32]:
    """An image (1, 1, side, side) of 0, 1, 2 …"""
    return np.arange(side * side, dtype=np.float32).reshape(1, 1, side, side)


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ({"pad_type": "valid"}, [21, 32, 43]),
        ({"pad_type": "same"}, [21, 32, 43, 4]),
        ({"pad_type": "same_lower"}, [10, 21, 32, 43]),
        ({"pad_type": "custom", "pad": [1, 0]}, [10, 21, 32, 43]),
        ({"pad_type": "custom", "pad": [0, 2]}, [21, 32, 43, 4, 0]),
    ],
)
def test_where_a_convolution_pads(padding: dict[str, Any], expected: list[float]) -> None:
    """The odd element of `same` comes behind, that of `same_lower` before."""
    output = call("conv", x=row(1, 2, 3, 4), weight=row(1, 10), **padding)
    assert output.ravel().tolist() == expected


def test_a_dilated_convolution_skips_inputs() -> None:
    output = call("conv", x=row(1, 2, 3, 4), weight=row(1, 10), dilations=[2])
    assert output.ravel().tolist() == [31, 42]


def test_conv_transpose_with_dilations_and_an_output_shape() -> None:
    output = call("conv_transpose", x=row(1, 2), weight=row(1, 10), dilations=[2])
    assert output.ravel().tolist() == [1, 2, 10, 20]
    parameters = {"weight": row(1, 10, 100), "strides": [2], "output_shape": [1, 1, 4]}
    output = call("conv_transpose", x=row(1, 2), **parameters)
    assert output.ravel().tolist() == [1, 10, 102, 20]


def test_a_quantized_convolution_scales_its_weights_first() -> None:
    stored = np.array([[[1, 3]], [[2, 0]]], np.uint8)
    parameters = {
        "weight": stored,
        "quant_scale": row(10, 1)[0, 0],
        "quant_bias": row(-20, 5)[0, 0],
    }
    output = call("conv_quantized", x=row(1, 2), quantization_type="linear", **parameters)
    assert output.tolist() == [[[10], [17]]]  # (−10, 10) and (7, 5)
    with pytest.raises(Unsupported, match="lut"):
        call("conv_quantized", x=row(1, 2), quantization_type="lut", **parameters)


def test_which_windows_a_pool_looks_at() -> None:
    x, window = row(1, 5, 2, 4, 3), {"kernel_sizes": [2], "strides": [2], "pad_type": "valid"}
    assert call("max_pool", x=x, **window).ravel().tolist() == [5, 4]
    assert call("max_pool", x=x, ceil_mode=True, **window).ravel().tolist() == [5, 4, 3]
    window = {"kernel_sizes": [2], "strides": [2], "pad_type": "custom", "pad": [1, 0]}
    assert call("avg_pool", x=x, **window).ravel().tolist() == [0.5, 3.5, 3.5]
    without = call("avg_pool", x=x, exclude_padding_from_average=True, **window)
    assert without.ravel().tolist() == [1, 3.5, 3.5]


def test_exclusive_sums_from_either_end() -> None:
    x = np.array([1.0, 2, 3])
    assert call("cumsum", x=x, exclusive=True).tolist() == [0, 1, 3]
    assert call("cumsum", x=x, exclusive=True, reverse=True).tolist() == [5, 3, 0]


def test_epsilon_is_added_to_the_variance() -> None:
    one, three = np.ones(1, np.float32), np.full(1, 3, np.float32)
    output = call("batch_norm", x=row(3), mean=one, variance=three, epsilon=np.float32(1))
    assert output.tolist() == [[[1]]]


def sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def test_one_step_of_an_lstm_with_peepholes() -> None:
    """Gates in the order input, forget, output, cell; the output gate sees the new cell."""
    x, h, c = 0.7, 0.4, 0.3
    states, last, cell = call(
        "lstm",
        x=np.array([[[x]]]),
        initial_h=np.array([[h]]),
        initial_c=np.array([[c]]),
        weight_ih=np.array([[0.1], [0.2], [0.3], [0.4]]),
        weight_hh=np.array([[0.5], [0.6], [0.7], [0.8]]),
        bias=np.array([0.9, 1.0, 1.1, 1.2]),
        peephole=np.array([1.3, 1.4, 1.5]),
    )
    enter = sigmoid(0.1 * x + 0.5 * h + 0.9 + 1.3 * c)
    forget = sigmoid(0.2 * x + 0.6 * h + 1.0 + 1.4 * c)
    new = forget * c + enter * np.tanh(0.4 * x + 0.8 * h + 1.2)
    leave = sigmoid(0.3 * x + 0.7 * h + 1.1 + 1.5 * new)
    np.testing.assert_allclose(cell, [[new]], rtol=1e-6)
    np.testing.assert_allclose(last, [[leave * np.tanh(new)]], rtol=1e-6)
    np.testing.assert_allclose(states, [last], rtol=1e-6)


def test_each_way_of_an_lstm_has_its_own_weights() -> None:
    """Without a recurrent part each step is o · tanh(i · tanh(w x)) with gates of a half."""
    zero = np.zeros((4, 1))
    weight = np.array([[0.0], [0], [0], [1]])
    states, _, _ = call(
        "lstm",
        x=np.array([0.5, 1.5]).reshape(2, 1, 1),
        initial_h=np.zeros((1, 2)),
        initial_c=np.array([[0.0, 0.0]]),
        weight_ih=weight,
        weight_hh=zero,
        weight_ih_back=-2 * weight,
        weight_hh_back=zero,
        direction="bidirectional",
        output_sequence=True,
    )
    ahead = np.tanh(0.5 * np.tanh([0.5])) / 2
    back = np.tanh(0.5 * np.tanh([-3.0])) / 2
    np.testing.assert_allclose(states[0, :, 0], ahead, rtol=1e-6)
    np.testing.assert_allclose(states[1, :, 1], back, rtol=1e-6)


def test_which_channel_goes_where_in_space() -> None:
    """depth_to_space has the block before the channels, pixel_shuffle behind them."""
    x = np.arange(8.0).reshape(1, 8, 1, 1)
    deep = call("depth_to_space", x=x, block_size=2)
    assert deep.tolist() == [[[[0, 2], [4, 6]], [[1, 3], [5, 7]]]]
    shuffled = call("pixel_shuffle", x=x, upscale_factor=2)
    assert shuffled.tolist() == [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]]


def test_suppression_keeps_the_best_of_overlapping_boxes() -> None:
    """The first two boxes share most of their area; the third stands alone; the last scores low."""
    boxes = np.array([[[0, 0, 2, 2], [0.1, 0, 2, 2], [5, 5, 2, 2], [9, 9, 2, 2]]], np.float32)
    scores = np.array([[[0.8], [0.9], [0.7], [0.1]]], np.float32)
    kept, best, indices, count = call(
        "non_maximum_suppression",
        boxes=boxes,
        scores=scores,
        iou_threshold=np.float32(0.5),
        score_threshold=np.float32(0.3),
        max_boxes=3,
    )
    assert indices.tolist() == [[1, 2, -1]]
    assert count.tolist() == [2]
    np.testing.assert_array_equal(kept[0], [boxes[0, 1], boxes[0, 2], np.zeros(4)])
    np.testing.assert_array_equal(best[0, :, 0], np.array([0.9, 0.7, 0], np.float32))


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("STRICT_ALIGN_CORNERS", [0, 1 / 3, 2 / 3, 1]),
        ("DEFAULT", [0, 0.5, 1, 1]),
        ("UNALIGN_CORNERS", [0, 0.25, 0.75, 1]),
    ],
)
def test_where_a_bilinear_resize_samples(mode: str, expected: list[float]) -> None:
    x = np.array([[[[0, 1]]]], np.float32)
    output = call("resize_bilinear", x=x, target_size_width=4, sampling_mode=mode)
    np.testing.assert_allclose(output.ravel(), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("DEFAULT", [0, 0, 0, 1, 1, 1]), ("STRICT_ALIGN_CORNERS", [0, 0, 0, 1, 1, 1])],
)
def test_the_nearest_neighbor_of_a_pixel(mode: str, expected: list[float]) -> None:
    """Its center decides; upsample_nearest_neighbor takes the pixel's edge instead."""
    x = np.array([[[[0, 1]]]], np.float32)
    how = {"interpolation_mode": "NEAREST_NEIGHBOR", "sampling_mode": mode}
    output = call("resize", x=x, shape=[1, 6], resized_dims=2, **how)
    assert output.ravel().tolist() == expected
    output = call("resize", x=x, shape=[1, 3], resized_dims=2, **how)
    assert output.ravel().tolist() == [0, 1, 1]
    output = call("resize_nearest_neighbor", x=x, target_size_height=1, target_size_width=3)
    assert output.ravel().tolist() == [0, 1, 1]
    output = call("upsample_nearest_neighbor", x=x, scale_factor_height=1, scale_factor_width=1.5)
    assert output.ravel().tolist() == [0, 0, 1]


def test_a_state_keeps_what_was_written_last() -> None:
    state = StateTensor(np.zeros(2, np.float32))
    for values in ([3, 4], [5, 6]):
        call("write_state", input=state, data=np.array(values, np.float32))
    assert call("read_state", input=state).tolist() == [5, 6]


def test_scalars_join_to_a_vector() -> None:
    output = call("concat", values=(np.int32(3), np.array(4, np.int32)), axis=0)
    assert output.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("CORNERS_HEIGHT_FIRST", [[1, 2], [4, 5]]), ("CORNERS_WIDTH_FIRST", [[3, 4], [6, 7]])],
)
def test_how_a_box_is_read(mode: str, expected: list[list[float]]) -> None:
    output = call(
        "crop_resize",
        x=square(3),
        boxes=np.array([[0, 1, 1, 2]], np.float32),
        target_height=2,
        target_width=2,
        box_coordinate_mode=mode,
        sampling_mode="STRICT_ALIGN_CORNERS",
    )
    assert output.reshape(2, 2).tolist() == expected


def test_an_affine_shift_to_the_right() -> None:
    """x' = x + 1 in coordinates from −1 to 1 over three columns: one column on."""
    output = call(
        "affine",
        x=square(3),
        transform_matrix=np.array([[1, 0, 1, 0, 1, 0]], np.float32),
        output_height=3,
        output_width=3,
        sampling_mode="bilinear",
        padding_mode="constant",
        padding_value=np.float32(-1),
        coordinates_mode="normalized_minus_one_to_one",
        align_corners=True,
    )
    assert output.reshape(3, 3).tolist() == [[1, 2, -1], [4, 5, -1], [7, 8, -1]]
