"""Constant inputs for every operation that coremltools can evaluate itself.

Each entry makes several cases: the parameters of one operation, by MIL's names. Random values come
from a generator seeded by the operation's name.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from . import oracle_inputs as draw
from .oracle_inputs import Case, Make, floats, ints, real, several, unary, whole

CASES: dict[str, Make] = {
    **{name: unary() for name in ("atan", "ceil", "cos", "erf", "exp", "floor", "round", "sin")},
    **{name: unary() for name in ("sinh", "cosh", "tanh", "relu", "relu6", "sigmoid", "softplus")},
    **{name: unary() for name in ("softsign", "identity")},
    **{name: unary(integers=True) for name in ("abs", "sign", "square")},
    "exp2": unary(),
    "acos": unary(-1, 1),
    "asin": unary(-1, 1),
    "atanh": unary(-0.99, 0.99),
    "tan": unary(-1.4, 1.4),
    "sqrt": unary(0, 9),
    "rsqrt": unary(0.25, 9, epsilon=np.float32(0.1)),
    "log": unary(0.25, 9, epsilon=np.float32(0.1)),
    "inverse": unary(0.25, 9, epsilon=np.float32(0.1)),
    "clip": unary(alpha=np.float32(-1), beta=np.float32(1.5)),
    "threshold": unary(alpha=np.float32(0.5)),
    "clamped_relu": unary(alpha=np.float32(0.3), beta=np.float32(1.5)),
    "elu": unary(alpha=np.float32(0.7)),
    "leaky_relu": unary(alpha=np.float32(0.1)),
    "linear_activation": unary(alpha=np.float32(0.5), beta=np.float32(-1)),
    "scaled_tanh": unary(alpha=np.float32(1.5), beta=np.float32(0.5)),
    "sigmoid_hard": unary(alpha=np.float32(0.3), beta=np.float32(0.4)),
    "thresholded_relu": unary(alpha=np.float32(0.5)),
    "gelu": several(
        lambda r: {"x": draw.HALVES},
        lambda r: {"x": draw.HALVES, "mode": "EXACT"},
        lambda r: {"x": draw.HALVES, "mode": "TANH_APPROXIMATION"},
        lambda r: {"x": real(r, 2, 5), "mode": "SIGMOID_APPROXIMATION"},
    ),
    "softmax": several(
        lambda r: {"x": real(r, 2, 3, 4)},
        lambda r: {"x": real(r, 2, 3, 4), "axis": 1},
        lambda r: {"x": floats([[1000, 1001], [-5, 5]]), "axis": 0},
    ),
    "prelu": several(
        lambda r: {"x": real(r, 2, 3, 4), "alpha": np.full(3, 0.3, np.float32)},
        lambda r: {"x": real(r, 1, 2, 3, 4), "alpha": real(r, 2)},
    ),
    "softplus_parametric": several(
        lambda r: {"x": real(r, 2, 3, 4), "alpha": real(r, 3), "beta": real(r, 3)},
        lambda r: {"x": real(r, 1, 2, 3, 4), "alpha": real(r, 2), "beta": real(r, 2)},
    ),
    **{name: draw.binary() for name in ("add", "sub", "mul", "maximum", "minimum")},
    **{name: draw.binary() for name in ("equal", "not_equal", "less", "less_equal")},
    **{name: draw.binary() for name in ("greater", "greater_equal")},
    "pow": draw.binary(positive=True, integers=False),
    **dict.fromkeys(("real_div", "floor_div", "mod"), draw.quotient),
    **dict.fromkeys(("logical_and", "logical_or", "logical_xor"), draw.logical),
    "logical_not": draw.negation,
    **{f"reduce_{name}": draw.reduction() for name in ("max", "min", "sum", "prod", "sum_square")},
    "reduce_mean": draw.reduction(integers=False),
    "reduce_l1_norm": draw.reduction(),
    "reduce_l2_norm": draw.reduction(integers=False),
    "reduce_log_sum": draw.reduction(low=0.25, integers=False),
    "reduce_log_sum_exp": draw.reduction(integers=False),
    "reduce_argmax": draw.argument,
    "reduce_argmin": draw.argument,
    "cast": draw.casts,
    "select": several(
        lambda r: {"cond": r.random((2, 3)) > 0.5, "a": real(r, 2, 3), "b": real(r, 2, 3)},
        lambda r: {"cond": np.array([True, False]), "a": whole(r, 2), "b": whole(r, 2)},
    ),
    "linear": several(
        lambda r: {"x": real(r, 2, 3), "weight": real(r, 4, 3)},
        lambda r: {"x": real(r, 2, 5, 3), "weight": real(r, 4, 3), "bias": real(r, 4)},
    ),
    "matmul": draw.products,
    "einsum": several(
        lambda r: {
            "values": (real(r, 1, 2, 3, 4), real(r, 1, 4, 3, 5)),
            "equation": "bchw,bwhu->bchu",
        },
        lambda r: {"values": (real(r, 2, 3, 4), real(r, 4, 3, 5)), "equation": "chw,whu->chu"},
    ),
    "scaled_dot_product_attention": draw.attention,
    "layer_norm": draw.norms,
    "l2_norm": several(
        lambda r: {"x": real(r, 1, 2, 3, 4)},
        lambda r: {"x": real(r, 2, 3, 4), "epsilon": np.float32(0.5)},
    ),
    "argsort": several(
        lambda r: {"x": real(r, 3, 4)},
        lambda r: {"x": real(r, 3, 4), "axis": 0, "ascending": True},
        lambda r: {"x": floats([2, 7, 7, 2, 9])},
    ),
    "band_part": several(
        lambda r: {"x": real(r, 2, 4, 5)},
        lambda r: {"x": real(r, 2, 4, 5), "lower": 1, "upper": 2},
        lambda r: {"x": real(r, 4, 4), "lower": -1, "upper": 0},
        lambda r: {"x": real(r, 4, 4), "lower": 0, "upper": -1},
    ),
    "concat": several(
        lambda r: {"values": (real(r, 2, 3), real(r, 2, 4)), "axis": 1},
        lambda r: {"values": (whole(r, 1, 3), whole(r, 2, 3), whole(r, 1, 3)), "axis": -2},
        # None interleaved: coremltools' inference ignores that parameter.
    ),
    "cumsum": draw.sums,
    "expand_dims": several(
        lambda r: {"x": real(r, 2, 3), "axes": [0]},
        lambda r: {"x": real(r, 2, 3), "axes": [1, -1]},
    ),
    "fill": several(
        lambda r: {"shape": ints([2, 3]), "value": np.float32(1.5)},
        lambda r: {"shape": ints([4])},
        lambda r: {"shape": ints([1, 2]), "value": np.int32(7)},
    ),
    "fill_like": several(
        lambda r: {"ref_tensor": real(r, 2, 3), "value": np.float32(1.5)},
        lambda r: {"ref_tensor": whole(r, 4), "value": np.int32(-2)},
    ),
    "flatten2d": several(
        lambda r: {"x": real(r, 2, 3, 4)},
        lambda r: {"x": real(r, 2, 3, 4), "axis": -1},
        lambda r: {"x": real(r, 2, 3, 4), "axis": 2},
    ),
    "gather": several(
        lambda r: {"x": real(r, 4, 3), "indices": ints([2, 0, 2])},
        lambda r: {"x": real(r, 4, 3), "indices": ints([[1, -1], [0, 2]]), "axis": 1},
        lambda r: {
            **{"x": real(r, 2, 4, 3), "indices": ints([[1, 3], [0, 2]])},
            **{"axis": 1, "batch_dims": 1},
        },
        lambda r: {"x": whole(r, 5), "indices": np.int32(3)},
    ),
    "gather_along_axis": several(
        lambda r: {"x": real(r, 3, 4), "indices": ints([[2, 0, 1, 2]]), "axis": 0},
        lambda r: {"x": real(r, 2, 4), "indices": ints([[1, 3], [-1, 0]]), "axis": 1},
    ),
    "non_zero": several(
        lambda r: {"x": floats([[3, 0, 0], [0, 4, 0], [5, 6, 0]])},
        lambda r: {"x": ints([0, 0, 2])},
    ),
    "pad": draw.pads,
    "quantize": draw.quantized,
    "range_1d": several(
        lambda r: {"end": np.int32(9), "start": np.int32(2), "step": np.int32(3)},
        lambda r: {"end": np.float32(2), "start": np.float32(0), "step": np.float32(0.5)},
        lambda r: {"end": np.int32(-3), "start": np.int32(4), "step": np.int32(-2)},
    ),
    "reshape": several(
        lambda r: {"x": real(r, 2, 6), "shape": [3, 4]},
        lambda r: {"x": real(r, 2, 6), "shape": [-1, 2, 3]},
    ),
    "reverse": several(
        lambda r: {"x": real(r, 2, 3, 4)},
        lambda r: {"x": real(r, 2, 3, 4), "axes": [-1, 0]},
    ),
    "scatter_along_axis": draw.scatters,
    "shape": several(lambda r: {"x": real(r, 2, 3, 4)}, lambda r: {"x": real(r, 5)}),
    "slice_by_index": draw.slices,
    "slice_by_size": several(
        lambda r: {"x": real(r, 4, 5), "begin": [1, 2], "size": [2, 3]},
        lambda r: {"x": real(r, 4, 5), "begin": [0, 1], "size": [-1, -1]},
    ),
    "slice_update": draw.updates,
    "split": several(
        lambda r: {"x": real(r, 2, 6), "num_splits": 3, "axis": 1},
        lambda r: {"x": real(r, 5, 2), "split_sizes": [1, 4], "axis": 0},
    ),
    "squeeze": several(
        lambda r: {"x": real(r, 1, 2, 1, 3)},
        lambda r: {"x": real(r, 1, 2, 1, 3), "axes": [-2]},
    ),
    "stack": several(
        lambda r: {"values": (real(r, 2, 3), real(r, 2, 3)), "axis": 0},
        lambda r: {"values": (whole(r, 2), whole(r, 2), whole(r, 2)), "axis": -1},
    ),
    "tile": several(
        lambda r: {"x": real(r, 2, 3), "reps": [2, 1]},
        lambda r: {"x": real(r, 2, 3), "reps": [1, 3]},
    ),
    "topk": draw.tops,
    "transpose": several(
        lambda r: {"x": real(r, 2, 3, 4), "perm": [2, 0, 1]},
        lambda r: {"x": real(r, 2, 3, 4), "perm": [0, -1, 1]},
    ),
}

EXCUSED = {
    "_const_symbolic": "internal to the converter; no saved program has it",
    "const": "no operation of the table: the reader of the program decodes it",
    "cond": "its value inference only hands on the value of a branch",
    "reverse_sequence": "coremltools left it unwritten; coremltools' own tests of it judge",
    "list_length": "its input is a list, which has no value at conversion",
}
"""Operations with a value inference that no case can judge, and why."""


def cases(name: str) -> Sequence[Case]:
    """The cases of one operation, the same in every process."""
    return list(CASES[name](np.random.default_rng(zlib.crc32(name.encode()))))
