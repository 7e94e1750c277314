"""A convolution and what follows it in one pass, with the same result bit for bit.

Rounding, adding a constant, max(x, 0) and min(x, 6) are monotone, and the largest of some numbers
stays the largest under any monotone function; so a max pool may come first, on the bare sums,
where everything after it has fewer numbers to work on. Rounding to float16 keeps 0 and 6 and the
order of numbers, so that rounding once, at the end, is the same as rounding after each operation.
Only operations of one declared type are joined, and a pool only where it needs no padding and its
windows do not overlap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.errors import BadInput
from edgeconv.runtimes.coreml_reference.batching import flat
from edgeconv.runtimes.coreml_reference.ops.activation import relu, relu6
from edgeconv.runtimes.coreml_reference.ops.conv import conv
from edgeconv.runtimes.coreml_reference.ops.kernel import ConvKernel, OpDefinition
from edgeconv.runtimes.coreml_reference.ops.pool import max_pool
from edgeconv.runtimes.coreml_reference.plan import ExecutionPlan, Step
from edgeconv.runtimes.coreml_reference.precision import (
    FLOATS,
    Compute,
    half,
    half_in_place,
    rectify,
)
from edgeconv.targets.coreml.blobs import HINT

_CEILING = {"relu": None, "relu6": 6.0}  # what follows max(x, 0)
_KNOWN = {"conv": conv, "max_pool": max_pool, "relu": relu, "relu6": relu6}
"""What is done here in another way. A function that another took the place of is left alone."""


@dataclass(frozen=True)
class FusedConvolution:
    """conv, then max_pool and relu or relu6, each or none, in whichever order.

    Attributes:
        pool: kernel and strides. rectify: max(x, 0); ceiling: then min(x, ceiling).
        to_half: round to float16.
    """

    kernel: ConvKernel
    bias: NDArray[Any] | None
    pool: tuple[list[int], list[int]] | None
    rectify: bool
    ceiling: float | None
    to_half: bool

    def __call__(self, x: NDArray[Any]) -> NDArray[Any]:
        """Channels-first view of channels-last memory, for x (n, in, *spatial)."""
        windows = self.kernel.windows(x)
        parts = [windows] if self.pool is None else _taps(windows, *self.pool)
        outputs = parts[0].shape[1 : windows.ndim - len(self.kernel.size) - 1]
        result = np.empty((len(x), *outputs, self.kernel.channels), x.dtype)
        for where, sums in self.kernel.sums(parts, result if self.pool is None else None):
            self._finish(sums, result[where])
        return np.moveaxis(result, -1, 1)

    def _finish(self, sums: list[NDArray[Any]], out: NDArray[Any]) -> None:
        """Apply what follows the sums; a single array of sums may be `out` itself."""
        largest = sums[0]
        for other in sums[1:]:
            np.maximum(largest, other, out=largest)
        if self.bias is not None:
            np.add(largest, self.bias, out=out)
        elif self.pool is not None:
            out[...] = largest
        if self.rectify:
            rectify(out)
        if self.to_half and self.rectify:
            half_in_place(out)
        elif self.to_half:
            out[...] = half(out)
        if self.ceiling is not None:
            np.minimum(out, self.ceiling, out=out)


def _taps(windows: NDArray[Any], kernel: list[int], strides: list[int]) -> list[NDArray[Any]]:
    """For each position in a pool's window, the convolution's windows at that position.

    Windows after the last whole window of the pool are left out.
    """
    counts = [(n - k) // s + 1 for n, k, s in zip(windows.shape[1:], kernel, strides, strict=False)]
    if min(counts) < 1:
        raise ValueError(f"the window {kernel} of the pool is larger than its input")
    return [
        windows[
            (
                slice(None),
                *(
                    slice(t, t + (count - 1) * s + 1, s)
                    for t, count, s in zip(tap, counts, strides, strict=True)
                ),
            )
        ]
        for tap in np.ndindex(*kernel)
    ]


def fused(plan: ExecutionPlan, compute: Compute) -> ExecutionPlan:
    """The plan with each convolution and its only users joined. Nested blocks stay as they are."""
    users = Counter(name for step in plan.steps for name in _looked_up(step))
    users.update(plan.block.outputs)
    by_input = {name: step for step in plan.steps for name in _looked_up(step)}
    joined: set[int] = set()
    steps = []
    for step in plan.steps:
        if id(step) in joined:
            continue
        chain = [step]
        while _starts(step) and (last := chain[-1].op.outputs[0][0]) in by_input:
            follower = by_input[last]
            if users[last] != 1 or not _joins(chain, follower):
                break
            chain.append(follower)
        joined.update(id(part) for part in chain)
        steps.append(_joined(chain, compute) if _starts(step) else step)
    return replace(plan, steps=tuple(steps))


def _looked_up(step: Step) -> Iterator[str]:
    for value in step.refs.values():
        yield from flat(value)
    for body in step.subgraphs:
        yield from body.outer


def _starts(step: Step) -> bool:
    """Whether the step is a convolution with constant weights."""
    if step.op.type != "conv" or not _is_constant_call(step):
        return False
    return step.op.outputs[0][1].dtype in FLOATS


def _is_constant_call(step: Step) -> bool:
    """Whether the operation is in this table and all its parameters except x are constant."""
    return step.kind.function is _KNOWN.get(step.op.type) and set(step.refs) == {"x"}


def _joins(chain: list[Step], step: Step) -> bool:
    kind = step.op.type
    have = {part.op.type for part in chain}
    if kind not in (*_CEILING, "max_pool") or not _is_constant_call(step):
        return False
    if step.op.outputs[0][1].dtype != chain[0].op.outputs[0][1].dtype:
        return False
    if kind in _CEILING:
        return not have & set(_CEILING)
    if "max_pool" in have or step.fixed.get("ceil_mode", False):
        return False
    kernel, strides = _pool(step.fixed)
    if any(s < k for k, s in zip(kernel, strides, strict=True)):
        return False  # the sums in several windows would be computed several times
    pad = step.fixed.get("pad")
    none = pad is None or not np.any(pad)
    pad_type = step.fixed.get("pad_type")
    return pad_type == "valid" or (pad_type == "custom" and none)


def _joined(chain: list[Step], compute: Compute) -> Step:
    first, last = chain[0], chain[-1]
    fixed = first.fixed
    try:
        kernel = ConvKernel.of(
            fixed["weight"],
            fixed.get("strides"),
            fixed.get("pad_type", "valid"),
            fixed.get("pad"),
            fixed.get("dilations"),
            fixed.get("groups", 1),
        )
    except (ValueError, IndexError, TypeError, ZeroDivisionError) as error:
        raise BadInput(
            f"{first.op.where} cannot run: {error}",
            HINT,
        ) from error
    clamps = [step.op.type for step in chain if step.op.type in _CEILING]
    pools = [step.fixed for step in chain if step.op.type == "max_pool"]
    dtype = last.op.outputs[0][1].dtype
    run = FusedConvolution(
        kernel,
        fixed.get("bias"),
        _pool(pools[0]) if pools else None,
        bool(clamps),
        _CEILING[clamps[0]] if clamps else None,
        dtype == "float16" and compute.rounds,
    )
    intermediate = {step.op.outputs[0][0] for step in chain[:-1]}
    dead = tuple(name for step in chain for name in step.dead if name not in intermediate)
    op = replace(first.op, outputs=last.op.outputs)
    return replace(first, op=op, kind=OpDefinition(run, exact=True), fixed={}, dead=dead)


def _pool(fixed: dict[str, Any]) -> tuple[list[int], list[int]]:
    kernel = [int(k) for k in fixed["kernel_sizes"]]
    strides = fixed.get("strides")
    return kernel, [int(s) for s in strides] if strides is not None else [1] * len(kernel)
