"""`.mlpackage` files on any system: the reference runtime of `mil` behind the `Runner` contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edgeconv.errors import BadInput, Unsupported, UsageError
from edgeconv.formats.mlpackage import WEIGHTS, model_file, proto, read_spec
from edgeconv.runtime.arrays import Batching, Samples, prepare
from edgeconv.runtime.mil.engine import Engine
from edgeconv.runtime.mil.plan import Plan, Planner, batched
from edgeconv.runtime.mil.precision import Compute, as_declared, settle
from edgeconv.runtime.mil.program import Operation, read_function
from edgeconv.runtime.mil.weights import WeightFile
from edgeconv.types import TensorSpec

CHUNK = 64  # samples at once where a batch-1 program allows it: keeps windows in the cache


class CoreMLReferenceRunner:
    """Executes an ML program in NumPy. It is no measurement of a phone, in speed or rounding.

    Args:
        compute: `as-specified` rounds to float16 where the program says so and accumulates in
            float32 (our model of the hardware; only a Mac can confirm it); `float32` and
            `float64` ignore float16, which shows what it costs.
        function: which function of a multi-function package; None for its default.
        seed: of the random operations, drawn anew in every run.

    Raises:
        BadInput: missing, truncated or damaged package, or one without an ML program.
        Unsupported: an operation, input or type that this runtime has not.
        UsageError: an unknown `compute`.
    """

    runtime: ClassVar[str] = "coreml-reference"
    kernels: ClassVar[str] = "NumPy"

    def __init__(
        self, path: Path, compute: str = "as-specified", function: str | None = None, seed: int = 0
    ) -> None:
        if compute not in tuple(Compute):
            raise UsageError(f"unknown compute '{compute}'", f"choose one of: {', '.join(Compute)}")
        self.path = path
        self._compute = Compute(compute)
        self._engine = Engine(self._compute, seed)
        spec = read_spec(path)
        weights = WeightFile(model_file(path).parent / WEIGHTS)
        block = read_function(spec, weights, function, str(path))
        self._plan = Planner(self._compute).plan(block)
        self._interface = _Interface.of(spec, function, self._plan, path)
        self.inputs, self.outputs = self._interface.inputs, self._interface.outputs
        self._batching = Batching.of([*self.inputs.values()], [*self.outputs.values()])
        self._many: Plan | None = batched(self._plan) if self._batching.size == 1 else None

    @property
    def vectorised(self) -> bool:
        """Whether many samples go through a batch-1 program at once, rather than one by one."""
        return self._many is not None

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs under the same leading batch. BadInput as in the protocol."""
        samples = prepare(self.inputs, self._batching, arrays)
        if samples.n == 0:
            return {n: self._empty(spec, samples) for n, spec in self.outputs.items()}
        size = self._chunk()
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in self.outputs}
        for start in range(0, samples.n, size):
            chunk = {k: v[start : start + size] for k, v in samples.arrays.items()}
            for name, value in self._call(chunk).items():
                parts[name].append(value)
        return {
            name: np.concatenate(found).reshape(samples.leading + found[0].shape[1:])
            for name, found in parts.items()
        }

    def bind(self, arrays: Mapping[str, NDArray[Any]]) -> Callable[[], None]:
        """One inference of these samples, for timing."""
        samples = prepare(self.inputs, self._batching, arrays)
        chunk = max(self._batching.size, 1)
        if samples.n != chunk:
            raise BadInput(f"{self.path.name} takes {chunk} sample(s) for timing, got {samples.n}")

        def infer() -> None:
            self._call(samples.arrays)

        return infer

    def _chunk(self) -> int:
        if self._many is not None or self._batching.size < 0:
            return CHUNK
        return max(self._batching.size, 1)

    def _call(self, chunk: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs (samples, …) of one pass of the engine."""
        n = len(next(iter(chunk.values())))
        plan = self._many if self._many is not None and n > 1 else self._plan
        short = self._batching.size - n if self._batching.size > 1 else 0
        inputs = {}
        for name, array in chunk.items():
            if not self._batching.size:
                array = array[0]
            elif short:  # a fixed batch, filled up with copies whose outputs are dropped
                array = np.concatenate([array, array[-1:].repeat(short, axis=0)])
            inputs[name] = settle(array, self._interface.stored[name], self._compute)
        found = self._engine.run(plan, inputs)
        outputs = {}
        for name, spec in self.outputs.items():
            value = as_declared(np.asarray(found[name]), spec.dtype, self._compute)
            outputs[name] = value[:n] if self._batching.size else value[None]
        return outputs

    def _empty(self, spec: TensorSpec, samples: Samples) -> NDArray[Any]:
        sample = tuple(max(d, 0) for d in self._batching.sample_shape(spec))
        return np.empty(samples.leading + sample, None if spec.dtype == "string" else spec.dtype)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._many = None


@dataclass(frozen=True)
class _Interface:
    """What a caller sees. `stored` are the program's own types of the inputs."""

    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
    stored: dict[str, str]

    @classmethod
    def of(cls, spec: Any, function: str | None, plan: Plan, path: Path) -> _Interface:
        description = _description(spec, function)
        declared = plan.block.inputs
        inputs = {}
        for feature in description.input:
            if feature.name not in declared:
                raise BadInput(f"{path}: the program has no input '{feature.name}'")
            shape = declared[feature.name].shape or ()
            inputs[feature.name] = TensorSpec(feature.name, shape, _dtype(feature, path))
        made = {name: (op, t) for op in _operations(plan) for name, t in op.outputs}
        outputs = {}
        for feature in description.output:
            op, type_ = made.get(feature.name, (None, declared.get(feature.name)))
            if type_ is None:
                raise BadInput(f"{path}: the program does not make its output '{feature.name}'")
            if op is not None and op.type == "classify":
                outputs[feature.name] = _classifier(feature, op, plan)
            else:
                dtype = _dtype(feature, path)
                outputs[feature.name] = TensorSpec(feature.name, type_.shape or (), dtype)
        return cls(inputs, outputs, {name: t.dtype for name, t in declared.items()})


def _operations(plan: Plan) -> tuple[Operation, ...]:
    return tuple(step.op for step in plan.steps)


def _description(spec: Any, function: str | None) -> Any:
    """Inputs and outputs of the chosen function; a plain package has one description for all."""
    wanted = function or spec.description.defaultFunctionName
    for each in spec.description.functions:
        if each.name == wanted:
            return each
    return spec.description


def _dtype(feature: Any, path: Path) -> str:
    kind = feature.type.WhichOneof("Type")
    if kind != "multiArrayType":
        raise Unsupported(
            f"{path}: '{feature.name}' is of kind {str(kind).removesuffix('Type')}",
            "coreml-reference takes and gives arrays only; export it with tensor inputs",
        )
    types = proto("FeatureTypes_pb2").ArrayFeatureType.ArrayDataType
    name = str(types.Name(feature.type.multiArrayType.dataType)).lower()
    return "float64" if name == "double" else name


def _classifier(feature: Any, op: Operation, plan: Plan) -> TensorSpec:
    """The label, or the dictionary of probabilities flattened in the order of the labels."""
    (step,) = (s for s in plan.steps if s.op is op)
    if feature.type.WhichOneof("Type") == "dictionaryType":
        return TensorSpec(feature.name, (1, len(step.fixed["classes"])), "float32")
    kind = str(feature.type.WhichOneof("Type")).removesuffix("Type")
    return TensorSpec(feature.name, (1,), kind)  # string or int64
