"""The values between the operations of a `.tflite` file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import TensorSpec
from edgeconv.errors import BadInput
from edgeconv.targets.file_graph import FileGraph


def specs(graph: FileGraph, places: Mapping[str, int]) -> dict[str, TensorSpec]:
    """Type, shape and scale of each of these values."""
    return {name: graph.tensors[i].spec(name) for name, i in places.items()}


def chosen(path: Path, available: Collection[str], names: Collection[str] | None) -> list[str]:
    """The requested names without duplicates; None requests all.

    Raises:
        BadInput: an unknown name.
    """
    requested = list(dict.fromkeys(available if names is None else names))
    unknown = sorted(set(requested) - set(available))
    if unknown:
        raise BadInput(
            f"{path.name} has no tensor '{unknown[0]}'",
            "`tensors` of the runner lists them; constants are none of them",
        )
    return requested


def observe(
    interpreter: Any,
    feeds: Iterable[Mapping[int, NDArray[Any]]],
    places: Mapping[str, int],
    batch: int,
) -> dict[str, NDArray[Any]]:
    """Run one sample after the other and keep its values, (samples, *one sample's shape).

    Args:
        interpreter: one that preserves all tensors.
        feeds: input position → array of `batch` rows, all for the same sample.
        batch: first dimension of inputs and outputs; 0 where they have none.

    Returns:
        Value by name, without those that a kernel keeps to itself, such as the states of a fused
        LSTM and what is inside a loop.
    """
    rows: dict[str, list[NDArray[Any]]] = {name: [] for name in places}
    for arrays in feeds:
        for at, array in arrays.items():
            interpreter.set_tensor(at, array)
        interpreter.reset_all_variables()
        interpreter.invoke()
        for name in list(rows):
            value = _value(interpreter, places[name])
            if value is None:
                del rows[name]
                continue
            carried = batch and value.shape[:1] == (batch,)
            rows[name].append(value[0] if carried else value)
    return {name: np.stack(values) for name, values in rows.items()}


def _value(interpreter: Any, at: int) -> NDArray[Any] | None:
    try:
        value: NDArray[Any] = interpreter.get_tensor(at)
    except ValueError:  # "Tensor data is null"
        return None
    return value
