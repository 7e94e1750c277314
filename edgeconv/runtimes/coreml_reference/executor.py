"""A planned program on samples: one, or many at once, fused or operation by operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeconv.runtimes.coreml_reference.engine import Engine, Values, Watch
from edgeconv.runtimes.coreml_reference.fusion import fused
from edgeconv.runtimes.coreml_reference.lifetimes import peak_bytes
from edgeconv.runtimes.coreml_reference.plan import ExecutionPlan, batched
from edgeconv.runtimes.coreml_reference.precision import Compute

CHUNK = 128  # the most samples at once where a batch-1 program allows it
CHUNK_BYTES = 8 << 20  # live tensors of a chunk, by the plan: they stay in the cache, and bounded


class ProgramExecutor:
    """Chooses the plan for what is to be run.

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
            each = max(1, peak_bytes(self._fused_many, compute))
            self.chunk = max(1, min(CHUNK, CHUNK_BYTES // each))

    @property
    def vectorized(self) -> bool:
        """Whether many samples go through at once."""
        return self._many is not None

    def run(self, values: Mapping[str, Any], samples: int, watch: Watch | None = None) -> Values:
        """Outputs by name. A watched run takes the operations one by one, as the program has them.

        Args:
            values: inputs and states in the stored dtype, `samples` along their first axis.
        """
        single, many = self._single, self._many
        if watch is None:
            single, many = self._fused, self._fused_many
        plan = single if many is None or samples == 1 else many
        return self._engine.run(plan, values, watch)
