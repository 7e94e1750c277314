"""Kernels come out of a `.tflite` file as they were put in, whatever their storage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeconv.errors import BadInput
from edgeconv.targets.tflite.weights import TFLiteConstant, TFLiteKernel, read_kernels
from tests.unit.targets.lints.flatbuffers_by_hand import Net, Op, Tensor

NUMBERS = np.array([[-8, 7, 0], [1, -1, 3], [5, 0, -4]], np.int8)


def net(weight: Tensor, *before: Op, reads: str = "w") -> Net:
    made = Net()
    made.tensors = [
        *(t for t in made.tensors if t.name not in ("sensor", "w")),
        *(Tensor("sensor", (1, 3)), weight, Tensor("wide", weight.shape)),
    ]
    made.ops = [*before, Op("FULLY_CONNECTED", ["sensor", reads, "b"], ["scores"]), made.ops[-1]]
    return made


def only(path: Path) -> tuple[TFLiteKernel, TFLiteConstant]:
    (kernel,) = read_kernels(path)
    assert kernel.weight is not None
    return kernel, kernel.weight


def test_int4_lies_two_in_a_byte_the_first_below(tmp_path: Path) -> None:
    halves = [*(NUMBERS.ravel() & 15).tolist(), 0]
    packed = np.array(
        [low | high << 4 for low, high in zip(halves[::2], halves[1::2], strict=True)], np.uint8
    )
    weight = Tensor("w", (3, 3), "INT4", data=packed, scale=0.5)
    kernel, constant = only(net(weight).write(tmp_path / "a.tflite"))
    assert (constant.dtype, kernel.name) == ("int4", "scores")
    assert (constant.stored == NUMBERS).all()
    assert (constant.values == NUMBERS / 2).all()


@pytest.mark.parametrize(("name", "dtype"), [("FLOAT32", "<f4"), ("INT8", "i1")])
def test_a_kernel_is_read_as_it_is_stored(name: str, dtype: str, tmp_path: Path) -> None:
    weight = Tensor("w", (3, 3), name, data=NUMBERS.astype(dtype))
    _, constant = only(net(weight).write(tmp_path / "a.tflite"))
    assert (constant.stored == NUMBERS).all()


def test_float16_is_read_through_what_widens_it(tmp_path: Path) -> None:
    weight = Tensor("w", (3, 3), "FLOAT16", data=NUMBERS.astype("<f2"))
    made = net(weight, Op("DEQUANTIZE", ["w"], ["wide"]), reads="wide")
    _, constant = only(made.write(tmp_path / "a.tflite"))
    assert constant.dtype == "float16"
    assert (constant.stored == NUMBERS).all()


def test_a_kernel_that_is_no_constant_is_none(tmp_path: Path) -> None:
    made = net(Tensor("w", (3, 3)))
    made.inputs = ["sensor", "w"]
    (kernel,) = read_kernels(made.write(tmp_path / "a.tflite"))
    assert kernel.weight is None
    assert kernel.has_bias


def test_a_broken_file_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(b"\0\0\0\0TFL3")
    with pytest.raises(BadInput, match="truncated or damaged"):
        read_kernels(path)
