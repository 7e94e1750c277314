"""Runs a plan: looks values up, calls operations, rounds to declared types, drops dead values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes.coreml_reference.batching import Ref
from edgeconv.runtimes.coreml_reference.plan import ExecutionPlan, Step
from edgeconv.runtimes.coreml_reference.precision import Compute, cast_result

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
            raise BadInput(f"{step.op.where} cannot run: {error}") from error
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
