"""`.mlpackage` files in Apple's own Core ML, through coremltools. On macOS only.

The conversion between arrays and features is in `coreml_features` and tested everywhere. Whether
`MLModel.predict` itself answers as documented can only be tested on a Mac.

Converts between arrays and the dictionaries of features that Core ML's `predict` uses.

Nothing here needs macOS, so that all of it is tested everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import BoundRun, TensorSpec
from edgeconv.core.runner import Closing
from edgeconv.errors import BadInput, EdgeconvError, Unsupported, UsageError
from edgeconv.plugins import captured_stderr
from edgeconv.runtimes.arrays import Batching, Samples, prepare
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
            raise BadInput(
                f"Core ML gave no output '{name}', only {sorted(answer)}",
                "the package is damaged, or not by this Core ML's rules: export it again",
            )
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
            raise BadInput(
                f"Core ML gave no probability of class '{absent[0]}' in '{name}'",
                "its class labels do not fit its output: export the package again",
            )
        return np.array([[value[label] for label in self.labels]], np.float32)


def _input(feature: Any, shapes: Mapping[str, tuple[int, ...]], path: Path) -> TensorSpec:
    if feature.name not in shapes:
        raise BadInput(
            f"{path}: the program has no input '{feature.name}'",
            "the package is damaged: export it again, or copy the whole .mlpackage folder again",
        )
    return TensorSpec(feature.name, shapes[feature.name], _dtype(feature, path))


def _output(feature: Any, function: Function, path: Path) -> TensorSpec:
    kind = str(feature.type.WhichOneof("Type"))
    if kind == "dictionaryType":
        return TensorSpec(feature.name, (1, len(labels_of(function))), "float32")
    if kind in _SCALARS:
        return TensorSpec(feature.name, (1,), _SCALARS[kind])
    if feature.name not in function.values:
        raise BadInput(
            f"{path}: the program does not make its output '{feature.name}'",
            "the package is damaged: export it again, or copy the whole .mlpackage folder again",
        )
    return TensorSpec(feature.name, function.values[feature.name].shape, _dtype(feature, path))


def _dtype(feature: Any, path: Path) -> str:
    kind = str(feature.type.WhichOneof("Type"))
    if kind != "multiArrayType":
        raise Unsupported(
            f"{path}: '{feature.name}' is of kind {kind.removesuffix('Type')}",
            "only arrays go in and come out here; export it with tensor inputs",
        )
    return array_dtype(feature, str(path))


CHUNK = 64  # dictionaries handed to Core ML at once

COMPUTE_UNITS = ("all", "cpu_only", "cpu_and_gpu", "cpu_and_ne")
"""Names of coremltools' `ComputeUnit`, in lower case. `all` lets Core ML choose for each
operation, as an app does by default."""


class CoreMLRunner(Closing):
    """Core ML itself, with the numbers and the rounding of this Mac's processors.

    A batch-1 package runs once for each sample, through Core ML's batch interface; a model with a
    state starts each sample from a fresh one. Not for use from two threads at once.

    Args:
        compute_units: where operations may run, one of `COMPUTE_UNITS`.

    Raises:
        BadInput: missing or damaged package, or one that Core ML does not load.
        Unsupported: image inputs.
        UsageError: unknown compute units.
    """

    runtime: ClassVar[str] = "coreml"
    kernels: ClassVar[str] = "Apple's Core ML"

    def __init__(self, path: Path, compute_units: str = "all") -> None:
        if compute_units not in COMPUTE_UNITS:
            raise UsageError(
                f"unknown compute units '{compute_units}'",
                f"choose one of: {', '.join(COMPUTE_UNITS)}",
            )
        self.path = path
        self._features = Features.of(path)  # a damaged package ends here
        self._model: Any = _load(path, compute_units)
        self.inputs: dict[str, TensorSpec] = self._features.inputs
        self.outputs: dict[str, TensorSpec] = self._features.outputs

    @property
    def labels(self) -> tuple[str, ...]:
        """Class labels of a classifier, in the order of its probabilities; else empty."""
        return self._features.labels

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs under the same leading batch. BadInput as in the protocol."""
        samples = prepare(self.inputs, self._features.batching, arrays)
        if samples.n == 0:
            return {name: self._empty(spec, samples) for name, spec in self.outputs.items()}
        rows = self._features.rows(samples.arrays)
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in self.outputs}
        for start in range(0, len(rows), CHUNK):
            for answer in self._predict(rows[start : start + CHUNK]):
                for name, value in self._features.arrays(answer).items():
                    parts[name].append(value)
        return {name: self._join(chunks, samples) for name, chunks in parts.items()}

    def bind(self, arrays: Mapping[str, NDArray[Any]]) -> BoundRun:
        """One inference of these samples, including the transfer into Core ML."""
        samples = prepare(self.inputs, self._features.batching, arrays)
        rows = self._features.rows(samples.arrays)
        if len(rows) != 1:
            raise BadInput(
                f"{self.path.name} takes 1 sample for timing, got {len(rows)}",
                "give one sample: latency is that of one inference",
            )

        def read(answers: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
            values = self._features.arrays(answers[0])
            return {name: self._join([value], samples) for name, value in values.items()}

        return BoundRun.of_function(partial(self._predict, rows), read)

    def close(self) -> None:
        self._model = None  # frees the compiled model

    def _predict(self, rows: list[dict[str, NDArray[Any]]]) -> list[dict[str, Any]]:
        """The answers of Core ML; only single predictions can carry a state."""
        copies = [dict(row) for row in rows]  # coremltools changes the dictionaries that it gets
        try:
            if self._features.stateful:
                return [self._model.predict(row, self._model.make_state()) for row in copies]
            answers: list[dict[str, Any]] = self._model.predict(copies)
        except Exception as error:  # coremltools raises no narrower one
            raise _refusal(self.path, str(error)) from error
        return answers

    def _join(self, chunks: list[NDArray[Any]], samples: Samples) -> NDArray[Any]:
        """Per-inference answers as one array under the caller's batch."""
        if self._features.batching.size == 0:
            return np.stack(chunks).reshape(samples.leading + chunks[0].shape)
        return np.concatenate(chunks).reshape(samples.leading + chunks[0].shape[1:])

    def _empty(self, spec: TensorSpec, samples: Samples) -> NDArray[Any]:
        shape = tuple(max(d, 0) for d in self._features.batching.sample_shape(spec))
        return np.empty(samples.leading + shape, None if spec.dtype == "string" else spec.dtype)


def _load(path: Path, compute_units: str) -> Any:
    """The `MLModel`, compiled by Core ML where the system has it."""
    import warnings

    lines: list[str] = []
    with captured_stderr(lines), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        import coremltools as ct

        try:
            units = getattr(ct.ComputeUnit, compute_units.upper())
            model = ct.models.MLModel(str(path), compute_units=units)
        except Exception as error:  # coremltools raises no narrower one
            raise _refusal(path, str(error)) from error
    for warning in caught:  # a model that Core ML cannot compile is a warning there
        if "will not be able to run predict" in str(warning.message):
            raise _refusal(path, str(warning.message))
    return model


def _refusal(path: Path, error: str) -> EdgeconvError:
    text = " ".join(error.split())
    if "specification" in text and "version" in text:
        return Unsupported(
            f"{path}: this macOS is too old for the file: {text}",
            "export for an older deployment target, or use --runtime coreml-reference",
        )
    return BadInput(f"{path}: Core ML does not run this file: {text}", "edgeconv inspect FILE")
