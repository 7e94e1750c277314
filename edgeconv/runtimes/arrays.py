"""Converts a caller's arrays to what a tensor stores: shapes, types, batches, scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import TensorSpec
from edgeconv.errors import BadInput

DYNAMIC_CHUNK = 256  # samples per inference of a dynamic-batch file: bounds its memory


@dataclass(frozen=True)
class Batching:
    """How many samples one inference takes.

    `size` is the common first dimension of all inputs and outputs: 1, another fixed number, or
    −1 for any. It is 0 where the tensors have no such dimension; then a sample is the whole shape.
    """

    size: int

    @classmethod
    def of(cls, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> Batching:
        heads = {spec.shape[0] if spec.shape else 0 for spec in (*inputs, *outputs)}
        return cls(heads.pop() if len(heads) == 1 else 0)

    def sample_shape(self, spec: TensorSpec) -> tuple[int, ...]:
        return spec.shape[1:] if self.size else spec.shape


@dataclass(frozen=True)
class Samples:
    """Checked inputs: `arrays` are (n, *sample shape) in the tensors' stored types.

    `leading` is the batch as the caller gave it; its product is n.
    """

    arrays: dict[str, NDArray[Any]]
    leading: tuple[int, ...]

    @property
    def n(self) -> int:
        return prod(self.leading)


def prepare(
    specs: Mapping[str, TensorSpec], batching: Batching, arrays: Mapping[str, NDArray[Any]]
) -> Samples:
    """Check the arrays of one call and bring them into stored form.

    Raises:
        BadInput: a wrong name, shape, type or batch, or NaN for a quantized tensor.
    """
    arrays = _named(specs, arrays)
    if set(arrays) != set(specs):
        raise BadInput(
            f"the model's inputs are {sorted(specs)}, the arrays given are {sorted(arrays)}",
            "give one array for each input, by its name",
        )
    flattened: dict[str, NDArray[Any]] = {}
    batches: dict[str, tuple[int, ...]] = {}
    for name, spec in specs.items():
        array = np.asarray(arrays[name])
        sample = batching.sample_shape(spec)
        batches[name] = _leading(name, array.shape, sample)
        stored = store(spec, array)
        flattened[name] = np.ascontiguousarray(
            stored.reshape((prod(batches[name]), *array.shape[len(batches[name]) :]))
        )
    if len(set(batches.values())) > 1:
        raise BadInput(
            f"the inputs have different batches: {batches}",
            "give every input the same number of samples",
        )
    return Samples(flattened, next(iter(batches.values()), ()))


def _named(specs: Mapping[str, TensorSpec], arrays: object) -> Mapping[str, NDArray[Any]]:
    """The arrays by name; a single array belongs to the only input.

    Raises:
        BadInput: `arrays` is neither a mapping nor the array of a model's only input.
    """
    if isinstance(arrays, Mapping):
        return arrays
    if isinstance(arrays, np.ndarray) and len(specs) == 1:
        return {next(iter(specs)): arrays}
    names = ", ".join(specs)
    raise BadInput(
        f"run takes a dictionary of arrays, got {type(arrays).__name__}",
        f"give {{name: array}} with the names {names}",
    )


def _leading(name: str, shape: tuple[int, ...], sample: tuple[int, ...]) -> tuple[int, ...]:
    """The part of `shape` before the sample's shape; −1 in the sample fits any length."""
    cut = len(shape) - len(sample)
    fits = cut >= 0 and all(w in (-1, g) for g, w in zip(shape[cut:], sample, strict=True))
    if not fits:
        expected = ", ".join(["…", *("any" if w < 0 else str(w) for w in sample)])
        raise BadInput(
            f"input '{name}' has shape {shape}, but the model takes ({expected})",
            "the last dimensions are one sample, any leading ones are the batch",
        )
    return shape[:cut]


def store(spec: TensorSpec, array: NDArray[Any]) -> NDArray[Any]:
    """Numbers as the tensor stores them.

    An array of the stored type passes as it is. Real numbers for a quantized tensor become
    round(x / scale) + zero point, halves away from zero as TFLite's QUANTIZE does, clipped to the
    range of the type (infinities saturate).

    Raises:
        BadInput: a type that cannot be converted without changing its meaning, or NaN for a
            quantized tensor. Float tensors take NaN: the result is then the model's answer.
    """
    stored = np.dtype(spec.dtype)
    if array.dtype == stored:
        return array
    if spec.scale is not None and array.dtype.kind == "f":
        return quantize(spec, array)
    if stored.kind == "f" and array.dtype.kind in "fiu":
        return array.astype(stored)
    if stored.kind in "iu" and not spec.quantized and array.dtype.kind in "iu":
        return _integers(spec, array, stored)
    expected = f"real numbers (float) or stored {stored}" if spec.quantized else str(stored)
    raise BadInput(
        f"input '{spec.name}' is {array.dtype}, but the model takes {expected}",
        "convert the array with astype",
    )


def _integers(spec: TensorSpec, array: NDArray[Any], stored: np.dtype[Any]) -> NDArray[Any]:
    limits = np.iinfo(stored)
    if array.size and not (limits.min <= array.min() and array.max() <= limits.max):
        raise BadInput(
            f"input '{spec.name}' has values outside the range of {stored}",
            "give values that it can hold",
        )
    return array.astype(stored)


def quantize(spec: TensorSpec, array: NDArray[Any]) -> NDArray[Any]:
    """Real numbers → stored integers. Raises BadInput for NaN."""
    if np.isnan(array).any():
        raise BadInput(
            f"input '{spec.name}' holds NaN, which {spec.dtype} cannot express",
            "drop the damaged windows first",
        )
    limits = np.iinfo(spec.dtype)
    steps = (array.astype(np.float32) / np.float32(spec.scale)).astype(np.float64)
    rounded = np.copysign(np.floor(np.abs(steps) + 0.5), steps) + (spec.zero_point or 0)
    clipped: NDArray[Any] = np.clip(rounded, limits.min, limits.max).astype(spec.dtype)
    return clipped


def dequantize(spec: TensorSpec, array: NDArray[Any]) -> NDArray[Any]:
    """Stored numbers → real numbers, float32; tensors that are not quantized pass unchanged."""
    if spec.scale is None:
        return array
    return (array.astype(np.float32) - np.float32(spec.zero_point or 0)) * np.float32(spec.scale)
