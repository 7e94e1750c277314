"""Every operation that MIL and Core AI both have: the same small graph in both, and its tolerance.

`mil` is called with coremltools' builder, the computing type and the tensors; `coreai` with Core
AI's builder and the same. Sizes are uint32 in Core AI, axes and positions int32.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]
Expression = Callable[..., Any]
PRECISIONS = ("float32", "float16")
FUNCTION = 4
"""Units of float32 between two libraries of elementary functions, each of which is two off."""


@dataclass(frozen=True)
class Input:
    """A tensor of uniform random numbers.

    Attributes:
        shape: None: one that the seed draws, the same for all such inputs of an operation.
        whole: only whole numbers, so that ties and equal pairs occur.
        constant: part of the graph, as kernels are.
    """

    shape: Shape | None = None
    low: float = -2.0
    high: float = 2.0
    whole: bool = False
    constant: bool = False

    def draw(self, random: np.random.Generator, dtype: str) -> Array:
        """Numbers of the computing type."""
        if self.shape is None:
            raise ValueError("the shape is not drawn yet")
        numbers = random.uniform(self.low, self.high, self.shape)
        return (np.rint(numbers) if self.whole else numbers).astype(dtype)


@dataclass(frozen=True)
class Judged:
    """An operation in both languages, and how far the results may be apart.

    Attributes:
        exact: the result is selected or moved, or is a whole number: the same bits.
        roundings: how often the two together round a result by half a unit, halved: 1 where each
            rounds once.
        inside: units of float32 from what is computed before the result is rounded: one a term
            of a sum, `FUNCTION` of an elementary function.
        least: what is rounded inside may be as large as this.
        sums: what is rounded inside may be as large as the sum of the terms' absolute values.
        narrow: Apple rounds inside, too, to the computing type.
    """

    mil: Expression
    coreai: Expression
    inputs: tuple[Input, ...] = (Input(),)
    exact: bool = False
    roundings: int = 1
    inside: int = 0
    least: float = 0.0
    sums: bool = False
    narrow: bool = False


@dataclass(frozen=True)
class Case:
    """One graph: an operation with the shapes of its inputs."""

    operation: str
    judged: Judged

    def arrays(self, dtype: str, draw: int) -> list[Array]:
        """Values of all inputs; constants are the same in each draw."""
        found = []
        for at, each in enumerate(self.judged.inputs):
            seed = (zlib.crc32(self.operation.encode()), at, 0 if each.constant else draw + 1)
            found.append(each.draw(np.random.default_rng(seed), dtype))
        return found


def cases() -> list[Case]:
    """The graphs of all operations, the same in every process."""
    found = []
    for name, judged in TABLE.items():
        random = np.random.default_rng(zlib.crc32(name.encode()))
        free = any(each.shape is None for each in judged.inputs)
        for _ in range(2 if free else 1):
            shape = tuple(int(n) for n in random.integers(1, 6, random.integers(1, 5)))
            inputs = tuple(
                replace(each, shape=shape) if each.shape is None else each for each in judged.inputs
            )
            found.append(Case(name, replace(judged, inputs=inputs)))
    return found


def u(*numbers: int) -> Array:
    """Sizes and counts as Core AI takes them."""
    return np.array(numbers, np.uint32)


def s(*numbers: int) -> Array:
    """Axes and positions as Core AI takes them."""
    return np.array(numbers, np.int32)


ONE, NO = np.uint32(1), np.array(False)


def _unary(kind: str, name: str = "", low: float = -2.0, high: float = 2.0, **rest: Any) -> Judged:
    return Judged(
        lambda mb, t, x: getattr(mb, kind)(x=x),
        lambda ai, t, x: getattr(ai, name or kind)(x),
        (Input(low=low, high=high),),
        **{"inside": FUNCTION, **rest},
    )


def _binary(kind: str, name: str = "", *inputs: Input, **rest: Any) -> Judged:
    return Judged(
        lambda mb, t, x, y: getattr(mb, kind)(x=x, y=y),
        lambda ai, t, x, y: getattr(ai, f"broadcasting_{name or kind}")(x, y),
        inputs or (Input((2, 3, 4)), Input((3, 1))),
        **rest,
    )


def _comparison(kind: str, coreai: Expression) -> Judged:
    return Judged(
        lambda mb, t, x, y: mb.cast(x=getattr(mb, kind)(x=x, y=y), dtype=mb.word(t)),
        lambda ai, t, x, y: ai.cast(coreai(ai, x, y), dtype=t),
        (Input((4, 5), whole=True), Input((4, 5), whole=True)),
        exact=True,
    )


def _logical(kind: str, name: str) -> Judged:
    """Of two conditions."""
    return Judged(
        lambda mb, t, x, y: mb.cast(
            x=getattr(mb, kind)(x=mb.greater(x=x, y=t(0)), y=mb.greater(x=y, y=t(0))),
            dtype=mb.word(t),
        ),
        lambda ai, t, x, y: ai.cast(
            getattr(ai, name)(ai.broadcasting_greater(x, t(0)), ai.broadcasting_greater(y, t(0))),
            dtype=t,
        ),
        (Input((4, 5)), Input((4, 5))),
        exact=True,
    )


def _reduction(kind: str, name: str, **rest: Any) -> Judged:
    return Judged(
        lambda mb, t, x: getattr(mb, kind)(x=x, axes=[1, 2], keep_dims=True),
        lambda ai, t, x: getattr(ai, name)(x, s(1, 2)),
        (Input((2, 3, 5)),),
        **rest,
    )


def _conv(x: Shape, kernel: Shape, strides: Shape, dilations: Shape, groups: int = 1) -> Judged:
    kind = f"conv{len(strides)}d"
    return Judged(
        lambda mb, t, x, w: mb.conv(
            x=x, weight=w, strides=strides, dilations=dilations, groups=groups, pad_type="valid"
        ),
        lambda ai, t, x, w: getattr(ai, kind)(x, w, u(*strides), u(*dilations), np.uint32(groups)),
        (Input(x), Input(kernel, constant=True)),
        inside=int(np.prod(kernel[1:])),
        sums=True,
    )


def _moved(mil: Expression, coreai: Expression, *shapes: Shape) -> Judged:
    """Numbers that only change their places."""
    return Judged(mil, coreai, tuple(Input(shape) for shape in shapes), exact=True)


def _pad(mode: str) -> Judged:
    return _moved(
        lambda mb, t, x: mb.pad(x=x, pad=[1, 2, 0, 1], mode=mode, constant_val=t(0.5)),
        lambda ai, t, x: ai.pad(x, u(0, 0, 1, 2, 0, 1), t(0.5), mode),
        (2, 3, 4),
    )


def _max_pool(x: Shape, size: Shape, stride: Shape, output: Shape) -> Judged:
    kind, ones = f"maxpool{len(size)}d", u(*[1] * len(size))
    return _moved(
        lambda mb, t, x: mb.max_pool(x=x, kernel_sizes=size, strides=stride, pad_type="valid"),
        lambda ai, t, x: getattr(ai, kind)(ai.type(output, t), x, u(*size), u(*stride), ones, NO),
        x,
    )


def _avg_pool(x: Shape, size: Shape, stride: Shape) -> Judged:
    """Core AI has the sum; it is multiplied by the share behind it, which rounds once more."""
    kind, ones = f"sumpool{len(size)}d", u(*[1] * len(size))
    count = int(np.prod(size))
    return Judged(
        lambda mb, t, x: mb.avg_pool(x=x, kernel_sizes=size, strides=stride, pad_type="valid"),
        lambda ai, t, x: ai.broadcasting_mul(
            getattr(ai, kind)(x, u(*size), u(*stride), ones), t(1 / count)
        ),
        (Input(x),),
        roundings=3,
        inside=count,
        sums=True,
    )


def _resized(mil: Expression, scales: tuple[float, float], mode: str, **rest: Any) -> Judged:
    """Of the last two axes; `offset` places the first number as aligned corners do."""
    size, aligned = (1, 2, 3, 4), rest.pop("aligned", False)
    output = (1, 2, round(3 * scales[0]), round(4 * scales[1]))
    factors = [(output[axis] - aligned) / (size[axis] - aligned) for axis in (2, 3)]
    offsets = [0.5 * (1 - factor) if aligned else 0.0 for factor in factors]
    return Judged(
        mil,
        lambda ai, t, x: ai.interpolate(
            *(x, s(*output)),
            *(np.array([1, 1, *factors], np.float32), np.array([0, 0, *offsets], np.float32)),
            interpolation_mode=ai.mode(mode),
        ),
        (Input(size),),
        **rest,
    )


INDICES = (np.arange(24, dtype=np.uint8) * 10).reshape(4, 6)
INTEGERS = np.arange(-120, 120, 10, dtype=np.int8).reshape(4, 6)
SHIFTS = np.array([[0], [3], [-5], [1]], np.int8)
MASK = np.arange(24).reshape(4, 6) % 3 == 1


def _numbers(count: int, t: Any, *shape: int) -> Array:
    return np.linspace(-1, 1.5, count).astype(t).reshape(shape or (count,))


def _unpacked(mil: Expression, coreai: Expression, **rest: Any) -> Judged:
    """A compressed constant, seen in a product."""
    return Judged(
        lambda mb, t, x: mb.mul(x=x, y=mil(mb, t)),
        lambda ai, t, x: ai.broadcasting_mul(x, coreai(ai, t)),
        (Input((4, 6)),),
        **(rest or {"exact": True}),
    )


TABLE: Mapping[str, Judged] = {
    # functions of one number
    "abs": _unary("abs", "abs_", exact=True),
    "acos": _unary("acos", low=-0.99, high=0.99),
    "asin": _unary("asin", low=-0.99, high=0.99),
    "atan": _unary("atan"),
    "atanh": _unary("atanh", low=-0.9, high=0.9),
    "cos": _unary("cos"),
    "cosh": _unary("cosh"),
    "erf": _unary("erf"),
    "exp": _unary("exp", low=-5, high=5),
    "log": _unary("log", low=0.25, high=9),
    "sin": _unary("sin"),
    "sinh": _unary("sinh"),
    "sqrt": _unary("sqrt", low=0, high=9, inside=0),
    "tan": _unary("tan", low=-1.4, high=1.4),
    "tanh": _unary("tanh"),
    "relu": _unary("relu", exact=True),
    "sigmoid": _unary("sigmoid", low=-6, high=6),
    "silu": _unary("silu", low=-6, high=6),
    "round": _unary("round", "round_", low=-9, high=9, exact=True),
    "gelu, exact": Judged(
        lambda mb, t, x: mb.gelu(x=x, mode="EXACT"),
        lambda ai, t, x: ai.gelu(x),
        (Input(low=-4, high=4),),
        inside=FUNCTION,
        least=2.0,
        narrow=True,
    ),
    "gelu, tanh": Judged(
        lambda mb, t, x: mb.gelu(x=x, mode="TANH_APPROXIMATION"),
        lambda ai, t, x: ai.gelu(x, approximate="tanh"),
        (Input(low=-4, high=4),),
        inside=FUNCTION,
        least=2.0,
        narrow=True,
    ),
    "rsqrt": Judged(
        lambda mb, t, x: mb.rsqrt(x=x, epsilon=t(0)),
        lambda ai, t, x: ai.rsqrt(x),
        (Input(low=0.25, high=9),),
        inside=FUNCTION,
    ),
    "inverse": Judged(
        lambda mb, t, x: mb.inverse(x=x, epsilon=t(0)),
        lambda ai, t, x: ai.broadcasting_divide(t(1), x),
        (Input(low=0.25, high=9),),
    ),
    "square": Judged(lambda mb, t, x: mb.square(x=x), lambda ai, t, x: ai.broadcasting_mul(x, x)),
    "clip": Judged(
        lambda mb, t, x: mb.clip(x=x, alpha=t(-0.5), beta=t(1.25)),
        lambda ai, t, x: ai.broadcasting_minimum(ai.broadcasting_maximum(x, t(-0.5)), t(1.25)),
        exact=True,
    ),
    "relu6": Judged(
        lambda mb, t, x: mb.relu6(x=x),
        lambda ai, t, x: ai.broadcasting_minimum(ai.relu(x), t(6)),
        (Input(low=-9, high=9),),
        exact=True,
    ),
    "threshold": Judged(
        lambda mb, t, x: mb.threshold(x=x, alpha=t(0.5)),
        lambda ai, t, x: ai.broadcasting_maximum(x, t(0.5)),
        exact=True,
    ),
    "floor": Judged(
        lambda mb, t, x: mb.floor(x=x),
        lambda ai, t, x: ai.broadcasting_floor_divide(x, t(1)),
        (Input(low=-9, high=9),),
        exact=True,
    ),
    "ceil": Judged(
        lambda mb, t, x: mb.ceil(x=x),
        lambda ai, t, x: ai.broadcasting_mul(
            ai.broadcasting_floor_divide(ai.broadcasting_mul(x, t(-1)), t(1)), t(-1)
        ),
        (Input(low=-9, high=9),),
        exact=True,
    ),
    "exp2": Judged(
        lambda mb, t, x: mb.exp2(x=x),
        lambda ai, t, x: ai.broadcasting_pow(t(2), x),
        inside=FUNCTION,
    ),
    "leaky_relu": Judged(
        lambda mb, t, x: mb.leaky_relu(x=x, alpha=t(0.25)),
        lambda ai, t, x: ai.broadcasting_maximum(x, ai.broadcasting_mul(x, t(0.25))),
    ),
    "elu": Judged(
        lambda mb, t, x: mb.elu(x=x, alpha=t(1)),
        lambda ai, t, x: ai.broadcasting_add(
            ai.relu(x), ai.broadcasting_sub(ai.exp(ai.broadcasting_minimum(x, t(0))), t(1))
        ),
        inside=FUNCTION,
        least=1.0,
        narrow=True,
    ),
    # functions of two
    "add": _binary("add"),
    "sub": _binary("sub"),
    "mul": _binary("mul"),
    "maximum": _binary("maximum", exact=True),
    "minimum": _binary("minimum", exact=True),
    "real_div": _binary("real_div", "divide", Input((2, 3, 4)), Input((3, 1), 0.5, 3)),
    "floor_div": _binary(
        "floor_div", "floor_divide", Input((3, 4), -9, 9), Input((3, 4), 0.5, 3), exact=True
    ),
    # of positive numbers: Core AI's result has the sign of x, MIL's that of y
    "mod": _binary("mod", "modulo", Input((3, 4), 0, 9), Input((3, 4), 0.5, 3), exact=True),
    "pow": _binary("pow", "pow", Input((3, 4), 0.25, 3), Input((3, 4)), inside=FUNCTION),
    "equal": _comparison("equal", lambda ai, x, y: ai.broadcasting_equal(x, y)),
    "not_equal": _comparison("not_equal", lambda ai, x, y: ai.broadcasting_not_equal(x, y)),
    "greater": _comparison("greater", lambda ai, x, y: ai.broadcasting_greater(x, y)),
    "less": _comparison("less", lambda ai, x, y: ai.broadcasting_greater(y, x)),
    "greater_equal": _comparison(
        "greater_equal", lambda ai, x, y: ai.not_(ai.broadcasting_greater(y, x))
    ),
    "less_equal": _comparison(
        "less_equal", lambda ai, x, y: ai.not_(ai.broadcasting_greater(x, y))
    ),
    "logical_and": _logical("logical_and", "and_"),
    "logical_or": _logical("logical_or", "or_"),
    "logical_xor": _logical("logical_xor", "xor_"),
    "logical_not": Judged(
        lambda mb, t, x: mb.cast(x=mb.logical_not(x=mb.greater(x=x, y=t(0))), dtype=mb.word(t)),
        lambda ai, t, x: ai.cast(ai.not_(ai.broadcasting_greater(x, t(0))), dtype=t),
        exact=True,
    ),
    "select": Judged(
        lambda mb, t, c, x, y: mb.select(cond=mb.greater(x=c, y=t(0)), a=x, b=y),
        lambda ai, t, c, x, y: ai.where(ai.broadcasting_greater(c, t(0)), x, y),
        (Input((3, 4)), Input((3, 4)), Input((3, 4))),
        exact=True,
    ),
    "cast, toward zero": Judged(
        # not back again: Core AI's compiler takes both casts for nothing
        lambda mb, t, x: mb.cast(x=x, dtype="int32"),
        lambda ai, t, x: ai.cast(x, dtype=np.int32),
        (Input(low=-9, high=9),),
        exact=True,
    ),
    # reductions
    "reduce_max": _reduction("reduce_max", "reduce_max", exact=True),
    "reduce_min": _reduction("reduce_min", "reduce_min", exact=True),
    "reduce_sum": _reduction("reduce_sum", "reduce_sum", inside=15, sums=True),
    "reduce_mean": _reduction("reduce_mean", "reduce_mean", inside=15, sums=True),
    "reduce_prod": _reduction("reduce_prod", "reduce_product", inside=15, sums=True),
    "reduce_argmax": Judged(
        lambda mb, t, x: mb.cast(x=mb.reduce_argmax(x=x, axis=1, keep_dims=True), dtype=mb.word(t)),
        lambda ai, t, x: ai.cast(ai.argmax(x, np.int32(1)), dtype=t),
        (Input((3, 7), whole=True),),
        exact=True,
    ),
    "reduce_argmin": Judged(
        lambda mb, t, x: mb.cast(x=mb.reduce_argmin(x=x, axis=1, keep_dims=True), dtype=mb.word(t)),
        lambda ai, t, x: ai.cast(ai.argmax(ai.broadcasting_mul(x, t(-1)), np.int32(1)), dtype=t),
        (Input((3, 7), whole=True),),
        exact=True,
    ),
    "softmax, last axis": Judged(
        lambda mb, t, x: mb.softmax(x=x, axis=-1),
        lambda ai, t, x: ai.softmax(x, np.int32(-1)),
        (Input((2, 3, 6), -6, 6),),
        inside=FUNCTION + 6,
    ),
    "softmax, channels": Judged(
        lambda mb, t, x: mb.softmax(x=x, axis=1),
        lambda ai, t, x: ai.softmax(x, np.int32(1)),
        (Input((1, 5, 2, 3), -6, 6),),
        inside=FUNCTION + 5,
    ),
    # products
    "matmul": Judged(
        lambda mb, t, x, y: mb.matmul(x=x, y=y),
        lambda ai, t, x, y: ai.batch_matmul(x, y),
        (Input((2, 3, 32)), Input((2, 32, 4))),
        inside=32,
        sums=True,
        narrow=True,
    ),
    "matmul, transposed": Judged(
        lambda mb, t, x, y: mb.matmul(x=x, y=y, transpose_y=True),
        lambda ai, t, x, y: ai.batch_matmul(x, ai.transpose(y, u(0, 2, 1))),
        (Input((2, 3, 8)), Input((2, 4, 8))),
        inside=8,
        sums=True,
        narrow=True,
    ),
    "linear": Judged(
        lambda mb, t, x, w, b: mb.linear(x=x, weight=w, bias=b),
        lambda ai, t, x, w, b: ai.broadcasting_add(
            ai.batch_matmul(x, np.ascontiguousarray(w.T)), b
        ),
        (Input((3, 24)), Input((5, 24), constant=True), Input((5,), constant=True)),
        roundings=2,
        inside=25,
        sums=True,
        narrow=True,
    ),
    "conv": _conv((1, 3, 6, 7), (4, 3, 3, 2), (1, 1), (1, 1)),
    "conv, strides and dilations": _conv((2, 2, 9, 8), (3, 2, 3, 2), (2, 1), (1, 2)),
    "conv, groups": _conv((1, 4, 5, 6), (6, 2, 2, 3), (1, 2), (1, 1), 2),
    "conv, over time": _conv((1, 3, 1, 20), (4, 3, 1, 5), (1, 2), (1, 1)),
    "conv, three axes": _conv((1, 2, 4, 5, 4), (3, 2, 2, 2, 3), (1, 2, 1), (1, 1, 1)),
    "conv_transpose": Judged(
        lambda mb, t, x, w: mb.conv_transpose(x=x, weight=w, strides=[2, 3], pad_type="valid"),
        lambda ai, t, x, w: ai.conv_transpose2d(x, w, u(2, 3), u(0, 0), u(1, 1), u(0, 0), ONE),
        (Input((1, 3, 4, 3)), Input((3, 2, 3, 2), constant=True)),
        inside=12,
        sums=True,
        narrow=True,
    ),
    "conv_transpose, three axes": Judged(
        lambda mb, t, x, w: mb.conv_transpose(x=x, weight=w, strides=[1, 2, 1], pad_type="valid"),
        lambda ai, t, x, w: ai.conv_transpose3d(
            x, w, u(1, 2, 1), u(0, 0, 0), u(1, 1, 1), u(0, 0, 0), ONE
        ),
        (Input((1, 2, 3, 4, 3)), Input((2, 3, 2, 3, 2), constant=True)),
        inside=24,
        sums=True,
        narrow=True,
    ),
    "max_pool": _max_pool((1, 3, 6, 7), (3, 2), (2, 1), (1, 3, 2, 6)),
    "max_pool, three axes": _max_pool((1, 2, 4, 5, 4), (2, 3, 2), (2, 1, 1), (1, 2, 2, 3, 3)),
    "avg_pool": _avg_pool((1, 3, 6, 7), (3, 2), (2, 1)),
    "avg_pool, three axes": _avg_pool((1, 2, 4, 5, 4), (2, 3, 2), (2, 1, 1)),
    "quantize, and back": Judged(
        lambda mb, t, x: mb.dequantize(
            input=mb.quantize(input=x, scale=t(1 / 32), zero_point=np.int8(3), output_dtype="int8"),
            scale=t(1 / 32),
            zero_point=np.int8(3),
        ),
        lambda ai, t, x: ai.dequantize(
            ai.quantize(x, t(1 / 32), np.int8(3), t(0), s(0, 1)),
            *(t(1 / 32), np.int8(3), t(0), s(0, 1)),
        ),
        (Input((4, 9), -5, 5),),
        exact=True,
    ),
    # places
    "concat": _moved(
        lambda mb, t, x, y: mb.concat(values=(x, y), axis=1),
        lambda ai, t, x, y: ai.concat(np.int32(1), [x, y]),
        *((2, 3, 4), (2, 1, 4)),
    ),
    "split": _moved(
        lambda mb, t, x: mb.split(x=x, split_sizes=[2, 4], axis=1)[1],
        lambda ai, t, x: ai.split(x, u(2, 4), np.int32(1))[1],
        (3, 6),
    ),
    "stack": _moved(
        lambda mb, t, x, y: mb.stack(values=(x, y), axis=1),
        lambda ai, t, x, y: ai.concat(
            np.int32(1), [ai.expand_dims(x, s(1)), ai.expand_dims(y, s(1))]
        ),
        *((3, 4), (3, 4)),
    ),
    "pad, constant": _pad("constant"),
    "pad, reflect": _pad("reflect"),
    "pad, replicate": _pad("replicate"),
    "reshape": _moved(
        lambda mb, t, x: mb.reshape(x=x, shape=[3, 8]),
        lambda ai, t, x: ai.reshape(x, u(3, 8)),
        (2, 3, 4),
    ),
    "expand_dims": _moved(
        lambda mb, t, x: mb.expand_dims(x=x, axes=[1]),
        lambda ai, t, x: ai.expand_dims(x, s(1)),
        (2, 3),
    ),
    "squeeze": _moved(
        lambda mb, t, x: mb.squeeze(x=x, axes=[1]),
        lambda ai, t, x: ai.shrink_dims(x, s(1)),
        (2, 1, 3),
    ),
    "slice_by_index": _moved(
        lambda mb, t, x: mb.slice_by_index(x=x, begin=[1, 0], end=[5, 7], stride=[2, 3]),
        lambda ai, t, x: ai.slice_(x, s(1, 0), s(5, 7), s(2, 3)),
        (6, 8),
    ),
    "slice_update": _moved(
        lambda mb, t, x, y: mb.slice_update(x=x, update=y, begin=[1, 2], end=[3, 6], stride=[1, 2]),
        lambda ai, t, x, y: ai.slice_update(x, s(1, 2), s(3, 6), s(1, 2), y),
        *((4, 6), (2, 2)),
    ),
    "tile": _moved(
        lambda mb, t, x: mb.tile(x=x, reps=[2, 1, 3]),
        lambda ai, t, x: ai.tile(x, u(2, 1, 3)),
        (2, 3, 2),
    ),
    "transpose": _moved(
        lambda mb, t, x: mb.transpose(x=x, perm=[2, 0, 1]),
        lambda ai, t, x: ai.transpose(x, u(2, 0, 1)),
        (2, 3, 4),
    ),
    "reverse": _moved(
        lambda mb, t, x: mb.reverse(x=x, axes=[0, 2]),
        lambda ai, t, x: ai.reverse(x, s(0, 2)),
        (2, 3, 4),
    ),
    "gather": _moved(
        lambda mb, t, x: mb.gather(x=x, indices=s(2, 0, 2), axis=0),
        lambda ai, t, x: ai.gather_nd(x, s(2, 0, 2).reshape(3, 1)),
        (4, 3),
    ),
    "gather, second axis": _moved(
        lambda mb, t, x: mb.gather(x=x, indices=s(2, 0, 2), axis=1),
        lambda ai, t, x: ai.transpose(
            ai.gather_nd(ai.transpose(x, u(1, 0)), s(2, 0, 2).reshape(3, 1)), u(1, 0)
        ),
        (4, 3),
    ),
    "gather_nd": _moved(
        lambda mb, t, x: mb.gather_nd(x=x, indices=s(2, 0, 1, 3).reshape(2, 2)),
        lambda ai, t, x: ai.gather_nd(x, s(2, 0, 1, 3).reshape(2, 2)),
        (4, 5, 2),
    ),
    "gather_along_axis": _moved(
        lambda mb, t, x: mb.gather_along_axis(x=x, indices=s(2, 0, 1, 2).reshape(1, 4), axis=0),
        lambda ai, t, x: ai.gather_along_axis(x, s(2, 0, 1, 2).reshape(1, 4), np.int32(0)),
        (3, 4),
    ),
    "scatter_nd": _moved(
        lambda mb, t, x, y: mb.scatter_nd(
            data=x, indices=s(2, 0).reshape(2, 1), updates=y, mode="update"
        ),
        lambda ai, t, x, y: ai.scatter_nd(x, s(2, 0).reshape(2, 1), y),
        *((4, 3), (2, 3)),
    ),
    "scatter_along_axis": _moved(
        lambda mb, t, x, y: mb.scatter_along_axis(
            data=x, indices=s(2, 0, 1, 2).reshape(1, 4), updates=y, axis=0, mode="update"
        ),
        lambda ai, t, x, y: ai.scatter_along_axis(
            ai.type((3, 4), t), x, s(2, 0, 1, 2).reshape(1, 4), y, np.int32(0)
        ),
        *((3, 4), (1, 4)),
    ),
    # sizes
    "upsample_nearest_neighbor": _resized(
        lambda mb, t, x: mb.upsample_nearest_neighbor(
            x=x, scale_factor_height=2.0, scale_factor_width=3.0
        ),
        *((2, 3), "nearest_neighbor"),
        exact=True,
    ),
    "upsample_bilinear": _resized(
        lambda mb, t, x: mb.upsample_bilinear(
            x=x,
            scale_factor_height=2.0,
            scale_factor_width=4.0,
            align_corners=False,
            half_pixel_centers=True,
        ),
        *((2, 4), "linear"),
        inside=8,
        sums=True,
    ),
    "upsample_bilinear, aligned corners": _resized(
        lambda mb, t, x: mb.upsample_bilinear(
            x=x, scale_factor_height=2.0, scale_factor_width=2.0, align_corners=True
        ),
        *((2, 2), "linear"),
        aligned=True,
        inside=8,
        sums=True,
    ),
    # compressed constants
    "constexpr_lut_to_dense": _unpacked(
        lambda mb, t: mb.constexpr_lut_to_dense(
            indices=INDICES, lut=_numbers(256, t, 1, 1, 256, 1)
        ),
        lambda ai, t: ai.lut_to_dense(INDICES, _numbers(256, t, 1, 1, 256, 1), np.int16(0)),
    ),
    "constexpr_blockwise_shift_scale": _unpacked(
        lambda mb, t: mb.constexpr_blockwise_shift_scale(
            data=INTEGERS, scale=_numbers(4, t, 4, 1), offset=SHIFTS
        ),
        lambda ai, t: ai.blockwise_shift_scale(
            INTEGERS, _numbers(4, t, 4, 1), SHIFTS, np.zeros((4, 1), t)
        ),
        # d·s − z·s, each product rounded; up to 110 · 1.5 times an input of 2
        inside=2,
        least=330.0,
        narrow=True,
    ),
    "constexpr_blockwise_shift_scale, symmetric": _unpacked(
        lambda mb, t: mb.constexpr_blockwise_shift_scale(data=INTEGERS, scale=_numbers(4, t, 4, 1)),
        lambda ai, t: ai.blockwise_shift_scale(
            INTEGERS, _numbers(4, t, 4, 1), np.zeros((4, 1), np.int8), np.zeros((4, 1), t)
        ),
    ),
    "constexpr_sparse_to_dense": _unpacked(
        lambda mb, t: mb.constexpr_sparse_to_dense(nonzero_data=_numbers(8, t), mask=mb.bits(MASK)),
        lambda ai, t: ai.sparse_with_bitmask_to_dense(
            ai.build_sparse_with_bitmask(_numbers(8, t), ai.bits(MASK))
        ),
    ),
    "argsort": Judged(
        lambda mb, t, x: mb.cast(x=mb.argsort(x=x, axis=1, ascending=True), dtype=mb.word(t)),
        lambda ai, t, x: ai.cast(ai.argsort(x, np.int32(1), NO, np.array(True)), dtype=t),
        (Input((3, 6), -100, 100),),
        exact=True,
    ),
    "topk, ascending": _moved(
        lambda mb, t, x: mb.topk(x=x, k=3, axis=1, ascending=True)[0],
        lambda ai, t, x: ai.slice_(
            ai.sort(x, np.int32(1), NO, np.array(True)), s(0, 0), s(2, 3), s(1, 1)
        ),
        (2, 7),
    ),
    "topk": _moved(
        lambda mb, t, x: mb.topk(x=x, k=3, axis=1)[0],
        lambda ai, t, x: ai.slice_(
            ai.sort(x, np.int32(1), np.array(True), np.array(True)), s(0, 0), s(2, 3), s(1, 1)
        ),
        (2, 7),
    ),
}
"""What of an operation is judged; the word before a comma is MIL's name."""
