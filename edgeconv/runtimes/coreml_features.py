"""Converts between arrays and the dictionaries of features that Core ML's `predict` uses.

Nothing here needs macOS, so that all of it is tested everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import TensorSpec
from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes.arrays import Batching
from edgeconv.targets.coreml.package import array_dtype
from edgeconv.targets.coreml.program import Function, read_program
from edgeconv.targets.coreml.program_graph import labels_of

_SCALARS = {"doubleType": "float64", "int64Type": "int64", "stringType": "string"}


@dataclass(frozen=True)
class Features:
    """The interface of a package's default function.

    Attributes:
        inputs, outputs: as `coreml-reference` has them: a classifier's dictionary is an array
            (1, classes), its label a string or int64 of shape (1,).
        labels: class names in the order of the probabilities; empty without a classifier.
        stateful: the model keeps a state from one prediction to the next.
    """

    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
    labels: tuple[str, ...]
    dictionaries: frozenset[str]
    stateful: bool

    @classmethod
    def of(cls, path: Path) -> Features:
        """Read the features of a package.

        Raises:
            BadInput: a missing or damaged package, or one that is not an ML program.
            Unsupported: an image, sequence or optional dictionary among the inputs.
        """
        program = read_program(path)
        function, description = program.function(), program.spec.description
        fed = {value.name: value.shape for value in function.inputs}
        inputs = {f.name: _input(f, fed, path) for f in description.input}
        outputs = {f.name: _output(f, function, path) for f in description.output}
        kinds = {f.name: f.type.WhichOneof("Type") for f in description.output}
        return cls(
            inputs,
            outputs,
            labels_of(function),
            frozenset(name for name, kind in kinds.items() if kind == "dictionaryType"),
            bool(description.state),
        )

    @property
    def batching(self) -> Batching:
        """One sample or any number; a larger fixed first dimension belongs to the sample."""
        common = Batching.of([*self.inputs.values()], [*self.outputs.values()])
        return common if common.size in (1, -1) else Batching(0)

    def rows(self, arrays: Mapping[str, NDArray[Any]]) -> list[dict[str, NDArray[Any]]]:
        """The dictionaries that `predict` takes, one per inference, from samples (n, …)."""
        size = self.batching.size
        if size < 0:
            return [dict(arrays)]  # a free first dimension need not be a batch: never cut it
        n = len(next(iter(arrays.values())))
        return [
            {name: a[i : i + 1] if size else a[i] for name, a in arrays.items()} for i in range(n)
        ]

    def arrays(self, answer: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        """The answer of `predict` for one dictionary, as arrays of the declared types.

        Raises:
            BadInput: an output or a class is missing.
        """
        return {name: self._array(name, answer) for name in self.outputs}

    def _array(self, name: str, answer: Mapping[str, Any]) -> NDArray[Any]:
        if name not in answer:
            raise BadInput(f"Core ML gave no output '{name}', only {sorted(answer)}")
        value = answer[name]
        if name in self.dictionaries:
            return self._probabilities(name, value)
        spec = self.outputs[name]
        if spec.dtype == "string":
            return np.array([str(value)])
        array = np.asarray(value, spec.dtype)
        fixed = -1 not in spec.shape and array.size == prod(spec.shape)
        return array.reshape(spec.shape) if fixed else array

    def _probabilities(self, name: str, value: Mapping[Any, float]) -> NDArray[np.float32]:
        """The probabilities of a dictionary, in the order of the labels."""
        absent = [label for label in self.labels if label not in value]
        if absent:
            raise BadInput(f"Core ML gave no probability of class '{absent[0]}' in '{name}'")
        return np.array([[value[label] for label in self.labels]], np.float32)


def _input(feature: Any, shapes: Mapping[str, tuple[int, ...]], path: Path) -> TensorSpec:
    if feature.name not in shapes:
        raise BadInput(f"{path}: the program has no input '{feature.name}'")
    return TensorSpec(feature.name, shapes[feature.name], _dtype(feature, path))


def _output(feature: Any, function: Function, path: Path) -> TensorSpec:
    kind = str(feature.type.WhichOneof("Type"))
    if kind == "dictionaryType":
        return TensorSpec(feature.name, (1, len(labels_of(function))), "float32")
    if kind in _SCALARS:
        return TensorSpec(feature.name, (1,), _SCALARS[kind])
    if feature.name not in function.values:
        raise BadInput(f"{path}: the program does not make its output '{feature.name}'")
    return TensorSpec(feature.name, function.values[feature.name].shape, _dtype(feature, path))


def _dtype(feature: Any, path: Path) -> str:
    kind = str(feature.type.WhichOneof("Type"))
    if kind != "multiArrayType":
        raise Unsupported(
            f"{path}: '{feature.name}' is of kind {kind.removesuffix('Type')}",
            "only arrays go in and come out here; export it with tensor inputs",
        )
    return array_dtype(feature, str(path))
