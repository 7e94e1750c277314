"""Windows over time, and convolutions worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.ir.nodes import Conv, Depthwise, Value
from edgeconv.ir.nodes.convolution import PADDINGS, Window


@given(
    st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), st.sampled_from(PADDINGS), st.data()
)
def test_window_gathers_as_many_positions_as_it_says(
    taps: int, stride: int, dilation: int, padding: str, data: st.DataObject
) -> None:
    window = Window((taps,), (stride,), (dilation,), padding)
    steps = data.draw(st.integers((taps - 1) * dilation + 1, 20))
    gathered = window.gather(np.arange(steps, dtype=float).reshape(1, steps, 1), -1.0)
    assert gathered.shape == (1, *window.output((steps,)), 1, taps)
    if padding == "valid":
        assert gathered[0, 0, 0].tolist() == [i * dilation for i in range(taps)]
    if padding == "causal":
        assert gathered[0, :, 0, -1].tolist() == list(range(0, steps, stride))


@pytest.mark.parametrize("illegal", [{"padding": "full"}, {"stride": (0,)}, {"dilation": (1, 1)}])
def test_illegal_windows_are_refused(illegal: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no window over positions"):
        Window((3,), **illegal)  # type: ignore[arg-type]  # on purpose


def test_a_kernel_that_does_not_fit_its_input_is_refused() -> None:
    entry = Value("x", (8, 3))
    with pytest.raises(ValueError, match="node 'c': kernel"):
        Conv(label="c", inputs=(entry,), kernel=np.ones((2, 4, 5)), bias=np.zeros(5))


def test_convolution_by_hand() -> None:
    entry = Value("x", (4, 1))
    kernel = np.array([[[1.0]], [[2.0]]])
    conv = Conv(label="c", inputs=(entry,), kernel=kernel, bias=np.zeros(1))
    assert conv.evaluate(np.array([[[0.0], [3], [4], [5]]])).ravel().tolist() == [6, 11, 14]


def test_with_kernel_bits_rounds_each_output_and_depthwise_to_8_at_least() -> None:
    rng = np.random.default_rng(0)
    entry = Value("x", (9, 4))
    conv = Conv(
        label="c", inputs=(entry,), kernel=rng.normal(size=(3, 4, 5)), bias=np.zeros(5)
    ).with_kernel_bits(4)
    for output in range(5):
        assert np.unique(conv.kernel[..., output]).size <= 15
    deep = Depthwise(
        label="d", inputs=(entry,), kernel=rng.normal(size=(3, 4, 1)), bias=np.zeros(4)
    )
    error = np.abs(deep.with_kernel_bits(4).kernel - deep.kernel).max()
    assert error <= np.abs(deep.kernel).max() / 127 / 2 * 1.001
