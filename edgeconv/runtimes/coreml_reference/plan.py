"""Plans a program before it runs: what to call with which values, and when to drop them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any

from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes.coreml_reference.batching import Ref, View, flat
from edgeconv.runtimes.coreml_reference.ops import OPS
from edgeconv.runtimes.coreml_reference.ops.kernel import OpDefinition
from edgeconv.runtimes.coreml_reference.ops.narrow import NARROW
from edgeconv.runtimes.coreml_reference.precision import FLOATS, TYPES, Compute, cast_result
from edgeconv.targets.coreml.blobs import HINT
from edgeconv.targets.coreml.program import Argument, Block, Operation
from edgeconv.targets.coreml.values import Constant, ValueType
from edgeconv.targets.coreml.weight_decompression import call_decompressor


@dataclass(frozen=True)
class Step:
    """One call. `fixed` are constant parameters, `refs` names of values to look up.

    `dead` are the values that no later step needs; dropping them bounds the memory.
    """

    op: Operation
    kind: OpDefinition
    fixed: dict[str, Any]
    refs: dict[str, str | tuple[Any, ...]]
    subgraphs: tuple[ExecutionPlan, ...]
    dead: tuple[str, ...]


@dataclass(frozen=True)
class ExecutionPlan:
    """A block, ready to run. `outer` are values that it takes from the blocks around it."""

    block: Block
    constants: dict[str, Any]
    steps: tuple[Step, ...]
    outer: frozenset[str]


class Planner:
    """Plans blocks, decoding each constant once.

    Raises (from `plan`):
        Unsupported: an operation, or one of its parameters, that this runtime lacks.
        BadInput: a value that no operation computes.
    """

    def __init__(self, compute: Compute) -> None:
        self._compute = compute

    def plan(
        self,
        block: Block,
        outer_values: frozenset[str] = frozenset(),
        outer: Mapping[str, Any] = MappingProxyType({}),
    ) -> ExecutionPlan:
        """`outer_values` and `outer`: values and constants of the blocks around this one."""
        for name, type_ in block.inputs.items():
            _check_type(type_, f"input '{name}'")
        constants = dict(outer)
        for name, constant in block.constants.items():
            constants[name] = self._carry(constant.value, constant.type)
        steps: list[Step] = []
        available = {*outer_values, *block.inputs, *constants}
        for op in block.operations:
            step = self._step(op, constants, available)
            if op.type.startswith("constexpr_"):
                self._fold(step, constants)
            else:
                steps.append(step)
            available |= {name for name, _ in op.outputs}
        missing = sorted(set(block.outputs) - available)
        if missing:
            raise BadInput(
                f"the program gives the value '{missing[0]}', which nothing computes",
                HINT,
            )
        return _with_lifetimes(block, constants, steps)

    def _step(self, op: Operation, constants: dict[str, Any], have: set[str]) -> Step:
        kind = _lookup(op)
        for _, type_ in op.outputs:
            _check_type(type_, op.where)
        missing = sorted(set(_names(op)) - have)
        if missing:
            raise BadInput(
                f"{op.where} needs the value '{missing[0]}', which nothing computes",
                HINT,
            )
        fixed: dict[str, Any] = {}
        refs: dict[str, str | tuple[Any, ...]] = {}
        for parameter, arguments in op.inputs.items():
            resolved = [self._resolve(a, constants) for a in arguments]
            if parameter in kind.variadic:
                refs[parameter] = tuple(resolved)
            elif isinstance(resolved[0], Ref):
                refs[parameter] = resolved[0]
            else:
                fixed[parameter] = resolved[0]
        subgraphs = tuple(self.plan(b, frozenset(have), constants) for b in op.blocks)
        accumulates = self._compute is Compute.FLOAT16_ACCUMULATE
        if accumulates and adds_in_float16(op):
            kind = replace(kind, function=NARROW[op.type])
        return Step(op, kind, fixed, refs, subgraphs, ())

    def _resolve(self, argument: Argument, constants: dict[str, Any]) -> Any:
        if isinstance(argument, Constant):
            return self._carry(argument.value, argument.type)
        return constants[argument] if argument in constants else Ref(argument)

    def _carry(self, value: Any, type_: ValueType) -> Any:
        if type_.kind != "tensor" or type_.dtype == "string":
            return value
        exact = type_.dtype in FLOATS  # stored in that very type, so nothing to round
        return cast_result(value, type_.dtype, self._compute, exact)

    def _fold(self, step: Step, constants: dict[str, Any]) -> None:
        """Decompress weights once; their packed form is dropped with its last user."""
        if step.refs:
            raise BadInput(f"{step.op.where} has an input that is not constant", HINT)
        results = call_decompressor(step.kind.function, step.fixed, step.op.where)
        if len(results) != len(step.op.outputs):
            raise BadInput(f"{step.op.where} needs {len(results)} output(s)", HINT)
        for (name, type_), value in zip(step.op.outputs, results, strict=True):
            if type_.shape is not None and -1 not in type_.shape and value.shape != type_.shape:
                raise BadInput(
                    f"{step.op.where} makes '{name}' of shape {value.shape}, the program declares "
                    f"{type_.shape}",
                    HINT,
                )
            constants[name] = cast_result(value, type_.dtype, self._compute)


def adds_in_float16(op: Operation) -> bool:
    """Whether `float16-accumulate` computes an operation in another way than `as-specified`."""
    return op.type in NARROW and op.outputs[0][1].dtype == "float16"


def _check_type(type_: ValueType, where: str) -> None:
    if type_.dtype and type_.dtype not in TYPES:
        raise Unsupported(
            f"{where}: coreml-reference does not compute in {type_.dtype}",
            "run the model on a Mac, or export it in float16 or float32",
        )


def _lookup(op: Operation) -> OpDefinition:
    if op.type not in OPS:
        raise Unsupported(
            f"{op.where}: coreml-reference does not know this operation",
            "run the model on a Mac, or export it without this operation",
        )
    kind = OPS[op.type]
    unknown = sorted(set(op.inputs) - _parameters(kind.function))
    if unknown:
        raise Unsupported(
            f"{op.where}: coreml-reference has no parameter '{unknown[0]}' for it",
            "use --runtime coreml on a Mac, or convert the model without it",
        )
    return kind


@cache
def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)


def _names(op: Operation) -> Iterable[str]:
    return (a for arguments in op.inputs.values() for a in arguments if isinstance(a, str))


def _used(step: Step) -> set[str]:
    """Values that a step looks up, inside its blocks too."""
    names = [name for value in step.refs.values() for name in flat(value)]
    return set(names).union(*(body.outer for body in step.subgraphs))


def _with_lifetimes(block: Block, constants: dict[str, Any], steps: list[Step]) -> ExecutionPlan:
    """Mark where each value is needed last, and drop constants that no step looks up."""
    alive = set(block.outputs)
    planned: list[Step] = []
    computed = set(block.inputs)
    for step in steps:
        computed |= {name for name, _ in step.op.outputs}
    for step in reversed(steps):
        used = _used(step)
        outputs = {name for name, _ in step.op.outputs}
        dead = ((used | outputs) - alive) & computed
        planned.append(replace(step, dead=tuple(sorted(dead))))
        alive = (alive - outputs) | used
    used_constants = {name: value for name, value in constants.items() if name in alive}
    outer = frozenset(alive - computed - used_constants.keys())
    return ExecutionPlan(block, used_constants, tuple(reversed(planned)), outer)


def batched(plan: ExecutionPlan) -> ExecutionPlan | None:
    """The plan for any number of samples along the first axis; None where it must be looped."""
    block = plan.block
    types = dict(block.inputs)
    if any(not t.shape or t.shape[0] != 1 or t.kind != "tensor" for t in types.values()):
        return None
    batched_values = set(block.inputs)
    steps = []
    for step in plan.steps:
        types.update(step.op.outputs)
        changed = _batched_step(step, types, batched_values)
        if changed is None:
            return None
        steps.append(changed)
    if not set(block.outputs) <= batched_values:
        return None
    return replace(plan, steps=tuple(steps))


def _batched_step(step: Step, types: dict[str, ValueType], batched_values: set[str]) -> Step | None:
    """The step with its parameters changed; outputs that carry samples join `batched_values`."""
    if any(body.outer & batched_values for body in step.subgraphs):
        return None
    view = View(step.op, step.fixed, step.refs, types, batched_values)
    if not view.batched:
        return None if step.kind.draws or step.kind.stateful else step
    change = step.kind.batch_rule(view) if step.kind.batch_rule else None
    if change is None or not _keeps_samples_first(step.op):
        return None
    batched_values.update(name for name, _ in step.op.outputs)
    refs = {k: v for k, v in step.refs.items() if k not in change}
    return replace(step, fixed={**step.fixed, **change}, refs=refs)


def _keeps_samples_first(op: Operation) -> bool:
    """Whether all output tensors are declared with a first dimension of 1."""
    shapes = [t.shape for _, t in op.outputs if t.shape is not None]
    return op.type == "classify" or all(shape and shape[0] == 1 for shape in shapes)
