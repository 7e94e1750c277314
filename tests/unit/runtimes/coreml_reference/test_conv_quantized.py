"""conv_quantized: MIL's formula, and what it leaves open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes.coreml_reference.precision import Compute
from edgeconv.targets.coreml.program import Argument

from .programs import constant, one_operation, run

X = np.arange(12, dtype=np.float32).reshape(1, 2, 6)
WEIGHT = np.array([[[0, 1], [2, 3]], [[4, 5], [6, 7]]], np.uint8)
LINEAR = {
    "weight": WEIGHT,
    "quantization_type": "linear",
    "quant_scale": np.array([0.5, 2.0], np.float32),
    "quant_bias": np.array([-1.0, 3.0], np.float32),
}


def output(parameters: dict[str, Any]) -> Any:
    """Of parameters that may be refused: the block is made of ones that are not."""
    good = one_operation("conv_quantized", {"x": X}, LINEAR)
    (op,) = good.operations
    made = one_operation("identity", {"x": X}, {})
    inputs: dict[str, tuple[Argument, ...]] = {k: (constant(v),) for k, v in parameters.items()}
    inputs["x"] = ("x",)
    changed = replace(made, operations=(replace(op, inputs=inputs),))
    return run(changed, {"x": X}, Compute.FLOAT32)[0]


@pytest.mark.parametrize("single", [False, True])
def test_scale_and_bias_of_the_weights(single: bool) -> None:
    changes: dict[str, Any] = {"quant_scale": 0.25, "quant_bias": -1.5} if single else {}
    parameters = {**LINEAR, **changes, "bias": np.array([10.0, 20.0], np.float32)}
    scale = np.reshape(np.asarray(parameters["quant_scale"], np.float32), (-1, 1, 1))
    offset = np.reshape(np.asarray(parameters["quant_bias"], np.float32), (-1, 1, 1))
    real = WEIGHT.astype(np.float32) * scale + offset
    windows = np.stack([X[0, :, i : i + 2] for i in range(5)])  # (5, in, kernel)
    expected = np.einsum("tck,ock->ot", windows, real) + np.array([[10.0], [20.0]])
    np.testing.assert_allclose(output(parameters)[0], expected)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"quantization_type": "lut"}, "has no table"),
        ({"bias": np.array([1, 2], np.uint8)}, "bias of type uint8"),
    ],
)
def test_what_mil_leaves_open_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(Unsupported, match=said) as caught:
        output({**LINEAR, **change})
    assert "'conv_quantized' (output 'y0', number 0)" in caught.value.message
    assert caught.value.exit_code == 4


def test_weights_of_too_many_bits() -> None:
    assert output({**LINEAR, "nbits": 3}).shape == (1, 2, 5)
    with pytest.raises(BadInput, match="7 has more than 2 bits"):
        output({**LINEAR, "nbits": 2})
