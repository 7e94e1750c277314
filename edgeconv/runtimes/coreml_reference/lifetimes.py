"""How much memory a plan needs: what is alive after each step, by the shapes that it declares."""

from __future__ import annotations

from math import prod

from edgeconv.runtimes.coreml_reference.plan import ExecutionPlan
from edgeconv.runtimes.coreml_reference.precision import INTEGERS, Compute
from edgeconv.targets.coreml.values import ValueType


def peak_bytes(plan: ExecutionPlan, compute: Compute) -> int:
    """The most bytes of the main block's tensors at once for one sample, the inputs among them.

    Each step is counted with what it reads and what it makes. Scratch memory inside an operation
    is not, nor are constants. An unknown dimension counts as 1.
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
    """In memory: floats have the `storage_dtype`, which may be wider than the declared one."""
    if type_.shape is None or type_.dtype == "string":
        return 0
    if type_.dtype in INTEGERS:
        size = INTEGERS[type_.dtype]().itemsize
    elif type_.dtype == "bool":
        size = 1
    else:
        size = 8 if type_.dtype == "float64" else compute.storage_dtype().itemsize
    return size * prod(max(n, 1) for n in type_.shape)
