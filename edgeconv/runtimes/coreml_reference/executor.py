"""Runs a planned program on one sample or on many at once, fused or operation by operation.

How many samples go through at once depends on how much memory the plan needs.

Runs a plan: looks values up, calls operations, rounds to declared types, drops dead values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from math import prod
from typing import Any

import numpy as np

from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes.coreml_reference.batching import Ref
from edgeconv.runtimes.coreml_reference.fusion import fused
from edgeconv.runtimes.coreml_reference.plan import ExecutionPlan, Step, batched
from edgeconv.runtimes.coreml_reference.precision import INTEGERS, Compute, cast_result
from edgeconv.targets.coreml.blobs import HINT
from edgeconv.targets.coreml.values import ValueType

Values = dict[str, Any]
Body = Callable[..., tuple[Any, ...]]
"""A nested block as a function of its inputs, in their order."""
Watch = Callable[[str, Any], None]
"""Sees each value of the main block, by its name, before it may be forgotten."""


class Engine:
    """Executes plans; several threads may at once. Every `run` draws its random numbers from
    `seed`, starting again."""

    def __init__(self, compute: Compute, seed: int = 0) -> None:
        self._compute = compute
        self._seed = seed

    def run(
        self, plan: ExecutionPlan, inputs: Mapping[str, Any], watch: Watch | None = None
    ) -> Values:
        """The block's outputs by name; `inputs` have the dtype in which values are stored.

        Raises:
            BadInput: an operation cannot work on the values it meets.
        """
        with np.errstate(all="ignore"):  # infinities and NaN are legitimate answers of the model
            outputs = _Run(self._compute, self._seed).block(plan, dict(inputs), watch)
        return dict(zip(plan.block.outputs, outputs, strict=True))


class _Run:
    """One run, with its own random numbers."""

    def __init__(self, compute: Compute, seed: int) -> None:
        self._compute = compute
        self._seed = seed

    @cached_property
    def _random(self) -> np.random.Generator:
        return np.random.default_rng(self._seed)

    def block(
        self, plan: ExecutionPlan, values: Values, watch: Watch | None = None
    ) -> tuple[Any, ...]:
        values.update(plan.constants)
        for step in plan.steps:
            self._step(step, values)
            if watch is not None:
                for name, _ in step.op.outputs:
                    watch(name, values[name])
            for name in step.dead:
                del values[name]
        return tuple(values[name] for name in plan.block.outputs)

    def _step(self, step: Step, values: Values) -> None:
        arguments = dict(step.fixed)
        for parameter, ref in step.refs.items():
            arguments[parameter] = _look_up(ref, values)
        if step.subgraphs:
            arguments["subgraphs"] = [partial(self._body, body, values) for body in step.subgraphs]
        if step.kind.draws:
            arguments["random"] = self._random
        try:
            returned = step.kind.function(**arguments)
        except (ValueError, IndexError, TypeError, ZeroDivisionError) as error:
            raise BadInput(
                f"{step.op.where} cannot run: {error}",
                HINT,
            ) from error
        except Unsupported as error:
            raise Unsupported(f"{step.op.where}: {error.message}", error.hint) from error
        results: Sequence[Any] = returned if isinstance(returned, tuple) else (returned,)
        for (name, type_), value in zip(step.op.outputs, results, strict=True):
            tensor = type_.kind == "tensor"
            values[name] = (
                cast_result(value, type_.dtype, self._compute, step.kind.exact) if tensor else value
            )

    def _body(self, plan: ExecutionPlan, outer: Values, *arguments: Any) -> tuple[Any, ...]:
        inner = {name: outer[name] for name in plan.outer}
        inner.update(zip(plan.block.inputs, arguments, strict=True))
        return self.block(plan, inner)


def _look_up(ref: Any, values: Values) -> Any:
    if isinstance(ref, tuple):
        return tuple(values[part] if isinstance(part, Ref) else part for part in ref)
    return values[ref]


CHUNK = 128  # the largest number of samples at once where a batch-1 program allows it
CHUNK_BYTES = 8 << 20  # limit of the live tensors of a chunk, so that they stay in the cache


class ProgramExecutor:
    """Runs a program by the plan that suits the number of samples.

    Attributes:
        chunk: how many samples go through at once; 1 where the program must be looped. Chosen so
            that the tensors that the plan has alive at once stay below `CHUNK_BYTES`.
    """

    def __init__(self, plan: ExecutionPlan, compute: Compute, seed: int, one_sample: bool) -> None:
        self._engine = Engine(compute, seed)
        self._single, self._many = plan, batched(plan) if one_sample else None
        self._fused = fused(plan, compute)
        self._fused_many = None if self._many is None else fused(self._many, compute)
        self.chunk = 1
        if self._fused_many is not None:
            sample_bytes = max(1, peak_bytes(self._fused_many, compute))
            self.chunk = max(1, min(CHUNK, CHUNK_BYTES // sample_bytes))

    @property
    def vectorized(self) -> bool:
        """Whether many samples go through at once."""
        return self._many is not None

    def run(self, values: Mapping[str, Any], samples: int, watch: Watch | None = None) -> Values:
        """Outputs by name. A watched run executes the operations of the program one by one.

        Args:
            values: inputs and states in the stored dtype, `samples` along their first axis.
        """
        single, many = self._single, self._many
        if watch is None:
            single, many = self._fused, self._fused_many
        plan = single if many is None or samples == 1 else many
        return self._engine.run(plan, values, watch)


def peak_bytes(plan: ExecutionPlan, compute: Compute) -> int:
    """The largest number of bytes that the main block's tensors, inputs included, need at one time.

    The number is for one sample, by the shapes that the plan declares. Each step counts with the
    tensors that it reads and writes. Constants and the scratch memory inside an operation do not
    count. An unknown dimension counts as 1.
    """
    alive = {name: _bytes(type_, compute) for name, type_ in plan.block.inputs.items()}
    peak = sum(alive.values())
    for step in plan.steps:
        alive.update((name, _bytes(type_, compute)) for name, type_ in step.op.outputs)
        peak = max(peak, sum(alive.values()))
        for name in step.dead:
            del alive[name]
    return peak


def _bytes(type_: ValueType, compute: Compute) -> int:
    """Bytes in memory: floats have the `storage_dtype`, which may be wider than declared."""
    if type_.shape is None or type_.dtype == "string":
        return 0
    if type_.dtype in INTEGERS:
        size = INTEGERS[type_.dtype]().itemsize
    elif type_.dtype == "bool":
        size = 1
    else:
        size = 8 if type_.dtype == "float64" else compute.storage_dtype().itemsize
    return size * prod(max(n, 1) for n in type_.shape)
