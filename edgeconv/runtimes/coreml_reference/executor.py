"""Runs a planned program on one sample or on many at once, fused or operation by operation.

How many samples go through at once depends on how much memory the plan needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from edgeconv.runtimes.coreml_reference.engine import Engine, Values, Watch
from edgeconv.runtimes.coreml_reference.fusion import fused
from edgeconv.runtimes.coreml_reference.plan import ExecutionPlan, batched
from edgeconv.runtimes.coreml_reference.precision import INTEGERS, Compute
from edgeconv.targets.coreml.values import ValueType

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
