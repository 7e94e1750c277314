"""How the constant inputs of the second oracle are drawn, one function for a kind of operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Case = dict[str, Any]
Random = np.random.Generator
Make = Callable[[Random], Iterator[Case]]

HALVES = np.linspace(-4, 4, 17, dtype=np.float32)  # every way to round, both zeros' neighbours
INTEGERS = np.array([[-7, -3, -1, 0], [1, 2, 5, 8]], np.int32)


def floats(values: Any) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def ints(values: Any) -> NDArray[np.int32]:
    return np.array(values, np.int32)


def real(random: Random, *shape: int, low: float = -3, high: float = 3) -> NDArray[np.float32]:
    return random.uniform(low, high, shape).astype(np.float32)


def whole(random: Random, *shape: int, low: int = -9, high: int = 9) -> NDArray[np.int32]:
    return random.integers(low, high, shape, np.int32)


def unary(low: float = -3, high: float = 3, integers: bool = False, **parameters: Any) -> Make:
    """x in that range: its ends, halves, several ranks, integers where MIL allows them."""

    def make(random: Random) -> Iterator[Case]:
        inside = HALVES[(low <= HALVES) & (high >= HALVES)]
        for x in (inside, real(random, 1, low=low, high=high), real(random, 7, low=low, high=high)):
            yield {"x": x, **parameters}
        yield {"x": real(random, 2, 3, 4, low=low, high=high), **parameters}
        if integers:
            yield {"x": INTEGERS, **parameters}

    return make


def binary(positive: bool = False, integers: bool = True) -> Make:
    """Equal values, broadcasting both ways, integers; `positive` keeps a power or quotient real."""

    def make(random: Random) -> Iterator[Case]:
        low = 0.25 if positive else -3
        x, y = real(random, 2, 1, 4, low=low), real(random, 3, 1, low=low)
        yield {"x": x, "y": y}
        yield {"x": y, "y": x}
        yield {"x": x, "y": x}
        yield {"x": np.tile(floats([0.5, 2]), 4), "y": floats([0.5, 1, 2, 4] * 2)}
        if integers:
            yield {"x": INTEGERS, "y": whole(random, 2, 4, low=1, high=4)}
            yield {"x": whole(random, 2, 4), "y": ints([1, 2, 3, 5])}

    return make


def quotient(random: Random) -> Iterator[Case]:
    """Both signs of both numbers, which is where ways to round a quotient differ."""
    x, y = np.meshgrid(floats([-7.5, -2, -0.5, 0.5, 2, 7.5]), floats([-2, -0.75, 0.75, 2]))
    yield {"x": x, "y": y}
    a, b = np.meshgrid(ints([-7, -2, 0, 2, 7]), ints([-3, -2, 1, 2, 3]))
    yield {"x": a, "y": b}
    yield {"x": real(random, 2, 3), "y": real(random, 3, low=0.5)}


def logical(random: Random) -> Iterator[Case]:
    x = np.array([[False, True]])
    yield {"x": x, "y": x.T}
    yield {"x": random.random((3, 4)) > 0.5, "y": random.random((3, 4)) > 0.5}


def negation(random: Random) -> Iterator[Case]:
    yield {"x": np.array([False, True])}
    yield {"x": random.random((2, 3)) > 0.5}


def reduction(low: float = -3, integers: bool = True) -> Make:
    """All axes, one, several, negative ones, kept and dropped."""

    def make(random: Random) -> Iterator[Case]:
        x = real(random, 2, 3, 4, low=low)
        yield {"x": x}
        yield {"x": x, "axes": [1]}
        yield {"x": x, "axes": [-1, 0], "keep_dims": True}
        yield {"x": x, "axes": [2, 1], "keep_dims": False}
        if integers:
            yield {"x": whole(random, 3, 4, low=1, high=5), "axes": [0], "keep_dims": True}

    return make


def argument(random: Random) -> Iterator[Case]:
    """Ties too: the first of them counts."""
    yield {"x": floats([[1, 3, 3], [2, 2, 0], [0, 0, 0]])}
    for axis in (0, 1, -1):
        yield {"x": real(random, 3, 4, 2), "axis": axis, "keep_dims": axis == 1}


def several(*cases: Callable[[Random], Case]) -> Make:
    return lambda random: (case(random) for case in cases)


def norms(random: Random) -> Iterator[Case]:
    x, gamma, beta = real(random, 2, 3, 4), real(random, 4), real(random, 4)
    yield {"x": x, "axes": [-1]}
    yield {"x": x, "axes": [2], "gamma": gamma, "beta": beta, "epsilon": np.float32(0.5)}
    yield {"x": x, "axes": [1, 2], "epsilon": np.float32(1e-3)}


def pads(random: Random) -> Iterator[Case]:
    x = real(random, 2, 3, 4)
    yield {"x": x, "pad": [1, 0, 2, 3], "constant_val": np.float32(-1.5)}
    for mode in ("reflect", "replicate"):
        yield {"x": x, "pad": [1, 2, 0, 3], "mode": mode}


def slices(random: Random) -> Iterator[Case]:
    x = real(random, 4, 5, 6)
    yield {"x": x, "begin": [1, 0, -3], "end": [3, 5, -1]}
    yield {"x": x, "begin": [3, 4, 0], "end": [0, 1, 6], "stride": [-1, -2, 3]}
    yield {
        **{"x": x, "begin": [2, 1, 1], "end": [3, 3, 3], "begin_mask": [False, True, False]},
        **{"end_mask": [False, False, True], "squeeze_mask": [True, False, False]},
    }


def updates(random: Random) -> Iterator[Case]:
    x = real(random, 4, 5)
    yield {"x": x, "update": real(random, 2, 5), "begin": [1, 0], "end": [3, 5]}
    yield {
        **{"x": x, "update": real(random, 2, 2), "begin": [0, 1], "end": [4, 5]},
        "stride": [2, 2],
    }


def tops(random: Random) -> Iterator[Case]:
    x = real(random, 3, 5)
    yield {"x": x}
    yield {"x": x, "k": 3, "axis": 0, "ascending": True}
    yield {"x": x, "k": 4, "axis": -1}
    yield {"x": floats([[2, 7, 7, 2, 9]]), "k": 4, "axis": 1}


def products(random: Random) -> Iterator[Case]:
    x, y = real(random, 2, 3, 4), real(random, 2, 4, 5)
    yield {"x": x, "y": y}
    yield {"x": np.swapaxes(x, 1, 2), "y": y, "transpose_x": True}
    yield {"x": x, "y": np.swapaxes(y, 1, 2), "transpose_y": True}
    yield {"x": x, "y": y[1]}
    yield {"x": whole(random, 2, 3), "y": whole(random, 3, 2)}


def attention(random: Random) -> Iterator[Case]:
    query, key, value = real(random, 1, 2, 3, 4), real(random, 1, 2, 5, 4), real(random, 1, 2, 5, 6)
    yield {"query": query, "key": key, "value": value}
    yield {"query": query, "key": key, "value": value, "attn_mask": real(random, 3, 5)}
    kept = np.eye(3, 5, dtype=np.bool_)
    yield {"query": query, "key": key, "value": value, "attn_mask": kept}


def scatters(random: Random) -> Iterator[Case]:
    """Only the mode `update`: coremltools' inference ignores the mode."""
    indices = ints([[0, 2, 1, 0], [1, 0, 2, 2]])
    for axis in (0, -2):
        case: Case = {"data": real(random, 3, 4), "indices": indices, "axis": axis}
        yield {**case, "updates": real(random, 2, 4), "mode": "update"}


def sums(random: Random) -> Iterator[Case]:
    """None exclusive: coremltools' inference calls NumPy wrongly there and raises TypeError."""
    x = real(random, 3, 4)
    yield {"x": x}
    for axis in (0, 1):
        yield {"x": x, "axis": axis, "reverse": axis == 1}


def quantized(random: Random) -> Iterator[Case]:
    x = np.concatenate([HALVES / 4, floats([300, -300])])
    yield {
        "input": x,
        "scale": np.float32(0.25),
        "zero_point": np.array(3, np.int8),
        "output_dtype": "int8",
    }
    yield {"input": x, "scale": np.float32(0.5), "output_dtype": "uint8"}
    yield {
        **{"input": real(random, 2, 3), "scale": floats([0.1, 0.2]), "axis": 0},
        **{"zero_point": np.array([7, 100], np.uint8), "output_dtype": "uint8"},
    }


def casts(random: Random) -> Iterator[Case]:
    for dtype in ("fp16", "fp32", "int32", "bool"):
        yield {"x": HALVES, "dtype": dtype}
        yield {"x": INTEGERS, "dtype": dtype}
