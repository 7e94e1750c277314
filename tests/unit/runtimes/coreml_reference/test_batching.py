"""A program run on many samples at once gives what a loop over them gives, for every operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.runtimes.coreml_reference.executor import Engine
from edgeconv.runtimes.coreml_reference.ops import OPS
from edgeconv.runtimes.coreml_reference.plan import Planner, batched
from edgeconv.runtimes.coreml_reference.precision import Compute

from .programs import one_operation

Shapes = Mapping[str, tuple[int, ...]]
Case = tuple[Shapes, Mapping[str, Any]]

X3: Shapes = {"x": (1, 3, 8)}
X4: Shapes = {"x": (1, 4, 6, 8)}
_WEIGHT = np.linspace(-1, 1, 2 * 4 * 3 * 3).reshape(2, 4, 3, 3)
_UNARY = (
    *("abs", "acos", "asin", "atan", "atanh", "ceil", "cos", "cosh", "erf", "exp", "exp2"),
    *("floor", "gelu", "identity", "inverse", "log", "logical_not", "relu", "relu6", "round"),
    *("rsqrt", "sigmoid", "sign", "silu", "sin", "sinh", "softplus", "softsign", "sqrt"),
    *("square", "tan", "tanh"),
)
_BINARY = (
    *("add", "equal", "floor_div", "greater", "greater_equal", "less", "less_equal", "mul"),
    *("logical_and", "logical_or", "logical_xor", "maximum", "minimum", "mod", "not_equal"),
    *("pow", "real_div", "sub"),
)
_REDUCE = (
    *("reduce_l1_norm", "reduce_l2_norm", "reduce_log_sum", "reduce_log_sum_exp", "reduce_max"),
    *("reduce_mean", "reduce_min", "reduce_prod", "reduce_sum", "reduce_sum_square"),
)
_POOL = {"kernel_sizes": [2, 3], "strides": [2, 1], "pad_type": "same"}

CASES: dict[str, list[Case]] = {
    **{name: [(X3, {})] for name in _UNARY},
    **{
        name: [
            ({"x": (1, 3, 8), "y": (1, 3, 8)}, {}),
            (X3, {"y": np.full((1, 3, 1), 0.5)}),
            (X3, {"y": np.float32(0.25)}),
            (X3, {"y": np.linspace(0.1, 1, 8)}),
        ]
        for name in _BINARY
    },
    **{name: [(X4, {"axes": [2, -1], "keep_dims": True}), (X4, {"axes": [1]})] for name in _REDUCE},
    "argsort": [(X3, {"axis": 1})],
    "avg_pool": [(X4, _POOL)],
    "band_part": [(X3, {"lower": 1, "upper": 0})],
    "batch_norm": [(X4, {"mean": np.ones(4), "variance": np.arange(1.0, 5)})],
    "cast": [(X3, {"dtype": "fp32"})],
    "clamped_relu": [(X3, {"alpha": 0.3, "beta": 0.5})],
    "classify": [({"probabilities": (1, 3)}, {"classes": ["a", "b", "c"]})],
    "clip": [(X3, {"alpha": 0.2, "beta": 0.6})],
    "concat": [({"a": (1, 3, 8), "b": (1, 2, 8)}, {"values": ("a", "b"), "axis": 1})],
    "conv": [
        (X4, {"weight": _WEIGHT, "pad_type": "same", "strides": [2, 1], "bias": np.ones(2)}),
        (X4, {"weight": np.ones((4, 2, 2, 2)), "groups": 2}),
    ],
    "conv_quantized": [
        (
            X4,
            {
                "weight": np.arange(72, dtype=np.uint8).reshape(2, 4, 3, 3),
                "bias": np.ones(2),
                "quantization_type": "linear",
                "quant_scale": np.array([0.1, 0.2]),
                "quant_bias": np.float32(-3),
            },
        ),
    ],
    "conv_transpose": [(X4, {"weight": np.ones((4, 2, 2, 3)), "strides": [2, 2]})],
    "crop": [(X4, {"crop_height": [1, 2], "crop_width": [0, 1]})],
    "cumsum": [(X3, {"axis": 1})],
    "depth_to_space": [(X4, {"block_size": 2})],
    "dequantize": [({"input": (1, 3, 8)}, {"scale": np.ones(3) * 0.5, "axis": 1})],
    "elu": [(X3, {"alpha": 0.3})],
    "expand_dims": [(X3, {"axes": [1, -1]})],
    "instance_norm": [(X4, {"gamma": np.arange(4.0)})],
    "l2_norm": [(X4, {})],
    "l2_pool": [(X4, _POOL)],
    "layer_norm": [(X4, {"axes": [-1], "gamma": np.arange(8.0)})],
    "leaky_relu": [(X3, {"alpha": 0.3})],
    "linear": [(X3, {"weight": np.ones((2, 8)), "bias": np.ones(2)})],
    "linear_activation": [(X3, {"alpha": 0.3, "beta": 1.0})],
    "local_response_norm": [(X4, {"size": 3})],
    "matmul": [
        (X3, {"y": np.ones((1, 8, 2))}),
        ({"x": (1, 3, 8), "y": (1, 2, 8)}, {"transpose_y": True}),
        ({"x": (1, 8)}, {"y": np.ones((8, 2))}),
    ],
    "max_pool": [(X4, _POOL)],
    "pixel_shuffle": [(X4, {"upscale_factor": 2})],
    "pixel_unshuffle": [(X4, {"downscale_factor": 2})],
    "prelu": [(X3, {"alpha": np.arange(3.0)})],
    "quantize": [({"input": (1, 3, 8)}, {"scale": np.float32(0.1), "output_dtype": "int8"})],
    "reduce_argmax": [(X3, {"axis": -1})],
    "reduce_argmin": [(X3, {"axis": 1})],
    "reshape": [(X3, {"shape": [1, 24]}), (X3, {"shape": [1, -1, 2, 3]})],
    "resize_bilinear": [(X4, {"target_size_height": 3, "target_size_width": 9})],
    "resize_nearest_neighbor": [(X4, {"target_size_height": 3, "target_size_width": 9})],
    "reverse": [(X3, {"axes": [1]})],
    "scaled_tanh": [(X3, {"alpha": 0.3, "beta": 0.5})],
    "select": [({"a": (1, 3, 8)}, {"cond": np.eye(3, 8) > 0, "b": np.float32(0)})],
    "sigmoid_hard": [(X3, {"alpha": 0.3, "beta": 0.5})],
    "slice_by_index": [
        (X3, {"begin": [0, 1, -5], "end": [1, 3, -1], "stride": [1, 1, 2]}),
        (
            X3,
            {
                "begin": [0, 1, 0],
                "end": [1, 0, 0],
                "squeeze_mask": [False, True, False],
                "end_mask": [False, False, True],
            },
        ),
    ],
    "slice_by_size": [(X3, {"begin": [0, 1, 2], "size": [1, 2, -1]})],
    "sliding_windows": [(X3, {"axis": 2, "size": 3, "stride": 2})],
    "softmax": [(X3, {"axis": 1}), (X3, {})],
    "softplus_parametric": [(X3, {"alpha": np.ones(3), "beta": np.arange(3.0)})],
    "space_to_depth": [(X4, {"block_size": 2})],
    "split": [(X4, {"num_splits": 2, "axis": 1})],
    "squeeze": [({"x": (1, 1, 3, 1)}, {"axes": [1, 3]})],
    "threshold": [(X3, {"alpha": 0.3})],
    "thresholded_relu": [(X3, {"alpha": 0.3})],
    "topk": [(X3, {"k": 2, "axis": -1})],
    "transpose": [(X4, {"perm": [0, 3, 1, 2]})],
    "upsample_bilinear": [(X4, {"scale_factor_height": 2, "scale_factor_width": 3})],
    "upsample_nearest_neighbor": [(X4, {"scale_factor_height": 2, "scale_factor_width": 3})],
}


def draw(shapes: Shapes, n: int) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(7)
    return {k: rng.uniform(0.05, 0.95, (n, *s[1:])).astype(np.float32) for k, s in shapes.items()}


@pytest.mark.parametrize("kind", sorted(CASES))
def test_many_samples_at_once_equal_a_loop(kind: str) -> None:
    for shapes, parameters in CASES[kind]:
        samples = draw(shapes, 5)
        block = one_operation(kind, {k: v[:1] for k, v in samples.items()}, parameters)
        plan = Planner(Compute.FLOAT32).plan(block)
        many = batched(plan)
        assert many is not None, (kind, parameters)
        engine = Engine(Compute.FLOAT32)
        together = engine.run(many, samples)
        for row in range(5):
            alone = engine.run(plan, {k: v[row : row + 1] for k, v in samples.items()})
            for name, value in alone.items():
                if value.dtype.kind == "f":
                    np.testing.assert_allclose(
                        together[name][row : row + 1], value, rtol=1e-5, atol=1e-6
                    )
                else:
                    np.testing.assert_array_equal(together[name][row : row + 1], value)


def test_every_rule_is_tried() -> None:
    assert set(CASES) == {name for name, op in OPS.items() if op.batch_rule is not None}


MIXED: dict[str, Case] = {
    "softmax": (X3, {"axis": 0}),
    "reduce_sum": (X3, {"axes": [0, 1]}),
    "reduce_mean": (X3, {}),
    "transpose": (X3, {"perm": [1, 0, 2]}),
    "squeeze": (X3, {}),
    "expand_dims": (X3, {"axes": [0]}),
    "reshape": (X3, {"shape": [3, 8]}),
    "concat": ({"a": (1, 3, 8), "b": (1, 3, 8)}, {"values": ("a", "b"), "axis": 0}),
    "add": (X3, {"y": np.ones((2, 3, 8))}),
    "mul": ({"x": (1, 3, 8), "y": (1, 8)}, {}),
    "matmul": ({"x": (1, 8)}, {"y": np.ones((1, 3)), "transpose_x": True}),
    "l2_norm": (X3, {}),
    "gather": ({"x": (1, 3, 8)}, {"indices": np.array([0]), "axis": 1}),
    "cumsum": (X3, {}),
    "slice_by_index": (
        X3,
        {"begin": [0, 0, 0], "end": [1, 3, 8], "squeeze_mask": [True, False, False]},
    ),
}


@pytest.mark.parametrize("kind", sorted(MIXED))
def test_operations_that_mix_samples_are_looped(kind: str) -> None:
    shapes, parameters = MIXED[kind]
    block = one_operation(kind, draw(shapes, 1), parameters)
    assert batched(Planner(Compute.FLOAT32).plan(block)) is None
