"""`.mlpackage` files on any system: the reference runtime behind the `Runner` protocol."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import BoundRun, TensorSpec
from edgeconv.core.runner import Closing
from edgeconv.errors import BadInput, Unsupported, UsageError
from edgeconv.runtimes.arrays import Batching, Samples, prepare
from edgeconv.runtimes.coreml_reference.executor import ProgramExecutor, Watch
from edgeconv.runtimes.coreml_reference.interface import Interface
from edgeconv.runtimes.coreml_reference.ops.control import StateTensor
from edgeconv.runtimes.coreml_reference.plan import ExecutionPlan, Planner, adds_in_float16
from edgeconv.runtimes.coreml_reference.precision import Compute, as_declared, cast_result
from edgeconv.runtimes.coreml_reference.threads import one_thread, parallel_map
from edgeconv.targets.coreml.program import read_program
from edgeconv.targets.coreml.values import ValueType


class CoreMLReferenceRunner(Closing):
    """Executes an ML program in NumPy. It measures neither the speed nor the rounding of a phone.

    Args:
        compute: `as-specified` rounds to float16 where the program says so and accumulates in
            float32 (our model of the hardware; only a Mac can confirm it); `float16-accumulate`
            rounds matrix products after each term, too, as Apple's Core AI interpreter does;
            `float32` and `float64` ignore float16, which shows what it costs.
        function: which function of a multi-function package; None for its default.
        seed: of the random operations, drawn again in every run.

    Attributes:
        tensors: type of each numeric tensor that `intermediates` can give, in computed order.

    Raises:
        BadInput: missing, truncated or damaged package, or one without an ML program.
        Unsupported: an operation, input or type that this runtime lacks.
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
        program = read_program(path)
        self._function = program.function(function)
        with _naming(path):
            self._plan = Planner(self._compute).plan(self._function.block)
        self._interface = Interface.of(program.spec, function, self._plan, path)
        self.inputs, self.outputs = self._interface.inputs, self._interface.outputs
        self._batching = _batching([*self.inputs.values(), *self.outputs.values()])
        self.tensors = _tensors(self._plan)
        with _naming(path):
            self._executor = ProgramExecutor(
                self._plan, self._compute, seed, self._batching.size == 1
            )

    @property
    def labels(self) -> tuple[Any, ...]:
        """Class labels of a classifier, in the order of its probabilities; else empty."""
        return self._interface.labels

    @property
    def operation_types(self) -> frozenset[str]:
        """Names of the operations in the program, without its constants."""
        return frozenset(op.type for op in self._function.nodes())

    @property
    def vectorized(self) -> bool:
        """Whether many samples go through a batch-1 program at once, rather than one by one."""
        return self._executor.vectorized

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs under the same leading batch. BadInput as in the protocol."""
        samples = prepare(self.inputs, self._batching, arrays)
        if samples.n == 0:
            return {n: self._empty(spec, samples) for n, spec in self.outputs.items()}
        chunks = list(self._chunks(samples))
        if self.vectorized:
            parts = parallel_map(self._call, chunks)
        else:
            parts = [self._call(chunk) for chunk in chunks]
        return {name: _joined([part[name] for part in parts], samples) for name in self.outputs}

    def intermediates(
        self, arrays: Mapping[str, NDArray[Any]], names: Collection[str] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Values inside the program, under the same leading batch as in `run`.

        Args:
            names: MIL names of the values; None for all that `tensors` lists. All of them
                for all samples are in memory at the end, so name them where samples are many.

        Returns:
            Name → (batch, *one sample's shape), in the program's own types as `run` gives them.
            A value that does not depend on the input is repeated for each sample.

        Raises:
            BadInput: as `run`; an unknown name, or an empty batch.
        """
        requested = dict.fromkeys(self.tensors if names is None else names)
        unknown = sorted(set(requested) - self.tensors.keys())
        if unknown:
            raise BadInput(
                f"{self.path.name} has no tensor '{unknown[0]}' in its main block",
                "`tensors` of the runner lists them; constants are none of them",
            )
        samples = prepare(self.inputs, self._batching, arrays)
        if samples.n == 0:
            raise BadInput(
                f"{self.path.name}: no sample to look inside with", "give one sample or more"
            )
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in requested}
        for chunk in self._chunks(samples):
            n = len(next(iter(chunk.values())))

            def keep(name: str, value: Any, n: int = n) -> None:
                if name in parts:
                    parts[name].append(self._rows(name, value, n))

            self._call(chunk, keep)
        return {name: _joined(values, samples) for name, values in parts.items()}

    def bind(self, arrays: Mapping[str, NDArray[Any]], watch: Watch | None = None) -> BoundRun:
        """One inference of these samples, for timing; `watch` sees each value as it is made, for
        which no operations are fused."""
        samples = prepare(self.inputs, self._batching, arrays)
        if samples.n != 1:
            raise BadInput(
                f"{self.path.name} takes 1 sample for timing, got {samples.n}",
                "give one; `run` takes any number",
            )

        def compute() -> dict[str, NDArray[Any]]:
            with one_thread():
                return self._call(samples.arrays, watch)

        def read(values: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
            return {name: _joined([value], samples) for name, value in values.items()}

        return BoundRun.of_function(compute, read)

    def infer(
        self, arrays: Mapping[str, NDArray[Any]], state: dict[str, StateTensor] | None = None
    ) -> dict[str, NDArray[Any]]:
        """One inference: arrays in the program's own shapes and types, outputs likewise.

        Args:
            state: the result of `make_state`, to carry it on; None for a fresh state.

        Raises:
            BadInput: a shape that the description of a flexible input does not allow.
        """
        for name, flexible in self._interface.flexible.items():
            if name in arrays:
                flexible.check(name, np.shape(arrays[name]))
        carried = self.make_state() if state is None else state
        return self._outputs(self._executor.run(self._settled(arrays) | carried, 1))

    def make_state(self) -> dict[str, StateTensor]:
        """Zeros for each state of the program, by name."""
        return {
            name: StateTensor(
                np.asarray(cast_result(np.zeros(t.shape or ()), t.dtype, self._compute))
            )
            for name, t in self._plan.block.inputs.items()
            if t.kind == "state"
        }

    def _chunks(self, samples: Samples) -> Iterator[dict[str, NDArray[Any]]]:
        size = self._executor.chunk
        if self._batching.size < 0:
            size = samples.n  # a free first dimension need not be a batch: never cut it
        for start in range(0, samples.n, size):
            yield {k: v[start : start + size] for k, v in samples.arrays.items()}

    def _call(
        self, chunk: Mapping[str, NDArray[Any]], watch: Watch | None = None
    ) -> dict[str, NDArray[Any]]:
        """Outputs (samples, …) of one pass."""
        single = not self._batching.size
        n = 1 if single else len(next(iter(chunk.values())))
        values = self._settled({k: v[0] for k, v in chunk.items()} if single else chunk)
        outputs = self._outputs(self._executor.run(values | self.make_state(), n, watch))
        return {k: v[None] for k, v in outputs.items()} if single else outputs

    def _settled(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        return {
            name: cast_result(array, self._interface.stored[name], self._compute)
            for name, array in arrays.items()
        }

    def _rows(self, name: str, value: Any, n: int) -> NDArray[Any]:
        """A copy of a value with the samples first, `n` of them."""
        type_ = self.tensors[name]
        array = as_declared(np.asarray(value), type_.dtype, self._compute)
        head = type_.shape[0] if type_.shape else 0
        first = bool(self._batching.size) and head in (1, -1) and array.shape[0] in (1, n)
        row = array if first else array[None]
        return np.array(np.broadcast_to(row, (n, *row.shape[1:])))

    def _outputs(self, values: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        return {
            name: as_declared(np.asarray(values[name]), spec.dtype, self._compute)
            for name, spec in self.outputs.items()
        }

    def _empty(self, spec: TensorSpec, samples: Samples) -> NDArray[Any]:
        sample = tuple(max(d, 0) for d in self._batching.sample_shape(spec))
        return np.empty(samples.leading + sample, None if spec.dtype == "string" else spec.dtype)


def pessimistic(path: Path) -> str:
    """`float16-accumulate` where the program has a product that it computes in another way."""
    program = read_program(path)
    narrow = any(map(adds_in_float16, program.function(None).nodes()))
    return str(Compute.FLOAT16_ACCUMULATE) if narrow else ""


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Add the file to errors of a program, which name only the operation."""
    try:
        yield
    except (BadInput, Unsupported) as error:
        if str(path) in error.message:
            raise
        raise type(error)(f"{path}: {error.message}", error.hint) from error


def _batching(specs: list[TensorSpec]) -> Batching:
    """One sample or any number; a larger fixed first dimension belongs to the sample, since
    nothing says that it is a batch."""
    batching = Batching.of(specs, specs)
    return batching if batching.size in (1, -1) else Batching(0)


def _tensors(plan: ExecutionPlan) -> dict[str, ValueType]:
    """Type of each numeric tensor that the main block computes, in the order of computation."""
    return {
        name: type_
        for step in plan.steps
        for name, type_ in step.op.outputs
        if type_.kind == "tensor" and type_.dtype != "string"
    }


def _joined(parts: list[NDArray[Any]], samples: Samples) -> NDArray[Any]:
    return np.concatenate(parts).reshape(samples.leading + parts[0].shape[1:])
