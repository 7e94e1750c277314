"""Control flow, lists and state (MIL: control_flow.py; read_state of iOS18).

Nested blocks arrive as functions in `subgraphs`; a list is a Python list, and changing it makes
a new one; a state is a `StateTensor`, which lives from one run to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass
class StateTensor:
    """A tensor that outlives a run; only write_state changes it."""

    array: Array


def cond(pred: Any, subgraphs: list[Any]) -> Any:
    """The outputs of the first block if `pred` holds, else of the second."""
    return tuple(subgraphs[0]() if bool(np.all(pred)) else subgraphs[1]())


def while_loop(loop_vars: tuple[Any, ...], subgraphs: list[Any]) -> Any:
    """Apply the second block while the first returns true."""
    condition, body = subgraphs
    while bool(np.all(condition(*loop_vars)[0])):
        loop_vars = tuple(body(*loop_vars))
    return tuple(loop_vars)


def make_list(
    elem_shape: tuple[Any, ...],
    init_length: Any = 1,
    dynamic_length: Any = True,
    dtype: str = "fp32",
) -> list[Array]:
    """Zeros of `elem_shape`; an unknown dimension is 0 until something is written."""
    del dynamic_length  # every list grows where it is written
    shape = [max(int(d), 0) if not isinstance(d, str) else 0 for d in elem_shape]
    kind = np.int32 if dtype.startswith("int") else np.float32
    return [np.zeros(shape, kind) for _ in range(int(init_length))]


def list_length(ls: list[Array]) -> Array:
    """The number of elements."""
    return np.array(len(ls))


def list_write(ls: list[Array], index: Any, value: Array) -> list[Array]:
    """The list with one element changed; it grows with zeros up to there."""
    return _written(ls, [int(index)], [value])


def list_read(ls: list[Array], index: Any) -> Array:
    """One element."""
    return ls[int(index)]


def list_gather(ls: list[Array], indices: Any) -> Array:
    """These elements, stacked."""
    return np.stack([ls[int(i)] for i in indices])


def list_scatter(ls: list[Array], indices: Any, value: Array) -> list[Array]:
    """The list with these elements changed to the rows of `value`."""
    return _written(ls, [int(i) for i in indices], list(value))


def _written(ls: list[Array], indices: list[int], values: list[Array]) -> list[Array]:
    extended = list(ls)
    for index, value in zip(indices, values, strict=True):
        extended += [np.zeros_like(value) for _ in range(index + 1 - len(extended))]
        extended[index] = value
    return extended


def read_state(input: StateTensor) -> Array:
    """A copy of the state's tensor."""
    return input.array.copy()


def write_state(input: StateTensor, data: Array) -> tuple[()]:
    """Replace the state's tensor."""
    input.array = np.array(data, input.array.dtype)
    return ()
