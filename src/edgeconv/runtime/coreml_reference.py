"""`.mlpackage` files on any system: the reference runtime of `mil` behind the `Runner` contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
from edgeconv.runtime.mil.ops.control import State
from edgeconv.runtime.mil.plan import Plan, Planner, batched
from edgeconv.runtime.mil.precision import Compute, as_declared, settle
from edgeconv.runtime.mil.program import Block, Operation, ValueType, read_function
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
        self._batching = _batching([*self.inputs.values(), *self.outputs.values()])
        self._many: Plan | None = batched(self._plan) if self._batching.size == 1 else None

    @property
    def labels(self) -> tuple[Any, ...]:
        """Class labels of a classifier, in the order of its probabilities; else empty."""
        return self._interface.labels

    @property
    def operation_types(self) -> frozenset[str]:
        """Names of the operations in the program, its constants apart."""
        return frozenset(op.type for op in _nested(self._plan.block))

    @property
    def vectorised(self) -> bool:
        """Whether many samples go through a batch-1 program at once, rather than one by one."""
        return self._many is not None

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs under the same leading batch. BadInput as in the protocol."""
        samples = prepare(self.inputs, self._batching, arrays)
        if samples.n == 0:
            return {n: self._empty(spec, samples) for n, spec in self.outputs.items()}
        size = CHUNK if self._many is not None else 1
        if self._batching.size < 0:
            size = samples.n  # a free first dimension need not be a batch: never cut it
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
        if samples.n != 1:
            raise BadInput(f"{self.path.name} takes 1 sample for timing, got {samples.n}")

        def infer() -> None:
            self._call(samples.arrays)

        return infer

    def infer(
        self, arrays: Mapping[str, NDArray[Any]], state: dict[str, State] | None = None
    ) -> dict[str, NDArray[Any]]:
        """One inference: arrays in the program's own shapes and types, outputs likewise.

        Args:
            state: what `make_state` gave, to carry it on; None for a fresh one.
        """
        values: dict[str, Any] = {
            name: settle(array, self._interface.stored[name], self._compute)
            for name, array in arrays.items()
        }
        values.update(self.make_state() if state is None else state)
        return self._outputs(self._engine.run(self._plan, values))

    def make_state(self) -> dict[str, State]:
        """Zeros for each state of the program, by name."""
        return {
            name: State(np.asarray(settle(np.zeros(t.shape or ()), t.dtype, self._compute)))
            for name, t in self._plan.block.inputs.items()
            if t.kind == "state"
        }

    def _call(self, chunk: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs (samples, …) of one pass of the engine."""
        if not self._batching.size:
            return {k: v[None] for k, v in self.infer({k: v[0] for k, v in chunk.items()}).items()}
        if self._many is None or len(next(iter(chunk.values()))) == 1:
            return self.infer(chunk)
        values = {
            name: settle(array, self._interface.stored[name], self._compute)
            for name, array in chunk.items()
        }
        return self._outputs(self._engine.run(self._many, values))

    def _outputs(self, found: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        return {
            name: as_declared(np.asarray(found[name]), spec.dtype, self._compute)
            for name, spec in self.outputs.items()
        }

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
    labels: tuple[Any, ...]

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
        made: dict[str, tuple[Operation | None, ValueType]] = {
            name: (op, t) for op in plan.block.operations for name, t in op.outputs
        }
        # A constant may be an output too; it is in no operation's outputs.
        made.update((name, (None, c.type)) for name, c in plan.block.constants.items())
        outputs = {}
        for feature in description.output:
            op, type_ = made.get(feature.name, (None, declared.get(feature.name)))
            if type_ is None:
                raise BadInput(f"{path}: the program does not make its output '{feature.name}'")
            if op is not None and op.type == "classify":
                outputs[feature.name] = _classifier(feature, _labels(plan))
            else:
                dtype = _dtype(feature, path)
                outputs[feature.name] = TensorSpec(feature.name, type_.shape or (), dtype)
        stored = {name: t.dtype for name, t in declared.items()}
        return cls(inputs, outputs, stored, _labels(plan))


def _batching(specs: list[TensorSpec]) -> Batching:
    """One sample or any number; a larger fixed first dimension belongs to the sample, since
    nothing says that it is a batch."""
    found = Batching.of(specs, specs)
    return found if found.size in (1, -1) else Batching(0)


def _nested(block: Block) -> Iterator[Operation]:
    for op in block.operations:
        yield op
        for inner in op.blocks:
            yield from _nested(inner)


def _labels(plan: Plan) -> tuple[Any, ...]:
    found = [step.fixed["classes"] for step in plan.steps if step.op.type == "classify"]
    return tuple(found[0]) if found else ()


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


def _classifier(feature: Any, labels: tuple[Any, ...]) -> TensorSpec:
    """The label, or the dictionary of probabilities flattened in the order of the labels."""
    kind = str(feature.type.WhichOneof("Type")).removesuffix("Type")
    if kind == "dictionary":
        return TensorSpec(feature.name, (1, len(labels)), "float32")
    return TensorSpec(feature.name, (1,), kind)  # string or int64
